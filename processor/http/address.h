/**
 * address - may a request go to this address? (SSRF, DNS rebinding: reliability 6.1)
 *
 * Checked on the resolved address just before the socket is opened.
 */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <sys/socket.h>

#include "base/span.h"

/** Loopback, link-local, private, unique-local, unspecified, multicast, and IPv4 mapped forms of
 * these. */
bool address_is_private(const struct sockaddr *address, socklen_t bytes);
/** The host in @url is an IP literal or "localhost": whoever wrote it meant exactly that place. */
bool url_names_address(struct span url);

#endif /* HTTP_ADDRESS_H */
