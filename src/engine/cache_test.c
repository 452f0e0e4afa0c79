/* SPDX-License-Identifier: Apache-2.0
 *
 * The expert cache in trainings: the same model whatever is kept and wherever, after a stop, with
 * another training in the same folder, with a damaged file, on a full disk; f16 has bits of its
 * own, which are as steady. And the frozen part run apart against the network in one piece.
 */
#include "engine/support_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/os.h"
#include "base/rng.h"
#include "method/method.h"
#include "nn/frozen.h"

#define MKD_TINY                                                                                   \
    "method=mkd preset=mnist size=32 batch=4 steps=12 epochs=1 checkpoint=0 thin=4 points=3 "      \
    "hold-out=12 localise=features "

/* A training with its data opened and its names made, so that nothing but its own calls fails. */
struct cache_job {
    struct odd_context *ctx;
    struct odd_options *o;
    struct odd_dataset *ds;
    char path[512];
};

static void cache_job(struct testing *t, struct odd_context *ctx, const char *model,
                      const char *settings, struct cache_job *j)
{
    char all[1800];
    snprintf(all, sizeof(all), MKD_TINY "%s expert=%s", settings, testing_path(t, "expert"));
    j->ctx = ctx;
    j->o = engine_options(t, all);
    assert_int_equal(odd_dataset_open(ctx, testing_path(t, "set"), j->o, &j->ds), ODD_OK);
    snprintf(j->path, sizeof(j->path), "%s", testing_path(t, model));
}

static odd_status cache_run(const struct cache_job *j)
{
    return odd_train(j->ctx, j->ds, j->o, j->path, NULL);
}

static void cache_job_end(struct cache_job *j)
{
    odd_dataset_free(j->ds);
    odd_options_free(j->o);
}

static odd_status cache_train(struct testing *t, const char *model, const char *settings)
{
    struct cache_job job;
    cache_job(t, t->ctx, model, settings, &job);
    const odd_status status = cache_run(&job);
    cache_job_end(&job);
    return status;
}

/* Trains with what the event `start` says of the cache. */
static json_t *cache_train_well(struct testing *t, const char *model, const char *settings)
{
    struct engine_watch w;
    engine_watch(t, &w, "\"event\":\"start\"", 0);
    if (cache_train(t, model, settings) != ODD_OK)
        fail_msg("training with '%s': %s", settings, odd_last_message(t->ctx));
    engine_unwatch(t);
    json_t *start = NULL;
    assert_int_equal(oddi_json_parse(t->ctx, w.last, strlen(w.last), "start", &start), ODD_OK);
    return start;
}

/* Trains into "other", which must become the file "model" to the byte. */
static void cache_same(struct testing *t, const char *settings, int pictures, int reused)
{
    json_t *start = cache_train_well(t, "other", settings);
    if (engine_number(start, "expert_cache.pictures") != pictures ||
        engine_number(start, "expert_cache.reused") != reused)
        fail_msg("'%s': %g kept, %g reused", settings,
                 engine_number(start, "expert_cache.pictures"),
                 engine_number(start, "expert_cache.reused"));
    json_decref(start);
    engine_assert_same_file(t, "model", "other");
}

static void cache_begin(struct testing *t, const char *name)
{
    testing_init(t, name);
    assert_int_equal(odd_context_set_threads(t->ctx, 1), ODD_OK);
    engine_synth(t, "set", 20); /* of which 12 are held out */
    engine_expert(t, "squeezenet1_1", "expert", &(struct engine_fake){.prefix = ""});
}

/* Folders as settings; in one buffer per folder. */
static const char *cache_dir(struct testing *t, const char *settings)
{
    static char text[4][1100];
    static int turn;
    char *to = text[turn++ % 4];
    snprintf(to, sizeof(text[0]), "%s expert-cache-dir=%s/cache", settings, t->folder);
    return to;
}

