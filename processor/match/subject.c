#include "match/subject.h"

#include <stdlib.h>

#include "base/mem.h"
#include "event/origin.h"

int64_t subject_time_unit_us(enum logical_type logical)
{
    switch (logical) {
    case LOGICAL_TIMESTAMP_MILLIS:
    case LOGICAL_LOCAL_TIMESTAMP_MILLIS:
        return 1000;
    case LOGICAL_TIMESTAMP_MICROS:
    case LOGICAL_LOCAL_TIMESTAMP_MICROS:
        return 1;
    case LOGICAL_DATE:
        return INT64_C(86400) * 1000000;
    case LOGICAL_NONE:
    case LOGICAL_DECIMAL:
    case LOGICAL_UUID:
    case LOGICAL_TIME_MILLIS:
    case LOGICAL_TIME_MICROS:
    case LOGICAL_DURATION:
        break;
    }
    return 0;
}

static unsigned holds_of(const struct type *type)
{
    switch (type->kind) {
    case TYPE_STRING:
        return HOLDS_TEXT;
    case TYPE_ENUM:
        return HOLDS_SYMBOL;
    case TYPE_BOOL:
        return HOLDS_BOOL;
    case TYPE_INT:
    case TYPE_LONG:
        return subject_time_unit_us(type->logical) > 0 ? HOLDS_TIME : HOLDS_NUMBER;
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        return HOLDS_NUMBER;
    case TYPE_BYTES:
    case TYPE_FIXED:
        return type->logical == LOGICAL_DECIMAL ? HOLDS_NUMBER : HOLDS_OTHER;
    case TYPE_NULL:
        return 0;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_RECORD:
    case TYPE_UNION:
        break;
    }
    return HOLDS_OTHER;
}

static void add_name(struct subject *subject, const char *name)
{
    subject->names = mem_grow(subject->names, subject->name_count + 1, sizeof(subject->names[0]));
    subject->names[subject->name_count++] = name;
}

/* A path through a union of records may end in a union of unions: recursion, two deep. */
static void note_type(struct subject *subject, size_t reader, const struct type *type)
{
    if (type->kind == TYPE_UNION) {
        for (size_t i = 0; i < type->branch_count; i++) {
            note_type(subject, reader, type->branches[i]);
        }
        return;
    }
    subject->holds[reader] |= holds_of(type);
    subject->has_float = subject->has_float || type->kind == TYPE_FLOAT;
    for (size_t i = 0; type->kind == TYPE_ENUM && i < type->symbol_count; i++) {
        add_name(subject, mem_text(type->symbols[i]));
    }
}

/* What @path can hold in each reader. */
static void note_types(struct subject *subject, const struct path *path)
{
    for (size_t i = 0; i < subject->reader_count; i++) {
        const struct type *type = path_type(path, i);

        subject->types[i] = type;
        if (type != NULL) {
            note_type(subject, i, type);
        }
    }
}

static void hold_everywhere(struct subject *subject, unsigned holds)
{
    for (size_t i = 0; i < subject->reader_count; i++) {
        subject->holds[i] = holds;
    }
}

/* With {record: name} every event type is known; the full names are names for the same. */
static void note_record_names(struct subject *subject, const struct readers *readers)
{
    hold_everywhere(subject, HOLDS_SYMBOL);
    for (size_t i = 0; i < readers->count; i++) {
        const struct type *root = readers->schemas[i]->root;
        size_t count = root->kind == TYPE_UNION ? root->branch_count : 1;

        for (size_t j = 0; j < count; j++) {
            const struct type *one = root->kind == TYPE_UNION ? root->branches[j] : root;
            struct span name = event_record_name(one, NULL);

            if (name.len > 0) {
                add_name(subject, mem_text(name));
            }
            if (name.len > 0 && name.len < one->name.len) {
                add_name(subject, mem_text(one->name));
            }
        }
    }
}

/* The event type: text, an enum's symbols, or the names of the records. An error in event.type is
 * reported where it stands, not here. */
static void note_event(struct subject *subject, const struct config *config,
                       const struct readers *readers)
{
    struct path *path = NULL;

    if (config->event.is_type_record_name) {
        note_record_names(subject, readers);
    } else if (path_compile(readers, config->event.type, &path, NULL) == ERR_OK) {
        note_types(subject, path);
        path_free(path);
    } else {
        hold_everywhere(subject, HOLDS_TEXT);
    }
}

/* True when @name is one of the words that reach the Kafka side. */
static bool read_word(struct subject *subject, struct span name)
{
    static const struct {
        const char *word;
        enum subject_kind kind;
    } words[] = {
        {"event", SUBJECT_EVENT},
        {"key", SUBJECT_KEY},
        {"topic", SUBJECT_TOPIC},
        {"age", SUBJECT_AGE},
    };

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (span_is(name, words[i].word)) {
            subject->kind = words[i].kind;
            return true;
        }
    }
    if (span_starts(name, SPAN("headers."))) {
        subject->kind = SUBJECT_HEADER;
        subject->argument = span_sub(name, sizeof("headers.") - 1, name.len);
        return true;
    }
    return false;
}

static bool read_path(struct subject *subject, struct place place, const struct readers *readers,
                      struct diags *diags)
{
    struct span path;
    struct err err = {0};

