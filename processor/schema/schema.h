/**
 * schema - an Avro schema: vetted, judged by Avro C, and kept as a graph of types.
 *
 * Avro C decides what a valid schema is (avro_schema_from_json_length); it drops
 * defaults, aliases, enum defaults and logical types (1.11.1), so the graph is built
 * from the same JSON by jansson. Vetted before Avro C sees it: <= schemas.max_bytes,
 * nesting <= 64, fixed 0..1 MiB, unions <= 255 branches, non-empty enums and unions, no
 * duplicate names, recursion only through union, array or map. Avro C keeps one
 * static error text for all threads, so parsing takes a process-wide lock.
 *
 * A writer's schema only says how bytes were written. What plays no part in that is not
 * judged: its defaults (also of enums), its aliases, the letters of its names, a key or a
 * symbol that stands twice. Registries accept such schemas, as Java without validation
 * and fastavro do. What would make reading unsafe is refused all the same.
 */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include "base/buf.h"
#include "base/err.h"
#include "schema/value.h"

enum type_kind {
    TYPE_NULL,
    TYPE_BOOL,
    TYPE_INT,
    TYPE_LONG,
    TYPE_FLOAT,
    TYPE_DOUBLE,
    TYPE_STRING,
    TYPE_BYTES,
    TYPE_FIXED,
    TYPE_ENUM,
    TYPE_ARRAY,
    TYPE_MAP,
    TYPE_RECORD,
    TYPE_UNION,
};

enum logical_type {
    LOGICAL_NONE,
    LOGICAL_DECIMAL,
    LOGICAL_UUID,
    LOGICAL_DATE,
    LOGICAL_TIME_MILLIS,
    LOGICAL_TIME_MICROS,
    LOGICAL_TIMESTAMP_MILLIS,
    LOGICAL_TIMESTAMP_MICROS,
    LOGICAL_LOCAL_TIMESTAMP_MILLIS,
    LOGICAL_LOCAL_TIMESTAMP_MICROS,
    LOGICAL_DURATION,
    /* an unknown or misused logicalType is ignored, as the specification says */
};

struct field {
    struct span name;
    const struct type *type;
    struct span *aliases;
    size_t alias_count;
    const struct value *fallback; /* the default, decoded once; NULL when there is none */
};

/* One type. Named types may be reached many times and recursively; never freed singly. */
struct type {
    enum type_kind kind;
    enum logical_type logical;
    uint32_t precision, scale; /* decimal */
    struct span name;          /* full name of a record, enum or fixed; else the type's word */
    struct span *aliases;      /* full names */
    size_t alias_count;
    uint32_t fixed_bytes;
    struct span *symbols; /* enum */
    size_t symbol_count;
    int32_t symbol_fallback;      /* enum default: index, or -1 */
    const struct type *items;     /* array, map */
    const struct type **branches; /* union */
    size_t branch_count;
    struct field *fields; /* record */
    size_t field_count;
};

struct schema {
    const struct type *root;
    uint64_t fingerprint;         /* CRC-64-AVRO of the parsing canonical form */
    struct schema_memory *memory; /* owned: everything the graph points to */
};

/** A definition that the schema text may refer to by name (registry references, other .avsc files).
 */
struct schema_reference {
    struct span name; /* full name; may be absent, then the definition's own names count */
    struct span json;
};

/** Who asks: a reader's schema is judged in full, a writer's by what its bytes need. */
struct schema_rules {
    bool is_writer;
    size_t bytes_max; /* of one text */
};
enum { SCHEMA_TEXT_BYTES_MAX = 1024 * 1024 }; /* of one text, unless an option says otherwise */

NODISCARD enum err_code schema_parse_as(const struct schema_rules *rules, struct span json,
                                        const struct schema_reference *references,
                                        size_t reference_count, struct schema **out,
                                        struct err *err);
/** As a reader's, of at most SCHEMA_TEXT_BYTES_MAX. */
NODISCARD enum err_code schema_parse(struct span json, const struct schema_reference *references,
                                     size_t reference_count, struct schema **out, struct err *err);
void schema_free(struct schema *schema);

/** JSON text of the whole schema with references inlined (to register it, to show it). */
void schema_to_json(const struct schema *schema, struct buf *out);
const char *type_word(enum type_kind kind);
enum { TYPE_TEXT_BYTES = 200 };
/** "fixed F (decimal, precision 9, scale 2)" */
void type_describe(const struct type *type, char out[TYPE_TEXT_BYTES]);
const char *logical_word(enum logical_type logical);
/** The type itself, or the single non-null branch of a ["null", X] union; *is_nullable says which.
 */
const struct type *type_unwrap(const struct type *type, bool *is_nullable);
const struct field *type_field(const struct type *record, struct span name, size_t *index);

#endif /* SCHEMA_SCHEMA_H */
