/* SPDX-License-Identifier: Apache-2.0
 *
 * The scorer (scorer.h).
 */
#include "engine/scorer.h"

#include <math.h>
#include <string.h>

#include "engine/cache_half.h"

odd_status oddi_scorer_make(struct odd_context *ctx, const struct odd_model *model, int threads,
                            struct odd_scorer **scorer)
{
    odd_status status = ODD_OK;
    struct oddi_binding *binding = NULL;
    int count = 0;
    const size_t pixels = (size_t)(model->in.width * model->in.height);
    struct odd_scorer *s = oddi_calloc(ctx, 1, sizeof(*s));
    if (!s)
        return ODD_ENOMEM;
    s->ctx = ctx;
    s->model = model;
    s->threads = threads;
    TRY(oddi_model_graph(ctx, model, &s->build));
    TRY(oddi_graph_fuse(&s->build.graph));
    TRY(oddi_model_bind(ctx, model, &s->build.graph, &binding, &count));
    const struct oddi_plan_options options = {.type = ODDI_F32,
                                              .mode = oddi_config_mode(&model->config, false),
                                              .threads = threads,
                                              .binding = binding,
                                              .binding_count = count};
    TRY(oddi_plan_new(ctx, &s->build.graph, &options, &s->plan));
    s->input = oddi_alloc_array(ctx, pixels * (size_t)model->in.channels, sizeof(float));
    s->map = oddi_alloc_array(ctx, pixels, sizeof(float));
    s->scratch = oddi_alloc_array(ctx, pixels, sizeof(float));
    if (!s->input || !s->map || !s->scratch) {
        status = ODD_ENOMEM;
        goto out;
    }
    *scorer = s;
    s = NULL;
out:
    oddi_free(ctx, binding);
    odd_scorer_free(s);
    return status;
}

odd_status odd_scorer_new(struct odd_context *ctx, const struct odd_model *model,
                          struct odd_scorer **scorer)
{
    if (!ctx || !model || !scorer)
        return oddi_fail(ctx, ODD_EINVAL,
                         "a scorer needs a context, a model and a place to put it");
    return oddi_scorer_make(ctx, model, ctx->threads, scorer);
}

void odd_scorer_free(struct odd_scorer *s)
{
    if (!s)
        return;
    oddi_plan_free(s->plan);
    oddi_build_release(&s->build);
    oddi_free(s->ctx, s->planes);
    oddi_free(s->ctx, s->blend);
    oddi_free(s->ctx, s->input);
    oddi_free(s->ctx, s->map);
    oddi_free(s->ctx, s->scratch);
    oddi_free(s->ctx, s->rows);
    oddi_free(s->ctx, s->half);
    oddi_free(s->ctx, s);
}

static void scorer_summary(struct oddi_scored *out)
{
    const struct oddi_rect *r = &out->mapping.into;
    double sum = 0.0;
    out->maximum = -HUGE_VAL;
    for (int64_t y = r->y; y < r->y + r->height; y++)
        for (int64_t x = r->x; x < r->x + r->width; x++) {
            const double v = (double)out->map[y * out->mapping.to_width + x];
            out->maximum = v > out->maximum ? v : out->maximum;
            sum += v;
        }
    out->mean = sum / (double)(r->width * r->height);
}

/* The graph's answer to s->input, a picture of which lies in `r`. */
static odd_status scorer_graph(struct odd_scorer *s, const struct oddi_rect *r,
                               struct oddi_measure *look)
{
    odd_status status = s->given ? ODD_OK : oddi_plan_set(s->plan, s->build.image, s->input);
    if (status == ODD_OK && !s->given)
        status = oddi_plan_run(s->plan);
    *look = (struct oddi_measure){.ctx = s->ctx,
                                  .threads = s->threads,
                                  .fitted = s->model->fitted,
                                  .values = &s->model->config.values,
                                  .in = s->model->in,
                                  .build = &s->build,
                                  .plan = s->plan,
                                  .picture = s->input,
                                  .tiles = 1,
                                  .x = r->x,
                                  .y = r->y,
                                  .width = r->width,
                                  .height = r->height};
    return status;
}

static size_t scorer_row_numbers(const struct odd_scorer *s)
{
    const struct oddi_method *method = s->model->config.method;
    if (!method->rows)
        return 0;
    const struct oddi_feature_grid grid = method->grid(&s->build);
    return (size_t)(grid.height * grid.width * grid.dim);
}

