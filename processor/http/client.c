/*
 * Happy path: http_post() adds an easy handle to the multi; http_turn() drives it;
 * the header callback reads the head (head.h), the body callback fills the reply up to
 * its cap; curl says DONE; the reply goes to the caller; the easy handle goes back to
 * the spare list, its connection to curl's pool.
 *
 * It can fail, in order: no socket allowed (private address), none to be had (ours, as are
 * certificate files that cannot be read: local_error.h), connect, TLS, write, no first byte in
 * time (our own check, curl has none), a head whose framing proves nothing, answer too large
 * (the callbacks refuse), answer cut, total time over. Each becomes one reply with status 0, or,
 * when only the body was too large, the status and what of it fits.
 */
#include "http/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/head.h"
#include "http/local_error.h"

enum {
    BODY_BYTES_KEPT = 256 * 1024,     /* of a spare handle's memory */
    UPLOAD_BUFFER_BYTES = 512 * 1024, /* -15..-20 % CPU against the default */
    CONNECTIONS_KEPT = 256,
    CONNECTION_AGE_S =
        45, /* below the usual keep-alive of servers: few requests meet a closing one */
    DOUBT_US = 5 * 1000 * 1000, /* longer than the waits between a few attempts */
    AUTHORITIES_KEPT_S = 60,
    SPARE_MAX = 128,
    FDS_MAX = 8,
    WAIT_MS = 1000,
};

struct transfer {
    struct http_client *client;
    struct transfer *next, *previous; /* active list, or next in the spare list */
    CURL *easy;                       /* owned */
    const char *system_ca;            /* libcurl's own defaults, lent by it */
    const char *system_ca_directory;
    struct curl_slist *headers; /* owned */
    const struct http_target *target;
    http_reply_fn *done;
    void *context;
    struct buf body;    /* of the answer */
    struct head head;   /* of the answer */
    size_t sends_bytes; /* of the request's body */
    uint64_t started_us;
    bool is_oversized;
    bool is_refused;  /* the address policy said no */
    bool is_broken;   /* its kept connection ended after it was sent, before an answer */
    int socket_errno; /* of the last socket that could not be had */
};

struct http_client {
    CURLM *multi;
    struct transfer *active;
    struct transfer *spare;
    size_t active_count, spare_count;
    /* A kept connection to this target has just ended under a request: others in the pool may have
     * ended as well, so until then each request takes a new one. */
    const struct http_target *doubted; /* compared, never followed */
    uint64_t doubted_until_us;
};

static pthread_once_t curl_started = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum err_code http_client_new(struct http_client **out, struct err *err)
{
    struct http_client *client;

    (void)pthread_once(&curl_started, start_curl);
    client = mem_new(struct http_client);
    client->multi = curl_multi_init();
    if (client->multi == NULL) {
        free(client);
        return FAIL(err, ERR_LIMIT, "libcurl gives no multi handle");
    }
    (void)curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    (void)curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    *out = client;
    return ERR_OK;
}

static void free_request(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    buf_fini(&transfer->body);
    head_fini(&transfer->head);
    free(transfer);
}

void http_client_free(struct http_client *client)
{
    if (client == NULL) {
        return;
    }
    while (client->active != NULL) {
        struct transfer *transfer = client->active;

        client->active = transfer->next;
        (void)curl_multi_remove_handle(client->multi, transfer->easy);
        free_request(transfer);
    }
    while (client->spare != NULL) {
        struct transfer *transfer = client->spare;

        client->spare = transfer->next;
        free_request(transfer);
    }
    (void)curl_multi_cleanup(client->multi);
    free(client);
}

size_t http_in_flight(const struct http_client *client)
{
    return client->active_count;
}

/* What fits of a body that is too large is kept: its beginning may say enough. */
static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t len = size * count;
    size_t room = transfer->body.max - transfer->body.len;

    buf_add(&transfer->body, bytes, MIN_OF(len, room));
    transfer->is_oversized |= len > room;
    return transfer->is_oversized ? 0 : len;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t len = size * count;

    return head_take(&transfer->head, (struct span){bytes, len}) ? len : 0;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = context;
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
    struct transfer *transfer = context;
    long sent = 0;

    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    transfer->is_broken = sent > 0;
    return transfer->is_broken ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

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

static struct transfer *take_spare(struct http_client *client)
{
    struct transfer *transfer = client->spare;

    if (transfer != NULL) {
        client->spare = transfer->next;
        client->spare_count--;
        return transfer;
    }
    transfer = mem_new(struct transfer);
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL) {
        free(transfer);
        return NULL;
    }
    transfer->client = client;
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

static void release(struct http_client *client, struct transfer *transfer)
{
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    if (client->spare_count >= SPARE_MAX) {
        free_request(transfer);
        return;
    }
    if (transfer->body.cap > BODY_BYTES_KEPT) {
        buf_fini(&transfer->body);
    }
    transfer->next = client->spare;
    client->spare = transfer;
    client->spare_count++;
}

static bool set_headers(struct transfer *transfer, const char *const *headers, size_t count)
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

static void set_target(struct transfer *transfer, const struct http_target *target,
                       struct span body)
{
    CURL *easy = transfer->easy;

    transfer->target = target;
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
    (void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT,
                           (long)(target == transfer->client->doubted &&
                                  transfer->started_us < transfer->client->doubted_until_us));
}

