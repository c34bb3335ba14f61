#include "observe/metrics_inside.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "observe/metrics_text.h"

void metrics_watch(struct metrics *metrics, struct health *health)
{
    metrics->health = health;
}

struct destination_view *metrics_look(const struct metrics *metrics)
{
    struct destination_view *views;
    uint64_t now_ms = clock_mono_ms();

    if (metrics->health == NULL) {
        return NULL;
    }
    views = mem_array(metrics->destination_count, struct destination_view);
    for (size_t d = 0; d < metrics->destination_count; d++) {
        if (metrics->has_breaker[d]) {
            health_look(metrics->health, d, now_ms, &views[d]);
        }
    }
    return views;
}

/* The destination's own breaker has no event: an empty label, which is none to Prometheus. */
static struct sample begin_cell(const struct metrics *metrics, struct buf *out, const char *name,
                                size_t destination, struct span event)
{
    struct sample sample = sample_begin(out, name, "");

    sample_label(&sample, "destination", span_of(metrics->destinations[destination]));
    sample_label(&sample, "event", event);
    return sample;
}

static void one_each(const struct metrics *metrics, const struct destination_view *views,
                     struct buf *out, const char *name,
                     uint64_t (*number)(const struct destination_view *view))
{
    for (size_t d = 0; d < metrics->destination_count; d++) {
        if (metrics->has_breaker[d]) {
            struct sample sample = sample_begin(out, name, "");

            sample_label(&sample, "destination", span_of(metrics->destinations[d]));
            sample_end_u64(&sample, number(&views[d]));
        }
    }
}

static uint64_t state_of(const struct destination_view *view)
{
    return (uint64_t)cell_view_state(&view->self);
}

static uint64_t scope_of(const struct destination_view *view)
{
    return (uint64_t)view->scope;
}

static uint64_t throttled_of(const struct destination_view *view)
{
    return view->throttled.workers;
}

static uint64_t held_of(const struct destination_view *view)
{
    return view->held.workers;
}

void metrics_write_destination_state(const struct metrics *metrics,
                                     const struct destination_view *views, struct buf *out,
                                     const char *name)
{
    one_each(metrics, views, out, name, state_of);
}

void metrics_write_scope(const struct metrics *metrics, const struct destination_view *views,
                         struct buf *out, const char *name)
{
    one_each(metrics, views, out, name, scope_of);
}

void metrics_write_throttled(const struct metrics *metrics, const struct destination_view *views,
                             struct buf *out, const char *name)
{
    one_each(metrics, views, out, name, throttled_of);
}

void metrics_write_held(const struct metrics *metrics, const struct destination_view *views,
                        struct buf *out, const char *name)
{
    one_each(metrics, views, out, name, held_of);
}

void metrics_write_cell_state(const struct metrics *metrics, const struct destination_view *views,
                              struct buf *out, const char *name)
{
    for (size_t d = 0; d < metrics->destination_count; d++) {
        for (size_t c = 0; c < views[d].cell_count; c++) {
            const struct cell_view *cell = &views[d].cells[c];
            struct sample sample = begin_cell(metrics, out, name, d, cell->event);

            sample_end_u64(&sample, (uint64_t)cell_view_state(cell));
        }
    }
}

static void write_entered(const struct metrics *metrics, struct buf *out, const char *name,
                          size_t destination, const struct cell_view *cell)
{
    for (size_t s = 0; s < BREAKER_STATES; s++) {
        struct sample sample = begin_cell(metrics, out, name, destination, cell->event);

        sample_label(&sample, "state", span_of(breaker_state_word((enum breaker_state)s)));
        sample_end_u64(&sample, cell->entered[s]);
    }
}

void metrics_write_transitions(const struct metrics *metrics, const struct destination_view *views,
                               struct buf *out, const char *name)
{
    for (size_t d = 0; d < metrics->destination_count; d++) {
        if (!metrics->has_breaker[d]) {
            continue;
        }
        write_entered(metrics, out, name, d, &views[d].self);
        for (size_t c = 0; c < views[d].cell_count; c++) {
            write_entered(metrics, out, name, d, &views[d].cells[c]);
        }
    }
}
