/* SPDX-License-Identifier: Apache-2.0
 *
 * The opcodes of the restricted pickle machine (pickle.h): one short function each, found in a
 * table by the opcode's byte. A row without a function is an opcode that is known and refused.
 */
#include "store/pickle.h"

#include <inttypes.h>
#include <string.h>

#define PICKLE_MAX_STACK ((size_t)1 << 16)
#define PICKLE_MAX_MARKS ((size_t)256)
#define PICKLE_MAX_MEMO ((size_t)1 << 20)
#define PICKLE_LAST_PROTOCOL 5

/* ---- stack and input ----------------------------------------------------------------------- */

static odd_status pickle_push(struct oddi_pickle *p, struct oddi_pickle_value *v)
{
    odd_status status = ODD_OK;
    if (v == NULL)
        return p->ctx->status;
    if (p->stack_count >= PICKLE_MAX_STACK)
        return oddi_fail(p->ctx, ODD_ELIMIT,
                         "%s: its pickle is too deep: more than %zu values wait on its stack",
                         p->what, PICKLE_MAX_STACK);
    TRY(oddi_reserve(p->ctx, (void **)&p->stack, &p->stack_capacity, p->stack_count + 1,
                     sizeof(*p->stack)));
    p->stack[p->stack_count++] = v;
out:
    return status;
}

/* Whether `n` values lie above the last mark. */
static odd_status pickle_need(struct oddi_pickle *p, size_t n)
{
    const size_t floor = p->mark_count ? p->marks[p->mark_count - 1] : 0;
    if (p->stack_count - floor < n)
        return oddi_fail(p->ctx, ODD_EFORMAT, "%s: damaged pickle: its stack is empty at byte %zu",
                         p->what, p->at);
    return ODD_OK;
}

static odd_status pickle_take(struct oddi_pickle *p, size_t size, const unsigned char **bytes)
{
    if (p->size - p->at < size)
        return oddi_fail(p->ctx, ODD_EFORMAT,
                         "%s: truncated: its pickle wants %zu bytes at byte %zu of %zu", p->what,
                         size, p->at, p->size);
    *bytes = p->data + p->at;
    p->at += size;
    return ODD_OK;
}

static odd_status pickle_number(struct oddi_pickle *p, size_t width, uint64_t *number)
{
    odd_status status = ODD_OK;
    const unsigned char *b = NULL;
    TRY(pickle_take(p, width, &b));
    *number = 0;
    for (size_t i = width; i-- > 0;)
        *number = *number << 8 | b[i];
out:
    return status;
}

static odd_status pickle_push_integer(struct oddi_pickle *p, enum oddi_pickle_kind kind,
                                      int64_t integer)
{
    struct oddi_pickle_value *v = oddi_pickle_new(p, kind);
    if (v != NULL)
        v->integer = integer;
    return pickle_push(p, v);
}

/* A count of `width` bytes, then so many bytes. */
static odd_status pickle_text(struct oddi_pickle *p, int width)
{
    odd_status status = ODD_OK;
    const unsigned char *b = NULL;
    uint64_t size = 0;
    TRY(pickle_number(p, (size_t)width, &size));
    TRY(pickle_take(p, (size_t)size, &b));
    struct oddi_pickle_value *v = oddi_pickle_new(p, ODDI_PICKLE_TEXT);
    if (v != NULL) {
        v->text = (const char *)b;
        v->size = (size_t)size;
    }
    TRY(pickle_push(p, v));
out:
    return status;
}

/* ---- constants ----------------------------------------------------------------------------- */

static odd_status pickle_proto(struct oddi_pickle *p, int unused)
{
    odd_status status = ODD_OK;
    uint64_t protocol = 0;
    (void)unused;
    TRY(pickle_number(p, 1, &protocol));
    if (protocol > PICKLE_LAST_PROTOCOL)
        status = oddi_fail(p->ctx, ODD_EFORMAT, "%s: pickle protocol %" PRIu64 " is unknown",
                           p->what, protocol);
out:
    return status;
}

