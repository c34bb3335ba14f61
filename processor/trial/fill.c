#include "trial/fill.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { PATH_BYTES = 512, TYPE_DEPTH_MAX = 70, ENOUGH_ITEMS = 1000 };

/* Where the walk is. */
struct walk {
    const struct fill *fill;
    char path[PATH_BYTES]; /* dotted; fields only */
    size_t path_bytes;
    struct invention invention;
    size_t items;
    bool is_too_large;
};

static struct value build(struct walk *walk, const struct type *type, unsigned depth);

static struct span here(const struct walk *walk)
{
    return (struct span){walk->path, walk->path_bytes};
}

static bool is_at(const struct walk *walk, struct span path)
{
    return path.len > 0 && span_eq(here(walk), path);
}

/* Does @path lie at or below here? */
static bool leads_to(const struct walk *walk, struct span path)
{
    return path.len >= walk->path_bytes && walk->path_bytes > 0 && span_starts(path, here(walk)) &&
           (path.len == walk->path_bytes || path.ptr[walk->path_bytes] == '.');
}

static bool is_needed(const struct walk *walk)
{
    const struct fill_paths *paths = walk->fill->paths;

    return leads_to(walk, paths->type) || leads_to(walk, paths->id) ||
           leads_to(walk, paths->time) ||
           (walk->fill->has_value &&
            (leads_to(walk, paths->value) ||
             (walk->fill->currency.ptr != NULL && leads_to(walk, paths->currency))));
}

/* Deep or large enough: what may stay empty does, from here on. */
static bool is_enough(const struct walk *walk, unsigned depth)
{
    return depth >= FILL_DEPTH || walk->items >= ENOUGH_ITEMS;
}

static void *take(struct walk *walk, size_t count, size_t bytes_each)
{
    void *out = NULL;

    walk->items += count;
    if (walk->items <= FILL_ITEMS) {
        out = arena_alloc(walk->fill->arena, count * bytes_each + 1);
    }
    walk->is_too_large = walk->is_too_large || out == NULL;
    return out;
}

static struct value text_value(enum value_kind kind, struct span text)
{
    return (struct value){
        .kind = (uint8_t)kind, .len = (uint32_t)text.len, .p = text.ptr == NULL ? "" : text.ptr};
}

static struct span find_text(struct walk *walk)
{
    const struct fill *fill = walk->fill;
    char iso[CLOCK_ISO_BYTES];

    if (is_at(walk, fill->paths->type)) {
        return arena_copy(fill->arena, fill->visit->type);
    }
    if (is_at(walk, fill->paths->id)) {
        return arena_copy(fill->arena, fill->event_id);
    }
    if (is_at(walk, fill->paths->time)) {
        return arena_copy(fill->arena, span_of(clock_iso(fill->now_ms, iso)));
    }
    if (fill->currency.ptr != NULL && is_at(walk, fill->paths->currency)) {
        return arena_copy(fill->arena, fill->currency);
    }
    return invent_text(&walk->invention);
}

/* An id that has to be a number is the event's number behind the seed's. */
static bool find_number(struct walk *walk, double *out)
{
    if (is_at(walk, walk->fill->paths->id)) {
        *out = (double)(walk->fill->index + 1);
        return true;
    }
    if (is_at(walk, walk->fill->paths->time)) {
        *out = (double)walk->fill->now_ms / 1000.0;
        return true;
    }
    if (walk->fill->has_value && is_at(walk, walk->fill->paths->value)) {
        *out = walk->fill->value;
        return true;
    }
    return invent_number(&walk->invention, out);
}

