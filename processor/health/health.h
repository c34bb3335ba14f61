/**
 * health - the process's view of all destinations, shared by its workers.
 *
 * The policies (destination.h, cell.h, breaker.h) are pure; this gives them a lock, names
 * and a number that changes when anything did. Results come once a request, so the lock is
 * cold; an event asks health_is_clear() first, which is one atomic load. Instances decide
 * alone: health is not persisted, a fresh process starts closed.
 */
#ifndef HEALTH_HEALTH_H
#define HEALTH_HEALTH_H

#include "config/config.h"
#include "event/verdict.h"
#include "health/destination.h"
#include "health/outage.h"
#include "health/pause.h"
#include "health/sources.h"

struct health;

/* An event that asks whether it may go. */
struct admission {
    uint64_t now_ms;
    uint64_t hash; /* of its id: it keeps its side of a ramp */
    enum priority priority;
    /* A backfill's: while live events of its type come, they alone find out how the destination is.
     * Their absence is HEALTH_QUIET_MS without one: then it asks and counts as they do, or a
     * breaker would stay open for ever. */
    bool is_background;
};
enum { HEALTH_QUIET_MS = 10000 };

/* A call that ended. */
struct health_call {
    struct call_end end;
    struct ticket ticket;
    struct last_answer last_answer; /* what was answered, for people */
    uint32_t calls;  /* as how many it counts: refused by event, it is as many refusals */
    bool is_counted; /* it was counted as a fault while it hung, at counted_ms */
    uint64_t counted_ms;
};

/* The breakers of a cell and its destination, taken together. */
enum circuit {
    CIRCUIT_CLOSED,
    CIRCUIT_OPEN,         /* or half-open, or in the ramp: one of them is not closed */
    CIRCUIT_REJECT_STORM, /* the same, because it rejects all: a refusal says nothing of an event */
};

/** Reads the clock only through @now_ms; transitions are logged. */
struct health *health_new(const struct config *config, uint64_t seed, uint64_t now_ms);
void health_free(struct health *health);
/** Another wall clock than the kernel's, for the ids of outages: simulations. */
void health_use_wall(struct health *health, int64_t (*wall_ms)(void *context), void *context);

/** Index of the cell of @event at @destination; made when it is new. Past the bound a type with
 * traffic takes the cell of one without; until then types share one, "other". */
size_t health_cell(struct health *health, size_t destination, struct span event, uint64_t now_ms);
/** It is "other": ask again soon. */
bool health_cell_is_shared(size_t cell);
/** Changes when a cell became another type's: an index found before is to be asked for again.
 * Lock-free. */
uint32_t health_cells_version(const struct health *health, size_t destination);
/** The cell and its destination are closed: an event goes without asking further. Lock-free. */
bool health_is_clear(const struct health *health, size_t destination, size_t cell);
/** The destination's own breaker is closed. Lock-free. */
bool health_is_closed(const struct health *health, size_t destination);
/** Calls in a row, of whatever type and worker, that failed, or that were refused. Lock-free. */
uint32_t health_streak(const struct health *health, size_t destination);
/** May this event go? A canary's @ticket is answered by health_ended(), or given back by
 * health_cancel(). */
enum gate health_admit(struct health *health, size_t destination, size_t cell,
                       const struct admission *event, struct ticket *ticket);
/** The ticket of a request that goes now, for events admitted before. */
struct ticket health_ticket(struct health *health, size_t destination, size_t cell);
/** Would an event that waits still be let go? (No canary's place is taken.) */
bool health_allows_waiting(struct health *health, size_t destination, size_t cell);

/** A call hangs. True when it counts as a fault now, at @counted_ms: then its end says so
 * (health_ended()), or health_take_back() when it had none. */
bool health_provisional(struct health *health, size_t destination, size_t cell, uint64_t now_ms,
                        const struct ticket *ticket, uint64_t *counted_ms);
