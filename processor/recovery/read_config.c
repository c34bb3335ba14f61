#include "recovery/read_config.h"

#include "destinations/table.h"

struct config *read_config(const char *path)
{
    struct config *config;
    struct diags diags;

    diags_init(&diags);
    config = config_load_with(path, driver_types(), SECRETS_OPTIONAL, &diags);
    if (config == NULL) {
        diags_print(&diags);
    }
    diags_fini(&diags);
    return config;
}