static int64_t find_integer(struct walk *walk, const struct type *type, bool *is_absent)
{
    int64_t now_ms = walk->fill->now_ms;
    bool is_long = type->kind == TYPE_LONG;
    double number = 0.0;

    switch (type->logical) {
    case LOGICAL_DATE:
        return now_ms / 86400000;
    case LOGICAL_TIME_MILLIS:
        return now_ms % 86400000;
    case LOGICAL_TIME_MICROS:
        return now_ms % 86400000 * 1000;
    case LOGICAL_TIMESTAMP_MILLIS:
    case LOGICAL_LOCAL_TIMESTAMP_MILLIS:
        return now_ms;
    case LOGICAL_TIMESTAMP_MICROS:
    case LOGICAL_LOCAL_TIMESTAMP_MICROS:
        return now_ms * 1000;
    case LOGICAL_NONE:
    case LOGICAL_DECIMAL:
    case LOGICAL_UUID:
    case LOGICAL_DURATION:
        break;
    }
    if (is_long && is_at(walk, walk->fill->paths->time)) {
        return now_ms;
    }
    *is_absent = !find_number(walk, &number);
    number = trunc(number);
    return number > INT32_MAX && !is_long ? INT32_MAX : (int64_t)number;
}

/* Big-endian two's complement of number * 10^scale, within the precision. */
static struct value decimal_value(struct walk *walk, const struct type *type, double number)
{
    double most = pow(10.0, MIN_OF(type->precision, 18u)) - 1.0;
    double scaled = round(number * pow(10.0, type->scale));
    int64_t unscaled = (int64_t)(scaled > most ? most : scaled);
    size_t bytes = type->kind == TYPE_FIXED ? type->fixed_bytes : 8;
    char *out = take(walk, bytes, 1);

    for (size_t i = 0; out != NULL && i < bytes; i++) {
        size_t shift = (bytes - 1 - i) * 8;

        out[i] = (char)(shift > 56 ? 0 : (uint64_t)unscaled >> shift);
    }
    return text_value(type->kind == TYPE_FIXED ? VALUE_FIXED : VALUE_BYTES,
                      (struct span){out, out == NULL ? 0 : bytes});
}

static struct value bytes_value(struct walk *walk, const struct type *type)
{
    size_t bytes = type->kind == TYPE_FIXED ? type->fixed_bytes
                                            : 4 + (size_t)rng_below(&walk->fill->visit->rng, 12);
    double number = 0.0;
    char *out;

    if (type->logical == LOGICAL_DECIMAL) {
        (void)find_number(walk, &number); /* zero where the visit has none */
        return decimal_value(walk, type, number);
    }
    out = take(walk, bytes, 1);
    for (size_t i = 0; out != NULL && i < bytes; i++) {
        out[i] = (char)rng_next(&walk->fill->visit->rng);
    }
    return text_value(type->kind == TYPE_FIXED ? VALUE_FIXED : VALUE_BYTES,
                      (struct span){out, out == NULL ? 0 : bytes});
}

static struct value enum_value(struct walk *walk, const struct type *type)
{
    size_t pick = zipf_draw(&walk->fill->visit->rng, type->symbol_count);
    struct value value;

    for (size_t i = 0; is_at(walk, walk->fill->paths->type) && i < type->symbol_count; i++) {
        if (span_eq(type->symbols[i], walk->fill->visit->type)) {
            pick = i;
        }
    }
    value = text_value(VALUE_ENUM, type->symbols[pick]);
    value.aux = (uint16_t)pick;
    return value;
}

static struct value bool_value(struct walk *walk)
{
    bool is_consent = meanings_is_consent(walk->fill->meanings, here(walk), false);

    if (is_consent && walk->fill->is_asked != NULL) {
        *walk->fill->is_asked = true;
    }
    return (struct value){.kind = VALUE_BOOL,
                          .i =
                              is_consent ? walk->fill->has_consent : invent_bool(&walk->invention)};
}

static struct value array_value(struct walk *walk, const struct type *type, unsigned depth)
{
    const struct product *outer = walk->invention.product;
    bool is_products = outer == NULL && invent_is_products(&walk->invention);
    size_t count = is_products ? walk->fill->visit->product_count
                               : (size_t)rng_below(&walk->fill->visit->rng, 3);
    struct value *items = NULL;

