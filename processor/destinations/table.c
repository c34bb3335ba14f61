#include "destinations/table.h"

extern const struct driver tiktok_driver, http_driver, topic_driver;

static const struct driver *const drivers[] = {
    [DESTINATION_TIKTOK] = &tiktok_driver,
    [DESTINATION_HTTP] = &http_driver,
    [DESTINATION_KAFKA] = &topic_driver,
};

const struct driver *driver_of(const struct config_destination *config)
{
    PRE((size_t)config->type < COUNT_OF(drivers));
    return drivers[config->type];
}
