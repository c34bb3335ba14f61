/* What the ledger costs the worker for each event: from its settled legs to the tally that is
 * written with a commit. The baseline is the same without a ledger. At most 50 ns on a quiet
 * machine. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "deliver/fate.h"
#include "ledger/bookkeeper.h"

enum { KINDS = 64, LEGS_MAX = 2, ROUND = 1000, COMMIT_EVERY = 10000, EVENTS = 5000000 };
enum { NOW_MS = 1000000, REPEATS = 5 };

/* A ledger that takes everything at once, and counts. */
struct ledger_ticket {
    size_t bytes;
};

static struct ledger_ticket *send_records(void *context, struct span key,
                                          const struct span *records, size_t count, int wake_fd)
{
    struct ledger_ticket *ticket = context;

    (void)wake_fd;
    ticket->bytes += key.len;
    for (size_t i = 0; i < count; i++) {
        ticket->bytes += records[i].len;
    }
    return ticket;
}

static enum tally_state state_of(void *context, const struct ledger_ticket *ticket)
{
    (void)context;
    (void)ticket;
    return TALLY_WRITTEN;
}

static void drop(void *context, struct ledger_ticket *ticket)
{
    (void)context;
    (void)ticket;
}

static int64_t wall_ms(void *context)
{
    (void)context;
    return 1764511331250;
}

/* Two routes, the second with two legs. */
struct table {
    struct config_destination tiktok, utm, warehouse;
    const struct config_destination *chain[2], *other[1];
    struct config_leg legs[LEGS_MAX];
    struct config_route routes[2];
};

struct bench {
    struct table table;
    struct deliverer *d;
    struct event *events[KINDS];
    struct bookkeeper *keeper; /* NULL: no ledger */
    struct assignment assignment;
    struct source_partition *partition;
    struct ledger_ticket written;
    struct buf metadata;
};

static void fill_table(struct table *table)
{
    table->tiktok.name = SPAN("tiktok");
    table->utm.name = SPAN("utm");
    table->warehouse.name = SPAN("warehouse");
    table->chain[0] = &table->tiktok;
    table->chain[1] = &table->utm;
    table->other[0] = &table->warehouse;
    table->legs[0] = (struct config_leg){.chain = table->chain, .count = 2};
    table->legs[1] = (struct config_leg){.chain = table->other, .count = 1};
    table->routes[0].name = SPAN("everything-else");
    table->routes[1].name = SPAN("high-value");
}

/* Of 64 events 52 are delivered, 8 diverted in an outage, 4 dead letters; one in four has two legs;
 * three currencies, and one in eight has no value. */
static struct event *make_event(struct table *table, unsigned kind)
{
    static const struct span types[] = {{"Purchase", 8}, {"AddToCart", 9}, {"ViewContent", 11}};
    static const char *const currencies[] = {"EUR", "USD", "GBP"};
    size_t legs = kind % 4 == 0 ? 2 : 1;
    struct event *event = mem_zero(1, sizeof(*event) + legs * sizeof(event->legs[0]));

    event->leg_count = (uint16_t)legs;
    event->type = types[kind % COUNT_OF(types)];
    event->has_value = kind % 8 != 7;
    event->value = 1.99 + (double)kind * 7.35;
    memcpy(event->currency, currencies[kind / 8 % COUNT_OF(currencies)], 4);
    for (size_t i = 0; i < legs; i++) {
        event->legs[i] = (struct leg){
            .event = event, .route = &table->routes[legs - 1], .plan = &table->legs[i]};
    }
    if (kind % 8 == 3) {
        event->legs[0].position = 1;
        event->legs[0].reason = REASON_OUTAGE;
        memcpy(event->legs[0].outage, "20261130T140158-7f3a", 21);
    } else if (kind % 16 == 5) {
        event->legs[0].is_dead_letter = true;
        event->legs[0].reason = REASON_REJECTED;
    }
    return event;
}

