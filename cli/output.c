/* SPDX-License-Identifier: Apache-2.0
 *
 * Ways out (output.h). Numbers are formatted by base/str.h, so that no locale changes a report.
 */
#include "cli/output.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/os.h"

/* ---- files --------------------------------------------------------------------------------- */

static odd_status output_failed(struct cli *cli, const char *path, int error)
{
    if (strcmp(path, "-") == 0)
        path = "standard output";
    return oddi_fail_errno(cli->ctx, ODD_EIO, error, "cannot write %s", path);
}

odd_status cli_stream_open(struct cli *cli, const char *path, struct cli_stream *stream)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (!file)
        return output_failed(cli, path, errno);
    stream->file = file;
    stream->path = path;
    return ODD_OK;
}

odd_status cli_stream_close(struct cli *cli, struct cli_stream *stream)
{
    FILE *file = stream->file;
    if (!file)
        return ODD_OK;
    stream->file = NULL;
    errno = 0;
    bool failed = fflush(file) != 0 || ferror(file);
    int error = errno;
    if (file != stdout && fclose(file) != 0 && !failed) {
        failed = true;
        error = errno;
    }
    return failed ? output_failed(cli, stream->path, error ? error : EIO) : ODD_OK;
}

odd_status cli_write_text(struct cli *cli, const char *path, const char *text)
{
    odd_status status;
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    struct cli_stream stream = {NULL, NULL};
    bool is_stream =
        strcmp(path, "-") == 0 || (oddi_os_stat(path, &st) == 0 && st.kind == ODDI_FILE_OTHER);
    size_t length = strlen(text);
    const char *end = length && text[length - 1] == '\n' ? "" : "\n";
    if (is_stream) {
        TRY(cli_stream_open(cli, path, &stream));
        fprintf(stream.file, "%s%s", text, end);
        return cli_stream_close(cli, &stream);
    }
    struct oddi_writer writer = {0};
    TRY(oddi_writer_open(cli->ctx, path, &writer));
    TRY(oddi_writer_write(&writer, text, length));
    TRY(oddi_writer_write(&writer, end, strlen(end)));
    TRY(oddi_writer_commit(&writer));
out:
    return status;
}

odd_status cli_write_report(struct cli *cli, const char *json)
{
    odd_status status;
    json_t *parsed = NULL;
    char *text = NULL;
    const char *path = cli_get(cli, "json");
    if (!path)
        return ODD_OK;
    TRY(oddi_json_parse(cli->ctx, json, strlen(json), "report", &parsed));
    TRY(oddi_json_dump(cli->ctx, parsed, 2, &text));
    TRY(cli_write_text(cli, path, text));
out:
    json_decref(parsed);
    odd_text_free(cli->ctx, text);
    return status;
}

/* ---- text ---------------------------------------------------------------------------------- */

void cli_csv_field(struct oddi_str *s, const char *text)
{
    size_t length = strlen(text);
    bool quote = strpbrk(text, ",\"\r\n\t") != NULL;
    if (length && (text[0] == ' ' || text[length - 1] == ' '))
        quote = true;
    if (!quote) {
        oddi_str_add(s, text);
        return;
    }
    oddi_str_add(s, "\"");
    for (; *text; text++)
        oddi_str_add_size(s, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    oddi_str_add(s, "\"");
}

static void output_number(struct oddi_str *s, double value, const char *undefined)
{
    size_t before = s->length;
    double back;
    if (!isfinite(value)) {
        oddi_str_add(s, undefined);
        return;
    }
    for (int digits = 6; digits <= 17 && oddi_str_status(s) == ODD_OK; digits++) {
        s->length = before;
        oddi_str_addf(s, "%.*g", digits, value);
        if (oddi_parse_double(s->text + before, &back) && back == value)
            return;
    }
}

void cli_csv_number(struct oddi_str *s, double value)
{
    output_number(s, value, "");
}

void cli_json_number(struct oddi_str *s, double value)
{
    output_number(s, value, "null");
}

void cli_json_text(struct oddi_str *s, const char *text)
{
    json_t *holder = json_object(); /* oddi_json_set_text repairs what is not UTF-8 */
    char *dumped = NULL;
    if (!oddi_json_set_text(holder, "t", text) ||
        oddi_json_dump(s->ctx, json_object_get(holder, "t"), 0, &dumped) != ODD_OK)
        s->status = oddi_fail(s->ctx, ODD_ENOMEM, "out of memory: writing JSON");
    else
        oddi_str_add(s, dumped);
    json_decref(holder);
    odd_text_free(s->ctx, dumped);
}

void cli_plain_text(struct oddi_str *s, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\n')
            oddi_str_add(s, "\\n");
        else if (c == '\t')
            oddi_str_add(s, "\\t");
        else if (c < 0x20 || c == 0x7F)
            oddi_str_addf(s, "\\x%02x", c);
        else
            oddi_str_add_size(s, text, 1);
    }
}

