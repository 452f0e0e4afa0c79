/* SPDX-License-Identifier: Apache-2.0
 *
 * More sorted items than memory holds: sorted runs in a temporary file, read back from the
 * highest item down. The file has no name while it is in use, so nothing is left of it, however
 * the process ends.
 *
 * An item is an oddi_float_key above ODDI_KEY_LOW bits (sort.h); items whose low bits are 0 take
 * 4 bytes in the file, others 8.
 */
#ifndef ODDI_SCORE_SPILL_H
#define ODDI_SCORE_SPILL_H
#include "base/ctx.h"

struct oddi_spill_stream {
    uint64_t offset, left;  /* first byte in the file; items not read yet */
    size_t width;           /* bytes per item */
    uint64_t *buffer;       /* rising; `used` items read and not given out */
    size_t used;
};
struct oddi_spill {
    struct odd_context *ctx;
    int write_fd, read_fd;
    uint64_t size;          /* bytes written */
    struct oddi_spill_stream *stream;
    size_t streams, room;
    size_t block;           /* items per buffer */
};
/* A temporary file in `folder`. */
odd_status oddi_spill_init(struct odd_context *ctx, const char *folder, struct oddi_spill *spill);
/* Appends a run, rising; `scratch` has room for count items. */
odd_status oddi_spill_add(struct oddi_spill *spill, const uint64_t *item, size_t count,
                          uint64_t *scratch);
/* No more runs. `buffer` (room items, the caller's) serves the reading until the release; needs
 * room for one item of every stream. */
odd_status oddi_spill_rewind(struct oddi_spill *spill, uint64_t *buffer, size_t room);
/* The next highest items, rising; none is below an item of a later call. At most `room` of
 * rewind; 0 at the end. */
odd_status oddi_spill_next(struct oddi_spill *spill, uint64_t *item, uint64_t *scratch,
                           size_t *count);
void oddi_spill_release(struct oddi_spill *spill);
#endif
