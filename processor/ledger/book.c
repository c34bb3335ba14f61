#include "ledger/book.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ledger/book_session.h"

void book_fini(struct book *book)
{
    while (book->session_count > 0) {
        session_close(book, book->session_count - 1);
    }
    book->head = INT64_MIN; /* no claim counts any more: they are only freed */
    book_fill_claims(book);
    books_cover_fini(&book->cover);
    books_counts_fini(&book->old_logs);
    free(book->claims);
    free(book->sessions);
    free(book->jumps);
    free(book->holes);
    *book = (struct book){0};
}

/* jumps of the head, from which the cause of a hole is known */

static void add_jump(struct book *book, int64_t to, enum book_cause cause, int64_t at_ms)
{
    if (book->jump_count == BOOK_HOLES_MAX) {
        book->dropped_findings++;
        return;
    }
    book->jumps = mem_grow(book->jumps, book->jump_count + 1, sizeof(book->jumps[0]));
    book->jumps[book->jump_count++] = (struct book_hole){{to, to}, cause, at_ms, false};
}

/* The cause of a hole is that of the first jump that leads to its end or over it. */
static void explain(const struct book *book, struct book_hole *hole)
{
    for (size_t i = 0; i < book->jump_count; i++) {
        if (book->jumps[i].run.to >= hole->run.to) {
            hole->cause = book->jumps[i].cause;
            hole->at_ms = book->jumps[i].at_ms;
            return;
        }
    }
}

static void add_to(struct book_hole **out, size_t *count, struct book_hole hole)
{
    *out = mem_grow(*out, *count + 1, sizeof(**out));
    (*out)[(*count)++] = hole;
}

size_t book_holes(const struct book *book, struct book_hole **out)
{
    struct books_runs runs = {0};
    size_t count = 0;

    *out = NULL;
    if (book->head > book->begin) {
        books_cover_holes(&book->cover, (struct record_run){book->begin, book->head}, &runs);
    }
    for (size_t i = 0; i < book->hole_count; i++) {
        const struct book_hole *hole = &book->holes[i];

        if (!hole->is_old_log) {
            books_runs_cut(&runs, hole->run);
        }
        if (hole->is_old_log || hole->run.from < book->head) {
            add_to(out, &count, *hole);
        }
    }
    for (size_t i = 0; i < runs.count; i++) {
        struct book_hole hole = {runs.items[i], BOOK_UNKNOWN, -1, false};

        explain(book, &hole);
        add_to(out, &count, hole);
    }
    books_runs_fini(&runs);
    return count;
}

void book_in_flight(const struct book *book, struct books_runs *out)
{
    if (book->ahead_end > book->head) {
        books_cover_holes(&book->cover, (struct record_run){book->head, book->ahead_end}, out);
    }
}

void book_sum(const struct book *book, struct books_counts *sum, uint64_t *untold)
{
    books_counts_add(sum, &book->old_logs);
    *untold += book->old_untold;
    for (size_t i = 0; i < book->cover.count; i++) {
        books_counts_add(sum, &book->cover.items[i].counts);
        *untold += book->cover.items[i].untold;
    }
}

/* sessions begin */

static void begin_book(struct book *book, const struct ledger_record *record, int64_t start)
{
    book->begin = start;
    book->begin_ms = record->at_ms;
    book->begins_first = record->tally.is_first || record->tally.is_new_log;
    book->begins_amid = !record->tally.has_start;
    book->head = start;
}

/* A session may begin within a run that was settled before: then it sends nothing of the stretch
 * that tells of the whole run. */
static void widen_settled(const struct book *book, struct books_runs *settled, int64_t start)
{
    struct record_run *first = settled->items;

    if (settled->count > 0 && first->from == start) {
        struct record_run around = books_cover_around(&book->cover, start);

        if (around.from < start && around.to <= first->to) {
            first->from = around.from;
        }
    }
}

