/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of this folder share: a temporary folder, small files in it, a context whose
 * Nth allocation fails.
 */
#ifndef ODDI_DATA_SUPPORT_TEST_H
#define ODDI_DATA_SUPPORT_TEST_H
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../tests/support/fault_alloc.h"
#include "data/dataset.h"

struct testing {
    struct odd_context *ctx;
    char folder[256];
    struct fault_alloc fault;
    int warnings;
    char last_warning[1024];
};
void testing_init(struct testing *t, const char *name);
void testing_release(struct testing *t); /* asserts that nothing is still allocated */

/* folder/name, folders above it made; in one of eight buffers that are used in turn. */
const char *testing_path(struct testing *t, const char *name);
void testing_write(struct testing *t, const char *name, const void *data, size_t size);
void testing_text(struct testing *t, const char *name, const char *text);
/* A 24-bit BMP of one grey level with its top left pixel 255 - grey. */
void testing_picture(struct testing *t, const char *name, int width, int height, int grey);
/* `count` pictures named by number: "train/good/%03d.bmp". */
void testing_pictures(struct testing *t, const char *format, int first, int count);
/* IDX of n elements a record of `rank` - 1 dimensions; data NULL: bytes count up. */
void testing_idx(struct testing *t, const char *name, bool gzip, const int *dim, int rank,
                 const unsigned char *data);
size_t testing_gzip(const unsigned char *data, size_t size, unsigned char *out, size_t room);

/* Opens with options given as pairs "name", "value", ..., NULL. */
odd_status testing_open(struct testing *t, const char *name, struct odd_dataset **ds, ...);
size_t testing_count(const struct odd_dataset *ds, enum oddi_part part);
#endif
