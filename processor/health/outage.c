#include "health/outage.h"

#include <stdlib.h>
#include <string.h>

enum {
    SCORE_MAX = 1000,
    RUN_MS_MAX = 10 * 60 * 1000, /* between two calls of a run: what the thin rule looks back */
};

static void count(struct onset *onset, uint64_t now_ms, uint64_t sent_ms, bool is_bad)
{
    if (now_ms - MIN_OF(onset->last_ms, now_ms) > RUN_MS_MAX) {
        *onset = (struct onset){0};
    }
    onset->last_ms = now_ms;
    if (is_bad) {
        if (onset->score == 0) {
            onset->since_ms = MAX_OF(sent_ms, (uint64_t)1);
        }
        onset->score = MIN_OF(onset->score + 1, (uint32_t)SCORE_MAX);
    } else if (onset->score > 0 && --onset->score == 0) {
        onset->since_ms = 0;
    }
    POST((onset->score == 0) == (onset->since_ms == 0));
}

void onsets_count(struct onsets *onsets, uint64_t now_ms, uint64_t sent_ms, enum call call)
{
    bool is_fault = call == CALL_CONNECT || call == CALL_TRANSPORT || call == CALL_APP;

    if (call == CALL_NEUTRAL) {
        return;
    }
    count(&onsets->fault, now_ms, sent_ms, is_fault);
    count(&onsets->slow, now_ms, sent_ms, is_fault || call == CALL_SLOW);
    if (!is_fault) {
        count(&onsets->reject, now_ms, sent_ms, call == CALL_REJECT);
    }
}

uint64_t onsets_began_ms(const struct onsets *onsets, enum breaker_cause cause, uint64_t now_ms)
{
    const struct onset *onset = cause == CAUSE_REJECT_STORM ? &onsets->reject
                                : cause == CAUSE_SLOW       ? &onsets->slow
                                                            : &onsets->fault;

    return onset->since_ms == 0 ? now_ms : MIN_OF(onset->since_ms, now_ms);
}

void outages_keep(struct outages *outages, const struct outage *outage, char *event)
{
    struct outage *place = &outages->kept[(outages->at + outages->count) % OUTAGES_KEPT];

    PRE(outage->id[0] != '\0');
    INVARIANT(outages->count <= OUTAGES_KEPT);
    if (outages->count == OUTAGES_KEPT) {
        outages->at = (outages->at + 1) % OUTAGES_KEPT;
        free(place->event);
    } else {
        outages->count++;
    }
    *place = *outage;
    place->event = event;
}

struct outage *outages_find(struct outages *outages, size_t destination, const char *id)
{
    for (size_t i = outages->count; i-- > 0;) {
        struct outage *outage = &outages->kept[(outages->at + i) % OUTAGES_KEPT];

        if (outage->destination == destination && strcmp(outage->id, id) == 0) {
            return outage;
        }
    }
    return NULL;
}

const struct outage *outages_at(const struct outages *outages, size_t index)
{
    PRE(index < outages->count);
    return &outages->kept[(outages->at + index) % OUTAGES_KEPT];
}

void outages_fini(struct outages *outages)
{
    for (size_t i = 0; i < outages->count; i++) {
        free(outages->kept[(outages->at + i) % OUTAGES_KEPT].event);
    }
    *outages = (struct outages){0};
}
