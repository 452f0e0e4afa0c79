/* SPDX-License-Identifier: Apache-2.0
 *
 * odd_bench_nodes: where the time of a network goes, node by node, and how far each node is from
 * what the machine could do (the roofline of Williams, Waterman and Patterson, 2009):
 *
 *   bound = max(arithmetic / peak, bytes / bandwidth)      attained = bound / time
 *
 * with arithmetic and bytes on paper (graph/cost.c), and peak and bandwidth measured in the same
 * call. What stays in caches, or computes fewer products than the formula has, attains more than 1.
 *
 * Timed are up to three plans: a training step (on noise, weights change as in earnest), the frozen
 * part of the network that is run apart from it, and the scoring of one picture. What a method does
 * besides its graph (measuring, optimiser, a memory bank's search) is in none.
 */
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/rng.h"
#include "engine/expert.h"
#include "engine/model.h"
#include "nn/frozen.h"
#include "score/calibrate.h"

#define BENCH_WARM 2

static const struct oddi_param bench_params[] = {
    P_INT("runs", "9", 1, 1000, "ours", "runs of each plan; times are their medians"),
    P_INT("channels", "3", 1, ODDI_PICTURE_MAX_BANDS, "ours", "bands of the pictures"),
    P_ENUM("part", "all", "all|training|frozen|scoring", "ours", "which plan is timed"), P_END};

struct bench {
    struct odd_context *ctx;
    const struct odd_model *model;    /* NULL: a method's network with its first weights */
    const struct oddi_config *config; /* the model's, or `own` */
    struct oddi_config own;
    struct oddi_values values; /* of the measurement */
    struct oddi_geometry in;
    struct oddi_expert expert;
    struct oddi_trainer trainer;
    struct oddi_frozen frozen;
    struct oddi_build score; /* the scoring graph */
    struct oddi_plan *score_plan;
    float *picture; /* noise, a batch of it */
    struct oddi_host_peak peak;
    int runs;
};

/* ---- what is timed ------------------------------------------------------------------------- */

struct bench_part {
    const char *name;
    bool wanted;
    int64_t pictures; /* of a run */
    odd_status (*run)(struct bench *b, int64_t i);
    struct oddi_plan *(*plan)(const struct bench *b); /* after a run */
};

static odd_status bench_run_training(struct bench *b, int64_t i)
{
    struct oddi_trainer *t = &b->trainer;
    return oddi_trainer_step(t, t->net.stages - 1, i, b->picture, t->recipe.batch);
}
static struct oddi_plan *bench_plan_training(const struct bench *b)
{
    return b->trainer.last->plan;
}

static odd_status bench_run_frozen(struct bench *b, int64_t i)
{
    (void)i;
    return oddi_frozen_run(&b->frozen);
}
static struct oddi_plan *bench_plan_frozen(const struct bench *b)
{
    return b->frozen.plan;
}

static odd_status bench_run_scoring(struct bench *b, int64_t i)
{
    (void)i;
    return oddi_plan_run(b->score_plan);
}
static struct oddi_plan *bench_plan_scoring(const struct bench *b)
{
    return b->score_plan;
}

/* The frozen part's values in a training step: those of its one chunk, again and again. */
static odd_status bench_get(void *user, const float *pictures, int64_t count, float *const *value)
{
    const struct bench *b = user;
    (void)pictures;
    for (int i = 0; i < b->frozen.build.frozens; i++) {
        const size_t n = oddi_frozen_floats(&b->frozen, i);
        const float *from = oddi_frozen_value(&b->frozen, i);
        for (int64_t row = 0; row < count; row++)
            memcpy(value[i] + (size_t)row * n, from + (size_t)(row % b->frozen.batch) * n,
                   n * sizeof(float));
    }
    return ODD_OK;
}

/* ---- opening ------------------------------------------------------------------------------- */

