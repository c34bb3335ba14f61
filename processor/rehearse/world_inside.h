/**
 * world_inside - what the parts of the virtual world share: the clock and the group
 * (world.c), the logs (partition_log.c), a member (member.c) and how it reads them (reader.c), what
 * answers (transport.c).
 */
#ifndef REHEARSE_WORLD_INSIDE_H
#define REHEARSE_WORLD_INSIDE_H

#include "deliver/batch.h"
#include "rehearse/event_queue.h"
#include "rehearse/world.h"

enum {
    WORLD_START_MS = 1000000, /* of the monotonic clock */
    SESSION_MS = 10000,       /* after which the group takes a sleeper's partitions */
    HEAR_EVERY_MS = 1000,     /* where the logs end */
    REVOKE_WAIT_MS = 5000,
    UNWRITABLE_RETRY_MS = 500,
};

/* A record of the source topic. The message comes first: it is what the core sees. */
struct world_record {
    rd_kafka_message_t message;
    uint64_t produced_ms;
    int64_t timestamp_ms;
    struct span topic;
    uint32_t tag;
    uint32_t readers; /* who hold the message */
    bool is_copied;
};

/* One partition of the source topic, and what the group knows of it. */
struct partition_log {
    struct world_record **records; /* owned; NULL: an offset left out */
    size_t count, cap, trimmed;    /* the first trimmed ones are gone */
    int64_t committed;
    struct buf metadata;
    struct member *owner; /* NULL: nobody's just now */
};

/* How the invented Kafka client of one member reads a partition. */
struct reader {
    struct source_partition *partition; /* NULL: not held */
    int64_t at;                         /* the next offset to be fetched */
    bool is_fetched;
    bool is_paused;
    bool is_end_told; /* that there is nothing behind `at` */
};

struct transport_message; /* a request or record on its way: transport.c */

struct message_list {
    struct transport_message *first, *last;
};

struct member {
    struct world *world;
    uint32_t index;
    bool is_alive;
    bool is_busy;             /* in a turn, or leaving */
    uint64_t asleep_until_ms; /* 0: awake */
    uint64_t wake_ms;         /* the next turn */
    uint64_t heard_ms;
    uint64_t going_by_ms; /* while its partitions go */
    struct io table;
    struct health *health;
    bool is_health_own;
    struct deliverer deliverer;
    struct intake intake;
    struct turn turn;
    struct assignment assignment;
    struct reader *readers; /* owned; by partition */
    size_t next_reader;
    struct message_list posted, answered;   /* requests */
    struct message_list produced, reported; /* records */
    size_t records_open;
};

struct world {
    const struct pipeline *pipeline;
    struct world_options options;
    struct span topic;
    char *topic_text; /* owned; the same */
    uint64_t now_ms;  /* monotonic */
    struct rng rng;
    struct event_queue queue;
    struct partition_log *logs; /* owned; by partition */
    struct member *members;     /* owned */
    struct health *health;      /* of the one process, or NULL */
    struct transport_message *spare;
    uint32_t busy;     /* members that are leaving */
    bool is_sharing;   /* once none is, the partitions are given to all ... */
    uint32_t share_at; /* ... this member being the first */
};

/* world.c */

/** Let time pass while somebody waits: nobody who is busy turns. */
void world_pass(struct world *world, uint64_t until_ms);
/** Not before this turn's time is over. */
void member_wake(struct member *member);
/** The partitions of a member that was leaving are the group's. */
void world_left(struct world *world);

/* log.c */

int64_t partition_log_end(const struct partition_log *log);
/** NULL: left out. */
struct world_record *partition_log_at(const struct partition_log *log, int64_t offset);
void partition_log_add(struct partition_log *log, struct world_record *record, int64_t gap);
/** What is committed and read by nobody need not be kept, but for the last record of it: by that
 * the log is recognised. */
void partition_log_trim(struct partition_log *log);
void partition_log_fini(struct partition_log *log);

/* reader.c: the first ones are functions of struct io, @context is the member */

rd_kafka_message_t *reader_poll(void *context, struct source_partition **partition);
void reader_serve(void *context);
void reader_settle(void *context, struct source_partition *partition, uint64_t epoch,
                   int64_t offset);
void reader_block(void *context, struct source_partition *partition, enum block_reason reason,
                  bool is_on);
void reader_commit(void *context, uint64_t now_ms);
bool reader_is_fenced(void *context, uint64_t now_ms);
bool reader_is_going(void *context, uint64_t *until_ms);
void reader_let_go(void *context);
void reader_open(struct member *member);
void reader_close(struct member *member);
void reader_assign(struct member *member, int32_t number);
/** What was taken of its partitions and is not known as settled will come again, to whoever is
 * next. @is_committed: what is settled is committed before. */
void reader_leave(struct member *member, bool is_committed);

/* member.c */

void member_start(struct member *member, struct world *world, uint32_t index);
void member_assign(struct member *member, int32_t partition);
/** All its partitions go, over some turns. @until_ms: sent work is waited for until then, and
 * settled work committed; 0: lost. */
void member_revoke(struct member *member, uint64_t until_ms);
/** Its part of a rate that all share. */
void member_share_rate(struct member *member);
void member_turn(struct member *member);
void member_kill(struct member *member);

/* transport.c */

enum err_code transport_post(void *context, const struct http_target *target,
                             const char *const *headers, size_t header_count, struct span body,
                             http_reply_fn *done, void *done_context, struct err *err);
void transport_answers(void *context);
void transport_produce(void *context, struct produce_request *request);
void transport_unsend(void *context);
bool transport_is_unsent(void *context, const struct produce_request *request);
void transport_recall(void *context, struct produce_request *request);
uint64_t transport_reports(void *context, uint64_t now_ms);
/** The member ends: what is on its way arrives or not, but nobody hears of it. */
void transport_stop(void *context);
void transport_free(struct world *world);

#endif /* REHEARSE_WORLD_INSIDE_H */
