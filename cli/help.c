/* SPDX-License-Identifier: Apache-2.0
 *
 * Help pages, from the verbs' tables.
 */
#include <string.h>

#include "cli/cli.h"

#define HELP_WIDTH 96
#define HELP_INDENT 28

static const char help_head[] =
    "oddity finds what is not normal in pictures, having seen normal ones only.\n"
    "\n"
    "usage: oddity COMMAND ...\n"
    "\n"
    "commands:\n";

static const char help_tail[] =
    "\n"
    "a first try, on pictures that need no download:\n"
    "  oddity synth weave --kind weave\n"
    "  oddity train weave -o weave.safetensors --preset small\n"
    "  oddity eval weave.safetensors weave\n"
    "  oddity score weave.safetensors weave/test/scratch --maps maps\n"
    "\n"
    "'oddity help COMMAND' teaches one command, with examples.\n"
    "exit codes: 0 done, 1 anomaly found (with --fail-on), 2 usage, 3 input or output,\n"
    "            4 self-test mismatch, 130 or 143 interrupted\n";

void cli_help_overview(FILE *out)
{
    fputs(help_head, out);
    for (int i = 0; i < cli_verbs_count; i++)
        if (!cli_verbs[i]->hidden)
            fprintf(out, "  %-9s %s\n", cli_verbs[i]->name, cli_verbs[i]->summary);
    fputs(help_tail, out);
}

void cli_wrap(FILE *out, const char *text, int column, int indent)
{
    if (column >= indent) {
        fputc('\n', out);
        column = 0;
    }
    while (*text) {
        size_t length = strcspn(text, " ");
        if (column > indent && column + 1 + (int)length > HELP_WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        if (column < indent)
            column += fprintf(out, "%*s", indent - column, "");
        else
            column += fprintf(out, " ");
        column += fprintf(out, "%.*s", (int)length, text);
        text += length;
        while (*text == ' ')
            text++;
    }
    fputc('\n', out);
}

static void help_option(FILE *out, const struct cli_option *o)
{
    int column = 0;
    if (o->letter)
        column += fprintf(out, "  -%c, --%s", o->letter, o->name);
    else
        column += fprintf(out, "  --%s", o->name);
    if (o->argument)
        column += fprintf(out, " %s", o->argument);
    cli_wrap(out, o->help, column, HELP_INDENT);
}

static void help_examples(FILE *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        fprintf(out, "  %.*s\n", (int)length, text);
        text += length;
        text += *text == '\n';
    }
}

void cli_help_verb(FILE *out, const struct cli_verb *verb)
{
    fprintf(out, "oddity %s: %s\n\nusage: oddity %s %s\n\n%s\n", verb->name, verb->summary,
            verb->name, verb->usage, verb->about);
    fputs("options:\n", out);
    for (const struct cli_option *o = verb->options; o->name; o++)
        help_option(out, o);
    cli_wrap(out, "this page", fprintf(out, "  -h, --help"), HELP_INDENT);
    fputs("\nexamples:\n", out);
    help_examples(out, verb->examples);
}
