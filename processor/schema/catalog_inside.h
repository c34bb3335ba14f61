/**
 * catalog_inside - what the catalog's own files share: loading, looking up, asking the registry.
 *
 * Loading happens before there are threads. Then `files`, `readers` and `reader_of` only
 * stand there; the rest below `lock` is guarded by it. The registry belongs to the
 * asking thread once that runs; others only abort it.
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

struct catalog {
    const struct config_schemas *config;
    struct schema_files files;
    struct readers readers;
    const struct schema **reader_list; /* owned: what readers shows */
    size_t *reader_of;  /* owned: by entry of config->readers, the index in readers */
    bool is_incomplete; /* a reader was not found: what would be read by it is not known */

    struct registry *registry; /* owned; NULL: none configured */
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock; /* over all below */
    pthread_cond_t has_work;
    bool is_stopping;
    struct writers writers;
    struct waker *wakers; /* owned */
    size_t waker_count;
    unsigned long wakers_failed;
    uint64_t unknown_said_ms;       /* when the log last named an unknown id */
    size_t unknown_unsaid;          /* since then */
    uint64_t up_ms;                 /* monotonic: since when the registry answers */
    char down_text[ERR_TEXT_BYTES]; /* why it did not, the last time */
    uint64_t down_cause;            /* registry_cause() when the log last said that it is down */
    uint64_t nonsense_cause; /* and that it answered nonsense; 0: it has answered well since */
};

/** @schema resolved to its reader: READY with a decoder, or INCOMPATIBLE with @err's text. Borrows
 * the record's name from @schema. */
void catalog_resolve(const struct catalog *catalog, const struct schema *schema, struct writer *out,
                     struct err *err);

#endif /* SCHEMA_CATALOG_INSIDE_H */
