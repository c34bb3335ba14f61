#include "recovery/backfill_state.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "recovery/backfill_orders.h"

static void count(const struct books *books, struct span group, struct backfill_state *out)
{
    struct books_counts sum = {0};
    uint64_t untold = 0;

    books_sum(books, group, &sum, &untold);
    for (size_t i = 0; i < sum.count; i++) {
        const struct books_key *key = books_key_get(&books->words, sum.lines[i].key);
        struct span reason = books_name(books, key->reason);
        uint64_t events = sum.lines[i].count;

        if (key->fate == RECORD_DELIVERED) {
            out->backfilled += events;
        } else if (key->fate == RECORD_DEAD_LETTERED) {
            out->dead_lettered += events;
        } else if (key->fate == RECORD_SKIPPED && span_is(reason, "too_old")) {
            out->expired += events;
        } else if (!span_is(reason, "not_selected")) {
            out->skipped += events;
        }
    }
    books_counts_fini(&sum);
}

static void find_order(const struct books *books, struct span group, struct backfill_state *out)
{
    char *name = backfill_orders_name(out->destination->name);

    out->order_ms = -1;
    for (size_t i = 0; i < books->job_count; i++) {
        const struct books_job *job = &books->jobs[i];

        if (span_is(job->job, "backfill") && span_eq(job->group, group) &&
            span_is(job->name, name)) {
            out->is_paused = job->state == STATE_STOPPED;
            out->by = job->by;
            out->order_ms = job->last_ms;
        }
    }
    free(name);
}

void backfill_state_make(const struct reconcile *reconcile,
                         const struct config_destination *destination, struct backfill_state *out)
{
    const struct config *config = reconcile->config;
    char *group = mem_format(SPAN_FMT ".backfill." SPAN_FMT, SPAN_ARG(config->kafka.group),
                             SPAN_ARG(destination->name));

    *out = (struct backfill_state){.destination = destination,
                                   .from = config_find(config, destination->backfill.from)};
    count(reconcile->books, span_of(group), out);
    find_order(reconcile->books, config->kafka.group, out);
    free(group);
}

/* what waits */

static enum err_code ask_all(const struct config *config, struct backfill_state *states,
                             size_t states_count, struct err *err)
{
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < states_count && rc == ERR_OK; i++) {
        rc = backfill_waiting_ask(&states[i].waiting, config, states[i].destination, err);
    }
    return rc;
}

enum err_code backfill_states_ask(const struct config *config, struct backfill_state *states,
                                  size_t states_count, uint64_t over_ms, struct err *err)
{
    const struct timespec pause = {(time_t)(over_ms / 1000), (long)(over_ms % 1000) * 1000000};
    enum err_code rc = ask_all(config, states, states_count, err);
    bool is_moving = false;

    for (size_t i = 0; i < states_count; i++) {
        is_moving = is_moving || (states[i].waiting.count > 0 && !states[i].is_paused);
    }
    if (rc == ERR_OK && is_moving) {
        (void)nanosleep(&pause, NULL);
        rc = ask_all(config, states, states_count, err);
    }
    for (size_t i = 0; i < states_count; i++) {
        backfill_waiting_fini(&states[i].waiting);
    }
    return rc;
}
