/* SPDX-License-Identifier: Apache-2.0
 *
 * The weight lambda of the value term.
 *
 * The value term grows with the square of the expert's maps, the direction term does not see their
 * size: a constant is right for experts of one scale. The published ones go with an expert whose
 * maps have about size 1. So `lambda=preset` looks at up to ten batches of training pictures,
 * measures each map's
 *
 *   RMS_i = sqrt(mean of (a_S^i)^2)
 *
 * and keeps the preset's constant where each lies in [0.3, 3], of pictures as `input` says or of
 * the same pictures normalised as the expert was trained: it is the expert's scale that is asked
 * for, and plain input, which the constants are meant for, makes its maps smaller. Else, and with
 * `lambda=auto`, the paper's rule holds, both terms of equal size at the start, on the untrained
 * networks:
 *
 *   lambda = mean L_dir / mean L_val
 *
 * Sums run in double in the order of the pictures.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "method/mkd/mkd.h"

#define LAMBDA_BATCHES 10
#define LAMBDA_LEAST 0.3
#define LAMBDA_MOST 3.0

bool oddi_mkd_lambda_valid(const char *text)
{
    double value = 0;
    return strcmp(text, "auto") == 0 || strcmp(text, "preset") == 0 ||
           (oddi_parse_double(text, &value) && value >= 0 && value <= 1e6);
}

double oddi_mkd_lambda(const struct oddi_values *v)
{
    double value = 0;
    return oddi_parse_double(oddi_values_text(v, "lambda"), &value)
               ? value
               : oddi_values_float(v, "lambda-preset");
}

/* ---- the look ---- */

/* The maps whose sizes are measured. */
struct lambda_maps {
    struct oddi_node *map[MKD_POINTS_MAX];
    double square[MKD_POINTS_MAX]; /* means so far, times batches */
};
struct lambda_look {
    struct oddi_settle *s;
    struct oddi_build b;
    struct oddi_plan *plan;
    struct mkd_pair pair;
    struct mkd_terms terms;
    struct lambda_maps fed, own; /* of pictures as `input` says; normalised as the expert wants */
    int64_t batches;
    double cosine, value; /* means so far, times batches */
};

/* The networks as training's first step has them, without its gradients; the running statistics
 * are not written. */
static odd_status lambda_open(struct lambda_look *l)
{
    struct oddi_trainer *t = l->s->trainer;
    struct oddi_node *keep[2 * MKD_POINTS_MAX + 2];
    const struct oddi_plan_options how = {
        .type = ODDI_F32, .mode = t->net.mode, .threads = l->s->ctx->threads};
    odd_status status = ODD_OK;
    int kept = 0;
    oddi_build_init(&l->b, l->s->ctx, l->s->values, &t->net.in, t->recipe.batch);
    oddi_mkd_networks(&l->b, &l->pair);
    if (l->b.graph.status == ODD_OK)
        l->terms = oddi_mkd_terms(&l->b, &l->pair, 0);
    if (l->b.graph.status == ODD_OK)
        oddi_mkd_own_maps(&l->b, &l->pair, l->own.map);
    TRY(oddi_graph_status(&l->b.graph));
    for (int i = 0; i < l->pair.points; i++) {
        l->fed.map[i] = l->pair.expert[i];
        keep[kept++] = l->fed.map[i];
        keep[kept++] = l->own.map[i];
    }
    keep[kept++] = l->terms.cosine;
    keep[kept++] = l->terms.value;
    TRY(oddi_graph_keep_only(&l->b.graph, keep, kept));
    TRY(oddi_state_plan(&t->state, &l->b, &how, &l->plan));
out:
    return status;
}

static void lambda_close(struct lambda_look *l)
{
    oddi_plan_free(l->plan);
    oddi_build_release(&l->b);
}

static double lambda_number(const struct lambda_look *l, const struct oddi_node *node)
{
    const float *value = oddi_plan_output(l->plan, node);
    return (double)*value;
}

static void lambda_add(const struct lambda_look *l, struct lambda_maps *m, int i)
{
    const float *a = oddi_plan_output(l->plan, m->map[i]);
    const int64_t n = oddi_shape_count(&m->map[i]->shape);
    double sum = 0;
    for (int64_t k = 0; k < n; k++)
        sum += (double)a[k] * (double)a[k];
    m->square[i] += sum / (double)n;
}

