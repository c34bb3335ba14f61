#include "destinations/table.h"

#define DRIVER_SECTION(one) &one.section,
static const struct config_type *const sections[] = {DRIVERS(DRIVER_SECTION)};
#undef DRIVER_SECTION

static const struct config_types types = {sections, COUNT_OF(sections)};

const struct config_types *driver_types(void)
{
    return &types;
}
