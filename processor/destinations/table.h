/** table - the drivers that there are, by the type of a destination. */
#ifndef DESTINATIONS_TABLE_H
#define DESTINATIONS_TABLE_H

#include "destinations/driver.h"

const struct driver *driver_of(const struct config_destination *config);

#endif /* DESTINATIONS_TABLE_H */
