/**
 * admin_listen - the socket of an HTTP endpoint (the admin endpoint, the simulator), and whose
 * requests it answers.
 *
 * On a loopback address only the names of the loopback are accepted: a web page whose name resolves
 * to 127.0.0.1 (DNS rebinding) sends its own name as Host. On any other address every Host is
 * accepted, since people reach it by names that only they know.
 *
 * The endpoint owns the socket. Called before its thread starts, and by this thread.
 */
#ifndef OBSERVE_ADMIN_LISTEN_H
#define OBSERVE_ADMIN_LISTEN_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/span.h"

struct MHD_Connection;

struct admin_listener {
    const char *setting; /* who names the address: "admin.listen" */
    int fd;              /* owned; -1: none */
    uint16_t port;
    bool is_loopback;
    char host[256]; /* as configured, without brackets */
};

/** A bound, listening, non-blocking socket. ERR_CONFIG when @host is no address of this machine,
 * ERR_NET when the port is taken or not allowed. */
NODISCARD enum err_code admin_listen(const char *setting, struct span host, uint16_t port,
                                     struct admin_listener *out, struct err *err);
void admin_listener_fini(struct admin_listener *listener);
/** Whether the Host header's value @host may come with a request to @listener. */
bool admin_host_is_ours(const struct admin_listener *listener, struct span host);
/** Why a request is refused: a web page sent it, or it comes by a name that is not ours. NULL: it
 * is answered. @version as libmicrohttpd gives it. */
const char *admin_why_foreign(const struct admin_listener *listener,
                              struct MHD_Connection *connection, const char *version);

#endif /* OBSERVE_ADMIN_LISTEN_H */
