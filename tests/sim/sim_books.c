#include "sim_books.h"

#include <stdlib.h>

#include "base/mem.h"

enum { SLOW_MS_MAX = 6000, FAIL_MS_MAX = 4000, LATE_MS_MAX = 1000, RECORD_BYTES_MAX = 1 << 20 };

/* What was sent at once. */
struct ledger_ticket {
    struct ledger_ticket *next; /* of all, newest first */
    struct sim_books *books;
    struct sim_sink *sink; /* NULL: its process is gone */
    struct buf text;       /* the records behind one another */
    size_t *ends;          /* owned; of each */
    size_t count;
    uint64_t late_ms;
    enum tally_state state, result;
    bool is_lost; /* it never arrives */
    bool has_arrived, is_done, is_dropped;
};

struct sim_books {
    struct world *world;
    struct sim_books_options options;
    struct rng rng;
    struct ledger_ticket *tickets; /* owned */
    struct sim_sink *sinks;        /* owned; of all times */
    struct buf *records;           /* owned; in the order of arrival */
    size_t count, cap;
};

struct sim_sink {
    struct sim_sink *next;
    struct sim_books *books;
    struct worker *worker;
    uint64_t arrive_ms; /* of the last one sent */
};

struct sim_books *sim_books_new(struct world *world, const struct sim_books_options *options)
{
    struct sim_books *books = mem_new(struct sim_books);

    books->world = world;
    books->options = *options;
    books->rng.state = world->options.seed ^ 0x1ed6e7;
    return books;
}

static void free_ticket(struct ledger_ticket *ticket)
{
    buf_fini(&ticket->text);
    free(ticket->ends);
    free(ticket);
}

void sim_books_free(struct sim_books *books)
{
    while (books->tickets != NULL) {
        struct ledger_ticket *ticket = books->tickets;

        books->tickets = ticket->next;
        free_ticket(ticket);
    }
    while (books->sinks != NULL) {
        struct sim_sink *sink = books->sinks;

        books->sinks = sink->next;
        free(sink);
    }
    for (size_t i = 0; i < books->count; i++) {
        buf_fini(&books->records[i]);
    }
    free(books->records);
    free(books);
}

struct books *sim_books_fold(const struct sim_books *books)
{
    struct books *folded = books_new(NULL);

    for (size_t i = 0; i < books->count; i++) {
        books_take(folded, buf_span(&books->records[i]), 0, (int64_t)i);
    }
    return folded;
}

/* on the way */

static void append(struct sim_books *books, struct span record)
{
    if (books->count == books->cap) {
        books->cap = MAX_OF(books->cap * 2, (size_t)64);
        books->records = mem_grow(books->records, books->cap, sizeof(struct buf));
    }
    buf_init(&books->records[books->count], RECORD_BYTES_MAX);
    buf_add_span(&books->records[books->count++], record);
}

static void arrive(void *context, struct world *world)
{
    struct ledger_ticket *ticket = context;
    size_t from = 0;

    if (ticket->late_ms > 0) {
        world_call(world, world_now(world) + ticket->late_ms, arrive, ticket);
        ticket->late_ms = 0;
        return;
    }
    ticket->has_arrived = true;
    for (size_t i = 0; i < ticket->count && !ticket->is_lost; i++) {
        append(ticket->books, (struct span){ticket->text.ptr + from, ticket->ends[i] - from});
        from = ticket->ends[i];
    }
}

static void be_done(void *context, struct world *world)
{
    struct ledger_ticket *ticket = context;

    (void)world;
    ticket->is_done = true;
    ticket->state = ticket->result;
    if (ticket->sink != NULL) {
        worker_wake(ticket->sink->worker);
    }
}

static bool is_closed(const struct sim_books *books)
{
    uint64_t now_ms = world_now(books->world);

    return now_ms >= books->options.closed_from_ms && now_ms < books->options.closed_until_ms;
}

