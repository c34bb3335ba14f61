#include "event/event_view.h"

#include "base/absent.h"
#include "base/clock.h"
#include "event/scalar.h"

/* Usable times lie in the years 2000 to 2100; as seconds and as milliseconds they do not overlap,
 * which is how the two are told apart. */
#define TIME_MS_MIN INT64_C(946684800000)
#define TIME_MS_MAX INT64_C(4102444800000)
enum { MS_PER_DAY = 86400000, TYPE_BYTES_MAX = 1024 };

/* What a field may be, as a set of type kinds. */
enum {
    IS_TEXT = 1u << TYPE_STRING | 1u << TYPE_ENUM,
    IS_NUMBER = 1u << TYPE_INT | 1u << TYPE_LONG | 1u << TYPE_FLOAT | 1u << TYPE_DOUBLE,
    IS_BYTES = 1u << TYPE_BYTES | 1u << TYPE_FIXED, /* as decimal only */
};

/* Does @type, or one branch of it, belong to @kinds? (Unions nest two deep at most, see scalar.c.)
 */
static bool is_kind(const struct type *type, unsigned kinds)
{
    unsigned bit = 1u << type->kind;

    if (type->kind != TYPE_UNION) {
        return (kinds & bit) != 0 && ((bit & IS_BYTES) == 0 || type->logical == LOGICAL_DECIMAL);
    }
    for (size_t i = 0; i < type->branch_count; i++) {
        if (is_kind(type->branches[i], kinds)) {
            return true;
        }
    }
    return false;
}

/* One fact's path as configured. */
struct fact {
    const char *key; /* event.KEY */
    struct span text;
    struct place place;
    unsigned kinds;
    const char *wants; /* the kinds, for people */
};

/* A path nobody wrote has no line: the file's beginning stands for what is missing in it. */
static struct place place_of(const struct config *config, struct place place)
{
    if (place.line > 0) {
        return place;
    }
    return (struct place){place.file == NULL ? config->path : place.file, 1, 1};
}

/* A path whose field is of the wrong type in some reader cannot be used there. */
static bool check_kinds(const struct fact *fact, const struct path *path,
                        const struct readers *readers, struct diags *diags)
{
    for (size_t i = 0; i < readers->count; i++) {
        const struct type *type = path_type(path, i);

        if (type != NULL && !is_kind(type, fact->kinds)) {
            if (diags != NULL) {
                diag_error(diags, fact->place,
                           "event.%s: " SPAN_FMT " is of type %s in " SPAN_FMT ", it must be %s",
                           fact->key, SPAN_ARG(fact->text), type_word(type->kind),
                           SPAN_ARG(readers->schemas[i]->root->name), fact->wants);
            }
            return false;
        }
    }
    return true;
}

/* The compiled path, or NULL: with an error when the user wrote it, in silence when it is a default
 * that does not fit this schema. */
static struct path *compile_fact(const struct fact *fact, const struct readers *readers,
                                 struct diags *diags)
{
    bool is_default = fact->place.line == 0;
    struct path *path = NULL;
    struct err err = {0};

    if (fact->text.len == 0) {
        return NULL;
    }
    if (path_compile(readers, fact->text, &path, &err) != ERR_OK) {
        if (!is_default) {
            diag_error(diags, fact->place, "event.%s: %s", fact->key, err.text);
        }
        return NULL;
    }
    if (!check_kinds(fact, path, readers, is_default ? NULL : diags)) {
        path_free(path);
        return NULL;
    }
    return path;
}

static struct path *compile_type(const struct config *config, const struct readers *readers,
                                 struct diags *diags)
{
    const struct fact fact = {
        .key = "type",
        .text = config->event.type,
        .place = config->event.type_place,
        .kinds = IS_TEXT,
        .wants = "a string or an enum",
    };
    struct path *path = compile_fact(&fact, readers, diags);

    if (path == NULL && fact.place.line == 0) {
        diag_error(diags, place_of(config, fact.place),
                   "event.type: no reader schema has the text field '" SPAN_FMT
                   "'; name the one that holds the event type with event: {type: PATH}, or use "
                   "event: {type: {record: name}}",
                   SPAN_ARG(fact.text));
    }
    for (size_t i = 0; path != NULL && i < readers->count; i++) {
        if (path_type(path, i) == NULL) {
            diag_warning(diags, place_of(config, fact.place),
                         "event.type: " SPAN_FMT " has no field " SPAN_FMT
                         ": each of its events would be a dead letter",
                         SPAN_ARG(readers->schemas[i]->root->name), SPAN_ARG(fact.text));
        }
    }
    return path;
}

/* What is neither a point in time nor a number that could be one. */
static bool holds_no_time(const struct type *type)
{
    bool is_nullable;

    type = type_unwrap(type, &is_nullable);
    return type->logical == LOGICAL_TIME_MILLIS || type->logical == LOGICAL_TIME_MICROS ||
           type->logical == LOGICAL_UUID;
}

