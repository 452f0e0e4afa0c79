/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity page: an HTML page from evaluation reports, pictures beside their overlays. It serves
 * `make demo` and is left out of the overview.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/output.h"

#define PAGE_JSON_MAX ((size_t)256 << 20)

static const struct cli_option page_options[] = {
    {"title", "TEXT", "heading of the page", 0, 0}, CLI_OPTION_QUIET, CLI_OPTIONS_END};

static const char page_style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--bg:#fbfaf8;--fg:#1d1d1f;--soft:#6b6b70;--card:#fff;"
    "--line:#e4e2de;--ng:#b3261e;--ok:#1e6b3a}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#17171a;--fg:#ececf0;--soft:#a0a0a8;"
    "--card:#212126;--line:#34343b;--ng:#ff8a80;--ok:#7ddb9f}}\n"
    "body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}\n"
    "main{max-width:1120px;margin:0 auto;padding:40px 20px 80px}\n"
    "h1{font-size:30px;margin:0 0 4px}h2{font-size:22px;margin:56px 0 4px}\n"
    "h3{font-size:15px;margin:28px 0 10px;color:var(--soft);font-weight:600}\n"
    "p{margin:4px 0 16px;color:var(--soft);max-width:70ch}\n"
    ".n{display:flex;flex-wrap:wrap;gap:12px;margin:16px 0}\n"
    ".n div{background:var(--card);border:1px solid var(--line);border-radius:10px;"
    "padding:10px 18px;min-width:110px}\n"
    ".n b{display:block;font-size:24px}.n span{color:var(--soft);font-size:13px}\n"
    ".g{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:14px}\n"
    "figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;"
    "padding:10px}\n"
    "figure div{display:grid;grid-template-columns:1fr 1fr;gap:6px}\n"
    "img{width:100%;aspect-ratio:1;object-fit:contain;display:block;border-radius:5px;"
    "image-rendering:pixelated;background:#0002}\n"
    "figcaption{font-size:13px;color:var(--soft);margin-top:6px}\n"
    "figcaption b{color:var(--ok)}figcaption b.ng{color:var(--ng)}\n"
    "</style>\n";

static void page_text(struct oddi_str *s, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            oddi_str_add(s, "&lt;");
        else if (*text == '&')
            oddi_str_add(s, "&amp;");
        else if (*text == '"')
            oddi_str_add(s, "&quot;");
        else
            oddi_str_add_size(s, text, 1);
    }
}

/* A path as a link from the page's folder, percent-encoded. */
static void page_link(struct oddi_str *s, const char *page, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-_.~/";
    size_t folder = (size_t)(oddi_path_base(page) - page);
    if (strncmp(page, path, folder) == 0)
        path += folder;
    for (; *path; path++) {
        if (strchr(plain, *path))
            oddi_str_add_size(s, path, 1);
        else
            oddi_str_addf(s, "%%%02X", (unsigned char)*path);
    }
}

static void page_number(struct oddi_str *s, const json_t *report, const char *path,
                        const char *title)
{
    double value = cli_json_real(report, path);
    if (isfinite(value))
        oddi_str_addf(s, "<div><b>%.3f</b><span>%s</span></div>\n", value, title);
}

static void page_share(struct oddi_str *s, const json_t *report, const char *k, const char *n,
                       const char *title)
{
    double part = cli_json_real(report, k), whole = cli_json_real(report, n);
    if (isfinite(part) && isfinite(whole))
        oddi_str_addf(s, "<div><b>%.0f of %.0f</b><span>%s</span></div>\n", part, whole, title);
}

static void page_numbers(struct oddi_str *s, const json_t *report)
{
    oddi_str_add(s, "<div class=\"n\">\n");
    page_number(s, report, "image.auroc", "AUROC of pictures");
    page_number(s, report, "image.ap", "average precision");
    page_number(s, report, "pixel.auroc", "AUROC of pixels");
    page_number(s, report, "pixel.aupro", "AUPRO of regions");
    page_share(s, report, "at_threshold.n_false_alarms", "n_normal", "false alarms");
    page_share(s, report, "at_threshold.n_missed", "n_anomalous", "missed");
    oddi_str_add(s, "</div>\n");
}

static bool page_is_normal(const json_t *map)
{
    const json_t *label = json_object_get(map, "label");
    return json_is_string(label) ? strcmp(json_string_value(label), "normal") == 0
                                 : json_is_integer(label) && !json_integer_value(label);
}