    count = is_enough(walk, depth) ? 0 : count;
    items = take(walk, count, sizeof(*items));
    count = items == NULL ? 0 : count;
    for (size_t i = 0; i < count; i++) {
        if (is_products) {
            walk->invention.product = &walk->fill->visit->products[i];
        }
        items[i] = build(walk, type->items, depth + 1);
    }
    walk->invention.product = outer;
    return (struct value){.kind = VALUE_ARRAY, .len = (uint32_t)count, .items = items};
}

static struct value map_value(struct walk *walk, const struct type *type, unsigned depth)
{
    static const char *const keys[] = {"source", "session_id", "variant"};
    size_t count = is_enough(walk, depth) ? 0 : (size_t)rng_below(&walk->fill->visit->rng, 3);
    const struct invention outer = walk->invention;
    struct value *items = take(walk, 2 * count, sizeof(*items));

    walk->invention.meaning = SPAN_NONE;

    count = items == NULL ? 0 : count;
    for (size_t i = 0; i < count; i++) {
        walk->invention.field = span_of(keys[i]);
        items[2 * i] = text_value(VALUE_STRING, walk->invention.field);
        items[2 * i + 1] = build(walk, type->items, depth + 1);
    }
    walk->invention = outer;
    return (struct value){.kind = VALUE_MAP, .len = (uint32_t)count, .items = items};
}

static size_t step_down(struct walk *walk, struct span name)
{
    size_t before = walk->path_bytes;
    size_t dot = before == 0 ? 0 : 1;

    if (before + dot + name.len < PATH_BYTES) {
        memcpy(walk->path + before, ".", dot);
        memcpy(walk->path + before + dot, name.ptr, name.len);
        walk->path_bytes += dot + name.len;
    }
    return before;
}

static struct value record_value(struct walk *walk, const struct type *type, unsigned depth)
{
    const struct invention outer = walk->invention;
    struct value *fields = take(walk, type->field_count, sizeof(*fields));

    for (size_t i = 0; fields != NULL && i < type->field_count; i++) {
        size_t before = step_down(walk, type->fields[i].name);

        walk->invention.field = type->fields[i].name;
        walk->invention.meaning = meanings_find(walk->fill->meanings, here(walk));
        fields[i] = build(walk, type->fields[i].type, depth + 1);
        walk->path_bytes = before;
    }
    walk->invention = outer;
    return (struct value){.kind = VALUE_RECORD,
                          .len = fields == NULL ? 0 : (uint32_t)type->field_count,
                          .items = fields};
}

static size_t null_branch(const struct type *type)
{
    for (size_t i = 0; i < type->branch_count; i++) {
        if (type->branches[i]->kind == TYPE_NULL) {
            return i;
        }
    }
    return type->branch_count;
}

/* True when the visit has nothing to say for a text or number of this name. */
static bool is_wanting(struct walk *walk, const struct type *type)
{
    struct rng before = walk->fill->visit->rng; /* looking draws nothing */
    bool is_absent = false;
    double number;

    if (type->kind == TYPE_STRING && type->logical != LOGICAL_UUID) {
        is_absent = find_text(walk).ptr == NULL;
    } else if (type->kind == TYPE_FLOAT || type->kind == TYPE_DOUBLE) {
        is_absent = !find_number(walk, &number);
    } else if (type->kind == TYPE_INT || type->kind == TYPE_LONG) {
        (void)find_integer(walk, type, &is_absent);
    }
    walk->fill->visit->rng = before;
    return is_absent;
}

/* A branch that does not go deeper, where there is one. */
static size_t flat_branch(const struct type *type)
{
    for (size_t i = 0; i < type->branch_count; i++) {
        if (type->branches[i]->kind != TYPE_RECORD) {
            return i;
        }
    }
    return 0;
}

