/* SPDX-License-Identifier: Apache-2.0
 *
 * blocks and unblocks: a picture as rows of a matrix, one per block of b_h x b_w cells and b_c
 * channels, and back. With r = picture size / block size, cell (p, q, s) of block (a, b, c) is
 * element j = (p b_w + q) b_c + s of row k = (a r_w + b) r_c + c of its picture. The picture may
 * have any layout. A job is one row of cells of one picture.
 */
#include "backend/host/simd/simd.h"

struct blocks {
    int64_t channels, height, width, block; /* of the picture and its layout */
    int64_t bh, bw, bc, rw, rc;
    int64_t unit; /* channels that are contiguous on both sides */
    float *picture, *rows;
    bool back; /* rows to picture */
};

static void blocks_copy(float *restrict to, const float *restrict from, int64_t count)
{
    for (int64_t l = 0; l < count; l++)
        to[l] = from[l];
}
/* Channels c .. c+unit-1 of line h of picture n. */
static void blocks_line(const struct blocks *b, int64_t n, int64_t h, int64_t c)
{
    const int64_t plane = b->height * b->width, length = b->bh * b->bw * b->bc;
    const int64_t per_picture = b->height / b->bh * b->rw * b->rc;
    float *x = b->picture + n * b->channels * plane + c / b->block * b->block * plane +
               h * b->width * b->block + c % b->block;
    float *row = b->rows + (n * per_picture + h / b->bh * b->rw * b->rc + c / b->bc) * length +
                 h % b->bh * b->bw * b->bc + c % b->bc;
    for (int64_t w = 0; w < b->width; w++) {
        float *cell = row + w / b->bw * b->rc * length + w % b->bw * b->bc;
        if (b->back)
            blocks_copy(x + w * b->block, cell, b->unit);
        else
            blocks_copy(cell, x + w * b->block, b->unit);
    }
}
static void blocks_job(void *arg, int64_t index)
{
    const struct blocks *b = arg;
    for (int64_t c = 0; c < b->channels; c += b->unit)
        blocks_line(b, index / b->height, index % b->height, c);
}

static void blocks_go(const struct oddi_task *task, const struct oddi_arg *picture,
                      const struct oddi_arg *rows, bool back)
{
    const int64_t *dim = picture->shape.dim, *size = task->attr.i;
    struct blocks b = {.channels = dim[1], .height = dim[2], .width = dim[3], .back = back};
    b.block = oddi_layout_block(picture->layout);
    b.bh = size[0];
    b.bw = size[1];
    b.bc = size[2];
    b.rw = b.width / b.bw;
    b.rc = b.channels / b.bc;
    b.unit = b.block;
    while (b.bc % b.unit != 0)
        b.unit /= 2;
    b.picture = oddi_host(picture);
    b.rows = oddi_host(rows);
    oddi_parallel(task->threads, dim[0] * b.height, blocks_job, &b);
}
static odd_status blocks_blocks(struct oddi_task *task)
{
    blocks_go(task, &task->src[0], &task->dst, false);
    return ODD_OK;
}
static odd_status blocks_unblocks(struct oddi_task *task)
{
    blocks_go(task, &task->dst, &task->src[0], true);
    return ODD_OK;
}
static void blocks_layouts(struct oddi_task *task)
{
    task->dst.layout = ODDI_PLAIN;
}
const struct oddi_kernel SIMD_NAME(kernel_blocks) = {.op = "blocks",
                                                     .name = "simd:blocks",
                                                     .accepts = simd_f32,
                                                     .layouts = blocks_layouts,
                                                     .run = blocks_blocks};
const struct oddi_kernel SIMD_NAME(kernel_unblocks) = {.op = "unblocks",
                                                       .name = "simd:unblocks",
                                                       .accepts = simd_f32,
                                                       .layouts = simd_layouts_made,
                                                       .run = blocks_unblocks};
