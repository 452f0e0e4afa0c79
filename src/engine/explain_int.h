/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of odd_explain: explain.c (beginning, end, JSON), explain_look.c (which patches, and
 * where a cell lies in a picture), explain_normals.c (pictures of the nearest normal patches),
 * explain_words.c (what differs), explain_page.c (the page).
 */
#ifndef ODDI_ENGINE_EXPLAIN_INT_H
#define ODDI_ENGINE_EXPLAIN_INT_H
#include "data/dataset.h"
#include "engine/scorer.h"
#include "engine/thumbs.h"

#define EXPLAIN_PATCHES 3
#define EXPLAIN_NEAR 3   /* normal patches beside each */
#define EXPLAIN_CELLS 6  /* a patch is so many cells wide and high */
#define EXPLAIN_CROP 256 /* pixels of a crop's side, at most */

/* How cells lie in a picture of one size. */
struct explain_view {
    struct oddi_geometry in;
    struct oddi_feature_grid grid;
    struct oddi_mapping mapping; /* of a picture seen as a whole */
    struct oddi_tiles tiles;
    bool tiled;
    int64_t width, height;
};

struct explain_near {
    int64_t picture; /* row of seen.train; -1: of a picture that the model has not seen */
    int64_t cell;
    float distance;
    const char *path;        /* NULL: not known */
    struct oddi_rect rect;   /* in that picture; width 0: not known */
    struct oddi_planes crop; /* RGB; bands 0: there is no picture */
};
/* By how much a patch differs from its nearest normal one. */
struct explain_words {
    bool known;
    double brighter, edges; /* shares, 0: the same */
    double shift[3];        /* of the shares of red, green and blue */
    char text[256];
};
struct explain_patch {
    int64_t cell;
    float distance;
    struct oddi_rect rect;
    float *row; /* its features */
    struct oddi_planes crop;
    struct explain_near near[EXPLAIN_NEAR];
    int nears;
    struct explain_words words;
};
struct explain_run {
    struct odd_context *ctx;
    const struct odd_model *model;
    struct odd_scorer *scorer;
    struct oddi_picture *picture;
    struct oddi_scored scored; /* its map is `map` */
    float *map;                /* in the picture's coordinates */
    struct explain_view view;
    struct explain_patch patch[EXPLAIN_PATCHES];
    int patches;
    struct odd_dataset *normals; /* NULL: none are given */
    struct oddi_thumbs thumbs;
    const char *source; /* of the normal pictures: "content", "features", "model", "none" */
};

/* explain_look.c */
odd_status oddi_explain_view(const struct explain_run *r, int64_t width, int64_t height,
                             struct explain_view *view);
/* The patch about a cell, false where it has no place in the picture. */
bool oddi_explain_place(const struct explain_view *v, int64_t cell, struct oddi_rect *rect);
/* Scores the picture and finds its most anomalous patches, with their features. */
odd_status oddi_explain_look(struct explain_run *r);
/* Rectangle of a picture in RGB, made smaller where it is larger than EXPLAIN_CROP. */
odd_status oddi_explain_crop(struct odd_context *ctx, const struct oddi_picture *picture,
                             const struct oddi_rect *rect, struct oddi_planes *crop);

odd_status oddi_explain_normals(struct explain_run *r);
odd_status oddi_explain_words(struct explain_run *r);
odd_status oddi_explain_page(const struct explain_run *r, const char *path);
#endif
