#include "config/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/mem.h"

static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL) {
            return false;
        }
    }
    return true;
}

/* @text parsed, to be freed with curl_url_cleanup() whatever *rc says. */
static CURLU *parse(struct span text, unsigned flags, CURLUcode *rc)
{
    CURLU *parts = curl_url();
    char *copy = mem_text(text);

    INVARIANT(parts != NULL);
    *rc = curl_url_set(parts, CURLUPART_URL, copy, flags);
    free(copy);
    return parts;
}

/* A part as a copy, to be freed with curl_free(); NULL where there is none. */
static char *part_of(CURLU *parts, CURLUPart which)
{
    char *text = NULL;

    return curl_url_get(parts, which, &text, 0) == CURLUE_OK ? text : NULL;
}

/* The host, without brackets; false when it does not fit or the port is none. */
static bool read_host(CURLU *parts, struct url *out)
{
    char *host = part_of(parts, CURLUPART_HOST);
    char *port = part_of(parts, CURLUPART_PORT);
    struct span name = host == NULL ? SPAN_NONE : span_of(host);
    bool is_good;

    if (name.len > 2 && name.ptr[0] == '[') {
        name = span_sub(name, 1, name.len - 1);
    }
    is_good = name.len > 0 && name.len < sizeof(out->host) &&
              (port == NULL || strtol(port, NULL, 10) > 0);
    if (is_good) {
        memcpy(out->host, name.ptr, name.len);
        out->host[name.len] = '\0';
    }
    curl_free(host);
    curl_free(port);
    return is_good;
}

enum err_code url_read(struct span text, struct url *out, struct err *err)
{
    enum err_code rc = ERR_OK;
    CURLUcode parsed;
    CURLU *parts;
    size_t scheme;

    *out = (struct url){.is_https = span_starts(text, SPAN("https://"))};
    scheme = out->is_https ? 8 : 7;
    if (!out->is_https && !span_starts(text, SPAN("http://"))) {
        return FAIL(err, ERR_CONFIG, "a URL begins with https:// (or http://)");
    }
    if (!is_plain(text)) {
        return FAIL(err, ERR_CONFIG,
                    "a URL holds no spaces or special characters: percent-encode them");
    }
    if (span_find(text, '#', 0) < text.len) {
        return FAIL(err, ERR_CONFIG, "a URL for requests has no #fragment");
    }
    parts = parse(text, CURLU_DISALLOW_USER, &parsed);
    if (parsed == CURLUE_USER_NOT_ALLOWED) {
        rc = FAIL(err, ERR_CONFIG, "no user or password in a URL: they would be logged");
    } else if (parsed != CURLUE_OK || !read_host(parts, out) ||
               text.ptr[scheme] == '/') { /* libcurl takes https:///path for a host "path" */
        rc = FAIL(err, ERR_CONFIG, "a URL names a host and, if any, a port: https://HOST:PORT/");
    }
    curl_url_cleanup(parts);
    return rc;
}

bool url_is_loopback(const struct url *url)
{
    struct sockaddr_storage address;

    return span_eq_nocase(span_of(url->host), SPAN("localhost")) ||
           (address_read(url->host, &address) &&
            address_is_loopback((const struct sockaddr *)&address, sizeof(address)));
}

bool url_is_private(const struct url *url)
{
    struct sockaddr_storage address;

    return address_read(url->host, &address) &&
           address_is_private((const struct sockaddr *)&address, sizeof(address));
}

char *url_with_path(struct span text, const char *path)
{
    CURLUcode parsed;
    CURLU *parts = parse(text, 0, &parsed);
    char *own = parsed == CURLUE_OK ? part_of(parts, CURLUPART_PATH) : NULL;
    char *whole = NULL;
    char *out;

    if (own != NULL && strcmp(own, "/") == 0 &&
        curl_url_set(parts, CURLUPART_PATH, path, 0) == CURLUE_OK) {
        whole = part_of(parts, CURLUPART_URL);
    }
    out = mem_text(whole == NULL ? text : span_of(whole));
    curl_free(own);
    curl_free(whole);
    curl_url_cleanup(parts);
    return out;
}

void url_show(struct span text, struct buf *out)
{
    CURLUcode parsed;
    CURLU *parts = parse(text, 0, &parsed);
    char *shown = NULL;
    struct span rest;

    if (parsed == CURLUE_OK) {
        (void)curl_url_set(parts, CURLUPART_USER, NULL, 0);
        (void)curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
        (void)curl_url_set(parts, CURLUPART_QUERY, NULL, 0);
        shown = part_of(parts, CURLUPART_URL);
    }
    rest = span_of(shown == NULL ? "an unreadable URL" : shown);
    buf_add_span(out, span_sub(rest, 0, rest.len - span_ends(rest, SPAN("/"))));
    curl_free(shown);
    curl_url_cleanup(parts);
}
