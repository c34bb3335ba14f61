/**
 * catalog_log - the log lines of the catalog: each state once, repetitions with their count.
 *
 * Private to the catalog; the caller holds its lock. Owns nothing; nothing fails.
 */
#ifndef SCHEMA_CATALOG_LOG_H
#define SCHEMA_CATALOG_LOG_H

#include "schema/catalog_inside.h"

/** @key has come to something definite. */
void catalog_log_settled(struct catalog *catalog, uint64_t key, const struct writer *writer,
                         uint64_t now_ms);
/** The registry answers; said when it did not before. Call it before the table hears of it. */
void catalog_log_up(struct catalog *catalog, uint64_t now_ms);
/** The registry as a whole does not answer: said when it did before, or for a new cause. */
void catalog_log_down(struct catalog *catalog, bool was_up, uint64_t cause, const char *text,
                      uint64_t now_ms);
/** @key had a bad answer that is news for it: said for the first, later for a new cause. */
void catalog_log_unanswered(struct catalog *catalog, uint64_t key,
                            const struct registry_failure *failure, const char *text,
                            uint64_t now_ms);
void catalog_log_given_up(uint64_t key, const struct registry_failure *failure, const char *text);

#endif /* SCHEMA_CATALOG_LOG_H */
