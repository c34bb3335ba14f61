/** book_session - the sessions of a book and what becomes of their pending tallies (book*.c alone).
 */
#ifndef LEDGER_BOOK_SESSION_H
#define LEDGER_BOOK_SESSION_H

#include "ledger/book.h"

void book_pending_fini(struct book_pending *pending);
struct book_pending *session_newest(struct book_session *session);
/** Takes @pending. Without @replaces those before it are of no use any more. */
void session_add(struct book_session *session, struct book_pending *pending, bool replaces);
/** The newest pending tally that ends at @offset, or BOOK_PENDING_MAX. */
size_t session_find(const struct book_session *session, int64_t offset);
/** The session at @index ends, and what is pending is forgotten. */
void session_close(struct book *book, size_t index);
/** It ends, and nothing says what was committed last: its newest pending tally is taken for it, and
 * the runs that this tally names. */
void session_end(struct book *book, size_t index);
/** All sessions end so, in the order in which they came. */
void book_end_sessions(struct book *book);
/** The session at @index begins another log, and committed. Returns its index now. */
size_t session_begin_log(struct book *book, size_t index);
/** It ends, and leaves its newest pending tally as a claim. */
void session_claim(struct book *book, size_t index);
/** That one is known to be committed: sessions before it leave claims, those after it were
 * overtaken. Returns the index of the session now. */
size_t session_commit(struct book *book, size_t index, size_t which);
/** Another one begins at @offset: end those that the offset says have ended, and count what it says
 * was committed; also runs that are in @settled. @alike: another offset that may stand for it, or
 * -1. */
void session_hand_over(struct book *book, int64_t offset, int64_t alike,
                       const struct books_runs *settled);
/** Claims count where nothing else does, below the head. None is left. */
void book_fill_claims(struct book *book);
void book_note_rewind(struct book *book, struct book_rewind rewind);
void book_add_hole(struct book *book, struct book_hole hole);

#endif /* LEDGER_BOOK_SESSION_H */
