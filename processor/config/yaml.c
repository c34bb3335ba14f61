#include "config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/mem.h"
#include "config/expand.h"
#include "config/yaml_build.h"

enum { FILE_BYTES_MAX = 16 * 1024 * 1024 };

/* libyaml gives undecodable bytes as an offset only. */
static struct place place_at_offset(const struct yaml_builder *builder, size_t offset)
{
    struct place place = {builder->doc->name, 1, 1};

    for (size_t i = 0; i < offset && i < builder->input.len; i++) {
        unsigned char byte = (unsigned char)builder->input.ptr[i];

        if (byte == '\n') {
            place.line++;
            place.column = 1;
        } else {
            place.column += (byte & 0xC0) != 0x80; /* columns are characters */
        }
    }
    return place;
}

static struct span line_at(struct span input, size_t line)
{
    size_t from = 0;

    for (; line > 0 && from < input.len; line--) {
        from = span_find(input, '\n', from) + 1;
    }
    from = MIN_OF(from, input.len);
    return span_sub(input, from, span_find(input, '\n', from));
}

/* What people usually did when libyaml says something that only its author understands. */
static const char *guess_cause(const struct yaml_builder *builder)
{
    struct span line = line_at(builder->input, builder->parser.problem_mark.line);

    if (builder->parser.context != NULL && strstr(builder->parser.context, "flow") != NULL &&
        expand_is_needed(line)) {
        return "; inside [] or {} write \"${NAME}\" in quotes";
    }
    if (span_starts(span_trim(line), SPAN("%"))) {
        return "; a text that begins with % needs quotes";
    }
    if (memchr(line.ptr, '\t', line.len) != NULL) {
        return "; indent with spaces, not tabs";
    }
    if (strstr(builder->parser.problem, "mapping values") != NULL) {
        return "; a text with \": \" in it needs quotes";
    }
    return "";
}

static void report_syntax(struct yaml_builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    const char *problem = parser->problem == NULL ? "unreadable" : parser->problem;

    if (parser->error == YAML_READER_ERROR) {
        diag_error(builder->diags, place_at_offset(builder, parser->problem_offset),
                   "not a UTF-8 text file: %s", problem);
    } else if (parser->error == YAML_MEMORY_ERROR || parser->problem == NULL) {
        diag_error(builder->diags, yaml_place(builder, parser->mark), "not readable as YAML");
    } else if (parser->context != NULL) {
        diag_error(builder->diags, yaml_place(builder, parser->problem_mark),
                   "not valid YAML: %s (%s that begins in line %zu)%s", problem, parser->context,
                   parser->context_mark.line + 1, guess_cause(builder));
    } else {
        diag_error(builder->diags, yaml_place(builder, parser->problem_mark),
                   "not valid YAML: %s%s", problem, guess_cause(builder));
    }
}

/* False when the document is not usable. */
static bool read_events(struct yaml_builder *builder)
{
    bool is_at_end = false;

    while (!is_at_end) {
        yaml_event_t event;
        bool goes_on;

        if (builder->diags->error_count - builder->errors_before >= YAML_ERRORS_MAX) {
            diag_error(builder->diags, yaml_place(builder, builder->parser.mark),
                       "more than %d errors: not read any further", YAML_ERRORS_MAX);
            return false;
        }
        if (!yaml_parser_parse(&builder->parser, &event)) {
            report_syntax(builder);
            return false;
        }
        is_at_end = event.type == YAML_STREAM_END_EVENT;
        goes_on = yaml_take_event(builder, &event);
        yaml_event_delete(&event);
        if (!goes_on) {
            return false;
        }
    }
    if (builder->doc->root == NULL) {
        diag_error(builder->diags, (struct place){builder->doc->name, 1, 1}, "the file is empty");
        return false;
    }
    return true;
}

const char *yaml_digest(const struct yaml_doc *doc)
{
    return doc->digest;
}

struct yaml_doc *yaml_parse(const char *name, struct span text, bool is_literal,
                            struct diags *diags)
{
    static const struct span mark = {"\xef\xbb\xbf", 3}; /* byte order mark */
    struct yaml_doc *doc = mem_new(struct yaml_doc);
    struct yaml_builder builder = {.doc = doc,
                                   .diags = diags,
                                   .input = text,
                                   .errors_before = diags->error_count,
                                   .is_literal = is_literal};
    bool is_usable = false;

    digest_short(text, doc->digest);

    if (span_starts(text, mark)) {
        text = span_sub(text, mark.len, text.len);
        builder.input = text;
    }
    arena_init(&doc->memory, YAML_MEMORY_BYTES_MAX);
    doc->name = mem_text(span_of(name));
    buf_init(&builder.expanded, YAML_TEXT_BYTES_MAX);
    if (text.len > FILE_BYTES_MAX) {
        diag_error(diags, (struct place){name, 0, 0}, "larger than 16 MiB");
    } else if (!yaml_parser_initialize(&builder.parser)) {
        diag_error(diags, (struct place){name, 0, 0}, "no memory to read it");
    } else {
        yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(
            &builder.parser, (const unsigned char *)(text.ptr == NULL ? "" : text.ptr), text.len);
        is_usable = read_events(&builder);
        yaml_parser_delete(&builder.parser);
    }
    yaml_builder_fini(&builder);
    if (!is_usable) {
        yaml_free(doc);
        return NULL;
    }
    return doc;
}

/* The whole file onto @out, at most one byte more than allowed. Pipes are fine. */
static bool read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;

    while (fd >= 0 && got > 0 && out->len <= FILE_BYTES_MAX) {
        char bytes[16384];

        got = read(fd, bytes, sizeof(bytes));
        if (got > 0) {
            buf_add(out, bytes, (size_t)got);
        } else if (got < 0 && errno == EINTR) {
            got = 1;
        }
    }
    if (fd >= 0) {
        int saved = errno;

        close(fd);
        errno = saved;
    }
    return got >= 0;
}

struct yaml_doc *yaml_open(const char *path, struct diags *diags)
{
    struct yaml_doc *doc = NULL;
    struct buf text;

    buf_init(&text, 2 * (size_t)FILE_BYTES_MAX);
    if (read_file(path, &text)) {
        doc = yaml_parse(path, (struct span){text.ptr, text.len}, false, diags);
    } else {
        diag_error(diags, (struct place){path, 0, 0}, "cannot be read: %s", strerror(errno));
    }
    buf_fini(&text);
    return doc;
}

void yaml_free(struct yaml_doc *doc)
{
    if (doc == NULL) {
        return;
    }
    arena_fini(&doc->memory);
    free(doc->name);
    free(doc);
}

const struct yaml_node *yaml_root(const struct yaml_doc *doc)
{
    return doc->root;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (map == NULL || map->kind != YAML_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < map->count; i++) {
        if (span_is(map->pairs[i].key, key)) {
            return map->pairs[i].value;
        }
    }
    return NULL;
}

bool yaml_is_null(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && !node->is_quoted &&
           (node->text.len == 0 || span_is(node->text, "~") ||
            span_eq_nocase(node->text, SPAN("null")));
}

bool yaml_as_bool(const struct yaml_node *node, bool *out)
{
    static const char *const words[] = {"false", "no", "off", "true", "yes", "on"};

    if (node->kind != YAML_SCALAR || node->is_quoted) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (span_eq_nocase(node->text, span_of(words[i]))) {
            *out = i >= 3;
            return true;
        }
    }
    return false;
}
