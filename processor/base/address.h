/**
 * address - is this a place in the public Internet?
 *
 * So that a host name of a configuration, which somebody else's DNS answers, leads no request into
 * the own network. Own code, because the IN6_IS_ADDR_ macros do not look into addresses that carry
 * an IPv4 one. No state; any thread.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <sys/socket.h>

#include "base/base.h"

/** The IPv4 or IPv6 address that @text is; false: it is none (a name). */
bool address_read(const char *text, struct sockaddr_storage *out);
/** Loopback, link-local, private, unique-local, unspecified, multicast, and IPv6 addresses that
 * carry one of these (mapped, NAT64, 6to4, Teredo). Neither IPv4 nor IPv6 is private too. */
bool address_is_private(const struct sockaddr *address, socklen_t bytes);
/** 127.0.0.0/8 or ::1, as such and not carried by another. */
bool address_is_loopback(const struct sockaddr *address, socklen_t bytes);

#endif /* BASE_ADDRESS_H */