/* Without a time of its own an event has its record's: worth a word when the schema says so. */
static void warn_of_no_time(const struct config *config, const struct path *path,
                            const struct readers *readers, struct diags *diags)
{
    for (size_t i = 0; i < readers->count && config->event.time.len > 0; i++) {
        const struct type *type = path == NULL ? NULL : path_type(path, i);

        if (type == NULL || holds_no_time(type)) {
            diag_warning(diags, place_of(config, config->event.time_place),
                         "event.time: " SPAN_FMT " %s " SPAN_FMT
                         ": the time of its events is that of their Kafka records; name the field "
                         "with the time of the event with event: {time: PATH}",
                         SPAN_ARG(readers->schemas[i]->root->name),
                         type == NULL ? "has no usable field" : "has no point in time in",
                         SPAN_ARG(config->event.time));
        }
    }
}

void event_paths_compile(const struct config *config, const struct readers *readers,
                         struct event_paths *out, struct diags *diags)
{
    const struct fact id = {"id", config->event.id, config->event.id_place,
                            IS_TEXT | IS_NUMBER | IS_BYTES | 1u << TYPE_BOOL, "text or a number"};
    const struct fact time = {"time", config->event.time, config->event.time_place,
                              IS_NUMBER | IS_BYTES | 1u << TYPE_STRING,
                              "a timestamp, a number or text"};
    const struct fact value = {"value", config->event.value, config->event.value_place,
                               IS_NUMBER | IS_BYTES | 1u << TYPE_STRING,
                               "a number, a decimal or text"};
    const struct fact currency = {"currency", config->event.currency, config->event.currency_place,
                                  IS_TEXT, "a string or an enum"};

    *out = (struct event_paths){.is_type_record_name = config->event.is_type_record_name};
    if (!out->is_type_record_name) {
        out->type = compile_type(config, readers, diags);
    }
    out->id = compile_fact(&id, readers, diags);
    out->time = compile_fact(&time, readers, diags);
    out->value = compile_fact(&value, readers, diags);
    out->currency = compile_fact(&currency, readers, diags);
    if (out->time != NULL || time.place.line == 0) { /* else it is an error already */
        warn_of_no_time(config, out->time, readers, diags);
    }
}

void event_paths_fini(struct event_paths *paths)
{
    path_free(paths->type);
    path_free(paths->id);
    path_free(paths->time);
    path_free(paths->value);
    path_free(paths->currency);
    *paths = (struct event_paths){0};
}

struct span event_short_name(struct span full)
{
    size_t start = full.len;

    while (start > 0 && full.ptr[start - 1] != '.') {
        start--;
    }
    return span_sub(full, start, full.len);
}

struct span event_record_name(const struct type *root, const struct value *value)
{
    if (root->kind == TYPE_UNION) {
        root = scalar_type(root, value);
    }
    if (root == NULL || root->kind != TYPE_RECORD) {
        return SPAN_NONE;
    }
    return event_short_name(root->name);
}

static enum err_code read_type(const struct event_paths *paths, const struct readers *readers,
                               struct event_view *view, struct err *err)
{
    struct span type = SPAN_NONE;

    if (paths->is_type_record_name) {
        type = event_record_name(readers->schemas[view->reader]->root, view->root);
    } else if (paths->type != NULL) {
        const struct value *value = path_get(paths->type, view->reader, view->root);

        if (value != NULL && (value->kind == VALUE_STRING || value->kind == VALUE_ENUM)) {
            type = value_text(value);
        }
        if (value != NULL && value->kind == VALUE_STRING && text_is_absent(type, TEXT_FREE)) {
            type = SPAN_NONE; /* "undefined" is none; a symbol of the schema's is what it says */
        }
    }
    if (span_trim(type).len == 0) { /* blanks are no name, to people or to destinations */
        return FAIL(err, ERR_DATA, "the event has no event type");
    }
    if (type.len > TYPE_BYTES_MAX) { /* it becomes a header, a metric's label and a cell's name */
        return FAIL(err, ERR_DATA, "the event type is longer than %d bytes", TYPE_BYTES_MAX);
    }
    view->facts.type = type;
    return ERR_OK;
}

static bool is_usable(int64_t ms)
{
    return ms >= TIME_MS_MIN && ms < TIME_MS_MAX;
}

/* The number of microseconds or nanoseconds that it can only be, told by its size. */
static bool read_finer(const struct numeric *number, int64_t *ms)
{
    for (int64_t per_ms = 1000; per_ms <= 1000000; per_ms *= 1000) {
        double d = number->d / (double)per_ms;

        if (d >= (double)TIME_MS_MIN && d < (double)TIME_MS_MAX) {
            *ms = number->is_integer ? number->i / per_ms : (int64_t)d;
            return true;
        }
    }
    return false;
}