static void keep_books(struct bench *bench)
{
    struct tally_writer books;

    bench->keeper = bookkeeper_new(
        &(struct bookkeeper_parts){.sink = {&bench->written, send_records, state_of, drop},
                                   .group = SPAN("detour"),
                                   .instance = SPAN("host-7"),
                                   .wall_ms = wall_ms,
                                   .wake_fd = -1,
                                   .seed = 7});
    books = bookkeeper_books(bench->keeper);
    assignment_keep_books(&bench->assignment, &books);
    bench->d->fates = bookkeeper_fates(bench->keeper);
}

static void begin(struct bench *bench, bool has_ledger)
{
    *bench = (struct bench){.d = mem_new(struct deliverer)};
    fill_table(&bench->table);
    for (unsigned i = 0; i < KINDS; i++) {
        bench->events[i] = make_event(&bench->table, i);
    }
    buf_init(&bench->metadata, METADATA_BYTES_MAX);
    assignment_init(&bench->assignment, 0, 4 * ROUND, 10000, NOW_MS);
    if (has_ledger) {
        keep_books(bench);
    }
    bench->partition = assignment_add(&bench->assignment, "conversions", 0);
    partition_place_fresh(bench->partition, 0, 0, INT64_MAX, NOW_MS);
}

static void end(struct bench *bench)
{
    assignment_clear(&bench->assignment);
    assignment_fini(&bench->assignment);
    bookkeeper_free(bench->keeper);
    buf_fini(&bench->metadata);
    for (unsigned i = 0; i < KINDS; i++) {
        free(bench->events[i]);
    }
    free(bench->d->fate_legs);
    free(bench->d);
}

static void commit(struct bench *bench)
{
    struct assignment *assignment = &bench->assignment;
    int64_t offset;

    buf_clear(&bench->metadata);
    (void)assignment_commit_begin(assignment, NOW_MS);
    offset = partition_commit(bench->partition, METADATA_BYTES_MAX, &bench->metadata);
    assignment_commit_write(assignment, NOW_MS);
    INVARIANT(assignment_commit_is_written(assignment, NOW_MS));
    INVARIANT(assignment_commit_answered(assignment, assignment->commits.sequence));
    (void)assignment_commit_take(assignment, bench->partition, offset, COMMIT_DONE);
    (void)assignment_commit_end(assignment);
}

static double cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ns of CPU per event; @bytes: written to the ledger. */
static double work(bool has_ledger, size_t *bytes)
{
    struct bench bench;
    double began_ns;
    double used_ns;

    begin(&bench, has_ledger);
    began_ns = cpu_ns();
    for (int64_t from = 0; from < EVENTS; from += ROUND) {
        for (int64_t at = from; at < from + ROUND; at++) {
            INVARIANT(partition_take(bench.partition, (struct mark){at, 1}, NOW_MS));
        }
        for (int64_t at = from; at < from + ROUND; at++) {
            struct settled settled = fate_of_event(bench.d, bench.events[(at * 29) % KINDS]);

            partition_settle(bench.partition, bench.partition->epoch, at, &settled);
        }
        if ((from + ROUND) % COMMIT_EVERY == 0) {
            commit(&bench);
        }
    }
    used_ns = cpu_ns() - began_ns;
    *bytes = bench.written.bytes;
    end(&bench);
    return used_ns / EVENTS;
}

int main(void)
{
    double without_ns = 1e9;
    double with_ns = 1e9;
    size_t bytes = 0;

    for (int i = 0; i < REPEATS; i++) {
        without_ns = MIN_OF(without_ns, work(false, &bytes));
        with_ns = MIN_OF(with_ns, work(true, &bytes));
    }
    printf("tally: %.1f ns per event with a ledger, %.1f ns without: %.1f ns for the ledger; "
           "%.2f bytes written per event (a commit every %d)\n",
           with_ns, without_ns, with_ns - without_ns, (double)bytes / EVENTS, COMMIT_EVERY);
    return 0;
}
