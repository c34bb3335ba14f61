#include "app/check_names.h"

#include <stdlib.h>

#include "base/mem.h"
#include "destinations/driver.h"
#include "route/route_table_review.h"

/* What is known of event names. */
struct known_names {
    const char **names; /* owned array; the left sides of every events: */
    size_t count;
    const struct config *config; /* a name that is not listed goes to its destination as it is */
    struct diags *diags;
};

/* The name that a service has for its events itself: @name's own, or the nearest. */
static const char *near_of_services(const struct config *config, struct span name)
{
    const char *near = NULL;

    for (size_t i = 0; i < config->destination_count; i++) {
        const struct driver *driver = driver_of(&config->destinations[i]);
        const char *found = driver->known_name == NULL ? NULL : driver->known_name(name);

        if (found != NULL && span_is(name, found)) {
            return found;
        }
        near = near == NULL ? found : near;
    }
    return near;
}

static void judge(void *context, struct span name, struct place place)
{
    const struct known_names *known = context;
    const char *near;
    const char *service_near;

    for (size_t i = 0; i < known->count; i++) {
        if (span_is(name, known->names[i])) {
            return;
        }
    }
    service_near = near_of_services(known->config, name);
    if (service_near != NULL && span_is(name, service_near)) {
        return;
    }
    near = suggest(name, known->names, known->count);
    near = near != NULL ? near : service_near;
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
    struct known_names known = {.config = config, .diags = diags};

    for (size_t i = 0; i < config->destination_count; i++) {
        const struct config_destination *destination = &config->destinations[i];

        known.names = mem_grow(known.names, known.count + destination->event_count + 1,
                               sizeof(known.names[0]));
        for (size_t k = 0; k < destination->event_count; k++) {
            known.names[known.count++] = destination->events[k].name.ptr;
        }
    }
    route_table_event_names(table, judge, &known);
    free(known.names);
}
