/* SPDX-License-Identifier: Apache-2.0
 * XXH3-128 over streams; text form is 32 lower-case hexadecimal digits. */
#ifndef ODDI_BASE_HASH_H
#define ODDI_BASE_HASH_H
#include "base/ctx.h"
struct oddi_hash128 { uint64_t high, low; };
#define ODDI_HASH_TEXT 33
void oddi_hash_bytes(const void *data, size_t size, struct oddi_hash128 *hash);
void oddi_hash_format(const struct oddi_hash128 *hash, char text[ODDI_HASH_TEXT]);
bool oddi_hash_parse(const char *text, struct oddi_hash128 *hash);
bool oddi_hash_equal(const struct oddi_hash128 *a, const struct oddi_hash128 *b);
struct oddi_hasher;
struct oddi_hasher *oddi_hasher_new(struct odd_context *ctx);
void oddi_hasher_add(struct oddi_hasher *h, const void *data, size_t size);
void oddi_hasher_digest(const struct oddi_hasher *h, struct oddi_hash128 *hash);
void oddi_hasher_free(struct odd_context *ctx, struct oddi_hasher *h);
#endif
