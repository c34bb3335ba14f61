/**
 * sim_world_inside - what the parts of the simulated consumer group share: the group
 * (sim_world.c), a worker's source (sim_reader.c) and the logs (sim_log.c).
 */
#ifndef SIM_WORLD_INSIDE_H
#define SIM_WORLD_INSIDE_H

#include "ledger/bookkeeper.h"
#include "rehearse/world_inside.h"
#include "sim_world.h"

enum {
    SIM_SESSION_MS = 10000,   /* after which the group takes a sleeper's partitions */
    COMMIT_FINALLY_MS = 3000, /* as kafka/source_rebalance.c waits for the last commit */
};

/* A record of the source topic. The first member is what the core sees. */
struct log_record {
    struct world_record record;
    uint32_t readers; /* who hold the message */
    uint32_t serial;  /* tells it from every other one */
    bool is_gone;     /* from its log: its last reader frees it */
};

/* One partition of the source topic, and what the group knows of it. */
struct sim_log {
    struct log_record **records; /* owned; NULL: an offset left out */
    size_t count, cap, trimmed;  /* the first trimmed ones are gone */
    int64_t committed;           /* -1: nothing */
    struct buf metadata;
    struct sim_worker *owner; /* NULL: nobody's just now */
    uint64_t generation;      /* of the group's assignments of it */
    uint32_t changes;         /* how often it became another log, from some offset on */
    bool is_removed;          /* some of it before it was read, perhaps */
};

/* How the Kafka client of one worker reads a partition. */
struct reader {
    struct source_partition *partition; /* NULL: not held */
    int64_t at;                         /* the next offset to be fetched */
    bool is_fetched;
    bool is_paused;
    bool is_end_told; /* that there is nothing behind `at` */
    uint64_t generation;
    uint32_t changes; /* of the log, as far as the core has found them */
    bool is_checked;  /* since the last one, its log is or was compared */
};

struct sim_worker {
    struct sim_world *sim;
    struct worker *worker; /* the world's, open while it is alive */
    uint64_t life;         /* grows with each start */
    struct health *health; /* owned */
    struct sim_sink *sink;
    struct bookkeeper *keeper; /* owned */
    struct assignment assignment;
    struct sim_commit *sealed; /* owned; it waits for the ledger */
    struct reader *readers;    /* owned; by partition */
    size_t next_reader;
    uint64_t heard_ms;     /* where the logs end */
    uint64_t going_by_ms;  /* while its partitions go */
    uint64_t commit_by_ms; /* they are gone by then, and wait for the last commit; 0: not yet */
    bool is_asleep;
};

struct sim_world {
    struct sim_world_options options;
    struct world *world; /* owned */
    struct ledger *ledger;
    struct sim_books *books;     /* owned */
    struct sim_account *account; /* owned */
    struct span topic;
    char *topic_text;           /* owned; the same */
    struct sim_log *logs;       /* owned; by partition */
    struct sim_worker *workers; /* owned */
    struct sim_calm *calls;     /* owned; to come */
    uint32_t leaving;           /* workers */
    bool is_sharing;            /* once none is, the partitions are given to all ... */
    uint32_t share_at;          /* ... this worker being the first */
    struct sim_commit *commits; /* owned; on their way */
    uint32_t serial;            /* of the last record */
    uint64_t lives;
    struct sim_world_seen seen;
};

/* sim_world.c */

/** The partitions of a worker that was leaving are the group's. */
void sim_left(struct sim_world *sim);
/** Its part of a rate that all share, as app/worker.c sets it. */
void sim_share_rate(struct sim_worker *worker);

/* sim_log.c */

int64_t log_end(const struct sim_log *log);
/** NULL: left out. */
struct log_record *log_at(const struct sim_log *log, int64_t offset);
void log_add(struct sim_log *log, struct log_record *record, int64_t gap);
/** What is committed and read by nobody need not be kept, but for the last record of it: by that
 * the log is recognised. */
void log_trim(struct sim_log *log);
/** Its records before @low are gone, read or not. */
void log_remove(struct sim_log *log, int64_t low);
/** Its records from @end on are gone; others will come in their place. */
void log_truncate(struct sim_log *log, int64_t end);
/** All of it is gone; another begins at 0. */
void log_replace(struct sim_log *log);
void log_fini(struct sim_log *log);

/* sim_commit.c */

/** What is due is sealed, and sent to the group when the ledger has its tallies. */
void commit_seal(struct sim_worker *worker, bool is_final);
/** Send what was sealed, if the ledger has it. */
void commit_serve(struct sim_worker *worker);
/** The last commit, which is waited for: call again until it is true. */
bool commit_finally(struct sim_worker *worker);
/** What was sealed and not sent. */
void commit_forget(struct sim_worker *worker);
void commits_free(struct sim_world *sim);

/* sim_reader.c */

/** Functions of struct io, @context is the world's worker. */
extern const struct io sim_source;
void reader_open(struct sim_worker *worker);
void reader_close(struct sim_worker *worker);
void reader_assign(struct sim_worker *worker, int32_t number);
/** What was taken of its partitions and is not committed will come again, to whoever is next. */
void reader_leave(struct sim_worker *worker);

#endif /* SIM_WORLD_INSIDE_H */