static odd_status pickle_frame(struct oddi_pickle *p, int unused)
{
    uint64_t size; /* what it frames is read as it comes */
    (void)unused;
    return pickle_number(p, 8, &size);
}

static odd_status pickle_empty(struct oddi_pickle *p, int kind)
{
    return pickle_push(p, oddi_pickle_new(p, (enum oddi_pickle_kind)kind));
}

static odd_status pickle_bool(struct oddi_pickle *p, int truth)
{
    return pickle_push_integer(p, ODDI_PICKLE_BOOL, truth);
}

static odd_status pickle_int(struct oddi_pickle *p, int width)
{
    odd_status status = ODD_OK;
    uint64_t number = 0;
    TRY(pickle_number(p, (size_t)width, &number));
    TRY(pickle_push_integer(p, ODDI_PICKLE_INT,
                            width == 4 ? (int64_t)(int32_t)(uint32_t)number : (int64_t)number));
out:
    return status;
}

static odd_status pickle_long1(struct oddi_pickle *p, int unused)
{
    odd_status status = ODD_OK;
    const unsigned char *b = NULL;
    uint64_t size = 0, bits;
    (void)unused;
    TRY(pickle_number(p, 1, &size));
    TRY(pickle_take(p, (size_t)size, &b));
    struct oddi_pickle_value *v = oddi_pickle_new(p, size > 8 ? ODDI_PICKLE_LONG : ODDI_PICKLE_INT);
    if (v != NULL && size > 8) {
        v->text = (const char *)b;
        v->size = (size_t)size;
    } else if (v != NULL) {
        bits = size > 0 && b[size - 1] >> 7 ? UINT64_MAX : 0;
        for (size_t i = (size_t)size; i-- > 0;)
            bits = bits << 8 | b[i];
        v->integer = (int64_t)bits;
    }
    TRY(pickle_push(p, v));
out:
    return status;
}

static odd_status pickle_float(struct oddi_pickle *p, int unused)
{
    odd_status status = ODD_OK;
    const unsigned char *b = NULL;
    (void)unused;
    TRY(pickle_take(p, 8, &b));
    TRY(pickle_push(p, oddi_pickle_new(p, ODDI_PICKLE_FLOAT)));
out:
    return status;
}

/* ---- containers ---------------------------------------------------------------------------- */

static odd_status pickle_mark(struct oddi_pickle *p, int unused)
{
    odd_status status = ODD_OK;
    (void)unused;
    if (p->mark_count >= PICKLE_MAX_MARKS)
        return oddi_fail(p->ctx, ODD_ELIMIT,
                         "%s: its pickle is nested too deep: more than %zu open marks", p->what,
                         PICKLE_MAX_MARKS);
    TRY(oddi_reserve(p->ctx, (void **)&p->marks, &p->mark_capacity, p->mark_count + 1,
                     sizeof(*p->marks)));
    p->marks[p->mark_count++] = p->stack_count;
out:
    return status;
}

/* Closes the last mark: *floor is the stack's count below what follows it. */
static odd_status pickle_unmark(struct oddi_pickle *p, size_t *floor)
{
    if (p->mark_count == 0)
        return oddi_fail(p->ctx, ODD_EFORMAT, "%s: damaged pickle: no mark is open at byte %zu",
                         p->what, p->at);
    *floor = p->marks[--p->mark_count];
    return ODD_OK;
}

static odd_status pickle_pop(struct oddi_pickle *p, int unused)
{
    odd_status status = ODD_OK;
    (void)unused;
    TRY(pickle_need(p, 1));
    p->stack_count--;
out:
    return status;
}

static odd_status pickle_pop_mark(struct oddi_pickle *p, int unused)
{
    (void)unused;
    return pickle_unmark(p, &p->stack_count);
}

/* Moves the values from `floor` on into the container. */
static odd_status pickle_move(struct oddi_pickle *p, size_t floor, struct oddi_pickle_value *list)
{
    odd_status status = ODD_OK;
    for (size_t i = floor; i < p->stack_count; i++)
        TRY(oddi_pickle_append(p, list, p->stack[i]));
    p->stack_count = floor;
out:
    return status;
}

