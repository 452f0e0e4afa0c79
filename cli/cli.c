/* SPDX-License-Identifier: Apache-2.0
 *
 * From the command line to a verb, and from its result to an exit code: the only place that turns
 * a status into a number.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <string.h>

#include "cli/progress.h"

#define VERB(name) extern const struct cli_verb cli_verb_##name;
#include "cli/verbs.def"
#undef VERB

#define VERB(name) &cli_verb_##name,
const struct cli_verb *const cli_verbs[] = {
#include "cli/verbs.def"
};
#undef VERB
const int cli_verbs_count = (int)ODDI_COUNT(cli_verbs);

static int cli_code(odd_status status)
{
    int signal = cli_term_signal();
    switch (status) {
    case ODD_OK:
        return CLI_DONE;
    case ODD_EINVAL:
    case ODD_ECONFIG:
        return CLI_USAGE;
    case ODD_EMISMATCH:
        return CLI_MISMATCH;
    case ODD_EANOMALOUS:
        return CLI_ANOMALY;
    case ODD_ECANCELLED:
        return signal ? 128 + signal : CLI_INPUT;
    default:
        return CLI_INPUT;
    }
}

int cli_fail(struct cli *cli, odd_status status)
{
    const char *message = odd_last_message(cli->ctx);
    if (status == ODD_ECANCELLED && cli_term_signal())
        cli_complain(cli, "interrupted");
    else if (status != ODD_OK)
        cli_complain(cli, "%s", *message ? message : odd_status_text(status));
    return cli_code(status);
}

/* Prints prefix, formatted text and a line end; text that does not fit its buffer is cut. */
static void cli_print(FILE *out, const char *prefix, const char *format, va_list args)
{
    char text[ODDI_MESSAGE_SIZE * 2];
    oddi_vformat(text, sizeof text, format, args);
    fprintf(out, "%s%s\n", prefix, text);
}

void cli_complain(struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cli_progress_clear(cli);
    fflush(stdout);
    cli_print(stderr, "oddity: ", format, args);
    va_end(args);
}

void cli_say(struct cli *cli, const char *format, ...)
{
    va_list args;
    if (!cli->say)
        return;
    va_start(args, format);
    cli_progress_clear(cli);
    cli_print(cli->say, "", format, args);
    va_end(args);
}

int cli_usage(struct cli *cli, const char *format, ...)
{
    char text[ODDI_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    oddi_vformat(text, sizeof text, format, args);
    va_end(args);
    cli_complain(cli, "%s: %s", cli->verb->name, text);
    fprintf(stderr, "usage: oddity %s %s\n'oddity help %s' lists the options, with examples.\n",
            cli->verb->name, cli->verb->usage, cli->verb->name);
    return CLI_USAGE;
}

/* A machine's format on standard output sends words for people to standard error; two of them
 * would make a mixture. */
static int cli_where_to_say(struct cli *cli)
{
    static const char *const formats[] = {"json", "jsonl", "csv"};
    const char *first = NULL;
    for (size_t i = 0; i < ODDI_COUNT(formats); i++) {
        const char *path = cli_get(cli, formats[i]);
        if (!path || strcmp(path, "-") != 0)
            continue;
        if (first)
            return cli_usage(cli, "--%s - and --%s -: one of them only", first, formats[i]);
        first = formats[i];
    }
    cli->say = first ? stderr : stdout;
    if (cli_get(cli, "quiet"))
        cli->say = NULL;
    return CLI_DONE;
}

static int cli_set_threads(struct cli *cli)
{
    int64_t threads = 0;
    const char *text = cli_get(cli, "threads");
    if (!text)
        return CLI_DONE;
    if (!oddi_parse_int(text, &threads) || threads < 1 || threads > 256)
        return cli_usage(cli, "--threads %s: expected a number from 1 to 256", text);
    return cli_fail(cli, odd_context_set_threads(cli->ctx, (int)threads));
}

static int cli_run_verb(struct cli *cli)
{
    bool help = false;
    int code = cli_parse(cli, 2, &help);
    if (help) {
        cli_help_verb(stdout, cli->verb);
        return CLI_DONE;
    }
    if (code == CLI_DONE)
        code = cli_set_threads(cli);
    if (code == CLI_DONE)
        code = cli_where_to_say(cli);
    if (code == CLI_DONE)
        code = cli_fail(cli, cli_progress_start(cli));
    if (code == CLI_DONE)
        code = cli->verb->run(cli);
    odd_status status = cli_progress_end(cli);
    return status != ODD_OK && code == CLI_DONE ? cli_fail(cli, status) : code;
}

static int cli_choose(struct cli *cli)
{
    const char *name = cli->argc > 1 ? cli->argv[1] : NULL;
    if (!name) {
        cli_help_overview(stderr);
        return CLI_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    else if (strcmp(name, "--version") == 0)
        name = "version";
    cli->verb = cli_find_verb(name);
    if (cli->verb)
        return cli_run_verb(cli);
    const char *nearest = cli_nearest_verb(name);
    if (nearest)
        cli_complain(cli, "unknown command '%s'; is '%s' meant?", name, nearest);
    else
        cli_complain(cli, "unknown command '%s'; 'oddity help' lists them", name);
    return CLI_USAGE;
}

int cli_main(int argc, char **argv)
{
    struct cli cli = {.argc = argc, .argv = argv, .say = stdout};
    if (odd_context_new(&cli.ctx) != ODD_OK) {
        fprintf(stderr, "oddity: out of memory\n");
        return CLI_INPUT;
    }
    oddi_arena_init(&cli.arena, cli.ctx);
    cli_term_catch(cli.ctx);
    int code = cli_choose(&cli);
    if ((fflush(stdout) != 0 || ferror(stdout)) && (code == CLI_DONE || code == CLI_ANOMALY)) {
        cli_complain(&cli, "cannot write to standard output");
        code = CLI_INPUT;
    }
    cli_term_catch(NULL);
    oddi_arena_release(&cli.arena);
    odd_context_free(cli.ctx);
    return code;
}
