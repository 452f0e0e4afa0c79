/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether the last sample of a TIFF's pixels is alpha. libvips does not tell, and a fourth band
 * may as well be near infrared; the tag ExtraSamples (338) says: one number for each sample beyond
 * those of the colour, 1 or 2 for alpha, 0 for something else. A file that calls several samples
 * alpha (libvips's writer does) means none of them. Only the first directory is read, in
 * classic and Big TIFF, in either byte order; every offset is checked.
 */
#include <string.h>

#include "image/image_int.h"

#define TIFF_EXTRA_SAMPLES 338
#define TIFF_SHORT 3

struct tiff_file {
    const unsigned char *data;
    size_t size;
    bool big_endian;
};

/* The number of `bytes` bytes at `at`; false beyond the end. */
static bool tiff_number(const struct tiff_file *f, uint64_t at, unsigned bytes, uint64_t *value)
{
    uint64_t v = 0;
    if (at > f->size || f->size - at < bytes)
        return false;
    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | f->data[at + (f->big_endian ? i : bytes - 1 - i)];
    *value = v;
    return true;
}

/* Sizes that differ between the classic and the big format. */
struct tiff_sizes {
    unsigned head, offset, entries, entry;
};

/* Place of the entry for ExtraSamples in the first directory; 0 when there is none. */
static uint64_t tiff_find(const struct tiff_file *f, const struct tiff_sizes *s)
{
    uint64_t directory, count, tag;
    if (!tiff_number(f, s->head, s->offset, &directory) ||
        !tiff_number(f, directory, s->entries, &count) || count > 4096)
        return 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = directory + s->entries + i * s->entry;
        if (!tiff_number(f, at, 2, &tag))
            return 0;
        if (tag == TIFF_EXTRA_SAMPLES)
            return at;
    }
    return 0;
}

bool oddi_tiff_alpha(const unsigned char *data, size_t size)
{
    static const struct tiff_sizes classic = {4, 4, 2, 12}, big = {8, 8, 8, 20};
    struct tiff_file f = {data, size, size > 0 && data[0] == 'M'};
    uint64_t version, type, count, values, value;
    int alphas = 0;
    bool last = false;
    if (!tiff_number(&f, 2, 2, &version))
        return false;
    const struct tiff_sizes *s = version == 43 ? &big : &classic;
    uint64_t at = tiff_find(&f, s);
    if (!at || !tiff_number(&f, at + 2, 2, &type) || type != TIFF_SHORT ||
        !tiff_number(&f, at + 4, s->offset, &count) || count > ODDI_PICTURE_MAX_BANDS)
        return false;
    values = at + 4 + s->offset; /* short lists lie in the entry itself */
    if (2 * count > s->offset && !tiff_number(&f, values, s->offset, &values))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!tiff_number(&f, values + 2 * i, 2, &value))
            return false;
        last = value == 1 || value == 2;
        alphas += last;
    }
    return last && alphas == 1;
}
