/* SPDX-License-Identifier: Apache-2.0
 * Shared parts of this folder's tests; see support_test.h. */
#include "data/support_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/os.h"

static void testing_log(void *user, enum odd_log_level level, const char *text)
{
    struct testing *t = user;
    t->warnings += level == ODD_LOG_WARNING;
    snprintf(t->last_warning, sizeof(t->last_warning), "%s", text);
}

void testing_init(struct testing *t, const char *name)
{
    *t = (struct testing){.warnings = 0};
    fault_alloc_init(&t->fault);
    snprintf(t->folder, sizeof(t->folder), "data_%s_%d", name, oddi_os_pid());
    t->ctx = fault_context(&t->fault);
    odd_context_on_log(t->ctx, testing_log, t);
    assert_int_equal(oddi_make_folders(t->ctx, t->folder), ODD_OK);
}

struct testing_names {
    char name[64][128];
    int count;
};

static int testing_name(void *user, const char *name)
{
    struct testing_names *names = user;
    if (names->count == 64)
        return 1;
    snprintf(names->name[names->count++], sizeof(names->name[0]), "%s", name);
    return 0;
}

/* Removes the folder and all in it, some names at a time. */
static void testing_remove(const char *path)
{
    struct testing_names names;
    do {
        names.count = 0;
        oddi_os_list(path, testing_name, &names);
        for (int i = 0; i < names.count; i++) {
            char inner[700];
            struct oddi_stat st;
            snprintf(inner, sizeof(inner), "%s/%s", path, names.name[i]);
            if (oddi_os_stat(inner, &st) == 0 && st.kind == ODDI_FILE_FOLDER)
                testing_remove(inner);
            else
                remove(inner);
        }
    } while (names.count == 64);
    remove(path);
}

void testing_release(struct testing *t)
{
    odd_context_free(t->ctx);
    testing_remove(t->folder);
    assert_int_equal(t->fault.live, 0);
}

const char *testing_path(struct testing *t, const char *name)
{
    static char buffers[8][512];
    static int turn;
    char *path = buffers[turn++ % 8], folder[512];
    snprintf(path, 512, "%s%s%s", t->folder, name[0] ? "/" : "", name);
    snprintf(folder, sizeof(folder), "%s", path);
    *strrchr(folder, '/') = '\0';
    if (name[0])
        assert_int_equal(oddi_make_folders(t->ctx, folder), ODD_OK);
    return path;
}

void testing_write(struct testing *t, const char *name, const void *data, size_t size)
{
    assert_int_equal(oddi_file_write(t->ctx, testing_path(t, name), data, size), ODD_OK);
}

void testing_text(struct testing *t, const char *name, const char *text)
{
    testing_write(t, name, text, strlen(text));
}

static void testing_le32(unsigned char *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(v >> (8 * i));
}

void testing_picture(struct testing *t, const char *name, int width, int height, int grey)
{
    size_t row = ((size_t)width * 3 + 3) / 4 * 4, size = 54 + row * (size_t)height;
    unsigned char *bmp = calloc(size, 1);
    memcpy(bmp, "BM", 2);
    testing_le32(bmp + 2, (uint32_t)size);
    testing_le32(bmp + 10, 54);
    testing_le32(bmp + 14, 40);
    testing_le32(bmp + 18, (uint32_t)width);
    testing_le32(bmp + 22, (uint32_t)height); /* rows from the bottom */
    bmp[26] = 1;
    bmp[28] = 24;
    for (int y = 0; y < height; y++)
        memset(bmp + 54 + (size_t)y * row, grey, (size_t)width * 3);
    memset(bmp + 54 + (size_t)(height - 1) * row, 255 - grey, 3);
    testing_write(t, name, bmp, size);
    free(bmp);
}

void testing_pictures(struct testing *t, const char *format, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        const char *percent = strchr(format, '%');
        char name[256];
        assert_non_null(percent);
        assert_int_equal(strncmp(percent, "%03d", 4), 0);
        snprintf(name, sizeof(name), "%.*s%03d%s", (int)(percent - format), format, i, percent + 4);
        testing_picture(t, name, 4, 4, i % 256);
    }
}

size_t testing_gzip(const unsigned char *data, size_t size, unsigned char *out, size_t room)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (z_const Bytef *)data;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t made = z.total_out;
    deflateEnd(&z);
    return made;
}

void testing_idx(struct testing *t, const char *name, bool gzip, const int *dim, int rank,
                 const unsigned char *data)
{
    size_t head = 4 + 4 * (size_t)rank, count = 1;
    for (int i = 0; i < rank; i++)
        count *= (size_t)dim[i];
    unsigned char *bytes = calloc(head + count, 1), *packed = calloc(head + count + 1024, 1);
    bytes[2] = 8;
    bytes[3] = (unsigned char)rank;
    for (int i = 0; i < rank; i++)
        for (int b = 0; b < 4; b++)
            bytes[4 + 4 * i + b] = (unsigned char)((uint32_t)dim[i] >> (24 - 8 * b));
    for (size_t i = 0; i < count; i++)
        bytes[head + i] = data ? data[i] : (unsigned char)(i * 7 + i / 251);
    if (gzip)
        testing_write(t, name, packed,
                      testing_gzip(bytes, head + count, packed, head + count + 1024));
    else
        testing_write(t, name, bytes, head + count);
    free(bytes);
    free(packed);
}

odd_status testing_open(struct testing *t, const char *name, struct odd_dataset **ds, ...)
{
    odd_status status = ODD_OK;
    struct odd_options *options = NULL;
    const char *key;
    va_list args;
    va_start(args, ds);
    TRY(odd_options_new(t->ctx, &options));
    while ((key = va_arg(args, const char *)) != NULL)
        TRY(odd_options_set(options, key, va_arg(args, const char *)));
    TRY(odd_dataset_open(t->ctx, testing_path(t, name), options, ds));
out:
    va_end(args);
    odd_options_free(options);
    return status;
}

size_t testing_count(const struct odd_dataset *ds, enum oddi_part part)
{
    return oddi_dataset_count(ds, part, ODDI_LABEL_NORMAL) +
           oddi_dataset_count(ds, part, ODDI_LABEL_ANOMALOUS) +
           oddi_dataset_count(ds, part, ODDI_LABEL_UNKNOWN);
}
