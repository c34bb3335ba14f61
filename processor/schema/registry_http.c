/*
 * Happy path: ask() begins with the URL that answered last; http_finish() turns the client until
 * take_reply() has copied the answer; its status is one of those that speak about the question.
 *
 * It can go wrong, in order: aborted (the eventfd ends the wait), no connection, TLS, no answer
 * within registry.timeout, an answer past its cap, a status about the registry itself. Each of
 * these is told by name and the next URL asked.
 */
#include "schema/registry_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/url.h"
#include "http/client.h"

enum { URL_BYTES_MAX = 64 * 1024, CAUSES_BYTES_MAX = ERR_TEXT_BYTES };

static const uint64_t RETRY_AFTER_MIN_MS = 1000;

struct registry_http {
    const struct config_registry *config;
    struct http_client *client; /* owned */
    int abort_fd;               /* owned; readable for ever once it was told to stop */
    char *ca_file;              /* owned; NULL: the system's */
    size_t url;                 /* the one to begin with */
    bool is_secret_unreadable;  /* said once */
    /* of the question at hand */
    struct registry_answer *answer;
    char error[ERR_TEXT_BYTES]; /* why there is no HTTP answer; empty when there is one */
    bool is_too_large;
};

struct registry_http *registry_http_new(const struct config_registry *config)
{
    PRE(config->url_count > 0);

    struct registry_http *http = mem_new(struct registry_http);

    http->config = config;
    http->abort_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    INVARIANT(http_client_new(&http->client, NULL) == ERR_OK);
    INVARIANT(http->abort_fd >= 0);
    if (config->ca_file.ptr != NULL) {
        http->ca_file = mem_text(config->ca_file);
    }
    return http;
}

void registry_http_free(struct registry_http *http)
{
    if (http == NULL) {
        return;
    }
    http_client_free(http->client);
    (void)close(http->abort_fd);
    free(http->ca_file);
    free(http);
}

void registry_http_abort(struct registry_http *http)
{
    (void)eventfd_write(http->abort_fd, 1);
}

void registry_http_distrust(struct registry_http *http)
{
    http->url = (http->url + 1) % http->config->url_count;
}

void registry_http_escape(struct buf *out, struct span text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '_' || c == '.' || c == '~') {
            buf_add_char(out, (char)c);
        } else {
            buf_add_char(out, '%');
            buf_add_char(out, hex[c >> 4]);
            buf_add_char(out, hex[c & 15]);
        }
    }
}

/* The secret's value as a terminated text in @out, to be wiped by the caller. */
static const char *read_secret(struct registry_http *http, struct secret *secret, struct buf *out)
{
    struct err err;

    if (secret == NULL) {
        return "";
    }
    if (secret_refresh(secret, clock_mono_ms(), &err) != ERR_OK) {
        if (!http->is_secret_unreadable) {
            LOG_WARN("registry.secret", "error=%s", LOG_Q(err.text));
        }
        http->is_secret_unreadable = true;
    } else {
        http->is_secret_unreadable = false;
    }
    secret_read(secret, out);
    return buf_text(out);
}

static void wipe(struct buf *buf)
{
    if (buf->ptr != NULL) {
        mem_wipe(buf->ptr, buf->cap);
    }
    buf_fini(buf);
}

static bool is_refusal(unsigned status)
{
    return status == 401 || status == 403;
}

/* A status that speaks about the question, not about the registry. */
static bool is_usable(unsigned status)
{
    return (status >= 200 && status < 300) ||
           (status >= 400 && status < 500 && !is_refusal(status) && status != 408 && status != 429);
}

static void name_secret(struct buf *out, const char *option, const struct secret *secret)
{
    buf_printf(out, "%s (%s)", option, secret == NULL ? "not set" : secret_source(secret));
}

static void add_status(const struct registry_answer *answer, struct buf *out)
{
    buf_printf(out, "answered %u (%s)", answer->status,
               answer->content_type[0] == '\0' ? "no content type" : answer->content_type);
}

