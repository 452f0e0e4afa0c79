/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole tool over a pretended engine (fake_engine_test.c): each command runs in a process of
 * its own, in an empty folder, and is judged by its exit code and what it wrote.
 */
#include "cli/run_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

/* ---- usage and help ------------------------------------------------------------------------ */

static void test_usage(void **state)
{
    (void)state;
    RUN(2, "");
    run_has(run_err, "usage: oddity COMMAND");
    RUN(2, "trian x");
    run_has(run_err, "oddity: unknown command 'trian'; is 'train' meant?\n");
    RUN(2, "xyzzyplugh");
    run_has(run_err, "'oddity help' lists them");
    RUN(2, "train data -o m --metod daad");
    run_has(run_err, "oddity: train: unknown option '--metod'; is '--method' meant?\n");
    RUN(2, "train data");
    run_has(run_err, "-o MODEL is missing");
    RUN(2, "train -o m");
    RUN(2, "train a b -o m");
    run_has(run_err, "'b' is too much");
    RUN(2, "train data -o");
    run_has(run_err, "'-o' needs a value");
    RUN(2, "train data -o m --seed");
    run_has(run_err, "'--seed' needs a value: --seed N");
    RUN(2, "train data -o m --quiet=yes");
    run_has(run_err, "'--quiet' takes no value");
    RUN(2, "train data -o m --threads 0");
    run_has(run_err, "expected a number from 1 to 256");
    RUN(2, "train data -z");
    run_has(run_err, "unknown option '-z'");
    RUN(2, "train data -o m --set nonsense");
    run_has(run_err, "--set nonsense: expected NAME=VALUE");
    RUN(2, "train data -o m --wrong1=2");
    RUN(2, "train data -o m --set wrong1=2");
    run_has(run_err, "oddity: unknown option 'wrong1'\n");
    RUN(2, "score m a --fail-on bad");
    RUN(2, "score m a --csv - --jsonl -");
    run_has(run_err, "one of them only");
    RUN(2, "score m a --size 64");
    run_has(run_err, "'--size' belongs to 'oddity train'");
    RUN(2, "eval m");
    RUN(2, "eval m d --score-maps x");
    RUN(2, "eval --scores s m d");
    RUN(2, "help trian");
}

static void test_help(void **state)
{
    char command[64], head[64];
    (void)state;
    RUN(0, "help");
    for (int i = 0; i < cli_verbs_count; i++) {
        const struct cli_verb *verb = cli_verbs[i];
        if (!verb->hidden)
            run_has(run_out, verb->summary);
        else
            run_lacks(run_out, verb->summary);
    }
    for (int i = 0; i < cli_verbs_count; i++) {
        const struct cli_verb *verb = cli_verbs[i];
        snprintf(command, sizeof command, "help %s", verb->name);
        assert_int_equal(run_cli(command), 0);
        snprintf(head, sizeof head, "usage: oddity %s", verb->name);
        run_has(run_out, head);
        run_has(run_out, "examples:\n");
        for (const struct cli_option *o = verb->options; o->name; o++)
            run_has(run_out, o->name);
        char *page = strdup(run_out);
        snprintf(command, sizeof command, "%s --help", verb->name);
        assert_int_equal(run_cli(command), 0);
        assert_string_equal(page, run_out);
        free(page);
    }
    RUN(0, "--version");
    assert_string_equal(run_out, "oddity " ODDITY_VERSION "\n");
    RUN(0, "version");
    RUN(0, "-h");
}

/* No page is wider than a terminal, and no two options of a verb share a name. */
static void test_tables(void **state)
{
    (void)state;
    for (int i = 0; i < cli_verbs_count; i++) {
        const struct cli_option *first = cli_verbs[i]->options;
        for (const struct cli_option *o = first; o->name; o++)
            for (const struct cli_option *p = first; p < o; p++) {
                assert_string_not_equal(o->name, p->name);
                assert_true(!o->letter || o->letter != p->letter);
            }
        char command[64];
        snprintf(command, sizeof command, "help %s", cli_verbs[i]->name);
        run_cli(command);
        for (const char *line = run_out; *line; line += strcspn(line, "\n") + 1)
            assert_in_range(strcspn(line, "\n"), 0, 100);
    }
}

/* ---- train --------------------------------------------------------------------------------- */

