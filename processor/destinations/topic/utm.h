/**
 * utm - the detour.UtmAttribution record of a diverted event (schemas/utm_attribution.avsc).
 *
 * Written directly as Avro. utm_* and click ids come from the landing page's query,
 * parsed once; unexpanded macros (__CAMPAIGN_NAME__) count as missing. `utm:` in the
 * destination changes where landing_page, referrer, source, medium, campaign, term,
 * content, id (utm_source ... as well) and ttclid come from; `FIELD: null` takes one
 * out. It has a default, as map has: page.url, page.referrer, the landing page's query,
 * and user.ttclid where that has none. What is empty or not UTF-8 is missing.
 * `original` is the source value, framing included.
 */
#ifndef DESTINATIONS_TOPIC_UTM_H
#define DESTINATIONS_TOPIC_UTM_H

#include "destinations/driver.h"
#include "event/origin.h"

struct utm_map;

/* The schema text itself is base/embedded.h: embedded_utm_attribution_avsc. */

struct utm_map *utm_map_compile(const struct config_destination *destination,
                                const struct readers *readers, struct diags *diags);
void utm_map_free(struct utm_map *map);
/** Each field of the record and where it comes from. utm_list.c, as the next. */
void utm_map_list(const struct utm_map *map, const struct config_destination *destination,
                  const struct event_paths *paths, struct field_list *out);
/** A warning when the record could never say where a visitor came from: check only. */
void utm_map_review(const struct utm_map *map, const struct config_destination *destination,
                    struct diags *diags);
/** Append @framing and the record of @event to @out. */
void utm_write(const struct utm_map *map, const struct rendering *event, struct span framing,
               struct buf *out);

#endif /* DESTINATIONS_TOPIC_UTM_H */
