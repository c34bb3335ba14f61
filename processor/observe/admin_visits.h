/**
 * admin_visits - the open connections of the admin endpoint, and which of them has to go.
 *
 * A new connection never waits for a slow one: when there are too many, the oldest of the address
 * that has most of them is cut, and so is whatever was open for too long. To cut is to shut the
 * socket down; its owner sees the end and closes it. One thread.
 */
#ifndef OBSERVE_ADMIN_VISITS_H
#define OBSERVE_ADMIN_VISITS_H

#include <sys/socket.h>

#include "base/base.h"

enum {
    VISITS_MAX = 128, /* those that were cut and not closed yet are among them */
    VISITS_KEEP_MAX = 96,
    VISIT_MS_MAX = 5000,
};

struct visit {
    int fd; /* borrowed; -1: free */
    uint64_t peer;
    uint64_t since_ms;
    uint64_t order;
    bool is_cut;
};

struct visits {
    struct visit items[VISITS_MAX];
    uint64_t ever;
};

void visits_init(struct visits *visits);
/** A connection from @address was accepted. More than VISITS_MAX are not watched. */
void visits_add(struct visits *visits, int fd, const struct sockaddr *address, uint64_t now_ms);
void visits_remove(struct visits *visits, int fd);
/** Those that are not cut. */
size_t visits_count(const struct visits *visits);
/** Cut those that are open for too long; how many there are, cut or not. */
size_t visits_sweep(struct visits *visits, uint64_t now_ms);

#endif /* OBSERVE_ADMIN_VISITS_H */
