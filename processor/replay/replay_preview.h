/**
 * replay_preview - what a replay would do, before it does anything: the topic is read once, and
 * each record judged by the same rules.
 *
 * What an earlier run of the same replay has settled is left out: its consumer group says what. The
 * thread that owns it; errors are printed by the session.
 */
#ifndef REPLAY_REPLAY_PREVIEW_H
#define REPLAY_REPLAY_PREVIEW_H

#include "recovery/dlq_session.h"
#include "recovery/text_counts.h"
#include "replay/replay_rules.h"

struct preview {
    uint64_t selected;            /* to be sent */
    uint64_t before;              /* settled by an earlier run */
    uint64_t later;               /* written since the earlier run began: not this replay's */
    bool is_resumed;              /* an earlier run was interrupted */
    uint64_t skipped[SKIP_COUNT]; /* in the selection, and left out */
    struct text_counts reasons, destinations, events, outcomes, ages;
    int64_t *ends; /* owned; by partition: the end offsets now */
    size_t partitions;
};

/** Read @dlq's topic. @group: the replay's own. False: it failed, and dlq->code says how. */
NODISCARD bool preview_make(struct preview *preview, struct dlq *dlq,
                            const struct replay_rules *rules, struct span group, const char *name);
void preview_print(struct preview *preview, FILE *out, const char *name, double per_second);
void preview_fini(struct preview *preview);

#endif /* REPLAY_REPLAY_PREVIEW_H */