    subject->kind =
        origin_split(subject->name, &path, &subject->argument) ? SUBJECT_PARAMETER : SUBJECT_PATH;
    if (subject->kind == SUBJECT_PARAMETER && subject->argument.len == 0) {
        diag_error(diags, place, "a query parameter is missing behind the '?': write PATH?NAME");
        return false;
    }
    if (path_compile(readers, path, &subject->path, &err) != ERR_OK) {
        diag_error(diags, place, "%s", err.text);
        return false;
    }
    note_types(subject, subject->path);
    if (subject->kind == SUBJECT_PATH) {
        return true;
    }
    for (size_t i = 0; i < subject->reader_count; i++) {
        if (subject->types[i] == NULL) {
            continue;
        }
        if ((subject->holds[i] & HOLDS_TEXT) == 0) {
            diag_error(diags, place,
                       "'" SPAN_FMT "' is of type %s; a query parameter is taken from a URL, "
                       "which is a string",
                       SPAN_ARG(path), type_word(subject->types[i]->kind));
            return false;
        }
        subject->holds[i] = HOLDS_TEXT;
    }
    return true;
}

struct subject *subject_compile(struct span name, struct place place, const struct config *config,
                                const struct readers *readers, struct diags *diags)
{
    struct subject *subject = mem_new(struct subject);

    subject->name = name;
    subject->reader_count = readers->count;
    subject->types = mem_array(readers->count, const struct type *);
    subject->holds = mem_array(readers->count, unsigned);
    if (!read_word(subject, name)) {
        if (read_path(subject, place, readers, diags)) {
            return subject;
        }
        subject_free(subject);
        return NULL;
    }
    if (subject->kind == SUBJECT_HEADER && subject->argument.len == 0) {
        diag_error(diags, place, "the name of the header is missing: write headers.NAME");
        subject_free(subject);
        return NULL;
    }
    if (subject->kind == SUBJECT_EVENT) {
        note_event(subject, config, readers);
    } else {
        hold_everywhere(subject, subject->kind == SUBJECT_AGE ? HOLDS_AGE : HOLDS_TEXT);
    }
    return subject;
}

void subject_free(struct subject *subject)
{
    if (subject == NULL) {
        return;
    }
    for (size_t i = 0; i < subject->name_count; i++) {
        free((char *)subject->names[i]);
    }
    free(subject->names);
    free(subject->types);
    free(subject->holds);
    path_free(subject->path);
    free(subject);
}

unsigned subject_holds(const struct subject *subject)
{
    unsigned all = 0;

    for (size_t i = 0; i < subject->reader_count; i++) {
        all |= subject->holds[i];
    }
    return all;
}

bool subject_is_certain(const struct subject *subject, size_t reader)
{
    switch (subject->kind) {
    case SUBJECT_EVENT:
    case SUBJECT_TOPIC:
    case SUBJECT_AGE:
        return true;
    case SUBJECT_PATH:
        return path_is_certain(subject->path, reader);
    case SUBJECT_KEY:
    case SUBJECT_HEADER:
    case SUBJECT_PARAMETER:
        break;
    }
    return false;
}

static void see_text(struct span text, struct seen *out)
{
    *out = (struct seen){.kind = text.ptr == NULL ? SEEN_MISSING : SEEN_TEXT, .text = text};
}

static void see_value(const struct value *value, const struct type *type, struct seen *out)
{
    *out = (struct seen){.kind = SEEN_OTHER};
    switch ((enum value_kind)value->kind) {
    case VALUE_STRING:
    case VALUE_ENUM:
        out->kind = SEEN_TEXT;
        out->text = value_text(value);
        return;
    case VALUE_BOOL:
        out->kind = SEEN_BOOL;
        out->boolean = value->i != 0;
        return;
    case VALUE_INT:
    case VALUE_LONG:
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
    case VALUE_BYTES:
    case VALUE_FIXED:
        if (scalar_number(value, type, &out->number)) {
            type = scalar_type(type, value);
            out->kind = SEEN_NUMBER;
            out->is_float = value->kind == VALUE_FLOAT;
            out->logical = type == NULL ? LOGICAL_NONE : type->logical;
        }
        return;
    case VALUE_NULL:
        out->kind = SEEN_MISSING;
        return;
    case VALUE_ARRAY:
    case VALUE_MAP:
    case VALUE_RECORD:
        return;
    }
}

static void see_path(const struct subject *subject, const struct event_view *view,
                     struct arena *arena, struct seen *out)
{
    const struct value *value = path_get(subject->path, view->reader, view->root);

    *out = (struct seen){.kind = SEEN_MISSING};
    if (value == NULL) {
        return;
    }
    if (subject->kind == SUBJECT_PATH) {
        see_value(value, subject->types[view->reader], out);
    } else if (value->kind == VALUE_STRING) {
        see_text(url_query_get(value_text(value), subject->argument, arena), out);
    }
}

void subject_see(const struct subject *subject, const struct event_view *view, struct arena *arena,
                 struct seen *out)
{
    const struct message_view *message = view->message;

    switch (subject->kind) {
    case SUBJECT_EVENT:
        see_text(view->facts.type, out);
        return;
    case SUBJECT_KEY:
        see_text(message->key, out);
        return;
    case SUBJECT_TOPIC:
        see_text(message->topic, out);
        return;
    case SUBJECT_AGE:
        *out = (struct seen){.kind = SEEN_NUMBER,
                             .number = numeric_of_i64(view->now_ms - view->facts.time_ms)};
        return;
    case SUBJECT_HEADER:
        see_text(message->header == NULL
                     ? SPAN_NONE
                     : message->header(message->header_context, subject->argument),
                 out);
        return;
    case SUBJECT_PATH:
    case SUBJECT_PARAMETER:
        see_path(subject, view, arena, out);
        return;
    }
}
