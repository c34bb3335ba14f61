#include "observe/admin_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"

enum { BACKLOG = 1024 };

static struct span without_brackets(struct span host)
{
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        return span_sub(host, 1, host.len - 1);
    }
    return host;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t bytes = sizeof(address);
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;

    if (getsockname(fd, (struct sockaddr *)(void *)&address, &bytes) != 0) {
        return 0;
    }
    memcpy(&v4, &address, sizeof(v4));
    memcpy(&v6, &address, sizeof(v6));
    return ntohs(address.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

static enum err_code bind_to(const struct addrinfo *to, uint16_t port, struct admin_listener *out,
                             struct err *err)
{
    int yes = 1;
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    out->fd = fd;
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    }
    if (fd < 0 || bind(fd, to->ai_addr, to->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        return FAIL(err, ERR_NET, "%s: cannot listen on %s:%u: %s", out->setting, out->host,
                    (unsigned)port, strerror(errno));
    }
    out->port = port_of(fd);
    out->is_loopback = address_is_loopback(to->ai_addr, to->ai_addrlen);
    return ERR_OK;
}

enum err_code admin_listen(const char *setting, struct span host, uint16_t port,
                           struct admin_listener *out, struct err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    enum err_code rc;
    int status;

    *out = (struct admin_listener){.setting = setting, .fd = -1};
    host = without_brackets(host);
    if (host.len >= sizeof(out->host)) {
        return FAIL(err, ERR_CONFIG, "%s: the host name is too long", setting);
    }
    (void)snprintf(out->host, sizeof(out->host), SPAN_FMT, SPAN_ARG(host));
    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    status = getaddrinfo(host.len == 0 ? NULL : out->host, service, &hints, &found);
    if (status != 0) {
        return FAIL(err, ERR_CONFIG, "%s: %s is no address of this machine: %s", setting, out->host,
                    gai_strerror(status));
    }
    rc = bind_to(found, port, out, err);
    freeaddrinfo(found);
    if (rc != ERR_OK) {
        admin_listener_fini(out);
    }
    return rc;
}

void admin_listener_fini(struct admin_listener *listener)
{
    if (listener->fd >= 0) {
        close(listener->fd);
    }
    listener->fd = -1;
}

/* "host:port", "[v6]:port" or without a port; SPAN_NONE when the rest is no port. */
static struct span host_part(struct span value)
{
    size_t close = value.len > 0 && value.ptr[0] == '[' ? span_find(value, ']', 0) : 0;
    size_t colon = span_find(value, ':', close);

    for (size_t i = colon + 1; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') {
            return SPAN_NONE;
        }
    }
    return without_brackets(span_sub(value, 0, colon));
}

bool admin_host_is_ours(const struct admin_listener *listener, struct span host)
{
    static const char *const loopback[] = {"localhost", "127.0.0.1", "::1"};
    struct span name = host_part(host);

    if (!listener->is_loopback) {
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(loopback); i++) {
        if (span_eq_nocase(name, span_of(loopback[i]))) {
            return true;
        }
    }
    return name.len > 0 && span_eq_nocase(name, span_of(listener->host));
}

/* A browser sends no Origin with what it only loads (an image, a script), but this. */
static bool is_from_elsewhere(struct MHD_Connection *connection)
{
    const char *site = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Sec-Fetch-Site");

    return site != NULL && strcmp(site, "none") != 0 && strcmp(site, "same-origin") != 0;
}

/* A page in a browser must not reach a listener that only this machine can see. */
const char *admin_why_foreign(const struct admin_listener *listener,
                              struct MHD_Connection *connection, const char *version)
{
    const char *host =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);

    if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ORIGIN) != NULL ||
        is_from_elsewhere(connection)) {
        return "requests from web pages (with an Origin header, or of another site) are refused";
    }
    if (host == NULL) {
        return strcmp(version, MHD_HTTP_VERSION_1_0) == 0 ? NULL : "the Host header is missing";
    }
    if (!admin_host_is_ours(listener, span_of(host))) {
        return "the Host header names another machine; use localhost or the address that is "
               "listened on";
    }
    return NULL;
}