static void test_train(void **state)
{
    (void)state;
    RUN(0,
        "train data -o m.st --seed 3 --gain-normalize --set lr=0.5 --json r.json --jsonl e.jsonl");
    run_has(run_err, "layout folder\ntraining: 40 normal\n");
    run_has(run_err, "oddity: warning: a warning of the data\n");
    run_has(run_err, "method daad, preset small: 1234 parameters, 40 pictures of 32 x 32 x 3");
    run_has(run_err, "expected: 1 min 05 s, memory 5.0 MB, on 2 threads\n");
    run_has(run_err, "step 10/10");
    run_has(run_out,
            "left out   1 pictures that could not be read:\n           a/bad.png: truncated\n");
    run_lacks(run_err, "\r");
    run_has(run_out, "model      m.st\n");
    run_has(run_out, "threshold  0.5, from 59 held-out pictures");
    run_has(run_out, "at most 5 % false alarms");
    run_has(run_out, "next       oddity score m.st PICTURE...\n");
    run_has(run_file("r.json"), "\"seed\": \"3\"");
    run_has(run_text, "\"gain-normalize\": \"true\"");
    run_has(run_text, "\"lr\": \"0.5\"");
    run_lacks(run_text, "\"out\"");
    run_lacks(run_text, "\"json\"");
    assert_int_equal(run_lines(run_file("e.jsonl")), 14);
    RUN(0, "train data -o m.st --quiet");
    assert_string_equal(run_out, "");
    run_lacks(run_err, "layout");
    RUN(0, "train labelled -o m~1 --normal 8 --preset small --strict");
    run_has(run_out, "next       oddity eval 'm 1' labelled --normal 8 --strict\n");
    RUN(0, "train data -om.st --json -");
    assert_int_equal(run_out[0], '{');
    run_has(run_err, "model      m.st\n");
}

static void test_train_config(void **state)
{
    (void)state;
    run_write("c.yaml", "seed: 7\nlr: 0.25\nwidth: 8\n");
    RUN(0, "train data -o m --config c.yaml --set lr=0.5 --seed=9 --quiet --json r.json");
    run_has(run_file("r.json"), "\"seed\": \"9\"");
    run_has(run_text, "\"lr\": \"0.5\"");
    run_has(run_text, "\"width\": \"8\"");
    run_write("c.yaml", "seed: [1]\n");
    RUN(2, "train data -o m --config c.yaml");
    run_has(run_err, "line 1");
    RUN(3, "train data -o m --config no.yaml");
    run_has(run_err, "no.yaml");
}

static void test_train_files(void **state)
{
    (void)state;
    RUN(3, "train missing -o m");
    run_has(run_err, "oddity: opening data set missing: No such file");
    RUN(3, "train data -o no/such/m");
    run_has(run_err, "-o no/such/m: folder no/such/: No such file");
    mkdir("folder", 0777);
    RUN(3, "train data -o folder");
    run_has(run_err, "this is a folder");
    RUN(2, "train data -o folder/");
    RUN(3, "train data -o m --jsonl no/x");
    run_has(run_err, "cannot write no/x: No such file");
    RUN(3, "train data -o m --quiet --json no/x");
    RUN(0, "train data -o m --quiet --json /dev/null --jsonl /dev/null");
}

static void test_interrupt(void **state)
{
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < ODDI_COUNT(signals); i++) {
        pid_t child = run_start("train data -o m --set steps=100000 --set a=it's~so", NULL);
        run_until("../err", "step 1/");
        kill(child, signals[i]);
        assert_int_equal(run_wait(child), 128 + signals[i]);
        run_has(run_err, "oddity: interrupted\n");
        run_has(run_err, "oddity: the state is saved; go on with\n  oddity train data -o m --set "
                         "steps=100000 --set "
                         "'a=it'\\''s so' --resume\n");
        assert_true(run_exists("m.state"));
        assert_false(run_exists("m"));
    }
    RUN(0, "train data -o m --resume --quiet");
    assert_false(run_exists("m.state"));
    RUN(3, "train data -o m --resume --quiet");
}

/* ---- score --------------------------------------------------------------------------------- */

static void make_pictures(void)
{
    static const char *const names[] = {"p/ok1.png",     "p/ng2.JPG",   "p/bad3.png", "p/note.txt",
                                        "p/.hidden.png", "p/in/ok.png", "q/ok1.png"};
    mkdir("p", 0777);
    mkdir("p/in", 0777);
    mkdir("q", 0777);
    mkdir("empty", 0777);
    for (size_t i = 0; i < ODDI_COUNT(names); i++)
        run_write(names[i], "x");
    run_write("m", "{}");
}

