/* SPDX-License-Identifier: Apache-2.0
 * Shapes and element types. */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tensor/tensor.h"

static void test_types(void **state)
{
    (void)state;
    assert_int_equal(oddi_type_size(ODDI_F32), 4);
    assert_int_equal(oddi_type_size(ODDI_F64), 8);
    assert_int_equal(oddi_type_size(ODDI_U8), 1);
    assert_int_equal(oddi_type_size(ODDI_U16), 2);
    assert_int_equal(oddi_type_size(ODDI_I64), 8);
    assert_int_equal(oddi_type_size(ODDI_BF16), 2);
    assert_int_equal(oddi_type_size(ODDI_TYPE_COUNT), 0);
    assert_string_equal(oddi_type_name(ODDI_BF16), "bf16");
    assert_string_equal(oddi_type_name((enum oddi_type) - 1), "?");
    for (int t = 0; t < ODDI_TYPE_COUNT; t++)
        assert_true(oddi_type_size((enum oddi_type)t) > 0);
}

static void test_shapes(void **state)
{
    (void)state;
    struct oddi_shape a = oddi_shape_make(3, 2, 3, 5, 99), b = oddi_shape_make(3, 2, 3, 5, 7);
    struct oddi_shape scalar = oddi_shape_make(0, 9, 9, 9, 9), c = oddi_shape_make(4, 2, 3, 5, 1);
    assert_int_equal(a.dim[3], 1);
    assert_int_equal(oddi_shape_count(&a), 30);
    assert_int_equal(oddi_shape_count(&scalar), 1);
    assert_true(oddi_shape_equal(&a, &b));
    assert_false(oddi_shape_equal(&a, &c));
    b.dim[1] = 4;
    assert_false(oddi_shape_equal(&a, &b));
}

static void test_valid(void **state)
{
    (void)state;
    struct oddi_shape s = oddi_shape_make(0, 0, 0, 0, 0);
    assert_true(oddi_shape_valid(&s));
    s = oddi_shape_make(2, 3, 0, 1, 1);
    assert_false(oddi_shape_valid(&s));
    s = oddi_shape_make(1, -1, 1, 1, 1);
    assert_false(oddi_shape_valid(&s));
    s = oddi_shape_make(5, 1, 1, 1, 1);
    assert_false(oddi_shape_valid(&s));
    s = oddi_shape_make(-1, 1, 1, 1, 1);
    assert_false(oddi_shape_valid(&s));
    s = oddi_shape_make(1, INT64_MAX / 4, 1, 1, 1);
    assert_false(oddi_shape_valid(&s));
    s = oddi_shape_make(4, 1 << 16, 1 << 16, 1 << 16, 1 << 16);
    assert_false(oddi_shape_valid(&s));
    s = oddi_shape_make(4, 1 << 10, 1 << 10, 1 << 10, 1 << 10);
    assert_true(oddi_shape_valid(&s));
    s = oddi_shape_make(2, 1, 1, 1, 1);
    s.dim[3] = 2;
    assert_false(oddi_shape_valid(&s));
}

static void test_text(void **state)
{
    (void)state;
    char text[ODDI_SHAPE_TEXT];
    struct oddi_shape s = oddi_shape_make(4, 1, 3, 8, 8);
    assert_string_equal(oddi_shape_text(&s, text), "(1, 3, 8, 8)");
    s = oddi_shape_make(0, 1, 1, 1, 1);
    assert_string_equal(oddi_shape_text(&s, text), "()");
    s = oddi_shape_make(4, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN);
    assert_string_equal(oddi_shape_text(&s, text),
                        "(-9223372036854775808, -9223372036854775808, -9223372036854775808, "
                        "-9223372036854775808)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
