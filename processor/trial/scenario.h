/**
 * scenario - the sandbox's phases as a table: what the simulated platform does in each phase, what
 * the processor has to show meanwhile, and whether it did.
 *
 *     healthy -> partial outage -> return -> global outage -> return -> throttling -> recovery
 *     -> backfill -> refusal -> replay
 *
 * A phase lasts at least its time and until it has shown what it should, but only so long:
 * then it has failed and the next one begins. Pure: the caller brings time and looks. One thread.
 */
#ifndef TRIAL_SCENARIO_H
#define TRIAL_SCENARIO_H

#include "trial/watch.h"

enum scenario_phase {
    SCENARIO_HEALTHY,
    SCENARIO_PARTIAL,
    SCENARIO_PARTIAL_RETURN,
    SCENARIO_GLOBAL,
    SCENARIO_GLOBAL_RETURN,
    SCENARIO_THROTTLING,
    SCENARIO_RECOVERY,
    SCENARIO_BACKFILL,
    SCENARIO_REFUSAL,
    SCENARIO_REPLAY,
    SCENARIO_PHASES,
};

enum { SCENARIO_MS = 90000 }; /* what the whole usually takes */

/* The event type that fails alone, as the routes know it and as the platform does. */
#define SCENARIO_EVENT "Order Completed"
#define SCENARIO_EVENT_THEIRS "Purchase"

#define SCENARIO_REPLAY_NAME "refused"
#define SCENARIO_EXPORT "diverted" /* how the files of the export begin */

/* The numbers of one moment. */
struct scenario_moment {
    uint64_t at_ms;
    const struct watch *watch;
    uint64_t delivered; /* at the simulator, copies not counted */
    uint64_t rejected;  /* dead letters of that reason */
    bool is_done;       /* every command of the phase has ended well */
    bool is_backfilled; /* nothing that was diverted is still to be delivered */
};

/* How one phase went. */
struct scenario_mark {
    bool is_played;
    bool has_shown;  /* what it should, and nothing it should not */
    const char *why; /* not; static; NULL: it has */
    uint64_t duration_ms;
};

struct scenario {
    enum scenario_phase phase;
    uint64_t extra_ms; /* for each phase that can be longer */
    uint64_t from_ms;
    uint64_t diverted_before, delivered_before, in_flight_before; /* when the phase began */
    uint64_t rejected_before;
    unsigned seen; /* facts of this phase */
    struct scenario_mark marks[SCENARIO_PHASES];
};

struct scenario_rule {
    const char *title, *key; /* its name for people and for machines */
    const char *line;        /* announces it, behind the title */
    const char *faults;      /* what the simulator is told, as JSON; NULL: to be healthy */
    const char *commands;    /* an operator's, one a line; run one after another; NULL: none */
    uint64_t least_ms;
    uint64_t slack_ms; /* for what it has to show, past least_ms */
    bool is_stretched; /* longer in a longer run */
    /* Bits, by the table of facts in scenario.c: all of them have to be seen, one look is enough;
     * one look at one of the others is a failure. */
    unsigned wanted, unwanted;
};

/** @seconds: of the whole; what is more than SCENARIO_MS makes traffic and outages longer. */
void scenario_init(struct scenario *scenario, uint64_t seconds);
const struct scenario_rule *scenario_rule(enum scenario_phase phase);
void scenario_enter(struct scenario *scenario, enum scenario_phase phase,
                    const struct scenario_moment *moment);
/** What an operator asks when all is over, one command a line. */
const char *scenario_last_commands(void);
/** How long the phase is meant to last. */
uint64_t scenario_phase_ms(const struct scenario *scenario);
/** What is seen now; when the phase is over its mark says so. */
void scenario_look(struct scenario *scenario, const struct scenario_moment *moment);
/** Every phase that was played to its end has shown what it should. */
bool scenario_has_shown(const struct scenario *scenario);

#endif /* TRIAL_SCENARIO_H */
