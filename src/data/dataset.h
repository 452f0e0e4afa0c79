/* SPDX-License-Identifier: Apache-2.0
 *
 * A data set: which pictures there are, what each is labelled, and which part it belongs to.
 * Layouts (layouts/) fill the list from folders and files; splits.c assigns the parts; nothing
 * here decodes a picture until oddi_dataset_load_picture asks for one.
 *
 * After opening, a data set is read-only, so loader threads may share it, each with its own
 * context. All text lives in the data set's arena and as long as it does.
 */
#ifndef ODDI_DATA_DATASET_H
#define ODDI_DATA_DATASET_H
#include "base/alloc.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/params.h"
#include "pixels/pixels.h"

enum oddi_label { ODDI_LABEL_UNKNOWN = -1, ODDI_LABEL_NORMAL = 0, ODDI_LABEL_ANOMALOUS = 1 };

/* TUNE and CALIBRATE are held-out normals: automatic choices and normalization read TUNE,
 * thresholds read CALIBRATE and nothing else does. */
enum oddi_part {
    ODDI_PART_UNUSED,
    ODDI_PART_TRAIN,
    ODDI_PART_TUNE,
    ODDI_PART_CALIBRATE,
    ODDI_PART_TEST,
    ODDI_PART_COUNT
};
const char *oddi_part_name(enum oddi_part part); /* "unused", "train", ... */

struct oddi_sample {
    const char *path;  /* the file, or "FILE#12" for picture 12 of a container */
    const char *type;  /* class or defect type, "good" for MVTec's normals; never NULL */
    const char *mask;  /* file, NULL when there is none */
    const char *group; /* pictures of one group stay in one part; NULL: a group of its own */
    int64_t group_id;  /* dense numbers, the unit of bootstrap */
    int container;     /* index into odd_dataset.container, -1 for a file */
    int64_t index;     /* picture within the container */
    enum oddi_label label;
    enum oddi_part part;
};

/* Pictures that lie decoded in memory (IDX): u8, (count, height, width, bands). */
struct oddi_container {
    const char *path;
    unsigned char *data;
    int64_t count, height, width, bands;
};
#define ODDI_CONTAINERS_MAX 4

struct oddi_note {
    bool warning;
    const char *text;
};

struct odd_dataset {
    struct odd_context *ctx;
    struct oddi_arena arena;
    struct oddi_values values; /* of oddi_dataset_params */
    const char *root;          /* path as given, without trailing slashes */
    const char *layout;        /* name of the layout */
    const char *why;           /* what made it fit */
    bool has_split;            /* the data says what is training and what is test */
    bool strict;               /* unreadable pictures are errors */
    struct oddi_sample *sample;
    size_t count, capacity;
    int64_t groups;
    struct oddi_container container[ODDI_CONTAINERS_MAX];
    int containers;
    struct oddi_note *note;
    size_t notes, notes_capacity;
};

/* Options of odd_dataset_open. `seed` is not among them: what is in which part depends on
 * split-seed alone, so that `eval` finds the test part of `train` whatever the training's seed. */
extern const struct oddi_param oddi_dataset_params[];

/* --- for layouts and splits, while the data set is being opened --- */

/* Copies the sample and its text; an empty type becomes "". ODD_ELIMIT above 20 million. */
odd_status oddi_dataset_add(struct odd_dataset *ds, const struct oddi_sample *sample);
/* Something the user should read in the description; warnings are also logged. */
odd_status oddi_dataset_note(struct odd_dataset *ds, bool warning, const char *format, ...)
    ODDI_PRINTF(3, 4);

/* --- for everyone else --- */

/* Indices of the samples of one part in order; freed with oddi_free. n may be 0. */
odd_status oddi_dataset_select(struct odd_context *ctx, const struct odd_dataset *ds,
                               enum oddi_part part, uint32_t **index, size_t *n);
size_t oddi_dataset_count(const struct odd_dataset *ds, enum oddi_part part, enum oddi_label label);

/* XXH3-128 of the file's bytes, or of the picture's bytes in a container. */
odd_status oddi_dataset_hash(struct odd_context *ctx, const struct odd_dataset *ds, size_t index,
                             struct oddi_hash128 *hash);
/* Decodes the picture; the caller frees it with oddi_picture_free. */
odd_status oddi_dataset_load_picture(struct odd_context *ctx, const struct odd_dataset *ds,
                                     size_t index, struct oddi_picture **picture);
/* Both of that with one reading of the file. */
odd_status oddi_dataset_load_hashed(struct odd_context *ctx, const struct odd_dataset *ds,
                                    size_t index, struct oddi_picture **picture,
                                    struct oddi_hash128 *hash);
/* The mask of width x height bytes, 1 where any band is above 0; freed with oddi_free. *mask is
 * NULL when the sample has none. A mask of another size than width x height is ODD_ESHAPE. */
odd_status oddi_dataset_load_mask(struct odd_context *ctx, const struct odd_dataset *ds,
                                  size_t index, int64_t width, int64_t height,
                                  unsigned char **mask);
#endif
