/**
 * map - an event as one item of an Events API 2.0 request, written directly as JSON.
 *
 * The default map fits schemas/conversion_event.avsc; `map:` changes single fields of
 * it, `field: null` takes one out. Fields are checked against the Events API's own
 * (destinations/tiktok/fields.c: name, JSON type, hashed how, for which event sources); paths
 * against the reader schema. A default entry whose path no reader has is left out.
 *
 * What is missing, empty or unusable is left out of the item and counted, never
 * invented: no null, no "", no hash of nothing. Identifiers are normalised and hashed
 * as reference section 5 says; 64 hex digits pass through lower-cased.
 */
#ifndef DESTINATIONS_TIKTOK_MAP_H
#define DESTINATIONS_TIKTOK_MAP_H

#include "destinations/driver.h"
#include "event/origin.h"

struct tiktok_map;

/* Scratch of one worker: hashing contexts and buffers; not shared. */
struct tiktok_scratch;
struct tiktok_scratch *tiktok_scratch_new(void);
void tiktok_scratch_free(struct tiktok_scratch *scratch);

/** One destination's map, names and source id. All errors into @diags, and NULL then. Keeps
 * @readers and texts of the configuration: both outlive the map. */
struct tiktok_map *tiktok_map_compile(const struct config_destination *destination,
                                      const struct readers *readers, struct diags *diags);
void tiktok_map_free(struct tiktok_map *map);

/** Their name for our event type: `events:`, else unchanged. */
struct span tiktok_event_name(const struct tiktok_map *map, struct span type);
/** The source id for this event: the constant, or the value at {path}; SPAN_NONE when it has none
 * that could be one (a text or integer of up to 128 bytes, no control characters). */
struct span tiktok_source_id(const struct tiktok_map *map, const struct event_view *view,
                             struct arena *arena);

/**
 * Append one item ({"event":...,"event_time":...,...}) to @out. The event id is never changed. The
 * scratch is of tiktok_scratch_new(). ERR_DATA (reason contract) when a required member
 * cannot be made (app without app.app_id, crm without lead.lead_id) or the event has no source id
 * to be sent under; ERR_LIMIT when the item would pass @out's maximum. Then @out is as it was.
 */
NODISCARD enum err_code tiktok_item_write(const struct tiktok_map *map, struct rendering *event,
                                          struct buf *out, struct err *err);

/** Request body around items: {"event_source":...,"event_source_id":...,"data":[ and ]}. The comma
 * between two items is the caller's. */
void tiktok_body_begin(const struct tiktok_map *map, struct span source_id, struct buf *out);
void tiktok_body_end(struct buf *out);

#endif /* DESTINATIONS_TIKTOK_MAP_H */
