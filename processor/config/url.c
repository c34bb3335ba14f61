#include "config/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/address.h"

static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\' || c == '^' ||
            c == '`' || c == '{' || c == '|' || c == '}') {
            return false;
        }
    }
    return true;
}

static bool is_port(struct span text)
{
    int64_t port;

    return text.len <= 5 && span_to_i64(text, &port) && port > 0 && port <= UINT16_MAX;
}

/* @authority is what stands between // and the path. */
static bool read_host(struct span authority, struct span *host)
{
    bool is_bracketed = authority.len > 0 && authority.ptr[0] == '[';
    size_t end = span_find(authority, is_bracketed ? ']' : ':', 0);
    struct span rest;

    if (is_bracketed && end == authority.len) {
        return false;
    }
    *host = is_bracketed ? span_sub(authority, 1, end) : span_sub(authority, 0, end);
    rest = span_sub(authority, end + is_bracketed, authority.len);
    return host->len > 0 &&
           (rest.len == 0 || (rest.ptr[0] == ':' && is_port(span_sub(rest, 1, rest.len))));
}

enum err_code url_read(struct span text, struct url *out, struct err *err)
{
    struct span rest;
    size_t end = 0;

    if (span_starts(text, SPAN("https://"))) {
        out->is_https = true;
        rest = span_sub(text, 8, text.len);
    } else if (span_starts(text, SPAN("http://"))) {
        out->is_https = false;
        rest = span_sub(text, 7, text.len);
    } else {
        return FAIL(err, ERR_CONFIG, "a URL begins with https:// (or http://)");
    }
    if (!is_plain(text)) {
        return FAIL(err, ERR_CONFIG,
                    "a URL holds no spaces or special characters: percent-encode them");
    }
    while (end < rest.len && strchr("/?#", rest.ptr[end]) == NULL) {
        end++;
    }
    if (span_find(rest, '#', 0) < rest.len) {
        return FAIL(err, ERR_CONFIG, "a URL for requests has no #fragment");
    }
    rest = span_sub(rest, 0, end);
    if (span_find(rest, '@', 0) < rest.len) {
        return FAIL(err, ERR_CONFIG, "no user or password in a URL: they would be logged");
    }
    if (!read_host(rest, &out->host)) {
        return FAIL(err, ERR_CONFIG, "a URL names a host and, if any, a port: https://HOST:PORT/");
    }
    return ERR_OK;
}

/* The address that stands there, as libcurl reads it: IPv4 in one to four numbers, decimal, octal
 * or hexadecimal; IPv6 perhaps with a zone. False when it is a name. */
static bool read_address(struct span host, struct sockaddr_storage *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct span address = span_sub(host, 0, span_find(host, '%', 0));
    char text[64];

    if (address.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, address.ptr, address.len);
    text[address.len] = '\0';
    *out = (struct sockaddr_storage){0};
    if (inet_aton(text, &v4.sin_addr) == 1) {
        memcpy(out, &v4, sizeof(v4));
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        memcpy(out, &v6, sizeof(v6));
        return true;
    }
    return false;
}

bool url_is_loopback(const struct url *url)
{
    struct sockaddr_storage address;

    return span_eq_nocase(url->host, SPAN("localhost")) ||
           (read_address(url->host, &address) &&
            address_is_loopback((const struct sockaddr *)&address, sizeof(address)));
}

bool url_is_private(const struct url *url)
{
    struct sockaddr_storage address;

    return read_address(url->host, &address) &&
           address_is_private((const struct sockaddr *)&address, sizeof(address));
}
