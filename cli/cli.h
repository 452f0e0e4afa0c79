/* SPDX-License-Identifier: Apache-2.0
 *
 * The command-line tool over oddity.h. A verb is one file with its table of options, its words
 * for the help page and run(); parsing, usage, help and exit codes are the same for all and come
 * from that table. Nothing is computed here.
 *
 * Standard output is for answers, standard error for progress and errors. When a machine's format
 * goes to standard output ("--json -"), what is meant for people goes to standard error.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H
#include <stdio.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/str.h"

/* Exit codes; 128 + signal when interrupted. */
enum { CLI_DONE = 0, CLI_ANOMALY = 1, CLI_USAGE = 2, CLI_INPUT = 3, CLI_MISMATCH = 4 };

enum {
    CLI_ENGINE = 1u, /* handed to the library under its long name */
    CLI_MANY = 2u,   /* may be given more than once, all of them count */
    CLI_GRID = 4u    /* the verb expands its values itself */
};
struct cli_option {
    const char *name;     /* long name without dashes */
    const char *argument; /* what stands for its value in the help page; NULL: a switch */
    const char *help;
    unsigned flags;
    char letter; /* short name, 0 for none */
};
#define CLI_OPTIONS_END                                                                            \
    {                                                                                              \
        NULL, NULL, NULL, 0, 0                                                                     \
    }

/* Rows that several verbs share. */
#define CLI_OPTION_JSON                                                                            \
    {                                                                                              \
        "json", "FILE", "write the report as JSON ('-': standard output)", 0, 0                    \
    }
#define CLI_OPTION_JSONL                                                                           \
    {                                                                                              \
        "jsonl", "FILE", "write every progress event as a line of JSON ('-': standard output)", 0, \
            0                                                                                      \
    }
#define CLI_OPTION_QUIET                                                                           \
    {                                                                                              \
        "quiet", NULL, "no progress and no summary; errors only", 0, 'q'                           \
    }
#define CLI_OPTION_THREADS                                                                         \
    {                                                                                              \
        "threads", "N", "threads to compute with (default: all cores); never changes a result", 0, \
            0                                                                                      \
    }
#define CLI_OPTION_SET                                                                             \
    {                                                                                              \
        "set", "NAME=VALUE", "set any parameter ('oddity methods --describe METHOD' lists them)",  \
            CLI_MANY, 0                                                                            \
    }
#define CLI_OPTION_CONFIG                                                                          \
    {                                                                                              \
        "config", "FILE", "read options from a YAML file; options given here win over it", 0, 0    \
    }
#define CLI_OPTIONS_DATA                                                                           \
    {"layout", "L", "how the data lies on disk: auto, folder, mvtec, idx, classes, csv",           \
     CLI_ENGINE, 0},                                                                               \
        {"normal", "CLASS", "the normal class, or classes with commas", CLI_ENGINE, 0},            \
        {"test-normals", "N",                                                                      \
         "normals for the test part where the data has no split: count or "                        \
         "fraction",                                                                               \
         CLI_ENGINE, 0},                                                                           \
        {"split-seed", "N", "seed of every split and sample", CLI_ENGINE, 0},                      \
        {"sample-train", "N", "use N training pictures only", CLI_ENGINE, 0},                      \
        {"sample-test", "N", "use N test pictures only", CLI_ENGINE, 0},                           \
        {"hold-out", "N", "training normals held out to set the threshold: count or fraction",     \
         CLI_ENGINE, 0},                                                                           \
        {"group", "REGEX", "pictures whose path gives the same first capture never cross a split", \
         CLI_ENGINE, 0},                                                                           \
    {                                                                                              \
        "strict", NULL, "stop at the first unreadable picture", CLI_ENGINE, 0                      \
    }
#define CLI_OPTIONS_PICTURE                                                                        \
    {"size", "N",                                                                                  \
     "the network's input in pixels: N for N x N, WxH, or native for the pictures' own aspect",    \
     CLI_ENGINE, 0},                                                                               \
        {"min-defect", "D",                                                                        \
         "the smallest defect that must show, 12px or 0.4mm: chooses size or tiles", CLI_ENGINE,   \
         0},                                                                                       \
        {"px-per-mm", "N", "picture pixels per millimetre", CLI_ENGINE, 0},                        \
        {"fit", "HOW", "how other shapes are brought to it: stretch, pad or crop", CLI_ENGINE, 0}, \
    {                                                                                              \
        "gain-normalize", NULL, "bring each picture's median grey to a constant", CLI_ENGINE, 0    \
    }

