/** compiled - what a tiktok_map is made of: map.c compiles it, item.c writes by it. */
#ifndef DESTINATIONS_TIKTOK_COMPILED_H
#define DESTINATIONS_TIKTOK_COMPILED_H

#include "destinations/tiktok/entry.h"
#include "destinations/tiktok/map.h"

struct tiktok_map {
    const struct readers *readers; /* kept */
    struct map_entries entries;
    const struct tiktok_field *required; /* of the event source; NULL: none */
    struct yaml_doc *defaults;           /* owned; origins point into it */
    struct name_pair *events;            /* owned; by our name */
    size_t event_count;
    struct span source_id;
    struct path *source_path; /* owned; NULL: source_id */
    struct span default_country;
    struct buf head;     /* of a body, up to the source id */
    struct buf head_end; /* from there to the first item */
};

#endif /* DESTINATIONS_TIKTOK_COMPILED_H */
