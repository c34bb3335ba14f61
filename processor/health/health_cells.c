/*
 * Which cell an event type has. There are DESTINATION_CELLS_MAX, and the last is shared ("other").
 * While others are free a new type takes one. Then it is a candidate, shares, and when it has been
 * asked for a few times takes the cell of a type without traffic: types that come once, and there
 * may be any number of these, take nothing from those that stay.
 */
#include "health/health_inside.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
    OWN_CELLS = DESTINATION_CELLS_MAX - 1,
    UNUSED_MS = 10 * 1000,    /* without traffic for so long a closed cell may be another's */
    CANDIDATE_ASKS = 3,       /* so many times within */
    CANDIDATE_MS = 10 * 1000, /* the last of them, and a type has traffic */
};

/* The names of cells that were given away live on for a while: who looks has only borrowed them. No
 * more than OWN_CELLS are given away in UNUSED_MS, so it is two minutes and more. */
static void retire_name(struct watched *watched, char *name)
{
    char **place = &watched->retired[watched->retired_count++ % HEALTH_NAMES_RETIRED];

    free(*place);
    *place = name;
}

/* How often it was asked for lately, this time included. Types share places, and who is asked for
 * often is not long without one. */
static unsigned count_candidate(struct watched *watched, struct span event, uint64_t now_ms)
{
    uint64_t hash = span_hash(event);
    struct candidate *candidate = &watched->candidates[hash % HEALTH_CANDIDATES];

    if (candidate->hash != hash || now_ms - candidate->asked_ms > CANDIDATE_MS) {
        *candidate = (struct candidate){.hash = hash};
    }
    candidate->asked_ms = now_ms;
    return ++candidate->asks;
}

/* The closed one that has been without traffic for longest; OWN_CELLS: each has some. */
static size_t find_unused(const struct watched *watched, uint64_t now_ms)
{
    uint64_t oldest_ms = now_ms;
    size_t found = OWN_CELLS;

    for (size_t i = 0; i < OWN_CELLS; i++) {
        const struct cell *cell = watched->health.cells[i];
        uint64_t used_ms = MAX_OF(cell->active_ms, cell->breaker.since_ms);
        bool is_free = cell->breaker.state == BREAKER_CLOSED && cell->breaker.force == FORCE_NONE &&
                       now_ms - MIN_OF(used_ms, now_ms) >= UNUSED_MS;

        if (is_free && used_ms < oldest_ms) {
            oldest_ms = used_ms;
            found = i;
        }
    }
    return found;
}

static void give_away(struct watched *watched, size_t index, struct span event, uint64_t now_ms)
{
    PRE(index < OWN_CELLS);
    PRE(watched->marks[index].outage.id[0] == '\0');
    retire_name(watched, watched->names[index]);
    watched->names[index] = mem_text(event);
    watched->marks[index] = (struct outage_mark){0};
    destination_health_renew(&watched->health, index, now_ms);
    atomic_store(&watched->gates[index].is_closed, true);
    atomic_fetch_add(&watched->cells_version, 1);
}

static size_t add_cell(struct watched *watched, struct span name, uint64_t now_ms)
{
    size_t index = destination_health_add(&watched->health, now_ms);

    if (watched->names[index] == NULL) {
        watched->names[index] = mem_text(name);
        atomic_store(&watched->gates[index].is_closed, true);
    }
    return index;
}

static size_t find_or_make(struct watched *watched, struct span event, uint64_t now_ms)
{
    size_t count = MIN_OF(watched->health.cell_count, (size_t)OWN_CELLS);
    size_t index = 0;

    while (index < count && !span_is(event, watched->names[index])) {
        index++;
    }
    if (index < count) {
        return index;
    }
    if (count < OWN_CELLS) {
        return add_cell(watched, event, now_ms);
    }
    index = count_candidate(watched, event, now_ms) < CANDIDATE_ASKS ? OWN_CELLS
                                                                     : find_unused(watched, now_ms);
    if (index == OWN_CELLS) {
        return add_cell(watched, SPAN("other"), now_ms);
    }
    give_away(watched, index, event, now_ms);
    return index;
}

size_t health_cell(struct health *health, size_t destination, struct span event, uint64_t now_ms)
{
    size_t index;

    (void)pthread_mutex_lock(&health->lock);
    index = find_or_make(&health->watched[destination], event, health_steady(health, now_ms));
    POST(index < health->watched[destination].health.cell_count);
    (void)pthread_mutex_unlock(&health->lock);
    return index;
}

bool health_cell_is_shared(size_t cell)
{
    return cell == OWN_CELLS;
}

uint32_t health_cells_version(const struct health *health, size_t destination)
{
    return atomic_load_explicit(&health->watched[destination].cells_version, memory_order_acquire);
}
