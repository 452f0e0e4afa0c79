/* SPDX-License-Identifier: Apache-2.0
 * Shared parts of tests of methods that fit; see support_test.h. */
#include "method/support_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

/* ---- a method, ready to fit ---------------------------------------------------------------- */

void fit_set(struct fit_test *f, const char *name, const char *value)
{
    if (oddi_values_set(&f->values, name, value, "set") != ODD_OK)
        fail_msg("%s", odd_last_message(f->t.ctx));
}

static void fit_settings(struct fit_test *f, const char *settings)
{
    while (*settings) {
        char name[64], value[64];
        const size_t length = strcspn(settings, " "), key = strcspn(settings, "=");
        assert_true(key < length && key < sizeof(name) && length - key < sizeof(value));
        snprintf(name, sizeof(name), "%.*s", (int)key, settings);
        snprintf(value, sizeof(value), "%.*s", (int)(length - key - 1), settings + key + 1);
        fit_set(f, name, value);
        settings += length + (settings[length] == ' ');
    }
}

/* Random weights that keep the size of what passes (He). */
static void fit_expert(struct oddi_state *s)
{
    for (size_t i = 0; i < s->params; i++) {
        const struct oddi_state_param *p = &s->param[i];
        struct oddi_rng rng;
        const int64_t n = oddi_shape_count(&p->shape);
        const float fan = p->shape.rank == 4 ? (float)(n / p->shape.dim[0]) : 0;
        float *w = oddi_state_weights(s, p);
        oddi_rng_init(&rng, 11, ODDI_RNG_TEST, i, 0);
        for (int64_t k = 0; k < n; k++)
            w[k] = fan > 0 ? sqrtf(2 / fan) * oddi_rng_normal(&rng) : 0.01f;
    }
}

/* Waves that shift a little from picture to picture, with noise; bands differ in level. */
static void fit_paint(struct fit_test *f)
{
    for (int64_t i = 0; i <= FIT_NEW; i++) {
        struct oddi_rng rng;
        oddi_rng_init(&rng, 5, ODDI_RNG_TEST, 1, (uint64_t)i);
        const float shift = 0.2f * oddi_rng_normal(&rng);
        for (int64_t b = 0; b < f->in.channels; b++)
            for (int64_t k = 0; k < FIT_PLANE; k++) {
                const float x = (float)(k % FIT_SIDE), y = (float)(k / FIT_SIDE);
                f->pictures[(i * f->in.channels + b) * FIT_PLANE + k] =
                    0.3f * sinf(0.5f * x + shift) * sinf(0.4f * y) + 0.05f * (float)(b % 3) +
                    0.01f * oddi_rng_normal(&rng);
            }
    }
    float *defect = f->pictures + FIT_DEFECT * f->in.channels * FIT_PLANE;
    for (int y = FIT_DEFECT_Y; y < FIT_DEFECT_Y + FIT_DEFECT_SIDE; y++)
        for (int x = FIT_DEFECT_X; x < FIT_DEFECT_X + FIT_DEFECT_SIDE; x++)
            for (int64_t b = 0; b < f->in.channels; b++)
                defect[b * FIT_PLANE + y * FIT_SIDE + x] = b % 2 == 0 ? 0.9f : -0.6f;
}

static void fit_plan(struct fit_test *f)
{
    struct odd_context *ctx = f->t.ctx;
    oddi_build_init(&f->build, ctx, &f->values, &f->in, 1);
    f->build.stage = ODDI_STAGE_SCORE;
    f->method->build(&f->build);
    if (oddi_graph_status(&f->build.graph) != ODD_OK)
        fail_msg("%s", odd_last_message(ctx));
    oddi_state_init(&f->state, ctx);
    assert_int_equal(oddi_state_declare(&f->state, &f->build.graph), ODD_OK);
    assert_int_equal(oddi_state_start(&f->state, 3, false), ODD_OK);
    fit_expert(&f->state);
    const struct oddi_plan_options how = {.type = ODDI_F32, .mode = "best", .threads = 1};
    if (oddi_state_plan(&f->state, &f->build, &how, &f->plan) != ODD_OK)
        fail_msg("%s", odd_last_message(ctx));
}

