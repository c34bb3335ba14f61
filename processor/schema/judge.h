/**
 * judge - asks Avro C whether a schema is valid. Private to this room.
 *
 * Avro C has one error text for all threads: a lock in this file guards it. Any thread.
 */
#ifndef SCHEMA_JUDGE_H
#define SCHEMA_JUDGE_H

#include "schema/memory.h"

/** ERR_DATA with Avro C's own text when it does not take @document. Only what is a matter of types
 * is shown to it: it ignores defaults, aliases and docs, and would stumble over a NUL in one. */
NODISCARD enum err_code schema_judge(const json_t *document, struct err *err);

#endif /* SCHEMA_JUDGE_H */
