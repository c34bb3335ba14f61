/**
 * answer - what a destination's answer means for each event of a batch, whoever it is.
 *
 * The drivers (destinations/) read answers into this; deliver/ acts on it.
 *
 * The caller owns the struct; one thread. A driver that cannot read an answer says so by its
 * verdict: there is no other error.
 */
#ifndef EVENT_ANSWER_H
#define EVENT_ANSWER_H

#include "event/verdict.h"

/* How the rest of the batch goes on. */
enum answer_scope {
    SCOPE_BATCH, /* verdict holds for every event (REJECTED only where a source id that came from
                    the events is refused) */
    SCOPE_GROUP, /* HOLD: only for what shares the batch's group (a source id); the other groups go
                    on */
    SCOPE_ITEM,  /* REJECTED: only `item`; the rest is resent at once */
    SCOPE_SPLIT, /* REJECTED (or UNKNOWN), and the answer names no item: halve the batch, unless
                    it has one event */
    SCOPE_EACH,  /* 20001: see each[]; the verdict is DELIVERED only to say that the answer itself
                    was  in order */
};

enum { ANSWER_FIELD_BYTES = 65 };

struct item_result {
    enum verdict verdict;
    int32_t code;                   /* 0 when none was given */
    char field[ANSWER_FIELD_BYTES]; /* as in the answer */
};

struct answer {
    enum verdict verdict;
    enum answer_scope scope;
    size_t item;         /* SCOPE_ITEM */
    int32_t code;        /* body code; INT32_MIN when there was none */
    bool has_code;       /* a parsed integer code */
    bool is_life_sign;   /* whoever answered is the destination itself, and alive */
    char request_id[64]; /* printable ASCII only; empty when none */
    char text[160];      /* our words plus the vendor's field name; no payload, no personal data */
    char field[ANSWER_FIELD_BYTES]; /* the path that is at fault, in their names; "" unknown */
};

/** Event ids of the batch in order, so that 20001 results can be matched. */
struct answer_batch {
    const struct span *event_ids;
    size_t count;
    struct item_result *each; /* count entries, filled for SCOPE_EACH */
};

#endif /* EVENT_ANSWER_H */
