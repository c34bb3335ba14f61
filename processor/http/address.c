#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* Network blocks that are not the public Internet (IANA special-purpose registries). */
static const struct {
    uint32_t network;
    unsigned bits;
} private_v4[] = {
    {0x00000000, 8},  /* this network */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* carrier-grade NAT */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* link-local, cloud metadata */
    {0xac100000, 12}, /* private */
    {0xc0a80000, 16}, /* private */
    {0xe0000000, 3},  /* multicast and above */
};

static bool is_private_v4(uint32_t address)
{
    for (size_t i = 0; i < COUNT_OF(private_v4); i++) {
        if ((address ^ private_v4[i].network) >> (32 - private_v4[i].bits) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_private_v6(const struct in6_addr *address)
{
    const uint8_t *b = address->s6_addr;

    if (IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_UNSPECIFIED(address)) {
        return true;
    }
    if (IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address)) {
        return is_private_v4((uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 |
                             b[15]);
    }
    return (b[0] & 0xfe) == 0xfc || b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0x80) != 0);
}

bool address_is_private(const struct sockaddr *address, socklen_t bytes)
{
    if (address->sa_family == AF_INET && bytes >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in v4;

        memcpy(&v4, address, sizeof(v4));
        return is_private_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6 && bytes >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 v6;

        memcpy(&v6, address, sizeof(v6));
        return is_private_v6(&v6.sin6_addr);
    }
    return true; /* neither IPv4 nor IPv6: not a place for requests */
}

static struct span url_host(struct span url)
{
    size_t from = 0;
    size_t to;

    for (size_t i = 0; i + 3 <= url.len; i++) {
        if (memcmp(url.ptr + i, "://", 3) == 0) {
            from = i + 3;
            break;
        }
    }
    to = span_find(url, '/', from);
    if (from < to && url.ptr[from] == '[') {
        size_t end = span_find(url, ']', from);

        return span_sub(url, from + 1, MIN_OF(end, to) < from + 1 ? from + 1 : MIN_OF(end, to));
    }
    return span_sub(url, from, MIN_OF(span_find(url, ':', from), to));
}

bool url_names_address(struct span url)
{
    struct span host = url_host(url);
    char text[INET6_ADDRSTRLEN + 1];
    struct in6_addr ignored;

    if (host.len == 0 || host.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return span_is(host, "localhost") || inet_pton(AF_INET, text, &ignored) == 1 ||
           inet_pton(AF_INET6, text, &ignored) == 1;
}
