/**
 * outage - what is known of one: when it really began, what was answered, what it cost.
 *
 * Pure, as the breaker is: no clock and no lock of its own; times are monotonic ms.
 *
 * Vocabulary
 *    onset - where a run of bad calls began: the place where bad calls less good ones last stood
 *            at zero. Background faults among good calls come back to zero again and again; an
 *            outage does not.
 */
#ifndef HEALTH_OUTAGE_H
#define HEALTH_OUTAGE_H

#include "event/last_answer.h"
#include "health/cell.h"

enum { OUTAGE_ID_BYTES = 40, OUTAGES_KEPT = 64 };

struct onset {
    uint64_t since_ms; /* when the first call of the run was sent; 0: no run */
    uint64_t last_ms;
    uint32_t score; /* bad calls less good ones */
};

/* Of one cell, or of a destination: by what may be wrong. */
struct onsets {
    struct onset fault, reject, slow;
};

/** A call that was sent at @sent_ms ended. */
void onsets_count(struct onsets *onsets, uint64_t now_ms, uint64_t sent_ms, enum call call);
/** When the run began that ended in @cause; @now_ms when there is none. */
uint64_t onsets_began_ms(const struct onsets *onsets, enum breaker_cause cause, uint64_t now_ms);

struct outage {
    char id[OUTAGE_ID_BYTES]; /* "": none */
    size_t destination;
    char *event; /* owned; NULL: the destination as a whole, or not kept yet */
    enum breaker_cause cause;
    uint64_t began_ms;
    int64_t began_at_ms, opened_at_ms, closed_at_ms; /* wall; closed: 0 while it goes on */
    uint64_t diverted, dead_lettered;                /* events, because of it, in this process */
    struct last_answer last_answer;                  /* the last answer that was not good */
};

/* The last ones that are over, oldest first from @at on. */
struct outages {
    struct outage kept[OUTAGES_KEPT];
    size_t at, count;
};

/** Takes @event. */
void outages_keep(struct outages *outages, const struct outage *outage, char *event);
/** NULL: too long ago, or never. */
struct outage *outages_find(struct outages *outages, size_t destination, const char *id);
/** The @index-th, oldest first. */
const struct outage *outages_at(const struct outages *outages, size_t index);
void outages_fini(struct outages *outages);

#endif /* HEALTH_OUTAGE_H */
