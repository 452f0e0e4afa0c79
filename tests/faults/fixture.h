/* SPDX-License-Identifier: Apache-2.0
 *
 * Every entry of oddity.h as one call over one small world (pictures, a model, a scorer, a list of
 * scores with maps), so that the tests of this folder can make the Nth allocation or the Nth file
 * call of each fail.
 */
#ifndef TESTS_FAULTS_FIXTURE_H
#define TESTS_FAULTS_FIXTURE_H
#include "engine/support_test.h"

struct fixture {
    struct testing t;
    struct odd_options *synth, *train, *again, *eval; /* again: with resume=true */
    struct odd_dataset *set;
    struct odd_model *model;
    struct odd_scorer *scorer;
    struct odd_result *result; /* with its map */
    struct odd_pixels pixels;
    unsigned char samples[24 * 24 * 3];
    double score, pixels_score; /* of the first test picture, and of the samples */
    unsigned char *state;       /* of a training stopped after its first step */
    size_t state_size;
    struct engine_watch watch;
    int made; /* number of synthetic sets asked for */
};

struct fault_entry {
    const char *name;
    /* One call, or a few that belong together; what it makes is released. On ODD_OK the answer has
     * been checked. */
    odd_status (*run)(struct fixture *f);
    int growth; /* n grows by 1 + n / growth */
};
extern const struct fault_entry fault_entries[];

void fixture_init(struct fixture *f, const char *name, int threads);
void fixture_release(struct fixture *f);
/* Before a run: an old file under the names that the entry writes. */
void fixture_prepare(struct fixture *f, const struct fault_entry *entry);
/* After it: no temporary file; what was there is as it was, or whole and as it had to become; the
 * scorer scores as ever. */
void fixture_check(struct fixture *f, const struct fault_entry *entry, odd_status status);
#endif
