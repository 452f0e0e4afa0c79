/* SPDX-License-Identifier: Apache-2.0
 *
 * The zip reader (zip.h). An archive is read from its end, after the published description
 * (APPNOTE.TXT of PKWARE, sections 4.3.6 to 4.3.16 and 4.5.3):
 *
 *     [local header, data] ... [directory entry] ... [zip64 end, locator] end, comment
 *
 * The directory alone is believed; of a local header only the lengths that lead to the data.
 */
#include "store/zip.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define ZIP_LOCAL 0x04034b50u
#define ZIP_ENTRY 0x02014b50u
#define ZIP_END 0x06054b50u
#define ZIP_END64 0x06064b50u
#define ZIP_LOCATOR64 0x07064b50u
#define ZIP_LOCAL_SIZE 30
#define ZIP_ENTRY_SIZE 46
#define ZIP_END_SIZE 22
#define ZIP_END64_SIZE 56
#define ZIP_LOCATOR64_SIZE 20
#define ZIP_MAX_COMMENT 65535
#define ZIP_ENCRYPTED 0x2041u /* flags: encrypted, strongly so, directory masked */
#define ZIP_BUDGET_FACTOR 16
#define ZIP_BUDGET_FREE ((size_t)1 << 20)
#define ZIP_SHOWN 100 /* characters of a name that a message has */

static uint64_t zip_number(const unsigned char *b, size_t width)
{
    uint64_t number = 0;
    for (size_t i = width; i-- > 0;)
        number = number << 8 | b[i];
    return number;
}

static odd_status zip_damaged(struct oddi_zip *z, const char *where)
{
    return oddi_fail(z->ctx, ODD_EFORMAT, "%s: damaged or truncated zip archive: %s", z->what,
                     where);
}

/* About one entry, whose name may be any bytes. */
static odd_status zip_refuse(struct oddi_zip *z, const struct oddi_zip_entry *e, odd_status status,
                             const char *why)
{
    char shown[ZIP_SHOWN + 1];
    size_t n = e->name_size < ZIP_SHOWN ? e->name_size : ZIP_SHOWN;
    for (size_t i = 0; i < n; i++)
        shown[i] = e->name[i] >= ' ' && e->name[i] < 0x7f ? e->name[i] : '?';
    shown[n] = '\0';
    return oddi_fail(z->ctx, status, "%s: its entry '%s' %s", z->what, shown, why);
}

/* ---- the directory ------------------------------------------------------------------------- */

/* The values of the entry that did not fit into 32 bits, in this order, from the zip64 field. */
static bool zip_wide(struct oddi_zip_entry *e, const unsigned char *extra, size_t size)
{
    uint64_t *const wide[] = {&e->size, &e->packed, &e->header};
    while (size >= 4) {
        const uint64_t id = zip_number(extra, 2), length = zip_number(extra + 2, 2);
        if (length > size - 4)
            break;
        const unsigned char *field = extra + 4, *end = extra + 4 + length;
        for (size_t i = 0; id == 1 && i < ODDI_COUNT(wide); i++) {
            if (*wide[i] != UINT32_MAX)
                continue;
            if (end - field < 8)
                return false;
            *wide[i] = zip_number(field, 8);
            field += 8;
        }
        extra = end;
        size -= 4 + (size_t)length;
    }
    return true;
}

/* The entry at *at of the directory, which ends at `end`. */
static odd_status zip_entry(struct oddi_zip *z, size_t *at, size_t end)
{
    const unsigned char *b = z->data + *at;
    struct oddi_zip_entry *e = &z->entry[z->count];
    if (end - *at < ZIP_ENTRY_SIZE || zip_number(b, 4) != ZIP_ENTRY)
        return zip_damaged(z, "an entry of its directory");
    const size_t name = (size_t)zip_number(b + 28, 2), extra = (size_t)zip_number(b + 30, 2);
    const size_t whole = ZIP_ENTRY_SIZE + name + extra + (size_t)zip_number(b + 32, 2);
    if (end - *at < whole)
        return zip_damaged(z, "an entry of its directory");
    *e = (struct oddi_zip_entry){.name = (const char *)b + ZIP_ENTRY_SIZE,
                                 .name_size = name,
                                 .flags = (unsigned)zip_number(b + 8, 2),
                                 .method = (unsigned)zip_number(b + 10, 2),
                                 .crc = (uint32_t)zip_number(b + 16, 4),
                                 .packed = zip_number(b + 20, 4),
                                 .size = zip_number(b + 24, 4),
                                 .header = zip_number(b + 42, 4)};
    if (!zip_wide(e, b + ZIP_ENTRY_SIZE + name, extra))
        return zip_damaged(z, "an entry of its directory");
    z->count++;
    *at += whole;
    return ODD_OK;
}

