/**
 * backfill - the backfills of a process: for each destination that has one a worker with its job
 * (app/backfill_job.h), besides the workers of live events.
 *
 * A backfill has a configuration of its own: the process's with another group and topic, one
 * worker, and a part of in_flight. Its worker may fail without the process: it is opened anew.
 *
 * The main thread makes, turns and stops them; other threads may look at them in between.
 */
#ifndef APP_BACKFILL_H
#define APP_BACKFILL_H

#include "app/backfill_job.h"

struct backfills;

/** Starts nothing where no destination has a backfill. @shared: what live workers share. */
NODISCARD enum err_code backfills_new(const struct worker_shared *shared, struct backfills **out,
                                      struct err *err);
/** Now and then: open those that are not open. */
void backfills_turn(struct backfills *backfills, uint64_t now_ms);
void backfills_stop(struct backfills *backfills, uint64_t deadline_ms);
bool backfills_are_done(const struct backfills *backfills);
/** They are done, or never ran. */
void backfills_free(struct backfills *backfills);

#endif /* APP_BACKFILL_H */
