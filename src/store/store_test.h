/* SPDX-License-Identifier: Apache-2.0
 * What the store's tests share: a context whose nth allocation fails, and small files. */
#ifndef ODDI_STORE_STORE_TEST_H
#define ODDI_STORE_STORE_TEST_H
#include "base/ctx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/os.h"

/* Counts live blocks; fails the allocation number `fail_at` (1 is the next; 0 none). */
struct store_test_heap {
    int fail_at, live;
};

static inline bool store_test_fails(struct store_test_heap *h)
{
    return h->fail_at > 0 && --h->fail_at == 0;
}

static inline void *store_test_alloc(void *user, size_t size)
{
    struct store_test_heap *h = user;
    if (store_test_fails(h))
        return NULL;
    void *block = malloc(size);
    h->live += block != NULL;
    return block;
}

static inline void *store_test_realloc(void *user, void *old, size_t size)
{
    struct store_test_heap *h = user;
    if (store_test_fails(h))
        return NULL;
    void *block = realloc(old, size);
    h->live += block != NULL && old == NULL;
    return block;
}

static inline void store_test_free(void *user, void *block)
{
    struct store_test_heap *h = user;
    h->live -= block != NULL;
    free(block);
}

static inline struct odd_context *store_test_context(struct store_test_heap *h)
{
    struct odd_context *ctx = NULL;
    *h = (struct store_test_heap){0, 0};
    assert_int_equal(odd_context_new_with(store_test_alloc, store_test_realloc, store_test_free, h,
                                          &ctx),
                     ODD_OK);
    return ctx;
}

/* A name of this process's own, in the working folder. */
static inline const char *store_test_path(char path[64], const char *name)
{
    snprintf(path, 64, "store_test_%d_%s", oddi_os_pid(), name);
    return path;
}

static inline unsigned char *store_test_read(struct odd_context *ctx, const char *path,
                                             size_t *size)
{
    char *data = NULL;
    assert_int_equal(oddi_file_read(ctx, path, (size_t)1 << 20, &data, size), ODD_OK);
    return (unsigned char *)data;
}

struct store_test_files {
    const char *path;
    int more;
};

static inline int store_test_leftover(void *user, const char *name)
{
    struct store_test_files *f = user;
    f->more += strncmp(name, f->path, strlen(f->path)) == 0 && strcmp(name, f->path) != 0;
    return 0;
}

/* Files whose name begins with `path` beside itself: temporaries that were left. */
static inline int store_test_leftovers(const char *path)
{
    struct store_test_files f = {path, 0};
    assert_int_equal(oddi_os_list(".", store_test_leftover, &f), 0);
    return f.more;
}
#endif
