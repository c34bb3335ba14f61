/* Whether the holes in a book are what the core named as gone, or hold no record. */
#include <inttypes.h>
#include <stdlib.h>

#include "sim_account.h"

static bool is_gap(const struct ledger *ledger, int32_t partition, const struct record_run *run)
{
    bool is_gone = true;

    for (int64_t at = run->from; at < run->to && is_gone; at++) {
        is_gone =
            at < (int64_t)ledger->counts[partition] &&
            (ledger->events[partition][at].is_gap || !ledger->events[partition][at].is_record);
    }
    return is_gone;
}

static bool is_empty(const struct ledger *ledger, int32_t partition, const struct record_run *run)
{
    int64_t at = run->from;

    while (at < run->to && at < (int64_t)ledger->counts[partition] &&
           !ledger->events[partition][at].is_record) {
        at++;
    }
    return at == run->to;
}

/* The book has every offset below the commit, but for what the core named as gone. Of a log before
 * nobody knows any more which offsets had records. */
void sim_judge_holes(const struct book *book, struct ledger *ledger)
{
    struct book_hole *holes;
    size_t count = book_holes(book, &holes);

    for (size_t i = 0; i < count; i++) {
        bool is_named = holes[i].is_old_log || is_gap(ledger, book->partition, &holes[i].run);
        bool is_fine =
            holes[i].cause == BOOK_GAP
                ? is_named
                : !holes[i].is_old_log && is_empty(ledger, book->partition, &holes[i].run);

        if (!is_fine) {
            ledger_fail(ledger, "ledger, partition %d: a hole %" PRId64 "..%" PRId64 " of cause %d",
                        (int)book->partition, holes[i].run.from, holes[i].run.to,
                        (int)holes[i].cause);
        }
    }
    free(holes);
    if (book->committed >= 0 && book->committed != book->head) {
        ledger_fail(ledger, "ledger, partition %d: committed at %" PRId64 ", told up to %" PRId64,
                    (int)book->partition, book->committed, book->head);
    }
}
