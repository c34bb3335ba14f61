/* What is read and checked already and does nothing in this version. An entry goes when its
 * feature comes; nothing else has to change. */
#include "config/loader.h"

#include <string.h>

static const struct {
    const char *section;
    const char *key;
} later[] = {
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

bool config_has_ledger(const struct config *config)
{
    return config->ledger.is_on && !option_is_later("", "ledger");
}
