/**
 * feed - generated events onto a topic, at a rate, each one accounted for by the broker's
 * delivery report. One thread owns it and turns it.
 */
#ifndef TRIAL_FEED_H
#define TRIAL_FEED_H

#include "base/counts.h"
#include "trial/generator.h"

/* The fate of one record. */
struct feed_report {
    uint64_t index;
    enum bad_kind bad;
    bool has_consent;
    bool is_acknowledged;
    int32_t partition;
    int64_t offset;
};

struct feed_options {
    const char *topic;   /* terminated; borrowed while the feed lives */
    double rate;         /* records a second; 0: as fast as the broker takes them */
    uint64_t count_max;  /* UINT64_MAX: no end */
    uint64_t timeout_ms; /* to find the topic */
    /** Called from feed_turn() and feed_finish() for each record. May be NULL. */
    void (*done)(void *context, const struct feed_report *report);
    void *context;
};

struct feed_totals {
    uint64_t produced; /* handed over; acknowledged + failed once finished */
    uint64_t acknowledged, failed;
    uint64_t good, bad, without_consent, bytes;
    uint64_t by_kind[BAD_KIND_COUNT];
    struct counts by_type;
};

struct feed;

/** Keeps @generator. ERR_NET when no broker answers, ERR_ABSENT when there is no such topic. */
NODISCARD enum err_code feed_open(const struct config *config, struct generator *generator,
                                  const struct feed_options *options, struct feed **out,
                                  struct err *err);
/** Produce what is due and take reports, waiting at most @wait_ms. *@is_done: count_max is
 * reached. */
NODISCARD enum err_code feed_turn(struct feed *feed, uint64_t wait_ms, bool *is_done,
                                  struct err *err);
/** Produce no more; wait for the outstanding reports. ERR_NET when some do not come or failed. */
NODISCARD enum err_code feed_finish(struct feed *feed, uint64_t timeout_ms, struct err *err);
const struct feed_totals *feed_totals(const struct feed *feed);
void feed_close(struct feed *feed);

#endif /* TRIAL_FEED_H */
