#include "destinations/tiktok/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/address.h"

enum { TEXT_BYTES_MAX = 2048 };

_Static_assert((int)CLIENT_ADDRESS_BYTES >= (int)INET6_ADDRSTRLEN, "an address has to fit");

static bool is_separator(char c)
{
    return c == ',' || c == ';' || c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span without_quotes(struct span text)
{
    while (text.len > 0 && (text.ptr[0] == '"' || text.ptr[0] == '\'')) {
        text = span_sub(text, 1, text.len);
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == '"' || text.ptr[text.len - 1] == '\'')) {
        text.len--;
    }
    return text;
}

/* "for=" of the header Forwarded taken off; its other parameters are none of the client's. */
static struct span without_parameter(struct span part)
{
    const struct span name = SPAN("for=");

    if (span_find(part, '=', 0) == part.len) {
        return part;
    }
    return part.len > name.len && span_eq_nocase(span_sub(part, 0, name.len), name)
               ? span_sub(part, name.len, part.len)
               : SPAN("");
}

/* Without the zone of the machine that saw it: 2001:db8::1%eth0. */
static struct span without_zone(struct span address)
{
    return span_sub(address, 0, span_find(address, '%', 0));
}

/* Without the port, the brackets that set it off, and the length of a network of one. */
static struct span bare(struct span part)
{
    size_t colon;

    part = without_quotes(without_parameter(without_quotes(part)));
    if (part.len > 0 && part.ptr[0] == '[') {
        return span_sub(part, 1, span_find(part, ']', 0));
    }
    if (span_ends(part, SPAN("/32"))) {
        return span_sub(part, 0, part.len - 3);
    }
    if (span_ends(part, SPAN("/128"))) {
        return span_sub(part, 0, part.len - 4);
    }
    colon = span_find(part, ':', 0);
    return span_find(part, ':', colon + 1) == part.len ? span_sub(part, 0, colon) : part;
}

/* Is @part a public address? Then it is in @out. */
static bool read_part(struct span part, char out[CLIENT_ADDRESS_BYTES])
{
    struct sockaddr_storage address;
    struct sockaddr_in6 v6;

    part = without_zone(bare(part));
    if (part.len == 0 || part.len >= INET6_ADDRSTRLEN || memchr(part.ptr, '\0', part.len) != NULL) {
        return false;
    }
    memcpy(out, part.ptr, part.len);
    out[part.len] = '\0';
    if (!address_read(out, &address) ||
        address_is_private((const struct sockaddr *)&address, sizeof(address))) {
        return false;
    }
    if (address.ss_family == AF_INET) {
        return true;
    }
    memcpy(&v6, &address, sizeof(v6));
    return !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) ||
           inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], out, CLIENT_ADDRESS_BYTES) != NULL;
}

bool client_address(struct span text, char out[CLIENT_ADDRESS_BYTES])
{
    size_t at = 0;

    if (text.ptr == NULL || text.len > TEXT_BYTES_MAX) {
        return false;
    }
    while (at < text.len) {
        size_t end = at;

        while (end < text.len && !is_separator(text.ptr[end])) {
            end++;
        }
        if (end > at && read_part(span_sub(text, at, end), out)) {
            return true;
        }
        at = end + 1;
    }
    return false;
}