/* Runs that the session found settled and that no tally has. */
static void check_settled(struct book *book, const struct books_runs *settled, int64_t at_ms)
{
    for (size_t i = 0; i < settled->count; i++) {
        struct books_runs holes = {0};

        books_cover_holes(&book->cover, settled->items[i], &holes);
        for (size_t h = 0; h < holes.count; h++) {
            book_add_hole(book, (struct book_hole){holes.items[h], BOOK_SETTLED, at_ms, false});
        }
        books_runs_fini(&holes);
    }
}

/* It found another log. Or the group had an offset, and has none any more: the topic was made anew,
 * or the offset expired or was deleted. Without proof of an earlier commit it may never have had
 * one. */
static bool begins_log(const struct book *book, const struct record_tally *tally)
{
    return book->head >= 0 && (tally->is_new_log || (tally->is_first && book->has_committed));
}

static struct book_session *begin_session(struct book *book, const struct ledger_record *record,
                                          uint64_t id)
{
    const struct record_tally *tally = &record->tally;
    int64_t start = tally->has_start ? tally->start : tally->run.from;
    struct book_session session = {.id = id,
                                   .start = start,
                                   .rewound_from = -1,
                                   .begins_log = begins_log(book, tally),
                                   .is_first = tally->is_first,
                                   .begun_ms = record->at_ms,
                                   .missing = MIN_OF((int64_t)tally->missing, INT32_MAX)};

    books_runs_copy(&session.settled, tally->settled, tally->settled_count);
    book->has_committed |= tally->has_start && !tally->is_first && !tally->is_new_log;
    if (book->head < 0) {
        begin_book(book, record, start);
    } else if (!session.begins_log) {
        session_hand_over(book, start, -1, &session.settled);
        check_settled(book, &session.settled, record->at_ms);
        widen_settled(book, &session.settled, start);
        if (start > book->head) {
            add_jump(book, start, tally->has_start ? BOOK_MOVED : BOOK_MISSING, record->at_ms);
        } else if (start < book->head) {
            session.rewound_from = book->head;
        }
        if (start < book->begin) {
            book->begin = start;
        }
    }
    if (book->session_count == BOOK_SESSIONS_MAX) {
        session_claim(book, 0);
    }
    book->sessions = mem_grow(book->sessions, book->session_count + 1, sizeof(book->sessions[0]));
    book->sessions[book->session_count] = session;
    return &book->sessions[book->session_count++];
}

/* tallies */

static struct book_pending read_pending(struct books_words *words,
                                        const struct ledger_record *record, bool is_outside)
{
    static const struct record_counts none;
    const struct record_tally *tally = &record->tally;
    struct book_pending out = {
        .run = tally->run, .parts = 1, .is_partial = !tally->is_last, .at_ms = record->at_ms};

    books_counts_read(words, is_outside ? &none : &tally->counts, &out.counts);
    if (tally->ahead_count > 0) {
        out.ahead.items = mem_array(tally->ahead_count, struct book_ahead);
    }
    for (; out.ahead.count < tally->ahead_count; out.ahead.count++) {
        const struct record_ahead *ahead = &tally->ahead[out.ahead.count];
        struct book_ahead *at = &out.ahead.items[out.ahead.count];

        at->run = ahead->run;
        books_counts_read(words, is_outside ? &none : &ahead->counts, &at->counts);
    }
    return out;
}

static bool is_closed(const struct book *book, uint64_t id)
{
    for (size_t i = 0; i < MIN_OF(book->closed_count, (size_t)BOOK_CLOSED_MAX); i++) {
        if (book->closed[i] == id) {
            return true;
        }
    }
    return false;
}

/* The next tally of a session says what became of the one before. */
static void go_on(struct book *book, size_t index, const struct ledger_record *record,
                  struct book_pending *pending)
{
    struct book_session *session = &book->sessions[index];
    struct record_run newest = session_newest(session)->run;
    int64_t from = pending->run.from;
    size_t which;

    if (from <= newest.from) {
        /* its commit failed, or kept runs alone; the new one tells its events as well */
        book->replaced += newest.from < newest.to;
        session_add(session, pending, true);
        return;
    }
    which = session_find(session, from);
    index =
        session_commit(book, index, which == BOOK_PENDING_MAX ? session->pending_count - 1 : which);
    if (from > book->head) {
        add_jump(book, from, BOOK_MISSING, record->at_ms);
    }
    session_add(&book->sessions[index], pending, false);
}

