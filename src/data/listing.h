/* SPDX-License-Identifier: Apache-2.0
 *
 * The entries of one folder, sorted by the bytes of their names, hidden ones left out. The order
 * of every data set comes from here, so it does not depend on the file system.
 */
#ifndef ODDI_DATA_LISTING_H
#define ODDI_DATA_LISTING_H
#include "base/alloc.h"
#include "base/os.h"

#define ODDI_LISTING_MAX 20000000

struct oddi_entry {
    const char *name;
    enum oddi_file_kind kind; /* a broken link with a picture's name counts as regular */
    bool picture;             /* not a folder and named like a picture */
};
struct oddi_listing {
    struct oddi_arena arena;
    struct oddi_entry *entry;
    size_t count, capacity;
    size_t pictures, folders; /* how many of each */
};
/* Fills a zeroed or released listing; the caller releases it, also after failure. */
odd_status oddi_listing_read(struct odd_context *ctx, const char *folder,
                             struct oddi_listing *listing);
void oddi_listing_release(struct oddi_listing *listing);
/* NULL when there is none of that name. */
const struct oddi_entry *oddi_listing_find(const struct oddi_listing *listing, const char *name);

/* The canonical kind of a picture file by its name ("jpg" also for .jpeg and .JPG), or NULL when
 * it is not named like a picture. The bytes decide later what it really is. */
const char *oddi_picture_kind(const char *name);
/* Length of the name without its last extension. */
size_t oddi_stem_length(const char *name);
#endif
