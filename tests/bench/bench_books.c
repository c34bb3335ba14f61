/* The books of a long ledger: 100,000 tallies of 32 partitions, 100 million events. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/clock.h"
#include "ledger/books.h"

enum { PARTITIONS = 32, TALLIES = 3125, EVENTS = 1000, TYPES = 5 };

static void write_legs(struct buf *out, int tally)
{
    for (int type = 0; type < TYPES; type++) {
        buf_printf(out,
                   "%s{\"route\": \"everything-else\", \"leg\": \"tiktok\", \"fate\": \"%s\", "
                   "%s\"count\": 200, \"value\": {\"EUR\": \"%d.25\", \"USD\": \"18.99\"}}",
                   type == 0 ? "" : ", ", type == 0 ? "delivered" : "diverted",
                   type == 0 ? ""
                             : "\"to\": \"utm\", \"reason\": \"outage\", \"outage\": "
                               "\"20261130T140158-7f3a\", \"event\": \"Purchase\", ",
                   tally + type);
    }
}

static void write_tally(struct buf *out, int partition, int tally)
{
    buf_clear(out);
    buf_printf(
        out,
        "{\"v\": 1, \"kind\": \"tally\", \"at\": \"2026-11-30T14:02:11.250Z\", \"instance\": "
        "\"host-7\", \"group\": \"detour\", \"session\": \"%d-%d\", \"topic\": "
        "\"conversions\", \"partition\": %d, \"from\": %d, \"to\": %d, ",
        partition, tally / 100, partition, tally * EVENTS, (tally + 1) * EVENTS);
    if (tally % 100 == 0) {
        buf_printf(out, "\"start\": {\"offset\": %d, \"settled\": []}, ", tally * EVENTS);
    }
    buf_add_text(out, "\"events\": {\"delivered\": 200, \"diverted\": 800}, \"legs\": [");
    write_legs(out, tally);
    buf_add_text(out, "], \"ahead\": []}");
}

static long resident_kib(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

int main(void)
{
    struct books *books = books_new(NULL);
    struct books_counts sum = {0};
    uint64_t untold = 0;
    uint64_t began_ms = clock_mono_ms();
    long early_kib = 0;
    struct buf record;

    buf_init(&record, 1 << 20);
    for (int tally = 0; tally < TALLIES; tally++) {
        for (int partition = 0; partition < PARTITIONS; partition++) {
            write_tally(&record, partition, tally);
            books_take(books, (struct span){record.ptr, record.len}, 0, tally);
        }
        early_kib = tally == TALLIES / 4 ? resident_kib() : early_kib;
    }
    for (size_t i = 0; i < books->count; i++) {
        struct book_commit commit = {(int64_t)TALLIES * EVENTS, (int64_t)TALLIES * EVENTS, NULL, 0};

        book_finish(books->items[i], &commit);
    }
    books_sum(books, SPAN("detour"), &sum, &untold);
    printf(
        "books: %d tallies of %zu bytes, %llu events: %.2f s, %ld MiB (%ld MiB after a quarter)\n",
        PARTITIONS * TALLIES, record.len, (unsigned long long)books_counts_events(&sum),
        (double)(clock_mono_ms() - began_ms) / 1000, resident_kib() / 1024, early_kib / 1024);
    books_counts_fini(&sum);
    books_free(books);
    buf_fini(&record);
    return 0;
}
