/**
 * reconcile - `detour reconcile`: adds the ledger up against the topics' own offsets.
 *
 * The order of the questions makes it right beside a running group: the ledger is read to its end,
 * the group's offsets are asked, the ledger is read on, the offsets are asked again. What was
 * committed at the first question is on the ledger at its second end, or it is missing.
 *
 * One thread. Owns the books; borrows the configuration. Errors: those of Kafka; what does not
 * balance is a finding.
 */
#ifndef RECOVERY_RECONCILE_H
#define RECOVERY_RECONCILE_H

#include <stdio.h>

#include "recovery/group_offsets.h"
#include "recovery/ledger_reader.h"

enum { RECONCILE_FINDINGS_MAX = 1000 };

/* The partitions of one topic in one group. */
struct reconcile_topic {
    struct span group, topic;            /* borrowed */
    size_t count;                        /* partitions */
    bool is_gone;                        /* there is no such topic */
    struct group_offset *before, *after; /* owned; by partition */
    int64_t *low, *high;                 /* owned; -1: not known */
    const struct book **books;           /* owned; NULL: the ledger has none */
};

struct reconcile_finding {
    struct span topic;
    struct span outage; /* absent: it is not about one */
    int32_t partition;
    struct record_run run;
    uint64_t count;   /* records, or offsets where they cannot be read */
    bool is_offsets;  /* it is offsets */
    bool is_failure;  /* it does not balance; else it is worth knowing */
    const char *text; /* static: the likely cause */
};

/* What became of diverted events since, and of dead letters. */
struct reconcile_followed {
    uint64_t backfilled, expired, skipped, exported, waiting;
    uint64_t decided; /* dead letters that stay, by an operator's decision */
};

struct reconcile {
    const struct config *config;
    struct books *books; /* owned */
    struct books_window window;
    struct ledger_reader reader;
    struct decisions *decisions;    /* owned; about the dead-letter topic */
    struct reconcile_topic *topics; /* owned; those of the group itself first */
    size_t topic_count;
    struct reconcile_finding *findings; /* owned */
    size_t finding_count;
    size_t findings_left_out;
    /* sums of the group itself */
    struct books_counts sum;
    uint64_t untold, unaccounted, in_flight, waiting;
    struct reconcile_followed followed;
    size_t book_count;   /* partitions with books */
    int64_t provable_ms; /* the oldest time that can be proved; -1: from the beginning */
    unsigned reads;      /* stretches that were read to count their records */
    bool is_ok;
};

/** Read the ledger and ask the groups: the books are finished, nothing is added up. *out is to be
 * freed with reconcile_fini() in any case. */
NODISCARD enum err_code reconcile_read(const struct config *config,
                                       const struct books_window *window, struct reconcile *out,
                                       struct err *err);
/** The same, and add up. *out is to be freed with reconcile_fini() in any case. */
NODISCARD enum err_code reconcile_look(const struct config *config,
                                       const struct books_window *window, struct reconcile *out,
                                       struct err *err);
void reconcile_fini(struct reconcile *reconcile);
/** Compare the books with the records of alternate and dead-letter topics. */
NODISCARD enum err_code reconcile_deep(struct reconcile *reconcile, struct err *err);

/** The group itself, not one of its jobs. */
bool reconcile_is_main(const struct reconcile *reconcile, struct span group);
/** The group or one of its jobs: GROUP.replay.NAME, GROUP.backfill.DESTINATION. */
bool reconcile_is_ours(const struct reconcile *reconcile, struct span group);
void reconcile_add(struct reconcile *reconcile, const struct reconcile_finding *finding);
/** From finished books to findings and sums. */
NODISCARD enum err_code reconcile_account(struct reconcile *reconcile, struct err *err);
uint64_t reconcile_consumed(const struct reconcile *reconcile);

/* what a person, a machine and a node exporter read */
void reconcile_print(FILE *out, const struct reconcile *reconcile);
json_t *reconcile_json(const struct reconcile *reconcile);
NODISCARD enum err_code reconcile_metrics(const struct reconcile *reconcile, const char *path,
                                          struct err *err);

extern const struct command reconcile_command;

#endif /* RECOVERY_RECONCILE_H */
