/**
 * message - what the text of an error answer says about who is at fault.
 *
 * The text is foreign and can echo field values, so nothing of it is passed on but an index and
 * the name of a field that is in the Events API's own vocabulary (destinations/tiktok/fields.h).
 */
#ifndef DESTINATIONS_TIKTOK_MESSAGE_H
#define DESTINATIONS_TIKTOK_MESSAGE_H

#include "base/span.h"

enum { MESSAGE_FIELD_BYTES = 65 };

struct message_hint {
    bool has_item;
    size_t item;     /* zero-based, below the count it was read with */
    bool is_source;  /* event_source_id or pixel_code of the request */
    bool is_request; /* a member of the request itself, no event's (also is_source) */
    char field[MESSAGE_FIELD_BYTES]; /* dotted, terminated; empty when none is known */
};

/** @count: events in the request. */
void message_read(struct span message, size_t count, struct message_hint *out);

#endif /* DESTINATIONS_TIKTOK_MESSAGE_H */
