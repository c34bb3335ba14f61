/**
 * assignment - the partitions that one consumer of the group holds, and what they share: blocks of
 * the whole worker, the one commit that may be out, and the fence of a process that stood still.
 *
 * Pure, like offsets/partition.h: whoever speaks to Kafka (kafka/source.c), or pretends to
 * (rehearse/source_topic.c), says what happened and carries out what is due. One worker owns it, on
 * its thread.
 *
 * Commits, one request at a time for all partitions with news:
 *    answered                committed moves
 *    metadata too large      the limit is halved and that partition committed without, at once
 *    refused by the group    not tried again while the partitions go: only joining anew helps
 *    failed                  committed again with the next
 *    not answered            assignment_commit_end() at the latest; or forgotten with the
 * partitions
 *
 * With a ledger a commit is sealed first (assignment_commit_begin, partition_commit of each,
 * assignment_commit_write), and goes when the brokers have its tallies
 * (assignment_commit_is_written). What could not be written is not committed. When that lasts, all
 * partitions are blocked as `ledger`: what was delivered and is not committed is bounded.
 */
#ifndef OFFSETS_ASSIGNMENT_H
#define OFFSETS_ASSIGNMENT_H

#include "offsets/partition.h"

enum {
    COMMIT_EVERY_MS = 1000,
    COMMIT_AGAIN_MS = 50,     /* while the partitions go */
    LEDGER_PATIENCE_MS = 2000 /* then the ledger's silence blocks all partitions */
};

struct assignment;

/* What a commit waits for. */
enum tally_state { TALLY_WRITTEN, TALLY_WRITING, TALLY_FAILED };

/* Who writes what the partitions sealed onto the ledger: ledger/bookkeeper.h. */
struct tally_writer {
    void *context; /* NULL: there is no ledger, and nobody waits for it */
    /** Write what @partition sealed; one at a time of each partition. */
    void (*write)(void *context, struct source_partition *partition);
    /** How that stands. */
    enum tally_state (*state)(void *context, const struct source_partition *partition);
    /** Its commit is over, however it ended; what is still being written counts for nothing. */
    void (*end)(void *context, struct source_partition *partition);
    /** A commit is over. */
    void (*tidy)(void *context, const struct assignment *assignment);
};

enum commit_result { COMMIT_DONE, COMMIT_TOO_LARGE, COMMIT_REFUSED, COMMIT_FAILED };

struct commits {
    size_t bytes_max;   /* of one partition's metadata */
    uintptr_t sequence; /* grows; tells a late answer from the one waited for */
    bool is_out;        /* sent and not answered */
    bool is_wanted;     /* as soon as there is none out */
    bool is_refused;    /* the group takes none from us just now */
    uint64_t sent_ms;
    uint64_t failures;     /* since one was taken */
    bool is_writing;       /* it waits for the ledger */
    uint64_t unwritten_ms; /* the ledger has taken nothing since then; 0: it does */
};

/* A process that stood still nearly as long as its session may have lost its partitions. */
struct fence {
    uint64_t session_ms;
    uint64_t awake_ms; /* the process ran */
    uint64_t until_ms; /* nothing is sent until then */
};

struct assignment {
    unsigned worker; /* for the log */
    uint32_t window_max;
    struct source_partition *
        *known; /* owned; every partition ever held: late settles point to them */
    size_t known_count;
    struct source_partition **held; /* owned array of some of `known` */
    size_t held_count;
    uint32_t blocks; /* of the whole worker */
    bool is_going;   /* they are being revoked: pauses do not matter any more */
    struct commits commits;
    struct fence fence;
    struct tally_writer books;
};

/** @session_ms: after which the group gives the partitions of a silent consumer to others. */
void assignment_init(struct assignment *assignment, unsigned worker, uint32_t window_max,
                     uint64_t session_ms, uint64_t now_ms);
void assignment_fini(struct assignment *assignment);
/** Before the first partition comes: have what happens written. */
void assignment_keep_books(struct assignment *assignment, const struct tally_writer *books);

/** The group gives us a partition; its committed offset is to be asked for. */
struct source_partition *assignment_add(struct assignment *assignment, const char *topic,
                                        int32_t number);
/** They are being revoked: what has begun of them is finished, the last commit is sent. */
void assignment_go(struct assignment *assignment);
/** All are gone. What was committed meanwhile and is not answered is forgotten. */
void assignment_clear(struct assignment *assignment);
/** NULL: not held. */
struct source_partition *assignment_find(const struct assignment *assignment, const char *topic,
                                         int32_t number);
/** Of all partitions, since the start. */
struct source_counts assignment_counts(const struct assignment *assignment);

/** One reason for one partition (NULL: all held, and those assigned later). */
void assignment_block(struct assignment *assignment, struct source_partition *partition,
                      enum block_reason reason, bool is_on, uint64_t now_ms);
/** Time passed. */
void assignment_tick(struct assignment *assignment, uint64_t now_ms);
/** Some log may have changed, nobody knows which. */
void assignment_suspect(struct assignment *assignment, uint64_t now_ms);

/** The process runs; if it stood still for 0.8 of its session before, it is fenced for a second:
 * the heartbeats that are overdue go out now, and the group has the time to tell. */
void assignment_awake(struct assignment *assignment, uint64_t now_ms);
bool assignment_is_fenced(const struct assignment *assignment, uint64_t now_ms);

/** Is a commit to be sent? Once a second, at once if @is_now. */
bool assignment_commit_due(struct assignment *assignment, uint64_t now_ms, bool is_now);
/** The same while the partitions go, waiting for the last one. */
bool assignment_commit_due_finally(const struct assignment *assignment, uint64_t now_ms);
/** Is anything left to commit, or the answer still out? */
bool assignment_has_uncommitted(const struct assignment *assignment);
/** A commit is sent; partition_commit() of each that is due follows. Returns its sequence. */
uintptr_t assignment_commit_begin(struct assignment *assignment, uint64_t now_ms);
/** All that is due is sealed: have it written, where there is a ledger. */
void assignment_commit_write(struct assignment *assignment, uint64_t now_ms);
/** May the commit go? False: the ledger is still being written. What it failed to take has failed
 * to be committed, and is no longer part of the commit (is_committing). */
bool assignment_commit_is_written(struct assignment *assignment, uint64_t now_ms);
/** The answer with @sequence came. False: it is of an assignment that is over. */
bool assignment_commit_answered(struct assignment *assignment, uintptr_t sequence);
/** What it says of one partition; nothing when that was not in it. True: a failure is to be told.
 */
bool assignment_commit_take(struct assignment *assignment, struct source_partition *partition,
                            int64_t offset, enum commit_result result);
/** It says no more: what it did not name is not committed. True: a failure is to be told. */
bool assignment_commit_end(struct assignment *assignment);

#endif /* OFFSETS_ASSIGNMENT_H */
