/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be told without a model? The strengths of the defects (damage.c) were chosen with this
 * program and nothing else: for each kind at strength 1 the best of five scores that any script
 * can compute must lie between .55 and .80, so that a set is neither trivial nor hopeless.
 *
 *   mean grey     |mean grey - the training pictures' mean|, or the grey itself, either way round
 *   mean picture  squared distance to the mean training picture
 *   neighbour     squared distance to the nearest training picture
 *   detail        largest |picture - its Gaussian blur (sigma 1.5)|
 *   local detail  largest mean of the squared detail over 7 x 7, over its mean in the picture
 *
 * Without arguments: all kinds at seed 0, checked. Arguments: KIND SEED STRENGTH, printed only.
 */
#include "data/synth/synth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parallel.h"

enum {
    SIDE = 128, AREA = SIDE * SIDE, TRAIN = 200, NORMAL = 50, PER_DEFECT = 20,
    TEST = NORMAL + ODDI_SYNTH_DEFECTS * PER_DEFECT, BLUR = 4, WINDOW = 3, SCORES = 6
};
static const char *const baselines_names[SCORES] = {"|mean grey|", "mean grey", "mean picture",
                                                    "neighbour", "detail", "local detail"};

struct baselines {
    struct oddi_synth_which base;
    float *train, *test, *mean; /* (TRAIN, SIDE, SIDE), (TEST, SIDE, SIDE), (SIDE, SIDE) */
    double score[SCORES][TEST];
};

static void baselines_grey(struct oddi_synth_which which, float *grey)
{
    unsigned char rgb[3 * AREA];
    oddi_synth_draw(&which, rgb, NULL);
    for (int p = 0; p < AREA; p++)
        grey[p] = (float)(rgb[3 * p] + rgb[3 * p + 1] + rgb[3 * p + 2]) / (3 * 255.0f);
}

static void baselines_train_one(void *arg, int64_t i)
{
    struct baselines *b = arg;
    struct oddi_synth_which w = b->base;
    w.index = (int)i;
    baselines_grey(w, b->train + AREA * i);
}

static int baselines_mirror(int i)
{
    return i < 0 ? -i : i >= SIDE ? 2 * SIDE - 2 - i : i;
}

/* Separable filter with `taps` weights about its middle. */
static void baselines_filter(const float *src, const float *weight, int half, float *dst)
{
    static _Thread_local float rows[AREA];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float sum = 0;
            for (int k = -half; k <= half; k++)
                sum += weight[k + half] * src[y * SIDE + baselines_mirror(x + k)];
            rows[y * SIDE + x] = sum;
        }
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float sum = 0;
            for (int k = -half; k <= half; k++)
                sum += weight[k + half] * rows[baselines_mirror(y + k) * SIDE + x];
            dst[y * SIDE + x] = sum;
        }
}

static double baselines_distance(const float *a, const float *b)
{
    double sum = 0;
    for (int p = 0; p < AREA; p++) {
        float d = a[p] - b[p];
        sum += (double)(d * d);
    }
    return sum;
}

static void baselines_detail(const float *grey, double *largest, double *local)
{
    float blur[AREA], gauss[2 * BLUR + 1], box[2 * WINDOW + 1], total = 0;
    double mean = 0, top = 0;
    for (int k = -BLUR; k <= BLUR; k++)
        total += gauss[k + BLUR] = expf(-(float)(k * k) / (2 * 1.5f * 1.5f));
    for (int k = 0; k <= 2 * BLUR; k++)
        gauss[k] /= total;
    for (int k = 0; k <= 2 * WINDOW; k++)
        box[k] = 1.0f / (2 * WINDOW + 1);
    baselines_filter(grey, gauss, BLUR, blur);
    *largest = 0;
    for (int p = 0; p < AREA; p++) {
        float d = grey[p] - blur[p];
        *largest = fmax(*largest, (double)fabsf(d));
        blur[p] = d * d;
        mean += (double)(d * d) / AREA;
    }
    baselines_filter(blur, box, WINDOW, blur);
    for (int p = 0; p < AREA; p++)
        top = fmax(top, (double)blur[p]);
    *local = top / mean;
}

