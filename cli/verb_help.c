/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity help: the overview, or one verb's page.
 */
#include "cli/cli.h"

static const struct cli_option help_options[] = {CLI_OPTIONS_END};

static int help_run(struct cli *cli)
{
    const struct cli_verb *verb;
    if (!cli->words) {
        cli_help_overview(stdout);
        return CLI_DONE;
    }
    verb = cli_find_verb(cli->word[0]);
    if (verb) {
        cli_help_verb(stdout, verb);
        return CLI_DONE;
    }
    const char *nearest = cli_nearest_verb(cli->word[0]);
    if (nearest)
        return cli_usage(cli, "unknown command '%s'; is '%s' meant?", cli->word[0], nearest);
    return cli_usage(cli, "unknown command '%s'", cli->word[0]);
}

const struct cli_verb cli_verb_help = {
    .name = "help",
    .summary = "this overview, or all about one command",
    .usage = "[COMMAND]",
    .about = "'oddity COMMAND --help' prints the same page.\n",
    .examples = "oddity help\n"
                "oddity help train\n",
    .options = help_options,
    .max_words = 1,
    .run = help_run,
};
