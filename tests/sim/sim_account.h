/**
 * sim_account - the simulation's own account of what became of every event, and whether the ledger
 * says the same.
 *
 * It hears of each leg from the world (who took it), of each settled event from the core, and of
 * each commit that the group took. An event counts as the session settled it whose commit was
 * taken. It never looks at a record of the ledger before the run is over.
 *
 * Where a log was the same all the time the ledger must be equal. Where it became another one the
 * ledger cannot know which tally of the log before was committed last, and believes the newest
 * (docs/ledger.md). There it must have at least what was committed, of each log, and no more than
 * what was settled.
 */
#ifndef SIM_ACCOUNT_H
#define SIM_ACCOUNT_H

#include "ledger/books.h"
#include "sim_ledger.h"

struct sim_account;

/* One assignment of a partition to one process. */
struct sim_session {
    uint64_t life;
    int32_t partition;
    uint64_t epoch;
};

struct sim_account *sim_account_new(const struct config *config);
void sim_account_free(struct sim_account *account);

/** Somebody has the leg, and the core knows. @life: of the process that sent it. */
void sim_account_leg(struct sim_account *account, uint64_t life, const struct world_leg *leg);
/** @tag: of the record. */
void sim_account_taken(struct sim_account *account, const struct sim_session *session,
                       int64_t offset, uint32_t tag);
/** All of the event is done. */
void sim_account_settled(struct sim_account *account, const struct sim_session *session,
                         int64_t offset);
/** The group took a commit. @from: up to where the core knew that its session had committed. */
void sim_account_committed(struct sim_account *account, const struct sim_session *session,
                           int64_t from, int64_t offset, struct span metadata);
/** The core says that the session begins another log. @is_first: or the first, as the group has no
 * offset. */
void sim_account_new_log(struct sim_account *account, const struct sim_session *session,
                         bool is_first);
/** Fails @ledger where the book of a partition says something else. @is_changed: its log is not the
 * one that it was at the start. */
void sim_account_compare(struct sim_account *account, const struct books *books,
                         const struct book *book, bool is_changed, struct ledger *ledger);

/** sim_holes.c. As above, of the offsets alone. */
void sim_judge_holes(const struct book *book, struct ledger *ledger);

#endif /* SIM_ACCOUNT_H */
