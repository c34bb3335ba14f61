/**
 * webhook - a destination of type http, compiled: what is sent of an event, how requests are
 * signed, what answers mean.
 *
 * Built once, shared by all workers, immutable; secrets are read anew for every request.
 * An event becomes an item (its body, or the line or the element of one); items become a
 * body; a body gets its headers.
 */
#ifndef DESTINATIONS_HTTP_WEBHOOK_H
#define DESTINATIONS_HTTP_WEBHOOK_H

#include "event/answer.h"
#include "event/event.h"
#include "event/field_list.h"
#include "http/client.h"

struct webhook;
struct rule; /* destinations/http/rule.h */

/** All errors into @diags, and NULL then. Keeps @destination and @readers: both outlive it. */
struct webhook *webhook_compile(const struct config_destination *destination,
                                const struct readers *readers, struct diags *diags);
void webhook_free(struct webhook *webhook);

/**
 * Append the JSON of one event to @out: the whole record, or what `body:` makes of it. What is
 * missing or empty in the event is left out; what is there but has no JSON form is left out and
 * counted in *@fields_left_out. ERR_DATA (reason contract) when nothing of `body:` is in the event;
 * ERR_LIMIT when it would pass @out's maximum; then @out is as it was.
 */
NODISCARD enum err_code webhook_item_write(const struct webhook *webhook,
                                           const struct event_view *view, struct arena *arena,
                                           struct buf *out, uint32_t *fields_left_out,
                                           struct err *err);

/** What is sent of an event and where it comes from. */
void webhook_list(const struct webhook *webhook, struct field_list *out);
/** What stands before, between and behind items. The end also compresses what @out holds, if so
 * configured: nothing but this body may be in it. */
void webhook_body_begin(const struct webhook *webhook, struct buf *out);
void webhook_body_separate(const struct webhook *webhook, struct buf *out);
void webhook_body_end(const struct webhook *webhook, struct buf *out);

/** Append every header of a request with @body as a terminated "Name: value" line, terminators
 * included. Holds secrets: the caller wipes @out. @wall_ms: for a timestamped signature. */
void webhook_headers(const struct webhook *webhook, struct span body, int64_t wall_ms,
                     struct buf *out);
/** The secret number @index that requests carry; NULL past the last. */
struct secret *webhook_secret(const struct webhook *webhook, size_t index);
/** Method, certificate, and whether answers keep their headers. */
void webhook_aim(const struct webhook *webhook, struct http_target *target);
/** What @reply means: the rules of `verdicts:`, then the defaults (docs/delivery.md). */
void webhook_answer_read(const struct webhook *webhook, const struct http_reply *reply,
                         struct answer *out);

#endif /* DESTINATIONS_HTTP_WEBHOOK_H */
