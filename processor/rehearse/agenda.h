/**
 * agenda - what happens when, on the virtual clock: earliest first, at the same time in the
 * order it was added, so that a run repeats itself.
 */
#ifndef REHEARSE_AGENDA_H
#define REHEARSE_AGENDA_H

#include "base/base.h"

typedef void agenda_fn(void *context, void *what);

struct agenda_item {
    uint64_t at_ms;
    uint64_t order;
    agenda_fn *run;
    void *context;
    void *what;
};

struct agenda {
    struct agenda_item *items; /* owned; a binary heap */
    size_t count, cap;
    uint64_t added;
};

void agenda_fini(struct agenda *agenda);
void agenda_add(struct agenda *agenda, uint64_t at_ms, agenda_fn *run, void *context, void *what);
/** When the first is due; UINT64_MAX: there is none. */
uint64_t agenda_next_ms(const struct agenda *agenda);
/** Take the first out if it is due by @now_ms. */
bool agenda_take(struct agenda *agenda, uint64_t now_ms, struct agenda_item *out);

#endif /* REHEARSE_AGENDA_H */
