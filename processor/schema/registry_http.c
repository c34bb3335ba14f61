/*
 * Happy path: ask() takes the URL that answered last; run() gives the easy handle to
 * the multi and turns it until it is done; the callbacks fill the answer; its status
 * is one of those that speak about the question.
 *
 * It can go wrong, in order: aborted (run() is woken and leaves), no connection, TLS,
 * no answer within registry.timeout, an answer past its cap (the callback refuses),
 * a status about the registry itself. Each of these is noted and the next URL asked.
 */
#include "schema/registry_http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    HEADER_BYTES_MAX = 64 * 1024,
    TROUBLE_BYTES_MAX = ERR_TEXT_BYTES,
    WAIT_MS = 1000,
    RETRY_AFTER_MAX_S = 3600,
};

struct registry_http {
    const struct config_registry *config;
    CURLM *multi;               /* owned */
    CURL *easy;                 /* owned */
    struct curl_slist *headers; /* owned */
    char *ca_file;              /* owned; NULL: the system's */
    size_t url;                 /* the one to begin with */
    size_t header_bytes;        /* of the answer coming in */
    struct buf *body;           /* of the answer coming in */
    bool is_too_large;
    bool is_secret_unreadable; /* said once */
    _Atomic bool is_aborted;
    char error[CURL_ERROR_SIZE];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        abort(); /* only without memory */
    }
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct registry_http *http = context;

    (void)bytes;
    http->header_bytes += size * count;
    http->is_too_large |= http->header_bytes > HEADER_BYTES_MAX;
    return http->is_too_large ? 0 : size * count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct registry_http *http = context;

    buf_add(http->body, bytes, size * count);
    http->is_too_large |= http->body->is_overflowed;
    return http->is_too_large ? 0 : size * count;
}

/* What is the same for every question. */
static void set_up(struct registry_http *http)
{
    CURL *easy = http->easy;

    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* a subject may be called ".." */
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (http->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)http->config->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "detour/" DETOUR_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, http);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
}

struct registry_http *registry_http_new(const struct config_registry *config)
{
    PRE(config->url_count > 0);

    struct registry_http *http = mem_new(struct registry_http);

    pthread_once(&curl_once, start_curl);
    http->config = config;
    http->multi = curl_multi_init();
    http->easy = curl_easy_init();
    http->headers =
        curl_slist_append(NULL, "Accept: application/vnd.schemaregistry.v1+json, application/json");
    http->headers =
        curl_slist_append(http->headers, "Content-Type: application/vnd.schemaregistry.v1+json");
    INVARIANT(http->multi != NULL);
    INVARIANT(http->easy != NULL);
    INVARIANT(http->headers != NULL);
    if (config->ca_file.ptr != NULL) {
        http->ca_file = mem_text(config->ca_file);
    }
    set_up(http);
    return http;
}

void registry_http_free(struct registry_http *http)
{
    if (http == NULL) {
        return;
    }
    curl_easy_cleanup(http->easy);
    curl_multi_cleanup(http->multi);
    curl_slist_free_all(http->headers);
    free(http->ca_file);
    free(http);
}