/* When it arrives, and when its sender hears of it. */
static void draw(struct ledger_ticket *ticket, uint64_t *arrive_ms, uint64_t *done_ms)
{
    struct sim_books *books = ticket->books;
    const struct sim_books_options *options = &books->options;
    uint64_t now_ms = world_now(books->world);
    bool is_bad = now_ms < options->until_ms;

    *arrive_ms = now_ms + 1 + rng_below(&books->rng, options->delay_ms + 1);
    if (is_bad && rng_unit(&books->rng) < options->slow) {
        *arrive_ms += rng_below(&books->rng, SLOW_MS_MAX);
    }
    if (is_closed(books)) {
        *arrive_ms += options->closed_until_ms - now_ms;
    }
    *arrive_ms = MAX_OF(*arrive_ms, ticket->sink->arrive_ms);
    *done_ms = *arrive_ms + rng_below(&books->rng, options->delay_ms + 1);
    if (is_bad && rng_unit(&books->rng) < options->failing) {
        ticket->result = TALLY_FAILED;
        ticket->is_lost = rng_below(&books->rng, 2) == 0;
        *done_ms = (is_closed(books) ? now_ms : *done_ms) + rng_below(&books->rng, FAIL_MS_MAX);
        ticket->is_lost |= *done_ms < *arrive_ms; /* given up before it was sent */
    }
}

/* the sink */

static struct ledger_ticket *send_records(void *context, struct span key,
                                          const struct span *records, size_t count, int wake_fd)
{
    struct sim_sink *sink = context;
    struct sim_books *books = sink->books;
    struct ledger_ticket *ticket = mem_new(struct ledger_ticket);
    uint64_t arrive_ms;
    uint64_t done_ms;

    (void)wake_fd;
    INVARIANT(key.len > 0 && count > 0);
    *ticket = (struct ledger_ticket){.next = books->tickets,
                                     .books = books,
                                     .sink = sink,
                                     .ends = mem_array(count, size_t),
                                     .count = count,
                                     .state = TALLY_WRITING,
                                     .result = TALLY_WRITTEN};
    books->tickets = ticket;
    buf_init(&ticket->text, count * RECORD_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        buf_add_span(&ticket->text, records[i]);
        ticket->ends[i] = ticket->text.len;
    }
    draw(ticket, &arrive_ms, &done_ms);
    sink->arrive_ms = arrive_ms;
    world_call(books->world, arrive_ms, arrive, ticket);
    world_call(books->world, done_ms, be_done, ticket);
    return ticket;
}

static enum tally_state state_of(void *context, const struct ledger_ticket *ticket)
{
    (void)context;
    INVARIANT(!ticket->is_dropped);
    return ticket->state;
}

/* Freed with the topic: a run is short. */
static void drop(void *context, struct ledger_ticket *ticket)
{
    (void)context;
    INVARIANT(!ticket->is_dropped);
    ticket->is_dropped = true;
}

struct sim_sink *sim_sink_open(struct sim_books *books, struct worker *worker)
{
    struct sim_sink *sink = mem_new(struct sim_sink);

    *sink = (struct sim_sink){books->sinks, books, worker, 0};
    books->sinks = sink;
    return sink;
}

/* The oldest of those on their way arrive, from some one on none does. What nobody could write yet
 * was still in the process. */
static void cut_off(struct sim_books *books, struct sim_sink *sink)
{
    uint64_t late_ms = rng_below(&books->rng, 2) == 0 ? 0 : rng_below(&books->rng, LATE_MS_MAX);
    size_t on_way = 0;
    size_t kept;

    for (struct ledger_ticket *ticket = books->tickets; ticket != NULL; ticket = ticket->next) {
        on_way += ticket->sink == sink && !ticket->has_arrived;
    }
    kept = is_closed(books) ? 0 : (size_t)rng_below(&books->rng, on_way + 1);
    for (struct ledger_ticket *ticket = books->tickets; ticket != NULL; ticket = ticket->next) {
        if (ticket->sink == sink && !ticket->has_arrived) { /* the newest first */
            ticket->is_lost |= on_way-- > kept;
            ticket->late_ms = late_ms;
        }
    }
}

void sim_sink_close(struct sim_sink *sink)
{
    cut_off(sink->books, sink);
    for (struct ledger_ticket *ticket = sink->books->tickets; ticket != NULL;
         ticket = ticket->next) {
        if (ticket->sink == sink) {
            ticket->sink = NULL;
        }
    }
}

struct ledger_sink sim_sink_of(struct sim_sink *sink)
{
    return (struct ledger_sink){
        .context = sink, .send = send_records, .state = state_of, .drop = drop};
}
