/* SPDX-License-Identifier: Apache-2.0
 *
 * The page: the picture beside its heat map, with the patches framed and numbered; below, a row for
 * each: the patch, the same under the heat map, a gap, the nearest normal patches.
 */
#include "engine/explain_int.h"
#include "image/image.h"
#include "pixels/colour.h"

#define PAGE_MARGIN 16
#define PAGE_TILE 176
#define PAGE_GAP 48 /* between the patch and the normal ones */
#define PAGE_WIDTH (6 * PAGE_MARGIN + PAGE_GAP + 5 * PAGE_TILE)
#define PAGE_TOP ((PAGE_WIDTH - 3 * PAGE_MARGIN) / 2)
#define PAGE_FRAME 3
#define PAGE_DIGIT 4 /* pixels of a digit's dot */

static const float page_red[3] = {0.9f, 0.1f, 0.1f}, page_white[3] = {1, 1, 1};

struct page {
    struct odd_context *ctx;
    struct oddi_planes planes;
};

static void page_fill(struct page *p, struct oddi_rect r, const float colour[3])
{
    const int64_t w = p->planes.width, h = p->planes.height;
    const int64_t right = r.x + r.width < w ? r.x + r.width : w,
                  low = r.y + r.height < h ? r.y + r.height : h;
    for (int b = 0; b < 3; b++)
        for (int64_t y = r.y > 0 ? r.y : 0; y < low; y++)
            for (int64_t x = r.x > 0 ? r.x : 0; x < right; x++)
                p->planes.data[(b * h + y) * w + x] = colour[b];
}

static void page_frame(struct page *p, const struct oddi_rect *r)
{
    const int64_t f = PAGE_FRAME;
    page_fill(p, (struct oddi_rect){r->x - f, r->y - f, r->width + 2 * f, f}, page_red);
    page_fill(p, (struct oddi_rect){r->x - f, r->y + r->height, r->width + 2 * f, f}, page_red);
    page_fill(p, (struct oddi_rect){r->x - f, r->y, f, r->height}, page_red);
    page_fill(p, (struct oddi_rect){r->x + r->width, r->y, f, r->height}, page_red);
}

/* Digits of 3 x 5 dots on a red ground; the page has no more patches than there are here. */
static void page_number(struct page *p, int64_t x, int64_t y, int number)
{
    static const char *const digits[] = {".#.##..#..#.###", "###..#####..###", "###..####..####"};
    const int64_t d = PAGE_DIGIT;
    page_fill(p, (struct oddi_rect){x, y, 5 * d, 7 * d}, page_red);
    for (int i = 0; i < 15; i++)
        if (digits[number - 1][i] == '#')
            page_fill(p, (struct oddi_rect){x + d * (1 + i % 3), y + d * (1 + i / 3), d, d},
                      page_white);
}

/* The largest rectangle of the shape w x h in the middle of a box. */
static struct oddi_rect page_fit(int64_t w, int64_t h, const struct oddi_rect *box)
{
    struct oddi_rect r = {0, 0, box->width, box->height};
    if (w * box->height > h * box->width)
        r.height = h * box->width / w > 0 ? h * box->width / w : 1;
    else
        r.width = w * box->height / h > 0 ? w * box->height / h : 1;
    r.x = box->x + (box->width - r.width) / 2;
    r.y = box->y + (box->height - r.height) / 2;
    return r;
}

/* Draws RGB planes into the page. */
static odd_status page_draw(struct page *p, const struct oddi_planes *crop,
                            const struct oddi_rect *box)
{
    const struct oddi_rect into = page_fit(crop->width, crop->height, box);
    return oddi_planes_resize_into(p->ctx, crop, NULL, &into, &p->planes);
}

/* The same under the heat of `map`, which covers it. */
static odd_status page_heat(struct page *p, const struct oddi_planes *crop,
                            const struct oddi_heat *heat, const struct oddi_rect *box)
{
    odd_status status = ODD_OK;
    struct oddi_picture *u8 = NULL, *over = NULL;
    struct oddi_planes planes = {0};
    TRY(oddi_planes_to_picture(p->ctx, crop, ODD_U8, &u8));
    TRY(oddi_overlay(p->ctx, u8, heat, &over));
    TRY(oddi_picture_to_planes(p->ctx, over, &planes));
    TRY(page_draw(p, &planes, box));
out:
    oddi_planes_release(p->ctx, &planes);
    oddi_picture_free(p->ctx, over);
    oddi_picture_free(p->ctx, u8);
    return status;
}

