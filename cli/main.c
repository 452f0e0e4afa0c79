/* SPDX-License-Identifier: Apache-2.0
 *
 * The program. Everything is in cli.c, so that tests can run it without starting a process.
 */
#include "base/compat.h"

#include <stdlib.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
    /* libvips looks for its modules (PDF, HEIF, slides: formats that Oddity refuses) under this and
     * spends a quarter of a first score's time on them. It has no call for it, and only a program
     * may change its environment, before it has threads: so here, not in the library. */
    setenv("VIPSHOME", "/nonexistent", 0);
    return cli_main(argc, argv);
}