/* The same through rows, which come from outside or are kept. */
static odd_status scorer_measure_rows(struct odd_scorer *s, struct oddi_measure *measure)
{
    const struct oddi_method *method = s->model->config.method;
    const size_t count = scorer_row_numbers(s), at = (size_t)measure->tile * count;
    odd_status status = ODD_OK;
    if (!s->rows)
        s->rows = oddi_alloc_array(s->ctx, count, sizeof(float));
    if (!s->rows)
        return ODD_ENOMEM;
    if (s->given) {
        oddi_half_unpack(s->given + at, count, s->rows);
        return method->rescore(measure, s->rows);
    }
    void *half = s->half;
    TRY(method->rows(measure, s->rows));
    TRY(oddi_reserve(s->ctx, &half, &s->half_room, (size_t)measure->tiles * count,
                     sizeof(*s->half)));
    s->half = half;
    oddi_half_pack(s->rows, count, s->half + at);
    TRY(method->rescore(measure, s->rows));
out:
    return status;
}

/* Components and map (s->map) of s->input. */
static odd_status scorer_measure(struct odd_scorer *s, struct oddi_measure *measure,
                                 double *component)
{
    measure->map = s->map;
    measure->scratch = s->scratch;
    measure->component = component;
    return s->keep || s->given ? scorer_measure_rows(s, measure)
                               : s->model->config.method->measure(measure);
}

/* From components and map to what is handed out. */
static odd_status scorer_finish(struct odd_scorer *s, struct oddi_scored *made)
{
    const struct odd_model *m = s->model;
    made->score = m->config.method->combine(&m->config.values, made->component, &m->spread);
    scorer_summary(made);
    if (!isfinite(made->score) || !isfinite(made->maximum))
        return oddi_fail(s->ctx, ODD_ENUMERIC, "the score is not a finite number");
    return ODD_OK;
}

odd_status oddi_scorer_run_input(struct odd_scorer *s, struct oddi_scored *out)
{
    odd_status status = ODD_OK;
    struct oddi_scored made = {.mapping = out->mapping, .map = s->map};
    struct oddi_measure measure;
    made.mapping.to_width = s->model->in.width;
    made.mapping.to_height = s->model->in.height;
    TRY(scorer_graph(s, &made.mapping.into, &measure));
    TRY(scorer_measure(s, &measure, made.component));
    TRY(scorer_finish(s, &made));
    *out = made;
out:
    return status;
}

/* ---- tiles --------------------------------------------------------------------------------- */

/* Room for `floats`, contents lost. */
static odd_status scorer_room(struct odd_scorer *s, float **at, size_t *room, size_t floats)
{
    if (*room >= floats)
        return ODD_OK;
    oddi_free(s->ctx, *at);
    *room = 0;
    *at = oddi_alloc_array(s->ctx, floats, sizeof(float));
    if (!*at)
        return ODD_ENOMEM;
    *room = floats;
    return ODD_OK;
}

/* Runs the graph on each tile; `see` is told of each in order. */
static odd_status scorer_tiles(struct odd_scorer *s, const struct oddi_picture *picture,
                               const struct oddi_tiles *tiles, struct oddi_mapping *mapping,
                               odd_status (*see)(void *user, const struct oddi_measure *look),
                               void *user)
{
    odd_status status = ODD_OK;
    const struct oddi_prepare *p = &s->model->prepare;
    const int64_t count = oddi_tiles_count(tiles);
    const struct oddi_rect into = {0, 0, tiles->tile_width, tiles->tile_height};
    if (s->given) {
        const struct oddi_fit fit = {ODDI_FIT_STRETCH, tiles->width, tiles->height};
        TRY(oddi_fit_mapping(s->ctx, &fit, picture->width, picture->height, mapping));
    } else {
        TRY(scorer_room(s, &s->planes, &s->planes_room,
                        (size_t)(tiles->width * tiles->height * p->channels)));
        TRY(oddi_prepare_scaled(s->ctx, p, picture, tiles, s->planes, mapping));
    }
    for (int64_t i = 0; i < count; i++) {
        struct oddi_measure look;
        if (!s->given)
            oddi_tiles_cut(tiles, &p->tiling, p->channels, i, s->planes, s->input);
        TRY(scorer_graph(s, &into, &look));
        look.tile = i;
        look.tiles = count;
        TRY(see(user, &look));
        TRY(oddi_check_cancel(s->ctx));
    }
out:
    return status;
}

struct scorer_tiled {
    struct odd_scorer *s;
    const struct oddi_tiles *tiles;
    double component[ODDI_COMPONENTS_MAX]; /* the largest so far */
};

