/**
 * server - the simulator's sockets (libmicrohttpd): a thread for each connection, at
 * most SIM_CONNECTIONS_MAX, so that one that hangs or is slow holds up no other.
 */
#ifndef TRIAL_TIKTOK_SERVER_H
#define TRIAL_TIKTOK_SERVER_H

#include "base/err.h"
#include "trial/tiktok/simulator.h"

enum { SIM_CONNECTIONS_MAX = 512 };

struct sim_server;

/** Listen on @host:@port (0: a free one). Keeps @simulator. */
NODISCARD enum err_code sim_server_start(struct simulator *simulator, struct span host,
                                         uint16_t port, size_t body_bytes_max,
                                         struct sim_server **out, struct err *err);
uint16_t sim_server_port(const struct sim_server *server);
void sim_server_stop(struct sim_server *server);

#endif /* TRIAL_TIKTOK_SERVER_H */
