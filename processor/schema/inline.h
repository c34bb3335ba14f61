/**
 * inline - put definitions from other files where a schema first names them.
 *
 * Private to this room. Document order rules, as everywhere in Avro: a definition stands
 * at its first use and is named from then on. Files may refer to files; a circle of
 * files is refused, because none of them could be first.
 *
 * The caller owns the documents. One thread.
 */
#ifndef SCHEMA_INLINE_H
#define SCHEMA_INLINE_H

#include "schema/memory.h"

/** @out, the caller's, is @document with @references put in. @document is borrowed. */
NODISCARD enum err_code schema_inline(json_t *document, const struct schema_rules *rules,
                                      const struct schema_reference *references, size_t count,
                                      json_t **out, struct err *err);

#endif /* SCHEMA_INLINE_H */
