/**
 * status - the live state of this process as JSON: GET /api/v1/status, `detour status`.
 *
 * An array with one instance, so that the answers of several processes can be put together:
 *
 *   [{"instance", "version", "started", "workers", "in_flight": {"events", "bytes"},
 *     "blocked": [{"reason", "partitions"}], "lag", "oldest_unsettled_s",
 *     "kafka": {"up", "since", "error", "errors": [{"from", "worker", "error", "resource", "text",
 *               "meaning", "next", "passes", "since", "times"}]},
 *     "registry": null or {"up", "since", "error", "waiting"},
 *     "partitions": [{"topic", "partition", "lag", "lag_age_s", "open_transaction_s",
 *                     "blocked": [reason], "error": null or {"error", "meaning", "next", "else",
 *                     "since"}}],
 *     "totals": {"consumed", "delivered", "diverted", "dead_lettered", "dropped"},
 *     "destinations": [{"name", "type", BREAKER, "scope", "rate_per_s", "verdicts": {word: count},
 *                       "throttled", "throttle": null or {"since", "next_probe_in_ms",
 *                       "last_answer": ANSWER}, "held": null or {"secret", and the same},
 *                       "held_sources": [{"source_id", "since", "next_probe_in_ms"}],
 *                       "cells": [{"event", BREAKER, "k", "flapping"}]}],
 *     "outages": [{"id", "destination", "event", "cause", "began", "opened", "closed", "diverted",
 *                  "dead_lettered", "last_error": ANSWER}]}]
 *
 *   BREAKER: "state", "cause", "since", "share", "outage", "override", "next_probe_in_ms",
 *            "last_answer": ANSWER, "last_error": ANSWER, "began", "opened", "diverted",
 *            "dead_lettered"
 *   ANSWER:  null or {"at", "verdict", "status", "code", "request_id", "text"}
 *
 * A partition's lag is null where the broker was never heard of, and lag_age_s how old its word is.
 * kafka.up and registry.up are null where nobody asks.
 *
 * Times are ISO 8601 UTC; what there is not is null. last_error is the last answer that was not
 * good; code is the body's, status HTTP's, text our words. An outage began with the first call of
 * the run that led to it; diverted and dead_lettered are the events that failed over because of it,
 * in this process. event is null for the destination as a whole. outages: those that go on, and the
 * last OUTAGES_KEPT that are over. rate_per_s: events it took, as alternate and as dead letters
 * too, over the last ten seconds. A secret is named by where it comes from, never by its value.
 * Nothing else of an event than its type, and a source id that is held, is in it.
 *
 * Used by one thread, the admin endpoint's.
 */
#ifndef OBSERVE_STATUS_H
#define OBSERVE_STATUS_H

#include "health/health.h"
#include "observe/metrics.h"

struct status;

struct status_sources {
    const struct config *config; /* all kept */
    struct metrics *metrics;
    struct health *health;
    const char *instance;    /* host:pid */
    struct cluster *cluster; /* NULL: nobody asks */
    struct catalog *catalog; /* NULL: likewise */
};

struct status *status_new(const struct status_sources *sources, uint64_t now_ms, int64_t wall_ms);
void status_free(struct status *status);
/** Call about once a second: rates are measured between these calls. */
void status_tick(struct status *status, uint64_t now_ms);
void status_write(struct status *status, uint64_t now_ms, int64_t wall_ms, struct buf *out);

#endif /* OBSERVE_STATUS_H */