static int zip_by_name(const void *a, const void *b)
{
    const struct oddi_zip_entry *x = a, *y = b;
    const size_t common = x->name_size < y->name_size ? x->name_size : y->name_size;
    const int order = common ? memcmp(x->name, y->name, common) : 0;
    return order ? order : x->name_size < y->name_size ? -1 : x->name_size > y->name_size;
}

static odd_status zip_directory(struct oddi_zip *z, uint64_t at, uint64_t size, uint64_t count)
{
    odd_status status = ODD_OK;
    if (at > z->size || size > z->size - at || count > size / ZIP_ENTRY_SIZE)
        return zip_damaged(z, "its directory is not within it");
    z->entry = oddi_calloc(z->ctx, (size_t)count + 1, sizeof(*z->entry));
    if (z->entry == NULL)
        return ODD_ENOMEM;
    for (size_t place = (size_t)at; z->count < count;)
        TRY(zip_entry(z, &place, (size_t)(at + size)));
    qsort(z->entry, z->count, sizeof(*z->entry), zip_by_name);
    for (size_t i = 1; i < z->count; i++)
        if (zip_by_name(&z->entry[i - 1], &z->entry[i]) == 0)
            return zip_refuse(z, &z->entry[i], ODD_EFORMAT, "is there twice");
out:
    return status;
}

/* Place of the end record: the last whose comment ends with the archive. */
static bool zip_find_end(const struct oddi_zip *z, size_t *at)
{
    const size_t least =
        z->size > ZIP_END_SIZE + ZIP_MAX_COMMENT ? z->size - ZIP_END_SIZE - ZIP_MAX_COMMENT : 0;
    for (size_t i = z->size < ZIP_END_SIZE ? 0 : z->size - ZIP_END_SIZE + 1; i-- > least;)
        if (zip_number(z->data + i, 4) == ZIP_END &&
            zip_number(z->data + i + 20, 2) == z->size - i - ZIP_END_SIZE) {
            *at = i;
            return true;
        }
    return false;
}

odd_status oddi_zip_open(struct odd_context *ctx, const unsigned char *data, size_t size,
                         const char *what, struct oddi_zip *z)
{
    size_t end = 0;
    *z = (struct oddi_zip){.ctx = ctx, .what = what, .data = data, .size = size};
    z->budget = size < SIZE_MAX / (2 * ZIP_BUDGET_FACTOR)
                    ? size * ZIP_BUDGET_FACTOR + ZIP_BUDGET_FREE
                    : SIZE_MAX / 2;
    if (!zip_find_end(z, &end))
        return zip_damaged(z, "its end is missing");
    const unsigned char *b = data + end;
    uint64_t count = zip_number(b + 10, 2), bytes = zip_number(b + 12, 4);
    uint64_t at = zip_number(b + 16, 4), place;
    if (zip_number(b + 4, 4) != 0)
        return oddi_fail(ctx, ODD_ENOTSUP, "%s: a zip archive of several parts", what);
    if (count != UINT16_MAX && bytes != UINT32_MAX && at != UINT32_MAX)
        return zip_directory(z, at, bytes, count);
    if (end < ZIP_LOCATOR64_SIZE || zip_number(data + end - ZIP_LOCATOR64_SIZE, 4) != ZIP_LOCATOR64)
        return zip_directory(z, at, bytes, count);
    place = zip_number(data + end - ZIP_LOCATOR64_SIZE + 8, 8);
    if (place > size || size - place < ZIP_END64_SIZE || zip_number(data + place, 4) != ZIP_END64)
        return zip_damaged(z, "its wide end is missing");
    b = data + place;
    return zip_directory(z, zip_number(b + 48, 8), zip_number(b + 40, 8), zip_number(b + 32, 8));
}

void oddi_zip_release(struct oddi_zip *z)
{
    if (z->ctx == NULL)
        return;
    for (size_t i = 0; i < z->count; i++)
        oddi_free(z->ctx, z->entry[i].inflated);
    oddi_free(z->ctx, z->entry);
    *z = (struct oddi_zip){0};
}

