/**
 * catalog_writers - the table of writer schemas by id, and the queue of ids for the registry.
 *
 * Private to the catalog, whose lock the caller holds. It owns the writers and their decoders. No
 * thread, no clock, no network: the time is an argument and random numbers have a seed, so that a
 * test can repeat a run. Nothing here fails; a full table or queue is a value that is returned.
 *
 *     writers_ask()  --> unknown id --> PENDING --> writers_next() --> at the registry
 *                                         ^              |
 *                                         |   failed: writers_failed(), waits its backoff
 *                                         |              |
 *     seen again 60 s later <-- UNKNOWN <-+--------------+--> READY, INCOMPATIBLE: for ever
 *
 * Order of the requests: first ids that more than one event waits for; then new ids, in turn with
 * ids whose backoff is over. An id with a bad answer has a backoff of its own: 250 ms, doubling to
 * 32 s. All ids wait only while the registry as a whole fails:
 *
 *    silent   - a request got no answer, and no other request got one since it was sent: one
 *               request at a time, after a random wait of 1 ms to min(5 s, 250 ms * 2^(n-1))
 *    strained - 8 bad answers in a row without a good one: one request at a time, 1 s apart;
 *               after 10 s without a good answer the registry counts as down
 *
 * In both states new ids are requested as well, one at a time and 250 ms apart, so that a few ids
 * with bad answers never delay an id that the registry has.
 */
#ifndef SCHEMA_CATALOG_WRITERS_H
#define SCHEMA_CATALOG_WRITERS_H

#include "base/rng.h"
#include "schema/catalog.h"
#include "schema/hash.h"
#include "schema/registry.h"

enum {
    WRITERS_KNOWN_MAX = 131072,
    WRITERS_PENDING_MAX = 65536,
    WRITERS_BACKOFF_MIN_MS = 250,
    WRITERS_BACKOFF_LEVELS = 8, /* of one id; the last waits 32 s */
    WRITERS_SILENT_MAX_MS = 5 * 1000,
    WRITERS_STRAINED = 8, /* bad answers in a row */
    WRITERS_STRAINED_MAX_MS = 1000,
    WRITERS_STRAINED_DOWN_MS = 10 * 1000,
    WRITERS_HOLD_MAX_MS = 30 * 1000, /* what Retry-After may ask for */
    WRITERS_FORGET_MS = 60 * 1000,   /* an UNKNOWN is asked for again when seen after this */
    WRITERS_KEEP_MS = 10 * 1000,     /* and makes room for others after this */
    WRITERS_REFUSED_MS = 60 * 1000,  /* an id that is refused so long may be given up */
    WRITERS_REFUSED_TIMES = 5,       /* and so often */
};

struct known_writer {
    uint64_t key;
    struct writer *writer;  /* owned; NULL before the first answer */
    struct writer *retired; /* owned: the UNKNOWN before it, for whoever is still reading it */
    bool is_pending;
    bool is_being_asked; /* at the registry just now; in no list then */
    bool was_fresh;      /* when it was taken there */
    bool is_given_up;    /* its answers were bad for too long: one more is enough */
    struct known_writer **list;
    unsigned failures;                /* bad answers in a row */
    uint64_t first_failed_ms;         /* the first of them */
    uint64_t cause;                   /* of the last one */
    uint64_t due_ms;                  /* in backoff: not to be asked before */
    uint64_t settled_ms;              /* UNKNOWN: since when */
    struct known_writer *prev, *next; /* in its list, oldest first */
    UT_hash_handle hh;
};

struct writers {
    struct known_writer *table;  /* owned hash */
    struct known_writer *wanted; /* lists of pending ids: more than one event waits */
    struct known_writer *fresh;  /* never asked for */
    struct known_writer *backoff[WRITERS_BACKOFF_LEVELS]; /* by how long; each in order of due_ms */
    struct known_writer *unknown;                         /* list */
    size_t pending_count;
    unsigned asked_fresh, asked_again; /* at the registry just now */
    unsigned asked_max;                /* together */
    bool was_fresh;                    /* the last one taken */
    unsigned silences;                 /* in a row, of the registry as a whole */
    unsigned strain;                   /* bad answers in a row, of any id */
    uint64_t well_ms;                  /* when the registry last gave a good answer */
    uint64_t answered_ms;              /* when the registry last answered anything */
    uint64_t useful_ms;                /* and gave a schema */
    uint64_t useful_key;               /* which one */
    uint64_t hold_ms;                  /* nobody is asked before: Retry-After */
    uint64_t fresh_due_ms;             /* silent or strained: no new id before */
    uint64_t again_due_ms;             /* and no other */
    uint64_t failed_ms; /* since when it gives no answer, or bad ones only; 0: it does */
    bool is_full_said;
    struct rng rng;
};

/* What writers_ask() means for the caller. */
struct writers_answer {
    const struct writer *writer;
    bool is_new_question; /* the asking threads have something to do */
    bool is_refused;      /* PENDING, but the queue is full: said for the first time */
};

/* What a failure means for the caller. */
struct writers_failure {
    bool is_silence; /* of the registry as a whole */
    bool is_new;     /* the cause is not what it was for this id */
    bool is_overdue; /* its answers have been bad for so long that it may be given up */
};

/** At most @asked_max questions at once. */
void writers_init(struct writers *writers, uint64_t seed, unsigned asked_max);
/** Frees the decoders of READY writers, too. */
void writers_fini(struct writers *writers);

/** The writer of @key as it is known now; an unknown one is queued. */
struct writers_answer writers_ask(struct writers *writers, uint64_t key, uint64_t now_ms);
/** One more event waits for @key: it comes before ids that only one waits for, also when the queue
 * is full of them. */
void writers_want(struct writers *writers, uint64_t key, uint64_t now_ms);
/** The writer of @key when it is known for good; never queues. NULL otherwise. */
const struct writer *writers_find(const struct writers *writers, uint64_t key);
/** A writer known without asking anybody (ids:, single-object, raw). Takes the decoder when it
 * returns true, copies name and text; false when @key is known already or the table is full. */
bool writers_put(struct writers *writers, uint64_t key, const struct writer *writer);

/** The id to ask for now, or false with *@wait_ms until there may be one (UINT64_MAX: not before
 * something changes). */
bool writers_next(struct writers *writers, uint64_t now_ms, uint64_t *key, uint64_t *wait_ms);
/** The registry answered @key for good: takes the decoder, copies name and text. */
void writers_settle(struct writers *writers, uint64_t key, const struct writer *writer,
                    uint64_t now_ms);
/** The request of @key, sent at @asked_ms, came to @failure. An id is overdue after @give_up_ms of
 * bad answers, or after a minute of answers that refuse this id. */
struct writers_failure writers_failed(struct writers *writers, uint64_t key,
                                      const struct registry_failure *failure, uint64_t asked_ms,
                                      uint64_t give_up_ms, uint64_t now_ms);
/** @key is UNKNOWN with @text for a while. False if it is already being requested again: then that
 * answer counts. */
bool writers_give_up(struct writers *writers, uint64_t key, const char *text, uint64_t now_ms);
/** The registry was asked for something else than an id. */
void writers_other_request(struct writers *writers, bool is_answered, uint64_t now_ms);

#endif /* SCHEMA_CATALOG_WRITERS_H */
