/**
 * outage_ids - all ids of the outages that a selection names, and the destination they are of.
 *
 * An outage that several instances saw has an id of each, and records carry the id of the instance
 * that wrote them; so the ids of all of them are found by any of them.
 *
 * One thread. ERR_DATA: an id is not on the ledger; the text names those that are. Where retention
 * took the beginning of the ledger, such an id is taken as it is. ERR_NET, ERR_STATE, ERR_ABSENT:
 * the ledger cannot be read.
 */
#ifndef EXPORT_OUTAGE_IDS_H
#define EXPORT_OUTAGE_IDS_H

#include "config/command.h"
#include "config/config.h"

struct outage_ids {
    struct span *items; /* owned; their texts are the books' */
    size_t count;
    struct span destination; /* absent: not known */
    struct books *books;     /* owned; NULL: the ledger was not read */
};

/** Nothing is read where nothing is @typed, or the configuration has no ledger. @out is to be freed
 * in any case. */
NODISCARD enum err_code outage_ids_read(const struct config *config,
                                        const struct command_texts *typed, struct outage_ids *out,
                                        struct err *err);
void outage_ids_fini(struct outage_ids *ids);

#endif /* EXPORT_OUTAGE_IDS_H */