struct oddi_zip_entry *oddi_zip_find(const struct oddi_zip *z, const char *name, size_t name_size)
{
    const struct oddi_zip_entry wanted = {.name = name, .name_size = name_size};
    if (z->count == 0)
        return NULL;
    return bsearch(&wanted, z->entry, z->count, sizeof(*z->entry), zip_by_name);
}

/* ---- one entry ----------------------------------------------------------------------------- */

static void *zip_zalloc(void *user, unsigned count, unsigned size)
{
    return oddi_alloc_array(user, count, size);
}

static void zip_zfree(void *user, void *block)
{
    oddi_free(user, block);
}

/* Inflates all of the entry; true when exactly e->size bytes came of exactly e->packed. */
static bool zip_inflate(z_stream *s, const struct oddi_zip_entry *e, const unsigned char *from,
                        int *rc)
{
    size_t in = (size_t)e->packed, out = (size_t)e->size;
    unsigned char *to = e->inflated;
    do {
        const uInt give = in < UINT_MAX ? (uInt)in : UINT_MAX;
        const uInt room = out < UINT_MAX ? (uInt)out : UINT_MAX;
        s->next_in = (z_const Bytef *)from;
        s->avail_in = give;
        s->next_out = to;
        s->avail_out = room;
        *rc = inflate(s, Z_NO_FLUSH);
        from += give - s->avail_in;
        in -= give - s->avail_in;
        to += room - s->avail_out;
        out -= room - s->avail_out;
    } while (*rc == Z_OK);
    return *rc == Z_STREAM_END && in == 0 && out == 0;
}

static odd_status zip_deflated(struct oddi_zip *z, struct oddi_zip_entry *e,
                               const unsigned char *from)
{
    z_stream s = {.zalloc = zip_zalloc, .zfree = zip_zfree, .opaque = z->ctx};
    if (e->size > z->budget)
        return zip_refuse(z, e, ODD_ELIMIT, "unpacks to far more than the archive: a zip bomb?");
    e->inflated = oddi_alloc(z->ctx, (size_t)e->size);
    if (e->inflated == NULL)
        return ODD_ENOMEM;
    z->budget -= (size_t)e->size;
    int rc = inflateInit2(&s, -MAX_WBITS); /* no header of zlib's own */
    if (rc == Z_OK) {
        const bool good = zip_inflate(&s, e, from, &rc);
        inflateEnd(&s);
        if (good) {
            e->data = e->inflated;
            return ODD_OK;
        }
    }
    if (rc == Z_MEM_ERROR)
        return oddi_fail(z->ctx, ODD_ENOMEM, "%s: out of memory while unpacking", z->what);
    return zip_refuse(z, e, ODD_EFORMAT, "is damaged: its deflated data");
}

static odd_status zip_check(struct oddi_zip *z, const struct oddi_zip_entry *e)
{
    uLong crc = crc32_z(0, e->data, (z_size_t)e->size);
    return (uint32_t)crc == e->crc
               ? ODD_OK
               : zip_refuse(z, e, ODD_EFORMAT, "is damaged: its bytes do not fit its checksum");
}

odd_status oddi_zip_read(struct oddi_zip *z, struct oddi_zip_entry *e)
{
    odd_status status = ODD_OK;
    if (e->data != NULL)
        return ODD_OK;
    if (e->flags & ZIP_ENCRYPTED)
        return zip_refuse(z, e, ODD_ENOTSUP, "is encrypted");
    if (e->method != 0 && e->method != 8)
        return zip_refuse(z, e, ODD_ENOTSUP, "is packed by a method other than deflate");
    if (e->header > z->size || z->size - e->header < ZIP_LOCAL_SIZE ||
        zip_number(z->data + e->header, 4) != ZIP_LOCAL)
        return zip_refuse(z, e, ODD_EFORMAT, "is not where the directory says");
    const unsigned char *b = z->data + e->header;
    const size_t skip =
        ZIP_LOCAL_SIZE + (size_t)zip_number(b + 26, 2) + (size_t)zip_number(b + 28, 2);
    const size_t left = z->size - (size_t)e->header;
    if (left < skip || e->packed > left - skip || (e->method == 0 && e->packed != e->size))
        return zip_refuse(z, e, ODD_EFORMAT, "is longer than the archive");
    if (e->method == 0)
        e->data = b + skip;
    else
        TRY(zip_deflated(z, e, b + skip));
    TRY(zip_check(z, e));
out:
    if (status != ODD_OK)
        e->data = NULL;
    return status;
}