/** A call ended. What the breakers of its cell say now. */
enum circuit health_ended(struct health *health, size_t destination, size_t cell,
                          const struct health_call *call);
void health_take_back(struct health *health, size_t destination, size_t cell, uint64_t now_ms,
                      uint64_t at_ms, const struct ticket *ticket);
/** A canary that has not left yet: its lease begins now. */
void health_canary_waits(struct health *health, size_t destination, size_t cell, uint64_t now_ms,
                         const struct ticket *ticket);
void health_cancel(struct health *health, size_t destination, size_t cell,
                   const struct ticket *ticket);
/** Once a turn: leases, ramps, forgiveness. Cheap when nothing is due. */
void health_tick(struct health *health, uint64_t now_ms);

/** Grows with every transition of @destination: senders look through what waits. Lock-free. */
uint64_t health_version(const struct health *health, size_t destination);

/** The id of the outage for which this cell's events are diverted now, or "" when there is none;
 * and the reason. */
enum reason health_outage(struct health *health, size_t destination, size_t cell,
                          char id[OUTAGE_ID_BYTES]);

/** An event that failed over because of outage @id is settled: diverted, or a dead letter. */
void health_outage_settled(struct health *health, size_t destination, size_t cell, const char *id,
                           bool is_dead_letter);
/** The last answer of outage @id that was not good; false: none is known. */
bool health_outage_answer(struct health *health, size_t destination, size_t cell, const char *id,
                          struct last_answer *out);
/** The last answer of @destination that was read as @verdict; false: there was none. */
bool health_last_answer(struct health *health, size_t destination, enum verdict verdict,
                        struct last_answer *out);

/** @worker holds one source id of @destination, until it asks again; @since_ms 0: no longer. */
void health_hold_source(struct health *health, size_t destination, unsigned worker, struct span id,
                        uint64_t since_ms, uint64_t until_ms);

/** Its throttling and refused credential, shared by all workers. Lives as long as @health. */
struct pause *health_pause(struct health *health, size_t destination);

/* for status, metrics and the sandbox */

enum { BREAKER_STATES = BREAKER_RAMP + 1 };

struct cell_view {
    struct span event; /* lives for two minutes at least */
    enum breaker_state state;
    enum breaker_cause cause;
    enum breaker_force force;
    uint64_t since_ms, probe_in_ms; /* since: how long ago */
    uint32_t k;
    double share;
    bool is_flapping;
    struct outage outage;    /* the present one; id "": none; its event is not set */
    struct last_answer last; /* the last answer, and the last that was not good */
    struct last_answer refused;
    uint64_t entered[BREAKER_STATES]; /* transitions into each state */
};

/* Throttled, or held for a refused credential. */
struct pause_view {
    unsigned workers; /* that it pauses now: none or all */
    uint64_t for_ms;
    uint64_t probe_in_ms;           /* 0: with the next event */
    struct last_answer last_answer; /* what began it, or the last probe's answer */
};

struct destination_view {
    struct cell_view self; /* event absent */
    enum scope scope;
    struct pause_view throttled;
    struct pause_view held;
    struct held_source sources[HELD_SOURCES_MAX]; /* held alone: for how long, and till when */
    size_t source_count;
    size_t cell_count;
    struct cell_view cells[DESTINATION_CELLS_MAX];
};

/** What stands for the state to people: an operator's override, or else the state. */
enum breaker_state cell_view_state(const struct cell_view *view);
enum breaker_cause cell_view_cause(const struct cell_view *view);
/** Outages that are over, oldest first, at most OUTAGES_KEPT; how many. @each: of its call only. */
size_t health_past_outages(struct health *health,
                           void (*each)(void *context, const struct outage *outage), void *context);
/** A consistent copy. */
void health_look(struct health *health, size_t destination, uint64_t now_ms,
                 struct destination_view *out);

#endif /* HEALTH_HEALTH_H */
