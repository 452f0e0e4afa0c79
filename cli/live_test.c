/* SPDX-License-Identifier: Apache-2.0
 *
 * `oddity add` and `oddity explain` over a pretended engine: what is said, and the exit codes.
 */
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/run_test.h"

static void test_live(void **state)
{
    (void)state;
    run_write("m", "{}");
    RUN(2, "add m");
    RUN(2, "add m new.png");
    run_has(run_err, "-o NEW or --in-place");
    RUN(2, "add m new.png -o n --in-place");
    RUN(3, "add m missing.png -o n");
    RUN(0, "add m new.png more.png -o n");
    run_has(run_out, "added      5 pictures: 4 to what the model knows, 1 to the calibration\n");
    run_has(run_out, "threshold  2, was 1; from 11 held-out pictures, 8 of them scored anew\n");
    run_has(run_out, "the old scores of 3 stand");
    run_has(run_out, "odd.png  ng -> ok (score 3 -> 0.5)\n");
    run_has(run_out, "held-out picture 5 of the model  ok -> ng");
    run_has(run_out, "           old.png\n");
    run_has(run_out, "           bad.png: no picture\n");
    run_has(run_out, "model      n\n");
    RUN(1, "add m odd.png --in-place --json a.json");
    run_has(run_out, "odd.png  score 3, normalized 0.9000\n");
    run_has(run_err, "oddity: 1 of 5 new pictures are anomalous\n");
    run_has(run_file("a.json"), "\"written\": false");
    RUN(0, "add m odd.png --in-place --force");
    run_has(run_out, "model      m\n");
    RUN(0, "add m m -o n");
    run_has(run_out, "added      nothing");
    RUN(2, "explain m");
    RUN(3, "explain m missing.png");
    RUN(0, "explain m a.png -o page.png --normals good --json e.json");
    run_has(run_out, "a.png  ng: score 3, threshold 1\n");
    run_has(run_out,
            "1  at 4,5, 48 x 48 pixels, distance 3: the nearest normal patch (distance 3) is "
            "a.png at 1,2\n   beside it: 20 % darker\n");
    run_has(run_out, "no normal patch");
    run_has(run_out, "page  page.png\n");
    run_has(run_file("e.json"), "\"differs\": \"20 % darker\"");
    RUN(0, "explain m a.png");
    run_has(run_out, "is of training picture 7, cell 2,1\n");
    run_has(run_out, "--keep-pictures");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_live, run_folder_new, run_folder_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