static void test_score(void **state)
{
    (void)state;
    make_pictures();
    RUN(0, "score m p/ng2.JPG p/ok1.png p/ng2.JPG");
    assert_string_equal(run_out, "p/ng2.JPG\t0.9\t0.9000\t0.5\tng\n"
                                 "p/ok1.png\t0.1\t0.1000\t0.5\tok\n"
                                 "p/ng2.JPG\t0.9\t0.9000\t0.5\tng\n");
    assert_string_equal(run_err, "");
    RUN(3, "score m p gone.png empty q");
    assert_string_equal(run_out,
                        "p/bad3.png\t-\t-\t-\terror\tp/bad3.png: not a picture, \"truly\"\n"
                        "p/ng2.JPG\t0.9\t0.9000\t0.5\tng\n"
                        "p/ok1.png\t0.1\t0.1000\t0.5\tok\n"
                        "gone.png\t-\t-\t-\terror\tgone.png: No such file or directory\n"
                        "empty\t-\t-\t-\terror\tthis folder has no pictures in it\n"
                        "q/ok1.png\t0.1\t0.1000\t0.5\tok\n");
    RUN(1, "score m p/ng2.JPG --fail-on ng");
    RUN(1, "score m p/ng2.JPG --fail-on unsure");
    RUN(0, "score m p/ok1.png --fail-on ng");
    RUN(3, "score m p --fail-on ng");
    RUN(3, "score no-model p");
    run_has(run_err, "no-model");
    run_write("broken", "{{{");
    RUN(3, "score broken p");
    run_write("-x.png", "x");
    RUN(0, "score m -- -x.png");
    run_has(run_out, "-x.png\t0.1");
}

static void test_score_formats(void **state)
{
    (void)state;
    make_pictures();
    run_write("p/a,\"b\nc.png", "x");
    RUN(3, "score m p --csv s.csv --jsonl s.jsonl");
    assert_int_equal(run_lines(run_out), 4);
    run_has(run_out, "p/a,\"b\\nc.png\t0.1");
    assert_string_equal(run_file("s.csv"),
                        "path,score,normalized,threshold,decision,reason\n"
                        "\"p/a,\"\"b\nc.png\",0.1,0.1,0.5,ok,\n"
                        "p/bad3.png,,,,error,\"p/bad3.png: not a picture, \"\"truly\"\"\"\n"
                        "p/ng2.JPG,0.9,0.9,0.5,ng,\np/ok1.png,0.1,0.1,0.5,ok,\n");
    assert_int_equal(run_lines(run_file("s.jsonl")), 4);
    run_has(run_text, "{\"path\":\"p/a,\\\"b\\nc.png\",\"score\":0.1,\"normalized\":0.1,"
                      "\"threshold\":0.5,\"decision\":\"ok\"}\n");
    run_has(run_text,
            "{\"path\":\"p/bad3.png\",\"score\":null,\"normalized\":null,\"threshold\":null,"
            "\"decision\":\"error\",\"reason\":\"p/bad3.png: not a picture, \\\"truly\\\"\"}");
    RUN(0, "score m q --jsonl -");
    assert_int_equal(run_out[0], '{');
    assert_int_equal(run_lines(run_out), 1);
    RUN(0, "score m q --csv -");
    assert_int_equal(run_lines(run_out), 2);
    RUN(0, "score m q --quiet");
    assert_string_equal(run_out, "");
    RUN(3, "score m q --csv no/x");
    RUN(3, "score m q --csv /dev/full");
    run_has(run_err, "oddity: ");
}

static void test_score_maps(void **state)
{
    (void)state;
    make_pictures();
    run_write("p/ok1.tiff", "x");
    RUN(3, "score m p q q --maps d/maps --jsonl s.jsonl");
    assert_true(run_exists("d/maps/ok1.png") && run_exists("d/maps/ok1.tiff"));
    assert_true(run_exists("d/maps/p/ok1.png") && run_exists("d/maps/q/ok1.tiff"));
    assert_true(run_exists("d/maps/ok1-2.png"));
    assert_true(run_exists("d/maps/ng2.png"));
    assert_false(run_exists("d/maps/bad3.png"));
    run_has(run_file("s.jsonl"), "\"overlay\":\"d/maps/ok1.png\",\"map\":\"d/maps/ok1.tiff\"}");
    run_remove("d");
    mkdir("d", 0777);
    mkdir("d/ok1.png", 0777); /* an overlay that cannot be written */
    RUN(3, "score m q --maps d");
    assert_int_equal(run_lines(run_out), 1);
    run_has(run_out, "\tok\n");
    run_has(run_err, "d/ok1.png");
}

