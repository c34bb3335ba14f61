/**
 * view - a source record decoded, for taking it in or for rendering it again later.
 */
#ifndef DELIVER_VIEW_H
#define DELIVER_VIEW_H

#include "deliver/pipeline.h"
#include "event/verdict.h"

struct decoded {
    struct message_view message;
    struct event_view view;
    struct value root;
};

/* What is decoded, and with what. */
struct view_source {
    const struct writer *writer;
    struct span payload; /* behind the framing */
    int64_t wall_ms;
    struct arena *arena;
};

/**
 * Decode the payload and find the facts. Everything points into the message and the arena.
 * On failure *reason says which dead letter it is.
 */
NODISCARD enum err_code view_decode(const struct pipeline *pipeline, const struct view_source *from,
                                    struct decoded *out, enum reason *reason, struct err *err);

#endif /* DELIVER_VIEW_H */