static odd_status pickle_tuple_from(struct oddi_pickle *p, size_t floor)
{
    odd_status status = ODD_OK;
    struct oddi_pickle_value *v = oddi_pickle_new(p, ODDI_PICKLE_TUPLE);
    if (v == NULL)
        return p->ctx->status;
    TRY(pickle_move(p, floor, v));
    TRY(pickle_push(p, v));
out:
    return status;
}

static odd_status pickle_tuple(struct oddi_pickle *p, int unused)
{
    odd_status status = ODD_OK;
    size_t floor = 0;
    (void)unused;
    TRY(pickle_unmark(p, &floor));
    TRY(pickle_tuple_from(p, floor));
out:
    return status;
}

static odd_status pickle_tuple_of(struct oddi_pickle *p, int n)
{
    odd_status status = ODD_OK;
    TRY(pickle_need(p, (size_t)n));
    TRY(pickle_tuple_from(p, p->stack_count - (size_t)n));
out:
    return status;
}

/* Adds the values from `floor` on to the container below them. */
static odd_status pickle_extend(struct oddi_pickle *p, size_t floor, enum oddi_pickle_kind kind)
{
    odd_status status = ODD_OK;
    const size_t below = p->mark_count ? p->marks[p->mark_count - 1] : 0;
    if (floor <= below || p->stack[floor - 1]->kind != kind)
        return oddi_fail(p->ctx, ODD_EFORMAT, "%s: damaged pickle: no %s to add to at byte %zu",
                         p->what, oddi_pickle_kind_name(kind), p->at);
    if (kind == ODDI_PICKLE_DICT && (p->stack_count - floor) % 2 != 0)
        return oddi_fail(p->ctx, ODD_EFORMAT, "%s: damaged pickle: a key without value at byte %zu",
                         p->what, p->at);
    TRY(pickle_move(p, floor, p->stack[floor - 1]));
out:
    return status;
}

static odd_status pickle_add(struct oddi_pickle *p, int kind)
{
    odd_status status = ODD_OK;
    const size_t n = kind == ODDI_PICKLE_DICT ? 2 : 1;
    TRY(pickle_need(p, n + 1));
    TRY(pickle_extend(p, p->stack_count - n, (enum oddi_pickle_kind)kind));
out:
    return status;
}

static odd_status pickle_add_marked(struct oddi_pickle *p, int kind)
{
    odd_status status = ODD_OK;
    size_t floor = 0;
    TRY(pickle_unmark(p, &floor));
    TRY(pickle_extend(p, floor, (enum oddi_pickle_kind)kind));
out:
    return status;
}

/* ---- memo ---------------------------------------------------------------------------------- */

static odd_status pickle_put_at(struct oddi_pickle *p, uint64_t number)
{
    odd_status status = ODD_OK;
    TRY(pickle_need(p, 1));
    if (number >= PICKLE_MAX_MEMO)
        return oddi_fail(p->ctx, ODD_ELIMIT, "%s: its pickle uses memo %" PRIu64 ", at most %zu",
                         p->what, number, PICKLE_MAX_MEMO - 1);
    TRY(oddi_reserve(p->ctx, (void **)&p->memo, &p->memo_capacity, (size_t)number + 1,
                     sizeof(*p->memo)));
    while (p->memo_count <= number)
        p->memo[p->memo_count++] = NULL;
    p->memo[number] = p->stack[p->stack_count - 1];
out:
    return status;
}

static odd_status pickle_put(struct oddi_pickle *p, int width)
{
    odd_status status = ODD_OK;
    uint64_t number = 0;
    TRY(pickle_number(p, (size_t)width, &number));
    TRY(pickle_put_at(p, number));
out:
    return status;
}

