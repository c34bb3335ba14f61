/**
 * fill - a value of any Avro type, its fields invented by their names from one visit.
 *
 * Follows the type graph with bounds: below FILL_DEPTH levels, or when it has become large,
 * unions take null and lists stay empty; a value of more than FILL_ITEMS parts is refused.
 */
#ifndef TRIAL_FILL_H
#define TRIAL_FILL_H

#include "base/buf.h"
#include "base/err.h"
#include "schema/schema.h"
#include "trial/invent.h"
#include "trial/meaning.h"

enum { FILL_DEPTH = 24, FILL_ITEMS = 50000 };

/* What detour itself reads in the event; these fields are always there. Paths as configured. */
struct fill_paths {
    struct span type, id, time, value, currency;
};

struct fill {
    struct invent_cache *cache;
    struct visit *visit;
    struct arena *arena;
    const struct fill_paths *paths;
    const struct meanings *meanings;
    struct span event_id;
    int64_t now_ms;
    uint64_t index;
    bool has_consent; /* what a field about consent says */
    bool *is_asked;   /* set where there is such a field; may be NULL */
    bool has_value;   /* the event's value is @value in @currency, whatever the visit's */
    double value;
    struct span currency; /* ptr NULL: the visit's */
};

/** ERR_LIMIT when the schema's smallest value is too large. */
NODISCARD enum err_code fill_value(const struct fill *fill, const struct type *type,
                                   struct value *out, struct err *err);

#endif /* TRIAL_FILL_H */