static odd_status bench_options(struct bench *b, const struct odd_options *options)
{
    const struct oddi_param *tables[] = {bench_params, NULL};
    odd_status status = oddi_values_init(&b->values, b->ctx, tables);
    if (status == ODD_OK && options) /* which only marks them as used */
        status = oddi_values_take(&b->values, (struct odd_options *)options);
    for (size_t i = 0; status == ODD_OK && b->model && options && i < options->count; i++)
        if (!options->item[i].used)
            return oddi_fail(b->ctx, ODD_ECONFIG,
                             "'%s' is part of the model and set when it is trained",
                             options->item[i].name);
    b->runs = (int)oddi_values_int(&b->values, "runs");
    return status;
}

static odd_status bench_config(struct bench *b, const struct odd_options *options)
{
    odd_status status = ODD_OK;
    if (b->model) {
        b->config = &b->model->config;
        b->in = b->model->in;
        return ODD_OK;
    }
    b->in.channels = oddi_values_int(&b->values, "channels");
    TRY(oddi_config_init(&b->own, b->ctx, options, b->in.channels));
    b->config = &b->own;
    if (b->own.method->wants_expert)
        TRY(oddi_expert_choose(&b->expert, &b->own));
    TRY(oddi_config_size(b->ctx, &b->own, &b->in.width, &b->in.height));
    TRY(b->own.method->check(b->ctx, &b->own.values, &b->in));
out:
    return status;
}

/* The model's weights; what is not in it (a discriminator) stays as it starts. */
static void bench_fill(struct bench *b)
{
    struct oddi_state *s = &b->trainer.state;
    for (size_t i = 0; i < s->params; i++) {
        const struct oddi_state_param *p = &s->param[i];
        const struct oddi_stored *t = oddi_model_file_find(&b->model->file, p->name);
        if (!t || t->type != ODDI_F32 || !oddi_shape_equal(&t->shape, &p->shape))
            continue;
        memcpy(oddi_state_weights(s, p), t->data,
               (size_t)oddi_shape_count(&p->shape) * sizeof(float));
        s->group[p->group].version++;
    }
}

static odd_status bench_trainer(struct bench *b)
{
    odd_status status = ODD_OK;
    const struct oddi_method *m = b->config->method;
    const struct oddi_values *v = &b->config->values;
    struct oddi_recipe recipe = {.batch = 1};
    const struct oddi_trainer_net net = {.build = m->build,
                                         .control = m->control,
                                         .values = v,
                                         .in = b->in,
                                         .stages = oddi_method_stages(m, v),
                                         .mode = oddi_config_mode(b->config, true)};
    TRY(oddi_config_check_mode(b->ctx, b->config));
    if (!m->fit)
        TRY(oddi_recipe_read(&recipe, v, INT32_MAX));
    TRY(oddi_trainer_init(&b->trainer, b->ctx, &net, 0, recipe.average > 0));
    b->trainer.recipe = recipe;
    if (m->control_start)
        m->control_start(v, &b->trainer.control);
    if (b->model)
        bench_fill(b);
    else if (b->expert.net)
        TRY(oddi_expert_fill(&b->expert, &b->trainer.state));
out:
    return status;
}

/* Noise; also the frozen part's input, whose values the training step then has. */
static odd_status bench_pictures(struct bench *b)
{
    odd_status status = ODD_OK;
    struct oddi_rng rng;
    const int64_t each = b->in.channels * b->in.height * b->in.width;
    TRY(oddi_frozen_open(&b->frozen, &b->trainer));
    const int64_t batch =
        b->trainer.recipe.batch > b->frozen.batch ? b->trainer.recipe.batch : b->frozen.batch;
    b->picture = oddi_alloc_aligned(b->ctx, (size_t)(each * batch) * sizeof(float));
    if (!b->picture)
        return ODD_ENOMEM;
    oddi_rng_init(&rng, 1, ODDI_RNG_SELFTEST, UINT32_MAX, 0);
    for (int64_t i = 0; i < each * batch; i++)
        b->picture[i] = oddi_rng_range(&rng, -1.0f, 1.0f);
    if (!b->frozen.plan)
        goto out;
    for (int row = 0; row < b->frozen.batch; row++)
        oddi_frozen_set(&b->frozen, row, b->picture + row * each);
    TRY(oddi_frozen_run(&b->frozen));
    b->trainer.frozen = (struct oddi_frozen_source){bench_get, b};
out:
    return status;
}

