/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of the training recipe, schedules and updates (optim.h has the formulas).
 */
#include "nn/optim.h"

#include <math.h>

#include "backend/backend.h"

const struct oddi_param oddi_recipe_params[] = {
    P_INT("steps", "0", 0, 100000000, "ours", "optimiser steps; 0: as epochs says"),
    P_FLOAT("epochs", "14", 0.001, 1e6, "ours",
            "passes over the training pictures, when steps is 0"),
    P_INT("batch", "16", 1, 4096, "ours", "pictures per step"),
    P_ENUM("last-batch", "drop", "drop|keep", "ours",
           "the pictures of an epoch that fill no batch: left out of it, or a shorter last step"),
    P_ENUM("optimizer", "adam", "adam|adamw|sgd", "ours", "update rule"),
    P_FLOAT("lr", "0.001", 1e-9, 10, "ours", "learning rate"),
    P_FLOAT("beta1", "0.5", 0, 0.9999, "ours", "Adam: decay of the first moment"),
    P_FLOAT("beta2", "0.999", 0, 0.999999, "ours", "Adam: decay of the second moment"),
    P_FLOAT("adam-eps", "1e-8", 1e-16, 1, "ours", "Adam: added to the root of the second moment"),
    P_FLOAT("momentum", "0.9", 0, 0.9999, "ours", "SGD: decay of the moment"),
    P_FLOAT("weight-decay", "0", 0, 1, "ours", "adamw and sgd: pull of the weights towards 0"),
    P_ENUM("schedule", "linear", "constant|linear|cosine|step", "ours",
           "how the learning rate falls"),
    P_FLOAT("decay-from", "0.5", 0, 1, "ours",
            "share of the steps after which the rate begins to fall"),
    P_FLOAT("step-factor", "0.5", 0.001, 1, "ours",
            "schedule step: factor per tenth of the falling part"),
    P_INT("warmup-steps", "0", 0, 10000000, "ours",
          "steps over which the rate rises linearly from 0"),
    P_FLOAT("clip", "0", 0, 1e9, "ours", "largest norm of a gradient; 0: not clipped"),
    P_FLOAT("average", "0", 0, 0.999999, "ours",
            "share of a running average of the weights kept per step; 0: off"),
    P_TEXT("augment", "none", "ours",
           "comma-separated list of flip, rot90, rotate, crop, shift; or none"),
    P_TEXT("snapshot-every", "", NULL,
           "also keep a finished model this often: 10epochs or 500steps (changes no bit)"),
    P_END};

odd_status oddi_recipe_read(struct oddi_recipe *r, const struct oddi_values *v, int64_t pictures)
{
    static const struct oddi_recipe zero;
    if (pictures < 1)
        return oddi_fail(v->ctx, ODD_ENODATA, "there are no pictures to train on");
    *r = zero;
    r->optim = oddi_values_is(v, "optimizer", "adam")    ? ODDI_ADAM
               : oddi_values_is(v, "optimizer", "adamw") ? ODDI_ADAMW
                                                         : ODDI_SGD;
    r->schedule = oddi_values_is(v, "schedule", "constant") ? ODDI_CONSTANT
                  : oddi_values_is(v, "schedule", "linear") ? ODDI_LINEAR
                  : oddi_values_is(v, "schedule", "cosine") ? ODDI_COSINE
                                                            : ODDI_STEP;
    r->rate = oddi_values_float(v, "lr");
    r->beta1 = oddi_values_float(v, "beta1");
    r->beta2 = oddi_values_float(v, "beta2");
    r->eps = oddi_values_float(v, "adam-eps");
    r->momentum = oddi_values_float(v, "momentum");
    r->decay = oddi_values_float(v, "weight-decay");
    r->decay_from = oddi_values_float(v, "decay-from");
    r->step_factor = oddi_values_float(v, "step-factor");
    r->clip = oddi_values_float(v, "clip");
    r->average = oddi_values_float(v, "average");
    r->warmup_steps = oddi_values_int(v, "warmup-steps");
    r->batch = oddi_values_int(v, "batch");
    if (r->batch > pictures)
        r->batch = pictures;
    r->steps = oddi_values_int(v, "steps");
    if (r->steps == 0) {
        const bool keep = oddi_values_is(v, "last-batch", "keep");
        const int64_t per_epoch = (pictures + (keep ? r->batch - 1 : 0)) / r->batch;
        r->steps = (int64_t)llround(oddi_values_float(v, "epochs") * (double)per_epoch);
    }
    if (r->steps < 1)
        r->steps = 1;
    return ODD_OK;
}

double oddi_recipe_rate(const struct oddi_recipe *r, int64_t step)
{
    const double from = r->decay_from * (double)r->steps;
    const double rest = (double)r->steps - from;
    const double t = rest > 0 && (double)step > from ? ((double)step - from) / rest : 0.0;
    double factor = 1.0;
    if (r->schedule == ODDI_LINEAR)
        factor = 1.0 - t;
    else if (r->schedule == ODDI_COSINE)
        factor = 0.5 * (1.0 + cos(3.14159265358979323846 * t));
    else if (r->schedule == ODDI_STEP)
        factor = pow(r->step_factor, floor(10.0 * t));
    if (step < r->warmup_steps)
        factor *= (double)(step + 1) / (double)r->warmup_steps;
    return r->rate * factor;
}

static void optim_adam(const struct oddi_recipe *r, int threads, const struct oddi_group *g,
                       double rate, double grad_scale)
{
    const double t = (double)g->updates;
    const struct oddi_moments x = {(int64_t)g->count, g->weights, g->m, g->v, g->grad};
    const struct oddi_adam_step step = {.rate = (float)rate,
                                        .beta1 = (float)r->beta1,
                                        .beta2 = (float)r->beta2,
                                        .eps = (float)r->eps,
                                        .decay = r->optim == ODDI_ADAMW ? (float)r->decay : 0.0f,
                                        .correct1 = (float)(1.0 - pow(r->beta1, t)),
                                        .correct2 = (float)(1.0 - pow(r->beta2, t)),
                                        .grad_scale = (float)grad_scale};
    oddi_host_adam(threads, &x, &step);
}

static void optim_sgd(const struct oddi_recipe *r, int threads, const struct oddi_group *g,
                      double rate, double grad_scale)
{
    const struct oddi_moments x = {(int64_t)g->count, g->weights, g->m, NULL, g->grad};
    const struct oddi_sgd_step step = {.rate = (float)rate,
                                       .momentum = (float)r->momentum,
                                       .decay = (float)r->decay,
                                       .grad_scale = (float)grad_scale};
    oddi_host_sgd(threads, &x, &step);
}

odd_status oddi_optim_update(const struct oddi_recipe *r, struct oddi_state *s,
                             struct oddi_group *group, double rate)
{
    const int threads = s->ctx->threads;
    const int64_t n = (int64_t)group->count;
    const double norm = sqrt(oddi_host_norm2(threads, n, group->grad));
    if (!isfinite(norm))
        return oddi_fail(
            s->ctx, ODD_ENUMERIC,
            "training diverged: the gradient of %s is not finite (a smaller lr may help)",
            group->name);
    const double grad_scale = r->clip > 0 && norm > r->clip ? r->clip / norm : 1.0;
    group->updates++;
    if (r->optim == ODDI_SGD)
        optim_sgd(r, threads, group, rate, grad_scale);
    else
        optim_adam(r, threads, group, rate, grad_scale);
    if (group->average)
        oddi_host_average(threads, n, group->average, group->weights, (float)r->average);
    group->version++;
    return ODD_OK;
}