void cli_add_bytes(struct oddi_str *s, double bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < ODDI_COUNT(units)) {
        bytes /= 1000;
        unit++;
    }
    oddi_str_addf(s, unit && bytes < 9.95 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

void cli_add_seconds(struct oddi_str *s, double seconds)
{
    if (seconds < 10) {
        oddi_str_addf(s, "%.1f s", seconds);
        return;
    }
    long long whole = (long long)(fmin(seconds, 1e12) + 0.5);
    if (whole < 60)
        oddi_str_addf(s, "%lld s", whole);
    else if (whole < 3600)
        oddi_str_addf(s, "%lld min %02lld s", whole / 60, whole % 60);
    else
        oddi_str_addf(s, "%lld h %02lld min", whole / 3600, whole % 3600 / 60);
}

/* ---- reports ------------------------------------------------------------------------------- */

const json_t *cli_json_at(const json_t *json, const char *path)
{
    char key[128];
    while (json && *path) {
        size_t length = strcspn(path, ".");
        if (length >= sizeof key)
            return NULL;
        memcpy(key, path, length);
        key[length] = '\0';
        json = json_object_get(json, key);
        path += length + (path[length] == '.');
    }
    return json_is_null(json) ? NULL : json;
}

double cli_json_real(const json_t *json, const char *path)
{
    const json_t *found = cli_json_at(json, path);
    return json_is_number(found) ? json_number_value(found) : NAN;
}

const char *cli_json_string(const json_t *json, const char *path)
{
    const json_t *found = cli_json_at(json, path);
    return json_is_string(found) ? json_string_value(found) : "";
}

static void output_value(struct oddi_str *s, const json_t *value)
{
    char *text = NULL;
    if (json_is_string(value))
        cli_plain_text(s, json_string_value(value));
    else if (json_is_real(value))
        oddi_str_addf(s, "%.6g", json_real_value(value));
    else if (oddi_json_dump(s->ctx, value, 0, &text) == ODD_OK)
        oddi_str_add(s, text);
    odd_text_free(s->ctx, text);
}

static void output_lines(struct oddi_str *s, const json_t *json, int indent, const char *prefix)
{
    const char *key;
    const json_t *value;
    char name[256];
    void *at = json_object_iter((json_t *)json);
    for (; at; at = json_object_iter_next((json_t *)json, at)) {
        key = json_object_iter_key(at);
        value = json_object_iter_value(at);
        bool nested = json_is_object(value) && strlen(prefix) < 100;
        snprintf(name, sizeof name, "%s%.100s%s", prefix, key, nested ? "." : "");
        if (nested) {
            output_lines(s, value, indent, name);
            continue;
        }
        oddi_str_addf(s, "%*s%-24s ", indent, "", name);
        output_value(s, value);
        oddi_str_add(s, "\n");
    }
}

void cli_json_lines(struct oddi_str *s, const json_t *json, int indent)
{
    output_lines(s, json, indent, "");
}
