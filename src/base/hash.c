/* SPDX-License-Identifier: Apache-2.0
 *
 * XXH3 through libxxhash. Not against forgery: against mistakes and broken files.
 */
#include "base/hash.h"

#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/rng.h"

/* libxxhash makes its own state: its size is not part of that library's stable interface. */
struct oddi_hasher {
    XXH3_state_t *state;
};

static void hash_from(XXH128_hash_t made, struct oddi_hash128 *hash)
{
    hash->high = made.high64;
    hash->low = made.low64;
}

void oddi_hash_bytes(const void *data, size_t size, struct oddi_hash128 *hash)
{
    hash_from(XXH3_128bits(data, size), hash);
}

void oddi_hash_format(const struct oddi_hash128 *hash, char text[ODDI_HASH_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 32; i++) {
        uint64_t word = i < 16 ? hash->high : hash->low;
        text[i] = digits[word >> (60 - 4 * (i % 16)) & 15];
    }
    text[32] = '\0';
}

bool oddi_hash_parse(const char *text, struct oddi_hash128 *hash)
{
    uint64_t word[2] = {0, 0};
    for (int i = 0; i < 32; i++) {
        char c = text[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else
            return false;
        word[i / 16] = word[i / 16] << 4 | digit;
    }
    if (text[32])
        return false;
    hash->high = word[0];
    hash->low = word[1];
    return true;
}

bool oddi_hash_equal(const struct oddi_hash128 *a, const struct oddi_hash128 *b)
{
    return a->high == b->high && a->low == b->low;
}

struct oddi_hasher *oddi_hasher_new(struct odd_context *ctx)
{
    struct oddi_hasher *h = oddi_alloc(ctx, sizeof *h);
    if (!h)
        return NULL;
    h->state = XXH3_createState();
    if (!h->state) {
        oddi_fail(ctx, ODD_ENOMEM, "out of memory: state of a hash");
        oddi_free(ctx, h);
        return NULL;
    }
    XXH3_128bits_reset(h->state);
    return h;
}

void oddi_hasher_add(struct oddi_hasher *h, const void *data, size_t size)
{
    XXH3_128bits_update(h->state, data, size);
}

void oddi_hasher_digest(const struct oddi_hasher *h, struct oddi_hash128 *hash)
{
    hash_from(XXH3_128bits_digest(h->state), hash);
}

void oddi_hasher_free(struct odd_context *ctx, struct oddi_hasher *h)
{
    if (!h)
        return;
    XXH3_freeState(h->state);
    oddi_free(ctx, h);
}

uint64_t oddi_hash_text(const char *text)
{
    return XXH3_64bits(text, strlen(text));
}
