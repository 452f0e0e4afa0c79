/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity version.
 */
#include <stdio.h>

#include "cli/cli.h"

static const struct cli_option version_options[] = {CLI_OPTIONS_END};

static int version_run(struct cli *cli)
{
    (void)cli;
    printf("oddity %s\n", odd_version());
    return CLI_DONE;
}

const struct cli_verb cli_verb_version = {
    .name = "version",
    .summary = "which version this is",
    .usage = "",
    .about = "Also 'oddity --version'.\n",
    .examples = "oddity version\n",
    .options = version_options,
    .max_words = 0,
    .run = version_run,
};
