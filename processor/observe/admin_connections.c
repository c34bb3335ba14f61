#include "observe/admin_connections.h"

#include <netinet/in.h>
#include <string.h>

void connections_init(struct connections *connections)
{
    *connections = (struct connections){0};
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        connections->items[i].fd = -1;
    }
}

static struct connection *find(struct connections *connections, int fd)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (connections->items[i].fd == fd) {
            return &connections->items[i];
        }
    }
    return NULL;
}

static bool is_open(const struct connection *connection)
{
    return connection->fd >= 0 && !connection->is_cut;
}

/* Where a connection comes from: an IPv4 address, or the network of an IPv6 one. */
static uint64_t peer_of(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    uint64_t network = 0;

    if (address != NULL && address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof(v4));
        network = v4.sin_addr.s_addr;
    } else if (address != NULL && address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof(v6));
        memcpy(&network, &v6.sin6_addr, sizeof(network));
    }
    return network;
}

static size_t count_of_peer(const struct connections *connections, uint64_t peer)
{
    size_t count = 0;

    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        count += is_open(&connections->items[i]) && connections->items[i].peer == peer;
    }
    return count;
}

static void cut(struct connection *connection)
{
    connection->is_cut = true;
    (void)shutdown(connection->fd, SHUT_RDWR);
}

/* A new one comes whole with its first packet, or it is among those who dawdle and goes later. */
static void make_room(struct connections *connections)
{
    struct connection *chosen = NULL;
    size_t chosen_count = 0;

    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &connections->items[i];
        size_t count = is_open(connection) ? count_of_peer(connections, connection->peer) : 0;

        if (count > chosen_count ||
            (chosen != NULL && count == chosen_count && connection->order < chosen->order)) {
            chosen = connection;
            chosen_count = count;
        }
    }
    if (chosen != NULL) {
        cut(chosen);
    }
}

void connections_add(struct connections *connections, int fd, const struct sockaddr *address,
                     uint64_t now_ms)
{
    struct connection *connection = find(connections, -1);

    if (connection == NULL) {
        return;
    }
    *connection = (struct connection){
        .fd = fd, .peer = peer_of(address), .since_ms = now_ms, .order = connections->ever++};
    if (connections_count(connections) > CONNECTIONS_KEEP_MAX) {
        make_room(connections);
    }
}

void connections_remove(struct connections *connections, int fd)
{
    struct connection *connection = find(connections, fd);

    if (connection != NULL) {
        connection->fd = -1;
    }
}

size_t connections_count(const struct connections *connections)
{
    size_t count = 0;

    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        count += is_open(&connections->items[i]);
    }
    return count;
}

size_t connections_sweep(struct connections *connections, uint64_t now_ms)
{
    size_t count = 0;

    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &connections->items[i];

        count += connection->fd >= 0;
        if (is_open(connection) && now_ms - connection->since_ms >= CONNECTION_MS_MAX) {
            cut(connection);
        }
    }
    return count;
}
