/**
 * rebalance - what source.c (taking, pausing), source_commit.c, source_start.c and rebalance.c
 * (coming and going of partitions, and offsets that are gone) share. Nobody else includes this.
 *
 * Vocabulary
 *    assigned - the group says it is ours
 *    placed   - and we know where it begins, so the library fetches it
 *    blocked  - we do not want its messages; then it is paused in the library, which throws
 *               away what was fetched: going on always seeks to `position` first
 *    lost     - the offset wanted does not exist, or the log is another one
 */
#ifndef KAFKA_REBALANCE_H
#define KAFKA_REBALANCE_H

#include <stdatomic.h>

#include "kafka/source.h"

enum {
    COMMIT_EVERY_MS = 1000,
    COMMIT_WAIT_MS = 3000, /* when the partitions go */
    PAUSE_MS_MIN = 1000,   /* a pause costs what was fetched */
    PLACE_WAIT_MS = 10000, /* for committed offsets, inside the rebalance */
    PLACE_AGAIN_MS = 2000, /* and from then on */
    PLACE_SHORT_MS = 500,
    QUERY_WAIT_MS = 2000, /* a partition's first and last offset */
    LOOK_EVERY_MS = 1000, /* at an offset that is gone */
    REVOKE_WAIT_MS = 5000,
};

enum check_state {
    CHECK_OFF,
    CHECK_READING, /* the next record is compared with a mark */
    CHECK_CHANGED, /* it is another log than was read, at least from some record on */
};

/* Whether the log is still the one that was read (source_check.c). */
struct check {
    enum check_state state;
    bool is_changed;   /* some record is another one, or is no longer there */
    int64_t match;     /* the newest record that is the same, -1: none */
    int64_t high;      /* where the log ended before, as far as was heard */
    uint64_t since_ms; /* the mark it is at is waited for */
    bool is_told;      /* that it does not come */
    size_t at, count, seen_at;
    struct mark marks[TRAIL_MARKS_MAX + 1]; /* newest first */
};

struct slot {
    struct source_partition own; /* what others see */
    const rd_kafka_topic_t *rkt; /* of the last message, to recognise the next; never used */
    uint32_t own_blocks;         /* without those of the whole worker */
    bool is_assigned;
    bool is_placed;
    bool is_paused;
    uint64_t paused_at_ms;
    uint64_t lost_at_ms; /* look at the gap from then on; 0: not lost */
    uint64_t looked_at_ms;
    bool is_stopped;    /* the library stopped fetching */
    int64_t low;        /* first offset as last heard, -1 unknown */
    struct mark newest; /* of the records received; hash 0: none */
    struct check check;
    struct trail memory;     /* of an earlier assignment ... */
    int64_t memory_position; /* ... which ended there */
    bool is_dirty;           /* something to commit */
    bool is_bare;            /* the next commit goes without metadata */
    bool is_committing;
    uint64_t read_again_ms; /* it cannot be read: blocked until then; 0: not */
    uint32_t read_failures; /* since something was read */
    uint64_t error_told_ms, errors_untold;
};

struct source {
    const struct config_kafka *kafka;
    unsigned worker_index;
    struct source_events events;
    rd_kafka_t *rk;                       /* owned */
    rd_kafka_queue_t *messages, *commits; /* owned */
    int fd;                               /* owned */
    uint64_t session_ms;
    uint32_t window_max;

    struct slot **slots; /* owned; every partition ever assigned: late settles point to them */
    size_t slot_count;
    struct source_partition **assigned; /* owned array of &slot->own */
    size_t assigned_count;
    struct slot *last_slot;   /* of the last message */
    rd_kafka_message_t *kept; /* came while only callbacks were to be served */
    uint32_t blocks;          /* of the whole worker */
    bool is_rebalancing;
    bool is_unplaced;       /* some assigned partition is not placed */
    bool *is_first;         /* owned; by topic: the group had no offset of it when we came */
    bool *is_begun;         /* owned; by topic: its first start is over */
    uint64_t place_at_ms;   /* try again from then on */
    uint64_t look_again_ms; /* a leader did not answer: no gap is looked at before */

    _Atomic uint32_t *hints; /* owned; how often the library asked for metadata */
    uint32_t hints_seen;

    uint64_t polled_at_ms, fenced_until_ms, chores_at_ms, high_at_ms;
    uint32_t polls;

