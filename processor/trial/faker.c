#include "trial/faker.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 512, TYPE_DEPTH_MAX = 70, ENOUGH_ITEMS = 1000, TEXT_BYTES = 64 };

/* Where the walk is. */
struct walk {
    const struct field_hints *hints;
    struct session *session;
    struct arena *arena;
    char path[PATH_BYTES]; /* dotted; fields only */
    size_t path_bytes;
    enum hint hint; /* of the field at hand, also inside its union or list */
    size_t items;
    bool is_too_large;
};

static struct value build(struct walk *walk, const struct type *type, unsigned depth);

static struct span here(const struct walk *walk)
{
    return (struct span){walk->path, walk->path_bytes};
}

/* What detour itself reads is always there. */
static bool is_needed(const struct walk *walk)
{
    return walk->path_bytes > 0 &&
           field_hint_is_read(walk->hints, here(walk), walk->session->is_value_set);
}

/* Deep or large enough: what may stay empty does, from here on. */
static bool is_enough(const struct walk *walk, unsigned depth)
{
    return depth >= FAKER_DEPTH || walk->items >= ENOUGH_ITEMS;
}

static void *take(struct walk *walk, size_t count, size_t bytes_each)
{
    void *out = NULL;

    walk->items += count;
    if (walk->items <= FAKER_ITEMS) {
        out = arena_alloc(walk->arena, count * bytes_each + 1);
    }
    walk->is_too_large = walk->is_too_large || out == NULL;
    return out;
}

static struct value text_value(enum value_kind kind, struct span text)
{
    return (struct value){
        .kind = (uint8_t)kind, .len = (uint32_t)text.len, .p = text.ptr == NULL ? "" : text.ptr};
}

/* numbers */

/* What nothing is known of gets any number; false: the session has none. */
static bool find_number(struct walk *walk, double *out)
{
    if (walk->hint == HINT_NONE || walk->hint == HINT_CONSENT) {
        *out = (double)rng_below(&walk->session->rng, 1000);
        return true;
    }
    return session_number(walk->session, walk->hint, out);
}

static int64_t integer_of(struct walk *walk, const struct type *type)
{
    int64_t now_ms = walk->session->now_ms;
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
    if (is_long && walk->hint == HINT_TIME) {
        return now_ms;
    }
    (void)find_number(walk, &number); /* zero where the session has none */
    number = trunc(number);
    return number > INT32_MAX && !is_long ? INT32_MAX : (int64_t)number;
}

static struct value number_value(struct walk *walk, const struct type *type)
{
    struct value value = {.kind = VALUE_NULL};
    double number = 0.0;

    if (type->kind == TYPE_INT || type->kind == TYPE_LONG) {
        value.kind = type->kind == TYPE_INT ? VALUE_INT : VALUE_LONG;
        value.i = integer_of(walk, type);
    } else {
        (void)find_number(walk, &number);
        value.kind = type->kind == TYPE_FLOAT ? VALUE_FLOAT : VALUE_DOUBLE;
        value.d = type->kind == TYPE_FLOAT ? (double)(float)number : number;
    }
    return value;
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
    struct rng *rng = &walk->session->rng;
    size_t bytes = type->kind == TYPE_FIXED ? type->fixed_bytes : 4 + (size_t)rng_below(rng, 12);
    double number = 0.0;
    char *out;

    if (type->logical == LOGICAL_DECIMAL) {
        (void)find_number(walk, &number);
        return decimal_value(walk, type, number);
    }
    out = take(walk, bytes, 1);
    for (size_t i = 0; out != NULL && i < bytes; i++) {
        out[i] = (char)rng_next(rng);
    }
    return text_value(type->kind == TYPE_FIXED ? VALUE_FIXED : VALUE_BYTES,
                      (struct span){out, out == NULL ? 0 : bytes});
}

/* texts */

/* A version 4 UUID. */
static struct span draw_uuid(struct walk *walk)
{
    uint64_t high = rng_next(&walk->session->rng);
    uint64_t low = rng_next(&walk->session->rng);
    char text[TEXT_BYTES];

    (void)snprintf(text, sizeof(text), "%08llx-%04llx-4%03llx-%04llx-%012llx",
                   (unsigned long long)(high >> 32), (unsigned long long)(high >> 16 & 0xffff),
                   (unsigned long long)(high & 0xfff),
                   (unsigned long long)(0x8000 | (low >> 48 & 0x3fff)),
                   (unsigned long long)(low & 0xffffffffffff));
    return arena_copy(walk->arena, span_of(text));
}

static struct span find_text(struct walk *walk)
{
    static const char *const words[] = {"alpha", "bravo", "delta", "kilo", "lima", "ünïcode"};
    char text[TEXT_BYTES];
    struct span known;
    double number;

    if (walk->hint == HINT_NONE || walk->hint == HINT_CONSENT) {
        return span_of(words[rng_below(&walk->session->rng, COUNT_OF(words))]);
    }
    known = session_text(walk->session, walk->hint);
    if (known.ptr == NULL && session_number(walk->session, walk->hint, &number)) {
        (void)snprintf(text, sizeof(text), walk->hint == HINT_QUANTITY ? "%.0f" : "%.2f", number);
        return arena_copy(walk->arena, span_of(text));
    }
    return known;
}