/* A gap is told again by whoever finds it after a kill. */
static void add_gap(struct book *book, struct record_run run, int64_t at_ms)
{
    for (size_t i = 0; i < book->hole_count; i++) {
        struct book_hole *hole = &book->holes[i];

        if (hole->cause == BOOK_GAP && !hole->is_old_log && hole->run.from <= run.to &&
            run.from <= hole->run.to) {
            hole->run.from = MIN_OF(hole->run.from, run.from);
            hole->run.to = MAX_OF(hole->run.to, run.to);
            return;
        }
    }
    book_add_hole(book, (struct book_hole){run, BOOK_GAP, at_ms, false});
}

static void merge_ahead(struct book_aheads *into, struct book_ahead *more)
{
    for (size_t i = 0; i < into->count; i++) {
        struct book_ahead *at = &into->items[i];

        if (at->run.from == more->run.from && at->run.to == more->run.to) {
            books_counts_add(&at->counts, &more->counts);
            return;
        }
    }
    into->items = mem_grow(into->items, into->count + 1, sizeof(into->items[0]));
    into->items[into->count++] = *more;
    more->counts = (struct books_counts){0};
}

/* A record that goes on with the tally before it. One whose beginning is missing says nothing. */
static void take_part(struct book_session *session, const struct ledger_record *record,
                      struct book_pending *part)
{
    struct book_pending *whole = session_newest(session);

    if (whole->run.from == part->run.from && whole->run.to == part->run.to && whole->is_partial &&
        whole->parts == record->tally.part) {
        books_counts_add(&whole->counts, &part->counts);
        for (size_t i = 0; i < part->ahead.count; i++) {
            merge_ahead(&whole->ahead, &part->ahead.items[i]);
        }
        whole->parts++;
        whole->is_partial = part->is_partial;
    }
    book_pending_fini(part);
}

void book_take(struct book *book, struct books_words *words, const struct ledger_record *record,
               bool is_outside)
{
    uint64_t id = span_hash(record->tally.session);
    struct book_pending pending;
    size_t at = 0;

    PRE(record->kind == RECORD_TALLY);
    book->last_ms = MAX_OF(book->last_ms, record->at_ms);
    while (at < book->session_count && book->sessions[at].id != id) {
        at++;
    }
    if (at == book->session_count && is_closed(book, id)) {
        book->overtaken++;
    } else {
        pending = read_pending(words, record, is_outside);
        if (record->tally.part > 0) {
            if (at < book->session_count) {
                take_part(&book->sessions[at], record, &pending);
            } else {
                book_pending_fini(&pending);
            }
            return;
        }
        if (at < book->session_count) {
            go_on(book, at, record, &pending);
        } else {
            session_add(begin_session(book, record, id), &pending, false);
        }
        for (size_t i = 0; i < record->tally.gap_count; i++) {
            add_gap(book, record->tally.gaps[i], record->at_ms);
        }
    }
    book->tallies++;
}

/* the end of the ledger */

void book_finish(struct book *book, const struct book_commit *commit)
{
    struct books_runs settled;

    book->committed = commit->after;
    if (commit->after < 0) {
        book_end_sessions(book);
        return;
    }
    books_runs_copy(&settled, commit->runs, commit->run_count);
    session_hand_over(book, commit->after, commit->before, &settled);
    while (book->session_count > 0) {
        session_claim(book, 0); /* its events are not committed, and will be sent again */
    }
    if (commit->before > book->head) {
        add_jump(book, commit->before, BOOK_BEYOND, -1);
        book->head = commit->before;
    }
    if (commit->after < book->head) {
        book->rewound_now = (struct book_rewind){{commit->after, book->head}, -1, false};
    } else if (settled.count > 0) {
        book->ahead_end = settled.items[settled.count - 1].to;
    }
    book_fill_claims(book);
    books_runs_fini(&settled);
}