static odd_status scorer_see(void *user, const struct oddi_measure *look)
{
    struct scorer_tiled *t = user;
    struct odd_scorer *s = t->s;
    struct oddi_measure measure = *look;
    double component[ODDI_COMPONENTS_MAX] = {0};
    const odd_status status = scorer_measure(s, &measure, component);
    if (status != ODD_OK)
        return status;
    for (int k = 0; k < ODDI_COMPONENTS_MAX; k++)
        if (look->tile == 0 || component[k] > t->component[k])
            t->component[k] = component[k];
    oddi_tiles_blend(t->tiles, &s->model->prepare.tiling, look->tile, s->map, s->blend, s->weight);
    return ODD_OK;
}

/* A tiled picture: each component is the largest of its tiles', the map is blended. */
static odd_status scorer_run_tiled(struct odd_scorer *s, const struct oddi_picture *picture,
                                   struct oddi_scored *out)
{
    odd_status status = ODD_OK;
    struct oddi_tiles tiles;
    struct oddi_scored made = {0};
    struct scorer_tiled t = {.s = s, .tiles = &tiles};
    TRY(oddi_prepare_tiles(s->ctx, &s->model->prepare, picture, &tiles));
    const size_t pixels = (size_t)(tiles.width * tiles.height);
    TRY(scorer_room(s, &s->blend, &s->blend_room, 2 * pixels));
    s->weight = s->blend + pixels;
    memset(s->blend, 0, 2 * pixels * sizeof(float));
    TRY(scorer_tiles(s, picture, &tiles, &made.mapping, scorer_see, &t));
    for (size_t i = 0; i < pixels; i++)
        s->blend[i] /= s->weight[i];
    memcpy(made.component, t.component, sizeof(made.component));
    made.map = s->blend;
    TRY(scorer_finish(s, &made));
    *out = made;
out:
    return status;
}

odd_status oddi_scorer_run(struct odd_scorer *s, const struct oddi_picture *picture,
                           struct oddi_scored *out)
{
    struct oddi_scored made = {0};
    if (s->model->prepare.tiling.scale > 0)
        return scorer_run_tiled(s, picture, out);
    const struct oddi_prepare *p = &s->model->prepare;
    const struct oddi_fit fit = {p->fit, p->width, p->height};
    odd_status status =
        s->given ? oddi_fit_mapping(s->ctx, &fit, picture->width, picture->height, &made.mapping)
                 : oddi_prepare_run(s->ctx, p, picture, s->input, &made.mapping);
    if (status == ODD_OK)
        status = oddi_scorer_run_input(s, &made);
    if (status == ODD_OK)
        *out = made;
    return status;
}

odd_status oddi_scorer_look(struct odd_scorer *s, const struct oddi_picture *picture,
                            odd_status (*see)(void *user, const struct oddi_measure *look),
                            void *user)
{
    odd_status status = ODD_OK;
    struct oddi_mapping mapping;
    struct oddi_tiles tiles;
    struct oddi_measure look;
    if (s->model->prepare.tiling.scale > 0) {
        TRY(oddi_prepare_tiles(s->ctx, &s->model->prepare, picture, &tiles));
        return scorer_tiles(s, picture, &tiles, &mapping, see, user);
    }
    TRY(oddi_prepare_run(s->ctx, &s->model->prepare, picture, s->input, &mapping));
    TRY(scorer_graph(s, &mapping.into, &look));
    TRY(see(user, &look));
out:
    return status;
}

odd_status oddi_scorer_rows(struct odd_scorer *s, int64_t width, int64_t height, size_t *count)
{
    const struct oddi_prepare *p = &s->model->prepare;
    struct oddi_tiles tiles = {.columns = 1, .rows = 1};
    odd_status status = ODD_OK;
    if (p->tiling.scale > 0)
        status = oddi_tiles_plan(s->ctx, &p->tiling, width, height, p->channels, &tiles);
    if (status == ODD_OK)
        *count = scorer_row_numbers(s) * (size_t)oddi_tiles_count(&tiles);
    return status;
}

odd_status oddi_scorer_rescore(struct odd_scorer *s, const uint16_t *half, int64_t width,
                               int64_t height, struct oddi_scored *out)
{
    const struct oddi_picture shape = {.width = width, .height = height};
    s->given = half;
    const odd_status status = oddi_scorer_run(s, &shape, out);
    s->given = NULL;
    return status;
}

odd_status oddi_scorer_map(struct odd_scorer *s, const struct oddi_scored *scored, float *out)
{
    return oddi_fit_inverse(s->ctx, &scored->mapping, scored->map, out);
}
