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
#ifndef KAFKA_UTM_H
#define KAFKA_UTM_H

#include "event/event.h"
#include "event/field_list.h"
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
/** Append framing @header and the record to @out. */
void utm_write(const struct utm_map *map, const struct event_view *view, struct span event_id,
               struct span destination, struct span reason, struct span outage_id,
               struct span framing, struct arena *arena, struct buf *out);

#endif /* KAFKA_UTM_H */
