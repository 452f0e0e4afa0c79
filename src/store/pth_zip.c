/* SPDX-License-Identifier: Apache-2.0
 *
 * PyTorch's zip archive, what torch.save writes since 1.6. All entries lie in one folder, whatever
 * its name:
 *
 *     FOLDER/data.pkl     the pickled state dict
 *     FOLDER/data/KEY     the bytes of each storage
 *     FOLDER/byteorder    "little" or "big"; absent in older files, which are little-endian
 */
#include "store/pth.h"

#include <string.h>

#include "store/zip.h"

#define PTH_ZIP_PATH 1024 /* bytes of an entry's name */

struct pth_zip {
    struct oddi_weights *w;
    struct oddi_zip zip;
    const char *folder; /* `folder_size` bytes, the '/' included */
    size_t folder_size;
};

/* Finds FOLDER by its data.pkl. */
static odd_status pth_zip_folder(struct pth_zip *f, struct oddi_zip_entry **pickle)
{
    static const char tail[] = "/data.pkl";
    const size_t length = sizeof(tail) - 1;
    for (size_t i = 0; i < f->zip.count; i++) {
        struct oddi_zip_entry *e = &f->zip.entry[i];
        if (e->name_size < length || memcmp(e->name + e->name_size - length, tail, length) != 0 ||
            memchr(e->name, '/', e->name_size - length) != NULL)
            continue;
        f->folder = e->name;
        f->folder_size = e->name_size - length + 1;
        *pickle = e;
        return ODD_OK;
    }
    return oddi_fail(f->w->ctx, ODD_EFORMAT,
                     "%s: a zip archive, but not one that torch.save wrote: it has no data.pkl",
                     f->w->what);
}

/* The entry FOLDER/sub/name, NULL when there is none. */
static struct oddi_zip_entry *pth_zip_entry(const struct pth_zip *f, const char *sub,
                                            const char *name, size_t name_size)
{
    char path[PTH_ZIP_PATH];
    const size_t sub_size = strlen(sub);
    if (f->folder_size > sizeof(path) - sub_size ||
        name_size > sizeof(path) - sub_size - f->folder_size)
        return NULL;
    memcpy(path, f->folder, f->folder_size);
    memcpy(path + f->folder_size, sub, sub_size);
    memcpy(path + f->folder_size + sub_size, name, name_size);
    return oddi_zip_find(&f->zip, path, f->folder_size + sub_size + name_size);
}

static odd_status pth_zip_find(void *user, const struct oddi_pickle_storage *storage,
                               const unsigned char **data, size_t *size)
{
    odd_status status = ODD_OK;
    struct pth_zip *f = user;
    struct oddi_zip_entry *e = pth_zip_entry(f, "data/", storage->key, storage->key_size);
    if (e == NULL)
        return oddi_fail(f->w->ctx, ODD_EFORMAT, "%s: damaged: a tensor's storage is missing",
                         f->w->what);
    TRY(oddi_zip_read(&f->zip, e));
    *data = e->data;
    *size = (size_t)e->size;
out:
    return status;
}

static odd_status pth_zip_byteorder(struct pth_zip *f, bool *big)
{
    odd_status status = ODD_OK;
    struct oddi_zip_entry *e = pth_zip_entry(f, "", "byteorder", 9);
    *big = false;
    if (e == NULL)
        return ODD_OK;
    TRY(oddi_zip_read(&f->zip, e));
    *big = e->size == 3 && memcmp(e->data, "big", 3) == 0;
    if (!*big && (e->size != 6 || memcmp(e->data, "little", 6) != 0))
        status = oddi_fail(f->w->ctx, ODD_EFORMAT,
                           "%s: its byteorder is neither 'little' nor 'big'", f->w->what);
out:
    return status;
}

odd_status oddi_weights_pth_zip(struct oddi_weights *w, const unsigned char *data, size_t size)
{
    odd_status status = ODD_OK;
    struct pth_zip f = {.w = w};
    struct oddi_pickle p = {0};
    struct oddi_zip_entry *entry = NULL;
    const struct oddi_pickle_value *root;
    size_t at = 0;
    bool big;
    w->format = "PyTorch zip archive";
    TRY(oddi_zip_open(w->ctx, data, size, w->what, &f.zip));
    TRY(pth_zip_folder(&f, &entry));
    if (pth_zip_entry(&f, "", "constants.pkl", 13) != NULL) {
        status = oddi_fail(w->ctx, ODD_ENOTSUP,
                           "%s: a TorchScript program; save its state_dict() instead", w->what);
        goto out;
    }
    TRY(pth_zip_byteorder(&f, &big));
    TRY(oddi_zip_read(&f.zip, entry));
    /* A storage is an entry: no longer than the archive, or than what may be inflated. */
    oddi_pickle_init(&p, w->ctx, w->what, f.zip.budget);
    TRY(oddi_pickle_load(&p, entry->data, (size_t)entry->size, &at, &root));
    TRY(oddi_pth_add(w, root, big, pth_zip_find, &f));
out:
    oddi_pickle_release(&p);
    oddi_zip_release(&f.zip);
    return status;
}
