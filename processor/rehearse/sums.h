/**
 * sums - what became of the events: for each event type and leg, how many went where and
 * why, and how long they took; for each destination, what was asked of it.
 */
#ifndef REHEARSE_SUMS_H
#define REHEARSE_SUMS_H

#include "rehearse/trace.h"
#include "rehearse/world.h"

/* Times of events, in ms from the topic to the acknowledgement. */
struct sums_times {
    uint32_t *ms; /* owned */
    size_t count, cap;
    bool is_sorted;
};

struct sums_row {
    uint32_t line;                    /* of the traffic */
    const struct config_route *route; /* NULL: the event as a whole */
    const struct config_leg *plan;    /* NULL likewise */
    uint64_t delivered;
    uint64_t dead_lettered[REASON_COUNT];
    struct sums_diverted {
        size_t destination;
        enum reason reason;
        uint64_t events;
    } * diverted; /* owned */
    size_t diverted_count, diverted_cap;
    struct sums_times delivered_times, diverted_times;
};

struct sums_asked {
    uint64_t requests, events;
    uint64_t requests_in_fault; /* that one of the trace's rules answered */
};

struct sums {
    struct sums_row *rows; /* owned; as they came up, sorted by sums_sort() */
    size_t row_count, row_cap;
    struct sums_asked *asked;                    /* owned; by destination */
    uint64_t delivered, diverted, dead_lettered; /* legs */
};

void sums_init(struct sums *sums, const struct config *config);
void sums_fini(struct sums *sums);
void sums_settled(struct sums *sums, const struct world_leg *leg, uint64_t now_ms);
void sums_requested(struct sums *sums, size_t destination, size_t events, bool is_in_fault);
/** Rows by line of the traffic, then as the configuration has routes and legs. */
void sums_sort(struct sums *sums);
/** The smallest time that @share of them do not exceed; 0 when there is none. */
uint32_t sums_percentile(struct sums_times *times, double share);
uint64_t sums_diverted(const struct sums_row *row);
uint64_t sums_dead_lettered(const struct sums_row *row);

#endif /* REHEARSE_SUMS_H */
