#include "deliver/hold.h"

#include <stdlib.h>

#include "base/mem.h"
#include "health/pause.h"

struct hold *hold_join(struct hold_list *list, struct span source_id)
{
    struct hold *hold = list->first;

    while (hold != NULL && !span_is(source_id, hold->source_id)) {
        hold = hold->next;
    }
    if (hold == NULL) {
        hold = mem_new(struct hold);
        hold->source_id = mem_text(source_id);
        hold->next = list->first;
        list->first = hold;
        list->count++;
    }
    hold->queues++;
    return hold;
}

static void free_hold(struct hold *hold)
{
    free(hold->source_id);
    free(hold);
}

void hold_leave(struct hold_list *list, struct hold *hold)
{
    struct hold **link = &list->first;

    PRE(hold->queues > 0);
    if (--hold->queues > 0) {
        return;
    }
    PRE(hold->in_flight == 0);
    while (*link != hold) {
        INVARIANT(*link != NULL);
        link = &(*link)->next;
    }
    *link = hold->next;
    list->count--;
    free_hold(hold);
}

void hold_list_fini(struct hold_list *list)
{
    while (list->first != NULL) {
        struct hold *hold = list->first;

        list->first = hold->next;
        free_hold(hold);
    }
    *list = (struct hold_list){0};
}

bool hold_refused(struct hold *hold, uint64_t now_ms)
{
    bool is_second = hold->wait_ms == PAUSE_SLIP_MS;

    if (now_ms < hold->until_ms) {
        return false;
    }
    if (is_second) {
        hold->since_ms = MAX_OF(now_ms, (uint64_t)1);
    }
    hold->wait_ms = pause_next_wait_ms(hold->wait_ms);
    hold->until_ms = now_ms + hold->wait_ms;
    POST(hold->wait_ms > 0 && hold->until_ms > now_ms);
    return is_second;
}

bool hold_accepted(struct hold *hold, uint64_t sent_ms)
{
    /* until_ms - wait_ms is when it was refused last; until_ms is 0 after a new credential */
    if (hold->wait_ms == 0 || sent_ms + hold->wait_ms <= hold->until_ms) {
        return false;
    }
    hold->since_ms = 0;
    hold->until_ms = 0;
    hold->wait_ms = 0;
    return true;
}

void hold_retry_now(struct hold_list *list)
{
    for (struct hold *hold = list->first; hold != NULL; hold = hold->next) {
        hold->until_ms = 0;
    }
}

uint64_t hold_until_ms(const struct hold *hold, uint64_t now_ms)
{
    if (hold->until_ms > now_ms) {
        return hold->until_ms;
    }
    return hold->wait_ms != 0 && hold->in_flight > 0 ? UINT64_MAX : 0;
}