struct cli;
struct cli_verb {
    const char *name;
    const char *summary;  /* one line of the overview */
    const char *usage;    /* what follows "oddity NAME " */
    const char *about;    /* paragraphs, wrapped by hand */
    const char *examples; /* lines: "# comment" or a command without indent */
    const struct cli_option *options;
    int min_words, max_words; /* words that are no options; max -1: any number */
    bool hidden;              /* not in the overview */
    int (*run)(struct cli *cli);
};
extern const struct cli_verb *const cli_verbs[];
extern const int cli_verbs_count;

struct cli_value {
    const struct cli_option *option;
    const char *value; /* "true" for a switch */
};
struct cli_progress;
struct cli {
    struct odd_context *ctx;
    struct oddi_arena arena; /* whatever lives as long as the command */
    const struct cli_verb *verb;
    int argc; /* as typed, with the program's name */
    char **argv;
    const char **word; /* the words that are no options, in order */
    int words;
    struct cli_value *value; /* the options, in order */
    int values;
    FILE *say; /* where words for people go; NULL under --quiet */
    struct cli_progress *progress;
};

/* ---- cli.c --------------------------------------------------------------------------------- */

/* The whole program: returns the exit code. */
int cli_main(int argc, char **argv);
/* Prints the context's message; the exit code that belongs to the status. ODD_OK is CLI_DONE. */
int cli_fail(struct cli *cli, odd_status status);
/* Prints "oddity: VERB: text" and where to read more; returns CLI_USAGE. */
int cli_usage(struct cli *cli, const char *format, ...) ODDI_PRINTF(2, 3);
/* "oddity: text" on standard error, behind the live line's end if there is one. */
void cli_complain(struct cli *cli, const char *format, ...) ODDI_PRINTF(2, 3);
/* For people, on cli->say; nothing under --quiet. */
void cli_say(struct cli *cli, const char *format, ...) ODDI_PRINTF(2, 3);

/* ---- args.c -------------------------------------------------------------------------------- */

/* Fills words and values from argv[first..]; CLI_DONE, or CLI_USAGE after a message. Sets *help
 * when --help or -h is among them (then nothing else was checked). */
int cli_parse(struct cli *cli, int first, bool *help);
/* Last value of an option, NULL when it was not given. */
const char *cli_get(const struct cli *cli, const char *name);
/* Everything for the library: the file of --config, then options in order, then --set in order. */
odd_status cli_options(struct cli *cli, struct odd_options **options);
/* The name that `wrong` was meant to be, or NULL. */
const char *cli_nearest(const char *wrong, const char *best, const char *candidate);
const char *cli_nearest_verb(const char *wrong);
const struct cli_verb *cli_find_verb(const char *name);
const struct cli_option *cli_find_option(const struct cli_verb *verb, const char *name);

/* ---- help.c -------------------------------------------------------------------------------- */

void cli_help_overview(FILE *out);
void cli_help_verb(FILE *out, const struct cli_verb *verb);
/* Prints text from column `indent` on, broken at spaces; the cursor stands at `column`. */
void cli_wrap(FILE *out, const char *text, int column, int indent);

/* ---- term.c: the terminal and the system --------------------------------------------------- */

/* SIGINT and SIGTERM ask the context to stop; a second one ends the program at once. */
void cli_term_catch(struct odd_context *ctx);
int cli_term_signal(void); /* the signal that came, 0 for none */
bool cli_term_is_terminal(FILE *file);
int cli_term_width(FILE *file); /* columns, 80 when unknown */

/* Lines of standard input, each as soon as it is there. */
struct cli_lines {
    struct oddi_str text; /* read and not yet handed out */
    size_t at;
    bool ended;
};
enum cli_line { CLI_LINE, CLI_LINE_END, CLI_LINE_STOPPED, CLI_LINE_FAILED };
/* The next line without its end, valid until the next call. STOPPED: a signal came. */
enum cli_line cli_lines_next(struct cli_lines *lines, const char **line);

#endif
