/**
 * play - the sandbox's play: traffic while the story (trial/story.h) runs, or until a
 * signal (--interactive); then everything settles and is counted, event by event. What the
 * processor says of its destination's health is told as it changes.
 */
#ifndef TRIAL_PLAY_H
#define TRIAL_PLAY_H

#include "trial/feed.h"
#include "trial/show.h"
#include "trial/stage.h"
#include "trial/story.h"
#include "trial/witness.h"

struct play_options {
    uint64_t seconds; /* of traffic, all phases together */
    double rate;      /* events a second */
    double bad;       /* share of records that do not decode */
    double no_consent;
    uint64_t seed;
    bool is_interactive;
};

struct play_result {
    struct audit_balance balance;
    struct story story;                 /* how each phase went */
    uint64_t consumed, dropped_counted; /* as the processor says */
    struct witness_reason reasons[WITNESS_REASONS_MAX];
    size_t reason_count;
    uint64_t duration_ms;
    bool has_settled;
    bool is_cut_short; /* a signal ended the traffic early; what was produced is still counted */
};

/** Play on @stage, whose processor is ready. ERR_* when it could not be played to its end. */
NODISCARD enum err_code play(struct stage *stage, const struct play_options *options,
                             struct show *show, struct play_result *out, struct err *err);

#endif /* TRIAL_PLAY_H */
