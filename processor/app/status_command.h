/**
 * status_command - `detour status -c FILE`: the state of destinations and event types of every
 * instance, from the admin endpoints.
 *
 * One thread. Exit code 3: an endpoint does not answer.
 */
#ifndef APP_STATUS_COMMAND_H
#define APP_STATUS_COMMAND_H

#include "config/command.h"
#include "config/config.h"

extern const struct command status_command;

/** Where the admin endpoint of @config is asked: @out is "http://host:port", an address that stands
 * for all (0.0.0.0) being this machine. False when it is off or has no port of its own. */
bool status_url(const struct config *config, struct buf *out);

#endif /* APP_STATUS_COMMAND_H */
