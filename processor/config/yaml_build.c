#include "config/yaml_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/duplicates.h"
#include "config/expand.h"

enum { NODES_MAX = 1048576 };

struct place yaml_place(const struct yaml_builder *builder, yaml_mark_t mark)
{
    return (struct place){builder->doc->name, (unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

/* Memory for @bytes, or NULL when the document grew out of its bound (reported). */
static void *keep(struct yaml_builder *builder, size_t bytes, struct place place)
{
    void *out = arena_alloc(&builder->doc->memory, bytes);

    if (out == NULL) {
        diag_error(builder->diags, place, "the document needs more than %d MiB: make it smaller",
                   YAML_MEMORY_BYTES_MAX / 1024 / 1024);
        return NULL;
    }
    memset(out, 0, bytes);
    return out;
}

static struct yaml_node *begin_node(struct yaml_builder *builder, enum yaml_kind kind,
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

static bool expects_key(const struct yaml_builder *builder)
{
    const struct yaml_frame *frame =
        builder->depth == 0 ? NULL : &builder->frames[builder->depth - 1];

    return frame != NULL && frame->node->kind == YAML_MAP && !frame->has_key;
}

/* Put a finished or just opened node where it belongs. */
static void attach(struct yaml_builder *builder, struct yaml_node *node)
{
    struct yaml_frame *frame;

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
static void check_plain(struct yaml_builder *builder, const yaml_char_t *anchor,
                        const yaml_char_t *tag, struct place place)
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
static bool take_text(struct yaml_builder *builder, struct span raw, struct place place,
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

static bool take_key(struct yaml_builder *builder, struct span raw, bool is_plain,
                     struct place place)
{
    struct yaml_frame *frame = &builder->frames[builder->depth - 1];
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

static bool take_scalar(struct yaml_builder *builder, const yaml_event_t *event)
{
    struct place place = yaml_place(builder, event->start_mark);
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

static bool take_alias(struct yaml_builder *builder, const yaml_event_t *event)
{
    struct place place = yaml_place(builder, event->start_mark);
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

static bool open_collection(struct yaml_builder *builder, enum yaml_kind kind,
                            const yaml_event_t *event)
{
    struct place place = yaml_place(builder, event->start_mark);
    struct yaml_node *node;

    if (expects_key(builder)) {
        diag_error(builder->diags, place, "a key must be a text%s",
                   kind == YAML_MAP ? "; write ${...} in quotes here" : "");
        return false;
    }
    if (builder->depth == YAML_DEPTH_MAX) {
        diag_error(builder->diags, place, "nested deeper than %d levels", YAML_DEPTH_MAX);
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
    builder->frames[builder->depth++] = (struct yaml_frame){.node = node};
    return true;
}

static void report_duplicate(void *context, const struct named_entry *first,
                             const struct named_entry *again)
{
    struct yaml_builder *builder = context;
    struct yaml_frame *frame = &builder->frames[builder->depth - 1];

    if (builder->diags->error_count - builder->errors_before < YAML_ERRORS_MAX) {
        diag_error(builder->diags, again->place,
                   "duplicate key %s: it already stands in line %u; keep one of them",
                   LOG_S(again->name), first->place.line);
    }
    frame->pairs[again->index].key = SPAN_NONE;
}

/* Keep the first of each key, in file order. */
static void drop_duplicates(struct yaml_builder *builder, struct yaml_frame *frame)
{
    struct named_entry *names = mem_array(frame->count, struct named_entry);
    size_t kept = 0;

    for (size_t i = 0; i < frame->count; i++) {
        names[i] = (struct named_entry){frame->pairs[i].key, frame->pairs[i].place, i};
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

static bool close_collection(struct yaml_builder *builder)
{
    struct yaml_frame *frame = &builder->frames[builder->depth - 1];
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

static bool open_document(struct yaml_builder *builder, const yaml_event_t *event)
{
    if (builder->has_document) {
        diag_error(builder->diags, yaml_place(builder, event->start_mark),
                   "a second document (---): one file holds one document");
        return false;
    }
    builder->has_document = true;
    return true;
}

bool yaml_take_event(struct yaml_builder *builder, const yaml_event_t *event)
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

void yaml_builder_fini(struct yaml_builder *builder)
{
    while (builder->depth > 0) {
        struct yaml_frame *frame = &builder->frames[--builder->depth];

        free(frame->pairs);
        free(frame->items);
    }
    buf_fini(&builder->expanded);
}
