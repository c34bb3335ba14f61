#include "app/totals.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "event/blocked.h"

enum { WHICH_BYTES_MAX = 240 }; /* more of them add nothing: the status has them all */

static void add_state(struct buf *out, struct span destination, const struct cell_view *view,
                      const char *state)
{
    buf_printf(out, "%s" SPAN_FMT "%s" SPAN_FMT " %s", out->len == 0 ? "" : "; ",
               SPAN_ARG(destination), view->event.len > 0 ? "/" : "", SPAN_ARG(view->event), state);
}

static size_t add_destination(struct buf *out, struct span name,
                              const struct destination_view *view)
{
    size_t count = 0;

    if (view->held.workers > 0 || view->throttled.workers > 0) {
        add_state(out, name, &view->self, view->held.workers > 0 ? "held" : "throttled");
        count++;
    }
    if (cell_view_state(&view->self) != BREAKER_CLOSED) {
        add_state(out, name, &view->self, breaker_state_word(cell_view_state(&view->self)));
        count++;
    }
    for (size_t i = 0; i < view->cell_count; i++) {
        enum breaker_state state = cell_view_state(&view->cells[i]);

        if (state != BREAKER_CLOSED) {
            add_state(out, name, &view->cells[i], breaker_state_word(state));
            count++;
        }
    }
    return count;
}

/* What is not closed, such as "tiktok held; tiktok/Purchase half_open"; how many. */
static size_t write_not_closed(const struct totals_source *source, uint64_t now_ms, struct buf *out)
{
    struct destination_view *view = mem_new(struct destination_view);
    size_t count = 0;

    for (size_t i = 0; i < source->config->destination_count; i++) {
        health_look(source->health, i, now_ms, view);
        count += add_destination(out, source->config->destinations[i].name, view);
    }
    free(view);
    return count;
}

static void add_blocked(struct buf *out, const struct metrics_totals *totals)
{
    for (size_t r = 0; r < BLOCK_REASON_COUNT; r++) {
        if (totals->blocked[r] > 0) {
            buf_printf(out, "%s%s %llu", out->len == 0 ? "" : "; ",
                       block_word((enum block_reason)r), (unsigned long long)totals->blocked[r]);
        }
    }
}

#define TOTALS_FORMAT                                                                              \
    "consumed=%llu delivered=%llu diverted=%llu dead_lettered=%llu dropped=%llu in_flight=%llu "   \
    "lag=%llu blocked=%s not_closed=%zu which=%s lines_lost=%llu"
#define TOTALS_ARGUMENTS                                                                           \
    (unsigned long long)totals.consumed, (unsigned long long)totals.delivered,                     \
        (unsigned long long)totals.diverted, (unsigned long long)totals.dead_lettered,             \
        (unsigned long long)totals.dropped, (unsigned long long)totals.in_flight,                  \
        (unsigned long long)metrics_lag_total(source->metrics), LOG_Q(buf_text(&blocked)), count,  \
        LOG_Q(buf_text(&which)), (unsigned long long)log_dropped()

void totals_log(const struct totals_source *source, uint64_t now_ms, bool is_end)
{
    struct metrics_totals totals;
    struct buf blocked;
    struct buf which;
    size_t count;

    buf_init(&blocked, WHICH_BYTES_MAX);
    buf_init(&which, WHICH_BYTES_MAX);
    metrics_totals(source->metrics, &totals);
    add_blocked(&blocked, &totals);
    count = write_not_closed(source, now_ms, &which);
    if (is_end) {
        LOG_INFO("run.stopped", TOTALS_FORMAT, TOTALS_ARGUMENTS);
    } else {
        LOG_INFO("run.totals", TOTALS_FORMAT, TOTALS_ARGUMENTS);
    }
    buf_fini(&blocked);
    buf_fini(&which);
}