void fit_start(struct fit_test *f, const struct oddi_method *method, int channels,
               const char *settings)
{
    const struct oddi_param *tables[] = {method->params,
                                         method->wants_expert ? oddi_expert_params : NULL, NULL};
    memset(f, 0, sizeof(*f));
    testing_init(&f->t, method->name);
    f->method = method;
    f->in = (struct oddi_geometry){channels, FIT_SIDE, FIT_SIDE};
    f->threads = 2;
    f->tiles = 1;
    assert_int_equal(oddi_values_init(&f->values, f->t.ctx, tables), ODD_OK);
    if (method->wants_expert)
        fit_set(f, "network", "squeezenet1_1");
    fit_settings(f, settings);
    if (fit_check(f, f->in) != ODD_OK)
        fail_msg("%s", odd_last_message(f->t.ctx));
    fit_plan(f);
    oddi_model_file_init(&f->kept, f->t.ctx);
    f->pictures = malloc(sizeof(float) * (size_t)(FIT_NEW + 1) * (size_t)(channels * FIT_PLANE));
    assert_non_null(f->pictures);
    fit_paint(f);
}

static void fit_forget(struct fit_test *f)
{
    if (f->fitted)
        f->method->close(f->t.ctx, f->fitted);
    f->fitted = NULL;
    oddi_model_file_release(&f->kept);
    oddi_model_file_init(&f->kept, f->t.ctx);
}

void fit_end(struct fit_test *f)
{
    fit_forget(f);
    free(f->pictures);
    oddi_model_file_release(&f->kept);
    oddi_plan_free(f->plan);
    oddi_state_release(&f->state);
    oddi_build_release(&f->build);
    oddi_values_release(&f->values);
    testing_release(&f->t);
}

odd_status fit_check(struct fit_test *f, struct oddi_geometry in)
{
    return f->method->check(f->t.ctx, &f->values, &in);
}

/* ---- its life ------------------------------------------------------------------------------ */

struct oddi_measure fit_look(struct fit_test *f, int64_t i)
{
    const float *picture = f->pictures + i * f->in.channels * FIT_PLANE;
    assert_int_equal(oddi_plan_set(f->plan, f->build.image, picture), ODD_OK);
    assert_int_equal(oddi_plan_run(f->plan), ODD_OK);
    return (struct oddi_measure){.ctx = f->t.ctx,
                                 .threads = f->threads,
                                 .fitted = f->fitted,
                                 .values = &f->values,
                                 .in = f->in,
                                 .build = &f->build,
                                 .plan = f->plan,
                                 .picture = picture,
                                 .tiles = f->tiles,
                                 .width = FIT_SIDE,
                                 .height = FIT_SIDE};
}

/* In no particular order; of a tiled picture, each tile is the picture itself. */
static odd_status fit_each(void *engine, const struct oddi_fit_pass *pass)
{
    struct fit_test *f = engine;
    odd_status status = ODD_OK;
    for (int64_t k = 0; k < FIT_NORMALS; k++) {
        const int64_t i = (k * 5 + (f->threads == 1)) % FIT_NORMALS;
        struct oddi_measure m = fit_look(f, i);
        for (m.tile = 0; m.tile < f->tiles && status == ODD_OK; m.tile++)
            status = pass->take(pass->user, i, &m);
    }
    return status;
}

static odd_status fit_progress(void *engine, const char *phase, int64_t done, int64_t total)
{
    (void)engine;
    assert_true(phase && done > 0 && done <= total);
    return ODD_OK;
}

struct oddi_fitting fit_fitting(struct fit_test *f)
{
    for (int i = 0; i < FIT_NORMALS; i++) {
        f->strange[i] = NAN;
        f->dropped[i] = false;
    }
    return (struct oddi_fitting){.ctx = f->t.ctx,
                                 .values = &f->values,
                                 .in = f->in,
                                 .seed = 3,
                                 .threads = f->threads,
                                 .pictures = FIT_NORMALS,
                                 .tiles = f->tiles,
                                 .build = &f->build,
                                 .each = fit_each,
                                 .progress = fit_progress,
                                 .engine = f,
                                 .strange = f->strange,
                                 .dropped = f->dropped,
                                 .keep = &f->kept};
}

