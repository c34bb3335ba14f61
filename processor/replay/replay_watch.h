/**
 * replay_watch - a running replay follows the ledger: `replay cancel` writes there that it is to
 * stop (docs/ledger.md, "Jobs").
 *
 * Records before the job's own `started` are those of earlier runs, and do not count. Where the
 * brokers do not answer the replay goes on, and the ledger is read again from its start half a
 * minute later. One thread owns it.
 */
#ifndef REPLAY_REPLAY_WATCH_H
#define REPLAY_REPLAY_WATCH_H

#include "config/config.h"

enum { WATCH_BY_BYTES = 128 };

struct replay_watch;

/** Before the job's first record is written. @group: the processor's. @config and @name are
 * borrowed. ERR_ABSENT: there is no ledger; ERR_NET: Kafka does not answer. */
NODISCARD enum err_code watch_open(const struct config *config, struct span group, const char *name,
                                   struct replay_watch **out, struct err *err);
/** Somebody has cancelled the job: who, in @by. Waits a tenth of a second for news. */
bool watch_is_cancelled(struct replay_watch *watch, char by[WATCH_BY_BYTES]);
void watch_close(struct replay_watch *watch); /* may be NULL */

#endif /* REPLAY_REPLAY_WATCH_H */
