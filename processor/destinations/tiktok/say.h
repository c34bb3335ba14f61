/**
 * say - what the Events API and its gateway answer, for those who stand in for it: the simulator
 * and rehearsals. Word for word where the words are known.
 *
 * Pure; no state.
 */
#ifndef DESTINATIONS_TIKTOK_SAY_H
#define DESTINATIONS_TIKTOK_SAY_H

#include "base/buf.h"

/* HTTP 502 of the proxy in front of it. */
extern const char tiktok_gateway_page[];

/* One answer: HTTP 200 and this in the body. */
struct tiktok_saying {
    int32_t code;
    const char *text; /* NULL: the service's own for the code */
    const char *request_id;
};

/** Append the body of @saying. */
void tiktok_say(const struct tiktok_saying *saying, struct buf *out);
/** The same up to the list of events that are refused one by one; then each of them, numbered from
 * 0 in @nth, @event_id may be absent; then its end. */
void tiktok_say_partial(const struct tiktok_saying *saying, struct buf *out);
void tiktok_say_refused(struct buf *out, size_t nth, size_t index, struct span event_id,
                        int32_t code);
void tiktok_say_end(struct buf *out);

#endif /* DESTINATIONS_TIKTOK_SAY_H */
