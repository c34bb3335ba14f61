/**
 * fates - what can become of an event, each as a small number.
 *
 * A fate is "these legs ended so, and the value is in this currency". The same few come again and
 * again, so that an offset in the window needs only a number (offsets/tally.h), and the words are
 * looked up when a tally is written.
 *
 * One worker owns a table, on its thread. Routes, legs and destinations are borrowed from the
 * configuration. Memory: a fate is kept while something not yet told has it; when there are many,
 * fates_sweep() frees the rest (ids of past outages make new ones for ever).
 */
#ifndef LEDGER_FATES_H
#define LEDGER_FATES_H

#include "config/config.h"
#include "event/verdict.h"
#include "offsets/tally.h"

enum leg_fate {
    FATE_DELIVERED,
    FATE_DIVERTED,
    FATE_DEAD_LETTERED,
    FATE_DROPPED,
    FATE_SKIPPED, /* by a job: as an operator chose, or a guard */
    FATE_COUNT,
};
const char *fate_word(enum leg_fate fate);

enum {
    FATE_EVENTS_MAX = 256,    /* types; further ones are "other" */
    FATE_CURRENCIES_MAX = 64, /* the values in further ones are not summed */
};

/* In place of a currency's code; "" is an event without value. */
#define FATE_NO_CURRENCY "?"
#define FATE_UNSUMMED "!"

/* The end of one leg. Compared byte by byte: begin with all zero. */
struct fate_leg {
    const struct config_route *route;    /* NULL: it never got one */
    const struct config_leg *leg;        /* NULL likewise, or dropped */
    const struct config_destination *to; /* DIVERTED: where */
    uint8_t fate;                        /* enum leg_fate */
    uint8_t reason;  /* enum reason; DIVERTED and DEAD_LETTERED; of SKIPPED enum skip_reason */
    uint16_t event;  /* fates_event(); likewise */
    uint32_t outage; /* fates_outage(); likewise; 0: none */
};

struct fate {
    struct fate_leg *legs; /* owned; NULL: the number is free */
    size_t leg_count;
    uint64_t hash;
    char currency[4];    /* fates_currency() */
    enum leg_fate whole; /* of the event, see docs/ledger.md */
    uint32_t next_free;
};

struct fates;

struct fates *fates_new(void);
void fates_free(struct fates *fates);

/** Its number, never NO_FATE. @currency: of its value, as fates_currency() gives it. */
uint32_t fates_find(struct fates *fates, const struct fate_leg *legs, size_t count,
                    const char currency[4]);
const struct fate *fates_get(const struct fates *fates, uint32_t number);
/** How the value of an event is counted: in @code (three letters), FATE_NO_CURRENCY ("" was given),
 * or FATE_UNSUMMED (no code, or one of too many). */
void fates_currency(struct fates *fates, const char code[4], char out[4]);
/** The number of an event type; of "other" past the limit, and where it is no text. */
uint16_t fates_event(struct fates *fates, struct span type);
/** The number of an outage's id; 0 for "". */
uint32_t fates_outage(struct fates *fates, const char *id);
struct span fates_event_text(const struct fates *fates, uint16_t event);
const char *fates_outage_text(const struct fates *fates, uint32_t outage);

/** All numbers are below it. */
size_t fates_limit(const struct fates *fates);
/** There are many: sweep. */
bool fates_is_crowded(const struct fates *fates);
/** Forget the fates whose number is not in @used (fates_limit() of them), but those that only
 * drop: events in flight may have one before they are settled. */
void fates_sweep(struct fates *fates, const bool *used);

#endif /* LEDGER_FATES_H */
