#include "destinations/destination.h"

#include <stdlib.h>

bool destination_compile(const struct config_destination *config, const struct readers *readers,
                         struct destination *out, struct diags *diags)
{
    PRE(config != NULL);
    PRE(readers != NULL);
    PRE(diags != NULL);

    size_t errors_before = diags->error_count;
    bool is_good;

    *out = (struct destination){.driver = driver_of(config), .config = config, .readers = readers};
    is_good = out->driver->compile(out, diags);

    INVARIANT(is_good == (diags->error_count == errors_before));
    INVARIANT(!is_good || out->driver->section.is_topic == (out->topic != NULL));
    INVARIANT(!is_good || !out->driver->section.is_topic == (out->url != NULL));
    return is_good;
}

void destination_fini(struct destination *destination)
{
    if (destination->own != NULL) {
        destination->driver->free(destination->own);
    }
    free(destination->url);
    free(destination->topic);
    *destination = (struct destination){0};
}

struct span destination_group(const struct destination *to, const struct event_view *view,
                              struct arena *arena)
{
    return to->driver->group == NULL ? SPAN("") : to->driver->group(to, view, arena);
}

struct http_target destination_target(const struct destination *to)
{
    PRE(to->url != NULL);

    const struct config_destination *config = to->config;
    struct http_target target = {
        .url = to->url,
        .ca_file = config->ca_file.ptr,
        .is_private_allowed = config->is_private_allowed,
        .connect_ms = config->timeout.connect_ms,
        .first_byte_ms = config->timeout.first_byte_ms,
        .total_ms = config->timeout.total_ms,
        .connections_max = config->concurrency.max,
    };

    if (to->driver->aim != NULL) {
        to->driver->aim(to, &target);
    }
    return target;
}

size_t destination_headers(const struct destination *to, struct span body, int64_t wall_ms,
                           struct buf *lines, const char *headers[DESTINATION_HEADERS_MAX])
{
    size_t count = 0;

    buf_clear(lines);
    to->driver->headers(to, body, wall_ms, lines);
    headers[count++] = "User-Agent: detour/" DETOUR_VERSION;
    for (size_t at = 0; at < lines->len && count < DESTINATION_HEADERS_MAX;) {
        headers[count++] = lines->ptr + at;
        at = span_find(buf_span(lines), '\0', at) + 1;
    }
    return count;
}
