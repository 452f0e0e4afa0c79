/* SPDX-License-Identifier: Apache-2.0
 *
 * The program. Everything is in cli.c, so that tests can run it without starting a process.
 */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
