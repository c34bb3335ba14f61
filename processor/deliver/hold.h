/**
 * hold - a source id whose credential is refused while that of its destination is good.
 *
 * An answer may refuse the token for one source (one pixel) alone. Then only the queues of that
 * source id stop, whatever their event types: one request at a time asks whether it is accepted
 * again, 1 s after the first refusal, then 5 s, doubling to 60 s (the steps of health/pause.h). No
 * refusal counts as an attempt and none is a reason for a dead letter.
 *
 * All queues of one source id point at one hold, which lives as long as any of them. Owned by one
 * sender, used on its worker's thread. Pure: the caller brings the time.
 */
#ifndef DELIVER_HOLD_H
#define DELIVER_HOLD_H

#include "base/base.h"
#include "base/span.h"

struct hold {
    char *source_id;   /* owned */
    size_t queues;     /* that point here */
    size_t in_flight;  /* requests of them */
    uint64_t since_ms; /* of the second refusal in a row; 0: not held */
    uint64_t until_ms; /* no request before; 0: any time */
    uint64_t wait_ms;  /* till the next request; 0: the last answer did not refuse */
    struct hold *next;
};

struct hold_list {
    struct hold *first;
    size_t count;
};

/** The hold of @source_id, for one more queue. */
struct hold *hold_join(struct hold_list *list, struct span source_id);
/** One queue less; freed with the last. */
void hold_leave(struct hold_list *list, struct hold *hold);
void hold_list_fini(struct hold_list *list);

/** The credential was refused for it. Does nothing while until_ms is not reached: the request was
 * sent before the first refusal came. True when it is held from now on: the second time in a row.
 */
bool hold_refused(struct hold *hold, uint64_t now_ms);
/** A request that was sent at @sent_ms was not refused. True when that ends the hold: it does not
 * where the request was sent before the last refusal. */
bool hold_accepted(struct hold *hold, uint64_t sent_ms);
/** The credential changed: all may be asked at once. */
void hold_retry_now(struct hold_list *list);
/** No request before; 0: any time, UINT64_MAX: not before the request in flight is answered. */
uint64_t hold_until_ms(const struct hold *hold, uint64_t now_ms);
static inline bool hold_is_on(const struct hold *hold)
{
    return hold->since_ms != 0;
}

#endif /* DELIVER_HOLD_H */
