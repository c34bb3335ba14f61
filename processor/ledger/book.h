/**
 * book - what the ledger says of one partition of a topic in one consumer group.
 *
 * Tallies in the order of the ledger go in; which of them count is decided here, by the rules of
 * docs/ledger.md: a tally waits in its session until it is known whether its stretch was
 * committed. Then its stretch takes the place of what it overlaps (ledger/books_cover.h).
 *
 *    session   one assignment of the partition to one worker
 *    pending   a tally of which it is not known yet whether it was committed
 *    head      the offset that is known to be committed
 *    claim     a tally that is not known to have been committed. It counts where at the end no
 *              other tells of its offsets and the head is beyond them
 *
 * No Kafka, no clock. One thread.
 */
#ifndef LEDGER_BOOK_H
#define LEDGER_BOOK_H

#include "ledger/books_cover.h"

/* Why offsets below the head are not on the ledger. */
enum book_cause {
    BOOK_UNKNOWN,
    BOOK_MOVED,   /* a session began beyond the last commit on the ledger */
    BOOK_MISSING, /* a session's own tallies do not join: records of the ledger are missing */
    BOOK_GAP,     /* retention took them before they were read (kafka.on_gap: skip) */
    BOOK_SETTLED, /* a commit says they were settled, but no tally does */
    BOOK_BEYOND,  /* the group has committed more than the ledger knows */
};

struct book_hole {
    struct record_run run;
    enum book_cause cause;
    int64_t at_ms; /* when it was seen on the ledger; -1: not known */
    bool is_old_log;
};

/* The committed offset went back: offsets were sent again. */
struct book_rewind {
    struct record_run run; /* from the new offset to the old one */
    int64_t at_ms;
    bool is_forgotten; /* the group had no offset any more: what came again counts besides */
};

enum { BOOK_REWINDS_MAX = 64, BOOK_HOLES_MAX = 1024, BOOK_SESSIONS_MAX = 16 };
enum { BOOK_CLOSED_MAX = 32, BOOK_CLAIMS_MAX = 32, BOOK_PENDING_MAX = 8 };

struct book_ahead {
    struct record_run run;
    struct books_counts counts;
};

struct book_aheads {
    struct book_ahead *items; /* owned */
    size_t count;
};

struct book_pending {
    struct record_run run;
    int64_t parts;   /* records that were read of it */
    bool is_partial; /* some are missing, or are still to come */
    int64_t at_ms;
    struct books_counts counts;
    struct book_aheads ahead;
};

struct book_session {
    uint64_t id; /* hash of its name */
    int64_t start;
    int64_t rewound_from; /* the head when it began, where that was beyond its start; or -1 */
    bool is_confirmed;
    bool is_handed;  /* another began where it committed only runs; it may go on all the same */
    bool is_put;     /* one of the pending tallies counts; its runs are `kept` */
    bool begins_log; /* offsets mean other records from it on, if it committed (book_log.c) */
    bool is_first;   /* it found that the group had no offset */
    int64_t begun_ms;
    int64_t missing; /* of the log before: there, and not read */
    struct books_runs settled;
    /* The newest last. Earlier ones begin at the same offset: their commits failed, or were taken
     * and the answer was lost. */
    struct book_pending pending[BOOK_PENDING_MAX];
    size_t pending_count;
    struct book_aheads kept; /* of the last one that was committed */
};

struct book {
    uint32_t group, topic; /* names */
    int32_t partition;
    int32_t ledger_partition; /* of its first record */
    bool is_scattered;        /* its records stand in several partitions of the ledger */
    /* where the books begin */
    bool begins_first; /* the group had no offset before */
    bool begins_amid;  /* the first record is not the first of its session */
    int64_t begin;
    int64_t begin_ms;
    int64_t last_ms;    /* the last record that was taken */
    bool has_committed; /* the group, something of this log, as far as the ledger shows */
    int64_t head;
    struct books_cover cover;
    struct books_counts old_logs; /* of topics that were made anew since */
    uint64_t old_untold;
    struct book_hole *jumps; /* owned; run.to: where the head jumped to */
    size_t jump_count;
    struct book_hole *holes; /* owned; told, not found: gaps, settled and unknown, of old logs */
    size_t hole_count;
    struct book_rewind rewinds[BOOK_REWINDS_MAX];
    size_t rewind_count;
    struct book_session *sessions; /* owned; open ones, in the order they came */
    size_t session_count;
    struct book_pending *claims; /* owned; in the order they came */
    size_t claim_count;
    uint64_t closed[BOOK_CLOSED_MAX]; /* ids of the last ones that ended */
    size_t closed_count;
    uint64_t tallies, replaced, overtaken; /* read; taken back by their own session; by another */
    uint64_t dropped_findings;             /* holes and rewinds beyond what is kept */
    int64_t committed;                     /* set by book_finish(); -1: none */
    int64_t ahead_end;                     /* of the last run beyond it that is settled */
    struct book_rewind rewound_now;        /* run.from == run.to: the head is where it should be */
};

/* What the group says, asked before and after the ledger was read to its end. -1: no offset. */
struct book_commit {
    int64_t before;
    int64_t after;
    const struct record_run *runs; /* what the metadata of `after` says is settled beyond it */
    size_t run_count;
};

void book_fini(struct book *book);
/** @is_outside: not of the time asked for. It is on the ledger all the same, and counts nothing. */
void book_take(struct book *book, struct books_words *words, const struct ledger_record *record,
               bool is_outside);
/** The ledger ends here. Nothing is to be taken afterwards. */
void book_finish(struct book *book, const struct book_commit *commit);
/** Offsets from the begin of the books to the head that are not on the ledger; *out is to be
 * freed. */
size_t book_holes(const struct book *book, struct book_hole **out);
/** Runs beyond the head that were taken and are not settled, behind what is in @out. */
void book_in_flight(const struct book *book, struct books_runs *out);
/** Everything that counts. */
void book_sum(const struct book *book, struct books_counts *sum, uint64_t *untold);

#endif /* LEDGER_BOOK_H */
