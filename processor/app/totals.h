/**
 * totals - where the process stands, as a log line: now and then, and at the end.
 *
 * It borrows everything, for one call of the main thread. Nothing fails.
 */
#ifndef APP_TOTALS_H
#define APP_TOTALS_H

#include "health/health.h"
#include "observe/metrics.h"

struct totals_source { /* all borrowed */
    const struct config *config;
    struct metrics *metrics;
    struct health *health;
};

/** run.totals, or @is_end run.stopped. */
void totals_log(const struct totals_source *source, uint64_t now_ms, bool is_end);

#endif /* APP_TOTALS_H */
