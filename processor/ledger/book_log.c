/*
 * The log of a book ends, and another begins: offsets mean other records from there on.
 *
 * A session that found another log is one like the others until a commit of it is known to have
 * been taken. If none is, whoever comes next begins where the group's offset of the log before is.
 */
#include <stdlib.h>

#include "ledger/book_session.h"

/* The session whose newest tally was written last: the ledger may take that of an earlier owner
 * late. */
static size_t find_newest(struct book *book)
{
    size_t newest = 0;

    for (size_t i = 1; i < book->session_count; i++) {
        if (session_newest(&book->sessions[i])->at_ms >=
            session_newest(&book->sessions[newest])->at_ms) {
            newest = i;
        }
    }
    return newest;
}

void book_end_sessions(struct book *book)
{
    while (book->session_count > 1 && !book->sessions[book->session_count - 1].begins_log) {
        session_claim(book, find_newest(book) == 0 ? 1 : 0);
    }
    if (book->session_count > 0) {
        session_end(book, book->session_count - 1);
    }
    book_fill_claims(book);
}

static void keep_holes(struct book *book)
{
    struct book_hole *holes = NULL;
    size_t count = book_holes(book, &holes);

    book->hole_count = 0;
    for (size_t i = 0; i < count; i++) {
        holes[i].is_old_log = true;
        book_add_hole(book, holes[i]);
    }
    free(holes);
}

/* Its counts stay, without a place. */
static void keep_counts(struct book *book)
{
    for (size_t i = 0; i < book->cover.count; i++) {
        books_counts_add(&book->old_logs, &book->cover.items[i].counts);
        book->old_untold += book->cover.items[i].untold;
    }
    books_cover_fini(&book->cover);
}

static void close_log(struct book *book, const struct book_session *next)
{
    struct record_run missing;

    book_end_sessions(book);
    missing = (struct record_run){book->head, book->head + next->missing};
    if (next->is_first) {
        book_note_rewind(book, (struct book_rewind){{next->start, MAX_OF(next->start, book->head)},
                                                    next->begun_ms,
                                                    true});
    }
    keep_holes(book);
    book_add_hole(book, (struct book_hole){missing, BOOK_GAP, next->begun_ms, true});
    keep_counts(book);
    book->jump_count = 0;
    book->has_committed = false;
}

size_t session_begin_log(struct book *book, size_t index)
{
    struct book_session session = book->sessions[index];

    PRE(session.begins_log);
    while (book->session_count > index + 1) {
        book->overtaken++;
        session_close(book, book->session_count - 1);
    }
    book->session_count--; /* taken out */
    close_log(book, &session);
    book->begin = session.start;
    book->begin_ms = session.begun_ms;
    book->begins_first = true;
    book->begins_amid = false;
    book->head = session.start;
    session.begins_log = false;
    book->sessions[0] = session;
    book->session_count = 1;
    return 0;
}