static odd_status pickle_get(struct oddi_pickle *p, int width)
{
    odd_status status = ODD_OK;
    uint64_t number = 0;
    TRY(pickle_number(p, (size_t)width, &number));
    if (number >= p->memo_count || p->memo[number] == NULL)
        return oddi_fail(p->ctx, ODD_EFORMAT, "%s: damaged pickle: memo %" PRIu64 " is empty",
                         p->what, number);
    TRY(pickle_push(p, p->memo[number]));
out:
    return status;
}

static odd_status pickle_memoize(struct oddi_pickle *p, int unused)
{
    (void)unused;
    return pickle_put_at(p, p->memo_count);
}

/* ---- names and what is made by them -------------------------------------------------------- */

/* Bytes up to the next newline, which is passed over. */
static odd_status pickle_line(struct oddi_pickle *p, const char **line, size_t *size)
{
    const unsigned char *from = p->data + p->at;
    const unsigned char *end = p->at < p->size ? memchr(from, '\n', p->size - p->at) : NULL;
    if (end == NULL)
        return oddi_fail(p->ctx, ODD_EFORMAT, "%s: truncated: its pickle ends within a name",
                         p->what);
    *line = (const char *)from;
    *size = (size_t)(end - from);
    p->at += *size + 1;
    return ODD_OK;
}

static odd_status pickle_op_global(struct oddi_pickle *p, int unused)
{
    odd_status status = ODD_OK;
    const char *module = NULL, *name = NULL;
    size_t module_size = 0, name_size = 0;
    int64_t which = 0;
    (void)unused;
    TRY(pickle_line(p, &module, &module_size));
    TRY(pickle_line(p, &name, &name_size));
    TRY(oddi_pickle_global(p, module, module_size, name, name_size, &which));
    TRY(pickle_push_integer(p, ODDI_PICKLE_GLOBAL, which));
out:
    return status;
}

static odd_status pickle_stack_global(struct oddi_pickle *p, int unused)
{
    odd_status status = ODD_OK;
    int64_t which = 0;
    (void)unused;
    TRY(pickle_need(p, 2));
    const struct oddi_pickle_value *module = p->stack[p->stack_count - 2];
    const struct oddi_pickle_value *name = p->stack[p->stack_count - 1];
    if (module->kind != ODDI_PICKLE_TEXT || name->kind != ODDI_PICKLE_TEXT)
        return oddi_fail(p->ctx, ODD_EFORMAT, "%s: damaged pickle: a global's name is not text",
                         p->what);
    TRY(oddi_pickle_global(p, module->text, module->size, name->text, name->size, &which));
    p->stack_count -= 2;
    TRY(pickle_push_integer(p, ODDI_PICKLE_GLOBAL, which));
out:
    return status;
}

static odd_status pickle_reduce(struct oddi_pickle *p, int unused)
{
    odd_status status = ODD_OK;
    struct oddi_pickle_value *made = NULL;
    (void)unused;
    TRY(pickle_need(p, 2));
    const struct oddi_pickle_value *function = p->stack[p->stack_count - 2];
    const struct oddi_pickle_value *arguments = p->stack[p->stack_count - 1];
    if (function->kind != ODDI_PICKLE_GLOBAL || arguments->kind != ODDI_PICKLE_TUPLE)
        return oddi_fail(p->ctx, ODD_EFORMAT, "%s: damaged pickle: it calls a %s with a %s",
                         p->what, oddi_pickle_kind_name(function->kind),
                         oddi_pickle_kind_name(arguments->kind));
    TRY(oddi_pickle_reduce(p, function, arguments, &made));
    p->stack_count -= 2;
    TRY(pickle_push(p, made));
out:
    return status;
}

/* State of a dict (its `_metadata`) or of a parameter: nothing that we need. */
static odd_status pickle_build(struct oddi_pickle *p, int unused)
{
    odd_status status = ODD_OK;
    (void)unused;
    TRY(pickle_need(p, 2));
    const struct oddi_pickle_value *object = p->stack[p->stack_count - 2];
    if (object->kind != ODDI_PICKLE_DICT && object->kind != ODDI_PICKLE_TENSOR)
        return oddi_fail(p->ctx, ODD_ENOTSUP,
                         "%s: its pickle sets the state of a %s (opcode BUILD); refused", p->what,
                         oddi_pickle_kind_name(object->kind));
    p->stack_count--;
out:
    return status;
}