static void test_same_bits(void **unused)
{
    struct testing t;
    (void)unused;
    cache_begin(&t, "cache_bits");
    json_decref(cache_train_well(&t, "model", "expert-cache-mib=0"));
    cache_same(&t, "expert-cache-mib=1", 8, 0);
    cache_same(&t, "", 8, 0);
    cache_same(&t, cache_dir(&t, "expert-cache-mib=0"), 8, 0); /* spilled */
    assert_int_equal(engine_count_files(&t, "cache", ".taps"), 1);
    cache_same(&t, cache_dir(&t, "expert-cache-mib=0"), 8, 8);
    cache_same(&t, cache_dir(&t, ""), 8, 8);
    assert_int_equal(engine_count_files(&t, "cache", ""), 1);
    cache_same(&t, cache_dir(&t, "expert-cache-mib=0 expert-cache-disk-mib=0"), 8, 8);
    assert_int_equal(odd_context_set_threads(t.ctx, 3), ODD_OK);
    cache_same(&t, "expert-cache-mib=0", 0, 0);
    cache_same(&t, "", 8, 0);
    testing_release(&t);
}

/* Memory for two of the pictures, a folder for five. */
static void test_parts(void **unused)
{
    struct testing t;
    (void)unused;
    cache_begin(&t, "cache_parts");
    json_decref(cache_train_well(&t, "model", "size=128 expert-cache-mib=0"));
    cache_same(&t, "size=128 expert-cache-mib=2", 2, 0);
    cache_same(&t, cache_dir(&t, "size=128 expert-cache-mib=2 expert-cache-disk-mib=4"), 5, 0);
    cache_same(&t, cache_dir(&t, "size=128 expert-cache-mib=0"), 8, 5);
    cache_same(&t, cache_dir(&t, "size=128 expert-cache-mib=0"), 8, 8);
    testing_release(&t);
}

static void test_half(void **unused)
{
    struct testing t;
    (void)unused;
    cache_begin(&t, "cache_half");
    json_decref(cache_train_well(&t, "single", ""));
    json_decref(cache_train_well(&t, "model", "expert-cache-type=f16 expert-cache-mib=0"));
    cache_same(&t, "expert-cache-type=f16", 8, 0);
    cache_same(&t, cache_dir(&t, "expert-cache-type=f16 expert-cache-mib=0"), 8, 0);
    cache_same(&t, cache_dir(&t, "expert-cache-type=f16"), 8, 8);
    json_t *single = engine_info(&t, "single"), *half = engine_info(&t, "model");
    assert_string_not_equal(engine_text(single, "weights_hash"), engine_text(half, "weights_hash"));
    json_decref(single);
    json_decref(half);
    testing_release(&t);
}

/* Other weights, other pictures or another size never meet what is kept of these. */
static void test_kinds(void **unused)
{
    struct testing t;
    (void)unused;
    cache_begin(&t, "cache_kinds");
    json_decref(cache_train_well(&t, "other", cache_dir(&t, "")));
    json_decref(cache_train_well(&t, "model", "input=imagenet"));
    cache_same(&t, cache_dir(&t, "input=imagenet"), 8, 0);
    json_decref(cache_train_well(&t, "model", "gain-normalize=true"));
    cache_same(&t, cache_dir(&t, "gain-normalize=true"), 8, 0);
    json_decref(cache_train_well(&t, "model", "points=2"));
    cache_same(&t, cache_dir(&t, "points=2"), 8, 0);
    json_decref(cache_train_well(&t, "model", "seed=4"));
    cache_same(&t, cache_dir(&t, "seed=4"), 8, 8); /* the same pictures in another order */
    json_decref(cache_train_well(&t, "model", "hold-out=10"));
    cache_same(&t, cache_dir(&t, "hold-out=10"), 10, 8); /* two more */
    json_decref(cache_train_well(&t, "model", "augment=flip"));
    cache_same(&t, cache_dir(&t, "augment=flip"), 0, 0);
    json_decref(cache_train_well(&t, "model", "steps=2"));
    cache_same(&t, cache_dir(&t, "steps=2"), 0, 0); /* one epoch sees each picture once */
    testing_release(&t);
}