static odd_status bench_scoring(struct bench *b)
{
    odd_status status = ODD_OK;
    const struct oddi_plan_options how = {
        .type = ODDI_F32, .mode = oddi_config_mode(b->config, false), .threads = b->ctx->threads};
    oddi_build_init(&b->score, b->ctx, &b->config->values, &b->in, 1);
    b->score.stage = ODDI_STAGE_SCORE;
    b->config->method->build(&b->score);
    TRY(oddi_state_plan(&b->trainer.state, &b->score, &how, &b->score_plan));
    TRY(oddi_plan_set(b->score_plan, b->score.image, b->picture));
out:
    return status;
}

static void bench_release(struct bench *b)
{
    oddi_plan_free(b->score_plan);
    if (b->score.graph.ctx)
        oddi_build_release(&b->score);
    oddi_frozen_close(&b->frozen);
    oddi_trainer_release(&b->trainer);
    oddi_expert_release(&b->expert);
    oddi_free_aligned(b->ctx, b->picture);
    oddi_config_release(&b->own);
    oddi_values_release(&b->values);
}

/* ---- timing -------------------------------------------------------------------------------- */

struct bench_node {
    struct oddi_plan_step_info info;
    double total, *ms; /* of all runs so far, of each */
    double median;
};
struct bench_times {
    struct bench_node *node;
    double *ms, *wall; /* the nodes' by runs; of whole runs */
    size_t nodes, at;
    int run; /* that was last, -1: one that does not count */
};

static void bench_count(void *user, const struct oddi_plan_step_info *info)
{
    size_t *n = user;
    (void)info;
    ++*n;
}

static void bench_note(void *user, const struct oddi_plan_step_info *info)
{
    struct bench_times *t = user;
    struct bench_node *n = &t->node[t->at++];
    if (t->run >= 0)
        n->ms[t->run] = (info->nanoseconds - n->total) * 1e-6;
    n->total = info->nanoseconds;
    n->info = *info;
}

static odd_status bench_times_init(struct bench *b, const struct oddi_plan *plan,
                                   struct bench_times *t)
{
    oddi_plan_profile_visit(plan, bench_count, &t->nodes);
    const size_t runs = (size_t)b->runs, all = t->nodes * runs + 1;
    t->node = oddi_calloc(b->ctx, t->nodes + 1, sizeof(*t->node));
    t->ms = oddi_calloc(b->ctx, all, sizeof(*t->ms));
    t->wall = oddi_calloc(b->ctx, runs, sizeof(*t->wall));
    if (!t->node || !t->ms || !t->wall)
        return ODD_ENOMEM;
    for (size_t i = 0; i < t->nodes; i++)
        t->node[i].ms = t->ms + i * runs;
    return ODD_OK;
}

static void bench_times_release(struct bench *b, struct bench_times *t)
{
    oddi_free(b->ctx, t->node);
    oddi_free(b->ctx, t->ms);
    oddi_free(b->ctx, t->wall);
}

static odd_status bench_repeat(struct bench *b, const struct bench_part *part,
                               struct oddi_plan *plan, struct bench_times *t)
{
    odd_status status = ODD_OK;
    oddi_plan_profile(plan, true);
    for (t->run = 1 - BENCH_WARM; t->run < b->runs; t->run++) {
        const uint64_t began = oddi_os_now_ns();
        TRY(oddi_check_cancel(b->ctx));
        TRY(part->run(b, t->run + BENCH_WARM));
        if (t->run >= 0)
            t->wall[t->run] = (double)(oddi_os_now_ns() - began) * 1e-6;
        t->at = 0;
        oddi_plan_profile_visit(plan, bench_note, t);
    }
out:
    oddi_plan_profile(plan, false);
    return status;
}

