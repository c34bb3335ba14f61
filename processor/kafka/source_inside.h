/**
 * source_inside - the consumer, shared by the files source_*.c. Nobody else includes this.
 *
 *    source.c            a message on its way to delivery; the chores of a turn
 *    source_act.c        carries out what offsets/ asks for: pause, seek, resume, fetch again
 *    source_rebalance.c  partitions are assigned and revoked
 *    source_start.c      where a partition without a committed offset starts
 *    source_commit.c     commits and their answers
 *    source_errors.c     errors that the client returns instead of a message
 *    source_hints.c      signs that a log may have changed
 *    source_open.c       opening and closing the consumer
 *
 * offsets/ decides what is read, settled and committed, without the client library. One worker owns
 * the source and calls everything on its thread. An error of the client becomes a state of a
 * partition or of the source.
 */
#ifndef KAFKA_SOURCE_INSIDE_H
#define KAFKA_SOURCE_INSIDE_H

#include <stdatomic.h>

#include "kafka/source.h"

enum {
    COMMIT_WAIT_MS = 3000, /* when the partitions go */
    PLACE_WAIT_MS = 10000, /* for committed offsets, inside the rebalance */
    PLACE_AGAIN_MS = 2000, /* and from then on */
    PLACE_SHORT_MS = 500,
    QUERY_WAIT_MS = 2000, /* a partition's first and last offset */
    REVOKE_WAIT_MS = 5000,
};

enum source_state {
    SOURCE_STEADY,
    SOURCE_COMING,
    SOURCE_GOING,
    SOURCE_COMMITTING,
};

struct source {
    const struct config_kafka *kafka;
    unsigned worker_index;
    struct source_events events;
    rd_kafka_t *rk;                       /* owned */
    rd_kafka_queue_t *messages, *commits; /* owned */
    int fd;                               /* owned */

    struct assignment assignment;
    struct source_partition *last;    /* of the last message ... */
    const rd_kafka_topic_t *last_rkt; /* ... and its topic, to recognise the next; never used */
    rd_kafka_message_t *kept;         /* came while only callbacks were to be served */
    enum source_state state;
    rd_kafka_topic_partition_list_t *coming; /* owned; while COMING */
    rd_kafka_topic_partition_list_t
        *sealed;            /* owned; a commit that waits for the ledger, or NULL */
    uint64_t going_by_ms;   /* while GOING or COMMITTING */
    bool is_lost;           /* others may have them already */
    bool is_unplaced;       /* some held partition is not placed */
    bool *is_first;         /* owned; by topic: the group had no offset of it when we came */
    bool *is_begun;         /* owned; by topic: its first start is over */
    uint64_t place_at_ms;   /* try again from then on */
    uint64_t look_again_ms; /* a leader did not answer: no bounds are asked for before */

    _Atomic uint32_t *hints; /* owned; how often the library asked for metadata */
    uint32_t hints_seen;

    uint64_t now_ms; /* as of the last chores: a message costs less than looking at the clock */
    uint64_t chores_at_ms, high_at_ms, commit_logged_ms;
    uint32_t polls;

    uint64_t close_by_ms; /* 0: not closing */
    bool is_committed_at_close;
    bool is_fatal;
    struct err failure;
    struct active_errors errors; /* of the group and of topics */
};

/* source_hints.c */

/** Have @conf's client count what may mean that a log has changed. */
NODISCARD enum err_code hints_watch(struct source *source, rd_kafka_conf_t *conf, struct err *err);
/** True when there was one since: what came until now may be of another log, and all that is read
 * is read again. */
bool hints_look(struct source *source);

/* source_act.c */

/** Do at the client what the partitions ask for. */
void source_act(struct source *source);
/** Have the client fetch all that is placed, each from its offset. What it held is dropped. */
void source_fetch_all(struct source *source);
/** Ask for the bounds of logs in which an offset may be gone. */
void source_look(struct source *source, uint64_t now_ms);

/* source_rebalance.c */

/** librdkafka's callback: only notes what the group wants. */
void rebalance_note(rd_kafka_t *rk, rd_kafka_resp_err_t error,
                    rd_kafka_topic_partition_list_t *partitions, void *opaque);
/** Go on with what was noted. True when nothing is left of it. */
bool rebalance_step(struct source *source);
/** Ask again for committed offsets that were not to be had. */
void rebalance_chores(struct source *source, uint64_t now_ms);
/** All partitions go at once, although the group did not take them back. */
void rebalance_lose(struct source *source);

/* source_start.c */

/** Before joining: is it the group's first start? */
void start_look(struct source *source);
/** All are placed: what has no offset from now on was added. */
void start_done(struct source *source);
/** Place a partition that has no committed offset. */
NODISCARD rd_kafka_resp_err_t start_fresh(struct source *source, struct source_partition *partition,
                                          uint64_t wait_ms);

/* source_open.c */

/** The library says that the consumer cannot go on. */
void source_fail(struct source *source);

/* source_errors.c */

/** An error that is no partition's own: one line a minute, with the way out. */
void source_tell(struct source *source, rd_kafka_resp_err_t error, const char *topic,
                 const char *text);
/** A message with an error, or the end of a partition. @partition may be NULL. */
void error_take(struct source *source, struct source_partition *partition,
                const rd_kafka_message_t *message);
/** Something of the partition was read: what stood in the way is over. */
void error_over(struct source_partition *partition);
/** The group has taken us in. */
void error_joined(struct source *source);

/* source_commit.c */

/** Answers of commits that came. */
void commit_serve(struct source *source, uint64_t wait_ms);
/** A commit that waits for the ledger is not to go any more. */
void commit_forget(struct source *source);
/** Commit all that is settled, while partitions go. False when something is left. */
bool commit_finally(struct source *source, uint64_t now_ms);

#endif /* KAFKA_SOURCE_INSIDE_H */