static void test_resumed(void **unused)
{
    static const char *const settings[] = {"", "expert-cache-mib=0"};
    struct testing t;
    struct engine_watch w;
    (void)unused;
    cache_begin(&t, "cache_resumed");
    json_decref(cache_train_well(&t, "model", ""));
    for (size_t k = 0; k < ODDI_COUNT(settings); k++) { /* before, while filling, in steps */
        char resume[700];
        engine_watch(&t, &w, k ? "\"phase\":\"expert\"" : "\"event\":\"start\"", 1);
        assert_int_equal(cache_train(&t, "other", cache_dir(&t, settings[k])), ODD_ECANCELLED);
        assert_true(w.seen > 0);
        engine_unwatch(&t);
        snprintf(resume, sizeof(resume), "resume=true %s", settings[1 - k]);
        cache_same(&t, k ? cache_dir(&t, resume) : resume, k ? 8 : 0, k ? 8 : 0);
    }
    testing_release(&t);
}

/* ---- what goes wrong ----------------------------------------------------------------------- */

static int cache_flip(void *user, const char *name)
{
    struct testing *t = user;
    char file[400];
    size_t size = 0;
    snprintf(file, sizeof(file), "cache/%s", name);
    unsigned char *data = engine_read(t, file, &size);
    data[size / 2] ^= 1;
    testing_write(t, file, data, size);
    odd_text_free(t->ctx, (char *)data);
    return 0;
}

static void test_damaged(void **unused)
{
    struct testing t;
    (void)unused;
    cache_begin(&t, "cache_damaged");
    json_decref(cache_train_well(&t, "model", cache_dir(&t, "")));
    assert_int_equal(oddi_os_list(testing_path(&t, "cache"), cache_flip, &t), 0);
    const int before = t.warnings;
    cache_same(&t, cache_dir(&t, "expert-cache-mib=0"), 8, 0);
    assert_int_equal(t.warnings, before + 1);
    assert_non_null(strstr(t.last_warning, ".taps"));
    assert_non_null(strstr(t.last_warning, "digest"));
    cache_same(&t, cache_dir(&t, ""), 8, 8); /* it was made anew */
    testing_release(&t);
}

/* A folder that cannot be made is said once. */
static void test_no_folder(void **unused)
{
    struct testing t;
    (void)unused;
    cache_begin(&t, "cache_folder");
    json_decref(cache_train_well(&t, "model", ""));
    testing_text(&t, "cache", "a file");
    const int before = t.warnings;
    cache_same(&t, cache_dir(&t, "expert-cache-mib=0"), 0, 0);
    assert_int_equal(t.warnings, before + 1);
    assert_non_null(strstr(t.last_warning, "training goes on"));
    cache_same(&t, cache_dir(&t, ""), 8, 0);
    testing_release(&t);
}

/* A disk that is full, or fails otherwise, at any of the cache's calls: the same model, or an
 * honest end where it was another file's call; never a bad cache. */
static void test_disk_fails(void **unused)
{
    static const int errors[] = {ENOSPC, EIO};
    struct testing t;
    int without = 0;
    (void)unused;
    cache_begin(&t, "cache_disk");
    json_decref(cache_train_well(&t, "model", ""));
    for (size_t k = 0; k < ODDI_COUNT(errors); k++)
        for (int n = 1, reached = 1; reached; n += 1 + n / 8) {
            char dir[400];
            struct cache_job job;
            snprintf(dir, sizeof(dir), "strict=true expert-cache-mib=0 expert-cache-dir=%s/at%d",
                     t.folder, (int)k * 10000 + n);
            cache_job(&t, t.ctx, "other", dir, &job);
            const int before = t.warnings;
            oddi_os_fail_at(n, errors[k]);
            const odd_status status = cache_run(&job);
            reached = oddi_os_calls() >= n;
            oddi_os_fail_at(0, 0);
            cache_job_end(&job);
            if (status == ODD_OK)
                engine_assert_same_file(&t, "model", "other");
            assert_true(status == ODD_OK || reached);
            without += status == ODD_OK && t.warnings > before;
        }
    assert_true(without > 3);
    testing_release(&t);
}

