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

/* Why a replay leaves a record out. One table in verdict.c. */
enum skip_reason {
    SKIP_NONE,
    SKIP_NOT_SELECTED, /* the operator's selection */
    SKIP_ROUTE_GONE,   /* its route is no longer in the configuration */
    SKIP_LEG_GONE,     /* no leg of its route begins at its destination any more */
    SKIP_ELSEWHERE,    /* today's routes send it another way */
    SKIP_AMBIGUOUS,    /* the destination may have it, and would count it twice */
    SKIP_TOO_OLD,      /* max_age of the destination */
    SKIP_UNDECODED,    /* it cannot be decoded, and the selection asks what is in it */
    SKIP_PARKED,       /* replayed too often: it went to TOPIC.parked */
    SKIP_IN_PARTS,     /* it was written in parts, and not all of them are there */
    SKIP_DECIDED,      /* an operator decided that it stays (dlq skip) */
    SKIP_EXPORTED,     /* it was exported, and is delivered by other means */
    SKIP_COUNT,
};
const char *skip_word(enum skip_reason skip);
/** In words, for a table. */
const char *skip_text(enum skip_reason skip);

#endif /* EVENT_VERDICT_H */
