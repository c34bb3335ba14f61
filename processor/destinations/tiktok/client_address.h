/**
 * client_address - the public IP address in what proxies, servers and logs write.
 *
 *     203.0.113.7:51234                 with a port; IPv6 then in brackets
 *     198.51.100.7, 10.0.0.1            X-Forwarded-For: the client first, then each proxy
 *     for="[2001:db8::1]:443";by=...    Forwarded
 *     ::ffff:203.0.113.7                IPv4 as IPv6; sent as IPv4
 *
 * The leftmost public address counts: what stands before it (private, `unknown`) names nobody.
 * Addresses kept for documentation are public here: no real event has them, examples do.
 */
#ifndef DESTINATIONS_TIKTOK_CLIENT_ADDRESS_H
#define DESTINATIONS_TIKTOK_CLIENT_ADDRESS_H

#include "base/span.h"

enum { CLIENT_ADDRESS_BYTES = 48 }; /* of an address as text, with its terminator */

/** The address in @text, terminated, into @out; false when there is no public one. */
NODISCARD bool client_address(struct span text, char out[CLIENT_ADDRESS_BYTES]);

#endif /* DESTINATIONS_TIKTOK_CLIENT_ADDRESS_H */
