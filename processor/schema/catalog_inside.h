/**
 * catalog_inside - what the catalog's own files share: loading, looking up, asking the registry.
 *
 * Loading happens before there are threads. Then `files`, `readers` and `reader_of` only
 * stand there; the rest below `lock` is guarded by it. Each asking thread has a registry
 * client of its own, which others only abort.
 *
 * Errors of the registry are states of a writer, never of the process.
 */
#ifndef SCHEMA_CATALOG_INSIDE_H
#define SCHEMA_CATALOG_INSIDE_H

#include <pthread.h>

#include "schema/catalog.h"
#include "schema/catalog_files.h"
#include "schema/catalog_writers.h"
#include "schema/registry.h"

/* An eventfd somebody waits on; ours is a copy, so that theirs may be closed at any time. */
struct waker {
    int asked; /* the number it was given by */
    int fd;    /* owned */
};

/* A thread that asks the registry. */
struct asker {
    struct catalog *catalog;
    struct registry *registry; /* owned, but for the first one's */
    pthread_t thread;
};

/* When the log last said something that repeats. */
struct logged_state {
    uint64_t cause; /* 0: nothing yet */
    uint64_t said_ms;
    size_t unsaid; /* since then */
};

enum { ASKERS_MAX = 64 };

struct catalog {
    const struct config_schemas *config;
    struct schema_files files;
    struct readers readers;
    const struct schema **reader_list; /* owned: what readers shows */
    size_t *reader_of;  /* owned: by entry of config->readers, the index in readers */
    bool is_incomplete; /* a reader was not found: what would be read by it is not known */

    struct registry *registry; /* owned; NULL: none configured */

    pthread_mutex_t lock; /* over all below */
    pthread_cond_t has_work;
    bool is_stopping;
    struct asker askers[ASKERS_MAX]; /* the first from the start, each other when it is needed */
    size_t asker_count, asker_max;
    size_t idle;   /* of them, those that wait for work */
    size_t called; /* of these, those that were called and have not come yet */
    bool is_short_said;
    uint64_t contact_ms;               /* when the registry was last asked anything */
    uint64_t answers[CATALOG_ANSWERS]; /* a ring: which keys were answered last */
    uint64_t answer_count;
    struct writers writers;
    struct waker *wakers; /* owned */
    size_t waker_count;
    unsigned long wakers_failed;
    struct logged_state unknown;    /* of ids the registry does not have */
    struct logged_state unanswered; /* of ids with bad answers */
    struct logged_state down;       /* of the registry as a whole */
    uint64_t up_ms;                 /* monotonic: since when the registry answers */
    char down_text[ERR_TEXT_BYTES]; /* why it did not, the last time */
};

/** @schema resolved to its reader: READY with a decoder, or INCOMPATIBLE with @err's text. Borrows
 * the record's name from @schema. */
void catalog_resolve(const struct catalog *catalog, const struct schema *schema, struct writer *out,
                     struct err *err);

#endif /* SCHEMA_CATALOG_INSIDE_H */