void registry_http_describe(const struct registry_http *http, const struct registry_answer *answer,
                            struct buf *out)
{
    url_show(http->config->urls[answer->url], out);
    buf_add_char(out, ' ');
    add_status(answer, out);
}

/* Adds "URL: what happened" to @causes. */
static void add_cause(const struct registry_http *http, struct buf *causes)
{
    const struct registry_answer *answer = http->answer;

    if (causes->len > 0) {
        buf_add_text(causes, "; ");
    }
    url_show(http->config->urls[answer->url], causes);
    if (http->is_too_large) {
        buf_add_text(causes, ": its answer is larger than schemas.max_bytes allows");
    } else if (answer->status == 0) {
        buf_printf(causes, ": %s", http->error);
    } else if (is_refusal(answer->status)) {
        buf_printf(causes, ": refuses the credential (%u); check ", answer->status);
        name_secret(causes, "registry.username", http->config->username);
        buf_add_text(causes, " and ");
        name_secret(causes, "registry.password", http->config->password);
    } else if (answer->status >= 300 && answer->status < 400) {
        buf_printf(causes, ": answered %u; redirects are not followed, write the final URL",
                   answer->status);
    } else {
        buf_add_text(causes, ": ");
        add_status(answer, causes);
    }
}

/* The failure of one URL as a number. Those of several are added up, so that it does not matter
 * which was asked first; how long a timeout took or what a body says does not count. */
static uint64_t cause_of(const struct registry_http *http)
{
    uint64_t failure = span_hash(span_of(http->error)) & 0x7fffffff;
    uint64_t number = failure << 32 | (uint64_t)http->is_too_large << 31 | http->answer->status;

    return (number + 1) * (2 * http->answer->url + 1);
}

/* What a foreign server calls its answer, in letters that do no harm in a log or a terminal. */
static void take_content_type(struct span said, struct registry_answer *answer)
{
    size_t len = 0;

    while (len + 1 < sizeof(answer->content_type) && len < said.len && said.ptr[len] != ';') {
        char c = said.ptr[len];
        bool is_safe = strchr("+-./_", c) != NULL || (c >= '0' && c <= '9') ||
                       ((c | 32) >= 'a' && (c | 32) <= 'z');

        answer->content_type[len++] = is_safe ? c : '?';
    }
    answer->content_type[len] = '\0';
}

/* What all URLs together have said so far. */
static void add_up(const struct http_reply *reply, struct registry_answer *answer)
{
    answer->is_there |= reply->status != 0 && !is_refusal(answer->status);
    answer->is_answered |= reply->status != 0;
    answer->is_too_large |= reply->is_oversized;
    answer->is_timeout |= reply->is_timeout && reply->is_sent;
    if (answer->status == 429 ||
        (answer->status == 503 && reply->has_retry_after && reply->retry_after_ms > 0)) {
        answer->is_busy = true;
        answer->retry_after_ms =
            MAX_OF(answer->retry_after_ms, reply->has_retry_after
                                               ? MAX_OF(reply->retry_after_ms, RETRY_AFTER_MIN_MS)
                                               : RETRY_AFTER_MIN_MS);
    }
}

static void take_reply(void *context, const struct http_reply *reply)
{
    struct registry_http *http = context;
    struct registry_answer *answer = http->answer;

    answer->status = (unsigned)reply->status;
    buf_add_span(&answer->body, reply->body);
    take_content_type(http_header_find(reply->headers, SPAN("content-type")), answer);
    http->is_too_large = reply->is_oversized;
    if (reply->is_timeout) {
        (void)snprintf(http->error, sizeof(http->error), "timed out after %llu ms",
                       (unsigned long long)http->config->timeout_ms);
    } else {
        (void)snprintf(http->error, sizeof(http->error), "%s",
                       reply->status == 0 ? reply->error : "");
    }
    add_up(reply, answer);
}

