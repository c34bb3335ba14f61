/**
 * fit - can this origin ever give what this field takes? Asked when the file is loaded, so that
 * a mapping that could only be left out of every event is an error and not a riddle.
 */
#ifndef DESTINATIONS_TIKTOK_FIT_H
#define DESTINATIONS_TIKTOK_FIT_H

#include "destinations/tiktok/fields.h"
#include "event/origin.h"

/* Where paths start. */
struct fit_base {
    const struct readers *readers;   /* NULL: types */
    const struct type *const *types; /* element types of an `each:`, by reader */
    size_t count;                    /* of readers or types */
};

/** False, with an error at the place in @diags, when @node cannot give @field a value. Paths that
 * do not exist are not its business. */
bool fit_check(const struct tiktok_field *field, const struct yaml_node *node,
               const struct fit_base *base, struct diags *diags);
/** The same for the path of event_source_id: a text, an enum or an integer. */
bool fit_check_source_id(struct span path, const struct readers *readers, struct place place,
                         struct diags *diags);

#endif /* DESTINATIONS_TIKTOK_FIT_H */
