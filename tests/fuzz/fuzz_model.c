/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a model that is loaded, asked and used through oddity.h. Its digest would refuse
 * nearly all of them, so it is made right first: what is searched is what an attacker can write.
 *
 * The examples are trainings of two steps on ten grey pictures (size=16 width=4 items=2). Memory is
 * limited: a model may ask for any geometry, and not to have that much is an answer, too.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "store/safetensors.h"

#define FUZZ_BLOCK ((size_t)32 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *fuzz_alloc(void *user, size_t size)
{
    (void)user;
    return size < FUZZ_BLOCK ? malloc(size) : NULL;
}

static void *fuzz_realloc(void *user, void *old, size_t size)
{
    (void)user;
    return size < FUZZ_BLOCK ? realloc(old, size) : NULL;
}

static void fuzz_free(void *user, void *block)
{
    (void)user;
    free(block);
}

/* The bytes with their last ones, the digest, made right. */
static bool fuzz_write(const char *path, const uint8_t *data, size_t size)
{
    unsigned char digest[ODDI_ST_DIGEST_SIZE];
    const size_t body = size > sizeof(digest) ? size - sizeof(digest) : 0;
    struct oddi_hash128 hash;
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    oddi_hash_bytes(data, body, &hash);
    oddi_st_digest_bytes(&hash, digest);
    bool good = fwrite(data, 1, body, file) == body;
    good = fwrite(digest, 1, sizeof(digest), file) == sizeof(digest) && good;
    return fclose(file) == 0 && good;
}

/* What loads must answer, or say why not. */
static void fuzz_use(struct odd_context *ctx, struct odd_model *m)
{
    static const unsigned char grey[9 * 7] = {1, 2, 3, 250, 128};
    const struct odd_pixels pixels = {sizeof(pixels), grey, 9, 7, 1, ODD_U8, 0, false};
    struct odd_scorer *s = NULL;
    struct odd_result *r = NULL;
    char *text = NULL;
    if (odd_model_info(m, &text) == ODD_OK)
        odd_text_free(ctx, text);
    text = NULL;
    (void)odd_model_verify(ctx, m, &text);
    odd_text_free(ctx, text);
    if (odd_scorer_new(ctx, m, &s) != ODD_OK)
        return;
    if (odd_scorer_score(s, &pixels, true, &r) == ODD_OK && !isfinite(odd_result_score(r)))
        abort();
    odd_result_free(r);
    odd_scorer_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct odd_context *ctx = NULL;
    struct odd_model *m = NULL;
    char path[64];
    if (odd_context_new_with(fuzz_alloc, fuzz_realloc, fuzz_free, NULL, &ctx) != ODD_OK)
        return 0;
    (void)odd_context_set_threads(ctx, 1);
    snprintf(path, sizeof(path), "fuzz_model_%d.tmp", oddi_os_pid());
    if (fuzz_write(path, data, size) && odd_model_load(ctx, path, &m) == ODD_OK) {
        fuzz_use(ctx, m);
        odd_model_free(m);
    } else if (odd_last_message(ctx)[0] == '\0') {
        abort();
    }
    remove(path);
    odd_context_free(ctx);
    return 0;
}
