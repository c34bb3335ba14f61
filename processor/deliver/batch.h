/**
 * batch - legs that go in one request, stay together over its retries, and part when
 * the answer parts them.
 */
#ifndef DELIVER_BATCH_H
#define DELIVER_BATCH_H

#include "deliver/lane.h"

struct sender;

struct batch {
    struct sender *sender;
    struct lane *lane;
    struct leg **legs; /* owned array; legs are their events' */
    size_t count, cap;
    uint32_t attempts;      /* answers that counted */
    uint64_t first_sent_ms; /* 0: never */
    uint64_t due_ms;        /* while waiting */
    bool is_sent;           /* in flight */
    bool is_canary;         /* one leg that probes */
    size_t rejected;        /* items of it that were named and taken out */
    size_t named_item;      /* by the last answers, that many in a row */
    uint32_t named_in_row;
    bool is_name_doubted;       /* the answers name an item, whoever stands there */
    bool is_looked_at;          /* whether it hangs */
    bool is_counted;            /* as a provisional fault, at counted_ms */
    bool wants_budget;          /* a retry: it goes when the budget has one */
    bool is_unknown;            /* the last answer was nobody's: it is tried out to the end */
    bool is_probe;              /* the one that asks, of all workers, while less was asked for */
    uint32_t refusals;          /* of its credential, others having passed between them */
    uint64_t passed_at_refusal; /* the sender's good answers at the last of them */
    uint64_t sent_ms, counted_ms;
    struct ticket ticket;          /* under which it was sent */
    struct batch *next, *previous; /* the sender's waiting list, oldest first; or its sent ones */
    struct buf body;
};

struct batch_list {
    struct batch *first, *last;
    struct batch *spare; /* by next */
    size_t spare_count;
    size_t waiting; /* batches in the list */
};

void batch_list_fini(struct batch_list *list);
/** An empty batch of @lane. */
struct batch *batch_new(struct batch_list *list, struct sender *sender, struct lane *lane);
/** Back to the spares; it holds no legs any more. */
void batch_free(struct batch_list *list, struct batch *batch);
void batch_add(struct batch *batch, struct leg *leg);
/** Take the leg at @index out, keeping the order. */
struct leg *batch_take(struct batch *batch, size_t index);
/** May the item that an answer names be condemned for it? To be asked once for each such answer.
 * False from when the same place was named too often in a row: halving finds the culprit then. */
bool batch_believes(struct batch *batch, size_t item);
/** Into the waiting list; @is_first: before the others (it has waited already). Legs become
 * WAITING. */
void batch_wait(struct batch_list *list, struct batch *batch, uint64_t due_ms, bool is_first);
void batch_unwait(struct batch_list *list, struct batch *batch);

#endif /* DELIVER_BATCH_H */
