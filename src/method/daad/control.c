/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps the two players of DAAD+ in balance. Where the discriminator tells real from made pictures
 * in more than 95 % of the cases (running average over about 100 steps) for 500 steps on end, its
 * learning rate is halved and the label of real pictures becomes 0.9. At most four halvings.
 */
#include "method/daad/daad.h"

enum { CONTROL_ACCURACY, CONTROL_STREAK, CONTROL_HALVINGS };
#define CONTROL_KEEP 0.99
#define CONTROL_HIGH 0.95
#define CONTROL_PATIENCE 500.0
#define CONTROL_HALVINGS_MAX 4.0
#define CONTROL_SMOOTH 0.9

void oddi_daad_control_start(const struct oddi_values *v, struct oddi_control *c)
{
    (void)v;
    c->state[CONTROL_ACCURACY] = 0.5;
    c->input[0] = "target.real";
    c->value[0] = 1.0;
    c->inputs = 1;
}

/* The smaller of the two accuracies on the batch; a logit above 0 says "real". */
static double control_accuracy(const struct oddi_build *b, const struct oddi_plan *plan)
{
    const struct oddi_node *real = oddi_build_find(b, "logit.real"),
                           *made = oddi_build_find(b, "logit.fake");
    if (!real || !made)
        return -1.0;
    const float *r = oddi_plan_output(plan, real), *m = oddi_plan_output(plan, made);
    const int64_t n = oddi_shape_count(&real->shape);
    int64_t right_real = 0, right_made = 0;
    for (int64_t i = 0; i < n; i++) {
        right_real += r[i] > 0.0f;
        right_made += m[i] <= 0.0f;
    }
    return (double)(right_real < right_made ? right_real : right_made) / (double)n;
}

void oddi_daad_control(struct oddi_control *c, const struct oddi_build *b,
                       const struct oddi_plan *plan)
{
    const double now = control_accuracy(b, plan);
    if (now < 0)
        return;
    double *s = c->state;
    s[CONTROL_ACCURACY] = CONTROL_KEEP * s[CONTROL_ACCURACY] + (1.0 - CONTROL_KEEP) * now;
    s[CONTROL_STREAK] = s[CONTROL_ACCURACY] > CONTROL_HIGH ? s[CONTROL_STREAK] + 1.0 : 0.0;
    if (s[CONTROL_STREAK] < CONTROL_PATIENCE || s[CONTROL_HALVINGS] >= CONTROL_HALVINGS_MAX)
        return;
    s[CONTROL_STREAK] = 0.0;
    s[CONTROL_HALVINGS] += 1.0;
    c->rate_scale[0] *= 0.5;
    c->value[0] = CONTROL_SMOOTH;
}
