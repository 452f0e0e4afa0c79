/* SPDX-License-Identifier: Apache-2.0
 *
 * A training to be timed: a method with its settings, started from a seed, and the batches it is
 * fed with. It can be written to a safetensors file, from which another program trains the same:
 *
 *   init/NAME    parameters and running statistics before the first step
 *   input/I      batch I of BENCH_BATCHES, used in turn; values like those of prepared pictures
 *   metadata     "settings": every parameter with its value, as JSON
 */
#ifndef ODDITY_BENCH_JOB_H
#define ODDITY_BENCH_JOB_H
#include "engine/config.h"

#define BENCH_BATCHES 4

struct bench_job_options {
    const char *mode;  /* kernel sets, see graph/plan.h */
    int threads;       /* 0: as many as cores */
    int stage;         /* of training; -1: the last */
    int64_t channels;
    uint64_t seed;
    const char *const *settings; /* "name=value", NULL-terminated */
};
struct bench_job {
    struct odd_context *ctx;
    struct oddi_config config;
    struct oddi_trainer trainer;
    int stage;
    int64_t batch;
    size_t each; /* floats of one batch */
    float *input[BENCH_BATCHES];
};
/* The job must be released even after failure; then its context has the message. */
odd_status bench_job_open(struct bench_job *j, const struct bench_job_options *options);
odd_status bench_job_save(const struct bench_job *j, const char *path);
odd_status bench_job_step(struct bench_job *j, int64_t step);
/* The plan that the steps run, to look into. */
struct oddi_plan *bench_job_plan(const struct bench_job *j);
void bench_job_release(struct bench_job *j);
#endif
