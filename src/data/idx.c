/* SPDX-License-Identifier: Apache-2.0
 *
 * The IDX reader; see idx.h. Plain and compressed bytes are read through one small source, so
 * the header's checks exist once. Deflate expands at most about 1032:1 (a 258-byte match in two
 * bits), which bounds what a compressed file may promise. The gzip trailer's checksum is checked.
 */
#include "data/idx.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/file.h"

#define IDX_EXPANSION 1040

struct idx_source {
    struct odd_context *ctx;
    const char *what;
    const unsigned char *bytes;
    size_t size, at;
    bool gzip, ended;
    z_stream z;
};

static voidpf idx_zalloc(voidpf user, uInt items, uInt size)
{
    return oddi_alloc_array(user, items, size);
}

static void idx_zfree(voidpf user, voidpf block)
{
    oddi_free(user, block);
}

static odd_status idx_open(struct idx_source *s)
{
    s->gzip = s->size >= 2 && s->bytes[0] == 0x1f && s->bytes[1] == 0x8b;
    if (!s->gzip)
        return ODD_OK;
    s->z.zalloc = idx_zalloc;
    s->z.zfree = idx_zfree;
    s->z.opaque = s->ctx;
    int rc = inflateInit2(&s->z, 15 + 16); /* gzip only */
    if (rc == Z_OK)
        return ODD_OK;
    s->gzip = false;
    if (rc == Z_MEM_ERROR)
        return oddi_fail(s->ctx, ODD_ENOMEM, "reading %s: out of memory", s->what);
    return oddi_fail(s->ctx, ODD_EBUG, "reading %s: zlib does not start (%d)", s->what, rc);
}

static void idx_close(struct idx_source *s)
{
    if (s->gzip)
        inflateEnd(&s->z);
}

/* Inflates exactly `want` bytes. */
static odd_status idx_inflate(struct idx_source *s, unsigned char *dst, size_t want)
{
    size_t got = 0;
    while (got < want && !s->ended) {
        size_t in = s->size - s->at, out = want - got;
        s->z.next_in = (z_const Bytef *)(s->bytes + s->at);
        s->z.avail_in = in < UINT_MAX ? (uInt)in : UINT_MAX;
        s->z.next_out = dst + got;
        s->z.avail_out = out < UINT_MAX ? (uInt)out : UINT_MAX;
        uInt in_before = s->z.avail_in, out_before = s->z.avail_out;
        int rc = inflate(&s->z, Z_NO_FLUSH);
        s->at += in_before - s->z.avail_in;
        got += out_before - s->z.avail_out;
        s->ended = rc == Z_STREAM_END;
        if (rc == Z_MEM_ERROR)
            return oddi_fail(s->ctx, ODD_ENOMEM, "reading %s: out of memory", s->what);
        if (rc != Z_OK && rc != Z_STREAM_END)
            return oddi_fail(s->ctx, ODD_EFORMAT, "%s: %s after %zu bytes", s->what,
                             rc == Z_BUF_ERROR ? "the gzip data ends early" : "corrupt gzip data",
                             (size_t)s->z.total_out);
    }
    if (got < want)
        return oddi_fail(s->ctx, ODD_EFORMAT, "%s: ends after %zu of %zu bytes", s->what, got,
                         want);
    return ODD_OK;
}

static odd_status idx_take(struct idx_source *s, unsigned char *dst, size_t want)
{
    if (s->gzip)
        return idx_inflate(s, dst, want);
    if (want > s->size - s->at)
        return oddi_fail(s->ctx, ODD_EFORMAT, "%s: ends after %zu of %zu bytes", s->what,
                         s->size - s->at, want);
    memcpy(dst, s->bytes + s->at, want);
    s->at += want;
    return ODD_OK;
}

