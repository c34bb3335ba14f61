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
#include "trial/fault.h"

enum { TRACE_TRAFFIC_MAX = 64, TRACE_HEADERS_MAX = 16 };

struct trace_traffic {
    struct span event;
    struct span reader; /* whose record it is; ptr NULL: the first that fits */
    struct place place;
    double rate; /* events a second */
    uint64_t from_ms, until_ms;
    bool has_value;
    double value;
    struct span currency; /* ptr NULL: generated */
};

/* What a destination of type http answers when it is well: a plain 200 where the trace does not
 * say. */
struct trace_healthy {
    struct place place; /* file NULL: the trace does not say */
    int64_t status;
    struct span body;
    const struct yaml_node *headers; /* a map of texts; NULL: none */
    struct buf lines;                /* the same as "Name: value" lines */
};

struct trace {
    struct yaml_doc *doc; /* owned */
    uint64_t for_ms;
    uint64_t latency_ms;           /* of a healthy destination, median */
    struct trace_traffic *traffic; /* owned */
    size_t traffic_count;
    struct trace_healthy *healthy; /* owned; by destination */
    size_t healthy_count;
    struct faults faults;
};

/** False: what is wrong is in @diags. */
bool trace_load(const char *path, const struct config *config, struct trace *out,
                struct diags *diags);
void trace_fini(struct trace *trace);

#endif /* REHEARSE_TRACE_H */
