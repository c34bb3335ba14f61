/**
 * record_age - how old the event of a dead letter is, in the words of `dlq stats` and of a replay's
 * preview. Pure, any thread.
 */
#ifndef RECOVERY_RECORD_AGE_H
#define RECOVERY_RECORD_AGE_H

#include "recovery/record.h"

/** "1h to 6h", static; by the original record's time, else by that of writing. SPAN_NONE: neither
 * is known. */
struct span record_age(const struct record *record, int64_t now_ms);

#endif /* RECOVERY_RECORD_AGE_H */
