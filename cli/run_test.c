/* SPDX-License-Identifier: Apache-2.0
 *
 * Running the tool from a test; see run_test.h. It needs no process image of its own: a child
 * calls cli_main.
 */
#include "cli/run_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

#define RUN_WORDS 32

char run_out[RUN_TEXT], run_err[RUN_TEXT], run_text[RUN_TEXT];

const char *run_read(const char *path, char *text)
{
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("no file %s", path);
    size_t got = fread(text, 1, RUN_TEXT - 1, file);
    text[got] = '\0';
    fclose(file);
    return text;
}

const char *run_file(const char *path)
{
    return run_read(path, run_text);
}

void run_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

bool run_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

void run_open(const char *path, int flags, int as)
{
    int fd = open(path, flags, 0666);
    if (fd < 0 || dup2(fd, as) < 0)
        _exit(99);
    close(fd);
}

/* Splits at spaces (a ~ stands for a space within a word) and starts the tool, its input the pipe
 * `in` if there is one. */
pid_t run_start(const char *command, const int *in)
{
    char text[2048], *argv[RUN_WORDS + 1] = {(char *)"oddity"};
    int argc = 1;
    snprintf(text, sizeof text, "%s", command);
    for (char *word = strtok(text, " "); word && argc < RUN_WORDS; word = strtok(NULL, " ")) {
        for (char *at = word; *at; at++)
            if (*at == '~')
                *at = ' ';
        argv[argc++] = word;
    }
    run_write("../out", ""); /* nothing of an earlier run may be read as this one's */
    run_write("../err", "");
    fflush(NULL);
    pid_t child = fork();
    if (child != 0)
        return child;
    run_open("../out", O_WRONLY | O_CREAT | O_TRUNC, 1);
    run_open("../err", O_WRONLY | O_CREAT | O_TRUNC, 2);
    if (in) {
        dup2(in[0], 0);
        close(in[0]);
        close(in[1]);
    } else {
        run_open("/dev/null", O_RDONLY, 0);
    }
    int code = cli_main(argc, argv);
    fflush(NULL);
    exit(code); /* not _exit: the leak checker looks at exit */
}

int run_wait(pid_t child)
{
    int code = 0;
    assert_int_equal(waitpid(child, &code, 0), child);
    run_read("../out", run_out);
    run_read("../err", run_err);
    return WIFEXITED(code) ? WEXITSTATUS(code) : 1000 + WTERMSIG(code);
}

int run_cli(const char *command)
{
    return run_wait(run_start(command, NULL));
}

void run_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in:\n%s\nstandard error:\n%s", part, text, run_err);
}

void run_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' is in:\n%s", part, text);
}

int run_lines(const char *text)
{
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

#define RUN_TRIES 6000
#define RUN_WAIT 10000 /* microseconds */

void run_until(const char *path, const char *part)
{
    for (int i = 0; i < RUN_TRIES; i++) {
        if (run_exists(path) && strstr(run_file(path), part))
            return;
        usleep(RUN_WAIT);
    }
    fail_msg("%s never had '%s'", path, part);
}

void run_until_lines(const char *path, int lines)
{
    for (int i = 0; i < RUN_TRIES; i++) {
        if (run_lines(run_file(path)) == lines)
            return;
        usleep(RUN_WAIT);
    }
    fail_msg("%s has %d lines, not %d", path, run_lines(run_text), lines);
}

int run_remove(const char *path)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    return system(command);
}

int run_folder_new(void **state)
{
    char path[] = "/tmp/oddity-cli-XXXXXX", inside[sizeof path + 8];
    if (!mkdtemp(path))
        return -1;
    snprintf(inside, sizeof inside, "%s/work", path);
    if (mkdir(inside, 0777) != 0 || chdir(inside) != 0)
        return -1;
    *state = strdup(path);
    return *state ? 0 : -1;
}

int run_folder_free(void **state)
{
    int code = chdir("/") | run_remove(*state);
    free(*state);
    return code;
}
