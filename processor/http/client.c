/*
 * Happy path: http_post() sets up a transfer (transfer.h) and adds its easy handle to the
 * multi; http_turn() drives it; the header callback reads the head (head.h), the body callback
 * fills the reply up to its cap; curl says DONE; the reply goes to the caller; the transfer goes
 * back to the spare list, its connection to curl's pool.
 *
 * It can fail, in order: no socket allowed (private address), none to be had (ours, as are
 * certificate files that cannot be read: local_error.h), connect, TLS, write, no first byte in
 * time (our own check, curl has none), a head whose framing proves nothing, answer too large
 * (the callbacks refuse), answer cut, total time over. Each becomes one reply with status 0, or,
 * when only the body was too large, the status and what of it fits.
 */
#include "http/client.h"

#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/transfer.h"

enum {
    CONNECTIONS_KEPT = 256,
    DOUBT_US = 5 * 1000 * 1000, /* longer than the waits between a few attempts */
    SPARE_MAX = 128,
    FDS_MAX = 8,
    WAIT_MS = 1000,
};

struct http_client {
    CURLM *multi;
    struct http_transfer *active;
    struct http_transfer *spare;
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

void http_client_free(struct http_client *client)
{
    if (client == NULL) {
        return;
    }
    while (client->active != NULL) {
        struct http_transfer *transfer = client->active;

        client->active = transfer->next;
        (void)curl_multi_remove_handle(client->multi, transfer->easy);
        http_transfer_free(transfer);
    }
    while (client->spare != NULL) {
        struct http_transfer *transfer = client->spare;

        client->spare = transfer->next;
        http_transfer_free(transfer);
    }
    (void)curl_multi_cleanup(client->multi);
    free(client);
}

size_t http_in_flight(const struct http_client *client)
{
    return client->active_count;
}

static struct http_transfer *take_spare(struct http_client *client)
{
    struct http_transfer *transfer = client->spare;

    if (transfer == NULL) {
        return http_transfer_new();
    }
    client->spare = transfer->next;
    client->spare_count--;
    return transfer;
}

static void release(struct http_client *client, struct http_transfer *transfer)
{
    http_transfer_rest(transfer);
    if (client->spare_count >= SPARE_MAX) {
        http_transfer_free(transfer);
        return;
    }
    transfer->next = client->spare;
    client->spare = transfer;
    client->spare_count++;
}

static bool is_doubted(const struct http_client *client, const struct http_target *target)
{
    return target == client->doubted && clock_mono_us() < client->doubted_until_us;
}

enum err_code http_post(struct http_client *client, const struct http_request *request,
                        struct err *err)
{
    struct http_transfer *transfer = take_spare(client);
    enum err_code rc;

    PRE(request->target != NULL && request->done != NULL);
    if (transfer == NULL) {
        return FAIL(err, ERR_LIMIT, "libcurl gives no handle");
    }
    rc = http_transfer_set(transfer, request, is_doubted(client, request->target), err);
    if (rc == ERR_OK && curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK) {
        rc = FAIL(err, ERR_LIMIT, "libcurl takes no further request");
    }
    if (rc != ERR_OK) {
        release(client, transfer);
        return rc;
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

static void unlink_active(struct http_client *client, struct http_transfer *transfer)
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

static void finish(struct http_client *client, struct http_transfer *transfer, CURLcode result,
                   bool is_first_byte_late)
{
    struct http_reply reply;

    http_transfer_reply(transfer, result, is_first_byte_late, &reply);
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
    struct http_transfer *next;

    for (struct http_transfer *transfer = client->active; transfer != NULL; transfer = next) {
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
        struct http_transfer *transfer = NULL;

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
