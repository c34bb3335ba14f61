#include "app/check_names.h"

#include <stdlib.h>

#include "base/mem.h"
#include "destinations/tiktok/names.h"
#include "route/table_review.h"

/* What is known of event names. */
struct known {
    const char **names; /* owned array; the left sides of every events: */
    size_t count;
    bool has_tiktok; /* a name that is not listed goes to TikTok as it is */
    struct diags *diags;
};

static void judge(void *context, struct span name, struct place place)
{
    const struct known *known = context;
    const char *near;

    for (size_t i = 0; i < known->count; i++) {
        if (span_is(name, known->names[i])) {
            return;
        }
    }
    if (known->has_tiktok && tiktok_name_is_known(name)) {
        return;
    }
    near = suggest(name, known->names, known->count);
    if (near == NULL && known->has_tiktok) {
        near = tiktok_name_suggest(name);
    }
    if (near != NULL) {
        diag_warning(known->diags, place,
                     "event %s is named nowhere else%s (if not, list it under events: of its "
                     "destination)",
                     LOG_S(name), did_you_mean(near).text);
    }
}

void check_route_names(const struct config *config, const struct route_table *table,
                       struct diags *diags)
{
    struct known known = {.diags = diags};
    size_t count = 0;

    for (size_t i = 0; i < config->destination_count; i++) {
        count += config->destinations[i].event_count;
    }
    known.names = mem_array(count + 1, const char *);
    for (size_t i = 0; i < config->destination_count; i++) {
        const struct config_destination *destination = &config->destinations[i];

        known.has_tiktok = known.has_tiktok || destination->type == DESTINATION_TIKTOK;
        for (size_t k = 0; k < destination->event_count; k++) {
            known.names[known.count++] = destination->events[k].name.ptr;
        }
    }
    route_table_event_names(table, judge, &known);
    free(known.names);
}
