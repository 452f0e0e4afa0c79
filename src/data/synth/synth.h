/* SPDX-License-Identifier: Apache-2.0
 *
 * Synthetic data sets with exact masks: surfaces (weave, wood, speckle) and a machine part, normal
 * in many ways, damaged in five. Every picture is a function of (seed, kind, part, index) alone.
 * A mask holds exactly the pixels that differ visibly from the same picture without the damage.
 */
#ifndef ODDI_DATA_SYNTH_SYNTH_H
#define ODDI_DATA_SYNTH_SYNTH_H
#include "base/ctx.h"

enum oddi_synth_kind { ODDI_SYNTH_WEAVE, ODDI_SYNTH_WOOD, ODDI_SYNTH_SPECKLE, ODDI_SYNTH_PARTS,
                       ODDI_SYNTH_KINDS };
enum oddi_synth_defect {
    ODDI_SYNTH_SCRATCH, ODDI_SYNTH_SPOT, ODDI_SYNTH_BENT, ODDI_SYNTH_MISSING,
    ODDI_SYNTH_CONTAMINATION, ODDI_SYNTH_DEFECTS,
    ODDI_SYNTH_NONE = ODDI_SYNTH_DEFECTS
};
/* A pixel is in the mask when one of its channels changed by more than this (of 255). */
#define ODDI_SYNTH_MASK_LEVEL 3
#define ODDI_SYNTH_MIN_SIZE 32
#define ODDI_SYNTH_MAX_SIZE 1024

struct oddi_synth_options {
    enum oddi_synth_kind kind;
    unsigned defects; /* bit set, 1u << enum oddi_synth_defect */
    uint64_t seed;
    int size;         /* side in pixels */
    int train, test_normal, per_defect;
    double strength;  /* of the defects, 1 = as the table in README.md */
};
void oddi_synth_options_defaults(struct oddi_synth_options *options);

/* One picture. Part: 0 train, 1 test/good, 2 + defect. */
struct oddi_synth_which {
    enum oddi_synth_kind kind;
    enum oddi_synth_defect defect; /* ODDI_SYNTH_NONE for a normal one */
    uint64_t seed;
    int part, index, size;
    double strength;
};
const char *oddi_synth_kind_name(enum oddi_synth_kind kind);
const char *oddi_synth_defect_name(enum oddi_synth_defect defect);

/* rgb: size * size * 3 bytes, interleaved; mask: size * size bytes, 0 or 255, may be NULL. Thread
 * safe, allocates nothing. Returns the number of masked pixels (0 for a normal picture). */
int64_t oddi_synth_draw(const struct oddi_synth_which *which, unsigned char *rgb,
                        unsigned char *mask);

/* Writes FOLDER/{train/good,test/good,test/DEFECT,ground_truth/DEFECT}; refuses a folder that
 * already holds a train or test folder. */
odd_status oddi_synth_write(struct odd_context *ctx, const char *folder,
                            const struct oddi_synth_options *options);
#endif