    size_t metadata_bytes_max;
    uintptr_t commit_sequence; /* grows; tells a late answer from the one waited for */
    bool is_commit_out;        /* sent and not answered */
    bool is_commit_wanted;     /* as soon as there is none out */
    bool is_commit_hopeless;   /* the group does not take any from us just now */
    uint64_t committed_at_ms;
    uint64_t commit_failures, commit_logged_ms;

    uint64_t close_by_ms; /* 0: not closing */
    bool is_committed_at_close;
    bool is_fatal;
    struct err failure;
    struct standings errors; /* of the group and of topics */
};

static inline struct slot *slot_of(struct source_partition *partition)
{
    return CONTAINER_OF(partition, struct slot, own);
}

/* source_check.c */

/** Have @conf's client count what may mean that a log has changed. */
NODISCARD enum err_code check_watch(struct source *source, rd_kafka_conf_t *conf, struct err *err);
/** From here on the partition is read at check_offset(), and compared. */
void check_begin(struct source *source, struct slot *slot);
/** The same; where it is being compared, that goes on at the mark it is at, read anew. */
void check_again(struct source *source, struct slot *slot);
/** Where reading begins: at a mark, or at the position. */
int64_t check_offset(const struct slot *slot);
void check_seek(struct source *source, const struct slot *slot);
/** The same for several; the offsets are in @list. */
void check_seek_all(struct source *source, rd_kafka_topic_partition_list_t *list);
/** The log holds @low..@high-1: what that says of the marks. */
void check_bounds(struct slot *slot, int64_t low, int64_t high);
/** A record of a partition that is checked. True when it may be taken. */
bool check_take(struct source *source, struct slot *slot, const rd_kafka_message_t *message);
/** The partition ends at @end, and nothing came before that. */
void check_end(struct source *source, struct slot *slot, int64_t end);
/** The library has asked for metadata since: check all that is read. */
void check_hints(struct source *source);
/** A partition that waits: for a record behind the log's end, or for one that does not come. */
void check_idle(struct source *source, struct slot *slot);

/* source_gap.c */

/** Look at what is lost. True when partitions are to be assigned anew. */
bool gap_look(struct source *source, uint64_t now_ms);

/* rebalance.c */

/** librdkafka's callback. */
void rebalance_take(rd_kafka_t *rk, rd_kafka_resp_err_t error,
                    rd_kafka_topic_partition_list_t *partitions, void *opaque);
/** What could not be done at once: place partitions, look at gaps. */
void rebalance_chores(struct source *source, uint64_t now_ms);
/** All partitions go, whether the group said so or not. */
void rebalance_drop(struct source *source, bool is_lost);

/* source_start.c */

/** Before joining: is it the group's first start? */
void start_look(struct source *source);
/** All are placed: what has no offset from now on was added. */
void start_done(struct source *source);
/** Where a partition begins that has no committed offset. */
NODISCARD rd_kafka_resp_err_t start_offset(struct source *source, struct slot *slot,
                                           uint64_t wait_ms, int64_t *offset);

/* source_open.c */

/** The library says that the consumer cannot go on. */
void source_fail(struct source *source);

/* source_block.c */

void block_slot(struct source *source, struct slot *slot, enum block_reason reason, bool is_on);
/** Bring the library's pauses in line with the blocks. */
void block_apply(struct source *source, uint64_t now_ms);
/** Those whose window was full and has room. */
void block_windows(struct source *source);

/* source.c */

/** The process runs; if it stood still too long before, it is fenced. */
void source_awake(struct source *source, uint64_t now_ms);
struct slot *source_find(struct source *source, const char *topic, int32_t partition);
/** What a record is recognised by. */
struct mark source_mark(const rd_kafka_message_t *message);

/* source_errors.c */

/** An error that is no partition's own: one line a minute, with the way out. */
void source_tell(struct source *source, rd_kafka_resp_err_t error, const char *topic,
                 const char *text);
/** A message with an error, or the end of a partition. @slot may be NULL. */
void error_take(struct source *source, struct slot *slot, const rd_kafka_message_t *message);
/** Something of the partition was read: what stood in the way is over. */
void error_over(struct slot *slot);
/** Try again what is due. */
void error_chores(struct source *source, uint64_t now_ms);
/** The group has taken us in. */
void error_joined(struct source *source);

/* source_commit.c */

/** Answers of commits that came. */
void commit_serve(struct source *source, uint64_t wait_ms);
/** Commit all that is settled and wait for the answer. False when something is left. */
bool commit_finally(struct source *source, uint64_t wait_ms);

#endif /* KAFKA_REBALANCE_H */
