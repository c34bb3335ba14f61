#include "deliver/throttle.h"

enum {
    FAULTS = 2, /* in a row, of one event type */
    FAULTS_GAP_MS = 333,
    HANGING_MAX = 10,
    SUSPECT_FAULTS = 5, /* in a row, at the destination; or refusals of one type */
    SUSPECT_GAP_MS = 50,
    REFUSED_GAP_MS = 1000,
    UNKNOWN_IN_ROW = 5, /* more of them are the destination's doing, not an event's */
};

void throttle_count(struct throttle *throttle, enum call call, uint32_t rejected)
{
    PRE((call == CALL_REJECT) == (rejected > 0));
    throttle->faults_in_row = call_is_fault(call) ? throttle->faults_in_row + 1 : 0;
    if (call == CALL_OK || call == CALL_SLOW) {
        throttle->rejects_in_row = 0;
    } else if (call == CALL_REJECT) {
        throttle->rejected_at_once = rejected;
        throttle->rejects_in_row += rejected;
    }
}

/* Among good answers one that nobody knows is some event's doing, and halving will tell whose;
 * several in a row are the destination's. */
enum call throttle_unknown(struct throttle *throttle, size_t count)
{
    throttle->unknown_in_row++;
    return count > 1 && throttle->unknown_in_row <= UNKNOWN_IN_ROW ? CALL_NEUTRAL : CALL_APP;
}

/* When nobody has been served for some calls, whatever the type and the worker, twenty requests a
 * second of all workers together are enough for the streak rule to see an outage in its second. */
static uint64_t suspicious_until_ms(const struct throttle_load *load)
{
    if (load->all_in_row < SUSPECT_FAULTS) {
        return 0;
    }
    return load->all_sent_ms + (uint64_t)SUSPECT_GAP_MS * load->workers;
}

/* A type of which everything is refused: each answer may dead-letter what it was about, so that few
 * are asked until the storm rule has seen its row of them. */
static uint64_t refused_until_ms(const struct throttle *throttle, const struct throttle_load *load)
{
    uint64_t gap_ms = (uint64_t)SUSPECT_GAP_MS * throttle->rejected_at_once;

    if (throttle->rejects_in_row < SUSPECT_FAULTS) {
        return 0;
    }
    return load->sent_ms + MIN_OF(gap_ms, (uint64_t)REFUSED_GAP_MS) * load->workers;
}

/* A type that only fails is asked three times a second: the rest waits for its answers or fails
 * over. Often enough for the burst rule, which wants ten calls in the four to five seconds its
 * window spans; and not one at a time, or ten that hang would take a minute to be seen. */
uint64_t throttle_until_ms(const struct throttle *throttle, const struct throttle_load *load)
{
    if (throttle->faults_in_row < FAULTS) {
        return MAX_OF(suspicious_until_ms(load), refused_until_ms(throttle, load));
    }
    if (load->in_flight >= HANGING_MAX) {
        return UINT64_MAX;
    }
    return MAX_OF(load->sent_ms + FAULTS_GAP_MS, suspicious_until_ms(load));
}
