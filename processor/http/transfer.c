#include "http/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/local_error.h"

enum {
    BODY_BYTES_KEPT = 256 * 1024,     /* of a spare handle's memory */
    UPLOAD_BUFFER_BYTES = 512 * 1024, /* -15..-20 % CPU against the default */
    CONNECTION_AGE_S =
        45, /* below the usual keep-alive of servers: few requests meet a closing one */
    AUTHORITIES_KEPT_S = 60,
};

/* called by libcurl */

/* What fits of a body that is too large is kept: its beginning may say enough. */
static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    size_t len = size * count;
    size_t room = transfer->body.max - transfer->body.len;

    buf_add(&transfer->body, bytes, MIN_OF(len, room));
    transfer->is_oversized |= len > room;
    return transfer->is_oversized ? 0 : len;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    size_t len = size * count;

    return head_take(&transfer->head, (struct span){bytes, len}) ? len : 0;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_transfer *transfer = context;
    int fd;

    (void)purpose;
    if (!transfer->target->is_private_allowed &&
        address_is_private(&address->addr, address->addrlen)) {
        transfer->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    transfer->socket_errno = fd < 0 ? errno : 0;
    return fd;
}

/*
 * libcurl calls this before it writes a request to a connection. Where a kept connection ends
 * without an answer, libcurl sends the request again by itself, on the next kept connection and
 * so up to five times: the caller counts one attempt, the destination gets six, and a destination
 * that fails is asked once more for each connection in the pool. A request of which a byte was
 * written is therefore not written again; the caller decides about a retry.
 */
static int may_write(void *context, char *remote_ip, char *local_ip, int remote_port,
                     int local_port)
{
    struct http_transfer *transfer = context;
    long sent = 0;

    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    transfer->is_broken = sent > 0;
    return transfer->is_broken ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* setting up */

/*
 * getaddrinfo() cannot be called off. Left to itself libcurl waits for its thread to come back when
 * a request ends before its look-up does, inside curl_multi_perform() and so for the whole worker:
 * of a look-up of 12 s and a connect time-out of 2 s the loop stood still for 10 s (7.88.1), and
 * for 0 ms with this. The thread ends by itself when the look-up does; until then each time-out
 * leaves one behind, as many as connections are tried while a resolver hangs (30 s as a rule).
 * libcurl before 7.87 does not have it, and waits.
 */
static void leave_slow_lookups(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075700
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#else
    (void)easy;
#endif
}

/* A file that was replaced counts within a minute; libcurl, which keeps what it read of a file
 * since 7.87, means a day. */
static void look_at_authorities_again(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075700
    (void)curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)AUTHORITIES_KEPT_S);
#else
    (void)easy;
#endif
}

static void set_policy(CURL *easy)
{
    leave_slow_lookups(easy);
    look_at_authorities_again(easy);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
    (void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)CONNECTION_AGE_S);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, may_write);
}

struct http_transfer *http_transfer_new(void)
{
    struct http_transfer *transfer = mem_new(struct http_transfer);

    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL) {
        free(transfer);
        return NULL;
    }
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_CAINFO, &transfer->system_ca);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_CAPATH, &transfer->system_ca_directory);
    buf_init(&transfer->body, HTTP_ANSWER_BYTES);
    head_init(&transfer->head);
    set_policy(transfer->easy);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_HEADERDATA, transfer);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETDATA, transfer);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_PREREQDATA, transfer);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    return transfer;
}

void http_transfer_free(struct http_transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    buf_fini(&transfer->body);
    head_fini(&transfer->head);
    free(transfer);
}

void http_transfer_rest(struct http_transfer *transfer)
{
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    if (transfer->body.cap > BODY_BYTES_KEPT) {
        buf_fini(&transfer->body);
    }
}

static bool set_headers(struct http_transfer *transfer, const char *const *headers, size_t count)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");

    for (size_t i = 0; list != NULL && i < count; i++) {
        struct curl_slist *longer = curl_slist_append(list, headers[i]);

        if (longer == NULL) {
            curl_slist_free_all(list);
        }
        list = longer;
    }
    transfer->headers = list;
    return list != NULL;
}

static void set_target(struct http_transfer *transfer, struct span body, bool is_fresh)
{
    const struct http_target *target = transfer->target;
    CURL *easy = transfer->easy;

    (void)curl_easy_setopt(easy, CURLOPT_URL, target->url);
    (void)curl_easy_setopt(easy, CURLOPT_CAINFO,
                           target->ca_file != NULL ? target->ca_file : transfer->system_ca);
    /* A file of its own is trusted instead of the system, whose directory would be looked at too.
     */
    (void)curl_easy_setopt(easy, CURLOPT_CAPATH,
                           target->ca_file != NULL ? NULL : transfer->system_ca_directory);
    (void)curl_easy_setopt(easy, CURLOPT_SSLCERT, target->certificate);
    (void)curl_easy_setopt(easy, CURLOPT_SSLKEY, target->key);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)target->connect_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)target->total_ms);
    (void)curl_easy_setopt(easy, CURLOPT_USERNAME, target->username);
    (void)curl_easy_setopt(easy, CURLOPT_PASSWORD, target->password);
    (void)curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, (long)target->is_path_as_is);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.ptr); /* makes it a POST */
    (void)curl_easy_setopt(easy, body.ptr == NULL ? CURLOPT_HTTPGET : CURLOPT_POST, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, target->method);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    (void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)is_fresh);
}

