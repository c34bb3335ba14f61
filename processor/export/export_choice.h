/**
 * export_choice - what an export is about, where the command line does not say it all: which
 * destination, which topics, which of the ids of one outage.
 *
 * Main thread. Errors are printed by the session, with the names there are.
 */
#ifndef EXPORT_EXPORT_CHOICE_H
#define EXPORT_EXPORT_CHOICE_H

#include "export/outage_ids.h"
#include "recovery/dlq_session.h"

enum { CHOICE_TOPICS_MAX = 64 };

struct export_choice {
    const struct destination *to;
    bool is_told; /* by --destination: records that tell no destination are its own */
    char *topics[CHOICE_TOPICS_MAX]; /* owned */
    size_t topic_count;
    struct outage_ids outages;
};

/** @is_table: only a destination of type tiktok has a table for uploads. False: it failed, and
 * dlq->code says how. To be freed in any case, after the session. */
bool export_choose(struct export_choice *choice, struct dlq *dlq, bool is_table);
void export_choice_fini(struct export_choice *choice);

#endif /* EXPORT_EXPORT_CHOICE_H */