static odd_status pickle_binpersid(struct oddi_pickle *p, int unused)
{
    odd_status status = ODD_OK;
    struct oddi_pickle_value *made = NULL;
    (void)unused;
    TRY(pickle_need(p, 1));
    TRY(oddi_pickle_persistent(p, p->stack[p->stack_count - 1], &made));
    p->stack_count--;
    TRY(pickle_push(p, made));
out:
    return status;
}

static odd_status pickle_stop(struct oddi_pickle *p, int unused)
{
    odd_status status = ODD_OK;
    (void)unused;
    TRY(pickle_need(p, 1));
    p->result = p->stack[p->stack_count - 1];
out:
    return status;
}

/* ---- the machine --------------------------------------------------------------------------- */

static const struct pickle_op {
    const char *name;
    odd_status (*run)(struct oddi_pickle *p, int argument);
    int argument;
} pickle_ops[256] = {
    ['('] = {"MARK", pickle_mark, 0},
    [')'] = {"EMPTY_TUPLE", pickle_empty, ODDI_PICKLE_TUPLE},
    ['.'] = {"STOP", pickle_stop, 0},
    ['0'] = {"POP", pickle_pop, 0},
    ['1'] = {"POP_MARK", pickle_pop_mark, 0},
    ['G'] = {"BINFLOAT", pickle_float, 0},
    ['J'] = {"BININT", pickle_int, 4},
    ['K'] = {"BININT1", pickle_int, 1},
    ['M'] = {"BININT2", pickle_int, 2},
    ['N'] = {"NONE", pickle_empty, ODDI_PICKLE_NONE},
    ['Q'] = {"BINPERSID", pickle_binpersid, 0},
    ['R'] = {"REDUCE", pickle_reduce, 0},
    ['T'] = {"BINSTRING", pickle_text, 4},
    ['U'] = {"SHORT_BINSTRING", pickle_text, 1},
    ['X'] = {"BINUNICODE", pickle_text, 4},
    [']'] = {"EMPTY_LIST", pickle_empty, ODDI_PICKLE_LIST},
    ['a'] = {"APPEND", pickle_add, ODDI_PICKLE_LIST},
    ['b'] = {"BUILD", pickle_build, 0},
    ['c'] = {"GLOBAL", pickle_op_global, 0},
    ['e'] = {"APPENDS", pickle_add_marked, ODDI_PICKLE_LIST},
    ['h'] = {"BINGET", pickle_get, 1},
    ['j'] = {"LONG_BINGET", pickle_get, 4},
    ['q'] = {"BINPUT", pickle_put, 1},
    ['r'] = {"LONG_BINPUT", pickle_put, 4},
    ['s'] = {"SETITEM", pickle_add, ODDI_PICKLE_DICT},
    ['t'] = {"TUPLE", pickle_tuple, 0},
    ['u'] = {"SETITEMS", pickle_add_marked, ODDI_PICKLE_DICT},
    ['}'] = {"EMPTY_DICT", pickle_empty, ODDI_PICKLE_DICT},
    [0x80] = {"PROTO", pickle_proto, 0},
    [0x85] = {"TUPLE1", pickle_tuple_of, 1},
    [0x86] = {"TUPLE2", pickle_tuple_of, 2},
    [0x87] = {"TUPLE3", pickle_tuple_of, 3},
    [0x88] = {"NEWTRUE", pickle_bool, 1},
    [0x89] = {"NEWFALSE", pickle_bool, 0},
    [0x8a] = {"LONG1", pickle_long1, 0},
    [0x8c] = {"SHORT_BINUNICODE", pickle_text, 1},
    [0x93] = {"STACK_GLOBAL", pickle_stack_global, 0},
    [0x94] = {"MEMOIZE", pickle_memoize, 0},
    [0x95] = {"FRAME", pickle_frame, 0},
    /* Known and refused: no state dict has them. */
    ['2'] = {"DUP", NULL, 0},
    ['B'] = {"BINBYTES", NULL, 0},
    ['C'] = {"SHORT_BINBYTES", NULL, 0},
    ['F'] = {"FLOAT", NULL, 0},
    ['I'] = {"INT", NULL, 0},
    ['L'] = {"LONG", NULL, 0},
    ['P'] = {"PERSID", NULL, 0},
    ['S'] = {"STRING", NULL, 0},
    ['V'] = {"UNICODE", NULL, 0},
    ['d'] = {"DICT", NULL, 0},
    ['g'] = {"GET", NULL, 0},
    ['i'] = {"INST", NULL, 0},
    ['l'] = {"LIST", NULL, 0},
    ['o'] = {"OBJ", NULL, 0},
    ['p'] = {"PUT", NULL, 0},
    [0x81] = {"NEWOBJ", NULL, 0},
    [0x82] = {"EXT1", NULL, 0},
    [0x83] = {"EXT2", NULL, 0},
    [0x84] = {"EXT4", NULL, 0},
    [0x8b] = {"LONG4", NULL, 0},
    [0x8d] = {"BINUNICODE8", NULL, 0},
    [0x8e] = {"BINBYTES8", NULL, 0},
    [0x8f] = {"EMPTY_SET", NULL, 0},
    [0x90] = {"ADDITEMS", NULL, 0},
    [0x91] = {"FROZENSET", NULL, 0},
    [0x92] = {"NEWOBJ_EX", NULL, 0},
    [0x96] = {"BYTEARRAY8", NULL, 0},
    [0x97] = {"NEXT_BUFFER", NULL, 0},
    [0x98] = {"READONLY_BUFFER", NULL, 0},
};