static void baselines_test_one(void *arg, int64_t i)
{
    struct baselines *b = arg;
    struct oddi_synth_which w = b->base;
    float *grey = b->test + AREA * i;
    double mean = 0, middle = 0, nearest = INFINITY;
    int k = (int)i - NORMAL;
    w.part = 1;
    w.index = (int)i;
    if (k >= 0) {
        w.defect = (enum oddi_synth_defect)(k / PER_DEFECT);
        w.part = 2 + (int)w.defect;
        w.index = k % PER_DEFECT;
    }
    baselines_grey(w, grey);
    for (int p = 0; p < AREA; p++) {
        mean += (double)grey[p] / AREA;
        middle += (double)b->mean[p] / AREA;
    }
    for (int t = 0; t < TRAIN; t++)
        nearest = fmin(nearest, baselines_distance(grey, b->train + AREA * t));
    b->score[0][i] = fabs(mean - middle);
    b->score[1][i] = mean;
    b->score[2][i] = baselines_distance(grey, b->mean);
    b->score[3][i] = nearest;
    baselines_detail(grey, &b->score[4][i], &b->score[5][i]);
}

/* Over the damaged pictures from..to-1 of the test part against its normal ones. */
static double baselines_auroc(const double *score, int from, int to)
{
    double wins = 0;
    for (int a = from; a < to; a++)
        for (int n = 0; n < NORMAL; n++)
            wins += score[a] > score[n] ? 1 : score[a] == score[n] ? 0.5 : 0;
    return wins / ((double)(to - from) * NORMAL);
}

/* Prints the table of one set; returns its best AUROC. */
static double baselines_print(const struct baselines *b)
{
    double best = 0;
    printf("%s, seed %llu, strength %g\n", oddi_synth_kind_name(b->base.kind),
           (unsigned long long)b->base.seed, b->base.strength);
    for (int s = 0; s < SCORES; s++) {
        double all = baselines_auroc(b->score[s], NORMAL, TEST);
        /* darker or brighter: a script's author may choose */
        double either = s == 1 ? fmax(all, 1 - all) : all;
        best = fmax(best, either);
        printf("  %-13s %.3f ", baselines_names[s], either);
        for (int d = 0; d < ODDI_SYNTH_DEFECTS; d++) {
            int from = NORMAL + d * PER_DEFECT;
            printf("  %s %.2f", oddi_synth_defect_name((enum oddi_synth_defect)d),
                   baselines_auroc(b->score[s], from, from + PER_DEFECT));
        }
        printf("\n");
    }
    printf("  best          %.3f\n", best);
    return best;
}

static odd_status baselines_run(struct odd_context *ctx, struct baselines *b,
                                struct oddi_synth_which base, double *best)
{
    odd_status status = ODD_ENOMEM;
    memset(b, 0, sizeof(*b));
    b->base = base;
    b->train = oddi_alloc_array(ctx, (size_t)TRAIN * AREA, sizeof(float));
    b->test = oddi_alloc_array(ctx, (size_t)TEST * AREA, sizeof(float));
    b->mean = oddi_calloc(ctx, AREA, sizeof(float));
    if (b->train != NULL && b->test != NULL && b->mean != NULL) {
        oddi_parallel(ctx->threads, TRAIN, baselines_train_one, b);
        for (int t = 0; t < TRAIN; t++)
            for (int p = 0; p < AREA; p++)
                b->mean[p] += b->train[(size_t)t * AREA + (size_t)p] / TRAIN;
        oddi_parallel(ctx->threads, TEST, baselines_test_one, b);
        *best = baselines_print(b);
        status = ODD_OK;
    }
    oddi_free(ctx, b->train);
    oddi_free(ctx, b->test);
    oddi_free(ctx, b->mean);
    return status;
}

int main(int argc, char **argv)
{
    static struct baselines b;
    struct odd_context *ctx = NULL;
    int outside = 0;
    if (odd_context_new(&ctx) != ODD_OK)
        return 1;
    for (int kind = 0; kind < ODDI_SYNTH_KINDS; kind++) {
        double best = 0;
        struct oddi_synth_which base = {.kind = (enum oddi_synth_kind)kind,
                                        .defect = ODDI_SYNTH_NONE, .size = SIDE, .strength = 1};
        if (argc == 4 && strcmp(argv[1], oddi_synth_kind_name(base.kind)) != 0)
            continue;
        if (argc == 4) {
            base.seed = strtoull(argv[2], NULL, 10);
            base.strength = strtod(argv[3], NULL);
        }
        outside += baselines_run(ctx, &b, base, &best) != ODD_OK;
        outside += argc == 1 && !(best >= 0.55 && best <= 0.80);
    }
    odd_context_free(ctx);
    return outside != 0;
}
