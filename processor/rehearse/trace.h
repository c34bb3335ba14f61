/**
 * trace - a failure trace: which events come how fast, and when which destination answers what.
 *
 *     for: 5m
 *     traffic:
 *       - {event: Order Completed, rate: 40/s, value: 20, currency: EUR}
 *     destinations:
 *       tiktok:
 *         - {from: 60s, to: 120s, answer: {status: 503}}
 *
 * Every key: docs/rehearse.md. Destinations and events are checked against the configuration
 * and the traffic; all errors come at once, with their place and a suggestion.
 */
#ifndef REHEARSE_TRACE_H
#define REHEARSE_TRACE_H

#include "config/config.h"
#include "rehearse/fault.h"

enum { TRACE_TRAFFIC_MAX = 64, TRACE_FAULTS_MAX = 256, TRACE_HEADERS_MAX = 16 };

struct trace_traffic {
    struct span event;
    struct span reader; /* whose record it is; ptr NULL: the first that fits */
    struct place place;
    double rate; /* events a second */
    uint64_t from_ms, until_ms;
    bool has_value;
    double value;
    struct span currency; /* ptr NULL: invented */
};

/* What a destination of type http says when it is well. */
struct trace_healthy {
    size_t destination;
    struct place place;
    int status;
    struct span body;
    struct name_pair headers[TRACE_HEADERS_MAX];
    size_t header_count;
};

struct trace {
    struct yaml_doc *doc; /* owned */
    uint64_t for_ms;
    uint64_t latency_ms;           /* of a healthy destination, median */
    struct trace_traffic *traffic; /* owned */
    size_t traffic_count;
    struct trace_healthy *healthy; /* owned */
    size_t healthy_count;
    struct fault *faults; /* owned */
    size_t fault_count;
    struct span *events; /* owned: what rules name */
    size_t event_count;
};

/** False: what is wrong is in @diags. */
bool trace_load(const char *path, const struct config *config, struct trace *out,
                struct diags *diags);
void trace_fini(struct trace *trace);

#endif /* REHEARSE_TRACE_H */
