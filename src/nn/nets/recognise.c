/* SPDX-License-Identifier: Apache-2.0
 *
 * Which network is it? Every network is tried under every prefix; it fits when all its tensors
 * below the classifier are there with their shapes. A smaller network's tensors may be part of a
 * larger one's (ResNet-18 within ResNet-34), so of those that fit the one with most tensors wins,
 * and convolutions left over mean that the file is of a network that we do not know.
 */
#include "nn/nets/nets.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define RECOGNISE_SIDE 224 /* a size that all networks take, VGG's classifier included */
#define RECOGNISE_TOLD 4   /* differences that a message lists */
#define RECOGNISE_DROP "-features."
#define RECOGNISE_WORD "features."

static const char *const recognise_prefixes[] = {"",
                                                 "module.",
                                                 "backbone.",
                                                 "features.",
                                                 "model.",
                                                 "encoder.",
                                                 "net.",
                                                 "module.backbone.",
                                                 "module.features.",
                                                 "module.model.",
                                                 "model.backbone.",
                                                 "-features.",
                                                 "module.-features.",
                                                 "backbone.-features."};

bool oddi_net_file_name(const char *prefix, const char *name, char out[ODDI_NET_NAME])
{
    size_t length = strlen(prefix);
    if (oddi_ends_with(prefix, RECOGNISE_DROP)) {
        if (!oddi_starts_with(name, RECOGNISE_WORD))
            return false;
        length -= strlen(RECOGNISE_DROP);
        name += strlen(RECOGNISE_WORD);
    }
    const size_t rest = strlen(name);
    if (length + rest >= ODDI_NET_NAME)
        return false;
    memcpy(out, prefix, length);
    memcpy(out + length, name, rest + 1);
    return true;
}

/* ---- the tensors of a network ---- */

static odd_status recognise_copy(struct odd_context *ctx, const struct oddi_graph *g, int deepest,
                                 struct oddi_net_tensor **list, size_t *count)
{
    size_t n = 0, text = 0;
    for (int i = 0; i < g->count; i++)
        if (g->node[i]->flags & ODDI_NODE_PARAM) {
            n++;
            text += strlen(g->node[i]->name) + 1;
        }
    struct oddi_net_tensor *made = oddi_alloc(ctx, n * sizeof(*made) + text);
    if (!made)
        return ODD_ENOMEM;
    char *at = (char *)(made + n);
    n = 0;
    for (int i = 0; i < g->count; i++) {
        const struct oddi_node *node = g->node[i];
        if (!(node->flags & ODDI_NODE_PARAM))
            continue;
        const size_t size = strlen(node->name) + 1;
        memcpy(at, node->name, size);
        made[n++] = (struct oddi_net_tensor){at, node->shape, node->id > deepest};
        at += size;
    }
    *list = made;
    *count = n;
    return ODD_OK;
}

odd_status oddi_net_tensors(struct odd_context *ctx, const struct oddi_net *net,
                            struct oddi_net_tensor **list, size_t *count)
{
    const struct oddi_geometry in = {3, RECOGNISE_SIDE, RECOGNISE_SIDE};
    const struct oddi_net_use use = {"net", "", net->taps - 1, true, 1.0};
    struct oddi_node *tap[ODDI_NET_TAPS_MAX];
    struct oddi_build b;
    oddi_build_init(&b, ctx, NULL, &in, 1);
    oddi_net_build(&b, net, &use, b.image, tap);
    odd_status status = oddi_graph_status(&b.graph);
    if (status == ODD_OK)
        status = recognise_copy(ctx, &b.graph, tap[net->taps - 1]->id, list, count);
    oddi_build_release(&b);
    return status;
}

/* ---- fitting ---- */

struct recognise {
    struct odd_context *ctx;
    const struct oddi_net_tensor **file; /* by name */
    size_t files;
    struct oddi_net_match best;
    size_t right, wanted; /* of the best: body tensors that fit, and all of them */
};

static int recognise_order(const void *a, const void *b)
{
    const struct oddi_net_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}
static int recognise_compare(const void *name, const void *b)
{
    const struct oddi_net_tensor *const *y = b;
    return strcmp(name, (*y)->name);
}
/* The file's tensor for `t`, NULL when there is none. */
static const struct oddi_net_tensor *recognise_find(const struct recognise *r, const char *prefix,
                                                    const struct oddi_net_tensor *t)
{
    char name[ODDI_NET_NAME];
    if (!oddi_net_file_name(prefix, t->name, name))
        return NULL;
    const struct oddi_net_tensor *const *found =
        bsearch(name, r->file, r->files, sizeof(struct oddi_net_tensor *), recognise_compare);
    return found ? *found : NULL;
}
static bool recognise_fits(const struct recognise *r, const char *prefix,
                           const struct oddi_net_tensor *t)
{
    const struct oddi_net_tensor *found = recognise_find(r, prefix, t);
    return found && oddi_shape_equal(&found->shape, &t->shape);
}

/* Better: more of its tensors are right, in proportion; among equals more tensors. */
static bool recognise_better(const struct recognise *r, size_t right, size_t wanted)
{
    const double now = (double)right / (double)wanted;
    const double best = r->wanted ? (double)r->right / (double)r->wanted : 0.0;
    return now > best || (now == best && now > 0.0 && right > r->right);
}