static void test_out_of_memory(void **unused)
{
    struct testing t;
    (void)unused;
    cache_begin(&t, "cache_oom");
    json_decref(cache_train_well(&t, "model", ""));
    for (long n = 1, failed = 1; failed; n += 1 + n / 8) {
        struct cache_job job;
        cache_job(&t, t.ctx, "other", cache_dir(&t, "expert-cache-mib=0"), &job);
        const long live = t.fault.live;
        fault_alloc_arm(&t.fault, n);
        const odd_status status = cache_run(&job);
        failed = fault_alloc_disarm(&t.fault);
        assert_true(status == ODD_OK || (failed && status == ODD_ENOMEM));
        assert_int_equal(t.fault.live, live);
        cache_job_end(&job);
        if (status == ODD_OK)
            engine_assert_same_file(&t, "model", "other");
    }
    testing_release(&t);
}

/* ---- two at once --------------------------------------------------------------------------- */

struct cache_guest {
    struct cache_job job;
    int guests;
};

static void cache_listen(void *user, const char *json)
{
    struct cache_guest *g = user;
    if (!strstr(json, "\"phase\":\"expert\"") || g->guests++ > 0)
        return;
    if (cache_run(&g->job) != ODD_OK)
        fail_msg("the guest: %s", odd_last_message(g->job.ctx));
}

/* One training begins and ends while the other fills the same cache. */
static void test_two_trainings(void **unused)
{
    struct testing t;
    (void)unused;
    cache_begin(&t, "cache_two_trainings");
    json_decref(cache_train_well(&t, "model", ""));
    struct cache_guest guest = {.guests = 0};
    struct odd_context *ctx = NULL;
    const char *const settings = cache_dir(&t, "expert-cache-mib=0");
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_int_equal(odd_context_set_threads(ctx, 1), ODD_OK);
    cache_job(&t, ctx, "guest", settings, &guest.job);
    odd_context_on_progress(t.ctx, cache_listen, &guest);
    if (cache_train(&t, "other", settings) != ODD_OK)
        fail_msg("%s", odd_last_message(t.ctx));
    odd_context_on_progress(t.ctx, NULL, NULL);
    cache_job_end(&guest.job);
    odd_context_free(ctx);
    assert_true(guest.guests > 0);
    engine_assert_same_file(&t, "model", "other");
    engine_assert_same_file(&t, "model", "guest");
    assert_int_equal(engine_count_files(&t, "cache", ""), 1);
    cache_same(&t, settings, 8, 8);
    testing_release(&t);
}

/* ---- apart and whole ----------------------------------------------------------------------- */

#define APART_SIDE 64
#define APART_PICTURE ((size_t)3 * APART_SIDE * APART_SIDE)
#define APART_BATCH 5

struct apart {
    struct oddi_trainer trainer;
    struct oddi_frozen frozen;
};

static odd_status apart_get(void *user, const float *pictures, int64_t count, float *const *value)
{
    struct oddi_frozen *f = user;
    odd_status status = ODD_OK;
    for (int64_t row = 0; row < count && status == ODD_OK; row++) {
        const int at = (int)(row * 3 % f->batch); /* any place in a chunk */
        oddi_frozen_set(f, at, pictures + (size_t)row * APART_PICTURE);
        status = oddi_frozen_run(f);
        for (int i = 0; i < f->build.frozens; i++) {
            const size_t n = oddi_frozen_floats(f, i);
            memcpy(value[i] + (size_t)row * n, oddi_frozen_value(f, i) + (size_t)at * n,
                   n * sizeof(float));
        }
    }
    return status;
}

