/* SPDX-License-Identifier: Apache-2.0
 *
 * Seeding the memories: after the warm-up each item becomes a block of a normal picture as the
 * encoder (in evaluation mode) sees it, drawn without replacement from all blocks of up to 256
 * pictures. Items beyond the number of blocks keep their first values. The generator's moments
 * and averages start anew, as its network has changed.
 */
#include <string.h>

#include "base/rng.h"
#include "method/daad/daad.h"

#define SEED_PICTURES 256

struct seed_work {
    struct oddi_enter *e;
    struct daad_shape shape;
    struct oddi_build build; /* the encoder on one picture */
    struct oddi_plan *plan;
    int64_t pictures;
    uint32_t *picture; /* chosen ones */
    uint32_t *order;   /* of one memory's blocks */
    float *input;
};

static odd_status seed_plan(struct seed_work *w)
{
    struct oddi_trainer *t = w->e->trainer;
    odd_status status = ODD_OK;
    const struct oddi_plan_options how = {
        .type = ODDI_F32, .mode = t->net.mode, .threads = w->e->ctx->threads};
    oddi_build_init(&w->build, w->e->ctx, t->net.values, &t->net.in, 1);
    w->build.stage = ODDI_STAGE_SCORE;
    oddi_daad_build_queries(&w->build);
    TRY(oddi_state_plan(&t->state, &w->build, &how, &w->plan));
out:
    return status;
}

/* Copies the blocks that the items of memory `m` take from picture `k` (the k-th chosen). */
static void seed_take(struct seed_work *w, int m, int64_t k, const float *block)
{
    struct oddi_trainer *t = w->e->trainer;
    char name[] = "memory0.items";
    name[6] = (char)('1' + m);
    const struct oddi_state_param *items = oddi_state_find(&t->state, name);
    const int64_t per = oddi_daad_blocks_per_picture(&w->shape, m),
                  length = oddi_daad_block_length(&w->shape, m);
    const int64_t all = per * w->pictures;
    float *at = oddi_state_weights(&t->state, items);
    for (int64_t i = 0; i < w->shape.items && i < all; i++)
        if ((int64_t)w->order[i] / per == k)
            memcpy(at + i * length, block + (int64_t)w->order[i] % per * length,
                   (size_t)length * sizeof(float));
}

static odd_status seed_memory(struct seed_work *w, int m)
{
    static const char *const names[DAAD_MEMORIES_MAX] = {"query.0", "query.1", "query.2"};
    odd_status status = ODD_OK;
    const int64_t all = oddi_daad_blocks_per_picture(&w->shape, m) * w->pictures;
    struct oddi_rng rng;
    w->order = oddi_alloc_array(w->e->ctx, (size_t)all, sizeof(*w->order));
    if (!w->order)
        return ODD_ENOMEM;
    oddi_rng_init(&rng, w->e->seed, ODDI_RNG_SEEDING, (uint64_t)m + 1, 0);
    oddi_rng_permutation(&rng, (size_t)all, w->order);
    for (int64_t k = 0; k < w->pictures; k++) {
        TRY(w->e->get(w->e->user, w->picture[k], w->input));
        TRY(oddi_plan_set(w->plan, w->build.image, w->input));
        TRY(oddi_plan_run(w->plan));
        seed_take(w, m, k, oddi_plan_output(w->plan, oddi_build_find(&w->build, names[m])));
        TRY(oddi_check_cancel(w->e->ctx));
    }
out:
    oddi_free(w->e->ctx, w->order);
    w->order = NULL;
    return status;
}

odd_status oddi_daad_enter(struct oddi_enter *e)
{
    struct seed_work w = {.e = e};
    struct oddi_trainer *t = e->trainer;
    odd_status status = ODD_OK;
    struct oddi_rng rng;
    const struct oddi_geometry *in = &t->net.in;
    TRY(oddi_daad_shape_make(e->ctx, t->net.values, in, &w.shape));
    if (w.shape.memories == 0)
        goto out;
    w.pictures = e->pictures < SEED_PICTURES ? e->pictures : SEED_PICTURES;
    w.picture = oddi_alloc_array(e->ctx, (size_t)e->pictures, sizeof(*w.picture));
    w.input =
        oddi_alloc_array(e->ctx, (size_t)(in->channels * in->height * in->width), sizeof(float));
    if (!w.picture || !w.input) {
        status = ODD_ENOMEM;
        goto out;
    }
    oddi_rng_init(&rng, e->seed, ODDI_RNG_SEEDING, 0, 0);
    oddi_rng_permutation(&rng, (size_t)e->pictures, w.picture);
    TRY(seed_plan(&w));
    for (int m = 0; m < w.shape.memories; m++)
        TRY(seed_memory(&w, m));
    struct oddi_group *gen = oddi_state_group(&t->state, "gen");
    oddi_state_restart(gen);
    if (gen->average)
        memcpy(gen->average, gen->weights, gen->count * sizeof(float));
    gen->version++;
out:
    oddi_plan_free(w.plan);
    if (w.build.graph.ctx)
        oddi_build_release(&w.build);
    oddi_free(e->ctx, w.picture);
    oddi_free(e->ctx, w.input);
    return status;
}
