/**
 * partition - one partition of the source: where it is read, what is settled, what may be
 * committed.
 *
 * Pure: no Kafka library, no clock, no thread of its own. It is told what happened by plain calls
 * (assigned, committed offset read, record received, settled, bounds of the log reported, revoked,
 * and partition_tick() as time passes), and answers with plain actions, which whoever speaks to
 * Kafka carries out (kafka/source.c), or pretends to (rehearse/source_topic.c). `now_ms` is
 * monotonic; one that is some milliseconds old does no harm. A partition belongs to one worker and
 * its thread.
 *
 *    AWAY      another consumer's, or nobody's
 *    UNPLACED  ours; the group's committed offset is not known yet
 *    PLACED    read from `position` on
 *    HALTED    records are gone and kafka.on_gap is halt: not read until a restart
 *
 *    AWAY -> UNPLACED   partition_assign()
 *    UNPLACED -> PLACED partition_place_...()
 *    PLACED -> HALTED   partition_bounds()
 *    any -> AWAY        partition_release()
 *
 * What can prevent reading a placed partition:
 *    blocked   `blocks` is not 0: no message is wanted, so it is paused at the client. The client
 *              discards what it fetched, so reading continues with a seek
 *    checked   the log may have changed: see partition_check.c
 *    to look   the wanted offset may not exist: the broker is asked for the bounds of the log
 */
#ifndef OFFSETS_PARTITION_H
#define OFFSETS_PARTITION_H

#include "config/config.h"
#include "event/blocked.h"
#include "offsets/tracker.h"

/* Records made of a partition that wait for their topics: it is blocked while there are any. */
struct source_waits {
    uint32_t records;
    uint32_t stuck; /* of them: their topic does not take them */
};

struct ledger_ticket;

struct source_counts {
    uint64_t gaps;         /* offsets wanted that were gone */
    uint64_t gap_messages; /* and how many messages with them */
    uint64_t skipped;      /* messages settled before a restart */
};

enum partition_state {
    PARTITION_AWAY,
    PARTITION_UNPLACED,
    PARTITION_PLACED,
    PARTITION_HALTED,
};

/* What the client is to do, a bit set. Until PARTITION_SEEK is done no record is taken: what comes
 * was fetched from somewhere else. */
enum partition_action {
    PARTITION_PAUSE = 1,
    PARTITION_RESUME = 2, /* after the seek */
    PARTITION_SEEK = 4,   /* to partition_fetch_offset() */
    PARTITION_REFETCH = 8 /* the set of fetched partitions changes: partition_fetch() of each */
};

enum check_state {
    CHECK_OFF,
    CHECK_READING, /* the next record is compared with a mark */
    CHECK_CHANGED, /* it is another log than was read, at least from some record on */
    CHECK_UNSURE,  /* it may be: records that were noted are not there */
};

/* Marks kept of the records received last, besides the trail's, which lie further apart. */
enum { MARKS_BEFORE = 8 };

/* Whether the log is still the one that was read (partition_check.c). */
struct log_check {
    enum check_state state;
    bool is_changed;   /* some record is another one, or is no longer there */
    int64_t match;     /* the newest record that is the same, -1: none */
    size_t absent;     /* marks that have no record in a log that goes on behind them */
    int64_t high;      /* the end of the log before, as last reported */
    uint64_t since_ms; /* the mark it is at is waited for */
    bool is_told;      /* that it does not come */
    size_t at, count, seen_at;
    size_t near;                                           /* the first of those further apart */
    struct mark marks[1 + MARKS_BEFORE + TRAIL_MARKS_MAX]; /* newest first */
};

/* One partition; ours from assign to release. Events keep the pointer and its epoch. */
struct source_partition {
    char *topic; /* owned */
    int32_t partition;
    uint64_t epoch; /* grows with every assignment; a late settle of an older one is ignored */
    struct tracker *tracker; /* owned */
    int64_t committed;       /* last acknowledged commit, -1: none yet */
    int64_t position;        /* next offset to be received */
    int64_t high;            /* high watermark as last reported, -1 unknown */
    int64_t end; /* all before it was handed over, where end_epoch is epoch: it may lie behind
                  * `position`, over aborted transactions and what marks their ends */
    uint64_t end_epoch;
    int error; /* the client library's code: it cannot be read on; 0: it can (client_errors.h) */
    uint64_t error_since_ms, error_told_ms;
    uint64_t errors, errors_untold;
    uint32_t blocks; /* bit set of enum block_reason: paused while not 0 */
    /* the worker's own counts, 0 at assignment */
    struct source_waits dead_letters, alternates;
    uint32_t waiting_schemas;    /* events of it */
    bool is_going;               /* it is being revoked */
    struct source_counts counts; /* kept from one assignment to the next */

    /* Private to this room from here on. */
    enum partition_state state;
    uint32_t actions; /* of enum partition_action */
    uint32_t own_blocks, worker_blocks;
    uint32_t window_max;
    bool is_paused; /* at the client */
    uint64_t paused_at_ms;
    uint64_t look_at_ms; /* the log's bounds are to be asked for from then on; 0: no need */
    uint64_t looked_at_ms;
    bool is_fetch_stopped;            /* the client does not fetch it */
    bool is_refused;                  /* because the broker refused the offset */
    int64_t low;                      /* first offset as last reported, -1 unknown */
    struct mark newest;               /* of the records received; hash 0: none */
    struct mark before[MARKS_BEFORE]; /* a ring: of those before it */
    uint32_t before_at;               /* the next place */
    struct log_check check;
    struct memory {
        bool is_there;
        struct trail trail;       /* below ... */
        struct tally_start start; /* ... where the next one has to begin; without runs */
    } memory;                     /* of an earlier assignment */
    bool is_dirty;                /* something to commit */
    bool is_bare;                 /* the next commit goes without metadata */
    bool is_committing;
    uint64_t sealed_epoch;         /* of what is being committed */
    struct ledger_ticket *writing; /* the bookkeeper's: what the commit waits for; NULL: nothing */
    uint64_t read_again_ms;        /* it cannot be read: blocked until then; 0: not */
    uint32_t read_failures;        /* since something was read */
};

