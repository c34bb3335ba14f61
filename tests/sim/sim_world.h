/**
 * sim_world - the virtual world of rehearse/world.h with all that happens to a consumer group:
 * workers are processes of their own, with partitions that come and go; they stop, die, start anew
 * and stand still; commits come late, are lost, or their answers are; logs have offsets left out,
 * lose records and are replaced.
 *
 *     sim_produce() -> the log of a partition -> io.poll()
 *     io.commit()   -> the group's offset and metadata, once a second
 *
 * What happens to offsets is told to the ledger, which judges. One thread, no errors.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "rehearse/world.h"
#include "sim_account.h"
#include "sim_books.h"

struct sim_world_options {
    struct world_options world;
    double commits_lost; /* share of commits the group does not take, or does not confirm */
    uint64_t commit_ms;  /* at most, to the group and as much back */
    struct sim_books_options books;
};

struct sim_record {
    int32_t partition;
    struct span value; /* borrowed; ptr NULL: a tombstone */
    int64_t gap;       /* offsets left out before it, as compaction does */
    uint32_t tag;      /* whatever the caller wants to know it by; SIM_TAG_BITS */
};

/* A record's tag is this wide; above it stands how often its log had changed. */
enum { SIM_TAG_BITS = 16 };

/* What happened. */
struct sim_world_seen {
    unsigned blocks;      /* bit set of enum block_reason: why partitions were paused */
    bool has_skipped;     /* a record, because a commit's metadata said that it was settled */
    bool has_late_commit; /* its worker was dead when it arrived */
    bool has_removed, has_changed; /* gaps the core named: records that went before they were read,
                                    * and a log that became another */
};

struct sim_world;

/** Keeps @pipeline. The group has assigned everything. */
struct sim_world *sim_world_new(const struct pipeline *pipeline,
                                const struct sim_world_options *options, struct ledger *ledger);
/** All workers die. */
void sim_world_free(struct sim_world *sim);
/** Its clock. */
struct world *sim_world_of(struct sim_world *sim);
/** The offset it got; its tag gets what stands above SIM_TAG_BITS. */
int64_t sim_produce(struct sim_world *sim, struct sim_record *record);
/** Call back at @at_ms, or as soon after it as no worker is leaving: for what changes the group. */
void sim_call(struct sim_world *sim, uint64_t at_ms,
              void (*call)(void *context, struct sim_world *sim), void *context);

/** As the world's watch is told. */
void sim_settled(struct sim_world *sim, const struct world_leg *leg);

/* the group; only from sim_call() and between runs */

/** All partitions go and come, spread anew over the living, from @first on. */
void sim_rebalance(struct sim_world *sim, uint32_t first);
/** Dies at once: nothing is finished, nothing committed. Its partitions wait for a rebalance. */
void sim_kill(struct sim_world *sim, uint32_t worker);
/** Stops as asked: drains up to @drain_ms, commits, leaves. */
void sim_stop(struct sim_world *sim, uint32_t worker, uint64_t drain_ms);
/** A new one in the place of one that is gone. */
void sim_start(struct sim_world *sim, uint32_t worker);
/** Stands still for @ms; the group takes its partitions away after ten seconds of that. */
void sim_sleep(struct sim_world *sim, uint32_t worker, uint64_t ms);
bool sim_is_alive(const struct sim_world *sim, uint32_t worker);

/* logs; at any time. Those who read the partition are told as a client is: something changed. */

/** Half of what is not committed, and all before it, is removed. */
void sim_remove(struct sim_world *sim, int32_t partition);
/** Its last @records are lost. */
void sim_truncate(struct sim_world *sim, int32_t partition, uint64_t records);
/** Another log begins. @is_forgotten: the group's offset went with the topic. */
void sim_replace(struct sim_world *sim, int32_t partition, bool is_forgotten);

/* looking */

/** Every record is committed and nothing is in flight. */
bool sim_is_drained(const struct sim_world *sim);
/** NULL when it is not alive. */
const struct deliverer *sim_deliverer(const struct sim_world *sim, uint32_t worker);
/** Fails the ledger with what stands in the way. */
void sim_tell_undrained(const struct sim_world *sim);
/** Once it is drained: the ledger says what became of every event, as the account has it. */
void sim_judge_books(struct sim_world *sim);
struct sim_world_seen sim_world_seen(const struct sim_world *sim);

#endif /* SIM_WORLD_H */