/* A plain number: nanoseconds, microseconds or milliseconds when it is large enough, else seconds.
 */
static bool read_epoch(const struct numeric *number, int64_t *ms)
{
    double d = number->d;

    if (d >= (double)TIME_MS_MIN && d < (double)TIME_MS_MAX) {
        *ms = number->is_integer ? number->i : (int64_t)d;
        return true;
    }
    if (d >= (double)TIME_MS_MIN / 1000 && d < (double)TIME_MS_MAX / 1000) {
        *ms = number->is_integer ? number->i * 1000 : (int64_t)(d * 1000 + 0.5);
        return true;
    }
    return read_finer(number, ms);
}

static bool read_time(const struct value *value, const struct type *type, int64_t *ms)
{
    struct numeric number;

    if (value->kind == VALUE_STRING) {
        struct span text = span_trim(value_text(value));

        if (clock_parse_iso(text.ptr, text.len, ms)) {
            return is_usable(*ms);
        }
    }
    if (!scalar_number(value, type, &number)) {
        return false;
    }
    type = scalar_type(type, value);
    if (type != NULL && number.is_integer) {
        if (type->logical == LOGICAL_TIMESTAMP_MILLIS ||
            type->logical == LOGICAL_LOCAL_TIMESTAMP_MILLIS) {
            *ms = number.i;
            return is_usable(*ms) || read_finer(&number, ms);
        }
        if (type->logical == LOGICAL_TIMESTAMP_MICROS ||
            type->logical == LOGICAL_LOCAL_TIMESTAMP_MICROS) {
            *ms = number.i / 1000;
            return is_usable(*ms) || read_finer(&number, ms);
        }
        if (type->logical == LOGICAL_DATE) { /* an int: days */
            *ms = number.i * MS_PER_DAY;
            return is_usable(*ms);
        }
    }
    return read_epoch(&number, ms);
}

/* Three ASCII letters, upper-cased; the copy only when it is needed. */
static enum err_code read_currency(struct span text, struct arena *arena, struct span *out)
{
    bool is_upper = true;
    char *copy;

    text = span_trim(text);
    if (text.len != 3 || text_is_absent(text, TEXT_CODE)) { /* NaN is no currency */
        return ERR_OK;
    }
    for (size_t i = 0; i < 3; i++) {
        char c = text.ptr[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))) {
            return ERR_OK;
        }
        is_upper = is_upper && c <= 'Z';
    }
    if (is_upper) {
        *out = text;
        return ERR_OK;
    }
    copy = arena_alloc(arena, 3);
    if (copy == NULL) {
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < 3; i++) {
        copy[i] = (char)(text.ptr[i] & ~0x20);
    }
    *out = (struct span){copy, 3};
    return ERR_OK;
}

/* The value at a configured path and its type; NULL when there is none. */
static const struct value *find(const struct path *path, const struct event_view *view,
                                const struct type **type)
{
    if (path == NULL) {
        return NULL;
    }
    *type = path_type(path, view->reader);
    return path_get(path, view->reader, view->root);
}

static void assume_time(struct event_view *view)
{
    int64_t ms = view->message->timestamp_ms;

    view->facts.is_time_assumed = true;
    view->facts.time_ms = ms >= 0 ? ms : view->now_ms;
}

enum err_code event_facts(const struct event_paths *paths, const struct readers *readers,
                          struct event_view *view, struct arena *arena, struct err *err)
{
    struct facts *facts = &view->facts;
    const struct type *type = NULL;
    const struct value *value;
    struct numeric number;
    enum err_code rc;

    *facts = (struct facts){0};
    rc = read_type(paths, readers, view, err);
    if (rc != ERR_OK) {
        return rc;
    }
    value = find(paths->id, view, &type);
    if (value != NULL) {
        facts->id = scalar_text(value, type, arena);
        if (text_is_absent(facts->id, TEXT_CODE)) {
            facts->id = SPAN_NONE; /* "null" as an id would make all events one */
        }
    }
    value = find(paths->time, view, &type);
    if (value == NULL || !read_time(value, type, &facts->time_ms)) {
        assume_time(view);
    }
    value = find(paths->value, view, &type);
    if (value != NULL && scalar_number(value, type, &number)) {
        facts->has_value = true;
        facts->value = number.d;
    }
    value = find(paths->currency, view, &type);
    if (value != NULL && (value->kind == VALUE_STRING || value->kind == VALUE_ENUM)) {
        rc = read_currency(value_text(value), arena, &facts->currency);
        if (rc != ERR_OK) {
            return FAIL(err, rc, "the event needs more memory than one event may take");
        }
    }
    return ERR_OK;
}
