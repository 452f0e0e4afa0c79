/* SPDX-License-Identifier: Apache-2.0
 *
 * A machine that reads those pickles that are a PyTorch state dict, and no other.
 *
 * A pickle is a program: its opcodes push values, and GLOBAL with REDUCE calls any function by
 * name. Here nothing is called. The few names that a state dict needs are recognised and build
 * plain descriptions (this storage, this shape); every other name and opcode ends the reading with
 * a message that has the name. Bounded are: values (one arena, 2^20), the stack, open marks, memo
 * numbers, nesting, integers, and elements of storages (by `limit` bytes). Time is linear in the
 * size. A container that has become part of another is sealed: it may not change any more. Python
 * writes every container whole before its parent, so honest files keep this, and no cycle can.
 */
#ifndef ODDI_STORE_PICKLE_H
#define ODDI_STORE_PICKLE_H
#include "store/safetensors.h"

enum oddi_pickle_kind {
    ODDI_PICKLE_NONE,
    ODDI_PICKLE_BOOL,   /* integer: 0, 1 */
    ODDI_PICKLE_INT,    /* integer */
    ODDI_PICKLE_LONG,   /* text: little-endian two's complement of more than 8 bytes */
    ODDI_PICKLE_FLOAT,  /* its value is not kept */
    ODDI_PICKLE_TEXT,   /* text */
    ODDI_PICKLE_TUPLE,  /* list */
    ODDI_PICKLE_LIST,   /* list */
    ODDI_PICKLE_DICT,   /* list: key, value, key, value, ... */
    ODDI_PICKLE_GLOBAL, /* integer: which */
    ODDI_PICKLE_STORAGE,
    ODDI_PICKLE_TENSOR,
};
struct oddi_pickle_link {
    struct oddi_pickle_value *value;
    struct oddi_pickle_link *next;
};
struct oddi_pickle_value {
    enum oddi_pickle_kind kind;
    bool sealed;
    uint16_t depth; /* of containers beneath */
    union {
        int64_t integer;
        struct {
            const char *text; /* in the input: not terminated */
            size_t size;
        };
        struct {
            struct oddi_pickle_link *first, *last;
        } list;
        const struct oddi_pickle_storage *storage;
        const struct oddi_pickle_tensor *tensor;
    };
};
struct oddi_pickle_storage {
    const char *key; /* `key_size` bytes */
    size_t key_size;
    enum oddi_st_dtype dtype;
    int64_t count; /* elements; count times their size is within the limit */
    bool view;     /* of `view_count` elements from `view_at`, within count */
    int64_t view_at, view_count;
    struct oddi_pickle_storage *next; /* every mention of a storage, last first */
};
struct oddi_pickle_tensor {
    const struct oddi_pickle_storage *storage;
    int64_t offset; /* elements, >= 0 */
    int rank;
    int64_t dim[ODDI_ST_MAX_DIMS], stride[ODDI_ST_MAX_DIMS]; /* >= 0 */
};

struct oddi_pickle {
    struct odd_context *ctx;
    const char *what; /* in messages */
    size_t limit;     /* bytes that one storage may have */
    struct oddi_arena arena;
    struct oddi_pickle_storage *storages;
    size_t values; /* made so far, of all loads */
    /* one load's */
    const unsigned char *data;
    size_t size, at;
    struct oddi_pickle_value **stack;
    size_t stack_count, stack_capacity;
    size_t *marks; /* stack_count when each was set */
    size_t mark_count, mark_capacity;
    struct oddi_pickle_value **memo;
    size_t memo_count, memo_capacity;
    struct oddi_pickle_value *result;
};
void oddi_pickle_init(struct oddi_pickle *p, struct odd_context *ctx, const char *what,
                      size_t limit);
void oddi_pickle_release(struct oddi_pickle *p);
/* Reads one pickle from *at on and moves *at behind it. The value lives until _release, the input
 * must, too. May be called several times. */
odd_status oddi_pickle_load(struct oddi_pickle *p, const unsigned char *data, size_t size,
                            size_t *at, const struct oddi_pickle_value **value);

bool oddi_pickle_text_is(const struct oddi_pickle_value *v, const char *text);
/* The name of a kind of value, for messages. */
const char *oddi_pickle_kind_name(enum oddi_pickle_kind kind);

/* ---- between pickle.c and pickle_torch.c ---------------------------------------------------- */

/* The known name's number, or a refusal with the name. */
odd_status oddi_pickle_global(struct oddi_pickle *p, const char *module, size_t module_size,
                              const char *name, size_t name_size, int64_t *which);
/* What calling `function` with the tuple `arguments` gives. */
odd_status oddi_pickle_reduce(struct oddi_pickle *p, const struct oddi_pickle_value *function,
                              const struct oddi_pickle_value *arguments,
                              struct oddi_pickle_value **out);
/* The storage that a persistent id stands for. */
odd_status oddi_pickle_persistent(struct oddi_pickle *p, const struct oddi_pickle_value *id,
                                  struct oddi_pickle_value **out);
struct oddi_pickle_value *oddi_pickle_new(struct oddi_pickle *p, enum oddi_pickle_kind kind);
odd_status oddi_pickle_append(struct oddi_pickle *p, struct oddi_pickle_value *list,
                              struct oddi_pickle_value *value);
#endif
