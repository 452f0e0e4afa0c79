/* SPDX-License-Identifier: Apache-2.0
 *
 * Every combination of data, method, --set alternatives and seed (sweep.h). A run's files are
 * named by what varies and by a hash of all that decides its result, so a changed option makes
 * another run and an unchanged one is found again.
 */
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/params.h"
#include "cli/sweep.h"

#define SWEEP_VALUES 1000
#define SWEEP_ID 100

/* The part of `text` up to a comma, "\," standing for a comma; *text moves behind it. *more: a
 * comma followed. */
static char *sweep_token(struct oddi_arena *arena, const char **text, bool *more)
{
    const char *at = *text;
    char *token = oddi_arena_alloc(arena, strlen(at) + 1);
    size_t length = 0;
    while (token && *at && *at != ',') {
        if (at[0] == '\\' && at[1] == ',')
            at++;
        token[length++] = *at++;
    }
    *more = *at != '\0';
    *text = at + *more;
    return token;
}

static odd_status sweep_add_value(struct sweep *sweep, struct sweep_axis *axis, const char *value)
{
    if (!value)
        return ODD_ENOMEM;
    if (!*value)
        return oddi_fail(sweep->cli->ctx, ODD_ECONFIG, "%s: an empty value", axis->name);
    if (axis->count >= SWEEP_VALUES)
        return oddi_fail(sweep->cli->ctx, ODD_ELIMIT, "%s: more than %d values", axis->name,
                         SWEEP_VALUES);
    for (int i = 0; i < axis->count; i++)
        if (strcmp(axis->value[i], value) == 0)
            return oddi_fail(sweep->cli->ctx, ODD_ECONFIG, "%s: '%s' is given twice", axis->name,
                             value);
    axis->value[axis->count++] = value;
    return ODD_OK;
}

static odd_status sweep_add_axis(struct sweep *sweep, const char *name, struct sweep_axis **axis)
{
    if (sweep->axes >= SWEEP_AXES)
        return oddi_fail(sweep->cli->ctx, ODD_ELIMIT, "more than %d --set", SWEEP_AXES - 3);
    struct sweep_axis *made = &sweep->axis[sweep->axes++];
    made->name = name;
    made->value = oddi_arena_alloc(&sweep->cli->arena, SWEEP_VALUES * sizeof *made->value);
    *axis = made;
    return made->value && name ? ODD_OK : ODD_ENOMEM;
}

static odd_status sweep_add_list(struct sweep *sweep, const char *name, const char *list)
{
    odd_status status;
    struct sweep_axis *axis = NULL;
    bool more = true;
    TRY(sweep_add_axis(sweep, name, &axis));
    while (more) {
        const char *value = sweep_token(&sweep->cli->arena, &list, &more);
        TRY(sweep_add_value(sweep, axis, value));
    }
out:
    return status;
}

static odd_status sweep_add_set(struct sweep *sweep, const char *pair)
{
    const char *equal = strchr(pair, '=');
    if (!equal || equal == pair)
        return oddi_fail(sweep->cli->ctx, ODD_ECONFIG, "--set %s: expected NAME=VALUE,VALUE...",
                         pair);
    char *name = oddi_arena_printf(&sweep->cli->arena, "%.*s", (int)(equal - pair), pair);
    for (int i = 0; name && i < sweep->axes; i++)
        if (strcmp(sweep->axis[i].name, name) == 0)
            return oddi_fail(sweep->cli->ctx, ODD_ECONFIG,
                             "--set %s: %s varies already; write all its values in one", pair,
                             name);
    return sweep_add_list(sweep, name, equal + 1);
}

/* "0..4", or a list. */
static odd_status sweep_add_seeds(struct sweep *sweep, const char *text)
{
    odd_status status = ODD_OK;
    int64_t first = 0, last = 0;
    struct sweep_axis *axis = NULL;
    const char *dots = strstr(text, "..");
    if (!dots)
        return sweep_add_list(sweep, "seed", text);
    char *low = oddi_arena_printf(&sweep->cli->arena, "%.*s", (int)(dots - text), text);
    if (!low)
        return ODD_ENOMEM;
    if (!oddi_parse_int(low, &first) || !oddi_parse_int(dots + 2, &last) || first < 0 ||
        last < first || last - first >= SWEEP_VALUES)
        return oddi_fail(sweep->cli->ctx, ODD_ECONFIG, "--seed %s: expected such as 0..4 or 0,1,2",
                         text);
    TRY(sweep_add_axis(sweep, "seed", &axis));
    for (int64_t seed = first; seed <= last; seed++)
        TRY(sweep_add_value(sweep, axis,
                            oddi_arena_printf(&sweep->cli->arena, "%lld", (long long)seed)));
out:
    return status;
}

static odd_status sweep_add_axes(struct sweep *sweep)
{
    odd_status status;
    struct cli *cli = sweep->cli;
    struct sweep_axis *data = NULL;
    const char *methods = cli_get(cli, "method"), *seeds = cli_get(cli, "seed");
    TRY(sweep_add_axis(sweep, "data", &data));
    for (int i = 0; i < cli->words; i++)
        TRY(sweep_add_value(sweep, data, cli->word[i]));
    TRY(sweep_add_list(sweep, "method", methods ? methods : "daad"));
    for (int i = 0; i < cli->values; i++)
        if (strcmp(cli->value[i].option->name, "set") == 0)
            TRY(sweep_add_set(sweep, cli->value[i].value));
    TRY(sweep_add_seeds(sweep, seeds ? seeds : "0"));
out:
    return status;
}

