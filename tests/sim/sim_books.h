/**
 * sim_books - the ledger's topic in the virtual world, and how a worker's records get there: after
 * a delay, late, or never; at times nobody can write at all. What a killed process had sent may
 * still arrive, also after the next owner's records.
 *
 * Records of one process arrive in the order in which they were sent, as an idempotent producer
 * has it. One thread, no errors.
 */
#ifndef SIM_BOOKS_H
#define SIM_BOOKS_H

#include "ledger/books.h"
#include "ledger/sink.h"
#include "rehearse/world_inside.h"

struct sim_books_options {
    uint64_t delay_ms; /* at most, there and as much back */
    uint64_t until_ms; /* of what follows: then it is fast and takes everything */
    double slow;       /* share of sends that take seconds */
    double failing;    /* share of sends that fail, arrived or not */
    uint64_t closed_from_ms, closed_until_ms; /* nobody can write */
};

struct sim_books; /* the topic */
struct sim_sink;  /* one process's producer */

struct sim_books *sim_books_new(struct world *world, const struct sim_books_options *options);
void sim_books_free(struct sim_books *books);
/** Everything that arrived, folded. To be freed with books_free(). */
struct books *sim_books_fold(const struct sim_books *books);

struct sim_sink *sim_sink_open(struct sim_books *books, struct worker *worker);
/** Its process is gone; what is on its way arrives or not. */
void sim_sink_close(struct sim_sink *sink);
struct ledger_sink sim_sink_of(struct sim_sink *sink);

#endif /* SIM_BOOKS_H */