void registry_http_abort(struct registry_http *http)
{
    atomic_store(&http->is_aborted, true);
    curl_multi_wakeup(http->multi);
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

/* Without "user:password@", and without a query that may hold a key. */
static void show_url(struct buf *out, struct span url)
{
    size_t scheme = 0;
    size_t end = span_find(url, '?', 0);
    size_t authority;
    size_t at;

    for (size_t i = 0; i + 3 <= end && scheme == 0; i++) {
        scheme = memcmp(url.ptr + i, "://", 3) == 0 ? i + 3 : 0;
    }
    authority = MIN_OF(span_find(url, '/', scheme), end);
    at = scheme;
    for (size_t i = scheme; i < authority; i++) {
        at = url.ptr[i] == '@' ? i + 1 : at;
    }
    buf_add_span(out, span_sub(url, 0, scheme));
    buf_add_span(out, span_sub(url, at, end));
}

/* The secret's value as a terminated text in @out, to be wiped by the caller. */
static const char *read_secret(struct registry_http *http, struct secret *secret, struct buf *out)
{
    struct err err;

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

/* libcurl copies both and wipes neither; the process's memory has them anyway. */
static void set_credential(struct registry_http *http)
{
    const struct config_registry *config = http->config;
    struct buf username;
    struct buf password;

    if (config->username == NULL && config->password == NULL) {
        return;
    }
    buf_init(&username, SECRET_BYTES_MAX);
    buf_init(&password, SECRET_BYTES_MAX);
    curl_easy_setopt(http->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    curl_easy_setopt(http->easy, CURLOPT_USERNAME,
                     config->username == NULL ? ""
                                              : read_secret(http, config->username, &username));
    curl_easy_setopt(http->easy, CURLOPT_PASSWORD,
                     config->password == NULL ? ""
                                              : read_secret(http, config->password, &password));
    wipe(&username);
    wipe(&password);
}

/* Turns the multi until the one question is answered, has failed, or is not wanted any more. */
static CURLcode run(struct registry_http *http)
{
    CURLcode result = CURLE_ABORTED_BY_CALLBACK;
    int running = 1;

    curl_multi_add_handle(http->multi, http->easy);
    while (running > 0 && !atomic_load(&http->is_aborted)) {
        if (curl_multi_perform(http->multi, &running) != CURLM_OK) {
            break;
        }
        if (running > 0) {
            (void)curl_multi_poll(http->multi, NULL, 0, WAIT_MS, NULL);
        }
    }
    if (running == 0) {
        int left = 0;
        const CURLMsg *message = curl_multi_info_read(http->multi, &left);

        result = message == NULL ? CURLE_FAILED_INIT : message->data.result;
    } else {
        curl_easy_setopt(http->easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a name server */
    }
    curl_multi_remove_handle(http->multi, http->easy);
    return result;
}

static void set_question(struct registry_http *http, struct span url, const char *path,
                         struct span body)
{
    struct buf whole;

    while (url.len > 0 && url.ptr[url.len - 1] == '/') {
        url.len--;
    }
    buf_init(&whole, 64 * 1024);
    buf_add_span(&whole, url);
    buf_add_text(&whole, path);
    curl_easy_setopt(http->easy, CURLOPT_URL, buf_text(&whole)); /* copied */
    buf_fini(&whole);
    if (body.ptr == NULL) {
        curl_easy_setopt(http->easy, CURLOPT_HTTPGET, 1L);
    } else {
        curl_easy_setopt(http->easy, CURLOPT_POSTFIELDS, body.ptr);
        curl_easy_setopt(http->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    }
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
    show_url(out, http->config->urls[answer->url]);
    buf_add_char(out, ' ');
    add_status(answer, out);
}

/* Adds "URL: what happened" to @trouble. */
static void note_trouble(const struct registry_http *http, const struct registry_answer *answer,
                         CURLcode result, struct buf *trouble)
{
    unsigned status = answer->status;

    if (trouble->len > 0) {
        buf_add_text(trouble, "; ");
    }
    show_url(trouble, http->config->urls[answer->url]);
    if (http->is_too_large) {
        buf_add_text(trouble, ": its answer is larger than schemas.max_bytes allows");
    } else if (result != CURLE_OK) {
        buf_printf(trouble, ": %s",
                   http->error[0] != '\0' ? http->error : curl_easy_strerror(result));
    } else if (is_refusal(status)) {
        buf_printf(trouble, ": refuses the credential (%u); check ", status);
        name_secret(trouble, "registry.username", http->config->username);
        buf_add_text(trouble, " and ");
        name_secret(trouble, "registry.password", http->config->password);
    } else if (status >= 300 && status < 400) {
        buf_printf(trouble, ": answered %u; redirects are not followed, write the final URL",
                   status);
    } else {
        buf_add_text(trouble, ": ");
        add_status(answer, trouble);
    }
}

/* The trouble of one URL as a number. Those of several are added up, so that it does not matter
 * which was asked first; how long a timeout took or what a body says does not count. */
static uint64_t cause_of(const struct registry_answer *answer, CURLcode result, bool is_too_large)
{
    uint64_t number = (uint64_t)result << 32 | (uint64_t)is_too_large << 31 |
                      (result == CURLE_OK ? answer->status : 0);

    return (number + 1) * (2 * answer->url + 1);
}

/* What a foreign server calls its answer, in letters that do no harm in a log or a terminal. */
static void take_content_type(struct registry_http *http, struct registry_answer *answer)
{
    const char *said = NULL;
    size_t len = 0;

    curl_easy_getinfo(http->easy, CURLINFO_CONTENT_TYPE, &said);
    while (said != NULL && len + 1 < sizeof(answer->content_type) && said[len] != '\0' &&
           said[len] != ';') {
        bool is_safe = strchr("+-./_", said[len]) != NULL ||
                       (said[len] >= '0' && said[len] <= '9') ||
                       ((said[len] | 32) >= 'a' && (said[len] | 32) <= 'z');

        answer->content_type[len] = is_safe ? said[len] : '?';
        len++;
    }
    answer->content_type[len] = '\0';
}

/* What all URLs together have said so far. */
static void add_up(struct registry_http *http, CURLcode result, struct registry_answer *answer)
{
    bool is_http = answer->status != 0;
    curl_off_t seconds = 0;
    curl_off_t connected_us = 0;

    curl_easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &seconds);
    curl_easy_getinfo(http->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    answer->is_there |= is_http && !is_refusal(answer->status);
    answer->is_heard |= is_http && (result == CURLE_OK || http->is_too_large);
    answer->is_too_large |= http->is_too_large;
    answer->is_timeout |= result == CURLE_OPERATION_TIMEDOUT && connected_us > 0;
    if (answer->status == 429 || (answer->status == 503 && seconds > 0)) {
        answer->is_busy = true;
        answer->retry_after_ms = MAX_OF(
            answer->retry_after_ms, (uint64_t)MIN_OF(MAX_OF(seconds, 1), RETRY_AFTER_MAX_S) * 1000);
    }
}

static CURLcode ask_one(struct registry_http *http, size_t url, const char *path, struct span body,
                        struct registry_answer *answer)
{
    CURLcode result;
    long status = 0;

    buf_clear(&answer->body);
    http->body = &answer->body;
    http->header_bytes = 0;
    http->is_too_large = false;
    http->error[0] = '\0';
    set_question(http, http->config->urls[url], path, body);
    set_credential(http);
    result = run(http);
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (unsigned)status;
    answer->url = url;
    take_content_type(http, answer);
    add_up(http, result, answer);
    return result;
}

enum err_code registry_http_ask(struct registry_http *http, const char *path, struct span body,
                                struct registry_answer *answer, struct err *err)
{
    size_t count = http->config->url_count;
    size_t refusals = 0;
    struct buf trouble;
    enum err_code rc = ERR_NET;

    answer->is_there = answer->is_heard = answer->is_too_large = false;
    answer->is_busy = answer->is_timeout = false;
    answer->retry_after_ms = 0;
    answer->cause = 0;
    buf_init(&trouble, TROUBLE_BYTES_MAX);
    for (size_t i = 0; i < count && rc == ERR_NET; i++) {
        size_t url = (http->url + i) % count;
        CURLcode result = ask_one(http, url, path, body, answer);

        if (atomic_load(&http->is_aborted)) {
            rc = FAIL(err, ERR_STATE, "stopped");
        } else if (result == CURLE_OK && is_usable(answer->status)) {
            http->url = url;
            rc = ERR_OK;
        } else {
            refusals += result == CURLE_OK && is_refusal(answer->status);
            note_trouble(http, answer, result, &trouble);
            answer->cause += cause_of(answer, result, http->is_too_large);
        }
    }
    if (rc == ERR_NET) {
        rc = refusals > 0 ? ERR_CONFIG : ERR_NET;
        FAIL(err, rc, "no usable answer from the schema registry: %s", buf_text(&trouble));
        if (err != NULL) {
            err->retryable = true;
        }
    }
    buf_fini(&trouble);
    return rc;
}
