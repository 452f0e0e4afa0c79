/* SPDX-License-Identifier: Apache-2.0
 *
 * Every kernel of every set that this processor has, on every row of op_cases.def that it accepts,
 * in every layout it can be given:
 *   - near ref in double; nothing outside the result is written;
 *   - the same bits on a second run and for 1, 2, 3 and 8 threads;
 *   - a picture has the same bits alone, among three and among eight, at any place;
 *   - what a kernel keeps between runs is renewed when a source's version changes.
 * A kernel that is not there, or declines, is no failure: the planner goes on to the next set. The
 * count of what ran is printed.
 */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "op_kernel.h"

#define BATCHES 3
#define ERRORS_SHOWN 30
#define DOUBLE_BOUND 1e-12
static const int64_t batches[BATCHES] = {1, 3, 8};

struct kernel_case {
    struct odd_context *ctx;
    const struct op_set *set;
    const struct oddi_kernel *kernel;
    const struct op_case *row;
    enum oddi_type type;
    struct op_setup setup[BATCHES];
    int batches; /* 1 where the row has none */
    struct op_layouts wanted;
    int ran, wrong; /* of this row */
};
typedef void (*kernel_check)(struct kernel_case *c);

static void case_wrong(struct kernel_case *c, int64_t batch, const char *what, double value)
{
    static int shown;
    c->wrong++;
    if (shown++ >= ERRORS_SHOWN)
        return;
    char layouts[ODDI_MAX_SRC + 1] = "";
    for (int i = 0; i < c->setup[0].src_count; i++)
        layouts[i] = "p8x"[c->wanted.src[i]];
    print_error("%s, %s (%s), op_cases.def:%d: %s with %s, batch %d, layouts %s->%c: %s (%.3g)\n",
                c->set->name, c->kernel->name, oddi_type_name(c->type), c->row->line,
                c->row->sources, c->row->attributes, (int)batch, layouts, "p8x"[c->wanted.dst],
                what, value);
}
/* Same for a call that failed. True when it did. */
static bool case_failed(struct kernel_case *c, int64_t batch, odd_status status)
{
    if (status != ODD_OK)
        case_wrong(c, batch, odd_last_message(c->ctx), (double)status);
    return status != ODD_OK;
}

/* ---- every (row, set, kernel, layouts) ------------------------------------------------------ */