/* Batch k of the look; its pictures lie evenly among all. */
static odd_status lambda_batch(struct lambda_look *l, int64_t k)
{
    odd_status status = ODD_OK;
    const int64_t n = l->b.batch, floats = oddi_shape_count(&l->b.image->shape) / n;
    float *input = oddi_plan_input(l->plan, l->b.image);
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = (k * n + i) * l->s->pictures / (l->batches * n);
        TRY(l->s->get(l->s->user, at, input + i * floats));
    }
    TRY(oddi_plan_run(l->plan));
    l->cosine += lambda_number(l, l->terms.cosine);
    l->value += lambda_number(l, l->terms.value);
    for (int i = 0; i < l->pair.points; i++) {
        lambda_add(l, &l->fed, i);
        lambda_add(l, &l->own, i);
    }
    TRY(oddi_check_cancel(l->s->ctx));
out:
    return status;
}

/* ---- the choice ---- */

static double lambda_rms(const struct lambda_look *l, const struct lambda_maps *m, int i)
{
    return sqrt(m->square[i] / (double)l->batches);
}

static bool lambda_is_one(double rms)
{
    return rms >= LAMBDA_LEAST && rms <= LAMBDA_MOST;
}

/* Whether each map has about size 1. */
static bool lambda_within(const struct lambda_look *l)
{
    bool within = true;
    for (int i = 0; i < l->pair.points; i++)
        within = within && (lambda_is_one(lambda_rms(l, &l->fed, i)) ||
                            lambda_is_one(lambda_rms(l, &l->own, i)));
    return within;
}

struct lambda_range {
    double least, most;
};
static struct lambda_range lambda_range_of(const struct lambda_look *l, const struct lambda_maps *m)
{
    struct lambda_range r = {HUGE_VAL, 0};
    for (int i = 0; i < l->pair.points; i++) {
        const double rms = lambda_rms(l, m, i);
        r.least = rms < r.least ? rms : r.least;
        r.most = rms > r.most ? rms : r.most;
    }
    return r;
}

static bool lambda_note_sizes(const struct lambda_look *l, const struct lambda_maps *m,
                              const char *key)
{
    json_t *sizes = json_array();
    for (int i = 0; i < l->pair.points; i++)
        json_array_append_new(sizes, json_real(lambda_rms(l, m, i)));
    return oddi_json_set(l->s->note, key, sizes);
}

static odd_status lambda_note(const struct lambda_look *l, double automatic)
{
    struct oddi_settle *s = l->s;
    s->note = json_object();
    oddi_json_set_text(s->note, "setting", s->setting);
    oddi_json_set_text(s->note, "asked", oddi_values_text(s->values, "lambda"));
    oddi_json_set_real(s->note, "lambda_preset", oddi_values_float(s->values, "lambda-preset"));
    oddi_json_set_real(s->note, "lambda_auto", automatic);
    const bool good = lambda_note_sizes(l, &l->fed, "expert_rms") &&
                      lambda_note_sizes(l, &l->own, "expert_rms_as_trained");
    return good ? ODD_OK : ODD_ENOMEM;
}

static odd_status lambda_choose(struct oddi_settle *s, const struct lambda_look *l)
{
    const double preset = oddi_values_float(s->values, "lambda-preset"), n = (double)l->batches;
    const double automatic = ((double)l->pair.points - l->cosine / n) / (l->value / n);
    const struct lambda_range fed = lambda_range_of(l, &l->fed), own = lambda_range_of(l, &l->own);
    const bool within = lambda_within(l);
    const bool constant = within && !oddi_values_is(s->values, "lambda", "auto");
    if (!constant && !(fed.least > 0 && automatic >= 0 && automatic <= 1e6))
        return oddi_fail(s->ctx, ODD_ENUMERIC,
                         "lambda cannot be found: the expert's maps have an RMS of %.3g to %.3g; "
                         "say --set lambda=NUMBER",
                         fed.least, fed.most);
    snprintf(s->setting, sizeof(s->setting), "lambda=%.6g", constant ? preset : automatic);
    snprintf(s->message, sizeof(s->message),
             "the preset's is %.6g, equal terms at the start would be %.6g; the expert's maps have "
             "an RMS of %.3g to %.3g, %.3g to %.3g with its own normalisation: %s %g to %g",
             preset, automatic, fed.least, fed.most, own.least, own.most,
             within ? "within" : "outside of", LAMBDA_LEAST, LAMBDA_MOST);
    return lambda_note(l, automatic);
}

odd_status oddi_mkd_settle(struct oddi_settle *s)
{
    double number = 0;
    odd_status status = ODD_OK;
    struct lambda_look l = {.s = s};
    if (oddi_parse_double(oddi_values_text(s->values, "lambda"), &number))
        return ODD_OK;
    TRY(lambda_open(&l));
    l.batches = s->pictures / l.b.batch;
    l.batches = l.batches < LAMBDA_BATCHES ? l.batches : LAMBDA_BATCHES;
    for (int64_t k = 0; k < l.batches; k++)
        TRY(lambda_batch(&l, k));
    TRY(lambda_choose(s, &l));
out:
    lambda_close(&l);
    return status;
}