/* ---- runs ---------------------------------------------------------------------------------- */

odd_status sweep_run_options(const struct sweep *sweep, const struct sweep_run *run,
                             struct odd_options **options)
{
    odd_status status;
    struct odd_options *made = NULL;
    TRY(odd_options_new(sweep->cli->ctx, &made));
    for (size_t i = 0; i < sweep->base->count; i++)
        TRY(odd_options_set(made, sweep->base->item[i].name, sweep->base->item[i].value));
    for (int a = 1; a < sweep->axes; a++)
        TRY(odd_options_set(made, sweep->axis[a].name, run->value[a]));
    *options = made;
    made = NULL;
out:
    odd_options_free(made);
    return status;
}

static void sweep_add_safe(struct oddi_str *s, const char *text)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.+-=";
    for (; *text; text++)
        oddi_str_add_size(s, strchr(safe, *text) ? text : "-", 1);
}

static odd_status sweep_name_run(struct sweep *sweep, struct sweep_run *run)
{
    odd_status status;
    struct oddi_arena *arena = &sweep->cli->arena;
    struct odd_options *options = NULL;
    struct oddi_str key, id;
    struct oddi_hash128 hash;
    char digits[ODDI_HASH_TEXT];
    oddi_str_init(&key, sweep->cli->ctx);
    oddi_str_init(&id, sweep->cli->ctx);
    TRY(sweep_run_options(sweep, run, &options));
    oddi_str_addf(&key, "data=%s", run->value[0]);
    for (size_t i = 0; i < options->count; i++)
        oddi_str_addf(&key, "\n%s=%s", options->item[i].name, options->item[i].value);
    TRY(oddi_str_status(&key));
    oddi_hash_bytes(key.text, key.length, &hash);
    oddi_hash_format(&hash, digits);
    sweep_add_safe(&id, oddi_path_base(run->value[0]));
    for (int a = 1; a < sweep->axes; a++) {
        oddi_str_add(&id, "_");
        if (a > 1)
            sweep_add_safe(&id, sweep->axis[a].name);
        oddi_str_add(&id, a > 1 ? "=" : "");
        sweep_add_safe(&id, run->value[a]);
    }
    TRY(oddi_str_status(&id));
    run->key = oddi_arena_strdup(arena, key.text);
    run->id = oddi_arena_printf(arena, "%.*s_%.8s", SWEEP_ID, id.text, digits);
    status = run->key && run->id ? ODD_OK : ODD_ENOMEM;
out:
    oddi_str_release(&id);
    oddi_str_release(&key);
    odd_options_free(options);
    return status;
}

/* Run `index` counts like an odometer whose last wheel is the seed. */
static odd_status sweep_make_run(struct sweep *sweep, int index, struct sweep_run *run)
{
    run->value = oddi_arena_alloc(&sweep->cli->arena, (size_t)sweep->axes * sizeof *run->value);
    if (!run->value)
        return ODD_ENOMEM;
    for (int a = sweep->axes - 1; a >= 0; a--) {
        run->value[a] = sweep->axis[a].value[index % sweep->axis[a].count];
        index /= sweep->axis[a].count;
    }
    return sweep_name_run(sweep, run);
}

static odd_status sweep_make_runs(struct sweep *sweep)
{
    odd_status status = ODD_OK;
    int64_t runs = 1;
    for (int a = 0; a < sweep->axes; a++) {
        runs *= sweep->axis[a].count;
        if (runs > SWEEP_RUNS)
            return oddi_fail(sweep->cli->ctx, ODD_ELIMIT, "more than %d runs", SWEEP_RUNS);
    }
    sweep->runs = (int)runs;
    sweep->run = oddi_arena_alloc(&sweep->cli->arena, (size_t)runs * sizeof *sweep->run);
    if (!sweep->run)
        return ODD_ENOMEM;
    for (int i = 0; i < sweep->runs; i++)
        TRY(sweep_make_run(sweep, i, &sweep->run[i]));
out:
    return status;
}

int sweep_plan(struct sweep *sweep)
{
    odd_status status;
    TRY(cli_options(sweep->cli, &sweep->base));
    TRY(sweep_add_axes(sweep));
    TRY(sweep_make_runs(sweep));
out:
    return cli_fail(sweep->cli, status);
}

/* ---- questions ----------------------------------------------------------------------------- */

bool sweep_same(const struct sweep *sweep, const struct sweep_run *a, const struct sweep_run *b,
                int skip)
{
    for (int i = 0; i < sweep->axes - 1; i++)
        if (i != skip && a->value[i] != b->value[i])
            return false;
    return true;
}

int sweep_curve_axis(const struct sweep *sweep)
{
    for (int a = 2; a < sweep->axes - 1; a++)
        if (sweep->axis[a].count > 1)
            return a;
    return 1;
}

void sweep_label(struct oddi_str *s, const struct sweep *sweep, const struct sweep_run *run,
                 int skip)
{
    size_t before = s->length;
    for (int a = 1; a < sweep->axes - 1; a++) {
        if (a == skip)
            continue;
        oddi_str_add(s, s->length > before ? " " : "");
        if (a > 1)
            oddi_str_addf(s, "%s=", sweep->axis[a].name);
        oddi_str_add(s, run->value[a]);
    }
}
