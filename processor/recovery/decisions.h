/**
 * decisions - what operators decided about records of a topic: skipped (`detour dlq skip`) or
 * exported (`detour export`), by whom, when and by which job. Read back from the job records on the
 * ledger (docs/ledger.md, "Jobs").
 *
 * What counts
 *    - The runs of a job count once the job has `ended`. One that began and never ended counts
 *      nothing: nobody was told that it is done, and a record that is left out by mistake is lost.
 *    - `cancelled` takes back everything that the job's name stands for; `stopped` and a new
 *      `started` take back what did not end.
 *    - Where runs overlap, the latest decision is told.
 *    - A record that was written after the decision was not decided on: the topic was made anew.
 *
 * Bounded: 1,000,000 runs and 16,384 jobs; beyond it nothing is told, and the error says so. Owns
 * its texts. One thread makes it; sealed, any thread may ask.
 */
#ifndef RECOVERY_DECISIONS_H
#define RECOVERY_DECISIONS_H

#include "config/config.h"

enum decision_type { DECISION_SKIPPED, DECISION_EXPORTED, DECISION_TYPES };

/* The texts live as long as the decisions. */
struct decision {
    enum decision_type type;
    struct span job, by, because; /* its name; who; why (ptr NULL: not told) */
    int64_t at_ms;
};

/* The record that is asked about. */
struct decision_place {
    int32_t partition;
    int64_t offset;
    int64_t written_ms; /* to the topic; -1: not known, and not compared */
};

struct decisions;

/** "skipped", "exported". */
const char *decision_word(enum decision_type type);

/** Read the ledger whole, and keep what it says of @topic. Records of the topic that were written
 * before @since_ms are not asked about (-1: none is left out). ERR_NET, ERR_STATE: the ledger
 * cannot be read; ERR_LIMIT: it says more than is kept. A ledger that is not there holds no
 * decisions. */
NODISCARD enum err_code decisions_read(const struct config *config, const char *topic,
                                       int64_t since_ms, struct decisions **out, struct err *err);
/** NULL: nobody decided. */
const struct decision *decisions_find(const struct decisions *decisions,
                                      const struct decision_place *place);
/** How many offsets of the topic were decided on so, from @since_ms up to but not including
 * @until_ms; each counted once, by its latest decision. */
uint64_t decisions_count(const struct decisions *decisions, enum decision_type type,
                         int64_t since_ms, int64_t until_ms);
void decisions_free(struct decisions *decisions); /* may be NULL */

/* For whoever reads the ledger by other means, and for tests: records in the ledger's order, then
 * the seal. */
NODISCARD struct decisions *decisions_new(struct span group, struct span topic);
/** @key and @value of any record of the ledger. What is no job record is passed over. */
void decisions_take(struct decisions *decisions, struct span key, struct span value);
NODISCARD enum err_code decisions_seal(struct decisions *decisions, struct err *err);

#endif /* RECOVERY_DECISIONS_H */
