#include "ledger/book_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct books_runs no_runs;

static void free_aheads(struct book_aheads *aheads)
{
    for (size_t i = 0; i < aheads->count; i++) {
        books_counts_fini(&aheads->items[i].counts);
    }
    free(aheads->items);
    *aheads = (struct book_aheads){0};
}

void book_pending_fini(struct book_pending *pending)
{
    books_counts_fini(&pending->counts);
    free_aheads(&pending->ahead);
}

static void forget_pending(struct book_session *session)
{
    while (session->pending_count > 0) {
        book_pending_fini(&session->pending[--session->pending_count]);
    }
}

struct book_pending *session_newest(struct book_session *session)
{
    INVARIANT(session->pending_count > 0);
    return &session->pending[session->pending_count - 1];
}

void session_add(struct book_session *session, struct book_pending *pending, bool replaces)
{
    size_t keep = replaces ? MIN_OF(session->pending_count, (size_t)BOOK_PENDING_MAX - 1) : 0;

    while (session->pending_count > keep) {
        book_pending_fini(&session->pending[0]);
        session->pending_count--;
        memmove(&session->pending[0], &session->pending[1],
                session->pending_count * sizeof(session->pending[0]));
    }
    session->pending[session->pending_count++] = *pending;
    session->is_put = false;
    session->is_handed = false;
    *pending = (struct book_pending){0};
}

size_t session_find(const struct book_session *session, int64_t offset)
{
    for (size_t i = session->pending_count; i > 0; i--) {
        if (session->pending[i - 1].run.to == offset) {
            return i - 1;
        }
    }
    return BOOK_PENDING_MAX;
}

void session_close(struct book *book, size_t index)
{
    struct book_session *session = &book->sessions[index];

    forget_pending(session);
    free_aheads(&session->kept);
    books_runs_fini(&session->settled);
    book->closed[book->closed_count++ % BOOK_CLOSED_MAX] = session->id;
    book->session_count--;
    memmove(session, session + 1, (book->session_count - index) * sizeof(*session));
}

void book_add_hole(struct book *book, struct book_hole hole)
{
    if (hole.run.from >= hole.run.to) {
        return;
    }
    if (book->hole_count == BOOK_HOLES_MAX) {
        book->dropped_findings++;
        return;
    }
    book->holes = mem_grow(book->holes, book->hole_count + 1, sizeof(book->holes[0]));
    book->holes[book->hole_count++] = hole;
}

/* claims */

static void drop_claim(struct book *book, size_t at)
{
    book_pending_fini(&book->claims[at]);
    book->claim_count--;
    memmove(&book->claims[at], &book->claims[at + 1],
            (book->claim_count - at) * sizeof(book->claims[0]));
}

/* Those whose offsets others have told of meanwhile are of no use; then the oldest. */
static void make_room(struct book *book)
{
    for (size_t i = 0; i < book->claim_count;) {
        if (books_cover_has(&book->cover, book->claims[i].run)) {
            drop_claim(book, i);
        } else {
            i++;
        }
    }
    if (book->claim_count == BOOK_CLAIMS_MAX) {
        drop_claim(book, 0);
    }
}

void session_claim(struct book *book, size_t index)
{
    const struct book_session *session = &book->sessions[index];
    struct book_pending *newest = session_newest(&book->sessions[index]);

    book->overtaken += newest->run.from < newest->run.to || !session->is_handed;
    if (newest->run.from < newest->run.to && !session->begins_log) {
        if (book->claim_count == BOOK_CLAIMS_MAX) {
            make_room(book);
        }
        book->claims = mem_grow(book->claims, book->claim_count + 1, sizeof(book->claims[0]));
        book->claims[book->claim_count++] = *newest;
        *newest = (struct book_pending){0};
    }
    session_close(book, index);
}

/* @hole is a part of @claim's offsets: the whole has its counts, a part only its number. */
static void put_claim(struct book *book, struct book_pending *claim, struct record_run hole)
{
    struct books_stretch stretch = {.run = hole};
    uint64_t events = books_counts_events(&claim->counts);

    if (hole.from == claim->run.from && hole.to == claim->run.to) {
        stretch.counts = claim->counts;
        claim->counts = (struct books_counts){0};
    } else {
        stretch.untold = MIN_OF(events, (uint64_t)(hole.to - hole.from));
    }
    books_cover_put(&book->cover, &stretch, &no_runs);
}

void book_fill_claims(struct book *book)
{
    while (book->claim_count > 0) {
        struct book_pending *claim = &book->claims[book->claim_count - 1];
        struct record_run within = {claim->run.from, MIN_OF(claim->run.to, book->head)};
        struct books_runs holes = {0};

        if (within.from < within.to) {
            books_cover_holes(&book->cover, within, &holes);
        }
        for (size_t i = 0; i < holes.count; i++) {
            put_claim(book, claim, holes.items[i]);
        }
        books_runs_fini(&holes);
        drop_claim(book, book->claim_count - 1);
    }
}

/* tallies that count */

