/**
 * build - the graph of types from a schema's JSON, with everything that is wrong refused.
 *
 * Private to this room. Avro C lets pass what would hurt later (a fixed of size -2, the
 * same name twice, a record that holds itself); what stands here is checked before it
 * sees the text.
 *
 * The caller owns the arena, and with it the graph. One thread for each schema. ERR_DATA names
 * the place in the schema, ERR_LIMIT the bound.
 */
#ifndef SCHEMA_BUILD_H
#define SCHEMA_BUILD_H

#include "schema/field_default.h"
#include "schema/memory.h"

enum { FIXED_BYTES_MAX = 1024 * 1024, UNION_BRANCHES_MAX = 255 };

/** The type of @document in @arena. The defaults of fields are noted in @defaults, to be read when
 * the graph is complete; a writer's are not. */
NODISCARD enum err_code schema_build(const json_t *document, const struct schema_rules *rules,
                                     struct arena *arena, struct defaults *defaults,
                                     const struct type **out, struct err *err);

/** A whole number; 16.0 is one, too: so numbers come when the text has others past 64 bits. */
bool json_whole(const json_t *node, json_int_t *out);
/** The logical type of @node, precision and scale, into @type when they fit it; else none. */
void logical_read(const json_t *node, struct type *type);
/** What Kafka Connect and Debezium write instead: connect.name. */
void logical_read_connect(const json_t *node, struct type *type);

#endif /* SCHEMA_BUILD_H */