static void apart_train(struct odd_context *ctx, const struct oddi_values *v, bool apart,
                        struct apart *a)
{
    static float pictures[APART_BATCH * APART_PICTURE];
    const struct oddi_method *m = &oddi_method_mkd;
    const struct oddi_trainer_net net = {
        .build = m->build, .values = v, .in = {3, APART_SIDE, APART_SIDE}, .stages = 1};
    memset(a, 0, sizeof(*a));
    assert_int_equal(oddi_trainer_init(&a->trainer, ctx, &net, 1, false), ODD_OK);
    assert_int_equal(oddi_recipe_read(&a->trainer.recipe, v, APART_BATCH), ODD_OK);
    if (apart) {
        assert_int_equal(oddi_frozen_open(&a->frozen, &a->trainer), ODD_OK);
        assert_true(a->frozen.build.frozens >= 3);
        a->trainer.frozen = (struct oddi_frozen_source){apart_get, &a->frozen};
    }
    for (int64_t step = 0; step < 4; step++) {
        struct oddi_rng rng;
        oddi_rng_init(&rng, 9, ODDI_RNG_TEST, (uint64_t)step, 0);
        for (size_t i = 0; i < ODDI_COUNT(pictures); i++)
            pictures[i] = oddi_rng_range(&rng, -1.0f, 1.0f);
        if (oddi_trainer_step(&a->trainer, 0, step, pictures, APART_BATCH - step % 2) != ODD_OK)
            fail_msg("%s", odd_last_message(ctx));
    }
}

static void apart_end(struct apart *a)
{
    oddi_frozen_close(&a->frozen);
    oddi_trainer_release(&a->trainer);
}

static void test_apart(void **unused)
{
    static const char *const networks[] = {"squeezenet1_1", "vgg11", "resnet18",
                                           "tf_efficientnet_lite0"};
    const struct oddi_param *tables[] = {oddi_method_mkd.params, oddi_recipe_params,
                                         oddi_expert_params, NULL};
    struct odd_context *ctx = NULL;
    (void)unused;
    assert_int_equal(odd_context_new(&ctx), ODD_OK);
    assert_int_equal(odd_context_set_threads(ctx, 2), ODD_OK);
    for (size_t k = 0; k < ODDI_COUNT(networks); k++) {
        struct oddi_values v;
        struct apart whole, apart;
        struct oddi_hash128 hash[2];
        assert_int_equal(oddi_values_init(&v, ctx, tables), ODD_OK);
        assert_int_equal(oddi_values_set(&v, "network", networks[k], "set"), ODD_OK);
        assert_int_equal(oddi_values_set(&v, "thin", "4", "set"), ODD_OK);
        assert_int_equal(oddi_values_set(&v, "lambda", "0.01", "set"), ODD_OK);
        apart_train(ctx, &v, false, &whole);
        apart_train(ctx, &v, true, &apart);
        for (int i = 0; i < whole.trainer.state.groups; i++)
            assert_memory_equal(whole.trainer.state.group[i].weights,
                                apart.trainer.state.group[i].weights,
                                whole.trainer.state.group[i].count * sizeof(float));
        assert_int_equal(oddi_frozen_hash(&apart.frozen, &apart.trainer.state, &hash[0]), ODD_OK);
        oddi_state_group(&apart.trainer.state, ODDI_EXPERT_GROUP)->weights[3] += 1.0f;
        assert_int_equal(oddi_frozen_hash(&apart.frozen, &apart.trainer.state, &hash[1]), ODD_OK);
        assert_false(oddi_hash_equal(&hash[0], &hash[1]));
        apart_end(&whole);
        apart_end(&apart);
        oddi_values_release(&v);
    }
    odd_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apart),         cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_parts),         cmocka_unit_test(test_half),
        cmocka_unit_test(test_kinds),         cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_damaged),       cmocka_unit_test(test_no_folder),
        cmocka_unit_test(test_disk_fails),    cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_two_trainings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
