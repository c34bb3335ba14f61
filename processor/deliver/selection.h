/**
 * selection - which destination of its chain a leg goes to, and why not to an earlier one.
 *
 * Reads the chain of the leg, the age of the event and the health of destinations. Kafka topics
 * have no circuit breaker and always take.
 */
#ifndef DELIVER_SELECTION_H
#define DELIVER_SELECTION_H

#include "deliver/deliverer.h"

struct selection {
    size_t position;    /* in the chain; plan->count: no destination takes it */
    enum reason reason; /* of the first destination passed over; NONE: none was */
    bool is_canary;
    struct ticket ticket; /* of the canary: answered, or cancelled by selection_cancel() */
    char outage[OUTAGE_ID_BYTES];
};

/* What it depends on, of the leg and its event. */
struct selection_for {
    const struct config_leg *plan;
    enum priority priority;
    struct span event_type, event_id;
    int64_t event_time_ms;
};

/** From position @from on: past destinations for which the event is too old, and past open
 * breakers. Two atomic loads where the breakers are closed. */
void selection_make(struct deliverer *d, const struct selection_for *of, size_t from,
                    struct selection *out);
/** The canary will not go after all. */
void selection_cancel(struct deliverer *d, const struct selection_for *of,
                      const struct selection *selection);
/** Copy what was selected into the leg. */
void leg_select(struct leg *leg, const struct selection *selection);

#endif /* DELIVER_SELECTION_H */
