#include "observe/admin_visits.h"

#include <netinet/in.h>
#include <string.h>

void visits_init(struct visits *visits)
{
    *visits = (struct visits){0};
    for (size_t i = 0; i < VISITS_MAX; i++) {
        visits->items[i].fd = -1;
    }
}

static struct visit *find(struct visits *visits, int fd)
{
    for (size_t i = 0; i < VISITS_MAX; i++) {
        if (visits->items[i].fd == fd) {
            return &visits->items[i];
        }
    }
    return NULL;
}

static bool is_open(const struct visit *visit)
{
    return visit->fd >= 0 && !visit->is_cut;
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

static size_t count_of_peer(const struct visits *visits, uint64_t peer)
{
    size_t count = 0;

    for (size_t i = 0; i < VISITS_MAX; i++) {
        count += is_open(&visits->items[i]) && visits->items[i].peer == peer;
    }
    return count;
}

static void cut(struct visit *visit)
{
    visit->is_cut = true;
    (void)shutdown(visit->fd, SHUT_RDWR);
}

/* A new one comes whole with its first packet, or it is among those who dawdle and goes later. */
static void make_room(struct visits *visits)
{
    struct visit *chosen = NULL;
    size_t chosen_count = 0;

    for (size_t i = 0; i < VISITS_MAX; i++) {
        struct visit *visit = &visits->items[i];
        size_t count = is_open(visit) ? count_of_peer(visits, visit->peer) : 0;

        if (count > chosen_count ||
            (chosen != NULL && count == chosen_count && visit->order < chosen->order)) {
            chosen = visit;
            chosen_count = count;
        }
    }
    if (chosen != NULL) {
        cut(chosen);
    }
}

void visits_add(struct visits *visits, int fd, const struct sockaddr *address, uint64_t now_ms)
{
    struct visit *visit = find(visits, -1);

    if (visit == NULL) {
        return;
    }
    *visit = (struct visit){
        .fd = fd, .peer = peer_of(address), .since_ms = now_ms, .order = visits->ever++};
    if (visits_count(visits) > VISITS_KEEP_MAX) {
        make_room(visits);
    }
}

void visits_remove(struct visits *visits, int fd)
{
    struct visit *visit = find(visits, fd);

    if (visit != NULL) {
        visit->fd = -1;
    }
}

size_t visits_count(const struct visits *visits)
{
    size_t count = 0;

    for (size_t i = 0; i < VISITS_MAX; i++) {
        count += is_open(&visits->items[i]);
    }
    return count;
}

size_t visits_sweep(struct visits *visits, uint64_t now_ms)
{
    size_t count = 0;

    for (size_t i = 0; i < VISITS_MAX; i++) {
        struct visit *visit = &visits->items[i];

        count += visit->fd >= 0;
        if (is_open(visit) && now_ms - visit->since_ms >= VISIT_MS_MAX) {
            cut(visit);
        }
    }
    return count;
}
