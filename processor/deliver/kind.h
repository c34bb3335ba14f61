/**
 * kind - what differs between destinations that are spoken to over HTTP: how an event
 * becomes an item, what stands around items, which headers go along, what an answer means.
 *
 * Everything else (lanes, batches, retries, health, flow) is the sender's and the same
 * for all. A kind keeps no state of its own; secrets are read through the sender.
 */
#ifndef DELIVER_KIND_H
#define DELIVER_KIND_H

#include "deliver/deliverer.h"
#include "event/answer.h"

struct sender;

enum { KIND_HEADERS_MAX = 40 };

struct kind {
    /** What, besides the event type, a batch must share: the source id. SPAN("") when nothing. */
    struct span (*group)(struct deliverer *d, const struct pipeline_destination *to,
                         const struct event_view *view);
    /** Append the item of one event to @out; restored on failure. ERR_DATA: contract; ERR_LIMIT:
     * too large. */
    enum err_code (*render)(struct deliverer *d, const struct pipeline_destination *to,
                            const struct event_view *view, struct span event_id, struct buf *out,
                            uint32_t *fields_left_out, struct err *err);
    void (*begin)(const struct pipeline_destination *to, struct span group, struct buf *out);
    void (*separate)(const struct pipeline_destination *to, struct buf *out);
    void (*end)(const struct pipeline_destination *to, struct buf *out);
    /** Append every header as a terminated "Name: value" line to @out (terminators included),
     * secrets and a signature of
     *  @body as well; wiped by the caller. @wall_ms: for a timestamped signature. */
    void (*headers)(const struct pipeline_destination *to, struct span body, int64_t wall_ms,
                    struct buf *out);
    /** The secret number @index that requests carry; NULL past the last. Watched for changes. */
    struct secret *(*secret)(const struct pipeline_destination *to, size_t index);
    /** Fill in what requests to it need besides url, ca_file, limits and address policy; NULL:
     * nothing. */
    void (*aim)(const struct pipeline_destination *to, struct http_target *target);
    /** What @reply means for @batch. */
    void (*read)(const struct pipeline_destination *to, const struct http_reply *reply,
                 const struct answer_batch *batch, struct answer *out);
};

extern const struct kind http_kind; /* kind_http.c */

/** The kind of a destination of type tiktok or http. */
const struct kind *kind_of(enum destination_type type);

#endif /* DELIVER_KIND_H */
