/* SPDX-License-Identifier: Apache-2.0
 *
 * odd_expert_classify: what an imported network, with its own classifier, sees in pictures. It
 * shows that weights were read rightly; nothing else here asks for classes.
 *
 * A picture is brought to the network's size as a whole, so its aspect may change, by the filter
 * that the network was trained with; probabilities are the softmax of the scores.
 */
#include <math.h>
#include <string.h>

#include "engine/expert.h"
#include "graph/plan.h"
#include "image/image.h"

#define CLASSIFY_TOP 5

struct classify {
    struct odd_context *ctx;
    struct oddi_expert expert;
    struct oddi_build build;
    struct oddi_node *scores; /* (1, classes) */
    struct oddi_plan *plan;
    float *input; /* (3, size, size) in [-1, 1] */
    int64_t classes;
};

static odd_status classify_weights(struct classify *c)
{
    odd_status status = ODD_OK;
    for (int i = 0; i < c->build.graph.count && status == ODD_OK; i++) {
        const struct oddi_node *n = c->build.graph.node[i];
        if (!oddi_build_holds(n))
            continue;
        const struct oddi_weight *w = oddi_expert_find(&c->expert, n->name);
        if (!w || w->count != (size_t)oddi_shape_count(&n->shape))
            return oddi_fail(c->ctx, ODD_EFORMAT, "no proper tensor '%s'", n->name);
        if (w->not_finite > 0)
            return oddi_fail(c->ctx, ODD_ENUMERIC, "%zu values of '%s' are not finite",
                             w->not_finite, n->name);
        status = oddi_plan_set(c->plan, n, w->value);
    }
    return status;
}

static odd_status classify_open(struct classify *c, const char *path, const char *network)
{
    odd_status status = ODD_OK;
    struct oddi_node *tap[ODDI_NET_TAPS_MAX];
    TRY(oddi_expert_open(&c->expert, c->ctx, path, network));
    const struct oddi_net *net = c->expert.net;
    if (!c->expert.match.classifier)
        return oddi_fail(c->ctx, ODD_ENOTSUP,
                         "the file has no classifier of %s, so its classes cannot be told",
                         net->name);
    const struct oddi_geometry in = {3, net->size, net->size};
    const struct oddi_net_use use = {ODDI_EXPERT_GROUP, "", net->taps - 1, true, 1.0};
    const struct oddi_plan_options options = {.mode = "best", .threads = c->ctx->threads};
    oddi_build_init(&c->build, c->ctx, NULL, &in, 1);
    c->scores = oddi_net_build(&c->build, net, &use, oddi_net_input(&c->build, net, true), tap);
    if (c->scores)
        oddi_output(&c->build.graph, c->scores, NULL);
    TRY(oddi_graph_fuse(&c->build.graph));
    TRY(oddi_plan_new(c->ctx, &c->build.graph, &options, &c->plan));
    TRY(classify_weights(c));
    c->classes = c->scores->shape.dim[1];
    c->input = oddi_alloc_array(c->ctx, (size_t)(3 * net->size * net->size), sizeof(float));
    if (!c->input)
        status = ODD_ENOMEM;
out:
    return status;
}

static void classify_close(struct classify *c)
{
    oddi_plan_free(c->plan);
    if (c->build.graph.ctx)
        oddi_build_release(&c->build);
    oddi_expert_release(&c->expert);
    oddi_free(c->ctx, c->input);
}

/* From a file to c->input. */
static odd_status classify_load(struct classify *c, const char *path)
{
    odd_status status = ODD_OK;
    const struct oddi_net *net = c->expert.net;
    const struct oddi_rect all = {0, 0, net->size, net->size};
    const size_t count = (size_t)(3 * net->size * net->size);
    struct oddi_picture *picture = NULL;
    struct oddi_planes small = {0}, rgb = {0};
    TRY(oddi_image_load(c->ctx, path, ODDI_IMAGE_BUDGET, &picture));
    TRY(oddi_planes_init(c->ctx, net->size, net->size, picture->bands, &small));
    TRY(net->filter == ODDI_NET_BICUBIC
            ? oddi_picture_resize_cubic(c->ctx, picture, NULL, &all, &small)
            : oddi_picture_resize_into(c->ctx, picture, NULL, &all, &small));
    TRY(oddi_planes_to_bands(c->ctx, &small, 3, &rgb));
    for (size_t i = 0; i < count; i++)
        c->input[i] = 2.0f * rgb.data[i] - 1.0f;
out:
    oddi_planes_release(c->ctx, &small);
    oddi_planes_release(c->ctx, &rgb);
    oddi_picture_free(c->ctx, picture);
    return status;
}

