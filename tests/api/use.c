/* SPDX-License-Identifier: Apache-2.0
 *
 * A program outside of the tree, in the language that C and C++ share: what an embedder writes
 * first. It scores a made-up picture with the model named, or says that there is none.
 */
#include "oddity/oddity.h"

#include <stdio.h>

#define SIDE 64

static odd_status use_score(struct odd_context *ctx, struct odd_model *model)
{
    static unsigned char grey[SIDE * SIDE];
    struct odd_scorer *scorer = NULL;
    struct odd_result *result = NULL;
    struct odd_pixels pixels;
    odd_status status;
    int i;

    for (i = 0; i < SIDE * SIDE; i++)
        grey[i] = (unsigned char)(i % 251);
    pixels.struct_size = sizeof(pixels);
    pixels.data = grey;
    pixels.width = pixels.height = SIDE;
    pixels.bands = 1;
    pixels.type = ODD_U8;
    pixels.stride = 0;
    pixels.planar = false;
    status = odd_scorer_new(ctx, model, &scorer);
    if (status == ODD_OK)
        status = odd_scorer_score(scorer, &pixels, false, &result);
    if (status == ODD_OK)
        printf("score %.9g, %s\n", odd_result_score(result),
               odd_result_decision(result) == ODD_DECISION_NG ? "ng" : "ok");
    odd_result_free(result);
    odd_scorer_free(scorer);
    return status;
}

int main(int argc, char **argv)
{
    struct odd_context *ctx = NULL;
    struct odd_model *model = NULL;
    odd_status status = odd_context_new(&ctx);

    if (status != ODD_OK)
        return 3;
    status = odd_model_load(ctx, argc > 1 ? argv[1] : "no-such-model", &model);
    if (status == ODD_OK)
        status = use_score(ctx, model);
    if (status != ODD_OK)
        printf("%s: %s (oddity %s)\n", odd_status_name(status), odd_last_message(ctx), odd_version());
    odd_model_free(model);
    odd_context_free(ctx);
    return status == ODD_OK ? 0 : 3;
}
