#include "deliver/lane.h"

#include <stdlib.h>

#include "base/mem.h"

static void free_lane(struct lane *lane)
{
    free(lane->name);
    free(lane->source_id);
    free(lane);
}

/* Pixels come from events: a lane nobody uses must not stay for ever. */
static void drop_empty(struct lanes *lanes)
{
    struct lane **link = &lanes->first;

    lanes->last = NULL;
    while (*link != NULL) {
        struct lane *lane = *link;

        if (lane->count == 0 && lane->batches == 0) {
            *link = lane->next;
            lanes->count--;
            free_lane(lane);
        } else {
            lanes->last = lane;
            link = &lane->next;
        }
    }
}

struct lane *lanes_get(struct lanes *lanes, struct span name, struct span source_id)
{
    uint64_t hash = span_hash(name) * 31 + span_hash(source_id);
    struct lane *lane;

    for (lane = lanes->first; lane != NULL; lane = lane->next) {
        if (lane->hash == hash && span_is(name, lane->name) &&
            span_is(source_id, lane->source_id)) {
            return lane;
        }
    }
    if (lanes->count >= LANES_MAX) {
        drop_empty(lanes);
    }
    lane = mem_new(struct lane);
    lane->name = mem_text(name);
    lane->source_id = mem_text(source_id);
    lane->hash = hash;
    if (lanes->last == NULL) {
        lanes->first = lane;
    } else {
        lanes->last->next = lane;
    }
    lanes->last = lane;
    lanes->count++;
    return lane;
}

void lanes_fini(struct lanes *lanes)
{
    while (lanes->first != NULL) {
        struct lane *lane = lanes->first;

        lanes->first = lane->next;
        free_lane(lane);
    }
    *lanes = (struct lanes){0};
}

void lanes_rotate(struct lanes *lanes)
{
    struct lane *lane = lanes->first;

    if (lane == NULL || lane->next == NULL) {
        return;
    }
    lanes->first = lane->next;
    lanes->last->next = lane;
    lanes->last = lane;
    lane->next = NULL;
}

void lane_add(struct lane *lane, struct leg *leg)
{
    leg->next = NULL;
    leg->previous = lane->last;
    if (lane->last == NULL) {
        lane->first = leg;
    } else {
        lane->last->next = leg;
    }
    lane->last = leg;
    lane->count++;
    lane->bytes += leg->item.len + 1;
}

void lane_remove(struct lane *lane, struct leg *leg)
{
    if (leg->previous == NULL) {
        lane->first = leg->next;
    } else {
        leg->previous->next = leg->next;
    }
    if (leg->next == NULL) {
        lane->last = leg->previous;
    } else {
        leg->next->previous = leg->previous;
    }
    leg->next = NULL;
    leg->previous = NULL;
    lane->count--;
    lane->bytes -= leg->item.len + 1;
}
