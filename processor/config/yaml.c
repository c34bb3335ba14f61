#include "config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/duplicates.h"
#include "config/expand.h"

enum {
    FILE_BYTES_MAX = 1024 * 1024,
    DEPTH_MAX = 32,
    NODES_MAX = 262144,
    TEXT_BYTES_MAX = 256 * 1024, /* one scalar, after ${} */
    MEMORY_BYTES_MAX = 192 * 1024 * 1024,
    ERRORS_MAX = 1000, /* per file; past this somebody gave us the wrong file */
};

struct yaml_doc {
    struct arena memory;
    char *name; /* owned */
    struct yaml_node *root;
};

/* A list or map that is still open. */
struct frame {
    struct yaml_node *node;
    struct yaml_pair *pairs;  /* owned; map */
    struct yaml_node **items; /* owned; list */
    size_t count, cap;
    struct yaml_pair pending; /* map: a key that waits for its value */
    bool has_key;
    bool is_key_broken; /* its value is read and dropped */
};

struct builder {
    struct yaml_doc *doc;
    struct diags *diags;
    yaml_parser_t parser;
    struct span input;
    struct buf expanded;
    struct frame frames[DEPTH_MAX];
    size_t depth;
    size_t nodes;
    size_t errors_before;
    bool is_literal;
    bool has_document;
};

