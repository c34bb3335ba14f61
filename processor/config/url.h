/**
 * url - the parts of an http or https URL that decide whether it may be used.
 *
 * libcurl parses it: what is checked here and what is connected to later are the same host, also
 * where that is written as 0x7f.1 or %31%32%37.0.0.1. Nothing is kept; any thread.
 */
#ifndef CONFIG_URL_H
#define CONFIG_URL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum { URL_HOST_BYTES = 256 };

struct url {
    bool is_https;
    char host[URL_HOST_BYTES]; /* without the brackets and the zone of an IPv6 address */
};

/** ERR_CONFIG says what is wrong: another scheme, a user and password, no host, odd characters. */
NODISCARD enum err_code url_read(struct span text, struct url *out, struct err *err);
/** localhost, 127.x.x.x or ::1, however it is written. */
bool url_is_loopback(const struct url *url);
/** The host is an address, in whatever spelling, and not one of the public Internet. */
bool url_is_private(const struct url *url);
/** @text, with @path where it has none but "/"; the caller frees it. What is no URL comes back as
 * it is: url_read() says so. */
char *url_with_path(struct span text, const char *path);
/** @text without user, password and query, any of which may be a secret: for messages. */
void url_show(struct span text, struct buf *out);

#endif /* CONFIG_URL_H */
