/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of the zip format that weights come in: one file, stored or deflated entries, zip64.
 * What is not used is refused (encryption, several disks, two entries of a name), and what is
 * inflated is bounded, in all, by 16 times the archive.
 */
#ifndef ODDI_STORE_ZIP_H
#define ODDI_STORE_ZIP_H
#include "base/alloc.h"

struct oddi_zip_entry {
    const char *name; /* `name_size` bytes, not terminated */
    size_t name_size;
    uint64_t packed, size, header; /* bytes in the archive and unpacked; place of its header */
    uint32_t crc;
    unsigned method, flags;
    const unsigned char *data; /* once read */
    unsigned char *inflated;   /* owns data, where it had to be */
};
struct oddi_zip {
    struct odd_context *ctx;
    const char *what;
    const unsigned char *data;
    size_t size;
    struct oddi_zip_entry *entry; /* by name */
    size_t count;
    size_t budget; /* bytes that may still be inflated */
};
/* Reads the directory. The bytes must outlive *z; _release always, also after failure. */
odd_status oddi_zip_open(struct odd_context *ctx, const unsigned char *data, size_t size,
                         const char *what, struct oddi_zip *z);
void oddi_zip_release(struct oddi_zip *z);
struct oddi_zip_entry *oddi_zip_find(const struct oddi_zip *z, const char *name,
                                     size_t name_size); /* NULL: not there */
/* Makes e->data the e->size bytes, checksum compared; nothing when it is there already. */
odd_status oddi_zip_read(struct oddi_zip *z, struct oddi_zip_entry *e);
#endif
