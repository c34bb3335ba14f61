/**
 * catalog_thread - the catalog's own threads, which ask the registry for ids nobody knows yet.
 *
 * The first starts with the catalog, each further one when all are busy and an id waits,
 * up to registry.requests. An id is never asked for twice at once; a worker only leaves
 * its question in the table and is woken when something was answered. Private to the catalog.
 */
#ifndef SCHEMA_CATALOG_THREAD_H
#define SCHEMA_CATALOG_THREAD_H

#include "schema/catalog.h"

/** With the catalog's lock held: the writer of @key, queued and PENDING when it is not known. */
const struct writer *catalog_thread_ask(struct catalog *catalog, uint64_t key, int wake_fd);
/** With the lock held: the next answer writes to @wake_fd (-1: to nobody). */
void catalog_thread_wake(struct catalog *catalog, int wake_fd);
/** Ends them, also in the middle of a question. */
void catalog_thread_stop(struct catalog *catalog);

#endif /* SCHEMA_CATALOG_THREAD_H */
