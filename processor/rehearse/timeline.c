#include "rehearse/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    LOOK_MS = 100,          /* flow has no version that tells of changes */
    EPISODE_GAP_MS = 15000, /* nothing diverted for so long: it is over */
};

/* What was seen last of one destination. */
struct known {
    uint64_t version;
    enum breaker_state self;
    enum breaker_state cells[DESTINATION_CELLS_MAX];
    bool is_throttled, is_held;
};

/* Events of one type going round. */
struct episode {
    struct span event;
    size_t destination, alternate;
    bool is_dead_letter;
    bool is_open;
    uint64_t last_ms, events;
};

struct timeline {
    const struct config *config;
    struct timeline_row *rows; /* owned */
    size_t row_count, row_cap;
    struct known *known;      /* owned; by destination */
    struct episode *episodes; /* owned */
    size_t episode_count, episode_cap;
    uint64_t looked_ms;
    struct destination_view view; /* large, so not on the stack */
};

const char *timeline_word(enum timeline_what what)
{
    static const char *const words[] = {"fault",    "health",   "flow",
                                        "diverted", "returned", "dead_lettered"};

    return words[what];
}

static struct timeline_row *add_row(struct timeline *timeline, uint64_t at_ms,
                                    enum timeline_what what, size_t destination)
{
    struct timeline_row *row;

    if (timeline->row_count == timeline->row_cap) {
        timeline->row_cap = MAX_OF(timeline->row_cap * 2, (size_t)64);
        timeline->rows = mem_grow(timeline->rows, timeline->row_cap, sizeof(*timeline->rows));
    }
    row = &timeline->rows[timeline->row_count++];
    *row = (struct timeline_row){.at_ms = at_ms, .what = what, .destination = destination};
    return row;
}

/* faults */

static void describe_fault(const struct fault *fault, char *out, size_t size)
{
    char share[16] = "";
    char detail[24] = "";

    if (fault->share < 1) {
        (void)snprintf(share, sizeof(share), "%.0f%% ", fault->share * 100);
    }
    if (fault->kind == FAULT_STATUS) {
        (void)snprintf(detail, sizeof(detail), " %d", (int)fault->status);
    } else if (fault->kind == FAULT_CODE) {
        (void)snprintf(detail, sizeof(detail), " %d", (int)fault->code);
    } else if (fault->kind == FAULT_SLOW) {
        (void)snprintf(detail, sizeof(detail), " %.1f s", (double)fault->latency_max_ms / 1000);
    } else if (fault->has_retry_after) {
        (void)snprintf(detail, sizeof(detail), " %.1f s", (double)fault->retry_after_ms / 1000);
    }
    (void)snprintf(out, size, "%s%s%s", share, fault_word(fault->kind), detail);
}

static void add_fault(struct timeline *timeline, const struct fault *fault, size_t event)
{
    struct span name = fault->event_count == 0 ? SPAN_NONE : fault->events[event];
    struct timeline_row *row =
        add_row(timeline, fault->from_ms, TIMELINE_FAULT, fault->destination);

    row->event = name;
    (void)snprintf(row->state, sizeof(row->state), "begins");
    describe_fault(fault, row->cause, sizeof(row->cause));
    row = add_row(timeline, fault->until_ms, TIMELINE_FAULT, fault->destination);
    row->event = name;
    (void)snprintf(row->state, sizeof(row->state), "ends");
    describe_fault(fault, row->cause, sizeof(row->cause));
}

struct timeline *timeline_new(const struct config *config, const struct trace *trace)
{
    struct timeline *timeline = mem_new(struct timeline);

    timeline->config = config;
    timeline->known = mem_array(config->destination_count, struct known);
    for (size_t i = 0; i < trace->faults.count; i++) {
        const struct fault *fault = &trace->faults.items[i];

        for (size_t event = 0; event < MAX_OF(fault->event_count, (size_t)1); event++) {
            add_fault(timeline, fault, event);
        }
    }
    return timeline;
}

void timeline_free(struct timeline *timeline)
{
    if (timeline != NULL) {
        free(timeline->rows);
        free(timeline->known);
        free(timeline->episodes);
        free(timeline);
    }
}

/* health */

static void add_state(struct timeline *timeline, size_t destination, const struct cell_view *cell,
                      enum breaker_state *before, bool is_absorbed, uint64_t at_ms)
{
    struct timeline_row *row;

    if (cell->state == *before) {
        return;
    }
    row = add_row(timeline, at_ms, TIMELINE_HEALTH, destination);
    row->event = cell->event;
    row->scope = timeline->view.scope;
    (void)snprintf(row->state, sizeof(row->state), "%s",
                   is_absorbed ? "absorbed" : breaker_state_word(cell->state));
    if (cell->cause != CAUSE_NONE) {
        (void)snprintf(row->cause, sizeof(row->cause), "%s%s", breaker_cause_word(cell->cause),
                       cell->is_flapping ? ", flapping" : "");
    }
    *before = cell->state;
}

static void add_throttle_or_hold(struct timeline *timeline, size_t destination, bool *before,
                                 bool is_now, const char *word, uint64_t at_ms)
{
    struct timeline_row *row;

    if (*before == is_now) {
        return;
    }
    row = add_row(timeline, at_ms, TIMELINE_FLOW, destination);
    (void)snprintf(row->state, sizeof(row->state), "%s", is_now ? word : "open");
    (void)snprintf(row->cause, sizeof(row->cause), "%s%s", is_now ? "" : "was ",
                   is_now ? (word[0] == 't' ? "asks for less" : "credential refused") : word);
    *before = is_now;
}