enum err_code http_post(struct http_client *client, const struct http_request *request,
                        struct err *err)
{
    const struct http_target *target = request->target;
    struct transfer *transfer = take_spare(client);

    if (transfer == NULL) {
        return FAIL(err, ERR_LIMIT, "libcurl gives no handle");
    }
    buf_clear(&transfer->body);
    transfer->body.max =
        target->answer_bytes > 0 ? target->answer_bytes : (size_t)HTTP_ANSWER_BYTES;
    head_begin(&transfer->head, target->keeps_headers);
    transfer->sends_bytes = request->body.len;
    transfer->is_oversized = false;
    transfer->is_refused = false;
    transfer->is_broken = false;
    transfer->socket_errno = 0;
    transfer->done = request->done;
    transfer->context = request->context;
    transfer->started_us = clock_mono_us();
    if (!set_headers(transfer, request->headers, request->header_count)) {
        release(client, transfer);
        return FAIL(err, ERR_LIMIT, "no memory for request headers");
    }
    set_target(transfer, target, request->body);
    if (curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK) {
        release(client, transfer);
        return FAIL(err, ERR_LIMIT, "libcurl takes no further request");
    }
    transfer->previous = NULL;
    transfer->next = client->active;
    if (client->active != NULL) {
        client->active->previous = transfer;
    }
    client->active = transfer;
    client->active_count++;
    return ERR_OK;
}

static void unlink_active(struct http_client *client, struct transfer *transfer)
{
    if (transfer->previous != NULL) {
        transfer->previous->next = transfer->next;
    } else {
        client->active = transfer->next;
    }
    if (transfer->next != NULL) {
        transfer->next->previous = transfer->previous;
    }
    client->active_count--;
}

static void name_failure(const struct transfer *transfer, CURLcode result, struct http_reply *reply)
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

/* Yes before the whole question was heard, an answer whose end nobody can be sure of: why it proves
 * nothing, or NULL. A refusal may come early. */
static const char *doubt(const struct transfer *transfer, CURLcode result)
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

static void read_result(struct transfer *transfer, CURLcode result, bool is_first_byte_late,
                        struct http_reply *reply)
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

static void finish(struct http_client *client, struct transfer *transfer, CURLcode result,
                   bool is_first_byte_late)
{
    struct http_reply reply = {.has_retry_after = transfer->head.has_retry_after,
                               .retry_after_ms = transfer->head.retry_after_ms,
                               .is_oversized = transfer->is_oversized,
                               .duration_us = clock_mono_us() - transfer->started_us};
    long sent = 0;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
    memcpy(reply.request_id, transfer->head.request_id, sizeof(reply.request_id));
    reply.headers = buf_span(&transfer->head.lines);
    reply.is_sent = sent > 0;
    reply.is_timeout = is_first_byte_late || result == CURLE_OPERATION_TIMEDOUT;
    read_result(transfer, result, is_first_byte_late, &reply);
    if (transfer->is_broken) {
        client->doubted = transfer->target;
        client->doubted_until_us = clock_mono_us() + DOUBT_US;
    }
    (void)curl_multi_remove_handle(client->multi, transfer->easy);
    unlink_active(client, transfer);
    transfer->done(transfer->context, &reply);
    release(client, transfer);
}

/* curl knows no first-byte timeout; every active request is looked at once a turn. */
static void check_first_bytes(struct http_client *client)
{
    uint64_t now_us = clock_mono_us();
    struct transfer *next;

    for (struct transfer *transfer = client->active; transfer != NULL; transfer = next) {
        uint64_t limit_us = transfer->target->first_byte_ms * 1000;
        curl_off_t connected_us = 0;

        next = transfer->next;
        if (transfer->head.bytes > 0 || now_us - transfer->started_us < limit_us) {
            continue;
        }
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
        if (connected_us > 0 &&
            now_us - transfer->started_us >= limit_us + (uint64_t)connected_us) {
            finish(client, transfer, CURLE_OPERATION_TIMEDOUT, true);
        }
    }
}

void http_turn(struct http_client *client)
{
    int running = 0;
    int waiting = 0;
    CURLMsg *message;

    if (client->active_count == 0) {
        return;
    }
    (void)curl_multi_perform(client->multi, &running);
    while ((message = curl_multi_info_read(client->multi, &waiting)) != NULL) {
        struct transfer *transfer = NULL;

        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        INVARIANT(transfer != NULL);
        finish(client, transfer, message->data.result, false);
    }
    check_first_bytes(client);
}

void http_wait(struct http_client *client, const int *fds, size_t fd_count, uint64_t timeout_ms)
{
    struct curl_waitfd wait[FDS_MAX];
    int ready = 0;

    PRE(fd_count <= FDS_MAX);
    for (size_t i = 0; i < fd_count; i++) {
        wait[i] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
    }
    (void)curl_multi_poll(client->multi, wait, (unsigned)fd_count,
                          (int)MIN_OF(timeout_ms, (uint64_t)60000), &ready);
}

bool http_finish(struct http_client *client, int stop_fd)
{
    struct pollfd stop = {.fd = stop_fd, .events = POLLIN}; /* poll() skips a negative one */

    while (http_in_flight(client) > 0 && poll(&stop, 1, 0) != 1) {
        http_wait(client, &stop_fd, stop_fd >= 0 ? 1 : 0, WAIT_MS);
        http_turn(client);
    }
    return http_in_flight(client) == 0;
}