static struct place place_of(const struct builder *builder, yaml_mark_t mark)
{
    return (struct place){builder->doc->name, (unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

/* Memory for @bytes, or NULL when the document grew out of its bound (reported). */
static void *keep(struct builder *builder, size_t bytes, struct place place)
{
    void *out = arena_alloc(&builder->doc->memory, bytes);

    if (out == NULL) {
        diag_error(builder->diags, place, "the document needs more than %d MiB: make it smaller",
                   MEMORY_BYTES_MAX / 1024 / 1024);
        return NULL;
    }
    memset(out, 0, bytes);
    return out;
}

static struct yaml_node *begin_node(struct builder *builder, enum yaml_kind kind,
                                    struct place place)
{
    struct yaml_node *node;

    if (++builder->nodes > NODES_MAX) {
        diag_error(builder->diags, place,
                   "more than %d values in one file: split it, or make routes more general",
                   NODES_MAX);
        return NULL;
    }
    node = keep(builder, sizeof(*node), place);
    if (node != NULL) {
        node->kind = kind;
        node->place = place;
    }
    return node;
}

static bool expects_key(const struct builder *builder)
{
    const struct frame *frame = builder->depth == 0 ? NULL : &builder->frames[builder->depth - 1];

    return frame != NULL && frame->node->kind == YAML_MAP && !frame->has_key;
}

/* Put a finished or just opened node where it belongs. */
static void attach(struct builder *builder, struct yaml_node *node)
{
    struct frame *frame;

    if (builder->depth == 0) {
        builder->doc->root = node;
        return;
    }
    frame = &builder->frames[builder->depth - 1];
    if (frame->count == frame->cap) {
        frame->cap = frame->cap == 0 ? 8 : frame->cap * 2;
        if (frame->node->kind == YAML_MAP) {
            frame->pairs = mem_grow(frame->pairs, frame->cap, sizeof(frame->pairs[0]));
        } else {
            frame->items = mem_grow(frame->items, frame->cap, sizeof(struct yaml_node *));
        }
    }
    if (frame->node->kind == YAML_LIST) {
        frame->items[frame->count++] = node;
        return;
    }
    frame->has_key = false;
    if (!frame->is_key_broken) {
        frame->pending.value = node;
        frame->pairs[frame->count++] = frame->pending;
    }
}

/* Anchors and tags are refused but do not hide what follows. */
static void check_plain(struct builder *builder, const yaml_char_t *anchor, const yaml_char_t *tag,
                        struct place place)
{
    if (anchor != NULL) {
        diag_error(builder->diags, place,
                   "anchors (&%s) are not supported: write the value where it is needed",
                   (const char *)anchor);
    }
    if (tag != NULL) {
        diag_error(builder->diags, place,
                   "tags (!...) are not supported: quotes make a value a text");
    }
}

/* Copy @raw into the document, ${} replaced, terminated. A text that cannot be used is reported
 * and gives *is_broken. False: stop. */
static bool take_text(struct builder *builder, struct span raw, struct place place,
                      struct span *out, bool *is_replaced, bool *is_broken)
{
    struct err err;
    char *copy;

    if (!builder->is_literal && expand_is_needed(raw)) {
        buf_clear(&builder->expanded);
        if (expand(raw, &builder->expanded, is_replaced, &err) != ERR_OK) {
            diag_error(builder->diags, place, "%s", err.text);
            *is_broken = true;
        } else {
            raw = buf_span(&builder->expanded);
        }
    }
    if (memchr(raw.ptr, '\0', raw.len) != NULL) {
        diag_error(builder->diags, place, "a text cannot hold a NUL character");
        *is_broken = true;
    }
    copy = keep(builder, raw.len + 1, place);
    if (copy == NULL) {
        return false;
    }
    if (raw.len > 0) {
        memcpy(copy, raw.ptr, raw.len);
    }
    *out = (struct span){copy, raw.len};
    return true;
}

static bool take_key(struct builder *builder, struct span raw, bool is_plain, struct place place)
{
    struct frame *frame = &builder->frames[builder->depth - 1];
    bool is_replaced = false;

    frame->pending = (struct yaml_pair){.place = place};
    frame->has_key = true;
    frame->is_key_broken = false;
    if (is_plain && span_is(raw, "<<")) {
        diag_error(builder->diags, place,
                   "merge keys (<<) are not supported: write the keys where they are needed");
        frame->is_key_broken = true;
    }
    if (is_plain && raw.len == 0) {
        diag_error(builder->diags, place, "a key is missing before the colon");
        frame->is_key_broken = true;
    }
    return take_text(builder, raw, place, &frame->pending.key, &is_replaced, &frame->is_key_broken);
}

static bool take_scalar(struct builder *builder, const yaml_event_t *event)
{
    struct place place = place_of(builder, event->start_mark);
    struct span raw = {(const char *)event->data.scalar.value, event->data.scalar.length};
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct yaml_node *node;

    check_plain(builder, event->data.scalar.anchor, event->data.scalar.tag, place);
    if (expects_key(builder)) {
        return take_key(builder, raw, is_plain, place);
    }
    node = begin_node(builder, YAML_SCALAR, place);
    if (node == NULL) {
        return false;
    }
    node->is_quoted = !is_plain;
    if (!take_text(builder, raw, place, &node->text, &node->is_replaced, &node->is_broken)) {
        return false;
    }
    attach(builder, node);
    return true;
}

static bool take_alias(struct builder *builder, const yaml_event_t *event)
{
    struct place place = place_of(builder, event->start_mark);
    struct yaml_node *node;

    diag_error(builder->diags, place,
               "aliases (*%s) are not supported: write the value where it is needed",
               (const char *)event->data.alias.anchor);
    if (expects_key(builder)) {
        return false;
    }
    node = begin_node(builder, YAML_SCALAR, place);
    if (node == NULL) {
        return false;
    }
    node->text = SPAN("");
    node->is_broken = true;
    attach(builder, node);
    return true;
}

static bool open_collection(struct builder *builder, enum yaml_kind kind, const yaml_event_t *event)
{
    struct place place = place_of(builder, event->start_mark);
    struct yaml_node *node;

    if (expects_key(builder)) {
        diag_error(builder->diags, place, "a key must be a text%s",
                   kind == YAML_MAP ? "; write ${...} in quotes here" : "");
        return false;
    }
    if (builder->depth == DEPTH_MAX) {
        diag_error(builder->diags, place, "nested deeper than %d levels", DEPTH_MAX);
        return false;
    }
    if (kind == YAML_MAP) {
        check_plain(builder, event->data.mapping_start.anchor, event->data.mapping_start.tag,
                    place);
    } else {
        check_plain(builder, event->data.sequence_start.anchor, event->data.sequence_start.tag,
                    place);
    }
    node = begin_node(builder, kind, place);
    if (node == NULL) {
        return false;
    }
    attach(builder, node);
    builder->frames[builder->depth++] = (struct frame){.node = node};
    return true;
}

static void report_duplicate(void *context, const struct named *first, const struct named *again)
{
    struct builder *builder = context;
    struct frame *frame = &builder->frames[builder->depth - 1];

    if (builder->diags->error_count - builder->errors_before < ERRORS_MAX) {
        diag_error(builder->diags, again->place,
                   "duplicate key %s: it already stands in line %u; keep one of them",
                   LOG_S(again->name), first->place.line);
    }
    frame->pairs[again->index].key = SPAN_NONE;
}

/* Keep the first of each key, in file order. */
static void drop_duplicates(struct builder *builder, struct frame *frame)
{
    struct named *names = mem_array(frame->count, struct named);
    size_t kept = 0;

    for (size_t i = 0; i < frame->count; i++) {
        names[i] = (struct named){frame->pairs[i].key, frame->pairs[i].place, i};
    }
    duplicates_find(names, frame->count, report_duplicate, builder);
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->pairs[i].key.ptr != NULL) {
            frame->pairs[kept++] = frame->pairs[i];
        }
    }
    frame->count = kept;
    free(names);
}

static bool close_collection(struct builder *builder)
{
    struct frame *frame = &builder->frames[builder->depth - 1];
    struct yaml_node *node = frame->node;
    bool is_map = node->kind == YAML_MAP;
    size_t bytes;
    void *copy;

    if (is_map) {
        drop_duplicates(builder, frame);
    }
    bytes = frame->count * (is_map ? sizeof(frame->pairs[0]) : sizeof(struct yaml_node *));
    copy = keep(builder, bytes == 0 ? 1 : bytes, node->place);
    if (copy == NULL) {
        return false;
    }
    if (bytes > 0) {
        memcpy(copy, is_map ? (const void *)frame->pairs : (const void *)frame->items, bytes);
    }
    node->pairs = is_map ? copy : NULL;
    node->items = is_map ? NULL : copy;
    node->count = frame->count;
    free(frame->pairs);
    free(frame->items);
    builder->depth--;
    return true;
}

static bool open_document(struct builder *builder, const yaml_event_t *event)
{
    if (builder->has_document) {
        diag_error(builder->diags, place_of(builder, event->start_mark),
                   "a second document (---): one file holds one document");
        return false;
    }
    builder->has_document = true;
    return true;
}

/* False: an error that leaves nothing sensible to read. */
static bool take_event(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return open_document(builder, event);
    case YAML_ALIAS_EVENT:
        return take_alias(builder, event);
    case YAML_SCALAR_EVENT:
        return take_scalar(builder, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_collection(builder, YAML_LIST, event);
    case YAML_MAPPING_START_EVENT:
        return open_collection(builder, YAML_MAP, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_collection(builder);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return true;
    }
    return true;
}

/* libyaml gives undecodable bytes as an offset only. */
static struct place place_at_offset(const struct builder *builder, size_t offset)
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
static const char *guess_cause(const struct builder *builder)
{
    struct span line = line_at(builder->input, builder->parser.problem_mark.line);

    if (builder->parser.flow_level > 0 && expand_is_needed(line)) {
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

static void report_syntax(struct builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    const char *problem = parser->problem == NULL ? "unreadable" : parser->problem;

    if (parser->error == YAML_READER_ERROR) {
        diag_error(builder->diags, place_at_offset(builder, parser->problem_offset),
                   "not a UTF-8 text file: %s", problem);
    } else if (parser->error == YAML_MEMORY_ERROR || parser->problem == NULL) {
        diag_error(builder->diags, place_of(builder, parser->mark), "not readable as YAML");
    } else if (parser->context != NULL) {
        diag_error(builder->diags, place_of(builder, parser->problem_mark),
                   "not valid YAML: %s (%s that begins in line %zu)%s", problem, parser->context,
                   parser->context_mark.line + 1, guess_cause(builder));
    } else {
        diag_error(builder->diags, place_of(builder, parser->problem_mark), "not valid YAML: %s%s",
                   problem, guess_cause(builder));
    }
}

/* False when the document is not usable. */
static bool read_events(struct builder *builder)
{
    bool is_at_end = false;

    while (!is_at_end) {
        yaml_event_t event;
        bool goes_on;

        if (builder->diags->error_count - builder->errors_before >= ERRORS_MAX) {
            diag_error(builder->diags, place_of(builder, builder->parser.mark),
                       "more than %d errors: not read any further", ERRORS_MAX);
            return false;
        }
        if (!yaml_parser_parse(&builder->parser, &event)) {
            report_syntax(builder);
            return false;
        }
        is_at_end = event.type == YAML_STREAM_END_EVENT;
        goes_on = take_event(builder, &event);
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

struct yaml_doc *yaml_parse(const char *name, struct span text, bool is_literal,
                            struct diags *diags)
{
    struct yaml_doc *doc = mem_new(struct yaml_doc);
    struct builder builder = {.doc = doc,
                              .diags = diags,
                              .input = text,
                              .errors_before = diags->error_count,
                              .is_literal = is_literal};
    bool is_usable = false;

    arena_init(&doc->memory, MEMORY_BYTES_MAX);
    doc->name = mem_text(span_of(name));
    buf_init(&builder.expanded, TEXT_BYTES_MAX);
    if (text.len > FILE_BYTES_MAX) {
        diag_error(diags, (struct place){name, 0, 0}, "larger than 1 MiB");
    } else if (!yaml_parser_initialize(&builder.parser)) {
        diag_error(diags, (struct place){name, 0, 0}, "no memory to read it");
    } else {
        yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(
            &builder.parser, (const unsigned char *)(text.ptr == NULL ? "" : text.ptr), text.len);
        is_usable = read_events(&builder);
        yaml_parser_delete(&builder.parser);
    }
    while (builder.depth > 0) {
        struct frame *frame = &builder.frames[--builder.depth];

        free(frame->pairs);
        free(frame->items);
    }
    buf_fini(&builder.expanded);
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
