/**
 * fault - what a destination answers instead of taking events: when, to which types, how often.
 *
 * The first rule of a destination that fits the time and the event type, and whose share
 * is drawn, says what happens; when none does, the destination is well.
 */
#ifndef REHEARSE_FAULT_H
#define REHEARSE_FAULT_H

#include "base/rng.h"
#include "base/span.h"

enum fault_kind {
    FAULT_NONE,       /* takes it; slow where a latency is given */
    FAULT_STATUS,     /* an HTTP status, with a body where one is given */
    FAULT_CODE,       /* HTTP 200 with this code in the body (type tiktok) */
    FAULT_PARTIAL,    /* code 20001: every other event of the batch is refused (type tiktok) */
    FAULT_THROTTLE,   /* asks for less, with Retry-After where one is given */
    FAULT_CREDENTIAL, /* refuses the credential */
    FAULT_HANG,       /* takes the request and never answers */
    FAULT_RESET,      /* takes the request and closes the connection */
    FAULT_REFUSED,    /* no connection */
    FAULT_UNWRITABLE, /* a topic that takes no records */
    FAULT_KIND_COUNT,
};
const char *fault_word(enum fault_kind kind);

struct fault {
    size_t destination; /* its index in the configuration */
    uint64_t from_ms, until_ms;
    const struct span *events; /* NULL: every type */
    size_t event_count;
    double share; /* of the requests; 1: all */
    enum fault_kind kind;
    int status;
    int32_t code;
    struct span body;
    bool has_retry_after, has_latency;
    uint64_t retry_after_ms;
    uint64_t latency_ms; /* of the answer */
};

struct faults {
    const struct fault *items; /* borrowed */
    size_t count;
};

/** NULL: the destination is well. @at_ms: since the start of the run. */
const struct fault *faults_find(const struct faults *faults, size_t destination, struct span event,
                                uint64_t at_ms, struct rng *rng);

#endif /* REHEARSE_FAULT_H */
