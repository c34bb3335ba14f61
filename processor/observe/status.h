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
 *                       "cells": [{"event", BREAKER, "k", "flapping"}],
 *                       "backfill": null or {"from", "state", "waiting", "left_s", "kept",
 *                       "delivered", "expired"}}],
 *     "outages": [{"id", "destination", "event", "cause", "began", "opened", "closed", "diverted",
 *                  "dead_lettered", "last_error": ANSWER}]}]
 *
 *   BREAKER: "state", "cause", "since", "share", "outage", "override", "next_probe_in_ms",
 *            "last_answer": ANSWER, "last_error": ANSWER, "began", "opened", "diverted",
 *            "dead_lettered"
 *   ANSWER:  null or {"at", "verdict", "status", "code", "request_id", "text"}
 *
 * A backfill's state is null until it has begun; waiting and left_s are of all instances together,
 * null until they are known; kept are events that are kept back here, to be tried again.
 *
 * The lag of a partition is null until the broker has answered; lag_age_s is the age of its answer.
 * kafka.up and registry.up are null if nobody asks.
 *
 * Times are ISO 8601 UTC; a value that does not exist is null. last_error is the last answer that
 * was not good; code is from the body, status from HTTP, text from detour. An outage began with the
 * first call of the run that opened the breaker; diverted and dead_lettered are the events that
 * failed over because of it, in this process. event is null for the whole destination. outages: the
 * open ones, and the last OUTAGES_KEPT that are over. rate_per_s: accepted events, also as
 * alternate and as dead letters, over the last 10 s. A secret is named by its source, never by its
 * value. Of an event there is nothing but its type, and a source id that is held.
 *
 * Used by one thread, that of the admin endpoint. It borrows its sources; nothing fails.
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
