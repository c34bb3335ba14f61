/**
 * catalog_writers - the table of writer schemas known by id, and which ids wait for the registry.
 *
 * Private to the catalog, which guards it with its lock. No thread, no clock, no
 * network: the time is an argument, chance is seeded, so a test can replay anything.
 *
 *     writers_ask()  --> unknown id --> PENDING --> writers_next() --> asked once at a time
 *                                         ^              |
 *                                         |   failed: writers_failed(), waits its backoff
 *                                         |              |
 *     seen again 60 s later <-- UNKNOWN <-+--------------+--> READY, INCOMPATIBLE: for ever
 *
 * Backoff: after the n-th failure in a row an id waits a draw from 1 ms to
 * min(30 s, 250 ms * 2^(n-1)). When the failure speaks about the registry as a whole
 * all ids wait so; when it only concerns the id, others go on at once.
 */
#ifndef SCHEMA_CATALOG_WRITERS_H
#define SCHEMA_CATALOG_WRITERS_H

#include "base/rng.h"
#include "schema/catalog.h"
#include "schema/hash.h"

enum {
    WRITERS_KNOWN_MAX = 65536,
    WRITERS_PENDING_MAX = 1024,
    WRITERS_BACKOFF_MIN_MS = 250,
    WRITERS_BACKOFF_MAX_MS = 30 * 1000,
    WRITERS_FORGET_MS = 60 * 1000, /* an UNKNOWN is asked for again when seen after this */
};

struct known_writer {
    uint64_t key;
    struct writer *writer;  /* owned; NULL before the first answer */
    struct writer *retired; /* owned: the UNKNOWN before it, for whoever is still reading it */
    bool is_pending;
    bool is_being_asked;              /* at the registry just now */
    unsigned failures;                /* in a row */
    uint64_t cause;                   /* of the last one */
    uint64_t due_ms;                  /* pending: not to be asked before */
    uint64_t forget_ms;               /* UNKNOWN: asked again when seen after this */
    struct known_writer *prev, *next; /* pending ones, or UNKNOWN ones, oldest first */
    UT_hash_handle hh;
};

struct writers {
    struct known_writer *table;   /* owned hash */
    struct known_writer *pending; /* list */
    struct known_writer *unknown; /* list */
    size_t pending_count;
    unsigned failures;  /* of the registry as a whole, in a row */
    uint64_t due_ms;    /* nobody is asked before */
    uint64_t failed_ms; /* since when it has not answered; 0: it does */
    bool is_full_said;
    struct rng rng;
};

/* What writers_ask() means for the caller. */
struct writers_answer {
    const struct writer *writer;
    bool is_new_question; /* the asking thread has something to do */
    bool is_refused;      /* PENDING, but the queue is full: said for the first time */
};

void writers_init(struct writers *writers, uint64_t seed);
/** Frees the decoders of READY writers, too. */
void writers_fini(struct writers *writers);

/** The writer of @key as it is known now; an unknown one is queued. */
struct writers_answer writers_ask(struct writers *writers, uint64_t key, uint64_t now_ms);
/** The writer of @key when it is known for good; never queues. NULL otherwise. */
const struct writer *writers_find(const struct writers *writers, uint64_t key);
/** A writer known without asking anybody (ids:, single-object, raw). Takes the decoder when it
 * returns true, copies name and text; false when @key is known already or the table is full. */
bool writers_put(struct writers *writers, uint64_t key, const struct writer *writer);

/** The id to ask for now, or false with *@wait_ms until there may be one (UINT64_MAX: none waits).
 */
bool writers_next(struct writers *writers, uint64_t now_ms, uint64_t *key, uint64_t *wait_ms);
/** The registry answered @key for good: takes the decoder, copies name and text. */
void writers_settle(struct writers *writers, uint64_t key, const struct writer *writer,
                    uint64_t now_ms);
/** It did not; @is_everyone: it speaks about the registry, not about this id. Returns the id's
 * failures in a row. */
unsigned writers_failed(struct writers *writers, uint64_t key, bool is_everyone, uint64_t now_ms);
/** Note why the pending @key is not answered; true when that is not what it was last time. */
bool writers_note_cause(struct writers *writers, uint64_t key, uint64_t cause);

#endif /* SCHEMA_CATALOG_WRITERS_H */