static json_t *classify_one(int64_t number, double probability)
{
    json_t *one = json_object();
    oddi_json_set_int(one, "class", number);
    oddi_json_set_real(one, "probability", probability);
    return one;
}

/* exp(s - largest) / sum, the CLASSIFY_TOP largest first; of equal ones the lower number. */
static odd_status classify_top(struct classify *c, json_t *top)
{
    int64_t best[CLASSIFY_TOP], n = 0;
    double sum = 0.0;
    const float *s = oddi_plan_output(c->plan, c->scores);
    for (int64_t i = 0; i < c->classes; i++) {
        int64_t at = n;
        if (!isfinite(s[i]))
            return oddi_fail(c->ctx, ODD_ENUMERIC, "the score of class %lld is not finite",
                             (long long)i);
        while (at > 0 && s[i] > s[best[at - 1]])
            at--;
        if (at >= CLASSIFY_TOP)
            continue;
        n += n < CLASSIFY_TOP;
        memmove(&best[at + 1], &best[at], (size_t)(n - 1 - at) * sizeof(best[0]));
        best[at] = i;
    }
    for (int64_t i = 0; i < c->classes; i++)
        sum += exp((double)s[i] - (double)s[best[0]]);
    for (int64_t k = 0; k < n; k++)
        json_array_append_new(
            top, classify_one(best[k], exp((double)s[best[k]] - (double)s[best[0]]) / sum));
    return ODD_OK;
}

/* What is wrong with one picture is said of it and ends nothing. */
static odd_status classify_picture(struct classify *c, const char *path, json_t *list)
{
    json_t *one = json_object(), *top = json_array();
    odd_status status = classify_load(c, path);
    const bool bad = status != ODD_OK && status != ODD_ENOMEM;
    oddi_json_set_text(one, "path", path);
    if (bad)
        oddi_json_set_text(one, "error", odd_last_message(c->ctx));
    if (status == ODD_OK)
        status = oddi_plan_set(c->plan, c->build.image, c->input);
    if (status == ODD_OK)
        status = oddi_plan_run(c->plan);
    if (status == ODD_OK)
        status = classify_top(c, top);
    oddi_json_set(one, "top", top);
    json_array_append_new(list, one);
    return bad ? ODD_OK : status;
}

static odd_status classify_all(struct classify *c, const char *const *pictures, size_t count,
                               json_t *all)
{
    odd_status status = ODD_OK;
    json_t *list = json_array();
    oddi_json_set_text(all, "network", c->expert.net->name);
    oddi_json_set_int(all, "classes", c->classes);
    oddi_json_set_int(all, "size", c->expert.net->size);
    oddi_json_set(all, "pictures", list);
    for (size_t i = 0; i < count; i++) {
        TRY(oddi_check_cancel(c->ctx));
        TRY(classify_picture(c, pictures[i], list));
    }
out:
    return status;
}

odd_status odd_expert_classify(struct odd_context *ctx, const char *path, const char *network,
                               const char *const *pictures, size_t count, char **json)
{
    if (!ctx || !path || (!pictures && count) || !json)
        return oddi_fail(ctx, ODD_EINVAL,
                         "classes need a context, weights, pictures and a place for the answer");
    struct classify c = {.ctx = ctx};
    json_t *all = json_object();
    odd_status status = classify_open(&c, path, network);
    if (status == ODD_OK)
        status = classify_all(&c, pictures, count, all);
    else
        status = oddi_fail_about(ctx, status, path);
    if (status == ODD_OK)
        status = oddi_json_dump(ctx, all, 0, json);
    json_decref(all);
    classify_close(&c);
    return status;
}