static bool layouts_equal(const struct op_layouts *a, const struct op_layouts *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* The kernel's choice must not depend on the batch, or a picture's bits would. */
static enum op_choice case_choose(struct kernel_case *c, const struct op_layouts *produced)
{
    struct op_layouts other;
    enum op_choice choice =
        op_kernel_choose(c->kernel, &c->setup[0], c->type, produced, &c->wanted);
    for (int b = 1; b < c->batches; b++) {
        const enum op_choice again =
            op_kernel_choose(c->kernel, &c->setup[b], c->type, produced, &other);
        if (again != choice || (choice == OP_ACCEPTED && !layouts_equal(&other, &c->wanted)))
            case_wrong(c, batches[b], "another choice than alone", (double)again);
    }
    if (choice == OP_WRONG)
        case_wrong(c, 1, "layouts that the shapes do not have", 0.0);
    return choice;
}

static void case_kernel(struct kernel_case *c, kernel_check check)
{
    struct op_layouts produced, seen[3 * 3 * 3 * 3 * 3 * 3];
    int code = 0, count = 0;
    while (op_layouts_next(&c->setup[0], &code, &produced)) {
        if (case_choose(c, &produced) != OP_ACCEPTED)
            continue;
        bool again = false;
        for (int i = 0; i < count; i++)
            again = again || layouts_equal(&seen[i], &c->wanted);
        if (again)
            continue;
        seen[count++] = c->wanted;
        check(c);
        c->ran++;
    }
}

static void case_set(struct kernel_case *c, kernel_check check)
{
    for (int k = 0; c->set->set->kernels[k]; k++) {
        c->kernel = c->set->set->kernels[k];
        if (strcmp(c->kernel->op, c->row->op) != 0)
            continue;
        for (c->type = ODDI_F32; c->type <= ODDI_F64; c->type++)
            case_kernel(c, check);
    }
}

/* All rows through one check; returns the number of failures, and adds runs to ran[set]. */
static int each_case(struct odd_context *ctx, const struct op_set *sets, int count,
                     kernel_check check, int *ran)
{
    int wrong = 0;
    for (const struct op_case *row = op_cases; row->op; row++) {
        struct kernel_case c = {.ctx = ctx, .row = row};
        c.batches = op_case_has_batch(row) ? BATCHES : 1;
        for (int b = 0; b < c.batches; b++)
            assert_int_equal(op_setup_init(&c.setup[b], ctx, row, batches[b]), ODD_OK);
        for (int s = 0; s < count; s++) {
            c.set = &sets[s];
            c.ran = 0;
            case_set(&c, check);
            ran[s] += c.ran;
        }
        for (int b = 0; b < c.batches; b++)
            op_setup_release(&c.setup[b]);
        wrong += c.wrong;
    }
    return wrong;
}

static void run_check(struct odd_context *ctx, const char *name, kernel_check check)
{
    struct op_set sets[OP_SETS_MOST];
    int ran[OP_SETS_MOST] = {0};
    const int count = op_sets(sets);
    const int wrong = each_case(ctx, sets, count, check, ran);
    for (int s = 0; s < count; s++)
        print_message("%-12s %-12s %5d (kernel, row, layouts)\n", name, sets[s].name, ran[s]);
    assert_int_equal(wrong, 0);
    assert_true(ran[count - 1] > 2 * 100); /* ref runs all rows, in both types */
}

/* ---- against ref; second run; threads ------------------------------------------------------- */

/* max |run - wanted| / max |wanted| */
static double reference_error(const struct op_run *r, double *values)
{
    const int64_t n = oddi_shape_count(&r->setup->dst);
    double worst = 0.0, top = 0.0;
    op_run_values(r, values);
    for (int64_t i = 0; i < n; i++) {
        const double gap = fabs(values[i] - r->setup->wanted[i]);
        worst = gap <= worst || isnan(worst) ? worst : gap; /* keeps a NaN */
        top = fmax(top, fabs(r->setup->wanted[i]));
    }
    return top > 0.0 ? worst / top : worst;
}

static void reference_values(struct kernel_case *c, const struct op_run *r)
{
    const size_t count = (size_t)oddi_shape_count(&r->setup->dst);
    double *values = oddi_alloc_array(c->ctx, count, sizeof(*values));
    assert_non_null(values);
    const double error = reference_error(r, values);
    if (!(error <= (c->type == ODDI_F64 ? DOUBLE_BOUND : c->row->bound)))
        case_wrong(c, r->setup->batch, "far from ref", error);
    oddi_free(c->ctx, values);
}

/* Runs with one count of threads, twice; the first of all fills `first`, others must equal it. */
static void reference_threads(struct kernel_case *c, const struct op_setup *s, int threads,
                              void *first)
{
    struct op_run r;
    if (case_failed(c, s->batch, op_run_init(&r, c->kernel, s, c->type, &c->wanted, threads)))
        return;
    for (int again = 0; again < 2; again++) {
        if (case_failed(c, s->batch, op_run_go(&r)))
            break;
        if (threads == 1 && !again) {
            reference_values(c, &r);
            memcpy(first, op_run_bytes(&r), r.dst.size);
        } else if (memcmp(first, op_run_bytes(&r), r.dst.size) != 0) {
            case_wrong(c, s->batch, again ? "other bits on the second run" : "other bits",
                       (double)threads);
        }
    }
    op_run_release(&r);
}

static void check_reference(struct kernel_case *c)
{
    static const int threads[] = {1, 2, 3, 8};
    for (int b = 0; b < c->batches && batches[b] < 8; b++) {
        const struct op_setup *s = &c->setup[b];
        const size_t size = (size_t)oddi_shape_count(&s->dst) * oddi_type_size(c->type);
        void *first = oddi_alloc_aligned(c->ctx, size);
        assert_non_null(first);
        for (size_t t = 0; t < ODDI_COUNT(threads); t++)
            reference_threads(c, s, threads[t], first);
        oddi_free_aligned(c->ctx, first);
    }
}

static void test_kernels_against_ref(void **state)
{
    run_check(*state, "reference", check_reference);
}

/* ---- pictures alone and in a batch ---------------------------------------------------------- */

/* The run's batch gets the pictures from `start` on of the whole one. */
static void pictures_from(struct op_run *r, const struct op_setup *whole, int64_t start)
{
    for (int i = 0; i < whole->src_count; i++) {
        const int64_t all = oddi_shape_count(&whole->src[i]);
        const bool batch = all != oddi_shape_count(&r->setup->src[i]);
        op_run_source(r, i, whole->value[i] + (batch ? all / whole->batch * start : 0), 0);
    }
}

static void pictures_batch(struct kernel_case *c, int b, const struct op_run *whole)
{
    static const int64_t starts[BATCHES][3] = {{0, 5, 7}, {0, 2, 5}};
    const struct op_setup *s = &c->setup[b];
    struct op_run r;
    const int threads = (int)batches[b];
    if (case_failed(c, s->batch, op_run_init(&r, c->kernel, s, c->type, &c->wanted, threads)))
        return;
    for (int i = 0; i < 3; i++) {
        const int64_t start = starts[b][i];
        const size_t picture = r.dst.size / (size_t)s->batch;
        const char *same = (const char *)op_run_bytes(whole) + (size_t)start * picture;
        pictures_from(&r, whole->setup, start);
        if (case_failed(c, s->batch, op_run_go(&r)))
            break;
        if (memcmp(same, op_run_bytes(&r), r.dst.size) != 0)
            case_wrong(c, s->batch, "other bits than in a batch of eight, from", (double)start);
    }
    op_run_release(&r);
}

static void check_pictures(struct kernel_case *c)
{
    struct op_run whole;
    if (c->batches < BATCHES || (c->row->flags & OP_JOINS))
        return;
    const struct op_setup *s = &c->setup[BATCHES - 1];
    if (case_failed(c, s->batch, op_run_init(&whole, c->kernel, s, c->type, &c->wanted, 2)))
        return;
    if (!case_failed(c, s->batch, op_run_go(&whole)))
        for (int b = 0; b + 1 < BATCHES; b++)
            pictures_batch(c, b, &whole);
    op_run_release(&whole);
}

static void test_pictures_do_not_depend_on_the_batch(void **state)
{
    run_check(*state, "pictures", check_pictures);
}

/* ---- versions ------------------------------------------------------------------------------- */

static void versions_set(struct op_run *r, double *const *values, uint64_t version)
{
    for (int i = 0; i < r->setup->src_count; i++)
        op_run_source(r, i, values[i], version);
}

/* Two runs with these values and this version give the bits wanted. */
static bool versions_same(struct op_run *r, double *const *values, uint64_t version,
                          const void *wanted)
{
    versions_set(r, values, version);
    bool same = op_run_go(r) == ODD_OK && memcmp(op_run_bytes(r), wanted, r->dst.size) == 0;
    return same && op_run_go(r) == ODD_OK && memcmp(op_run_bytes(r), wanted, r->dst.size) == 0;
}

/* old and new values, each computed without a version first; then both with versions in turn. */
static void versions_run(struct kernel_case *c, struct op_run *r, double *const *old,
                         double *const *new)
{
    char *bits = oddi_alloc_aligned(c->ctx, 2 * r->dst.size);
    assert_non_null(bits);
    versions_set(r, old, 0);
    bool same = op_run_go(r) == ODD_OK;
    memcpy(bits, op_run_bytes(r), r->dst.size);
    versions_set(r, new, 0);
    same = same && op_run_go(r) == ODD_OK;
    memcpy(bits + r->dst.size, op_run_bytes(r), r->dst.size);
    same = same && versions_same(r, old, 7, bits);
    same = same && versions_same(r, new, 8, bits + r->dst.size);
    same = same && versions_same(r, old, 0, bits);
    if (!same)
        case_wrong(c, r->setup->batch, "what is kept does not follow the versions", 0.0);
    oddi_free_aligned(c->ctx, bits);
}

static void check_versions(struct kernel_case *c)
{
    double *new[ODDI_MAX_SRC] = {NULL};
    struct op_run r;
    const struct op_setup *s = &c->setup[0];
    if (case_failed(c, s->batch, op_run_init(&r, c->kernel, s, c->type, &c->wanted, 2)))
        return;
    for (int i = 0; i < s->src_count && r.keep.size > 0; i++) {
        const int64_t n = oddi_shape_count(&s->src[i]);
        new[i] = oddi_alloc_array(c->ctx, (size_t)n, sizeof(double));
        assert_non_null(new[i]);
        for (int64_t k = 0; k < n; k++)
            new[i][k] = 0.75 * s->value[i][n - 1 - k];
    }
    if (r.keep.size > 0)
        versions_run(c, &r, s->value, new);
    for (int i = 0; i < s->src_count; i++)
        oddi_free(c->ctx, new[i]);
    op_run_release(&r);
}

static void test_kept_copies_follow_versions(void **state)
{
    run_check(*state, "versions", check_versions);
}

static int setup(void **state)
{
    struct odd_context *ctx = NULL;
    const odd_status status = odd_context_new(&ctx);
    *state = ctx;
    return status == ODD_OK ? 0 : -1;
}
static int teardown(void **state)
{
    odd_context_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_against_ref),
        cmocka_unit_test(test_pictures_do_not_depend_on_the_batch),
        cmocka_unit_test(test_kept_copies_follow_versions),
    };
    return cmocka_run_group_tests_name("op kernels", tests, setup, teardown);
}