static odd_status page_head(struct page *p, const struct explain_run *r)
{
    odd_status status = ODD_OK;
    struct oddi_planes small = {0}, colour = {0};
    const struct oddi_picture *picture = r->picture;
    const struct oddi_calibration *c = &r->model->calibration;
    const struct oddi_rect left = {PAGE_MARGIN, PAGE_MARGIN, PAGE_TOP, PAGE_TOP},
                           right = {2 * PAGE_MARGIN + PAGE_TOP, PAGE_MARGIN, PAGE_TOP, PAGE_TOP};
    const struct oddi_rect at = page_fit(picture->width, picture->height, &left);
    const struct oddi_rect all = {0, 0, at.width, at.height};
    const struct oddi_heat heat = {r->map, picture->width, picture->height, (float)c->heat_lo,
                                   (float)c->heat_hi};
    TRY(oddi_planes_init(p->ctx, at.width, at.height, picture->bands, &small));
    TRY(oddi_picture_resize_into(p->ctx, picture, NULL, &all, &small));
    TRY(oddi_planes_to_bands(p->ctx, &small, 3, &colour));
    TRY(page_draw(p, &colour, &left));
    TRY(page_heat(p, &colour, &heat, &right));
    for (int i = 0; i < r->patches; i++) {
        const struct oddi_rect *of = &r->patch[i].rect;
        const struct oddi_rect frame = {
            at.x + of->x * at.width / picture->width, at.y + of->y * at.height / picture->height,
            of->width * at.width / picture->width, of->height * at.height / picture->height};
        page_frame(p, &frame);
        page_number(p, frame.x - PAGE_FRAME, frame.y - PAGE_FRAME, i + 1);
    }
out:
    oddi_planes_release(p->ctx, &small);
    oddi_planes_release(p->ctx, &colour);
    return status;
}

/* The part of the map that a patch covers. */
static odd_status page_patch_heat(struct page *p, const struct explain_run *r, int i,
                                  const struct oddi_rect *box)
{
    const struct explain_patch *patch = &r->patch[i];
    const struct oddi_rect *of = &patch->rect;
    const struct oddi_calibration *c = &r->model->calibration;
    float *part = oddi_alloc_array(p->ctx, (size_t)(of->width * of->height), sizeof(float));
    if (!part)
        return ODD_ENOMEM;
    for (int64_t y = 0; y < of->height; y++)
        for (int64_t x = 0; x < of->width; x++)
            part[y * of->width + x] = r->map[(of->y + y) * r->picture->width + of->x + x];
    const struct oddi_heat heat = {part, of->width, of->height, (float)c->heat_lo,
                                   (float)c->heat_hi};
    const odd_status status = page_heat(p, &patch->crop, &heat, box);
    oddi_free(p->ctx, part);
    return status;
}

static odd_status page_row(struct page *p, const struct explain_run *r, int i)
{
    odd_status status = ODD_OK;
    const struct explain_patch *patch = &r->patch[i];
    struct oddi_rect box = {PAGE_MARGIN, 2 * PAGE_MARGIN + PAGE_TOP + i * (PAGE_TILE + PAGE_MARGIN),
                            PAGE_TILE, PAGE_TILE};
    TRY(page_draw(p, &patch->crop, &box));
    page_number(p, box.x, box.y, i + 1);
    box.x += PAGE_TILE + PAGE_MARGIN;
    TRY(page_patch_heat(p, r, i, &box));
    box.x += PAGE_GAP;
    for (int k = 0; k < patch->nears; k++) {
        box.x += PAGE_TILE + PAGE_MARGIN;
        if (patch->near[k].crop.bands > 0)
            TRY(page_draw(p, &patch->near[k].crop, &box));
    }
out:
    return status;
}

odd_status oddi_explain_page(const struct explain_run *r, const char *path)
{
    odd_status status = ODD_OK;
    struct page p = {.ctx = r->ctx};
    struct oddi_picture *u8 = NULL;
    const int64_t height = 2 * PAGE_MARGIN + PAGE_TOP + r->patches * (PAGE_TILE + PAGE_MARGIN);
    TRY(oddi_planes_init(r->ctx, PAGE_WIDTH, height, 3, &p.planes));
    page_fill(&p, (struct oddi_rect){0, 0, PAGE_WIDTH, height}, page_white);
    TRY(page_head(&p, r));
    for (int i = 0; i < r->patches; i++)
        TRY(page_row(&p, r, i));
    TRY(oddi_planes_to_picture(r->ctx, &p.planes, ODD_U8, &u8));
    TRY(oddi_image_save_png(r->ctx, path, u8));
out:
    oddi_picture_free(r->ctx, u8);
    oddi_planes_release(r->ctx, &p.planes);
    return status;
}