static void look_at(struct timeline *timeline, const struct deliverer *d, size_t destination,
                    uint64_t at_ms)
{
    struct known *known = &timeline->known[destination];
    struct destination_view *view = &timeline->view;

    health_look(d->health, destination, d->now_ms, view);
    for (size_t i = 0; i < view->cell_count; i++) {
        bool is_absorbed =
            view->cells[i].state == BREAKER_CLOSED && view->self.state != BREAKER_CLOSED;

        add_state(timeline, destination, &view->cells[i], &known->cells[i], is_absorbed, at_ms);
    }
    add_state(timeline, destination, &view->self, &known->self, false, at_ms);
    add_throttle_or_hold(timeline, destination, &known->is_throttled, view->throttled.workers > 0,
                         "throttled", at_ms);
    add_throttle_or_hold(timeline, destination, &known->is_held, view->held.workers > 0, "held",
                         at_ms);
}

void timeline_look(struct timeline *timeline, const struct deliverer *d, uint64_t at_ms)
{
    bool is_due = at_ms - timeline->looked_ms >= LOOK_MS;

    for (size_t i = 0; i < timeline->config->destination_count; i++) {
        uint64_t version;

        if (timeline->config->destinations[i].type->is_topic) {
            continue;
        }
        version = health_version(d->health, i);
        if (is_due || version != timeline->known[i].version) {
            timeline->known[i].version = version;
            look_at(timeline, d, i, at_ms);
        }
    }
    if (is_due) {
        timeline->looked_ms = at_ms;
    }
}

/* diversions */

static struct episode *find_episode(struct timeline *timeline, const struct world_leg *leg,
                                    struct span event, size_t destination)
{
    struct episode *episode;

    for (size_t i = 0; i < timeline->episode_count; i++) {
        episode = &timeline->episodes[i];
        if (episode->destination == destination && episode->alternate == leg->destination &&
            episode->is_dead_letter == leg->is_dead_letter && span_eq(episode->event, event)) {
            return episode;
        }
    }
    if (timeline->episode_count == timeline->episode_cap) {
        timeline->episode_cap = MAX_OF(timeline->episode_cap * 2, (size_t)16);
        timeline->episodes =
            mem_grow(timeline->episodes, timeline->episode_cap, sizeof(*timeline->episodes));
    }
    episode = &timeline->episodes[timeline->episode_count++];
    *episode = (struct episode){.event = event,
                                .destination = destination,
                                .alternate = leg->destination,
                                .is_dead_letter = leg->is_dead_letter};
    return episode;
}

static struct timeline_row *add_episode(struct timeline *timeline, const struct episode *episode,
                                        enum timeline_what what, uint64_t at_ms)
{
    struct timeline_row *row = add_row(
        timeline, at_ms, episode->is_dead_letter ? TIMELINE_DEAD : what, episode->destination);

    row->event = episode->event;
    row->alternate = episode->alternate;
    if (episode->is_dead_letter) {
        (void)snprintf(row->state, sizeof(row->state), "%s",
                       what == TIMELINE_DIVERTED ? "begins" : "ends");
    }
    return row;
}

static void end_episode(struct timeline *timeline, struct episode *episode)
{
    struct timeline_row *row = add_episode(timeline, episode, TIMELINE_RETURNED, episode->last_ms);

    row->events = episode->events;
    episode->is_open = false;
    episode->events = 0;
}

void timeline_diverted(struct timeline *timeline, const struct world_leg *leg, struct span event,
                       uint64_t at_ms)
{
    size_t destination = (size_t)(leg->plan->chain[0] - timeline->config->destinations);
    struct episode *episode = find_episode(timeline, leg, event, destination);

    if (episode->is_open && at_ms - episode->last_ms > EPISODE_GAP_MS) {
        end_episode(timeline, episode);
    }
    if (!episode->is_open) {
        struct timeline_row *row = add_episode(timeline, episode, TIMELINE_DIVERTED, at_ms);

        (void)snprintf(row->cause, sizeof(row->cause), "%s", reason_word(leg->reason));
        episode->is_open = true;
    }
    episode->last_ms = at_ms;
    episode->events++;
}

/* the whole */

/* Rows are added in the order of time but for rules and ends; what comes at once keeps its order.
 */
static void sort_rows(struct timeline *timeline)
{
    for (size_t i = 1; i < timeline->row_count; i++) {
        struct timeline_row row = timeline->rows[i];
        size_t at = i;

        while (at > 0 && timeline->rows[at - 1].at_ms > row.at_ms) {
            at--;
        }
        memmove(&timeline->rows[at + 1], &timeline->rows[at],
                (i - at) * sizeof(struct timeline_row));
        timeline->rows[at] = row;
    }
}

const struct timeline_row *timeline_rows(struct timeline *timeline, size_t *count)
{
    for (size_t i = 0; i < timeline->episode_count; i++) {
        if (timeline->episodes[i].is_open) {
            end_episode(timeline, &timeline->episodes[i]);
        }
    }
    sort_rows(timeline);
    *count = timeline->row_count;
    return timeline->rows;
}
