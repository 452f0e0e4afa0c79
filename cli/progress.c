/* SPDX-License-Identifier: Apache-2.0
 *
 * Progress events for people (progress.h). On a terminal one line is written over and over; when
 * standard error is a file, a line every few seconds tells as much without filling it.
 */
#include "cli/progress.h"

#include <math.h>
#include <string.h>

#include "base/os.h"

#define PROGRESS_SECONDS 5 /* between plain lines */

struct cli_progress {
    struct cli *cli;
    struct cli_stream jsonl;
    bool terminal;
    bool live;        /* a line without an end is on the terminal */
    uint64_t last_ns; /* of the last plain line, 0 for none */
    char phase[32];   /* of the last line */
    bool brief;       /* the live line only */
};

/* ---- lines --------------------------------------------------------------------------------- */

void cli_progress_clear(struct cli *cli)
{
    struct cli_progress *p = cli->progress;
    if (!p || !p->live)
        return;
    fputs("\r\033[K", stderr);
    p->live = false;
}

static void progress_line(struct cli_progress *p, const char *text)
{
    cli_progress_clear(p->cli);
    fprintf(stderr, "%s\n", text);
    fflush(stderr);
}

/* A line that the next one replaces. `last`: it stays, whatever the clock says. */
static void progress_live(struct cli_progress *p, const char *phase, const char *text, bool last)
{
    uint64_t now = oddi_os_now_ns();
    bool fresh = strncmp(phase, p->phase, sizeof p->phase - 1) != 0;
    if (p->brief)
        last = fresh = false; /* of many trainings only the slow ones show */
    if (p->brief && !p->last_ns)
        p->last_ns = now;
    if (p->terminal && !last) {
        fprintf(stderr, "\r%.*s\033[K", cli_term_width(stderr) - 1, text);
        fflush(stderr);
        p->live = true;
    } else if (last || fresh || now - p->last_ns >= (uint64_t)PROGRESS_SECONDS * 1000000000u) {
        progress_line(p, text);
        p->last_ns = now;
    }
    snprintf(p->phase, sizeof p->phase, "%s", phase);
}

