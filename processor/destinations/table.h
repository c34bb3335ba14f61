/**
 * table - the drivers that there are. A new type of destination is a folder, and a line here.
 */
#ifndef DESTINATIONS_TABLE_H
#define DESTINATIONS_TABLE_H

#include "destinations/driver.h"

/* In the order in which people read of them; the first stands for a type that nobody knows. */
/* clang-format off */
#define DRIVERS(line)   \
    line(tiktok_driver) \
    line(http_driver)   \
    line(topic_driver)
/* clang-format on */

#define DRIVER_DECLARE(one) extern const struct driver one;
DRIVERS(DRIVER_DECLARE)
#undef DRIVER_DECLARE

/** For config_load(). */
const struct config_types *driver_types(void);

#endif /* DESTINATIONS_TABLE_H */