/* What was told to be a hole has a stretch now, but for what the session itself found settled. */
static void fill_holes(struct book *book, struct record_run run, const struct books_runs *settled)
{
    for (size_t i = 0; i < book->hole_count;) {
        const struct book_hole *hole = &book->holes[i];
        bool is_kept = hole->is_old_log ||
                       (hole->cause != BOOK_SETTLED && hole->cause != BOOK_MISSING) ||
                       hole->run.from < run.from || hole->run.to > run.to;

        for (size_t s = 0; s < settled->count && !is_kept; s++) {
            is_kept =
                settled->items[s].from <= hole->run.from && hole->run.to <= settled->items[s].to;
        }
        if (is_kept) {
            i++;
        } else {
            book->holes[i] = book->holes[--book->hole_count];
        }
    }
}

void book_note_rewind(struct book *book, struct book_rewind rewind)
{
    if (book->rewind_count == BOOK_REWINDS_MAX) {
        book->dropped_findings++;
        return;
    }
    book->rewinds[book->rewind_count++] = rewind;
}

static void add_missing(struct book *book, const struct book_pending *pending)
{
    book_add_hole(book, (struct book_hole){pending->run, BOOK_MISSING, pending->at_ms, false});
}

/* The pending tally @which of the session at @index counts: the head is at its end. */
static void put(struct book *book, size_t index, size_t which)
{
    struct book_session *session = &book->sessions[index];
    struct book_pending *pending = &session->pending[which];
    struct books_stretch stretch = {.run = pending->run, .counts = pending->counts};
    int64_t end = pending->run.to;

    book->has_committed = true;
    if (!session->is_confirmed) {
        session->is_confirmed = true;
        if (session->rewound_from >= 0) {
            book_note_rewind(book, (struct book_rewind){{session->start, session->rewound_from},
                                                        pending->at_ms,
                                                        false});
        }
    }
    if (pending->is_partial) { /* its offsets are a hole: they are committed */
        add_missing(book, pending);
        book->head = end;
        return;
    }
    pending->counts = (struct books_counts){0};
    books_cover_put(&book->cover, &stretch, &session->settled);
    fill_holes(book, pending->run, &session->settled);
    if (pending->run.from < pending->run.to) { /* else the runs of the one before may be those */
        free_aheads(&session->kept);
        session->kept = pending->ahead;
        pending->ahead = (struct book_aheads){0};
        session->is_put = true;
    }
    book->head = end;
}

size_t session_commit(struct book *book, size_t index, size_t which)
{
    for (size_t i = book->session_count - 1; i > index; i--) {
        if (!book->sessions[i].begins_log) { /* else it is of another log, which may come yet */
            book->overtaken++;
            session_close(book, i);
        }
    }
    if (book->sessions[index].begins_log) {
        index = session_begin_log(book, index);
    }
    for (; index > 0; index--) {
        session_claim(book, 0);
    }
    put(book, index, which);
    return index;
}

/* the next session */

static void put_ahead(struct book *book, struct book_ahead *ahead, const struct books_runs *settled,
                      const struct books_runs *exempt)
{
    for (size_t i = 0; i < settled->count; i++) {
        const struct record_run *run = &settled->items[i];

        if (run->from <= ahead->run.from && ahead->run.to <= run->to &&
            !books_cover_has(&book->cover, ahead->run)) {
            struct books_stretch stretch = {.run = ahead->run, .counts = ahead->counts};

            ahead->counts = (struct books_counts){0};
            books_cover_put(&book->cover, &stretch, exempt);
        }
    }
}

static void put_all_ahead(struct book *book, struct book_session *session,
                          struct book_aheads *aheads, const struct books_runs *settled)
{
    for (size_t i = 0; i < aheads->count; i++) {
        put_ahead(book, &aheads->items[i], settled, &session->settled);
    }
}

void session_end(struct book *book, size_t index)
{
    struct book_session *session;
    struct book_pending *newest;
    struct books_runs runs = {0};

    if (book->sessions[index].begins_log) {
        index = session_begin_log(book, index);
    }
    session = &book->sessions[index];
    newest = session_newest(session);
    for (size_t i = 0; i < newest->ahead.count; i++) {
        books_runs_add(&runs, newest->ahead.items[i].run);
    }
    put(book, index, session->pending_count - 1);
    put_all_ahead(book, session, &newest->ahead, &runs);
    put_all_ahead(book, session, &session->kept, &runs);
    books_runs_fini(&runs);
    session_close(book, index);
}

/* Runs that the commit kept are settled: they count as stretches of their own. Two tallies of one
 * session that name the same run have the same counts for it. That of the commit first, then the
 * newest: its runs are the longest, and hold those of earlier ones. */
static void put_aheads(struct book *book, const struct books_runs *settled)
{
    for (size_t i = book->session_count; i > 0 && settled->count > 0; i--) {
        struct book_session *session = &book->sessions[i - 1];

        if (session->is_put) {
            put_all_ahead(book, session, &session->kept, settled);
        }
        for (size_t p = session->pending_count; p > 0; p--) {
            put_all_ahead(book, session, &session->pending[p - 1].ahead, settled);
        }
        put_all_ahead(book, session, &session->kept, settled);
    }
}

