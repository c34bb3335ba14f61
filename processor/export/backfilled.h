/**
 * backfilled - which records of a topic the backfill of a destination has settled: delivered, or
 * passed over, because they were too old for it.
 *
 * Read once, from the offsets that its group (GROUP.backfill.DESTINATION) has committed; a backfill
 * that runs on meanwhile is not seen. One thread. ERR_NET: Kafka does not answer.
 */
#ifndef EXPORT_BACKFILLED_H
#define EXPORT_BACKFILLED_H

#include "recovery/group_offsets.h"

struct backfilled {
    struct group_offset *offsets; /* owned; by partition */
    size_t count;
};

/** To be freed in any case. */
NODISCARD enum err_code backfilled_read(const struct config *config, struct span destination,
                                        struct span topic, struct backfilled *out, struct err *err);
bool backfilled_has(const struct backfilled *backfilled, int32_t partition, int64_t offset);
void backfilled_fini(struct backfilled *backfilled);

#endif /* EXPORT_BACKFILLED_H */