odd_status fit_learn(struct fit_test *f)
{
    struct oddi_fitting fitting = fit_fitting(f);
    fit_forget(f);
    odd_status status = f->method->fit(&fitting);
    if (status == ODD_OK)
        status = f->method->open(f->t.ctx, &f->build, &f->kept, &f->fitted);
    return status;
}

void fit_learn_well(struct fit_test *f)
{
    if (fit_learn(f) != ODD_OK)
        fail_msg("%s", odd_last_message(f->t.ctx));
}

odd_status fit_measure(struct fit_test *f, const struct oddi_measure *m, struct fit_scored *s)
{
    static float scratch[FIT_PLANE];
    static const struct oddi_spread spread = {{0}, {1, 1, 1, 1, 1, 1, 1, 1}};
    struct oddi_measure mine = *m;
    memset(s, 0, sizeof(*s));
    mine.map = s->map;
    mine.scratch = scratch;
    mine.component = s->component;
    const odd_status status = f->method->measure(&mine);
    if (status == ODD_OK)
        s->score = f->method->combine(&f->values, s->component, &spread);
    return status;
}

void fit_score(struct fit_test *f, int64_t i, struct fit_scored *s)
{
    const struct oddi_measure m = fit_look(f, i);
    if (fit_measure(f, &m, s) != ODD_OK)
        fail_msg("%s", odd_last_message(f->t.ctx));
}

const struct oddi_stored *fit_kept(struct fit_test *f, const char *name)
{
    const struct oddi_stored *t = oddi_model_file_find(&f->kept, name);
    if (!t)
        fail_msg("no tensor '%s' was kept", name);
    return t;
}

odd_status fit_open_with(struct fit_test *f, const char *name, enum oddi_type type,
                         struct oddi_shape shape, const void *data)
{
    struct oddi_model_file file;
    void *fitted = NULL;
    oddi_model_file_init(&file, f->t.ctx);
    for (size_t i = 0; i < oddi_model_file_count(&f->kept); i++) {
        const struct oddi_stored *t = oddi_model_file_at(&f->kept, i);
        if (strcmp(t->name, name) != 0)
            assert_int_equal(oddi_model_file_add(&file, t->name, t->type, &t->shape, t->data),
                             ODD_OK);
    }
    if (data)
        assert_int_equal(oddi_model_file_add(&file, name, type, &shape, data), ODD_OK);
    const odd_status status = f->method->open(f->t.ctx, &f->build, &file, &fitted);
    if (status == ODD_OK)
        f->method->close(f->t.ctx, fitted);
    else
        assert_null(fitted);
    oddi_model_file_release(&file);
    return status;
}

/* ---- what holds for all -------------------------------------------------------------------- */

static void fit_assert_same_kept(struct fit_test *a, struct fit_test *b)
{
    assert_int_equal(oddi_model_file_count(&a->kept), oddi_model_file_count(&b->kept));
    for (size_t i = 0; i < oddi_model_file_count(&a->kept); i++) {
        const struct oddi_stored *t = oddi_model_file_at(&a->kept, i);
        const struct oddi_stored *u = fit_kept(b, t->name);
        assert_true(t->type == u->type && oddi_shape_equal(&t->shape, &u->shape));
        assert_memory_equal(t->data, u->data,
                            (size_t)oddi_shape_count(&t->shape) * oddi_type_size(t->type));
    }
}

