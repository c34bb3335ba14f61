/**
 * defaults - the default map: where each field comes from when `map:` says nothing of it.
 *
 * It fits schemas/conversion_event.avsc. Some rows follow what the configuration says elsewhere:
 * value and currency come from `event.value` and `event.currency`, and the click id is looked for
 * in the URL that the user's own `page.url` names.
 *
 * Inside this room, and for docs/mapping.md.
 */
#ifndef DESTINATIONS_TIKTOK_DEFAULTS_H
#define DESTINATIONS_TIKTOK_DEFAULTS_H

#include "config/config.h"

/* One row: a field, and the text behind it in YAML. */
struct map_default {
    const char *field;
    const char *from;
};

/** NULL behind the last. */
const struct map_default *map_default_at(size_t index);
/** The default map of @destination, whose own map is @map (NULL: none). The caller frees it, after
 * all that was compiled from it. */
struct yaml_doc *map_defaults_make(const struct config_destination *destination,
                                   const struct yaml_node *map, struct diags *diags);

#endif /* DESTINATIONS_TIKTOK_DEFAULTS_H */
