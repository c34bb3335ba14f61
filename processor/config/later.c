/* What is read and checked already and does nothing in this version. An entry goes when its
 * feature comes; nothing else has to change. */
#include "config/loader.h"

#include <string.h>

static const struct {
    const char *section;
    const char *key;
} later[] = {
    {"destinations.*", "health"},
    {"destinations.*", "backfill"},
    {"destinations.*.rate", "shared"},
    {"destinations.*.concurrency", "max"},
    {"destinations.*.retry", "budget"},
    {"routes[]", "priority"},
    {"", "ledger"},
    {"", "alerts"},
};

bool option_is_later(const char *section, const char *key)
{
    for (size_t i = 0; i < COUNT_OF(later); i++) {
        if (strcmp(later[i].section, section) == 0 && strcmp(later[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

bool config_is_supported(const struct config *config, struct diags *diags)
{
    bool is_supported = true;

    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];

        for (size_t k = 0; k < route->leg_count; k++) {
            const struct config_leg *leg = &route->legs[k];

            for (size_t m = 0; m < leg->count; m++) {
                if (leg->chain[m]->type == DESTINATION_HTTP) {
                    diag_error(diags, leg->place,
                               "destination %s is of type http, which this version cannot deliver "
                               "to yet: take it out of the leg",
                               LOG_S(leg->chain[m]->name));
                    is_supported = false;
                }
            }
        }
    }
    return is_supported;
}

bool config_has_ledger(const struct config *config)
{
    return config->ledger.is_on && !option_is_later("", "ledger");
}
