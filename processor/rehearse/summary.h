/**
 * summary - what became of the events: for each event type and leg, how many went where and
 * why, and how long they took; for each destination, what was asked of it.
 */
#ifndef REHEARSE_SUMMARY_H
#define REHEARSE_SUMMARY_H

#include "rehearse/trace.h"
#include "rehearse/world.h"

/* Times of events, in ms from the topic to the acknowledgement. */
struct summary_times {
    uint32_t *ms; /* owned */
    size_t count, cap;
    bool is_sorted;
};

struct summary_row {
    uint32_t line;                    /* of the traffic */
    const struct config_route *route; /* NULL: the event as a whole */
    const struct config_leg *plan;    /* NULL likewise */
    uint64_t delivered;
    uint64_t dead_lettered[REASON_COUNT];
    struct summary_diverted {
        size_t destination;
        enum reason reason;
        uint64_t events;
    } * diverted; /* owned */
    size_t diverted_count, diverted_cap;
    struct summary_times delivered_times, diverted_times;
};

struct summary_asked {
    uint64_t requests, events;
    uint64_t requests_in_fault; /* that one of the trace's rules answered */
};

struct summary {
    struct summary_row *rows; /* owned; as they came up, sorted by summary_sort() */
    size_t row_count, row_cap;
    struct summary_asked *asked;                 /* owned; by destination */
    uint64_t delivered, diverted, dead_lettered; /* legs */
};

void summary_init(struct summary *summary, const struct config *config);
void summary_fini(struct summary *summary);
void summary_settled(struct summary *summary, const struct world_leg *leg, uint64_t now_ms);
void summary_requested(struct summary *summary, size_t destination, size_t events,
                       bool is_in_fault);
/** Rows by line of the traffic, then as the configuration has routes and legs. */
void summary_sort(struct summary *summary);
/** The smallest time that @share of them do not exceed; 0 when there is none. */
uint32_t summary_percentile(struct summary_times *times, double share);
uint64_t summary_diverted(const struct summary_row *row);
uint64_t summary_dead_lettered(const struct summary_row *row);

#endif /* REHEARSE_SUMMARY_H */
