/* SPDX-License-Identifier: Apache-2.0
 *
 * Configuration files: the small part of YAML that is needed, one mapping of scalars. What else
 * YAML can say (anchors, aliases, tags, lists, mappings in mappings, several documents, a key
 * twice) is refused with its place, as each is either a mistake here or a way to make a small
 * file large. Read event by event: no tree is built. libyaml allocates from the C allocator.
 */
#include <string.h>
#include <yaml.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/options.h"

#define YAML_MAX_FILE ((size_t)256 * 1024)

struct yaml_reader {
    struct odd_options *options;
    const char *path;
    yaml_parser_t parser;
    yaml_event_t event; /* the current one, to be deleted while `has_event` */
    bool has_event;
    size_t first; /* options that were there before */
    char *key;    /* waits for its value */
};

static odd_status yaml_refuse(struct yaml_reader *r, const yaml_mark_t *mark, const char *reason)
{
    return oddi_fail(r->options->ctx, ODD_ECONFIG, "%s: line %zu, column %zu: %s", r->path,
                     mark->line + 1, mark->column + 1, reason);
}

static odd_status yaml_next(struct yaml_reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = false;
    if (yaml_parser_parse(&r->parser, &r->event)) {
        r->has_event = true;
        return ODD_OK;
    }
    if (r->parser.error == YAML_MEMORY_ERROR)
        return oddi_fail(r->options->ctx, ODD_ENOMEM, "out of memory: reading '%s'", r->path);
    /* Errors of the byte reader have an offset and no mark. */
    if (r->parser.error == YAML_READER_ERROR)
        return oddi_fail(r->options->ctx, ODD_ECONFIG, "%s: byte %zu: %s", r->path,
                         r->parser.problem_offset, r->parser.problem);
    return yaml_refuse(r, &r->parser.problem_mark,
                       r->parser.problem ? r->parser.problem : "malformed YAML");
}

/* A scalar without anchor, tag and 0 bytes, at the current event. */
static odd_status yaml_scalar(struct yaml_reader *r, const char **text)
{
    const yaml_event_t *e = &r->event;
    const char *reason = NULL;
    if (e->type == YAML_ALIAS_EVENT)
        reason = "aliases are not allowed";
    else if (e->type == YAML_SEQUENCE_START_EVENT)
        reason = "lists are not allowed; write the value as one text";
    else if (e->type == YAML_MAPPING_START_EVENT)
        reason = "mappings inside of a mapping are not allowed; write 'name: value' lines only";
    else if (e->type != YAML_SCALAR_EVENT)
        reason = "expected 'name: value'";
    else if (e->data.scalar.anchor)
        reason = "anchors are not allowed";
    else if (e->data.scalar.tag)
        reason = "tags are not allowed";
    else if (strlen((const char *)e->data.scalar.value) != e->data.scalar.length)
        reason = "a text with a 0 byte";
    if (reason)
        return yaml_refuse(r, &e->start_mark, reason);
    *text = (const char *)e->data.scalar.value;
    return ODD_OK;
}

static bool yaml_has_key(const struct yaml_reader *r, const char *key)
{
    for (size_t i = r->first; i < r->options->count; i++)
        if (strcmp(r->options->item[i].name, key) == 0)
            return true;
    return false;
}

static odd_status yaml_key(struct yaml_reader *r)
{
    odd_status status;
    const char *text = "";
    TRY(yaml_scalar(r, &text));
    if (!*text)
        return yaml_refuse(r, &r->event.start_mark, "a value without a name");
    if (yaml_has_key(r, text))
        return yaml_refuse(r, &r->event.start_mark, "this name was given before");
    /* The event that owns the text is about to go. */
    oddi_free(r->options->ctx, r->key);
    r->key = oddi_strdup(r->options->ctx, text);
    status = r->key ? ODD_OK : ODD_ENOMEM;
out:
    return status;
}

static odd_status yaml_mapping(struct yaml_reader *r)
{
    odd_status status;
    const char *value = "";
    if (r->event.data.mapping_start.anchor)
        return yaml_refuse(r, &r->event.start_mark, "anchors are not allowed");
    if (r->event.data.mapping_start.tag)
        return yaml_refuse(r, &r->event.start_mark, "tags are not allowed");
    TRY(yaml_next(r));
    while (r->event.type != YAML_MAPPING_END_EVENT) {
        TRY(yaml_key(r));
        TRY(yaml_next(r));
        TRY(yaml_scalar(r, &value));
        TRY(oddi_options_add(r->options, r->key, value, "file"));
        TRY(yaml_next(r));
    }
    TRY(yaml_next(r));
out:
    return status;
}

/* A document that says nothing, such as a lone "---", has one empty plain scalar. */
static bool yaml_is_nothing(const yaml_event_t *e)
{
    return e->type == YAML_SCALAR_EVENT && e->data.scalar.length == 0 && !e->data.scalar.anchor &&
           !e->data.scalar.tag && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static odd_status yaml_document(struct yaml_reader *r)
{
    odd_status status;
    const struct yaml_tag_directive_s *tags = NULL;
    TRY(yaml_next(r)); /* stream start */
    TRY(yaml_next(r));
    if (r->event.type == YAML_STREAM_END_EVENT)
        return ODD_OK;
    tags = r->event.data.document_start.tag_directives.start;
    if (tags != r->event.data.document_start.tag_directives.end)
        return yaml_refuse(r, &r->event.start_mark, "tags are not allowed");
    TRY(yaml_next(r));
    if (r->event.type == YAML_MAPPING_START_EVENT)
        TRY(yaml_mapping(r));
    else if (yaml_is_nothing(&r->event))
        TRY(yaml_next(r));
    else
        return yaml_refuse(r, &r->event.start_mark, "expected lines of the form 'name: value'");
    TRY(yaml_next(r)); /* behind the document's end */
    if (r->event.type != YAML_STREAM_END_EVENT)
        return yaml_refuse(r, &r->event.start_mark, "a second document");
out:
    return status;
}

odd_status odd_options_load(struct odd_options *options, const char *path)
{
    odd_status status;
    struct odd_context *ctx = options->ctx;
    struct yaml_reader r = {.options = options, .path = path, .first = options->count};
    char *text = NULL;
    size_t size;
    TRY(oddi_file_read(ctx, path, YAML_MAX_FILE, &text, &size));
    if (!yaml_parser_initialize(&r.parser)) {
        status = oddi_fail(ctx, ODD_ENOMEM, "out of memory: reading '%s'", path);
        goto out;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
    status = yaml_document(&r);
    if (r.has_event)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    if (status != ODD_OK)
        oddi_options_cut(options, r.first); /* all of the file or nothing of it */
out:
    oddi_free(ctx, r.key);
    oddi_free(ctx, text);
    return status;
}
