/**
 * admin_listen - the admin endpoint's socket, and which Host names mean it.
 *
 * On a loopback listener only loopback's own names are accepted: a web page that made
 * its name resolve to 127.0.0.1 (DNS rebinding) still sends that name as Host. On any
 * other address people reach it by names only they know, so every Host is accepted.
 */
#ifndef OBSERVE_ADMIN_LISTEN_H
#define OBSERVE_ADMIN_LISTEN_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/span.h"

struct admin_listener {
    int fd; /* owned; -1: none */
    uint16_t port;
    bool is_loopback;
    char host[256]; /* as configured, without brackets */
};

/** A bound, listening, non-blocking socket. ERR_CONFIG when @host is no address of this machine,
 * ERR_NET when the port is taken or not allowed. */
NODISCARD enum err_code admin_listen(struct span host, uint16_t port, struct admin_listener *out,
                                     struct err *err);
void admin_listener_fini(struct admin_listener *listener);
/** Whether the Host header's value @host may come with a request to @listener. */
bool admin_host_is_ours(const struct admin_listener *listener, struct span host);
/** 127.0.0.0/8 or ::1. */
bool admin_is_loopback(const struct sockaddr *address);

#endif /* OBSERVE_ADMIN_LISTEN_H */
