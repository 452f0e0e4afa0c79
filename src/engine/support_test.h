/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of this folder share, on top of data/support_test.h: small synthetic sets,
 * trainings of a moment, a listener that can stop them, and looks into models and answers.
 *
 * Settings are one text, "name=value name=value"; a later one wins.
 */
#ifndef ODDI_ENGINE_SUPPORT_TEST_H
#define ODDI_ENGINE_SUPPORT_TEST_H
#include "data/support_test.h"
#include "store/model.h"

/* The smallest network, 12 steps of 4 pictures of 32 x 32. */
#define ENGINE_TINY "preset=small size=32 width=4 items=10 batch=4 steps=12 checkpoint=0 "

/* MVTec's layout in folder `name`: `train` normals of 32 x 32, 4 normal test pictures, 2 of each of
 * two defects. */
void engine_synth(struct testing *t, const char *name, int train);
struct odd_options *engine_options(struct testing *t, const char *settings);
odd_status engine_open(struct testing *t, const char *data, const char *settings,
                       struct odd_dataset **ds);
/* Trains on `data` into `model` with ENGINE_TINY and settings; both are names in the test's folder.
 * `report` may be NULL, else it is freed with odd_text_free. */
odd_status engine_train(struct testing *t, const char *data, const char *model,
                        const char *settings, char **report);
/* The same, which must succeed. */
void engine_train_well(struct testing *t, const char *data, const char *model,
                       const char *settings);
struct odd_model *engine_load(struct testing *t, const char *model);
/* Evaluates with a data set opened with the same settings; the report as JSON. */
odd_status engine_eval(struct testing *t, const struct odd_model *m, const char *data,
                       const char *settings, json_t **report);
/* The score of a file, which must be scored. */
double engine_score(struct testing *t, struct odd_scorer *s, const char *name, bool want_map);

/* Whole files. */
bool engine_exists(struct testing *t, const char *name);
unsigned char *engine_read(struct testing *t, const char *name, size_t *size); /* odd_text_free */
void engine_assert_same_file(struct testing *t, const char *a, const char *b);
/* Names in folder `name` of the test's folder that contain `part`. */
int engine_count_files(struct testing *t, const char *name, const char *part);
void engine_copy(struct testing *t, const char *from, const char *to);

/* Parses and frees the text of an answer. */
json_t *engine_json(struct testing *t, char *text);
/* Follows names separated by '.', asserting that each is there. */
const json_t *engine_at(const json_t *json, const char *path);
double engine_number(const json_t *json, const char *path);
const char *engine_text(const json_t *json, const char *path);
json_t *engine_info(struct testing *t, const char *model);
void engine_assert_message(struct testing *t, const char *part);

/* A file of random weights of a network of nn/nets, and how it is made. */
struct engine_fake {
    const char *prefix;
    bool head, nan, extra;
    const char *without; /* a tensor that is left out */
};
void engine_expert(struct testing *t, const char *network, const char *name,
                   const struct engine_fake *f);

/* Listens to progress: counts events that contain `text`; asks to stop at the nth of them. */
struct engine_watch {
    struct odd_context *ctx;
    const char *text;
    int stop_at; /* 0: never */
    int seen;
    char last[2048]; /* the last of them */
};
void engine_watch(struct testing *t, struct engine_watch *w, const char *text, int stop_at);
void engine_unwatch(struct testing *t);

/* An uncompressed TIFF of samples of 8 or 16 bits (bands 3: RGB, 4: with alpha): a smooth picture
 * that differs with `seed`. */
struct engine_look {
    int width, height, bands, bits;
};
void engine_tiff(struct testing *t, const char *name, struct engine_look look, int seed);
#endif
