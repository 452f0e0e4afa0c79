/* SPDX-License-Identifier: Apache-2.0
 * The small world of this folder's tests; see fixture.h. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "image/image.h"
#include "store/state.h"

#define FIXTURE_SYNTH "size=32 train=10 test-normal=2 per-defect=1 defects=spot strength=4 "
#define FIXTURE_TRAIN ENGINE_TINY "steps=3 hold-out=4 strict=true cache-mib=1 variant=daad+ "
#define FIXTURE_OLD "what was there before"

/* A path without a file call or an allocation, in one of four buffers used in turn. */
static const char *fixture_path(struct fixture *f, const char *name)
{
    static char buffers[4][512];
    static int turn;
    char *path = buffers[turn++ % 4];
    snprintf(path, sizeof(buffers[0]), "%s/%s", f->t.folder, name);
    return path;
}

/* ---- entries ------------------------------------------------------------------------------- */

static odd_status run_options(struct fixture *f)
{
    struct odd_options *o = NULL;
    odd_status status = ODD_OK;
    TRY(odd_options_new(f->t.ctx, &o));
    for (int i = 0; i < 20; i++)
        TRY(odd_options_set(o, "name", "value"));
    TRY(odd_options_load(o, fixture_path(f, "options.yaml")));
out:
    odd_options_free(o);
    return status;
}

static odd_status run_dataset(struct fixture *f)
{
    struct odd_dataset *ds = NULL;
    char *text = NULL, *json = NULL;
    odd_status status = ODD_OK;
    TRY(odd_dataset_open(f->t.ctx, fixture_path(f, "set"), f->train, &ds));
    TRY(odd_dataset_describe(ds, &text, &json));
out:
    odd_text_free(f->t.ctx, text);
    odd_text_free(f->t.ctx, json);
    odd_dataset_free(ds);
    return status;
}

static odd_status run_list(struct fixture *f)
{
    struct odd_dataset *ds = NULL;
    const odd_status status = odd_dataset_open(f->t.ctx, fixture_path(f, "list.csv"), NULL, &ds);
    odd_dataset_free(ds);
    return status;
}

static odd_status run_train(struct fixture *f)
{
    char *report = NULL;
    engine_watch(&f->t, &f->watch, "\"event\"", 0);
    const odd_status status =
        odd_train(f->t.ctx, f->set, f->train, fixture_path(f, "model"), &report);
    engine_unwatch(&f->t);
    assert_true((report != NULL) == (status == ODD_OK));
    odd_text_free(f->t.ctx, report);
    return status;
}

/* Stopped after the first step: the state is written. */
static odd_status run_stop(struct fixture *f)
{
    engine_watch(&f->t, &f->watch, "\"event\":\"start\"", 1);
    const odd_status status =
        odd_train(f->t.ctx, f->set, f->train, fixture_path(f, "stopped"), NULL);
    const bool heard = f->watch.seen > 0;
    engine_unwatch(&f->t);
    assert_true(status != ODD_OK || !heard); /* without memory an event is left out */
    return status == ODD_ECANCELLED ? ODD_OK : status;
}

static odd_status run_resume(struct fixture *f)
{
    return odd_train(f->t.ctx, f->set, f->again, fixture_path(f, "resumed"), NULL);
}

static odd_status run_model(struct fixture *f)
{
    struct odd_model *m = NULL;
    char *info = NULL, *verified = NULL;
    odd_status status = ODD_OK;
    TRY(odd_model_load(f->t.ctx, fixture_path(f, "reference"), &m));
    TRY(odd_model_info(m, &info));
    TRY(odd_model_verify(f->t.ctx, m, &verified));
    TRY(odd_model_verify(f->t.ctx, m, NULL));
out:
    odd_text_free(f->t.ctx, info);
    odd_text_free(f->t.ctx, verified);
    odd_model_free(m);
    return status;
}

static odd_status run_scorer(struct fixture *f)
{
    struct odd_scorer *s = NULL;
    const odd_status status = odd_scorer_new(f->t.ctx, f->model, &s);
    odd_scorer_free(s);
    return status;
}

static odd_status run_score(struct fixture *f)
{
    struct odd_result *r = NULL, *map = NULL;
    odd_status status = ODD_OK;
    TRY(odd_scorer_score(f->scorer, &f->pixels, false, &r));
    TRY(odd_scorer_score(f->scorer, &f->pixels, true, &map));
    assert_true(odd_result_score(r) == f->pixels_score && odd_result_score(map) == f->pixels_score);
out:
    odd_result_free(r);
    odd_result_free(map);
    return status;
}

static odd_status run_score_file(struct fixture *f)
{
    struct odd_result *r = NULL;
    const odd_status status =
        odd_scorer_score_file(f->scorer, fixture_path(f, "set/test/good/000.png"), true, &r);
    if (status == ODD_OK)
        assert_true(odd_result_score(r) == f->score);
    odd_result_free(r);
    return status;
}

