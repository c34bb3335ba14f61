#include "schema/resolve.h"

#include "schema/memory.h"

bool resolve_names(const struct type *writer, const struct type *reader)
{
    struct span name = type_short_name(writer->name);

    if (span_eq(name, type_short_name(reader->name))) {
        return true;
    }
    for (size_t i = 0; i < reader->alias_count; i++) {
        if (span_eq(name, type_short_name(reader->aliases[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_promotion(enum type_kind from, enum type_kind to)
{
    static const uint32_t promotions[] = {
        [TYPE_INT] = 1u << TYPE_LONG | 1u << TYPE_FLOAT | 1u << TYPE_DOUBLE,
        [TYPE_LONG] = 1u << TYPE_FLOAT | 1u << TYPE_DOUBLE,
        [TYPE_FLOAT] = 1u << TYPE_DOUBLE,
        [TYPE_STRING] = 1u << TYPE_BYTES,
        [TYPE_BYTES] = 1u << TYPE_STRING,
        [TYPE_UNION] = 0,
    };

    return (promotions[from] & 1u << to) != 0;
}

/* Logical types of one family are the same thing, some counted in thousandths and some in
 * millionths of a second. */
enum family { NO_TIME, POINT_IN_TIME, TIME_OF_DAY };

static enum family family_of(enum logical_type logical, bool *is_micros)
{
    *is_micros = logical == LOGICAL_TIMESTAMP_MICROS || logical == LOGICAL_LOCAL_TIMESTAMP_MICROS ||
                 logical == LOGICAL_TIME_MICROS;
    switch (logical) {
    case LOGICAL_TIMESTAMP_MILLIS:
    case LOGICAL_TIMESTAMP_MICROS:
    case LOGICAL_LOCAL_TIMESTAMP_MILLIS: /* what its zone is, neither schema says */
    case LOGICAL_LOCAL_TIMESTAMP_MICROS:
        return POINT_IN_TIME;
    case LOGICAL_TIME_MILLIS:
    case LOGICAL_TIME_MICROS:
        return TIME_OF_DAY;
    case LOGICAL_NONE:
    case LOGICAL_DECIMAL:
    case LOGICAL_UUID:
    case LOGICAL_DATE:
    case LOGICAL_DURATION:
        break;
    }
    return NO_TIME;
}

enum time_step resolve_time(const struct type *writer, const struct type *reader)
{
    bool is_from_micros;
    bool is_to_micros;
    enum family family = family_of(writer->logical, &is_from_micros);

    if (family == NO_TIME || family != family_of(reader->logical, &is_to_micros) ||
        is_from_micros == is_to_micros) {
        return TIME_AS_IS;
    }
    return is_to_micros ? TIME_TO_MICROS : TIME_TO_MILLIS;
}

bool resolve_logical(const struct type *writer, const struct type *reader)
{
    bool is_micros;
    enum family family = family_of(writer->logical, &is_micros);

    if (reader->logical == LOGICAL_DECIMAL && writer->kind != reader->kind) {
        return false; /* text promoted to bytes: its letters are no number */
    }
    if (writer->logical == LOGICAL_NONE || reader->logical == LOGICAL_NONE) {
        return true; /* the number or bytes as they are, meaning what the reader says */
    }
    if (writer->logical == LOGICAL_DECIMAL && reader->logical == LOGICAL_DECIMAL) {
        return writer->scale == reader->scale && writer->precision <= reader->precision;
    }
    return writer->logical == reader->logical ||
           (family != NO_TIME && family == family_of(reader->logical, &is_micros));
}

bool resolve_top(const struct type *writer, const struct type *reader)
{
    if (!resolve_logical(writer, reader)) {
        return false;
    }
    if (writer->kind != reader->kind) {
        return is_promotion(writer->kind, reader->kind);
    }
    if (!type_is_named(writer)) {
        return true;
    }
    return resolve_names(writer, reader) &&
           (writer->kind != TYPE_FIXED || writer->fixed_bytes == reader->fixed_bytes);
}

enum closeness { APART, PROMOTED, RENAMED, SAME };

static enum closeness compare(const struct type *writer, const struct type *reader)
{
    if (!resolve_top(writer, reader)) {
        return APART;
    }
    if (writer->kind != reader->kind) {
        return PROMOTED;
    }
    return span_eq(writer->name, reader->name) ? SAME : RENAMED;
}

bool resolve_branch(const struct type *writer, const struct type *reader, size_t *branch)
{
    enum closeness best = APART;

    for (size_t i = 0; i < reader->branch_count; i++) {
        enum closeness here = compare(writer, reader->branches[i]);

        if (here > best) {
            best = here;
            *branch = i;
        }
    }
    return best != APART;
}

static bool has_alias(const struct field *field, struct span name)
{
    for (size_t i = 0; i < field->alias_count; i++) {
        if (span_eq(field->aliases[i], name)) {
            return true;
        }
    }
    return false;
}

const struct field *resolve_field(const struct type *reader, struct span field, size_t hint,
                                  size_t *index)
{
    if (hint < reader->field_count && span_eq(reader->fields[hint].name, field)) {
        *index = hint;
        return &reader->fields[hint];
    }
    if (type_field(reader, field, index) != NULL) {
        return &reader->fields[*index];
    }
    for (size_t i = 0; i < reader->field_count; i++) {
        if (has_alias(&reader->fields[i], field)) {
            *index = i;
            return &reader->fields[i];
        }
    }
    return NULL;
}