static void recognise_try(struct recognise *r, const struct oddi_net *net, const char *prefix,
                          const struct oddi_net_tensor *list, size_t count)
{
    size_t right = 0, wanted = 0, heads = 0, heads_right = 0;
    for (size_t i = 0; i < count; i++) {
        const bool fits = recognise_fits(r, prefix, &list[i]);
        right += fits && !list[i].head;
        heads_right += fits && list[i].head;
        wanted += !list[i].head;
        heads += list[i].head;
    }
    if (!recognise_better(r, right, wanted))
        return;
    r->best = (struct oddi_net_match){net, prefix, heads_right == heads, 0};
    r->right = right;
    r->wanted = wanted;
}

/* ---- what to say ---- */

static void recognise_difference(const struct recognise *r, const struct oddi_net_tensor *t,
                                 struct oddi_str *text)
{
    char has[ODDI_SHAPE_TEXT], wants[ODDI_SHAPE_TEXT], name[ODDI_NET_NAME];
    const struct oddi_net_tensor *found = recognise_find(r, r->best.prefix, t);
    if (!oddi_net_file_name(r->best.prefix, t->name, name))
        return;
    if (found)
        oddi_str_addf(text, "%s is %s, not %s", name, oddi_shape_text(&found->shape, has),
                      oddi_shape_text(&t->shape, wants));
    else
        oddi_str_addf(text, "%s %s is missing", name, oddi_shape_text(&t->shape, wants));
}

static odd_status recognise_differences(const struct recognise *r,
                                        const struct oddi_net_tensor *list, size_t count)
{
    struct oddi_str text;
    size_t told = 0, off = 0;
    oddi_str_init(&text, r->ctx);
    for (size_t i = 0; i < count; i++) {
        if (list[i].head || recognise_fits(r, r->best.prefix, &list[i]))
            continue;
        if (off++ >= RECOGNISE_TOLD)
            continue;
        oddi_str_add(&text, told++ ? "; " : "");
        recognise_difference(r, &list[i], &text);
    }
    if (off > told)
        oddi_str_addf(&text, "; and %zu more", off - told);
    odd_status status = oddi_str_status(&text);
    if (status == ODD_OK)
        status = oddi_fail(r->ctx, ODD_EFORMAT,
                           "the weights are of no known network; nearest is %s, but %s",
                           r->best.net->name, text.text);
    oddi_str_release(&text);
    return status;
}

static bool recognise_used(const struct recognise *r, const char *name,
                           const struct oddi_net_tensor *list, size_t count)
{
    char known[ODDI_NET_NAME];
    for (size_t i = 0; i < count; i++)
        if (oddi_net_file_name(r->best.prefix, list[i].name, known) && strcmp(known, name) == 0)
            return true;
    return false;
}

/* Counts the tensors without a use; a convolution beside the network's own speaks against it,
 * unless the caller has named the network. */
static odd_status recognise_unknown(struct recognise *r, bool named,
                                    const struct oddi_net_tensor *list, size_t count)
{
    const size_t own = strcspn(r->best.prefix, "-");
    for (size_t i = 0; i < r->files; i++) {
        const struct oddi_net_tensor *t = r->file[i];
        if (oddi_ends_with(t->name, ".num_batches_tracked") ||
            recognise_used(r, t->name, list, count))
            continue;
        r->best.unknown++;
        if (!named && t->shape.rank == 4 && strncmp(t->name, r->best.prefix, own) == 0)
            return oddi_fail(
                r->ctx, ODD_EFORMAT,
                "the weights are of no known network; nearest is %s, but %.*s is none of it",
                r->best.net->name, ODDI_NET_NAME, t->name);
    }
    return ODD_OK;
}

static odd_status recognise_judge(struct recognise *r, bool named)
{
    struct oddi_net_tensor *list = NULL;
    size_t count = 0;
    if (!r->best.net)
        return oddi_fail(r->ctx, ODD_EFORMAT,
                         "the weights are of no known network: no tensor has "
                         "the name and shape of one of theirs");
    odd_status status = oddi_net_tensors(r->ctx, r->best.net, &list, &count);
    if (status == ODD_OK)
        status = r->right < r->wanted ? recognise_differences(r, list, count)
                                      : recognise_unknown(r, named, list, count);
    oddi_free(r->ctx, list);
    return status;
}

static odd_status recognise_nets(struct recognise *r, const struct oddi_net *only)
{
    odd_status status = ODD_OK;
    for (int i = 0; oddi_net_at(i) && status == ODD_OK; i++) {
        struct oddi_net_tensor *list = NULL;
        size_t count = 0;
        if (only && only != oddi_net_at(i))
            continue;
        status = oddi_net_tensors(r->ctx, oddi_net_at(i), &list, &count);
        for (size_t p = 0; status == ODD_OK && p < ODDI_COUNT(recognise_prefixes); p++)
            recognise_try(r, oddi_net_at(i), recognise_prefixes[p], list, count);
        oddi_free(r->ctx, list);
    }
    return status;
}

odd_status oddi_net_recognise(struct odd_context *ctx, const struct oddi_net_tensor *tensor,
                              size_t count, const char *network, struct oddi_net_match *match)
{
    const bool named = network && *network;
    const struct oddi_net *only = named ? oddi_net_find(network) : NULL;
    struct recognise r = {.ctx = ctx, .files = count};
    odd_status status = ODD_OK;
    if (named && !only)
        return oddi_fail(ctx, ODD_ECONFIG, "%s is no network that is known here", network);
    r.file = oddi_alloc_array(ctx, count + 1, sizeof(*r.file));
    if (!r.file)
        return ODD_ENOMEM;
    for (size_t i = 0; i < count; i++)
        r.file[i] = &tensor[i];
    qsort(r.file, count, sizeof(*r.file), recognise_order);
    TRY(recognise_nets(&r, only));
    TRY(recognise_judge(&r, named));
    *match = r.best;
out:
    oddi_free(ctx, r.file);
    return status;
}
