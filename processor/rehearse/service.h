/**
 * service - what the service behind a destination answers to one batch, as bytes that the real
 * reader of answers reads. Also which of the events it took, and whether its answer says so.
 *
 * The words are the driver's (say()); what is in force is a rule of the trace, or that the service
 * is well.
 */
#ifndef REHEARSE_SERVICE_H
#define REHEARSE_SERVICE_H

#include "destinations/driver.h"
#include "rehearse/trace.h"

/* One request, as the service sees it. */
struct service_request {
    const struct driver *driver;
    const struct fault *fault;           /* NULL: it is well */
    size_t count;                        /* events of the batch */
    const struct trace_healthy *healthy; /* what the trace says of its healthy answer, or NULL */
    const struct http_target *target;    /* how long the sender waits */
    uint64_t latency_ms;                 /* of a healthy answer */
};

struct service_answer {
    struct http_reply reply; /* its body points into @body */
    struct buf body;
    uint64_t latency_ms;
    size_t count;
    bool is_taken;               /* the service has the events, but for what @partial refuses */
    const struct fault *partial; /* NULL: it refuses none */
    bool tells;                  /* that it took what it took */
};

void service_answer_init(struct service_answer *answer);
void service_answer_fini(struct service_answer *answer);
void service_answer_write(struct service_answer *answer, const struct service_request *request,
                          struct rng *rng);
/** Whether the service has the event at @index of the batch. */
bool service_answer_takes(const struct service_answer *answer, size_t index);

#endif /* REHEARSE_SERVICE_H */