/* life */

NODISCARD struct source_partition *partition_new(const char *topic, int32_t number,
                                                 uint32_t window_max, bool has_tally);
void partition_free(struct source_partition *partition);
/** The group gives it to us. @worker_blocks: those of the whole worker. */
void partition_assign(struct source_partition *partition, uint32_t worker_blocks);
/** The group has committed @offset with @metadata: read from there. What the metadata says of
 * records beyond it and before it holds, if it is of this very place. */
void partition_place(struct source_partition *partition, int64_t offset, struct span metadata,
                     uint64_t now_ms);
/** The group has committed nothing. False when we do not know it from an earlier assignment either.
 * If we do, the topic was deleted meanwhile, and the group's offset with it: what we know of the
 * log is checked first. */
bool partition_place_known(struct source_partition *partition, uint64_t now_ms);
/** Begin at @offset of a log that holds @low..@high-1. It is committed though nothing was read. */
void partition_place_fresh(struct source_partition *partition, int64_t offset, int64_t low,
                           int64_t high, uint64_t now_ms);
/** It is no longer ours. What is settled late counts for nothing. */
void partition_release(struct source_partition *partition);

/* reading */

/** A record came. True: it is new work for the caller; else it is dropped. */
bool partition_take(struct source_partition *partition, struct mark record, uint64_t now_ms);
/** Is it worth keeping a record for later? */
bool partition_is_wanted(struct source_partition *partition, struct mark record, uint64_t now_ms);
/** The client is at the log's end. True when that counts: everything before it was handed over. */
bool partition_end(struct source_partition *partition, int64_t end, uint64_t now_ms);
/** The broker has no such offset, and the client has stopped fetching. */
void partition_out_of_range(struct source_partition *partition, uint64_t now_ms);
/** The log may be another one since it was read last: it is read again from a known record on. */
void partition_suspect(struct source_partition *partition, uint64_t now_ms);
/** The broker reported its high watermark; -1: it did not. */
void partition_high_watermark(struct source_partition *partition, int64_t high, uint64_t now_ms);
/** It cannot be read just now: blocked by @reason for 1 s, 2 s ... 30 s, then tried again. */
void partition_unreadable(struct source_partition *partition, enum block_reason reason,
                          uint64_t now_ms);
/** Something of it was read after all. */
void partition_readable(struct source_partition *partition);
/** All legs of one event are settled, as @settled says (NULL: nobody counts). */
void partition_settle(struct source_partition *partition, uint64_t epoch, int64_t offset,
                      const struct settled *settled);

/* the log's bounds: partition_gap.c */

/** Ask the broker for its first and last offset now? */
bool partition_is_look_due(const struct source_partition *partition, uint64_t now_ms);
/** The log holds @low..@high-1. Judges whether the offset wanted is there; if not, the gap is
 * counted and told, and @kafka says where to go on. */
void partition_bounds(struct source_partition *partition, const struct config_kafka *kafka,
                      int64_t low, int64_t high, uint64_t now_ms);
/** The broker did not say. */
void partition_bounds_failed(struct source_partition *partition, uint64_t now_ms);

/* what the client does */

/** Where reading begins: at a mark, or at the position. */
int64_t partition_fetch_offset(const struct source_partition *partition);
/** The client is given its set of partitions anew, not paused. False: without this one; else it is
 * fetched from @offset on. */
bool partition_fetch(struct source_partition *partition, int64_t *offset);
/** The actions of @mask are due; they are taken as done. */
uint32_t partition_act(struct source_partition *partition, uint32_t mask);
/** The seek was not done, and the bounds will say why. @is_refused: the client has stopped fetching
 * where the broker refused an offset, and forgets the error it was about to tell. Otherwise nobody
 * knows where it fetches: its leader may be dead. */
void partition_seek_failed(struct source_partition *partition, bool is_refused, uint64_t now_ms);

/* pausing and time */

void partition_block(struct source_partition *partition, enum block_reason reason, bool is_on);
/** Those of the whole worker have changed. */
void partition_block_worker(struct source_partition *partition, uint32_t worker_blocks);
/** Bring the client's pause in line with the blocks. A pause throws away what was fetched, so it
 * lasts a second at least. */
void partition_align(struct source_partition *partition, uint64_t now_ms);
/** Time passed: room in a full window, another try at what could not be read. */
void partition_tick(struct source_partition *partition, uint64_t now_ms);

/* committing */

/** Something is to be committed. While the log may be another one nothing is, but when the
 * partition goes (@is_final): whoever reads that next checks it by the marks beside it. */
bool partition_is_commit_due(const struct source_partition *partition, bool is_final);
/** What to commit: the offset, and into the empty @metadata its metadata of at most @bytes_max. */
int64_t partition_commit(struct source_partition *partition, size_t bytes_max,
                         struct buf *metadata);
void partition_commit_done(struct source_partition *partition, int64_t offset);
/** It is committed again. @is_too_large: without metadata. */
void partition_commit_failed(struct source_partition *partition, bool is_too_large);

#endif /* OFFSETS_PARTITION_H */
