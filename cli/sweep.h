/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of `oddity sweep`: sweep_plan.c (which runs there are), sweep_run.c (one run, whose
 * JSON says that it is finished), sweep_tables.c (runs.csv, tables.md), sweep_svg.c (curves.svg).
 */
#ifndef CLI_SWEEP_H
#define CLI_SWEEP_H
#include "cli/output.h"

#define SWEEP_AXES 12
#define SWEEP_RUNS 100000

/* X(name, place in a run's JSON, title in tables or NULL, decimals) */
#define SWEEP_METRIC_MAP(X)                                                                        \
    X(image_auroc, "eval.image.auroc", "image AUROC", 3)                                           \
    X(image_ap, "eval.image.ap", "image AP", 3)                                                    \
    X(image_f1max, "eval.image.f1max.value", NULL, 3)                                              \
    X(pixel_auroc, "eval.pixel.auroc", "pixel AUROC", 3)                                           \
    X(pixel_ap, "eval.pixel.ap", "pixel AP", 3)                                                    \
    X(aupro, "eval.pixel.aupro", "AUPRO", 3)                                                       \
    X(aupro05, "eval.pixel.aupro05", NULL, 3)                                                      \
    X(dice, "eval.pixel.dice", NULL, 3)                                                            \
    X(false_alarm_rate, "eval.at_threshold.false_alarm_rate", "false alarms", 3)                   \
    X(miss_rate, "eval.at_threshold.miss_rate", "missed", 3)                                       \
    X(threshold, "eval.at_threshold.threshold", NULL, 5)                                           \
    X(reconstruction, "reconstruction", "error of normals", 5)                                     \
    X(n_normal, "eval.n_normal", NULL, 0)                                                          \
    X(n_anomalous, "eval.n_anomalous", NULL, 0)                                                    \
    X(steps, "train.steps", NULL, 0)                                                               \
    X(seconds, "train.seconds", "seconds", 0)
enum sweep_metric {
#define SWEEP_METRIC_ENUM(name, path, title, digits) SWEEP_##name,
    SWEEP_METRIC_MAP(SWEEP_METRIC_ENUM)
#undef SWEEP_METRIC_ENUM
        SWEEP_METRICS
};
struct sweep_metric_info {
    const char *name, *path, *title;
    int digits;
};
extern const struct sweep_metric_info sweep_metrics[SWEEP_METRICS];

/* Something that varies. Axis 0 is the data, 1 the method, the last one the seed; between them
 * what --set names, in order. */
struct sweep_axis {
    const char *name;
    const char **value;
    int count;
};
struct sweep_run {
    const char **value; /* of each axis */
    const char *id;     /* name of its files */
    const char *key;    /* all that decides its result, as text */
    bool done;
    const char *error; /* why it failed; NULL */
    double metric[SWEEP_METRICS];
    const char *weights_hash;
};
struct sweep {
    struct cli *cli;
    const char *folder;
    struct odd_options *base; /* options of all runs */
    struct sweep_axis axis[SWEEP_AXES];
    int axes;
    struct sweep_run *run;
    int runs;
};

/* Fills axes and runs from the command line; CLI_DONE or an exit code after a message. */
int sweep_plan(struct sweep *sweep);
/* Options of one run, freed by the caller. */
odd_status sweep_run_options(const struct sweep *sweep, const struct sweep_run *run,
                             struct odd_options **options);
/* Does what is still to do of a run; `fresh` says whether there was anything. */
odd_status sweep_run_do(struct sweep *sweep, struct sweep_run *run, bool *fresh);
/* Reads a finished run's JSON; false when it is not finished. */
bool sweep_run_load(struct sweep *sweep, struct sweep_run *run);

/* Mean and standard deviation over the seeds, of runs that differ from `run` in the seed only. */
struct sweep_mean {
    double mean, spread; /* NaN when undefined; spread needs two */
    int count;
};
struct sweep_mean sweep_mean_of(const struct sweep *sweep, const struct sweep_run *run,
                                enum sweep_metric metric);
/* Whether two runs have equal values on all axes but `skip` and the seed. */
bool sweep_same(const struct sweep *sweep, const struct sweep_run *a, const struct sweep_run *b,
                int skip);
/* The axis that curves are drawn against: the first of --set with several values, else method. */
int sweep_curve_axis(const struct sweep *sweep);
/* "daad division=4x4x1": the values of a run without data and seed, and without axis `skip`. */
void sweep_label(struct oddi_str *s, const struct sweep *sweep, const struct sweep_run *run,
                 int skip);

odd_status sweep_write_csv(struct sweep *sweep);
odd_status sweep_write_tables(struct sweep *sweep);
odd_status sweep_write_svg(struct sweep *sweep);
#endif
