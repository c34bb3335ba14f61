/**
 * batch - legs that go in one request, stay together over its retries, and part when the answer
 * parts them; and the queue of batches that wait to be sent again.
 *
 * A batch owns the array of its legs, not the legs. Owned by one sender, used on its worker's
 * thread.
 */
#ifndef DELIVER_BATCH_H
#define DELIVER_BATCH_H

#include "deliver/outcome.h"
#include "deliver/queue.h"
#include "deliver/retry.h"

struct sender;

struct batch {
    struct sender *sender;
    struct queue *queue;
    struct leg **legs; /* owned array; legs are their events' */
    size_t count, cap;
    struct retry_of retry;
    uint64_t due_ms;   /* while waiting */
    bool is_sent;      /* in flight */
    bool is_canary;    /* one leg that probes */
    size_t rejected;   /* items of it that were named and taken out */
    size_t named_item; /* by the last answers, that many in a row */
    uint32_t named_in_row;
    bool is_name_doubted;       /* the answers name an item, whoever stands there */
    bool is_looked_at;          /* whether it hangs */
    bool is_overtaken;          /* as the sender counts it */
    bool is_counted;            /* as a provisional fault, at counted_ms */
    bool is_probe;              /* the one that asks, of all workers, while less was asked for */
    uint32_t refusals;          /* of its credential, others having passed between them */
    uint64_t passed_at_refusal; /* the sender's good answers at the last of them */
    uint64_t sent_ms, counted_ms;
    struct ticket ticket;          /* under which it was sent */
    struct batch *next, *previous; /* those that wait, or those in flight */
    struct buf body;
};

/* All batches of a sender; it owns them. */
struct batch_queue {
    struct batch *first, *last; /* that wait, oldest first */
    size_t waiting;
    struct batch *sent; /* in flight, youngest first */
    size_t in_flight;
    size_t overtaken;    /* of them, as last counted: they hang, while later ones are served */
    struct batch *spare; /* by next */
    size_t spare_count;
};

void batch_queue_fini(struct batch_queue *list);
/** An empty batch of @queue. */
struct batch *batch_new(struct batch_queue *list, struct sender *sender, struct queue *queue);
/** Back to the spares; it holds no legs any more. */
void batch_free(struct batch_queue *list, struct batch *batch);
void batch_add(struct batch *batch, struct leg *leg);
/** Take the leg at @index out, keeping the order. */
struct leg *batch_take(struct batch *batch, size_t index);
/** Empty the batch: every leg of it is reported, in order. */
void batch_report(struct batch *batch, struct outcome_queue *outcomes, enum leg_outcome outcome,
                  enum reason reason);
/** May the item that an answer names be dead-lettered for it? To be asked once for each such
 * answer. False from when the same place was named too often in a row: halving finds the culprit
 * then. */
bool batch_believes(struct batch *batch, size_t item);
/** Into the waiting list; @is_first: before the others (it has waited already). Legs become
 * WAITING. */
void batch_wait(struct batch_queue *list, struct batch *batch, uint64_t due_ms, bool is_first);
void batch_unwait(struct batch_queue *list, struct batch *batch);
/** Its request is under way. */
void batch_sent(struct batch_queue *list, struct batch *batch, uint64_t now_ms);
/** Its request has ended. */
void batch_answered(struct batch_queue *list, struct batch *batch);
/** Two halves, sent again at once, before everything that waits. */
void batch_halve(struct batch_queue *list, struct batch *batch);
/** An empty batch for what is sent again of @batch, with its attempts. */
struct batch *batch_new_like(struct batch_queue *list, const struct batch *batch);

#endif /* DELIVER_BATCH_H */
