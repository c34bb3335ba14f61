/**
 * example - an answer that a destination's own rules call delivered: what a healthy service says
 * where none is there to be asked. Built from `verdicts:`, and read by them before it is believed.
 *
 * A plain 200 where that is enough. Else the first rule `is: delivered` whose answer can be made
 * up: its status, its headers, its JSON pointers as a document. What a regular expression would
 * accept is not guessed.
 */
#ifndef DESTINATIONS_HTTP_EXAMPLE_H
#define DESTINATIONS_HTTP_EXAMPLE_H

#include "base/buf.h"
#include "base/diag.h"

struct webhook;

struct example {
    int status;
    struct buf headers; /* "Name: value" lines */
    struct buf body;
};

void example_init(struct example *example);
void example_fini(struct example *example);
/** False: none can be made, and *@place is the rule or the condition that stands in the way. */
bool example_write(const struct webhook *webhook, struct example *out, struct place *place);

#endif /* DESTINATIONS_HTTP_EXAMPLE_H */
