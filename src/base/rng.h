/* SPDX-License-Identifier: Apache-2.0
 *
 * Counter-based random numbers (Philox 4x32-10; Salmon et al., SC 2011): every draw is a function
 * of (seed, purpose, step, index) and its position in that stream, never of shared state, so
 * order of execution, threads and resuming cannot change a draw.
 */
#ifndef ODDI_BASE_RNG_H
#define ODDI_BASE_RNG_H
#include "base/ctx.h"

/* Purposes keep streams apart; append only, values are part of reproducibility. */
enum oddi_rng_purpose {
    ODDI_RNG_INIT = 1,   /* initial weights; step = hash of the tensor's name */
    ODDI_RNG_SHUFFLE,    /* order of pictures; step = epoch */
    ODDI_RNG_AUGMENT,    /* step = epoch, index = picture */
    ODDI_RNG_SPLIT,      /* hold-out and test splits */
    ODDI_RNG_SAMPLE,     /* --sample-train, --sample-test */
    ODDI_RNG_NOISE,      /* noise nodes; step = training step */
    ODDI_RNG_SEEDING,    /* memory seeding */
    ODDI_RNG_BOOTSTRAP,  /* confidence intervals */
    ODDI_RNG_SYNTH,      /* synthetic pictures; step = kind or part, index = picture */
    ODDI_RNG_PASTE,      /* pasted defects for automatic choices */
    ODDI_RNG_SELFTEST,   /* self-test pictures */
    ODDI_RNG_TEST        /* tests only */
};
struct oddi_rng {
    uint32_t key[2];
    uint32_t counter[4]; /* [0] position, [1] index low, [2] step low, [3] purpose and high words */
    uint32_t out[4];
    int left;
    bool has_normal;
    float normal;
};
/* Philox 4x32-10 itself, for known-answer tests. */
void oddi_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
void oddi_rng_init(struct oddi_rng *rng, uint64_t seed, enum oddi_rng_purpose purpose,
                   uint64_t step, uint64_t index);
uint32_t oddi_rng_u32(struct oddi_rng *rng);
float oddi_rng_uniform(struct oddi_rng *rng);                 /* [0,1), 24 bits */
float oddi_rng_range(struct oddi_rng *rng, float lo, float hi);
float oddi_rng_normal(struct oddi_rng *rng);                  /* mean 0, sd 1 (Box-Muller) */
uint64_t oddi_rng_below(struct oddi_rng *rng, uint64_t n);    /* unbiased, n >= 1 */
/* Fisher-Yates permutation of 0..n-1 into order. */
void oddi_rng_permutation(struct oddi_rng *rng, size_t n, uint32_t *order);
uint64_t oddi_hash_text(const char *text);                    /* XXH3-64; for keys and streams */
#endif
