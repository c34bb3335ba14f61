#include "destinations/http/credential.h"

#include <string.h>

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

    if (secret == NULL || sources->count == SOURCES_MAX) {
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
    struct sources sources = {.count = 0};

    add_source(&sources, destination->access_token);
    add_source(&sources, destination->auth.bearer);
    add_source(&sources, destination->auth.hmac.secret);
    add_source(&sources, destination->auth.basic.username);
    add_source(&sources, destination->auth.basic.password);
    for (size_t i = 0; i < destination->header_count; i++) {
        add_source(&sources, destination->headers[i].value);
    }
    if (sources.count == 0) {
        buf_add_text(out, sources.is_any_written ? from_config : "none");
    }
    for (size_t i = 0; i < sources.count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", sources.texts[i]);
    }
}
