/**
 * source - one consumer of the group: takes messages, tracks, commits, rebalances.
 *
 * One thread calls everything here; callbacks run inside source_poll()/source_close(). What is
 * read, settled and committed is decided in offsets/; this is the client library's side of it.
 * rd_kafka_consumer_poll() only (the batch API is not rebalance-safe in 2.0.2). Commits are
 * explicit and asynchronous with metadata; auto.offset.reset=error.
 *
 * Assignors are eager (range, roundrobin): a rebalance takes all partitions back first. That is a
 * state of the worker's loop. The library's callback only notes it: the library waits for
 * rd_kafka_assign() before it joins again, whether that is called inside the callback or some
 * turns later, and pauses the partitions until then. (The same as an event on a queue would cost an
 * event object for each message: messages come from the same queue.)
 *
 *    STEADY      -> GOING       the group takes the partitions back
 *    GOING       -> COMMITTING  the caller has finished: source_let_go()
 *    COMMITTING  -> STEADY      the last commit is answered, or 3 s are over: unassign
 *    STEADY      -> COMING      the group gives partitions
 *    COMING      -> STEADY      their offsets are read: assign
 */
#ifndef KAFKA_SOURCE_H
#define KAFKA_SOURCE_H

#include <librdkafka/rdkafka.h>

#include "kafka/active_errors.h"
#include "offsets/assignment.h"

struct source;

struct source_events {
    /** The partitions are no longer ours. Their memory stays. */
    void (*revoked)(void *context, struct source_partition *const *partitions, size_t count);
    void *context;
    struct tally_writer books; /* the ledger's, for each commit */
};

NODISCARD enum err_code source_open(const struct config *config, unsigned worker_index,
                                    const struct source_events *events, struct source **out,
                                    struct err *err);
/** An eventfd-like descriptor that becomes readable when a message or callback waits. */
int source_fd(const struct source *source);
/** The next message and its partition, or NULL. Takes it into the tracker; settled-before offsets
 * are skipped inside. The caller owns the message (rd_kafka_message_destroy). Errors are handled
 * inside. */
rd_kafka_message_t *source_poll(struct source *source, struct source_partition **partition);
/** Callbacks and chores only, no message: while nothing is taken, so that the group keeps us. Call
 * it at least every second then; a message that comes anyway is kept for the next source_poll(). */
void source_serve(struct source *source);
/** All legs of one event are settled, as @settled says (NULL: nobody counts). */
void source_settle(struct source *source, struct source_partition *partition, uint64_t epoch,
                   int64_t offset, const struct settled *settled);
/** Pause or resume: one reason for one partition (NULL: all of this worker, and those assigned
 * later). Resumes when the last reason goes, but no sooner than a second after the pause, since a
 * pause throws away what was fetched. BLOCK_WINDOW and BLOCK_GAP are the source's own. */
void source_block(struct source *source, struct source_partition *partition,
                  enum block_reason reason, bool is_blocked);
/** The group takes the partitions back: the caller drops what has not begun of them, finishes what
 * has until @until_ms (in the past: they are lost, do not wait), then calls source_let_go(). No
 * message comes meanwhile. */
bool source_is_going(const struct source *source, uint64_t *until_ms);
/** What is settled is committed, the answer awaited for up to 3 s (by source_poll(), source_serve()
 * or source_commit(), call one every 20 ms), then the group gets them. */
void source_let_go(struct source *source);
/** From the moment the group wants them until it has them. */
bool source_is_handing_over(const struct source *source);
/** Commit what is settled if a second has passed since the last commit, or @is_now. */
void source_commit(struct source *source, uint64_t now_ms, bool is_now);
/** Its blocks, and that of an error which stands while it is tried again. */
uint32_t source_blocks(const struct source_partition *partition);
/** Errors of the consumer that are no partition's own. */
const struct active_errors *source_errors(const struct source *source);
/** Of all partitions, since it was opened. */
struct source_counts source_counts(const struct source *source);
/** The partitions assigned now. */
struct source_partition *const *source_partitions(const struct source *source, size_t *count);
/** The consumer cannot go on (static member fenced, ...): close it and open another, or exit. */
bool source_failed(const struct source *source, struct err *err);
/** A process that stood still nearly as long as its session must not send: its partitions may be
 * another's by now. True from 0.8 of the session timeout after the last poll or commit until a
 * second after the next one, when the group has had the time to tell. */
bool source_is_fenced(const struct source *source, uint64_t now_ms);
/** Commit, leave the group, free. Bounded by @deadline_ms (monotonic). True when the final commit
 * was acknowledged. */
bool source_close(struct source *source, uint64_t deadline_ms);

/** The common librdkafka settings (brokers, TLS/SASL properties, log to ours) of a consumer or
 * producer. */
NODISCARD enum err_code kafka_conf(const struct config *config, bool is_consumer,
                                   rd_kafka_conf_t **out, struct err *err);

#endif /* KAFKA_SOURCE_H */