static void page_figure(struct oddi_str *s, const char *page, const json_t *map, double threshold)
{
    double score = cli_json_real(map, "score");
    const char *names[] = {"original", "overlay"};
    oddi_str_add(s, "<figure><div>");
    for (size_t i = 0; i < ODDI_COUNT(names); i++) {
        oddi_str_add(s, "<img loading=\"lazy\" src=\"");
        page_link(s, page, cli_json_string(map, names[i]));
        oddi_str_addf(s, "\" alt=\"%s\">", names[i]);
    }
    oddi_str_addf(s, "</div><figcaption>%s, score %.4g",
                  page_is_normal(map) ? "normal" : "anomalous", score);
    if (isfinite(threshold))
        oddi_str_add(s, score > threshold ? " <b class=\"ng\">ng</b>" : " <b>ok</b>");
    oddi_str_add(s, "</figcaption></figure>\n");
}

/* One row of figures per type, in the order in which types appear. */
static void page_figures(struct oddi_str *s, const char *page, const json_t *report)
{
    const json_t *maps = cli_json_at(report, "maps");
    double threshold = cli_json_real(report, "at_threshold.threshold");
    size_t count = json_array_size(maps);
    for (size_t i = 0; i < count; i++) {
        const char *type = cli_json_string(json_array_get(maps, i), "type");
        bool before = false;
        for (size_t j = 0; j < i && !before; j++)
            before = strcmp(cli_json_string(json_array_get(maps, j), "type"), type) == 0;
        if (before)
            continue;
        oddi_str_add(s, "<h3>");
        page_text(s, *type ? type : "pictures");
        oddi_str_add(s, "</h3>\n<div class=\"g\">\n");
        for (size_t j = i; j < count; j++)
            if (strcmp(cli_json_string(json_array_get(maps, j), "type"), type) == 0)
                page_figure(s, page, json_array_get(maps, j), threshold);
        oddi_str_add(s, "</div>\n");
    }
}

/* `word` is HEADING=FILE. */
static odd_status page_section(struct cli *cli, struct oddi_str *s, const char *word)
{
    const char *equal = strchr(word, '=');
    const char *page = cli->word[0];
    json_t *report = NULL;
    if (!equal)
        return oddi_fail(cli->ctx, ODD_ECONFIG, "%s: expected HEADING=REPORT.json", word);
    odd_status status = oddi_json_load(cli->ctx, equal + 1, PAGE_JSON_MAX, &report);
    if (status != ODD_OK)
        return status;
    char *heading = oddi_arena_printf(&cli->arena, "%.*s", (int)(equal - word), word);
    oddi_str_add(s, "<h2>");
    page_text(s, heading ? heading : "");
    oddi_str_add(s, "</h2>\n");
    page_numbers(s, report);
    page_figures(s, page, report);
    json_decref(report);
    return ODD_OK;
}

static int page_run(struct cli *cli)
{
    odd_status status = ODD_OK;
    const char *title = cli_get(cli, "title");
    struct oddi_str s;
    oddi_str_init(&s, cli->ctx);
    oddi_str_add(&s, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    page_text(&s, title ? title : "oddity");
    oddi_str_addf(&s, "</title>\n%s</head><body><main>\n<h1>", page_style);
    page_text(&s, title ? title : "oddity");
    oddi_str_addf(&s,
                  "</h1>\n<p>Trained on normal pictures only. On the left of each pair is the "
                  "picture, on the right the same one under its heat map: the brighter, the "
                  "less it is like what was learnt. oddity %s.</p>\n",
                  odd_version());
    for (int i = 1; i < cli->words; i++)
        TRY(page_section(cli, &s, cli->word[i]));
    oddi_str_add(&s, "</main></body></html>\n");
    TRY(oddi_str_status(&s));
    TRY(cli_write_text(cli, cli->word[0], s.text));
    cli_say(cli, "%s is written", cli->word[0]);
out:
    oddi_str_release(&s);
    return cli_fail(cli, status);
}

const struct cli_verb cli_verb_page = {
    .name = "page",
    .summary = "an HTML page from evaluation reports",
    .usage = "OUT.html HEADING=REPORT.json...",
    .about = "Shows the numbers of each report, and the overlays that 'eval --maps DIR' wrote,\n"
             "beside the pictures. Links are relative where DIR lies beside or below the page.\n",
    .examples = "oddity eval screw.safetensors screw --maps maps --json screw.json\n"
                "oddity page index.html Screws=screw.json\n",
    .options = page_options,
    .min_words = 2,
    .max_words = -1,
    .hidden = true,
    .run = page_run,
};