static odd_status pickle_step(struct oddi_pickle *p)
{
    odd_status status = ODD_OK;
    const unsigned char *b = NULL;
    TRY(pickle_take(p, 1, &b));
    const struct pickle_op *op = &pickle_ops[*b];
    if (op->name == NULL)
        return oddi_fail(p->ctx, ODD_EFORMAT, "%s: not a pickle: byte %zu is no opcode (%d)",
                         p->what, p->at - 1, *b);
    if (op->run == NULL)
        return oddi_fail(p->ctx, ODD_ENOTSUP,
                         "%s: its pickle has the opcode %s at byte %zu, which no state dict needs; "
                         "refused",
                         p->what, op->name, p->at - 1);
    TRY(op->run(p, op->argument));
out:
    return status;
}

void oddi_pickle_init(struct oddi_pickle *p, struct odd_context *ctx, const char *what,
                      size_t limit)
{
    *p = (struct oddi_pickle){.ctx = ctx, .what = what, .limit = limit};
    oddi_arena_init(&p->arena, ctx);
}

static void pickle_release_load(struct oddi_pickle *p)
{
    oddi_free(p->ctx, p->stack);
    oddi_free(p->ctx, p->marks);
    oddi_free(p->ctx, p->memo);
    p->stack = NULL;
    p->marks = NULL;
    p->memo = NULL;
    p->stack_count = p->stack_capacity = 0;
    p->mark_count = p->mark_capacity = 0;
    p->memo_count = p->memo_capacity = 0;
}

void oddi_pickle_release(struct oddi_pickle *p)
{
    if (p->ctx == NULL)
        return;
    pickle_release_load(p);
    oddi_arena_release(&p->arena);
    *p = (struct oddi_pickle){0};
}

odd_status oddi_pickle_load(struct oddi_pickle *p, const unsigned char *data, size_t size,
                            size_t *at, const struct oddi_pickle_value **value)
{
    odd_status status = ODD_OK;
    p->data = data;
    p->size = size;
    p->at = *at;
    p->result = NULL;
    while (p->result == NULL)
        TRY(pickle_step(p));
    *at = p->at;
    *value = p->result;
out:
    pickle_release_load(p);
    return status;
}