/* Written, read, opened, asked. */
static void fit_assert_reads_back(struct fit_test *f, const struct fit_scored *before)
{
    static struct fit_scored after;
    struct oddi_model_file file;
    void *fitted = NULL, *mine = f->fitted;
    const char *path = testing_path(&f->t, "model");
    assert_int_equal(oddi_model_file_set(&f->kept, f->method->name, "{}"), ODD_OK);
    assert_int_equal(oddi_model_file_save(&f->kept, path), ODD_OK);
    oddi_model_file_init(&file, f->t.ctx);
    assert_int_equal(oddi_model_file_load(&file, path), ODD_OK);
    assert_int_equal(f->method->open(f->t.ctx, &f->build, &file, &fitted), ODD_OK);
    f->fitted = fitted;
    fit_score(f, FIT_DEFECT, &after);
    assert_memory_equal(before, &after, sizeof(after));
    f->fitted = mine;
    f->method->close(f->t.ctx, fitted);
    oddi_model_file_release(&file);
}

void fit_assert_same_bits(const struct oddi_method *method, int channels,
                          const char *const *settings)
{
    static struct fit_scored of_one, of_three;
    for (; *settings; settings++) {
        struct fit_test one, three;
        fit_start(&one, method, channels, *settings);
        fit_start(&three, method, channels, *settings);
        one.threads = 1;
        three.threads = 3;
        fit_learn_well(&one);
        fit_learn_well(&three);
        fit_assert_same_kept(&one, &three);
        fit_score(&one, FIT_DEFECT, &of_one);
        fit_score(&three, FIT_DEFECT, &of_three);
        assert_memory_equal(&of_one, &of_three, sizeof(of_one));
        fit_assert_reads_back(&one, &of_one);
        fit_end(&one);
        fit_end(&three);
    }
}

void fit_assert_out_of_memory(const struct oddi_method *method, int channels, const char *settings)
{
    static struct fit_scored s;
    struct fit_test f;
    bool failed = true;
    fit_start(&f, method, channels, settings);
    f.threads = 1;
    const long live = f.t.fault.live;
    for (long n = 1; failed; n++) {
        fault_alloc_arm(&f.t.fault, n);
        odd_status status = fit_learn(&f);
        if (status == ODD_OK) {
            const struct oddi_measure m = fit_look(&f, FIT_NEW);
            status = fit_measure(&f, &m, &s);
        }
        failed = fault_alloc_disarm(&f.t.fault);
        assert_int_equal(status, failed ? ODD_ENOMEM : ODD_OK);
        fit_forget(&f);
        assert_int_equal(f.t.fault.live, live);
    }
    fit_end(&f);
}

static void fit_refuses(struct fit_test *f, const struct oddi_stored *t)
{
    const size_t count = (size_t)oddi_shape_count(&t->shape);
    struct oddi_shape wrong = t->shape;
    float *damaged = malloc(count * 8);
    assert_non_null(damaged);
    assert_int_equal(fit_open_with(f, t->name, t->type, t->shape, t->data), ODD_OK);
    assert_int_equal(fit_open_with(f, t->name, t->type, t->shape, NULL), ODD_EFORMAT);
    memcpy(damaged, t->data, count * oddi_type_size(t->type));
    assert_int_equal(fit_open_with(f, t->name, ODDI_U8, t->shape, damaged), ODD_EFORMAT);
    wrong.rank++;
    wrong.dim[wrong.rank - 1] = 1;
    assert_int_equal(fit_open_with(f, t->name, t->type, wrong, damaged), ODD_EFORMAT);
    wrong = t->shape;
    wrong.dim[wrong.rank - 1]--; /* a shorter row */
    if (wrong.dim[wrong.rank - 1] > 0)
        assert_int_equal(fit_open_with(f, t->name, t->type, wrong, damaged), ODD_EFORMAT);
    damaged[count - 1] = NAN;
    if (t->type == ODDI_F32)
        assert_int_equal(fit_open_with(f, t->name, t->type, t->shape, damaged), ODD_EFORMAT);
    free(damaged);
}

void fit_assert_refuses_damage(const struct oddi_method *method, int channels, const char *settings)
{
    struct fit_test f;
    fit_start(&f, method, channels, settings);
    fit_learn_well(&f);
    assert_true(oddi_model_file_count(&f.kept) > 0);
    for (size_t i = 0; i < oddi_model_file_count(&f.kept); i++)
        fit_refuses(&f, oddi_model_file_at(&f.kept, i));
    fit_end(&f);
}
