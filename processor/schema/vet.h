/**
 * vet - is this text small, flat and well-formed enough to look at? Private to this room.
 *
 * No state; any thread.
 */
#ifndef SCHEMA_VET_H
#define SCHEMA_VET_H

#include "schema/memory.h"

/** Parse @text as JSON after its size and nesting are known to be harmless; the caller owns @out.
 * ERR_LIMIT or ERR_DATA with line and column. */
NODISCARD enum err_code schema_json_load(struct span text, const struct schema_rules *rules,
                                         json_t **out, struct err *err);
/** Where and why @text is no JSON, for a person who looks at the file; NULL when it is, or when it
 * is not even looked at (schema_json_load() says why). */
const char *schema_json_problem(struct span text, unsigned *line, unsigned *column);
/** The same for any JSON text, with its own bounds. @what begins the error ("schema"). */
NODISCARD enum err_code json_load_bounded(struct span text, size_t bytes_max, size_t nesting_max,
                                          const char *what, json_t **out, struct err *err);

#endif /* SCHEMA_VET_H */
