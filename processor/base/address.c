#include "base/address.h"

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
    {0xc0000000, 24}, /* protocol assignments; a cloud keeps its metadata at .192 */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* between networks under test */
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

/* Prefixes of IPv6 that lead on to an IPv4 address they carry: a gateway would go where the policy
 * forbids to go directly. Bits are turned where @is_inverted. */
static const struct {
    uint8_t prefix[12];
    unsigned bytes; /* of the prefix */
    unsigned at;    /* byte where the IPv4 address begins */
    bool is_inverted;
} carriers_of_v4[] = {
    {{0}, 12, 12, false},                        /* compatible */
    {{[10] = 0xff, [11] = 0xff}, 12, 12, false}, /* mapped */
    {{[8] = 0xff, [9] = 0xff}, 12, 12, false},   /* translated (SIIT) */
    {{0x00, 0x64, 0xff, 0x9b}, 12, 12, false},   /* NAT64 */
    {{0x20, 0x02}, 2, 2, false},                 /* 6to4 */
    {{0x20, 0x01, 0x00, 0x00}, 4, 12, true},     /* Teredo */
};

static const struct {
    uint8_t prefix[6];
    unsigned bits;
} private_v6[] = {
    {{0xfc}, 7},                                /* unique local */
    {{0xfe, 0x80}, 9},                          /* link-local, and site-local as it once was */
    {{0xff}, 8},                                /* multicast */
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, /* NAT64 of one network's own */
};

static bool has_prefix(const uint8_t *bytes, const uint8_t *prefix, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;

    return memcmp(bytes, prefix, whole) == 0 &&
           (rest == 0 || (bytes[whole] ^ prefix[whole]) >> (8 - rest) == 0);
}

static bool carries_private_v4(const uint8_t *bytes)
{
    for (size_t i = 0; i < COUNT_OF(carriers_of_v4); i++) {
        const uint8_t *v4 = bytes + carriers_of_v4[i].at;
        uint32_t address =
            (uint32_t)v4[0] << 24 | (uint32_t)v4[1] << 16 | (uint32_t)v4[2] << 8 | v4[3];

        if (has_prefix(bytes, carriers_of_v4[i].prefix, carriers_of_v4[i].bytes * 8)) {
            return is_private_v4(carriers_of_v4[i].is_inverted ? ~address : address);
        }
    }
    return false;
}

/* Loopback (::1) and unspecified (::) are compatible forms of addresses in 0.0.0.0/8. */
static bool is_private_v6(const struct in6_addr *address)
{
    for (size_t i = 0; i < COUNT_OF(private_v6); i++) {
        if (has_prefix(address->s6_addr, private_v6[i].prefix, private_v6[i].bits)) {
            return true;
        }
    }
    return carries_private_v4(address->s6_addr);
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

bool address_is_loopback(const struct sockaddr *address, socklen_t bytes)
{
    if (address->sa_family == AF_INET && bytes >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in v4;

        memcpy(&v4, address, sizeof(v4));
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6 && bytes >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 v6;

        memcpy(&v6, address, sizeof(v6));
        return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    return false;
}

bool address_read(const char *text, struct sockaddr_storage *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    *out = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(out, &v4, sizeof(v4));
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        memcpy(out, &v6, sizeof(v6));
        return true;
    }
    return false;
}
