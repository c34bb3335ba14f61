/**
 * avro_name - Avro's names: full name, namespace, what is well-formed. Private to this room.
 *
 * Owns nothing, no state; any thread.
 */
#ifndef SCHEMA_AVRO_NAME_H
#define SCHEMA_AVRO_NAME_H

#include <jansson.h>

#include "base/buf.h"
#include "schema/schema.h"

enum { NAME_BYTES_MAX = 1024 };

/** The kind a type's word stands for; false when it is none ("string", "record", "union" is none).
 */
bool type_kind_of(struct span word, enum type_kind *out);
bool type_kind_is_primitive(enum type_kind kind);
/** [A-Za-z_][A-Za-z0-9_]* */
bool name_is_valid(struct span name);
/** Such names joined by dots. */
bool full_name_is_valid(struct span name);
/** What a writer's name must be: some text without control characters, of bounded length. */
bool name_is_harmless(struct span name);
/** All before the last dot; empty when there is none. */
struct span name_space_of(struct span full_name);
/** @name as it is when it has a dot or @space is empty, else "space.name". Written over @out. */
struct span name_qualify(struct span space, struct span name, struct buf *out);
/** The full name of the definition @node met inside @space, written over @out; SPAN_NONE when it
 * has no name. */
struct span name_of_definition(const json_t *node, struct span space, struct buf *out);

#endif /* SCHEMA_AVRO_NAME_H */
