/**
 * invent - a plausible value for a field by its name: whatever the schema, an `email`
 * holds an address, a `price` a price, a `created_at` a time.
 */
#ifndef TRIAL_INVENT_H
#define TRIAL_INVENT_H

#include "base/arena.h"
#include "trial/visit.h"

/* Which rule a field's name meets, remembered by where the name stands: the names of a schema do
 * not move. Zeroed by whoever owns it. */
struct invent_cache {
    struct invent_slot {
        const char *name;
        size_t name_bytes;
        int16_t text_rule, number_rule; /* -1: none */
    } slots[256];
};

/* What a value is invented for. */
struct invention {
    struct invent_cache *cache;
    struct visit *visit;
    struct arena *arena;
    struct span field;   /* the field's name; of an element, its array's */
    struct span meaning; /* the name it should have, by the configuration; SPAN_NONE: its own */
    const struct product *product; /* inside a list of products; else NULL */
    int64_t now_ms;
    uint64_t index; /* of the event */
};

/** Text for the field. ptr NULL: this visit has none (an e-mail address not given); empty text
 * stands in where the schema insists. */
struct span invent_text(const struct invention *invention);
/** A number for the field; false: this visit has none (a value without products). */
bool invent_number(const struct invention *invention, double *out);
bool invent_bool(const struct invention *invention);
/** Is this a list of the products of the visit? */
bool invent_is_products(const struct invention *invention);
/** A version 4 UUID of the visit's chance. */
struct span invent_uuid(const struct invention *invention);

#endif /* TRIAL_INVENT_H */