enum err_code http_transfer_set(struct http_transfer *transfer, const struct http_request *request,
                                bool is_fresh, struct err *err)
{
    const struct http_target *target = request->target;

    PRE(transfer->headers == NULL);
    buf_clear(&transfer->body);
    transfer->body.max =
        target->answer_bytes > 0 ? target->answer_bytes : (size_t)HTTP_ANSWER_BYTES;
    head_begin(&transfer->head, target->keeps_headers);
    transfer->target = target;
    transfer->sends_bytes = request->body.len;
    transfer->is_oversized = false;
    transfer->is_refused = false;
    transfer->is_broken = false;
    transfer->socket_errno = 0;
    transfer->done = request->done;
    transfer->context = request->context;
    transfer->started_us = clock_mono_us();
    if (!set_headers(transfer, request->headers, request->header_count)) {
        return FAIL(err, ERR_LIMIT, "no memory for request headers");
    }
    set_target(transfer, request->body, is_fresh);
    return ERR_OK;
}

/* what came of it */

static void name_failure(const struct http_transfer *transfer, CURLcode result,
                         struct http_reply *reply)
{
    const struct local_error_signs signs = {result, transfer->socket_errno, reply->is_sent,
                                            transfer->system_ca};

    if (transfer->is_refused) {
        (void)snprintf(reply->error, sizeof(reply->error), "%s",
                       "the address is private and allow_private is not set");
        return;
    }
    if (transfer->is_broken) {
        (void)snprintf(reply->error, sizeof(reply->error), "%s",
                       "the connection ended before an answer");
        return;
    }
    reply->is_local =
        local_error_find(&signs, transfer->target, reply->error, sizeof(reply->error));
    if (!reply->is_local) {
        (void)snprintf(reply->error, sizeof(reply->error), "%s", curl_easy_strerror(result));
    }
}

/* A positive answer before the whole request was sent, or an answer whose end is not certain,
 * proves nothing: the reason, or NULL. A refusal may come early. */
static const char *doubt(const struct http_transfer *transfer, CURLcode result)
{
    curl_off_t sent_bytes = 0;

    if (transfer->head.fault != NULL || result != CURLE_OK) {
        return transfer->head.fault;
    }
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &sent_bytes);
    if (transfer->head.status < 300 && (uint64_t)sent_bytes < transfer->sends_bytes) {
        return "the answer came before the whole request was sent";
    }
    return head_doubt(&transfer->head);
}

static void read_answer(const struct http_transfer *transfer, CURLcode result,
                        bool is_first_byte_late, struct http_reply *reply)
{
    const char *why = doubt(transfer, result);

    if (is_first_byte_late) {
        (void)snprintf(reply->error, sizeof(reply->error), "no first byte of an answer in time");
    } else if (why != NULL) {
        (void)snprintf(reply->error, sizeof(reply->error), "%s", why);
    } else if (transfer->is_oversized) {
        reply->status = transfer->head.status;
        reply->body = buf_span(&transfer->body);
        (void)snprintf(reply->error, sizeof(reply->error), "the answer is over %zu bytes",
                       transfer->body.max);
    } else if (transfer->head.is_oversized) {
        (void)snprintf(reply->error, sizeof(reply->error), "the answer's head is over %d bytes",
                       HEAD_BYTES_MAX);
    } else if (result == CURLE_OK) {
        reply->status = transfer->head.status;
        reply->body = buf_span(&transfer->body);
    } else {
        name_failure(transfer, result, reply);
    }
}

void http_transfer_reply(const struct http_transfer *transfer, CURLcode result,
                         bool is_first_byte_late, struct http_reply *reply)
{
    long sent = 0;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    *reply = (struct http_reply){
        .has_retry_after = transfer->head.has_retry_after,
        .retry_after_ms = transfer->head.retry_after_ms,
        .is_oversized = transfer->is_oversized,
        .duration_us = clock_mono_us() - transfer->started_us,
        .headers = buf_span(&transfer->head.lines),
        .is_sent = sent > 0,
        .is_timeout = is_first_byte_late || result == CURLE_OPERATION_TIMEDOUT,
    };
    memcpy(reply->request_id, transfer->head.request_id, sizeof(reply->request_id));
    read_answer(transfer, result, is_first_byte_late, reply);
}