/* Each line is answered before the next one is sent. */
static void test_score_stream(void **state)
{
    int in[2];
    (void)state;
    make_pictures();
    assert_int_equal(pipe(in), 0);
    pid_t child = run_start("score m q - q", in);
    close(in[0]);
    static const char *const asked[] = {"p/ng2.JPG\n", "p/bad3.png\r\n", "\n", "p/o", "k1.png\n"};
    static const int answered[] = {2, 3, 4, 4, 5};
    for (size_t i = 0; i < ODDI_COUNT(asked); i++) {
        assert_int_equal(write(in[1], asked[i], strlen(asked[i])), strlen(asked[i]));
        run_until_lines("../out", answered[i]);
    }
    assert_int_equal(write(in[1], "p/ok1.png", 9), 9); /* no line end at the end */
    close(in[1]);
    assert_int_equal(run_wait(child), 3);
    assert_int_equal(run_lines(run_out), 7);
    run_has(run_out, "p/bad3.png\t-\t-\t-\terror\tp/bad3.png: not");
    run_has(run_out, "p/ok1.png\t0.1\t0.1000\t0.5\tok\nq/ok1.png\t0.1");
}

static void test_score_interrupt(void **state)
{
    int in[2];
    (void)state;
    make_pictures();
    assert_int_equal(pipe(in), 0);
    pid_t child = run_start("score m q - q", in);
    run_until("../out", "\n");
    kill(child, SIGINT); /* it waits for a line */
    assert_int_equal(run_wait(child), 130);
    assert_int_equal(run_lines(run_out), 1);
    run_has(run_err, "oddity: interrupted\n");
    run_write("slow.png", "x");
    child = run_start("score m q/ok1.png slow.png", NULL);
    run_until("../out", "\n");
    kill(child, SIGTERM);
    usleep(200000);
    kill(child, SIGINT); /* the second one ends at once */
    assert_int_equal(run_wait(child), 130);
    assert_int_equal(run_lines(run_out), 1);
    close(in[0]);
    close(in[1]);
}

/* ---- the others ---------------------------------------------------------------------------- */

static void test_eval(void **state)
{
    (void)state;
    run_write("m", "{\"seed\":\"1\"}");
    RUN(0, "eval m data --json r.json --csv p.csv");
    run_has(run_out, "at the threshold 0.5 (a score above it is anomalous):\n"
                     "  false alarms  3 of 100 normal pictures, 3.0 %  (95 %: 0.6 to 8.5 %)\n"
                     "  missed        2 of 20 anomalous pictures, 10.0 %  (95 %: 1.2 to 31.7 %)\n"
                     "  left out      2 pictures that the model has seen\n");
    run_has(run_out, "  AUROC                  0.8100  (95 %: 0.7000 to 0.9000)\n");
    run_has(run_out, "pixels, by map (size native):\n");
    run_has(run_out, "  AUPRO to 0.3           -\n");
    run_has(run_out, "  scratch                     12   0.9000\n");
    run_has(run_out, "  spot                         8   -\n");
    run_has(run_file("r.json"), "\"auroc\": 0.81");
    assert_string_equal(run_file("p.csv"), "path,score,normalized,label,type,decision\n"
                                           "\"a,b.png\",0.25,0.3,normal,good,ok\n"
                                           "c.png,0.9,0.7,anomalous,spot,ng\n");
    RUN(0, "eval m data --json - --quiet");
    assert_int_equal(run_out[0], '{');
    assert_int_equal(run_lines(run_err), 0);
    run_write("s.csv", "path,score\n");
    RUN(0, "eval --scores s.csv data");
    run_has(run_out, "0.7000  (95");
    RUN(0, "eval data --scores s.csv --score-maps maps");
    run_has(run_out, "0.6000  (95");
    RUN(3, "eval --scores none.csv data");
    RUN(3, "eval m missing");
    RUN(0, "eval m data --maps page/maps --json page.json");
    run_has(run_out, "1 overlays are in page/maps\n");
    RUN(0, "page page/index.html A~&~B=page.json --title T<T");
    run_has(run_file("page/index.html"), "<h2>A &amp; B</h2>");
    run_has(run_text, "<img loading=\"lazy\" src=\"maps/c%201.png\" alt=\"overlay\">");
    run_has(run_text, "<b class=\"ng\">ng</b>");
    RUN(2, "page x.html page.json");
}

