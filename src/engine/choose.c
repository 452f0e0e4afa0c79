/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings that are "auto" (DAAD's division): each candidate is trained for an equal share of one
 * training's steps and asked how well it tells the tune part's normals from the same pictures with
 * a made-up defect pasted in (data/paste.h); the best one is then trained in full. So a choice
 * costs about one more training. Which image score to use (of those that `score_candidate` lists)
 * is asked in the same way, of the trained network. Neither the calibrate nor the test part is
 * looked at.
 */
#include <stdio.h>
#include <string.h>

#include "data/paste.h"
#include "engine/report.h"
#include "engine/scorer.h"
#include "engine/train_int.h"
#include "score/calibrate.h"
#include "score/rank.h"

#define CHOOSE_PICTURES 60
#define CHOOSE_CANDIDATES 8
#define CHOOSE_SCORE_PICTURES 10 /* with fewer, the method's own default stands */

struct choose_work {
    struct train_run *r;
    const char *setting[CHOOSE_CANDIDATES]; /* "name=value" */
    double auroc[CHOOSE_CANDIDATES];
    int candidates;
    struct oddi_loader *tune; /* prepared pictures of the tune part */
    size_t pictures;
    float *other, *scratch;
    double *component[ODDI_COMPONENTS_MAX], *score; /* clean ones first, then pasted ones */
    uint8_t *label;
};

/* Candidates that fit this geometry. */
static odd_status choose_collect(struct choose_work *w)
{
    struct train_run *r = w->r;
    struct oddi_values *v = &r->config->values;
    const struct oddi_method *m = r->config->method;
    odd_status status = ODD_OK;
    char name[ODDI_SETTING_NAME];
    for (int i = 0; m->candidate && w->candidates < CHOOSE_CANDIDATES; i++) {
        const char *setting = m->candidate(v, &r->in, i);
        if (!setting)
            break;
        TRY(oddi_values_set(v, name, oddi_setting_split(setting, name), "auto"));
        if (m->check(r->ctx, v, &r->in) == ODD_OK)
            w->setting[w->candidates++] = setting;
        TRY(oddi_values_set(v, name, "auto", "set"));
    }
out:
    return status;
}

static odd_status choose_tune(struct choose_work *w)
{
    struct train_run *r = w->r;
    odd_status status = ODD_OK;
    uint32_t *index = NULL;
    size_t n = 0;
    struct oddi_loader_options options;
    const size_t floats = (size_t)(r->in.channels * r->in.width * r->in.height);
    oddi_loader_options_init(&options);
    options.prepare = r->prepare;
    TRY(oddi_dataset_select(r->ctx, r->ds, ODDI_PART_TUNE, &index, &n));
    if (n < 2) {
        status = oddi_fail(r->ctx, ODD_ENODATA,
                           "an automatic choice needs at least 2 held-out pictures; "
                           "hold out more or say which setting to use");
        goto out;
    }
    TRY(oddi_loader_new(r->ctx, r->ds, index, n < CHOOSE_PICTURES ? n : CHOOSE_PICTURES, &options,
                        &w->tune));
    w->pictures = oddi_loader_count(w->tune);
    w->other = oddi_alloc_array(r->ctx, floats, sizeof(float));
    w->scratch = oddi_alloc_array(r->ctx, floats, sizeof(float));
    w->score = oddi_alloc_array(r->ctx, 2 * w->pictures, sizeof(double));
    w->label = oddi_alloc_array(r->ctx, 2 * w->pictures, 1);
    bool good = w->other && w->scratch && w->score && w->label;
    for (int i = 0; good && i < ODDI_COMPONENTS_MAX; i++) {
        w->component[i] = oddi_alloc_array(r->ctx, 2 * w->pictures, sizeof(double));
        good = w->component[i] != NULL;
    }
    status = good ? ODD_OK : ODD_ENOMEM;
out:
    oddi_free(r->ctx, index);
    return status;
}

static odd_status choose_score(struct choose_work *w, struct odd_scorer *s, size_t i, size_t at)
{
    struct oddi_scored scored = {.mapping = {.into = {0, 0, w->r->in.width, w->r->in.height}}};
    odd_status status = oddi_scorer_run_input(s, &scored);
    for (int k = 0; status == ODD_OK && k < ODDI_COMPONENTS_MAX; k++)
        w->component[k][at + i] = scored.component[k];
    w->label[at + i] = at > 0;
    return status;
}

/* Scores of all tune pictures, clean and pasted. */
static odd_status choose_measure(struct choose_work *w, struct odd_scorer *s)
{
    struct train_run *r = w->r;
    odd_status status = ODD_OK;
    for (size_t i = 0; i < w->pictures; i++) {
        struct oddi_rng rng;
        oddi_rng_init(&rng, r->seed, ODDI_RNG_PASTE, 0, i);
        TRY(oddi_loader_get(w->tune, i, s->input));
        TRY(choose_score(w, s, i, 0));
        TRY(oddi_loader_get(w->tune, (i + 1) % w->pictures, w->other));
        const struct oddi_paste paste = {(int)(i % ODDI_PASTE_KINDS),
                                         (int)r->in.channels,
                                         r->in.height,
                                         r->in.width,
                                         w->other,
                                         s->input,
                                         w->scratch};
        oddi_paste_run(&paste, &rng);
        TRY(choose_score(w, s, i, w->pictures));
        TRY(oddi_check_cancel(r->ctx));
    }
out:
    return status;
}

static odd_status choose_auroc(struct choose_work *w, double *auroc)
{
    struct train_run *r = w->r;
    const struct oddi_method *m = r->config->method;
    struct oddi_spread spread = {{0}, {0}};
    struct oddi_rank rank;
    odd_status status = ODD_OK;
    for (int k = 0; m->components[k]; k++)
        TRY(oddi_location_scale(r->ctx, w->component[k], w->pictures, &spread.location[k],
                                &spread.scale[k]));
    for (size_t i = 0; i < 2 * w->pictures; i++) {
        double component[ODDI_COMPONENTS_MAX];
        for (int k = 0; k < ODDI_COMPONENTS_MAX; k++)
            component[k] = w->component[k][i];
        w->score[i] = m->combine(&r->config->values, component, &spread);
    }
    const struct oddi_scores scores = {w->score, w->label, NULL, 2 * w->pictures};
    TRY(oddi_rank_metrics(r->ctx, &scores, &rank));
    *auroc = rank.auroc;
out:
    return status;
}

/* The best image score for what was measured, and its AUROC; *setting is NULL where nothing is
 * automatic. The values are left as they were. */
static odd_status choose_score_of(struct choose_work *w, const char **setting, double *auroc)
{
    struct train_run *r = w->r;
    struct oddi_values *v = &r->config->values;
    const struct oddi_method *m = r->config->method;
    odd_status status = ODD_OK;
    char name[ODDI_SETTING_NAME];
    *setting = NULL;
    for (int i = 0; m->score_candidate && w->pictures >= CHOOSE_SCORE_PICTURES; i++) {
        double one = 0;
        const char *candidate = m->score_candidate(v, i);
        if (!candidate)
            break;
        TRY(oddi_values_set(v, name, oddi_setting_split(candidate, name), "auto"));
        status = choose_auroc(w, &one);
        const odd_status back = oddi_values_set(v, name, "auto", "set");
        TRY(status);
        TRY(back);
        if (!*setting || one > *auroc) {
            *setting = candidate;
            *auroc = one;
        }
    }
    if (!*setting)
        TRY(choose_auroc(w, auroc));
out:
    return status;
}

static void choose_note(struct train_run *r, const char *setting, double auroc)
{
    json_t *one = json_object();
    oddi_json_set_text(one, "setting", setting);
    oddi_json_set_real(one, "auroc", auroc);
    json_array_append_new(r->choice, one);
}

/* Trains one candidate for `steps` and measures it. */
static odd_status choose_try(struct choose_work *w, int i, const char *steps)
{
    struct train_run *r = w->r;
    struct oddi_values *v = &r->config->values;
    odd_status status = ODD_OK;
    char name[ODDI_SETTING_NAME];
    const char *score = NULL;
    struct odd_scorer *s = NULL;
    struct odd_model m;
    memset(&m, 0, sizeof(m));
    oddi_model_file_init(&m.file, r->ctx);
    TRY(oddi_values_set(v, name, oddi_setting_split(w->setting[i], name), "auto"));
    TRY(oddi_values_set(v, "steps", steps, "auto"));
    TRY(oddi_train_start(r));
    TRY(oddi_train_loop(r));
    TRY(oddi_train_model(r, &m));
    TRY(oddi_scorer_make(r->ctx, &m, r->ctx->threads, &s));
    TRY(choose_measure(w, s));
    TRY(choose_score_of(w, &score, &w->auroc[i]));
    oddi_report_text(r->ctx, "choice", "%s: AUROC %.3f on pasted defects", w->setting[i],
                     w->auroc[i]);
out:
    odd_scorer_free(s);
    oddi_train_model_release(&m);
    return status;
}

static odd_status choose_all(struct choose_work *w)
{
    struct train_run *r = w->r;
    odd_status status = ODD_OK;
    char given[32], share[32], name[ODDI_SETTING_NAME];
    struct oddi_recipe recipe;
    int best = 0;
    snprintf(given, sizeof(given), "%s", oddi_values_text(&r->config->values, "steps"));
    TRY(oddi_recipe_read(&recipe, &r->config->values, (int64_t)oddi_loader_count(r->loader)));
    snprintf(share, sizeof(share), "%lld",
             (long long)(recipe.steps / w->candidates > 0 ? recipe.steps / w->candidates : 1));
    r->trial = true;
    for (int i = 0; i < w->candidates; i++) {
        TRY(choose_try(w, i, share));
        best = w->auroc[i] > w->auroc[best] ? i : best;
    }
    TRY(oddi_values_set(&r->config->values, "steps", given, "set"));
    TRY(oddi_values_set(&r->config->values, name, oddi_setting_split(w->setting[best], name),
                        "auto"));
    snprintf(r->chosen, sizeof(r->chosen), "%s", w->setting[best]);
    oddi_report_text(r->ctx, "choice", "%s is used", w->setting[best]);
    for (int i = 0; i < w->candidates; i++)
        choose_note(r, w->setting[i], w->auroc[i]);
out:
    r->trial = false;
    return status;
}

static void choose_release(struct choose_work *w)
{
    struct odd_context *ctx = w->r->ctx;
    oddi_loader_free(w->tune);
    oddi_free(ctx, w->other);
    oddi_free(ctx, w->scratch);
    oddi_free(ctx, w->score);
    oddi_free(ctx, w->label);
    for (int i = 0; i < ODDI_COMPONENTS_MAX; i++)
        oddi_free(ctx, w->component[i]);
}

odd_status oddi_train_choose(struct train_run *r)
{
    struct choose_work w = {.r = r};
    odd_status status = ODD_OK;
    TRY(choose_collect(&w));
    if (w.candidates == 0)
        goto out;
    TRY(choose_tune(&w));
    TRY(choose_all(&w));
out:
    choose_release(&w);
    return status;
}

/* Whether the image score is automatic and there are enough pictures to ask. */
static odd_status choose_score_wanted(struct train_run *r, bool *wanted)
{
    const struct oddi_method *m = r->config->method;
    uint32_t *index = NULL;
    size_t n = 0;
    *wanted = m->score_candidate && m->score_candidate(&r->config->values, 0);
    if (!*wanted)
        return ODD_OK;
    const odd_status status = oddi_dataset_select(r->ctx, r->ds, ODDI_PART_TUNE, &index, &n);
    oddi_free(r->ctx, index);
    *wanted = n >= CHOOSE_SCORE_PICTURES;
    return status;
}

odd_status oddi_train_choose_score(struct train_run *r)
{
    struct choose_work w = {.r = r};
    odd_status status = ODD_OK;
    bool wanted = false;
    double auroc = 0;
    const char *setting = NULL;
    char name[ODDI_SETTING_NAME];
    struct odd_scorer *s = NULL;
    struct odd_model m;
    memset(&m, 0, sizeof(m));
    oddi_model_file_init(&m.file, r->ctx);
    TRY(choose_score_wanted(r, &wanted));
    if (!wanted)
        goto out;
    TRY(choose_tune(&w));
    TRY(oddi_train_model(r, &m));
    TRY(oddi_scorer_make(r->ctx, &m, r->ctx->threads, &s));
    TRY(choose_measure(&w, s));
    TRY(choose_score_of(&w, &setting, &auroc));
    if (!setting)
        goto out;
    TRY(oddi_values_set(&r->config->values, name, oddi_setting_split(setting, name), "auto"));
    r->score_chosen = true;
    choose_note(r, setting, auroc);
    oddi_report_text(r->ctx, "choice", "%s: AUROC %.3f on pasted defects", setting, auroc);
out:
    odd_scorer_free(s);
    oddi_train_model_release(&m);
    choose_release(&w);
    return status;
}