/* It sent again what was committed already, and nothing says that a commit of its own was
 * taken: another instance held the partition, or the offset was moved back and on again. */
static bool is_overtaken(const struct book *book, const struct book_session *session,
                         int64_t offset)
{
    return !session->is_confirmed && session->rewound_from >= 0 && offset >= book->head;
}

/* Only runs were committed. Another session that begins at the same offset may be an older one,
 * whose record was written late. */
static bool is_empty(const struct book_session *session, size_t which)
{
    return session->pending[which].run.from == session->pending[which].run.to;
}

static bool is_within(struct record_run run, const struct books_runs *runs)
{
    bool is_found = false;

    for (size_t i = 0; i < runs->count && !is_found; i++) {
        is_found = runs->items[i].from <= run.from && run.to <= runs->items[i].to;
    }
    return is_found;
}

/* Did it tell of all that lies in @run, or find it settled? */
static bool tells_of(const struct book_session *session, size_t which, struct record_run run)
{
    const struct book_aheads *aheads = &session->pending[which].ahead;
    const struct books_runs around = {&run, 1};
    bool is_told = false;

    for (size_t i = 0; i < aheads->count && !is_told; i++) {
        is_told = is_within(aheads->items[i].run, &around);
    }
    for (size_t i = 0; i < session->settled.count && !is_told; i++) {
        is_told = is_within(session->settled.items[i], &around);
    }
    return is_told;
}

/* Is it the commit that kept @settled? */
static bool has_kept(const struct book_session *session, size_t which,
                     const struct books_runs *settled)
{
    const struct book_aheads *aheads = &session->pending[which].ahead;
    bool is_same = true;

    for (size_t i = 0; i < aheads->count && is_same; i++) {
        is_same = is_within(aheads->items[i].run, settled);
    }
    for (size_t i = 0; i < settled->count && is_same; i++) {
        is_same = tells_of(session, which, settled->items[i]);
    }
    return is_same;
}

/* Of the pending tallies that end at @offset the newest, that kept @settled unless that is NULL. */
static size_t find_kept(const struct book_session *session, int64_t offset,
                        const struct books_runs *settled)
{
    for (size_t i = session->pending_count; i > 0; i--) {
        if (session->pending[i - 1].run.to == offset &&
            (settled == NULL || has_kept(session, i - 1, settled))) {
            return i - 1;
        }
    }
    return BOOK_PENDING_MAX;
}

/* The session with the pending tally that ends at @offset and was written last, and which it is;
 * or SIZE_MAX. One that the ledger took late is not the last.
 * @settled: with these runs; NULL: whatever its runs are. */
static size_t find_match(const struct book *book, int64_t offset, const struct books_runs *settled,
                         size_t *which)
{
    size_t match = SIZE_MAX;
    int64_t at_ms = -1;

    for (size_t i = book->session_count; i > 0; i--) {
        const struct book_session *session = &book->sessions[i - 1];
        size_t found = find_kept(session, offset, settled);

        if (found == BOOK_PENDING_MAX || session->pending[found].at_ms <= at_ms ||
            (session->is_handed && is_empty(session, found)) ||
            (is_overtaken(book, session, offset) && offset == book->head)) {
            continue;
        }
        match = i - 1;
        at_ms = session->pending[found].at_ms;
        *which = found;
    }
    return match;
}

/* No tally ended there. */
static void end_passed(struct book *book, int64_t offset)
{
    for (size_t i = 0; i < book->session_count;) {
        struct book_session *session = &book->sessions[i];

        if (session_newest(session)->run.from >= offset || session->begins_log) {
            i++; /* not committed yet: perhaps it goes on */
        } else if (i + 1 < book->session_count || is_overtaken(book, session, offset)) {
            session_claim(book, i);
        } else {
            put(book, i, session->pending_count - 1); /* it was moved over, or into it */
            session_close(book, i);
        }
    }
}

void session_hand_over(struct book *book, int64_t offset, int64_t alike,
                       const struct books_runs *settled)
{
    size_t which = 0;
    size_t match = find_match(book, offset, settled, &which);

    if (match == SIZE_MAX) {
        match = find_match(book, offset, NULL, &which);
    }
    if (match == SIZE_MAX && alike >= 0) {
        match = find_match(book, alike, NULL, &which);
    }
    if (match != SIZE_MAX && offset == book->head && is_empty(&book->sessions[match], which) &&
        !book->sessions[match].begins_log) {
        put_aheads(book, settled); /* no offset moved: any of them may go on */
        book->sessions[match].is_handed = true;
    } else if (match != SIZE_MAX) {
        match = session_commit(book, match, which);
        put_aheads(book, settled);
        if (is_empty(&book->sessions[match], which)) {
            book->sessions[match].is_handed = true; /* perhaps it goes on */
        } else {
            session_close(book, match);
        }
    } else {
        put_aheads(book, settled);
        end_passed(book, offset);
    }
}
