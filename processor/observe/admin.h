/**
 * admin - the HTTP endpoint for probes, Prometheus and operators (libmicrohttpd).
 *
 * Its own thread; loopback unless told otherwise. GET /livez (a worker's loop has not
 * turned for 30 s: 503), /readyz (every worker has joined its group and the brokers
 * answer), /metrics, /api/v1/status (observe/status.h). Requests <= 8 KiB, <= 16
 * connections, 5 s; a wrong Host on a loopback listener or an Origin header is refused
 * (DNS rebinding). More paths come with the ledger: /api/v1/outages, overrides, reload,
 * the page.
 */
#ifndef OBSERVE_ADMIN_H
#define OBSERVE_ADMIN_H

#include "base/err.h"
#include "config/config.h"
#include "observe/metrics.h"
#include "observe/status.h"

struct admin;

struct admin_probe {
    bool (*is_alive)(void *context, struct buf *why); /* thread-safe */
    bool (*is_ready)(void *context, struct buf *why);
    void *context;
};

/** *@out NULL when the configuration has no admin endpoint. */
NODISCARD enum err_code admin_start(const struct status_sources *sources,
                                    const struct admin_probe *probe, struct admin **out,
                                    struct err *err);
uint16_t admin_port(const struct admin *admin); /* the real one when 0 was configured */
void admin_stop(struct admin *admin);

#endif /* OBSERVE_ADMIN_H */