static odd_status run_writes(struct fixture *f)
{
    odd_status status = ODD_OK;
    TRY(odd_result_write_overlay(f->result, fixture_path(f, "overlay.png")));
    TRY(odd_result_write_map(f->result, fixture_path(f, "map.tiff")));
out:
    return status;
}

static odd_status run_eval(struct fixture *f)
{
    char *json = NULL;
    const odd_status status = odd_eval(f->t.ctx, f->model, f->set, f->eval, &json);
    assert_true((json != NULL) == (status == ODD_OK));
    odd_text_free(f->t.ctx, json);
    return status;
}

static odd_status run_eval_scores(struct fixture *f)
{
    char *json = NULL;
    const odd_status status = odd_eval_scores(f->t.ctx, fixture_path(f, "scores.csv"),
                                              fixture_path(f, "maps"), f->set, NULL, &json);
    odd_text_free(f->t.ctx, json);
    return status;
}

static odd_status run_synth(struct fixture *f)
{
    char name[32];
    snprintf(name, sizeof(name), "synth%d", f->made++);
    return odd_synth(f->t.ctx, fixture_path(f, name), f->synth);
}

static odd_status run_trace(struct fixture *f)
{
    char *json = NULL;
    const odd_status status = odd_trace(f->t.ctx, f->model, &f->pixels, &json);
    odd_text_free(f->t.ctx, json);
    return status;
}

static odd_status run_methods(struct fixture *f)
{
    char *json = NULL;
    const odd_status status = odd_methods_describe(f->t.ctx, NULL, &json);
    odd_text_free(f->t.ctx, json);
    return status;
}

const struct fault_entry fault_entries[] = {{"options", run_options, 1000},
                                            {"data set", run_dataset, 1000},
                                            {"list", run_list, 1000},
                                            {"model", run_model, 100},
                                            {"scorer", run_scorer, 100},
                                            {"score", run_score, 1000},
                                            {"score file", run_score_file, 1000},
                                            {"writes", run_writes, 1000},
                                            {"eval", run_eval, 100},
                                            {"eval scores", run_eval_scores, 200},
                                            {"synth", run_synth, 100},
                                            {"trace", run_trace, 60},
                                            {"methods", run_methods, 100},
                                            {"train", run_train, 100},
                                            {"stop", run_stop, 60},
                                            {"resume", run_resume, 60},
                                            {NULL, NULL, 0}};

/* ---- the world ----------------------------------------------------------------------------- */

static void fixture_maps(struct fixture *f)
{
    static const char *const names[] = {"good/000", "good/001", "spot/000"};
    for (size_t i = 0; i < ODDI_COUNT(names); i++) {
        struct odd_result *r = NULL;
        char picture[64], map[64];
        snprintf(picture, sizeof(picture), "set/test/%s.png", names[i]);
        snprintf(map, sizeof(map), "maps/test/%s.tiff", names[i]);
        assert_int_equal(odd_scorer_score_file(f->scorer, testing_path(&f->t, picture), true, &r),
                         ODD_OK);
        assert_int_equal(odd_result_write_map(r, testing_path(&f->t, map)), ODD_OK);
        odd_result_free(r);
    }
    testing_text(&f->t, "scores.csv",
                 "path,score\ngood/000.png,1\ngood/001.png,2\nspot/000.png,3\n");
}

static void fixture_model(struct fixture *f)
{
    struct odd_result *r = NULL;
    struct testing *t = &f->t;
    assert_int_equal(odd_train(t->ctx, f->set, f->train, testing_path(t, "reference"), NULL),
                     ODD_OK);
    f->model = engine_load(t, "reference");
    assert_int_equal(odd_scorer_new(t->ctx, f->model, &f->scorer), ODD_OK);
    f->score = engine_score(t, f->scorer, "set/test/good/000.png", false);
    for (size_t i = 0; i < sizeof(f->samples); i++)
        f->samples[i] = (unsigned char)(i * 7 % 251);
    f->pixels = (struct odd_pixels){sizeof(f->pixels), f->samples, 24, 24, 3, ODD_U8, 0, false};
    assert_int_equal(odd_scorer_score(f->scorer, &f->pixels, false, &r), ODD_OK);
    f->pixels_score = odd_result_score(r);
    odd_result_free(r);
    assert_int_equal(odd_scorer_score_file(f->scorer, testing_path(t, "set/test/spot/000.png"),
                                           true, &f->result),
                     ODD_OK);
    assert_int_equal(run_stop(f), ODD_OK);
    f->state = engine_read(t, "stopped.state", &f->state_size);
}

