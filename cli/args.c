/* SPDX-License-Identifier: Apache-2.0
 *
 * Options from a verb's table: --name VALUE, --name=VALUE, --switch, -o VALUE, -oVALUE, and "--"
 * behind which everything is a word. A lone "-" is a word too.
 */
#include <string.h>

#include "cli/cli.h"

#define ARGS_NAME 48

/* ---- nearest name -------------------------------------------------------------------------- */

/* Edits (insert, delete, replace) from a to b: Wagner and Fischer (1974), one row. */
static int args_distance(const char *a, const char *b)
{
    int row[ARGS_NAME + 1], length = (int)strlen(b);
    if (length > ARGS_NAME)
        return ARGS_NAME;
    for (int j = 0; j <= length; j++)
        row[j] = j;
    for (int i = 1; *a; a++, i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= length; j++) {
            int least = diagonal + (*a != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < least)
                least = row[j] + 1;
            if (row[j - 1] + 1 < least)
                least = row[j - 1] + 1;
            row[j] = least;
        }
    }
    return row[length];
}

/* The better of two guesses for `wrong`: far ones are none. */
const char *cli_nearest(const char *wrong, const char *best, const char *candidate)
{
    int length = (int)strlen(wrong);
    int limit = length < 4 ? 2 : length / 3 + 2;
    if (length > ARGS_NAME)
        return best;
    int distance = args_distance(wrong, candidate);
    if (distance >= limit || (best && args_distance(wrong, best) <= distance))
        return best;
    return candidate;
}

const char *cli_nearest_verb(const char *wrong)
{
    const char *best = NULL;
    for (int i = 0; i < cli_verbs_count; i++)
        if (!cli_verbs[i]->hidden)
            best = cli_nearest(wrong, best, cli_verbs[i]->name);
    return best;
}

const struct cli_verb *cli_find_verb(const char *name)
{
    for (int i = 0; i < cli_verbs_count; i++)
        if (strcmp(cli_verbs[i]->name, name) == 0)
            return cli_verbs[i];
    return NULL;
}

