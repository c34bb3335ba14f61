/** utm_inside - what a utm_map is made of: utm.c compiles and writes by it, utm_list.c says it. */
#ifndef DESTINATIONS_TOPIC_UTM_INSIDE_H
#define DESTINATIONS_TOPIC_UTM_INSIDE_H

#include "destinations/topic/utm.h"

/* What `utm:` can say, in the record's order of the two URLs last. */
enum utm_field {
    UTM_SOURCE,
    UTM_MEDIUM,
    UTM_CAMPAIGN,
    UTM_TERM,
    UTM_CONTENT,
    UTM_ID,
    UTM_QUERY_COUNT, /* those above come from the landing page's query when nothing is said */
    UTM_LANDING_PAGE = UTM_QUERY_COUNT,
    UTM_REFERRER,
    UTM_TTCLID,
    UTM_FIELD_COUNT,
};

struct utm_map {
    struct {
        struct origin *origin; /* owned; NULL: the query, where it is one of those */
        bool is_off;           /* FIELD: null */
        bool is_default;
    } fields[UTM_FIELD_COUNT];
};

#endif /* DESTINATIONS_TOPIC_UTM_INSIDE_H */