static void test_info(void **state)
{
    (void)state;
    run_write("m", "{}");
    run_write("mm", "{\"mismatch\":1}");
    RUN(0, "info m");
    run_has(run_out, "weights_hash  00112233445566778899aabbccddeeff\n");
    run_has(run_out, "  width                    16\n");
    RUN(0, "info m --json -");
    run_has(run_out, "\"weights_hash\": \"00112233445566778899aabbccddeeff\"");
    run_has(run_err, "weights_hash"); /* for people */
    RUN(3, "info gone");
    RUN(0, "methods");
    run_has(run_out, "daad       divide and assemble\n");
    RUN(0, "methods --describe daad");
    run_has(run_out, "  lr=0.001   0 to 1   [ours]\n      learning rate\n");
    RUN(2, "methods --describe daed");
    RUN(3, "trace m missing.png");
    RUN(0, "trace m picture.png");
    RUN(0, "trace m");
    run_has(run_out, "1x16x32x32");
    RUN(0, "verify m --json v.json");
    run_has(run_out, "4 self-test pictures: every bit is equal\nok\n");
    run_has(run_file("v.json"), "\"ok\": true");
    RUN(4, "verify mm --json v.json");
    run_has(run_out, "not as where the model was made: isa\nmismatch\n");
    run_has(run_err, "oddity: self-test: scores differ by 0.5\n");
    run_has(run_file("v.json"), "\"ok\": false");
    RUN(0, "synth weave --kind weave --seed 3");
    run_has(run_out, "next       oddity train weave");
    RUN(2, "synth x --kind wool");
    run_has(run_err, "oddity: kind=wool: expected weave\n");
}

static void test_import(void **state)
{
    (void)state;
    RUN(0, "import net.onnx -o e");
    run_has(run_out, "vgg16 from net.onnx (ONNX)\n");
    RUN(2, "import net.onnx -o e more.png");
    run_has(run_err, "pictures come with --classify");
    RUN(2, "import net.onnx -o e --classify");
    RUN(2, "import net.onnx -o e --labels l");
    RUN(0, "import net.onnx -o e --classify a.png b.png --json -");
    run_has(run_err, "b.png\n  0.7500  class 2\n  0.2500  class 0\n");
    run_lacks(run_out, "\"name\"");
    run_write("l", "none\r\na cat\r\na dog");
    RUN(3, "import net.onnx -o e --json r --labels l --classify a.png bad.png");
    run_has(run_out, "a.png\n  0.7500  a dog\n  0.2500  none\nbad.png\n  error: no picture\n");
    run_has(run_err, "1 of 2 pictures could not be read");
    run_has(run_file("r"), "\"name\": \"a dog\"");
    run_write("l", "background\nnone\na cat\na dog\n");
    RUN(0, "import net.onnx -o e --labels l --classify a.png");
    run_has(run_out, "0.7500  a dog\n");
    run_write("l", "a cat\n");
    RUN(3, "import net.onnx -o e --labels l --classify a.png");
    run_has(run_err, "l has 1 names, the network 3 classes");
}

static void test_bench(void **state)
{
    (void)state;
    run_write("m", "{}");
    RUN(2, "bench m");
    run_has(run_err, "--nodes");
    RUN(2, "bench --nodes");
    RUN(2, "bench --nodes m --method mkd");
    RUN(3, "bench --nodes gone");
    RUN(3, "bench --nodes --method mkd --expert nobody");
    RUN(0, "bench --nodes m --json b.json");
    run_has(run_out, "daad p, ");
    run_has(run_out, "a training step, 4 pictures: 3.000 ms, its nodes 2.000 ms\n");
    run_has(run_out, " 99.9 %     1.500  simd:x ");
    run_has(run_out, " 20.0  memory         1.000    67 %\n");
    run_has(run_out, "in 1 smaller ones");
    run_has(run_file("b.json"), "\"node\": \"b\"");
    RUN(0, "bench --nodes --method mkd --set batch=4 --runs 3");
    run_has(run_out, "mkd p, ");
}