/* Nothing may follow the data; for gzip this also reads the trailer and its checksum. */
static odd_status idx_finish(struct idx_source *s)
{
    if (s->gzip && !s->ended) {
        unsigned char extra;
        s->z.next_in = (z_const Bytef *)(s->bytes + s->at);
        s->z.avail_in = s->size - s->at < UINT_MAX ? (uInt)(s->size - s->at) : UINT_MAX;
        s->z.next_out = &extra;
        s->z.avail_out = 1;
        uInt before = s->z.avail_in;
        int rc = inflate(&s->z, Z_NO_FLUSH);
        s->at += before - s->z.avail_in;
        if (s->z.avail_out == 0)
            return oddi_fail(s->ctx, ODD_EFORMAT, "%s: has more data than its header says",
                             s->what);
        if (rc != Z_STREAM_END)
            return oddi_fail(s->ctx, ODD_EFORMAT, "%s: corrupt or missing gzip trailer", s->what);
    }
    if (s->at != s->size)
        return oddi_fail(s->ctx, ODD_EFORMAT, "%s: %zu bytes follow the data", s->what,
                         s->size - s->at);
    return ODD_OK;
}

static odd_status idx_header(struct idx_source *s, int rank, struct oddi_idx *idx)
{
    odd_status status = ODD_OK;
    unsigned char head[4], dim[4];
    TRY(idx_take(s, head, 4));
    if (head[0] || head[1])
        return oddi_fail(s->ctx, ODD_EFORMAT, "%s: not an IDX file (starts with %02x %02x)",
                         s->what, head[0], head[1]);
    if (head[2] != 8)
        return oddi_fail(s->ctx, ODD_ENOTSUP,
                         "%s: element type 0x%02x; only unsigned bytes (0x08) are read", s->what,
                         head[2]);
    idx->rank = head[3];
    if (idx->rank < 1 || idx->rank > ODDI_IDX_DIMS || (rank && idx->rank != rank))
        return oddi_fail(s->ctx, ODD_EFORMAT, "%s: %d dimensions, expected %d", s->what, idx->rank,
                         rank ? rank : ODDI_IDX_DIMS);
    idx->size = 1;
    for (int i = 0; i < ODDI_IDX_DIMS; i++)
        idx->dim[i] = 1;
    for (int i = 0; i < idx->rank; i++) {
        TRY(idx_take(s, dim, 4));
        uint32_t n =
            (uint32_t)dim[0] << 24 | (uint32_t)dim[1] << 16 | (uint32_t)dim[2] << 8 | dim[3];
        idx->dim[i] = n;
        if (!n || !oddi_mul_size(idx->size, n, &idx->size) || idx->size > ODDI_IDX_DATA_MAX)
            return oddi_fail(s->ctx, n ? ODD_ELIMIT : ODD_EFORMAT,
                             "%s: dimension %d is %u; expected 1 or more and at most 2 GiB in all",
                             s->what, i, n);
    }
out:
    return status;
}

odd_status oddi_idx_parse(struct odd_context *ctx, const char *what, const void *bytes, size_t size,
                          int rank, struct oddi_idx *idx)
{
    odd_status status = ODD_OK;
    struct oddi_idx got = {0};
    struct idx_source s = {.ctx = ctx, .what = what, .bytes = bytes, .size = size};
    TRY(idx_open(&s));
    TRY(idx_header(&s, rank, &got));
    size_t most =
        s.gzip ? (size > SIZE_MAX / IDX_EXPANSION ? SIZE_MAX : size * IDX_EXPANSION) : size;
    if (got.size > most)
        TRY(oddi_fail(ctx, ODD_EFORMAT, "%s: its header promises %zu bytes, but the file has %zu",
                      what, got.size, size));
    got.data = oddi_alloc(ctx, got.size);
    if (!got.data)
        TRY(ODD_ENOMEM);
    TRY(idx_take(&s, got.data, got.size));
    TRY(idx_finish(&s));
    *idx = got;
    got.data = NULL;
out:
    oddi_free(ctx, got.data);
    idx_close(&s);
    return status;
}

odd_status oddi_idx_load(struct odd_context *ctx, const char *path, int rank, struct oddi_idx *idx)
{
    odd_status status = ODD_OK;
    char *bytes = NULL;
    size_t size = 0;
    TRY(oddi_file_read(ctx, path, ODDI_IDX_FILE_MAX, &bytes, &size));
    TRY(oddi_idx_parse(ctx, path, bytes, size, rank, idx));
out:
    oddi_free(ctx, bytes);
    return status;
}
