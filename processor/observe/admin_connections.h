/**
 * admin_connections - the open connections of the admin endpoint, and which of them has to go.
 *
 * A new connection never waits for a slow one: when there are too many, the oldest of the address
 * that has most of them is cut, and so is whatever was open for too long. To cut is to shut the
 * socket down; its owner sees the end and closes it. One thread.
 */
#ifndef OBSERVE_ADMIN_CONNECTIONS_H
#define OBSERVE_ADMIN_CONNECTIONS_H

#include <sys/socket.h>

#include "base/base.h"

enum {
    CONNECTIONS_MAX = 128, /* those that were cut and not closed yet are among them */
    CONNECTIONS_KEEP_MAX = 96,
    CONNECTION_MS_MAX = 5000,
};

struct connection {
    int fd; /* borrowed; -1: free */
    uint64_t peer;
    uint64_t since_ms;
    uint64_t order;
    bool is_cut;
};

struct connections {
    struct connection items[CONNECTIONS_MAX];
    uint64_t ever;
};

void connections_init(struct connections *connections);
/** A connection from @address was accepted. More than CONNECTIONS_MAX are not watched. */
void connections_add(struct connections *connections, int fd, const struct sockaddr *address,
                     uint64_t now_ms);
void connections_remove(struct connections *connections, int fd);
/** Those that are not cut. */
size_t connections_count(const struct connections *connections);
/** Cut those that are open for too long; how many there are, cut or not. */
size_t connections_sweep(struct connections *connections, uint64_t now_ms);

#endif /* OBSERVE_ADMIN_CONNECTIONS_H */
