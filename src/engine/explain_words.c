/* SPDX-License-Identifier: Apache-2.0
 *
 * In what a patch differs from the nearest normal one, by its pixels: both at the smaller of the
 * two sizes, with luma L = 0.299 R + 0.587 G + 0.114 B, brightness  mean of L in the middle half,
 * as a share of the normal patch's colour      share of R, G and B in R + G + B there: what the
 * shares differ by edges       mean of |dL/dx| + |dL/dy|, as a share of the normal patch's
 */
#include <math.h>
#include <stdio.h>

#include "base/str.h"
#include "engine/explain_int.h"
#include "pixels/resize.h"

#define WORDS_BRIGHTER 0.03 /* what is said begins here */
#define WORDS_SHIFT 0.01
#define WORDS_EDGES 0.2
#define WORDS_DARK (1.0 / 255.0) /* below it a share says nothing */
#define WORDS_FLAT (0.5 / 255.0)

struct words_sums {
    double luma, share[3], edges;
};

static double words_luma(const struct oddi_planes *p, int64_t i)
{
    const int64_t n = p->width * p->height;
    return 0.299 * (double)p->data[i] + 0.587 * (double)p->data[n + i] +
           0.114 * (double)p->data[2 * n + i];
}

static void words_middle(const struct oddi_planes *p, struct words_sums *s)
{
    const int64_t n = p->width * p->height, x0 = p->width / 4, y0 = p->height / 4;
    double sum[3] = {0, 0, 0}, all = 0, luma = 0;
    int64_t count = 0;
    for (int64_t y = y0; y < p->height - y0; y++)
        for (int64_t x = x0; x < p->width - x0; x++, count++) {
            luma += words_luma(p, y * p->width + x);
            for (int b = 0; b < 3; b++)
                sum[b] += (double)p->data[b * n + y * p->width + x];
        }
    s->luma = luma / (double)count;
    all = sum[0] + sum[1] + sum[2];
    for (int b = 0; b < 3; b++)
        s->share[b] = all / (double)count > 3 * WORDS_DARK ? sum[b] / all : 1.0 / 3.0;
}

static double words_edges(const struct oddi_planes *p)
{
    double sum = 0;
    for (int64_t y = 0; y + 1 < p->height; y++)
        for (int64_t x = 0; x + 1 < p->width; x++) {
            const int64_t i = y * p->width + x;
            sum += fabs(words_luma(p, i + 1) - words_luma(p, i)) +
                   fabs(words_luma(p, i + p->width) - words_luma(p, i));
        }
    const int64_t count = (p->width - 1) * (p->height - 1);
    return count > 0 ? sum / (double)count : 0;
}

/* Both brought to one size, the smaller. */
static odd_status words_measure(struct odd_context *ctx, const struct oddi_planes *crop,
                                const struct oddi_planes *other, struct words_sums *s)
{
    struct oddi_planes small = {0};
    const int64_t w = crop->width < other->width ? crop->width : other->width,
                  h = crop->height < other->height ? crop->height : other->height;
    const odd_status status = oddi_planes_resize(ctx, crop, w, h, &small);
    if (status != ODD_OK)
        return status;
    words_middle(&small, s);
    s->edges = words_edges(&small);
    oddi_planes_release(ctx, &small);
    return ODD_OK;
}

/* The colour whose share changes most. */
static const char *words_colour(const double shift[3])
{
    static const char *const more[] = {"redder", "greener", "bluer"}, *const less[] = {"less red",
                                                                                       "less green",
                                                                                       "yellower"};
    int most = 0;
    for (int b = 1; b < 3; b++)
        most = fabs(shift[b]) > fabs(shift[most]) ? b : most;
    if (fabs(shift[most]) < WORDS_SHIFT)
        return NULL;
    return shift[most] > 0 ? more[most] : less[most];
}

static void words_add(struct oddi_str *s, const char *text)
{
    oddi_str_add(s, s->length > 0 ? ", " : "");
    oddi_str_add(s, text);
}

static odd_status words_say(struct odd_context *ctx, struct explain_words *w)
{
    char one[64];
    struct oddi_str s;
    const char *colour = words_colour(w->shift);
    oddi_str_init(&s, ctx);
    if (fabs(w->brighter) >= WORDS_BRIGHTER) {
        snprintf(one, sizeof(one), "%.0f %% %s", 100 * fabs(w->brighter),
                 w->brighter > 0 ? "brighter" : "darker");
        words_add(&s, one);
    }
    if (colour)
        words_add(&s, colour);
    if (fabs(w->edges) >= WORDS_EDGES) {
        snprintf(one, sizeof(one), "%s edges (%+.0f %%)", w->edges > 0 ? "more" : "fewer",
                 100 * w->edges);
        words_add(&s, one);
    }
    if (s.length == 0)
        words_add(&s, "as bright, as colourful and with as many edges: shape or texture differ");
    const odd_status status = oddi_str_status(&s);
    snprintf(w->text, sizeof(w->text), "%s", s.text);
    oddi_str_release(&s);
    return status;
}

/* From what the normal patch has to what this one has, as a share; at most 9.99. */
static double words_change(double now, double normal, double least)
{
    const double change = now / (normal > least ? normal : least) - 1.0;
    return change > 9.99 ? 9.99 : change;
}

odd_status oddi_explain_words(struct explain_run *r)
{
    odd_status status = ODD_OK;
    for (int i = 0; i < r->patches && status == ODD_OK; i++) {
        struct explain_patch *p = &r->patch[i];
        struct words_sums own, normal;
        if (p->nears == 0 || p->near[0].crop.bands == 0)
            continue;
        TRY(words_measure(r->ctx, &p->crop, &p->near[0].crop, &own));
        TRY(words_measure(r->ctx, &p->near[0].crop, &p->crop, &normal));
        p->words.known = true;
        p->words.brighter = words_change(own.luma, normal.luma, WORDS_DARK);
        p->words.edges = words_change(own.edges, normal.edges, WORDS_FLAT);
        for (int b = 0; b < 3; b++)
            p->words.shift[b] = own.share[b] - normal.share[b];
        TRY(words_say(r->ctx, &p->words));
    }
out:
    return status;
}
