/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals, the terminal and standard input: every system call of the tool is here. Signals must
 * end a wait for input whichever thread they reach, so the handler also writes to a pipe that the
 * wait looks at.
 */
#include "base/compat.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"

#define TERM_READ 4096
#define TERM_LINE (1u << 20) /* longest path; longer ones are cut by the system anyway */

static struct odd_context *volatile term_ctx;
static volatile sig_atomic_t term_signal;
static int term_pipe[2] = {-1, -1};

static void term_handle(int signal)
{
    int saved = errno;
    if (term_signal)
        _exit(128 + signal);
    term_signal = signal;
    struct odd_context *ctx = term_ctx;
    if (ctx)
        odd_context_cancel(ctx);
    if (term_pipe[1] >= 0 && write(term_pipe[1], "!", 1) < 0)
        term_signal = signal; /* a full pipe wakes the reader as well */
    errno = saved;
}

static void term_pipe_open(void)
{
    if (term_pipe[0] >= 0 || pipe(term_pipe) != 0)
        return;
    for (int i = 0; i < 2; i++) {
        fcntl(term_pipe[i], F_SETFD, FD_CLOEXEC);
        fcntl(term_pipe[i], F_SETFL, O_NONBLOCK);
    }
}

void cli_term_catch(struct odd_context *ctx)
{
    static const int signals[] = {SIGINT, SIGTERM};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = ctx ? term_handle : SIG_DFL;
    action.sa_flags = SA_RESTART;
    if (ctx)
        term_pipe_open();
    term_ctx = ctx;
    /* Also where a shell started us with SIGINT ignored (a script's background job): whoever sends
     * it by hand means it. */
    for (size_t i = 0; i < ODDI_COUNT(signals); i++)
        sigaction(signals[i], &action, NULL);
}

int cli_term_signal(void)
{
    return term_signal;
}

bool cli_term_is_terminal(FILE *file)
{
    return isatty(fileno(file)) == 1;
}

int cli_term_width(FILE *file)
{
    struct winsize size;
    if (ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col < 20)
        return 80;
    return size.ws_col;
}

/* ---- lines --------------------------------------------------------------------------------- */

/* Appends what can be read now; waits for input or a signal. */
static enum cli_line term_fill(struct cli_lines *lines)
{
    char block[TERM_READ];
    struct pollfd wait[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                             {.fd = term_pipe[0], .events = POLLIN}};
    for (;;) {
        if (term_signal)
            return CLI_LINE_STOPPED;
        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            return CLI_LINE_FAILED;
        if (term_signal || !wait[0].revents)
            continue;
        ssize_t got = read(STDIN_FILENO, block, sizeof block);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got < 0)
            return CLI_LINE_FAILED;
        lines->ended = got == 0;
        oddi_str_add_size(&lines->text, block, (size_t)got);
        return oddi_str_status(&lines->text) == ODD_OK ? CLI_LINE : CLI_LINE_FAILED;
    }
}

/* Drops what was handed out, so that the buffer stays as long as a line. */
static void term_compact(struct cli_lines *lines)
{
    struct oddi_str *s = &lines->text;
    if (!lines->at)
        return;
    memmove(s->text, s->text + lines->at, s->length - lines->at + 1);
    s->length -= lines->at;
    lines->at = 0;
}

enum cli_line cli_lines_next(struct cli_lines *lines, const char **line)
{
    size_t seen = 0;
    struct oddi_str *s = &lines->text;
    for (;;) {
        char *from = s->text + lines->at;
        size_t left = s->length - lines->at;
        char *end = left > seen ? memchr(from + seen, '\n', left - seen) : NULL;
        if (!end && lines->ended && left == 0)
            return CLI_LINE_END;
        if (end || lines->ended) {
            size_t length = end ? (size_t)(end - from) : left;
            lines->at += length + (end != NULL);
            if (end)
                *end = '\0';
            if (length && from[length - 1] == '\r')
                from[length - 1] = '\0';
            *line = from;
            return CLI_LINE;
        }
        if (left > TERM_LINE)
            return CLI_LINE_FAILED;
        seen = left;
        term_compact(lines);
        enum cli_line got = term_fill(lines);
        if (got != CLI_LINE)
            return got;
    }
}