/* Each line of a text, without the warnings that were logged already. */
static void progress_text(struct cli_progress *p, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        cli_progress_clear(p->cli);
        if (length && !oddi_starts_with(text, "warning: "))
            fprintf(stderr, "%.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
    fflush(stderr);
}

static void progress_stage(struct cli_progress *p, const char *name)
{
    cli_progress_clear(p->cli);
    fprintf(stderr, "stage: %s\n", name);
}

/* ---- events -------------------------------------------------------------------------------- */

static void progress_left(struct oddi_str *s, const json_t *event)
{
    double left = cli_json_real(event, "seconds_left");
    if (!isfinite(left))
        return;
    oddi_str_add(s, "  ");
    cli_add_seconds(s, left);
    oddi_str_add(s, " left");
}

/* A method that takes no steps: there is no time to foretell. */
static void progress_on_fit(struct cli_progress *p, const json_t *event)
{
    struct oddi_str s;
    oddi_str_init(&s, p->cli->ctx);
    oddi_str_addf(&s, "%.0f pictures of %.0f x %.0f x %.0f, on %.0f threads\n",
                  cli_json_real(event, "pictures"), cli_json_real(event, "width"),
                  cli_json_real(event, "height"), cli_json_real(event, "channels"),
                  cli_json_real(event, "threads"));
    progress_text(p, s.text);
    oddi_str_release(&s);
}

static void progress_on_start(struct cli_progress *p, const json_t *event)
{
    struct oddi_str s;
    if (!isfinite(cli_json_real(event, "steps"))) {
        progress_on_fit(p, event);
        return;
    }
    const char *text = cli_json_string(event, "text");
    double seconds = cli_json_real(event, "seconds_expected");
    double memory = cli_json_real(event, "memory_bytes");
    oddi_str_init(&s, p->cli->ctx);
    if (*text)
        oddi_str_addf(&s, "%s\n", text);
    oddi_str_addf(&s,
                  "method %s, preset %s: %.0f parameters, %.0f pictures of %.0f x %.0f x %.0f, "
                  "%.0f steps of %.0f pictures\n",
                  cli_json_string(event, "method"), cli_json_string(event, "preset"),
                  cli_json_real(event, "parameters"), cli_json_real(event, "pictures"),
                  cli_json_real(event, "width"), cli_json_real(event, "height"),
                  cli_json_real(event, "channels"), cli_json_real(event, "steps"),
                  cli_json_real(event, "batch"));
    oddi_str_add(&s, "expected: ");
    if (isfinite(seconds))
        cli_add_seconds(&s, seconds);
    else
        oddi_str_add(&s, "the time is known after a few steps");
    if (isfinite(memory)) {
        oddi_str_add(&s, ", memory ");
        cli_add_bytes(&s, memory);
    }
    oddi_str_addf(&s, ", on %.0f threads\n", cli_json_real(event, "threads"));
    progress_text(p, s.text);
    oddi_str_release(&s);
}

static void progress_on_step(struct cli_progress *p, const json_t *event)
{
    struct oddi_str s;
    double step = cli_json_real(event, "step"), steps = cli_json_real(event, "steps");
    double rate = cli_json_real(event, "pictures_per_second");
    oddi_str_init(&s, p->cli->ctx);
    oddi_str_addf(&s, "epoch %.0f/%.0f  step %.0f/%.0f  loss %.4g",
                  ceil(cli_json_real(event, "epoch")), ceil(cli_json_real(event, "epochs")), step,
                  steps, cli_json_real(event, "loss"));
    if (isfinite(rate))
        oddi_str_addf(&s, rate < 10 ? "  %.1f pictures/s" : "  %.0f pictures/s", rate);
    progress_left(&s, event);
    progress_live(p, "step", s.text, step >= steps);
    oddi_str_release(&s);
}

/* "pictures", and whatever counts with step and steps under another phase. */
static void progress_on_count(struct cli_progress *p, const json_t *event)
{
    static const struct {
        const char *phase, *words;
    } names[] = {
        {"check", "looking at pictures"},           {"features", "features of the normals"},
        {"coreset", "choosing the bank"},           {"suspects", "comparing the normals"},
        {"tune", "scoring the tune part"},          {"calibrate", "setting the threshold"},
        {"eval", "scoring the test part"},          {"synth", "drawing pictures"},
        {"expert", "the expert looks at pictures"}, {"look", "looking at the new pictures"},
        {"rescore", "scoring held-out pictures"},   {"normals", "searching the normals"},
    };
    struct oddi_str s;
    const char *phase = cli_json_string(event, "phase"), *words = phase;
    double done = cli_json_real(event, "done"), total = cli_json_real(event, "total");
    if (!isfinite(done)) {
        done = cli_json_real(event, "step");
        total = cli_json_real(event, "steps");
    }
    for (size_t i = 0; i < ODDI_COUNT(names); i++)
        if (strcmp(names[i].phase, phase) == 0)
            words = names[i].words;
    oddi_str_init(&s, p->cli->ctx);
    oddi_str_addf(&s, "%s  %.0f/%.0f", words, done, total);
    progress_left(&s, event);
    progress_live(p, phase, s.text, false);
    oddi_str_release(&s);
}

static void progress_on_snapshot(struct cli_progress *p, const json_t *event)
{
    struct oddi_str s;
    oddi_str_init(&s, p->cli->ctx);
    oddi_str_addf(&s, "kept %s", cli_json_string(event, "path"));
    progress_line(p, s.text);
    oddi_str_release(&s);
}

static void progress_show(struct cli_progress *p, const json_t *event)
{
    const char *name = cli_json_string(event, "event"), *text = cli_json_string(event, "text");
    if (strcmp(name, "step") == 0)
        progress_on_step(p, event);
    else if (strcmp(name, "pictures") == 0 || (!*name && *cli_json_string(event, "phase")))
        progress_on_count(p, event);
    else if (p->brief)
        return;
    else if (strcmp(name, "start") == 0)
        progress_on_start(p, event);
    else if (*text && strcmp(name, "stage") == 0)
        progress_stage(p, text);
    else if (strcmp(name, "snapshot") == 0)
        progress_on_snapshot(p, event);
    else if (strcmp(name, "saved") != 0 && strcmp(name, "left-out") != 0)
        progress_text(p, text);
}

static void progress_event(void *user, const char *text)
{
    struct cli_progress *p = user;
    json_t *event = NULL;
    if (p->jsonl.file) {
        fprintf(p->jsonl.file, "%s\n", text);
        fflush(p->jsonl.file);
    }
    if (oddi_json_parse(p->cli->ctx, text, strlen(text), "progress event", &event) != ODD_OK)
        return;
    if (p->cli->say)
        progress_show(p, event);
    json_decref(event);
}

static void progress_log(void *user, enum odd_log_level level, const char *text)
{
    struct cli_progress *p = user;
    if (level == ODD_LOG_ERROR)
        cli_complain(p->cli, "%s", text);
    else if (level == ODD_LOG_WARNING)
        cli_complain(p->cli, "warning: %s", text);
    else if (level == ODD_LOG_INFO && p->cli->say)
        progress_line(p, text);
}

void cli_progress_brief(struct cli *cli)
{
    if (cli->progress)
        cli->progress->brief = true;
}

/* ---- life ---------------------------------------------------------------------------------- */

odd_status cli_progress_start(struct cli *cli)
{
    odd_status status = ODD_OK;
    bool is_score = strcmp(cli->verb->name, "score") == 0; /* its --jsonl holds the scores */
    const char *path = is_score ? NULL : cli_get(cli, "jsonl");
    struct cli_progress *p = oddi_calloc(cli->ctx, 1, sizeof *p);
    if (!p)
        return ODD_ENOMEM;
    p->cli = cli;
    p->terminal = cli_term_is_terminal(stderr);
    cli->progress = p;
    if (path)
        TRY(cli_stream_open(cli, path, &p->jsonl));
    odd_context_on_progress(cli->ctx, progress_event, p);
    odd_context_on_log(cli->ctx, progress_log, p);
out:
    return status;
}

odd_status cli_progress_end(struct cli *cli)
{
    struct cli_progress *p = cli->progress;
    if (!p)
        return ODD_OK;
    cli_progress_clear(cli);
    odd_context_on_progress(cli->ctx, NULL, NULL);
    odd_context_on_log(cli->ctx, NULL, NULL);
    odd_status status = cli_stream_close(cli, &p->jsonl);
    cli->progress = NULL;
    oddi_free(cli->ctx, p);
    return status;
}
