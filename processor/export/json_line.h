/**
 * json_line - one exported event as a line of JSON: where its record stands, why it is there, and
 * the item that its destination would have got.
 *
 * Pure; any thread; cannot fail: a buffer that is full says so itself.
 */
#ifndef EXPORT_JSON_LINE_H
#define EXPORT_JSON_LINE_H

#include "event/event_view.h"
#include "recovery/dlq_session.h"

struct json_line {
    const struct dlq_letter *letter;
    const struct facts *facts;
    struct span id;
    struct span destination;
    struct span item; /* JSON */
};

/** Append the line, its end included. @is_masked: what is or looks personal is hidden, by the names
 * of the members and by how texts look; the item is parsed for that. */
void json_line_write(const struct json_line *line, bool is_masked, struct buf *out);

#endif /* EXPORT_JSON_LINE_H */
