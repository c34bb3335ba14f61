/**
 * review - what a map sends of which events, and what TikTok would miss: for `check`.
 *
 * Recommended is what TikTok can do little without: who it was (any identifier), what a purchase is
 * worth, which products, on which page. A warning names the line to write; `FIELD: null` in map:
 * says that it is meant.
 */
#ifndef DESTINATIONS_TIKTOK_REVIEW_H
#define DESTINATIONS_TIKTOK_REVIEW_H

#include "destinations/tiktok/map.h"
#include "event/field_list.h"

/** Each member of an item and where it comes from; what of the default map the schema lacks. */
void tiktok_map_list(const struct tiktok_map *map, const struct config_destination *destination,
                     const struct event_paths *paths, struct field_list *out);
/** What is recommended and never sent, as warnings. @types: every event type there is; NULL: any.
 */
void tiktok_map_review(const struct tiktok_map *map, const struct config_destination *destination,
                       const struct type_names *types, struct diags *diags);

#endif /* DESTINATIONS_TIKTOK_REVIEW_H */
