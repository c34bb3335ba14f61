/* Families of backfills, and what a backfill asks of live events. */
#include "observe/metrics_inside.h"
#include "observe/metrics_text.h"

/* Sum over the workers of one member of a destination's numbers, named by its offset. */
static uint64_t sum_of(const struct metrics *metrics, size_t destination, size_t offset)
{
    uint64_t sum = 0;

    for (unsigned w = 0; w < metrics->worker_count; w++) {
        const char *numbers = (const char *)&metrics->workers[w].destinations[destination];

        sum += number_of((const _Atomic uint64_t *)(const void *)(numbers + offset));
    }
    return sum;
}

uint64_t metrics_live_requests(const struct metrics *metrics, size_t destination)
{
    PRE(destination < metrics->destination_count);

    uint64_t sum = 0;

    for (unsigned w = 0; w < metrics->live_count; w++) {
        const struct histogram *requests = &metrics->workers[w].destinations[destination].requests;

        for (size_t i = 0; i <= request_buckets.count; i++) {
            sum += number_of(&requests->buckets[i]);
        }
    }
    return sum;
}

/* One worker of the process has it. */
bool metrics_backfill_of(const struct metrics *metrics, size_t destination,
                         struct backfill_numbers *out)
{
    uint64_t waiting;
    uint64_t left_ms;

    PRE(destination < metrics->destination_count);
    *out = (struct backfill_numbers){
        .delivered = sum_of(metrics, destination, offsetof(struct destination_numbers, backfilled)),
        .expired =
            sum_of(metrics, destination, offsetof(struct destination_numbers, backfill_expired)),
        .kept = sum_of(metrics, destination, offsetof(struct destination_numbers, backfill_kept)),
    };
    for (unsigned w = metrics->live_count; w < metrics->worker_count; w++) {
        const char *state = atomic_load_explicit(
            &metrics->workers[w].destinations[destination].backfill_state, memory_order_relaxed);

        out->state = state == NULL ? out->state : state;
    }
    waiting = sum_of(metrics, destination, offsetof(struct destination_numbers, backfill_waiting));
    left_ms = sum_of(metrics, destination, offsetof(struct destination_numbers, backfill_left_ms));
    out->is_known = waiting > 0;
    out->waiting = waiting - (waiting > 0);
    out->left_ms = (int64_t)left_ms - 1;
    return metrics->has_backfill[destination];
}

void metrics_write_backfill_waiting(const struct metrics *metrics, struct buf *out,
                                    const char *name)
{
    for (size_t d = 0; d < metrics->destination_count; d++) {
        struct backfill_numbers numbers;

        if (metrics_backfill_of(metrics, d, &numbers) && numbers.is_known) {
            struct sample sample = sample_begin(out, name, "");

            sample_label(&sample, "destination", span_of(metrics->destinations[d]));
            sample_end_u64(&sample, numbers.waiting);
        }
    }
}

static void write_backfill(const struct metrics *metrics, struct buf *out, const char *name,
                           size_t offset)
{
    for (size_t d = 0; d < metrics->destination_count; d++) {
        if (metrics->has_backfill[d]) {
            struct sample sample = sample_begin(out, name, "");

            sample_label(&sample, "destination", span_of(metrics->destinations[d]));
            sample_end_u64(&sample, sum_of(metrics, d, offset));
        }
    }
}

void metrics_write_backfilled(const struct metrics *metrics, struct buf *out, const char *name)
{
    write_backfill(metrics, out, name, offsetof(struct destination_numbers, backfilled));
}

void metrics_write_backfill_expired(const struct metrics *metrics, struct buf *out,
                                    const char *name)
{
    write_backfill(metrics, out, name, offsetof(struct destination_numbers, backfill_expired));
}
