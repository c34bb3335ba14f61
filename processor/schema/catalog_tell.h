/**
 * catalog_tell - what the catalog says in the log: each thing once, what repeats with its count.
 *
 * All with the catalog's lock held. Private to the catalog.
 */
#ifndef SCHEMA_CATALOG_TELL_H
#define SCHEMA_CATALOG_TELL_H

#include "schema/catalog_inside.h"

/** @key has come to something definite. */
void catalog_tell_settled(struct catalog *catalog, uint64_t key, const struct writer *writer,
                          uint64_t now_ms);
/** The registry answers; said when it did not before. Call it before the table hears of it. */
void catalog_tell_up(struct catalog *catalog, uint64_t now_ms);
/** The registry as a whole does not answer: said when it did before, or for a new cause. */
void catalog_tell_down(struct catalog *catalog, bool was_up, uint64_t cause, const char *text,
                       uint64_t now_ms);
/** @key had a bad answer that is news for it: said for the first, later for a new cause. */
void catalog_tell_unanswered(struct catalog *catalog, uint64_t key,
                             const struct registry_trouble *trouble, const char *text,
                             uint64_t now_ms);
void catalog_tell_given_up(uint64_t key, const struct registry_trouble *trouble, const char *text);

#endif /* SCHEMA_CATALOG_TELL_H */
