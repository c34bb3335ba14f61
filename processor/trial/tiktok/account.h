/**
 * account - what the simulated Events API accepted: ids, copies, totals.
 *
 * An event is known by (source id, event, event_id). A second copy within 48 hours
 * of the first is deduplicated, later it is new again; the client is never told.
 * At most ids_max events are remembered; past it they are counted as untracked, so
 * that a total that cannot be trusted says so. Not locked: the simulator does that.
 */
#ifndef TRIAL_TIKTOK_ACCOUNT_H
#define TRIAL_TIKTOK_ACCOUNT_H

#include "base/buf.h"

struct account;

struct account *account_new(size_t ids_max);
void account_free(struct account *account);

/** One event of an accepted request. @event_id absent: counted, never deduplicated. */
void account_accept(struct account *account, struct span source_id, struct span event,
                    struct span event_id, int64_t wall_ms);
/** @events events of a refused request. */
void account_reject(struct account *account, uint64_t events);
/** One request, answered with a body code or, without one, with what @answer says ("http_503"). */
void account_answer_code(struct account *account, int32_t code);
void account_answer(struct account *account, const char *answer);

uint64_t account_unique(const struct account *account);
uint64_t account_accepted(const struct account *account);
/** {"requests":..,"accepted":..,"unique":..,"deduplicated":..,"rejected":..,"by_event":..} */
void account_totals_json(const struct account *account, struct buf *out);
/** {"offset":..,"total":..,"events":[{"event":..,"event_id":..,"source_id":..,..}]} in the order of
 * first arrival. */
void account_events_json(const struct account *account, size_t offset, size_t limit,
                         struct buf *out);

#endif /* TRIAL_TIKTOK_ACCOUNT_H */
