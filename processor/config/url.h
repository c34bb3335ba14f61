/** url - the parts of an http or https URL that decide whether it may be used. */
#ifndef CONFIG_URL_H
#define CONFIG_URL_H

#include "base/err.h"
#include "base/span.h"

struct url {
    bool is_https;
    struct span host; /* without the brackets of an IPv6 address */
};

/** ERR_CONFIG says what is wrong: another scheme, a user and password, no host, odd characters. */
NODISCARD enum err_code url_read(struct span text, struct url *out, struct err *err);
/** localhost, 127.x.x.x or ::1, as written. */
bool url_is_loopback(const struct url *url);
/** The host is an address, in whatever spelling, and not one of the public Internet. */
bool url_is_private(const struct url *url);

#endif /* CONFIG_URL_H */