/* Draws nothing: has the session anything to say for a field of this type? */
static bool is_absent(const struct walk *walk, const struct type *type)
{
    bool is_integer = type->kind == TYPE_INT || type->kind == TYPE_LONG;
    bool is_number = is_integer || type->kind == TYPE_FLOAT || type->kind == TYPE_DOUBLE;
    double number;

    if (walk->hint == HINT_NONE || walk->hint == HINT_CONSENT || type->logical != LOGICAL_NONE ||
        !(is_number || type->kind == TYPE_STRING)) {
        return false;
    }
    return !session_number(walk->session, walk->hint, &number) &&
           (is_number || session_text(walk->session, walk->hint).ptr == NULL);
}

static struct value enum_value(struct walk *walk, const struct type *type)
{
    size_t pick = zipf_draw(&walk->session->rng, type->symbol_count);
    struct value value;

    for (size_t i = 0; walk->hint == HINT_TYPE && i < type->symbol_count; i++) {
        if (span_eq(type->symbols[i], walk->session->type)) {
            pick = i;
        }
    }
    value = text_value(VALUE_ENUM, type->symbols[pick]);
    value.aux = (uint16_t)pick;
    return value;
}

static struct value bool_value(struct walk *walk)
{
    struct session *session = walk->session;
    bool is_consent = walk->hint == HINT_CONSENT;

    session->was_asked = session->was_asked || is_consent;
    return (struct value){.kind = VALUE_BOOL,
                          .i =
                              is_consent ? session->has_consent : rng_below(&session->rng, 2) == 0};
}

/* what holds others */

static struct value array_value(struct walk *walk, const struct type *type, unsigned depth)
{
    struct session *session = walk->session;
    bool are_products = session->product == NULL && walk->hint == HINT_CONTENTS;
    size_t count = are_products ? session->product_count : (size_t)rng_below(&session->rng, 3);
    struct value *items = NULL;

    count = is_enough(walk, depth) ? 0 : count;
    items = take(walk, count, sizeof(*items));
    count = items == NULL ? 0 : count;
    for (size_t i = 0; i < count; i++) {
        if (are_products) {
            session->product = &session->products[i];
        }
        items[i] = build(walk, type->items, depth + 1);
    }
    session->product = are_products ? NULL : session->product;
    return (struct value){.kind = VALUE_ARRAY, .len = (uint32_t)count, .items = items};
}

static struct value map_value(struct walk *walk, const struct type *type, unsigned depth)
{
    static const char *const keys[] = {"source", "session_id", "variant"};
    size_t count = is_enough(walk, depth) ? 0 : (size_t)rng_below(&walk->session->rng, 3);
    enum hint outer = walk->hint;
    struct value *items = take(walk, 2 * count, sizeof(*items));

    walk->hint = HINT_NONE;
    count = items == NULL ? 0 : count;
    for (size_t i = 0; i < count; i++) {
        items[2 * i] = text_value(VALUE_STRING, span_of(keys[i]));
        items[2 * i + 1] = build(walk, type->items, depth + 1);
    }
    walk->hint = outer;
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
    enum hint outer = walk->hint;
    struct value *fields = take(walk, type->field_count, sizeof(*fields));

    for (size_t i = 0; fields != NULL && i < type->field_count; i++) {
        size_t before = step_down(walk, type->fields[i].name);

        walk->hint = field_hint_of(walk->hints, here(walk));
        fields[i] = build(walk, type->fields[i].type, depth + 1);
        walk->path_bytes = before;
    }
    walk->hint = outer;
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

/* One field in twenty is null for no reason. */
static size_t pick_branch(struct walk *walk, const struct type *type, unsigned depth)
{
    size_t null_at = null_branch(type);
    bool has_null = null_at < type->branch_count;
    bool may_be_null = has_null && !is_needed(walk);
    size_t pick;

    if (is_enough(walk, depth) && !is_needed(walk)) {
        return has_null ? null_at : flat_branch(type);
    }
    if (has_null && type->branch_count == 1) {
        return null_at;
    }
    pick = zipf_draw(&walk->session->rng, type->branch_count - (has_null ? 1 : 0));
    pick += has_null && pick >= null_at ? 1 : 0;
    if (may_be_null &&
        (is_absent(walk, type->branches[pick]) || rng_below(&walk->session->rng, 20) == 0)) {
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

/* Recursion ends: types nest to 64 at most, recursive ones go through union, list or map, and
 * those stop at FAKER_DEPTH. */
static struct value build(struct walk *walk, const struct type *type, unsigned depth)
{
    walk->is_too_large = walk->is_too_large || depth > FAKER_DEPTH + 3 * TYPE_DEPTH_MAX;
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
    case TYPE_STRING:
        return text_value(VALUE_STRING,
                          type->logical == LOGICAL_UUID ? draw_uuid(walk) : find_text(walk));
    case TYPE_INT:
    case TYPE_LONG:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        return number_value(walk, type);
    case TYPE_NULL:
        break;
    }
    return (struct value){.kind = VALUE_NULL};
}

enum err_code faker_value(const struct field_hints *hints, struct session *session,
                          struct arena *arena, const struct type *type, struct value *out,
                          struct err *err)
{
    struct walk walk = {.hints = hints, .session = session, .arena = arena};

    *out = build(&walk, type, 0);
    if (walk.is_too_large) {
        return FAIL(err, ERR_LIMIT, "the smallest value of this schema has more than %d parts",
                    FAKER_ITEMS);
    }
    return ERR_OK;
}
