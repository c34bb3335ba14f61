/**
 * verdict - what one answer means for an event, the reasons of dead letters and diversions, and
 * whether a destination may have the event.
 *
 * One table for each in verdict.c; the words are promises to users. Constants; any thread.
 */
#ifndef EVENT_VERDICT_H
#define EVENT_VERDICT_H

#include "base/span.h"

enum verdict {
    VERDICT_DELIVERED,
    VERDICT_REJECTED,  /* this event (or one of this batch) is at fault */
    VERDICT_RETRY,     /* transient */
    VERDICT_THROTTLED, /* asks for less */
    VERDICT_HOLD,      /* credential or request-level error: no event's fault */
    VERDICT_UNKNOWN,   /* nobody has a rule: retried, then dead-lettered with the raw code */
    VERDICT_COUNT,
};

const char *verdict_word(enum verdict verdict);

/* Can the destination have the event? Once ambiguous, always ambiguous. */
enum outcome { OUTCOME_NEVER_SENT, OUTCOME_REJECTED, OUTCOME_AMBIGUOUS };
const char *outcome_word(enum outcome outcome);

/* Why an event is dead-lettered or diverted: detour.reason. One table in verdict.c. */
enum reason {
    REASON_NONE,
    /* dead letters */
    REASON_SCHEMA_UNKNOWN,
    REASON_SCHEMA_INCOMPATIBLE,
    REASON_DECODE_FAILED,
    REASON_CONTRACT,
    REASON_UNMATCHED,
    REASON_REJECTED,
    REASON_RETRIES_EXHAUSTED, /* also a diversion */
    REASON_EXPIRED,
    REASON_UNKNOWN_VERDICT,
    REASON_TOO_LARGE,
    /* diversions */
    REASON_OUTAGE,
    REASON_THROTTLED,
    REASON_CREDENTIAL,
    REASON_REJECT_STORM,
    REASON_TOO_OLD,
    REASON_COUNT,
};
const char *reason_word(enum reason reason);

#endif /* EVENT_VERDICT_H */