void fixture_init(struct fixture *f, const char *name, int threads)
{
    char eval[600];
    memset(f, 0, sizeof(*f));
    testing_init(&f->t, name);
    assert_int_equal(odd_context_set_threads(f->t.ctx, threads), ODD_OK);
    snprintf(eval, sizeof(eval), "resamples=10 pictures=true maps-count=1 metric-size=16 maps=%s",
             testing_path(&f->t, "overlays"));
    f->synth = engine_options(&f->t, FIXTURE_SYNTH);
    f->train = engine_options(&f->t, FIXTURE_TRAIN);
    f->again = engine_options(&f->t, FIXTURE_TRAIN "resume=true");
    f->eval = engine_options(&f->t, eval);
    assert_int_equal(odd_synth(f->t.ctx, testing_path(&f->t, "set"), f->synth), ODD_OK);
    assert_int_equal(odd_dataset_open(f->t.ctx, testing_path(&f->t, "set"), f->train, &f->set),
                     ODD_OK);
    testing_text(&f->t, "list.csv",
                 "path,label,group\nset/train/good/000.png,ok,a\nset/test/spot/000.png,ng,\n");
    testing_text(&f->t, "options.yaml", "steps: 3\nvariant: daad\n");
    fixture_model(f);
    fixture_maps(f);
}

void fixture_release(struct fixture *f)
{
    odd_text_free(f->t.ctx, (char *)f->state);
    odd_result_free(f->result);
    odd_scorer_free(f->scorer);
    odd_model_free(f->model);
    odd_dataset_free(f->set);
    odd_options_free(f->synth);
    odd_options_free(f->train);
    odd_options_free(f->again);
    odd_options_free(f->eval);
    testing_release(&f->t);
}

/* Not synced: these are written some thousand times. */
static void fixture_write(struct fixture *f, const char *name, const void *data, size_t size)
{
    FILE *file = fopen(fixture_path(f, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void fixture_prepare(struct fixture *f, const struct fault_entry *entry)
{
    if (entry->run == run_train)
        fixture_write(f, "model", FIXTURE_OLD, strlen(FIXTURE_OLD));
    if (entry->run == run_stop)
        fixture_write(f, "stopped.state", f->state, f->state_size);
    if (entry->run == run_resume) {
        remove(fixture_path(f, "resumed"));
        fixture_write(f, "resumed.state", f->state, f->state_size);
    }
    if (entry->run == run_writes) {
        fixture_write(f, "overlay.png", FIXTURE_OLD, strlen(FIXTURE_OLD));
        fixture_write(f, "map.tiff", FIXTURE_OLD, strlen(FIXTURE_OLD));
    }
}

static bool fixture_is_old(struct fixture *f, const char *name)
{
    size_t size = 0;
    unsigned char *data = engine_read(&f->t, name, &size);
    const bool old = size == strlen(FIXTURE_OLD) && memcmp(data, FIXTURE_OLD, size) == 0;
    odd_text_free(f->t.ctx, (char *)data);
    return old;
}

/* A failed call may have failed after its file was written: then it is the whole new one. */
static void fixture_check_train(struct fixture *f, odd_status status)
{
    if (status == ODD_OK || !fixture_is_old(f, "model"))
        engine_assert_same_file(&f->t, "model", "reference");
}

static void fixture_check_stop(struct fixture *f)
{
    struct oddi_state_file state;
    if (!engine_exists(&f->t, "stopped.state")) /* it was not stopped */
        return;
    oddi_state_file_init(&state, f->t.ctx);
    assert_int_equal(oddi_state_file_load(&state, fixture_path(f, "stopped.state")), ODD_OK);
    oddi_state_file_release(&state);
}

static void fixture_check_writes(struct fixture *f, odd_status status)
{
    static const char *const names[] = {"overlay.png", "map.tiff"};
    for (size_t i = 0; i < ODDI_COUNT(names); i++) {
        struct oddi_picture *p = NULL;
        if (status != ODD_OK && fixture_is_old(f, names[i]))
            continue;
        assert_int_equal(
            oddi_image_load(f->t.ctx, fixture_path(f, names[i]), ODDI_IMAGE_BUDGET, &p), ODD_OK);
        oddi_picture_free(f->t.ctx, p);
    }
}

void fixture_check(struct fixture *f, const struct fault_entry *entry, odd_status status)
{
    struct odd_result *r = NULL;
    assert_int_equal(engine_count_files(&f->t, "", ".oddity-"), 0);
    if (entry->run == run_train)
        fixture_check_train(f, status);
    if (entry->run == run_stop)
        fixture_check_stop(f);
    if (entry->run == run_resume && engine_exists(&f->t, "resumed"))
        engine_assert_same_file(&f->t, "resumed", "reference");
    if (entry->run == run_writes)
        fixture_check_writes(f, status);
    assert_int_equal(odd_scorer_score(f->scorer, &f->pixels, false, &r), ODD_OK);
    assert_true(odd_result_score(r) == f->pixels_score);
    odd_result_free(r);
}
