/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: runs the tool in a process and an empty folder of its own and keeps what it wrote.
 */
#ifndef CLI_RUN_TEST_H
#define CLI_RUN_TEST_H
#include "base/compat.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <sys/types.h>

#define RUN_TEXT 65536

/* Of the last run: standard output, standard error; and the file read last by run_file. */
extern char run_out[RUN_TEXT], run_err[RUN_TEXT], run_text[RUN_TEXT];

/* Setup and teardown of each test: an empty folder, in which the test stands. */
int run_folder_new(void **state);
int run_folder_free(void **state);

/* Splits the command at spaces (a ~ stands for a space within a word) and starts the tool; its
 * input is the pipe `in`, or nothing. */
pid_t run_start(const char *command, const int *in);
/* Exit code, or 1000 + signal. */
int run_wait(pid_t child);
int run_cli(const char *command);
#define RUN(code, command)                                                                         \
    do {                                                                                           \
        int got = run_cli(command);                                                                \
        if (got != (code))                                                                         \
            fail_msg("exit %d, expected %d: %s\n%s%s", got, (code), command, run_out, run_err);    \
    } while (0)

/* Waits until a file that a running tool writes has the text, or as many lines; fails in the end.
 */
void run_until(const char *path, const char *part);
void run_until_lines(const char *path, int lines);
const char *run_read(const char *path, char *text);
const char *run_file(const char *path);
void run_open(const char *path, int flags,
              int as); /* as descriptor `as`; ends the process if not */
void run_write(const char *path, const char *text);
bool run_exists(const char *path);
int run_remove(const char *path); /* with all that is in it */
int run_lines(const char *text);
void run_has(const char *text, const char *part);
void run_lacks(const char *text, const char *part);
#endif