static void test_output_full(void **state)
{
    (void)state;
    run_write("m", "{}");
    pid_t child = fork();
    if (child == 0) {
        char *argv[] = {(char *)"oddity", (char *)"help", NULL};
        run_open("/dev/full", O_WRONLY, 1);
        run_open("../err", O_WRONLY | O_CREAT | O_TRUNC, 2);
        _exit(cli_main(2, argv));
    }
    int code = 0;
    waitpid(child, &code, 0);
    assert_int_equal(WEXITSTATUS(code), 3);
}

/* ---- sweep --------------------------------------------------------------------------------- */

static void test_sweep(void **state)
{
    (void)state;
    RUN(0, "sweep d1 x/d2 --set division=4x4x1,8x8x1 --set lr=0.1 --seed 0..2 -o s --quiet");
    assert_int_equal(run_lines(run_file("s/runs.csv")), 13);
    run_has(run_text, "data,method,division,lr,seed,image_auroc,");
    run_has(run_text, "\nx/d2,daad,4x4x1,0.1,2,0.92,");
    run_has(run_file("s/tables.md"), "12 of 12 runs are finished");
    run_has(run_text, "| daad division=4x4x1 lr=0.1 | 0.910 ± 0.010 | 0.750 ± 0.000 |");
    run_has(run_text, "\n## x/d2\n");
    run_has(run_file("s/curves.svg"), "</svg>\n");
    run_has(run_text, ">division</text>");
    run_has(run_text, ">AUROC of pictures (0.5 is chance)</text>");
    RUN(0, "sweep d1 x/d2 --set division=4x4x1,8x8x1 --set lr=0.1 --seed 0,1,2 -o s");
    run_has(run_out, "12 runs, 12 of them finished before\n");
    run_lacks(run_err, "step 1/");
    RUN(0, "sweep d1 --set division=4x4x1,8x8x1 --set lr=0.2 --seed 0 -o s");
    run_has(run_out,
            "2 runs, 0 of them finished before\n[1/2] d1 daad division=4x4x1 lr=0.2 seed 0: "
            "AUROC 0.9000, 2.5 s\n");
    RUN(2, "sweep d1 --seed 3..1 -o s");
    RUN(2, "sweep d1 --set a=1,,2 -o s");
    RUN(2, "sweep d1 --set a=1,1 -o s");
    RUN(2, "sweep d1 --set a=1 --set a=2 -o s");
    RUN(2, "sweep d1");
    RUN(0, "sweep d1 --set a=1\\,2 -o s2 --quiet");
    run_has(run_file("s2/runs.csv"), "\nd1,daad,\"1,2\",0,");
}

static void test_sweep_failures(void **state)
{
    (void)state;
    RUN(3, "sweep d1 missing noeval --seed 0 -o s");
    run_has(run_err, "[2/3] missing daad seed 0: failed: opening data set missing: No such file");
    run_has(run_err, "2 of 3 runs failed");
    run_has(run_file("s/runs.csv"), "No such file or directory");
    run_has(run_text, "no test pictures");
    run_has(run_file("s/tables.md"), "1 of 3 runs are finished");
}

static void test_sweep_resumes(void **state)
{
    (void)state;
    pid_t child = run_start("sweep d1 --set steps=10,300 --seed 0 -o s --jsonl e", NULL);
    run_until("e", "\"steps\":300");
    kill(child, SIGINT);
    assert_int_equal(run_wait(child), 130);
    run_has(run_err, "the same command goes on from here");
    run_has(run_file("s/runs.csv"), "not run yet");
    RUN(0, "sweep d1 --set steps=10,300 --seed 0 -o s --jsonl e");
    run_has(run_out, "2 runs, 1 of them finished before\n");
    run_lacks(run_file("e"), "\"step\":1,"); /* it went on */
    run_has(run_text, "\"step\":300,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_usage, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_help, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_tables, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_train, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_train_config, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_train_files, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_interrupt, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_score, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_score_formats, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_score_maps, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_score_stream, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_score_interrupt, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_eval, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_bench, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_import, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_info, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_output_full, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_sweep, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_sweep_failures, run_folder_new, run_folder_free),
        cmocka_unit_test_setup_teardown(test_sweep_resumes, run_folder_new, run_folder_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