const struct cli_option *cli_find_option(const struct cli_verb *verb, const char *name)
{
    for (const struct cli_option *o = verb->options; o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

/* ---- parsing ------------------------------------------------------------------------------- */

static const struct cli_option *args_find(const struct cli_verb *verb, const char *name, size_t n)
{
    for (const struct cli_option *o = verb->options; o->name; o++)
        if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
            return o;
    return NULL;
}

static const struct cli_option *args_find_letter(const struct cli_verb *verb, char letter)
{
    for (const struct cli_option *o = verb->options; o->name; o++)
        if (o->letter && o->letter == letter)
            return o;
    return NULL;
}

static int args_unknown(struct cli *cli, const char *name, size_t length)
{
    const struct cli_verb *train = cli_find_verb("train");
    const char *best = NULL;
    char text[ARGS_NAME + 1];
    if (args_find(train, name, length))
        return cli_usage(cli,
                         "'--%.*s' belongs to 'oddity train': the model stores how it was made, "
                         "and nothing changes that later",
                         (int)length, name);
    if (length <= ARGS_NAME) {
        memcpy(text, name, length);
        text[length] = '\0';
        for (const struct cli_option *o = cli->verb->options; o->name; o++)
            best = cli_nearest(text, best, o->name);
    }
    if (best)
        return cli_usage(cli, "unknown option '--%s'; is '--%s' meant?", text, best);
    return cli_usage(cli, "unknown option '--%.*s'", (int)(length > 200 ? 200 : length), name);
}

static void args_add(struct cli *cli, const struct cli_option *option, const char *value)
{
    cli->value[cli->values++] = (struct cli_value){option, value};
}

/* Handles argv[*at], which begins with "--"; moves *at to its last part. */
static int args_long(struct cli *cli, int *at)
{
    const char *name = cli->argv[*at] + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    const struct cli_option *o = args_find(cli->verb, name, length);
    if (!o)
        return args_unknown(cli, name, length);
    if (!o->argument && value)
        return cli_usage(cli, "'--%s' takes no value", o->name);
    if (o->argument && !value) {
        if (*at + 1 >= cli->argc)
            return cli_usage(cli, "'--%s' needs a value: --%s %s", o->name, o->name, o->argument);
        value = cli->argv[++*at];
    }
    args_add(cli, o, o->argument ? value : "true");
    return CLI_DONE;
}

/* Handles argv[*at], which begins with one "-" and has more. */
static int args_short(struct cli *cli, int *at)
{
    const char *text = cli->argv[*at];
    const struct cli_option *o = args_find_letter(cli->verb, text[1]);
    if (!o)
        return cli_usage(cli, "unknown option '%s'", text);
    if (!o->argument && text[2])
        return cli_usage(cli, "'-%c' takes no value", o->letter);
    if (!o->argument) {
        args_add(cli, o, "true");
        return CLI_DONE;
    }
    if (!text[2] && *at + 1 >= cli->argc)
        return cli_usage(cli, "'-%c' needs a value: -%c %s", o->letter, o->letter, o->argument);
    args_add(cli, o, text[2] ? text + 2 : cli->argv[++*at]);
    return CLI_DONE;
}

static int args_count(struct cli *cli)
{
    const struct cli_verb *v = cli->verb;
    if (cli->words < v->min_words)
        return cli_usage(cli, cli->words ? "something is missing" : "it needs to know of what");
    if (v->max_words >= 0 && cli->words > v->max_words)
        return cli_usage(cli, "'%s' is too much", cli->word[v->max_words]);
    return CLI_DONE;
}

static bool args_wants_help(const struct cli *cli, int first)
{
    for (int i = first; i < cli->argc && strcmp(cli->argv[i], "--") != 0; i++)
        if (strcmp(cli->argv[i], "--help") == 0 || strcmp(cli->argv[i], "-h") == 0)
            return true;
    return false;
}

int cli_parse(struct cli *cli, int first, bool *help)
{
    int code = CLI_DONE;
    bool only_words = false;
    *help = args_wants_help(cli, first);
    if (*help)
        return CLI_DONE;
    cli->word = oddi_arena_alloc(&cli->arena, (size_t)cli->argc * sizeof *cli->word);
    cli->value = oddi_arena_alloc(&cli->arena, (size_t)cli->argc * sizeof *cli->value);
    if (!cli->word || !cli->value)
        return cli_fail(cli, ODD_ENOMEM);
    for (int i = first; i < cli->argc && code == CLI_DONE; i++) {
        const char *text = cli->argv[i];
        if (only_words || text[0] != '-' || !text[1])
            cli->word[cli->words++] = text;
        else if (strcmp(text, "--") == 0)
            only_words = true;
        else if (text[1] == '-')
            code = args_long(cli, &i);
        else
            code = args_short(cli, &i);
    }
    return code == CLI_DONE ? args_count(cli) : code;
}

const char *cli_get(const struct cli *cli, const char *name)
{
    for (int i = cli->values; i > 0; i--)
        if (strcmp(cli->value[i - 1].option->name, name) == 0)
            return cli->value[i - 1].value;
    return NULL;
}

/* ---- for the library ----------------------------------------------------------------------- */

static odd_status args_set(struct cli *cli, struct odd_options *options, const char *pair)
{
    const char *equal = strchr(pair, '=');
    if (!equal || equal == pair)
        return oddi_fail(cli->ctx, ODD_ECONFIG, "--set %s: expected NAME=VALUE", pair);
    char *name = oddi_arena_printf(&cli->arena, "%.*s", (int)(equal - pair), pair);
    return name ? odd_options_set(options, name, equal + 1) : ODD_ENOMEM;
}

odd_status cli_options(struct cli *cli, struct odd_options **options)
{
    odd_status status;
    struct odd_options *made = NULL;
    const char *config = cli_get(cli, "config");
    TRY(odd_options_new(cli->ctx, &made));
    if (config)
        TRY(odd_options_load(made, config));
    for (int i = 0; i < cli->values; i++)
        if (cli->value[i].option->flags & CLI_ENGINE)
            TRY(odd_options_set(made, cli->value[i].option->name, cli->value[i].value));
    for (int i = 0; i < cli->values; i++)
        if (strcmp(cli->value[i].option->name, "set") == 0 &&
            !(cli->value[i].option->flags & CLI_GRID))
            TRY(args_set(cli, made, cli->value[i].value));
    *options = made;
    made = NULL;
out:
    odd_options_free(made);
    return status;
}