static size_t pick_branch(struct walk *walk, const struct type *type, unsigned depth)
{
    size_t null_at = null_branch(type);
    bool has_null = null_at < type->branch_count;
    size_t pick;

    if (is_enough(walk, depth) && !is_needed(walk)) {
        return has_null ? null_at : flat_branch(type);
    }
    if (has_null && type->branch_count == 1) {
        return null_at;
    }
    pick = zipf_draw(&walk->fill->visit->rng, type->branch_count - (has_null ? 1 : 0));
    pick += has_null && pick >= null_at ? 1 : 0;
    if (has_null && !is_needed(walk) &&
        (is_wanting(walk, type->branches[pick]) ||
         (!meanings_is_consent(walk->fill->meanings, here(walk), true) &&
          rng_below(&walk->fill->visit->rng, 20) == 0))) {
        return null_at;
    }
    return pick;
}

static struct value union_value(struct walk *walk, const struct type *type, unsigned depth)
{
    size_t pick = pick_branch(walk, type, depth);
    struct value value = build(walk, type->branches[pick], depth + 1);

    value.branch = (uint8_t)pick;
    return value;
}

static struct value scalar(struct walk *walk, const struct type *type)
{
    struct value value = {.kind = VALUE_NULL};
    bool is_absent = false;

    if (type->kind == TYPE_INT || type->kind == TYPE_LONG) {
        value.kind = type->kind == TYPE_INT ? VALUE_INT : VALUE_LONG;
        value.i = find_integer(walk, type, &is_absent);
    } else if (type->kind == TYPE_FLOAT || type->kind == TYPE_DOUBLE) {
        value.kind = type->kind == TYPE_FLOAT ? VALUE_FLOAT : VALUE_DOUBLE;
        value.d = 0.0;
        if (!find_number(walk, &value.d)) {
            value.d = 0.0;
        }
        value.d = type->kind == TYPE_FLOAT ? (double)(float)value.d : value.d;
    } else if (type->kind == TYPE_STRING) {
        value =
            text_value(VALUE_STRING, type->logical == LOGICAL_UUID ? invent_uuid(&walk->invention)
                                                                   : find_text(walk));
    }
    return value;
}

/* Recursion ends: types nest to 64 at most, recursive ones go through union, list or map, and
 * those stop at FILL_DEPTH. */
static struct value build(struct walk *walk, const struct type *type, unsigned depth)
{
    walk->is_too_large = walk->is_too_large || depth > FILL_DEPTH + 3 * TYPE_DEPTH_MAX;
    if (walk->is_too_large) {
        return (struct value){.kind = VALUE_NULL};
    }
    switch (type->kind) {
    case TYPE_BOOL:
        return bool_value(walk);
    case TYPE_BYTES:
    case TYPE_FIXED:
        return bytes_value(walk, type);
    case TYPE_ENUM:
        return enum_value(walk, type);
    case TYPE_ARRAY:
        return array_value(walk, type, depth);
    case TYPE_MAP:
        return map_value(walk, type, depth);
    case TYPE_RECORD:
        return record_value(walk, type, depth);
    case TYPE_UNION:
        return union_value(walk, type, depth);
    case TYPE_NULL:
    case TYPE_INT:
    case TYPE_LONG:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_STRING:
        break;
    }
    return scalar(walk, type);
}

enum err_code fill_value(const struct fill *fill, const struct type *type, struct value *out,
                         struct err *err)
{
    struct walk walk = {.fill = fill};

    walk.invention = (struct invention){.cache = fill->cache,
                                        .visit = fill->visit,
                                        .arena = fill->arena,
                                        .field = SPAN("value"),
                                        .now_ms = fill->now_ms,
                                        .index = fill->index};
    *out = build(&walk, type, 0);
    if (walk.is_too_large) {
        return FAIL(err, ERR_LIMIT, "the smallest value of this schema has more than %d parts",
                    FILL_ITEMS);
    }
    return ERR_OK;
}
