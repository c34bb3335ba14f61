/**
 * elements - the array that `each: PATH` of a driver's map names, and what its elements are.
 *
 * The path starts at the record, or at the element of an array around it. Each reader has an
 * element type of its own. Made at the start, immutable then; owned by the map. Errors are diags
 * with their place.
 */
#ifndef EVENT_ELEMENTS_H
#define EVENT_ELEMENTS_H

#include "base/diag.h"
#include "config/yaml.h"
#include "schema/path.h"

struct elements {
    struct path *path;         /* owned; to the array */
    const struct type **types; /* owned; of an element, by reader; NULL where it is no array */
};

/** @around: the types, by reader, from which the path starts; NULL: the records. False with an
 * error; @out is to be freed whatever comes back. */
bool elements_compile(const struct yaml_node *node, const struct readers *readers,
                      const struct type *const *around, struct elements *out, struct diags *diags);
void elements_fini(struct elements *elements);

#endif /* EVENT_ELEMENTS_H */
