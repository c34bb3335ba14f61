/**
 * health_inside - what health.c (results and transitions), health_cells.c (which type has which)
 * and health_look.c (what people see) share.
 */
#ifndef HEALTH_HEALTH_INSIDE_H
#define HEALTH_HEALTH_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "health/health.h"

/* What senders read without the lock. */
struct cell_gate {
    _Atomic bool is_closed;
};

enum { HEALTH_CANDIDATES = 1024, HEALTH_NAMES_RETIRED = 4096 };

/* A type without a cell of its own: it takes one when it is asked for often. */
struct candidate {
    uint64_t hash;
    uint64_t asked_ms;
    unsigned asks;
};

struct watched {
    uint64_t live_ms[DESTINATION_CELLS_MAX]; /* live events last asked, or were answered */
    struct destination_health health;
    char *names[DESTINATION_CELLS_MAX]; /* event types, owned; the last may be "other" */
    struct cell_gate gates[DESTINATION_CELLS_MAX];
    struct outage_mark {
        enum breaker_state state; /* as last seen, to tell transitions */
        struct outage outage;     /* id "" while closed */
        struct onsets onsets;
        struct last_answer last, refused; /* answers: of any kind, not good */
        uint64_t logged_ms;
        uint32_t unlogged;
        uint64_t entered[BREAKER_STATES];
    } marks[DESTINATION_CELLS_MAX + 1];             /* the last: the destination itself */
    struct last_answer last_answer[VERDICT_COUNT];  /* the last answers, by how they were read */
    struct candidate candidates[HEALTH_CANDIDATES]; /* by hash */
    char *retired[HEALTH_NAMES_RETIRED];            /* names of cells given away, a ring; owned */
    size_t retired_count;
    _Atomic uint32_t cells_version; /* grows when a cell is given to another type */
    struct held_sources sources;
    struct pause pause;
    _Atomic bool is_closed;
    _Atomic uint64_t version;
    _Atomic uint32_t streak;
};

struct health {
    const struct config *config;
    pthread_mutex_t lock;
    struct watched *watched; /* by destination; NULL health for kafka ones */
    struct rng rng;
    int64_t (*wall_ms)(void *context); /* NULL: the kernel's */
    void *wall_context;
    _Atomic uint64_t ticked_ms;
    uint64_t latest_ms; /* under the lock: see steady() */
    struct outages past;
};

static inline uint64_t health_probe_in_ms(const struct breaker *breaker, uint64_t now_ms)
{
    return breaker->state == BREAKER_OPEN && breaker->until_ms > now_ms ? breaker->until_ms - now_ms
                                                                        : 0;
}

/* Each worker reads the clock once a turn, so one may be a little behind another; for the breakers
 * they share, time never goes back. Called under the lock. */
static inline uint64_t health_steady(struct health *health, uint64_t now_ms)
{
    health->latest_ms = MAX_OF(health->latest_ms, now_ms);
    return health->latest_ms;
}

#endif /* HEALTH_HEALTH_INSIDE_H */
