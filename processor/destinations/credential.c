#include "destinations/credential.h"

#include <string.h>

#include "destinations/driver.h"

/* What secret_from_text() says of itself. */
static const char from_config[] = "the configuration file";

enum { SOURCES_MAX = 64 };

struct sources {
    const char *texts[SOURCES_MAX];
    size_t count;
    bool is_any_written; /* a value in the configuration itself */
};

static void add_source(struct sources *sources, const struct secret *secret)
{
    const char *source;

    if (sources->count == SOURCES_MAX) {
        return;
    }
    source = secret_source(secret);
    if (strcmp(source, from_config) == 0) {
        sources->is_any_written = true;
        return;
    }
    for (size_t i = 0; i < sources->count; i++) {
        if (strcmp(sources->texts[i], source) == 0) {
            return;
        }
    }
    sources->texts[sources->count++] = source;
}

void credential_write(const struct config_destination *destination, struct buf *out)
{
    const struct driver *driver = driver_of(destination);
    struct sources sources = {.count = 0};
    const struct secret *secret;

    for (size_t i = 0; driver->secret != NULL && (secret = driver->secret(destination, i)) != NULL;
         i++) {
        add_source(&sources, secret);
    }
    if (sources.count == 0) {
        buf_add_text(out, sources.is_any_written ? from_config : "none");
    }
    for (size_t i = 0; i < sources.count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", sources.texts[i]);
    }
}
