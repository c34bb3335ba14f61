/**
 * section - a destination of type http, compiled: what compile() of driver.c made of its section of
 * the configuration. Immutable. Inside this room only.
 */
#ifndef DESTINATIONS_HTTP_SECTION_H
#define DESTINATIONS_HTTP_SECTION_H

#include "destinations/http/template.h"
#include "destinations/http/verdicts.h"

struct http_section {
    struct template *body;     /* owned; NULL: the whole event */
    struct verdicts *verdicts; /* owned */
    bool has_content_type;     /* among the configured headers */
};

#endif /* DESTINATIONS_HTTP_SECTION_H */