/* Ask @url, the whole one. False: told to stop. libcurl copies the credential and wipes nothing;
 * the process's memory has it anyway. */
static bool ask_at(struct registry_http *http, const char *url, struct span body)
{
    static const char *const headers[] = {
        "Accept: application/vnd.schemaregistry.v1+json, application/json",
        "Content-Type: application/vnd.schemaregistry.v1+json",
        ("User-Agent: detour/" DETOUR_VERSION),
    };
    const struct config_registry *config = http->config;
    struct http_target target = {.url = url,
                                 .ca_file = http->ca_file,
                                 .keeps_headers = true,
                                 .is_private_allowed = true,
                                 .is_path_as_is = true, /* a subject may be called ".." */
                                 .connect_ms = config->timeout_ms,
                                 .first_byte_ms = config->timeout_ms,
                                 .total_ms = config->timeout_ms,
                                 .answer_bytes = http->answer->body.max};
    const struct http_request request = {&target, headers,    COUNT_OF(headers),
                                         body,    take_reply, http};
    struct buf username;
    struct buf password;
    struct err err = {0};
    bool is_done = true;

    buf_init(&username, SECRET_BYTES_MAX);
    buf_init(&password, SECRET_BYTES_MAX);
    if (config->username != NULL || config->password != NULL) {
        target.username = read_secret(http, config->username, &username);
        target.password = read_secret(http, config->password, &password);
    }
    if (http_post(http->client, &request, &err) == ERR_OK) {
        is_done = http_finish(http->client, http->abort_fd);
    } else {
        (void)snprintf(http->error, sizeof(http->error), "%s", err.text);
    }
    wipe(&username);
    wipe(&password);
    return is_done;
}

static bool ask_one(struct registry_http *http, const char *path, struct span body)
{
    struct registry_answer *answer = http->answer;
    struct span url = http->config->urls[answer->url];
    struct buf whole;
    bool is_done;

    while (span_ends(url, SPAN("/"))) {
        url = span_sub(url, 0, url.len - 1);
    }
    buf_clear(&answer->body);
    answer->status = 0;
    answer->content_type[0] = '\0';
    http->is_too_large = false;
    http->error[0] = '\0';
    buf_init(&whole, URL_BYTES_MAX);
    buf_add_span(&whole, url);
    buf_add_text(&whole, path);
    is_done = ask_at(http, buf_text(&whole), body);
    buf_fini(&whole);
    return is_done;
}

enum err_code registry_http_ask(struct registry_http *http, const char *path, struct span body,
                                struct registry_answer *answer, struct err *err)
{
    size_t count = http->config->url_count;
    size_t refusals = 0;
    struct buf causes;
    enum err_code rc = ERR_NET;

    answer->is_there = answer->is_answered = answer->is_too_large = false;
    answer->is_busy = answer->is_timeout = false;
    answer->retry_after_ms = 0;
    answer->cause = 0;
    http->answer = answer;
    buf_init(&causes, CAUSES_BYTES_MAX);
    for (size_t i = 0; i < count && rc == ERR_NET; i++) {
        answer->url = (http->url + i) % count;
        if (!ask_one(http, path, body)) {
            rc = FAIL(err, ERR_STATE, "stopped");
        } else if (!http->is_too_large && is_usable(answer->status)) {
            http->url = answer->url;
            rc = ERR_OK;
        } else {
            refusals += is_refusal(answer->status);
            add_cause(http, &causes);
            answer->cause += cause_of(http);
        }
    }
    if (rc == ERR_NET) {
        rc = refusals > 0 ? ERR_CONFIG : ERR_NET;
        FAIL(err, rc, "no usable answer from the schema registry: %s", buf_text(&causes));
        if (err != NULL) {
            err->retryable = true;
        }
    }
    buf_fini(&causes);
    return rc;
}