/* ---- reporting ----------------------------------------------------------------------------- */

static double bench_median(double *value, int n)
{
    oddi_sort_doubles(value, (size_t)n);
    return 0.5 * (value[(n - 1) / 2] + value[n / 2]);
}

static int bench_slower(const void *a, const void *b)
{
    const double x = ((const struct bench_node *)a)->median,
                 y = ((const struct bench_node *)b)->median;
    return (x < y) - (x > y);
}

static json_t *bench_node_json(const struct bench *b, const struct bench_node *n, double sum)
{
    const struct oddi_plan_step_info *i = &n->info;
    const double work = i->flop * 1e-6 / b->peak.gflops, moved = i->bytes * 1e-6 / b->peak.copy_gbs;
    const double bound = work > moved ? work : moved;
    char shape[ODDI_SHAPE_TEXT], set[32] = "";
    json_t *o = json_object();
    strncat(set, i->kernel, strcspn(i->kernel, ":") < 31 ? strcspn(i->kernel, ":") : 31);
    oddi_json_set_text(o, "node", i->node);
    oddi_json_set_text(o, "op", i->op);
    oddi_json_set_text(o, "kernel", i->kernel);
    oddi_json_set_text(o, "set", set);
    oddi_json_set_int(o, "phase", i->phase);
    oddi_json_set_text(o, "shape", oddi_shape_text(i->shape, shape));
    oddi_json_set_real(o, "ms", n->median);
    oddi_json_set_real(o, "share", sum > 0 ? n->median / sum : 0.0);
    oddi_json_set_real(o, "gflop", i->flop * 1e-9);
    oddi_json_set_real(o, "gb", i->bytes * 1e-9);
    oddi_json_set_text(o, "bound_by", work > moved ? "arithmetic" : "memory");
    oddi_json_set_real(o, "bound_ms", bound);
    oddi_json_set_real(o, "attained", n->median > 0 ? bound / n->median : 0.0);
    return o;
}

/* What never ran again (values of parameters alone, while scoring) is left out. */
static json_t *bench_part_json(const struct bench *b, const struct bench_part *part,
                               struct bench_times *t)
{
    json_t *o = json_object(), *list = json_array();
    double sum = 0.0;
    for (size_t i = 0; i < t->nodes; i++)
        sum += t->node[i].median = bench_median(t->node[i].ms, b->runs);
    qsort(t->node, t->nodes, sizeof(*t->node), bench_slower);
    for (size_t i = 0; i < t->nodes && t->node[i].median > 0; i++)
        json_array_append_new(list, bench_node_json(b, &t->node[i], sum));
    oddi_json_set_int(o, "pictures", part->pictures);
    oddi_json_set_real(o, "ms", bench_median(t->wall, b->runs));
    oddi_json_set_real(o, "nodes_ms", sum);
    oddi_json_set(o, "nodes", list);
    return o;
}

static odd_status bench_see_peak(struct bench *b)
{
    struct oddi_host_peak now;
    const odd_status status = oddi_host_peak(b->ctx, b->ctx->threads, &now);
    if (status != ODD_OK)
        return status;
    b->peak.gflops = now.gflops > b->peak.gflops ? now.gflops : b->peak.gflops;
    b->peak.copy_gbs = now.copy_gbs > b->peak.copy_gbs ? now.copy_gbs : b->peak.copy_gbs;
    return ODD_OK;
}

