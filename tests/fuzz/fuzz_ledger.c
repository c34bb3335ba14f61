/* Any bytes as the records of a ledger, one a line: reading and adding up must be harmless, and
 * what comes out in order. */
#include <stdlib.h>
#include <string.h>

#include "fuzz_check.h"
#include "ledger/books.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_cover(const struct book *book)
{
    int64_t last = -1;

    for (size_t i = 0; i < book->cover.count; i++) {
        struct record_run run = book->cover.items[i].run;

        CHECK(run.from >= last && run.to > run.from);
        last = run.to;
    }
}

static void check_book(struct book *book, uint8_t chance)
{
    struct book_commit commit = {book->head + chance % 5, book->head + chance % 7, NULL, 0};
    struct books_counts sum = {0};
    struct books_runs open = {0};
    struct book_hole *holes = NULL;
    uint64_t untold = 0;
    size_t count;

    check_cover(book);
    book_finish(book, &commit);
    check_cover(book);
    count = book_holes(book, &holes);
    for (size_t i = 0; i < count; i++) {
        CHECK(holes[i].run.from < holes[i].run.to);
    }
    book_in_flight(book, &open);
    book_sum(book, &sum, &untold);
    CHECK(sum.count == 0 || sum.lines != NULL);
    books_counts_fini(&sum);
    books_runs_fini(&open);
    free(holes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct books *books = books_new(NULL);
    struct span rest = {(const char *)data, len};
    int64_t offset = 0;

    while (rest.len > 0) {
        size_t end = span_find(rest, '\n', 0);

        books_take(books, span_sub(rest, 0, end), (int32_t)(offset % 2), offset);
        rest = span_sub(rest, end < rest.len ? end + 1 : end, rest.len);
        offset++;
    }
    for (size_t i = 0; i < books->count; i++) {
        check_book(books->items[i], len > 0 ? data[len - 1] : 0);
    }
    books_free(books);
    return 0;
}
