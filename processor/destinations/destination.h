/**
 * destination - what is done to a compiled destination of any type, through its driver: compile,
 * render, and make the parts of a request that delivery and `check --online` both need.
 *
 * Ownership and threads: see driver.h. Nothing here keeps state.
 */
#ifndef DESTINATIONS_DESTINATION_H
#define DESTINATIONS_DESTINATION_H

#include "destinations/driver.h"

enum { DESTINATION_HEADERS_MAX = 40 };

/** Keeps @config and @readers. All errors into @diags; false then, and @out is to be freed all the
 * same. */
bool destination_compile(const struct config_destination *config, const struct readers *readers,
                         struct destination *out, struct diags *diags);
void destination_fini(struct destination *destination);

/** As driver.h says of group(); SPAN("") where the driver has none. */
struct span destination_group(const struct destination *to, const struct event_view *view,
                              struct arena *arena);

/** Where requests to it go, and how. Borrows from @to. */
struct http_target destination_target(const struct destination *to);
/** Every header of a request with @body, as pointers into @lines, which is emptied first. Holds
 * secrets: the caller wipes @lines. */
size_t destination_headers(const struct destination *to, struct span body, int64_t wall_ms,
                           struct buf *lines, const char *headers[DESTINATION_HEADERS_MAX]);

#endif /* DESTINATIONS_DESTINATION_H */