static odd_status bench_part(struct bench *b, const struct bench_part *part, struct bench_times *t)
{
    odd_status status = ODD_OK;
    if (!part->wanted || (!oddi_values_is(&b->values, "part", "all") &&
                          !oddi_values_is(&b->values, "part", part->name)))
        return ODD_OK;
    TRY(part->run(b, 0));
    struct oddi_plan *plan = part->plan(b);
    TRY(bench_times_init(b, plan, t));
    TRY(bench_repeat(b, part, plan, t));
out:
    return status;
}

/* The machine's peak is the best before and after, since other work only lowers it. */
static odd_status bench_parts(struct bench *b, json_t *parts)
{
    odd_status status = ODD_OK;
    const struct bench_part part[] = {
        {"training", !b->config->method->fit, b->trainer.recipe.batch, bench_run_training,
         bench_plan_training},
        {"frozen", b->frozen.plan != NULL, b->frozen.batch, bench_run_frozen, bench_plan_frozen},
        {"scoring", true, 1, bench_run_scoring, bench_plan_scoring}};
    struct bench_times times[ODDI_COUNT(part)] = {{0}};
    TRY(bench_see_peak(b));
    for (size_t i = 0; i < ODDI_COUNT(part); i++)
        TRY(bench_part(b, &part[i], &times[i]));
    TRY(bench_see_peak(b));
    for (size_t i = 0; i < ODDI_COUNT(part); i++)
        if (times[i].nodes > 0)
            oddi_json_set(parts, part[i].name, bench_part_json(b, &part[i], &times[i]));
out:
    for (size_t i = 0; i < ODDI_COUNT(part); i++)
        bench_times_release(b, &times[i]);
    return status;
}

static void bench_head(const struct bench *b, json_t *all)
{
    char vendor[ODDI_VENDOR_TEXT];
    json_t *in = json_object(), *peak = json_object();
    oddi_host_vendor(vendor);
    oddi_json_set_int(in, "channels", b->in.channels);
    oddi_json_set_int(in, "height", b->in.height);
    oddi_json_set_int(in, "width", b->in.width);
    oddi_json_set_real(peak, "gflops", b->peak.gflops);
    oddi_json_set_real(peak, "copy_gbs", b->peak.copy_gbs);
    oddi_json_set_text(all, "method", b->config->method->name);
    oddi_json_set_text(all, "preset", b->config->preset->name);
    oddi_json_set_text(all, "kernels", oddi_values_text(&b->config->values, "kernels"));
    oddi_json_set(all, "input", in);
    oddi_json_set_int(all, "runs", b->runs);
    oddi_json_set_int(all, "threads", b->ctx->threads);
    oddi_json_set_text(all, "isa", oddi_host_isa());
    oddi_json_set_text(all, "vendor", vendor);
    oddi_json_set(all, "peak", peak);
}

static odd_status bench_all(struct bench *b, const struct odd_options *options, json_t *all)
{
    odd_status status = ODD_OK;
    json_t *parts = json_object();
    TRY(bench_options(b, options));
    TRY(bench_config(b, options));
    TRY(bench_trainer(b));
    TRY(bench_pictures(b));
    TRY(bench_scoring(b));
    TRY(bench_parts(b, parts));
    bench_head(b, all);
    oddi_json_set(all, "parts", json_incref(parts));
out:
    json_decref(parts);
    return status;
}

odd_status odd_bench_nodes(struct odd_context *ctx, const struct odd_model *model,
                           const struct odd_options *options, char **json)
{
    if (!ctx || !json || (!model && !options))
        return oddi_fail(ctx, ODD_EINVAL,
                         "a benchmark needs a context, a model or a method's options, and a place "
                         "for the answer");
    struct bench b = {.ctx = ctx, .model = model};
    json_t *all = json_object();
    b.values.ctx = b.own.values.ctx = ctx;
    odd_status status = bench_all(&b, options, all);
    if (status == ODD_OK)
        status = oddi_json_dump(ctx, all, 0, json);
    json_decref(all);
    bench_release(&b);
    return status;
}
