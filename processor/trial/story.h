/**
 * story - the sandbox's play as a table: what the simulated TikTok does in each phase, what
 * the processor has to show meanwhile, and whether it did.
 *
 *     healthy -> partial outage -> return -> global outage -> return -> throttling -> recovery
 *
 * A phase lasts at least its time and until it has shown what it should, but only so long:
 * then it has failed and the play goes on. Pure: the caller brings time and looks.
 */
#ifndef TRIAL_STORY_H
#define TRIAL_STORY_H

#include "trial/watch.h"

enum story_phase {
    STORY_HEALTHY,
    STORY_PARTIAL,
    STORY_PARTIAL_RETURN,
    STORY_GLOBAL,
    STORY_GLOBAL_RETURN,
    STORY_THROTTLING,
    STORY_RECOVERY,
    STORY_PHASES,
};

enum { STORY_MS = 75000 }; /* what the whole usually takes */

/* The event type that goes dark alone, as the routes know it and as TikTok does. */
#define STORY_EVENT "Order Completed"
#define STORY_EVENT_THEIRS "Purchase"

/* The numbers of one moment. */
struct story_moment {
    uint64_t at_ms;
    const struct watch *watch;
    uint64_t delivered; /* at the simulator, copies not counted */
};

/* How one phase went. */
struct story_mark {
    bool is_played;
    bool has_shown;       /* what it should, and nothing it should not */
    const char *missing;  /* what it did not show; static */
    const char *mistaken; /* what it should not have shown; static, NULL: nothing */
    uint64_t duration_ms;
};

struct story {
    enum story_phase phase;
    uint64_t extra_ms; /* for each phase that can be longer */
    uint64_t from_ms;
    uint64_t diverted_before, delivered_before, in_flight_before; /* when the phase began */
    bool was_dark; /* the outage of this phase was seen */
    struct story_mark marks[STORY_PHASES];
};

/** @seconds: of the whole; what is more than STORY_MS makes traffic and outages longer. */
void story_init(struct story *story, uint64_t seconds);
/** The words of a phase: its name for people and for machines, the line that announces it. */
const char *story_title(enum story_phase phase);
const char *story_key(enum story_phase phase);
const char *story_line(enum story_phase phase);
/** What the simulator is told, a script as JSON; NULL: to be healthy. */
const char *story_modes(enum story_phase phase);
void story_enter(struct story *story, enum story_phase phase, const struct story_moment *moment);
/** How long the phase is meant to last. */
uint64_t story_phase_ms(const struct story *story);
/** What is seen now; when the phase is over its mark says so. */
void story_look(struct story *story, const struct story_moment *moment);
/** Every phase that was played to its end has shown what it should. */
bool story_has_shown(const struct story *story);

#endif /* TRIAL_STORY_H */
