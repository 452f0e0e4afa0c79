/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading back from the highest item down, without a heap: every stream has a block of its
 * highest unread items in memory. What is still in the file is not above its block, hence not
 * above the highest of the blocks' lowest items, the pivot. All buffered items from the pivot up
 * can be given out; a radix sort brings them into order. The pivot's own block is then empty, so
 * every call makes progress; runs of like pictures empty nearly all their blocks at once.
 */
#include "score/spill.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"
#include "base/str.h"
#include "score/sort.h"

#define SPILL_TRIES 100 /* temporary names */

/* Creates the file, opens it a second time for reading, and removes its name. */
static int spill_open(struct oddi_spill *spill, const char *path)
{
    int error = oddi_os_create(path, &spill->write_fd);

    if (error)
        return error;
    error = oddi_os_open_read(path, &spill->read_fd);
    const int late = oddi_os_unlink(path);
    return error ? error : late;
}

odd_status oddi_spill_init(struct odd_context *ctx, const char *folder, struct oddi_spill *spill)
{
    odd_status status = ODD_OK;
    int error = EEXIST;
    const uint64_t stamp = oddi_os_now_ns();

    *spill = (struct oddi_spill){.ctx = ctx, .write_fd = -1, .read_fd = -1};
    for (int i = 0; i < SPILL_TRIES && error == EEXIST; i++) {
        struct oddi_str name;
        char *path = NULL;

        oddi_str_init(&name, ctx);
        oddi_str_addf(&name, "%s/.oddity-%d-%" PRIx64 "-%d.tmp", folder, oddi_os_pid(), stamp, i);
        TRY(oddi_str_take(&name, &path));
        error = spill_open(spill, path);
        oddi_free(ctx, path);
    }
    if (error)
        status =
            oddi_fail_errno(ctx, ODD_EIO, error, "cannot make a temporary file in '%s'", folder);
out:
    if (status != ODD_OK)
        oddi_spill_release(spill);
    return status;
}

static odd_status spill_write(struct oddi_spill *spill, const void *data, size_t count,
                              size_t width)
{
    odd_status status;
    void *stream = spill->stream;

    if (count == 0)
        return ODD_OK;
    status =
        oddi_reserve(spill->ctx, &stream, &spill->room, spill->streams + 1, sizeof(*spill->stream));
    if (status != ODD_OK)
        return status;
    spill->stream = stream;
    const int error = oddi_os_write(spill->write_fd, data, count * width);
    if (error)
        return oddi_fail_errno(spill->ctx, ODD_EIO, error, "cannot write a temporary file");
    spill->stream[spill->streams++] =
        (struct oddi_spill_stream){.offset = spill->size, .left = count, .width = width};
    spill->size += count * width;
    return ODD_OK;
}

static bool spill_narrow(uint64_t item)
{
    return (item & ((UINT64_C(1) << ODDI_KEY_LOW) - 1)) == 0;
}

odd_status oddi_spill_add(struct oddi_spill *spill, const uint64_t *item, size_t count,
                          uint64_t *scratch)
{
    uint32_t *const key = (uint32_t *)scratch;
    size_t narrow = 0, wide = 0;

    for (size_t i = 0; i < count; i++)
        if (spill_narrow(item[i]))
            key[narrow++] = (uint32_t)(item[i] >> ODDI_KEY_LOW);
    const odd_status status = spill_write(spill, key, narrow, sizeof(*key));
    if (status != ODD_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        if (!spill_narrow(item[i]))
            scratch[wide++] = item[i];
    return spill_write(spill, scratch, wide, sizeof(*scratch));
}

odd_status oddi_spill_rewind(struct oddi_spill *spill, uint64_t *buffer, size_t room)
{
    if (spill->streams == 0)
        return ODD_OK;
    spill->block = room / spill->streams;
    if (spill->block == 0)
        return oddi_fail(spill->ctx, ODD_ELIMIT, "%zu sorted runs do not fit into %zu items",
                         spill->streams, room);
    for (size_t i = 0; i < spill->streams; i++)
        spill->stream[i].buffer = buffer + i * spill->block;
    return ODD_OK;
}

static odd_status spill_fill(struct oddi_spill *spill, struct oddi_spill_stream *s)
{
    const size_t n = s->left < spill->block ? (size_t)s->left : spill->block;
    const size_t size = n * s->width;
    /* narrow items lie at the end of the buffer, so that widening them in place works */
    char *const bytes = (char *)(s->buffer + n) - size;
    size_t got = 0;

    const int error =
        oddi_os_pread(spill->read_fd, bytes, size, s->offset + (s->left - n) * s->width, &got);
    if (error || got != size)
        return oddi_fail_errno(spill->ctx, ODD_EIO, error ? error : EIO,
                               "cannot read a temporary file");
    for (size_t i = 0; i < n && s->width == sizeof(uint32_t); i++) {
        uint32_t key;
        memcpy(&key, bytes + i * sizeof(key), sizeof(key));
        s->buffer[i] = (uint64_t)key << ODDI_KEY_LOW;
    }
    s->left -= n;
    s->used = n;
    return ODD_OK;
}

odd_status oddi_spill_next(struct oddi_spill *spill, uint64_t *item, uint64_t *scratch,
                           size_t *count)
{
    uint64_t pivot = 0;
    size_t found = 0;

    for (size_t i = 0; i < spill->streams; i++) {
        struct oddi_spill_stream *s = &spill->stream[i];
        const odd_status status = s->used == 0 && s->left ? spill_fill(spill, s) : ODD_OK;

        if (status != ODD_OK)
            return status;
        if (s->left && s->buffer[0] > pivot)
            pivot = s->buffer[0];
    }
    for (size_t i = 0; i < spill->streams; i++) {
        struct oddi_spill_stream *s = &spill->stream[i];

        while (s->used && s->buffer[s->used - 1] >= pivot)
            item[found++] = s->buffer[--s->used];
    }
    oddi_sort_u64(item, scratch, found);
    *count = found;
    return ODD_OK;
}

void oddi_spill_release(struct oddi_spill *spill)
{
    if (spill->write_fd >= 0)
        oddi_os_close(spill->write_fd);
    if (spill->read_fd >= 0)
        oddi_os_close(spill->read_fd);
    oddi_free(spill->ctx, spill->stream);
    spill->write_fd = spill->read_fd = -1;
    spill->stream = NULL;
    spill->streams = spill->room = 0;
}
