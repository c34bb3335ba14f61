/* The HTTP client against a small server of our own: answers, limits, refusals, what we lack
 * ourselves; Retry-After. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "certificate.h"
#include "http/client.h"
#include "http/local_error.h"

/* server: one connection at a time, answers what the request line's path asks for */

static int listener;
static uint16_t port;
static pthread_t thread;

static void send_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);

        if (sent <= 0) {
            return;
        }
        text += sent;
        len -= (size_t)sent;
    }
}

static void send_filled(int fd, const char *head, size_t bytes)
{
    char block[4096];

    memset(block, 'x', sizeof(block));
    send_all(fd, head, strlen(head));
    for (; bytes > 0; bytes -= MIN_OF(bytes, sizeof(block))) {
        send_all(fd, block, MIN_OF(bytes, sizeof(block)));
    }
}

/* Answers byte for byte, whose framing may be read in two ways; POST /raw/N gets number N. */
static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    int want_status;
    const char *want_body;
} raw_cases[] = {
#define RAW(name, text, status, body)                                                              \
    {                                                                                              \
        name, text, sizeof(text) - 1, status, body                                                 \
    }
#define YES "{\"code\":0}"
#define HEAD "HTTP/1.1 200 OK\r\n"
    RAW("a plain answer", HEAD "Content-Length: 10\r\n\r\n" YES, 200, YES),
    RAW("the same length twice", HEAD "Content-Length: 10\r\ncontent-length: 10\r\n\r\n" YES, 200,
        YES),
    RAW("the same length twice in a line", HEAD "Content-Length: 10, 10\r\n\r\n" YES, 200, YES),
    RAW("two lengths, the shorter last",
        HEAD "Content-Length: 118\r\nContent-Length: 10\r\n\r\n" YES, 0, ""),
    RAW("two lengths, the shorter first",
        HEAD "Content-Length: 10\r\nContent-Length: 118\r\n\r\n" YES, 0, ""),
    RAW("two lengths in a line", HEAD "Content-Length: 10, 118\r\n\r\n" YES, 0, ""),
    RAW("two lengths of a 503",
        "HTTP/1.1 503 No\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n" YES, 0, ""),
    RAW("a length of 2^63", HEAD "Content-Length: 9223372036854775808\r\n\r\n" YES, 0, ""),
    RAW("a length of 2^64 + 10", HEAD "Content-Length: 18446744073709551626\r\n\r\n" YES, 0, ""),
    RAW("a length of 2^63 - 1", HEAD "Content-Length: 9223372036854775807\r\n\r\n" YES, 0, ""),
    RAW("a negative length", HEAD "Content-Length: -10\r\n\r\n" YES, 0, ""),
    RAW("a length with a sign", HEAD "Content-Length: +10\r\n\r\n" YES, 0, ""),
    RAW("a length in hexadecimal", HEAD "Content-Length: 0xa\r\n\r\n" YES, 0, ""),
    RAW("a length and something", HEAD "Content-Length: 10 or so\r\n\r\n" YES, 0, ""),
    RAW("an empty length", HEAD "Content-Length:\r\n\r\n" YES, 0, ""),
    RAW("a length with a blank before the colon", HEAD "Content-Length : 10\r\n\r\n" YES, 0, ""),
    RAW("a folded length", HEAD "Content-Length: 10\r\n 8\r\n\r\n" YES, 0, ""),
    RAW("another line folded", HEAD "X-A: b\r\n c: d\r\nContent-Length: 10\r\n\r\n" YES, 200, YES),
    RAW("an answer until the end", HEAD "\r\n" YES, 200, YES),
    RAW("cut, and yet a whole object", HEAD "Content-Length: 12\r\n\r\n" YES, 0, ""),
    RAW("chunks", HEAD "Transfer-Encoding: Chunked\r\n\r\na\r\n" YES "\r\n0\r\n\r\n", 200, YES),
    RAW("chunks without the last", HEAD "Transfer-Encoding: chunked\r\n\r\na\r\n" YES "\r\n", 0,
        ""),
    RAW("chunks that are none", HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n" YES "\r\n", 0, ""),
    RAW("chunks beside a length",
        HEAD "Content-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\na\r\n" YES "\r\n0\r\n\r\n", 0,
        ""),
    RAW("chunks twice",
        HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\na\r\n" YES
             "\r\n0\r\n\r\n",
        0, ""),
    RAW("chunks of an older version",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n" YES "\r\n0\r\n\r\n", 0, ""),
    RAW("another encoding",
        HEAD "Transfer-Encoding: gzip, chunked\r\n\r\na\r\n" YES "\r\n0\r\n\r\n", 0, ""),
    RAW("an encoding nobody knows", HEAD "Transfer-Encoding: xchunked\r\n\r\n" YES, 0, ""),
    RAW("no head at all", YES, 0, ""),
    RAW("a status line that is none", "HTTP/1.1 2000 OK\r\nContent-Length: 10\r\n\r\n" YES, 0, ""),
    RAW("a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 10\r\n\r\n" YES, 0, ""),
    RAW("an older version", "HTTP/1.0 200 OK\r\n\r\n" YES, 200, YES),
    RAW("another version", "HTTP/2 200 OK\r\nContent-Length: 10\r\n\r\n" YES, 0, ""),
    RAW("NUL in the head", HEAD "X-A: b\0c\r\nContent-Length: 10\r\n\r\n" YES, 0, ""),
    RAW("NUL in a length",
        HEAD "Content-Length: 10\0"
             "8\r\n\r\n" YES,
        0, ""),
    RAW("a bare CR in the head",
        HEAD "X-A: b\rContent-Length: 118\r\nContent-Length: 10\r\n\r\n" YES, 0, ""),
    RAW("an interim answer before",
        "HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\n" HEAD "Content-Length: 10\r\n\r\n" YES,
        200, YES),
    RAW("interim answers only", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n", 0,
        ""),
    RAW("another protocol, unasked", "HTTP/1.1 101 Switching Protocols\r\n\r\n" YES, 0, ""),
    RAW("a status of its own", "HTTP/1.1 299 Fine\r\nContent-Length: 10\r\n\r\n" YES, 299, YES),
#undef RAW
};

static void answer_raw(int fd, const char *number)
{
    size_t i = (size_t)strtoul(number, NULL, 10);

    if (i < COUNT_OF(raw_cases)) {
        send_all(fd, raw_cases[i].bytes, raw_cases[i].len);
    }
}

static _Atomic int kept_requests;

/* The first request on a connection is answered, the second is read and the connection reset. */
static void answer_then_reset(int fd)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    struct linger at_once = {.l_onoff = 1};
    char request[8192];

    kept_requests++;
    send_all(fd, ok, sizeof(ok) - 1);
    if (recv(fd, request, sizeof(request), 0) > 0) {
        kept_requests++;
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
}

static void answer(int fd, const char *request)
{
    static const char interim[] = "HTTP/1.1 102 Processing\r\nRetry-After: 9\r\n\r\n";
    static const char trailed[] = HEAD "Transfer-Encoding: chunked\r\nTrailer: Retry-After\r\n\r\n"
                                       "a\r\n" YES "\r\n0\r\nRetry-After: 7\r\n"
                                       "X-Request-Id: late\r\nX-State: late\r\n\r\n";
    static const char ok[] =
        "HTTP/1.1 200 OK\r\nX-Tt-Logid: 2026 abc\r\nContent-Length: 2\r\n\r\n{}";
    static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 118\r\n\r\n{\"code\":0,\"mess";
    static const char throttled[] =
        "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
    static const char moved[] =
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/ok\r\nContent-Length: 0\r\n\r\n";

    static const char hinted[] = "HTTP/1.1 103 Early Hints\r\nX-State: early\r\n\r\n"
                                 "HTTP/1.1 200 OK\r\nX-State:  late \r\nx-state: again\r\n"
                                 "Content-Length: 5\r\n\r\nPATCH";

    if (strncmp(request, "PATCH /hinted", 13) == 0) {
        send_all(fd, hinted, sizeof(hinted) - 1);
    } else if (strncmp(request, "GET /a/../b ", 12) == 0 && strstr(request, "Content-") == NULL &&
               strstr(request, "Authorization: Basic dTpw\r\n") != NULL) { /* u:p */
        send_all(fd, ok, sizeof(ok) - 1);
    } else if (strncmp(request, "POST /ok", 8) == 0 && strstr(request, "Authorization") == NULL) {
        send_all(fd, ok, sizeof(ok) - 1);
    } else if (strncmp(request, "POST /kept", 10) == 0) {
        answer_then_reset(fd);
    } else if (strncmp(request, "POST /cut", 9) == 0) {
        send_all(fd, cut, sizeof(cut) - 1);
    } else if (strncmp(request, "POST /throttled", 15) == 0) {
        send_all(fd, throttled, sizeof(throttled) - 1);
    } else if (strncmp(request, "POST /moved", 11) == 0) {
        send_all(fd, moved, sizeof(moved) - 1);
    } else if (strncmp(request, "POST /huge", 10) == 0) {
        send_filled(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", 1000000);
    } else if (strncmp(request, "POST /headers", 13) == 0) {
        send_filled(fd, "HTTP/1.1 200 OK\r\nX-Long: ", 90000);
        send_all(fd, "\r\n\r\n", 4);
    } else if (strncmp(request, "POST /raw/", 10) == 0) {
        answer_raw(fd, request + 10);
    } else if (strncmp(request, "POST /interim", 13) == 0) {
        for (int i = 0; i < 2000; i++) {
            send_all(fd, interim, sizeof(interim) - 1);
        }
        send_all(fd, ok, sizeof(ok) - 1);
    } else if (strncmp(request, "POST /trailed", 13) == 0) {
        send_all(fd, interim, sizeof(interim) - 1);
        send_all(fd, trailed, sizeof(trailed) - 1);
    } else if (strncmp(request, "POST /eager", 11) == 0) { /* not all of it was read */
        send_all(fd, raw_cases[0].bytes, raw_cases[0].len);
    } else if (strncmp(request, "POST /endless-header", 20) == 0) {
        send_filled(fd, "HTTP/1.1 200 OK\r\nX-Long: ", 1000000);
    } else if (strncmp(request, "POST /hang", 10) == 0) {
        char byte;

        while (recv(fd, &byte, 1, 0) > 0) { /* until the client gives up */
        }
    }
}

static void *serve(void *ignored)
{
    (void)ignored;
    for (;;) {
        char request[8192];
        int fd = accept(listener, NULL, NULL);
        ssize_t len;

        if (fd < 0) {
            return NULL;
        }
        len = recv(fd, request, sizeof(request) - 1, 0);
        if (len > 0) {
            request[len] = '\0';
            answer(fd, request);
        }
        close(fd);
    }
}

static int start_server(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t bytes = sizeof(address);

    (void)state;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &bytes) != 0) {
        return -1;
    }
    port = ntohs(address.sin_port);
    return pthread_create(&thread, NULL, serve, NULL);
}

static int stop_server(void **state)
{
    (void)state;
    (void)shutdown(listener, SHUT_RDWR);
    (void)close(listener);
    return pthread_join(thread, NULL);
}

struct seen {
    bool is_done;
    struct http_reply reply;
    char body[64];
    char headers[256];
};

static void keep(void *context, const struct http_reply *reply)
{
    struct seen *seen = context;

    seen->is_done = true;
    seen->reply = *reply;
    (void)snprintf(seen->body, sizeof(seen->body), "%.*s", (int)MIN_OF(reply->body.len, 60u),
                   reply->body.ptr == NULL ? "" : reply->body.ptr);
    (void)snprintf(seen->headers, sizeof(seen->headers), SPAN_FMT, SPAN_ARG(reply->headers));
}

static enum err_code send_request(struct http_client *client, const struct http_target *target,
                                  const char *const *headers, size_t header_count, struct span body,
                                  struct seen *seen)
{
    const struct http_request request = {target, headers, header_count, body, keep, seen};

    return http_post(client, &request, NULL);
}

static void post_with(struct http_client *client, const struct http_target *target,
                      struct seen *seen)
{
    const char *headers[] = {"Content-Type: application/json"};

    *seen = (struct seen){0};
    assert_int_equal(send_request(client, target, headers, 1, SPAN("{\"data\":[]}"), seen), ERR_OK);
    for (int i = 0; i < 1000 && !seen->is_done; i++) {
        http_wait(client, NULL, 0, 10);
        http_turn(client);
    }
    assert_true(seen->is_done);
    assert_int_equal(http_in_flight(client), 0);
}

static struct http_target target_of(char url[128], const char *path, uint16_t to_port)
{
    (void)snprintf(url, 128, "http://127.0.0.1:%u%s", to_port, path);
    return (struct http_target){.url = url,
                                .is_private_allowed = true,
                                .connect_ms = 2000,
                                .first_byte_ms = 300,
                                .total_ms = 5000};
}

static struct seen post(const char *path, bool is_private_allowed, uint16_t to_port)
{
    struct http_client *client = NULL;
    struct seen seen;
    char url[128];
    struct http_target target = target_of(url, path, to_port);

    target.is_private_allowed = is_private_allowed;
    assert_int_equal(http_client_new(&client, NULL), ERR_OK);
    post_with(client, &target, &seen);
    http_client_free(client);
    return seen;
}

static const struct {
    const char *name;
    const char *path;
    int want_status;
    bool want_sent, want_timeout, want_oversized, want_retry_after;
    const char *want_body;
} reply_cases[] = {
    {"a good answer", "/ok", 200, true, false, false, false, "{}"},
    {"an answer cut in the middle is no answer", "/cut", 0, true, false, false, false, ""},
    {"Retry-After is read", "/throttled", 429, true, false, false, true, ""},
    {"redirects are not followed", "/moved", 302, true, false, false, false, ""},
    {"of a body past the cap the beginning is kept", "/huge", 200, true, false, true, false,
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
    {"a head past the cap is no answer: its end may say another length", "/headers", 0, true, false,
     false, false, ""},
    {"interim answers without end are none", "/interim", 0, true, false, false, true, ""},
    {"what interim answers and trailers say is not the answer's", "/trailed", 200, true, false,
     false, false, YES},
    {"no first byte in time", "/hang", 0, true, true, false, false, ""},
};

static void replies_say_what_happened(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(reply_cases); i++) {
        struct seen seen = post(reply_cases[i].path, true, port);

        if (seen.reply.status != reply_cases[i].want_status ||
            seen.reply.is_sent != reply_cases[i].want_sent ||
            seen.reply.is_timeout != reply_cases[i].want_timeout ||
            seen.reply.is_oversized != reply_cases[i].want_oversized ||
            seen.reply.has_retry_after != reply_cases[i].want_retry_after ||
            strcmp(seen.body, reply_cases[i].want_body) != 0) {
            fail_msg("%s: status %d sent %d timeout %d oversized %d retry-after %d body '%s' %s",
                     reply_cases[i].name, seen.reply.status, seen.reply.is_sent,
                     seen.reply.is_timeout, seen.reply.is_oversized, seen.reply.has_retry_after,
                     seen.body, seen.reply.error);
        }
    }
}

static void an_answer_that_can_be_read_in_two_ways_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(raw_cases); i++) {
        char path[32];
        struct seen seen;

        (void)snprintf(path, sizeof(path), "/raw/%zu", i);
        seen = post(path, true, port);
        if (seen.reply.status != raw_cases[i].want_status ||
            strcmp(seen.body, raw_cases[i].want_body) != 0 ||
            (seen.reply.status == 0 && (seen.reply.error[0] == '\0' || seen.reply.is_local))) {
            fail_msg("%s: status %d body '%s' error '%s'", raw_cases[i].name, seen.reply.status,
                     seen.body, seen.reply.error);
        }
    }
}

/* 4 MB do not fit into the sockets' buffers: yes was said before the question was heard. */
static void yes_before_the_question_was_sent_is_none(void **state)
{
    static char body[4 * 1024 * 1024];
    const char *headers[] = {"Content-Type: application/json"};
    struct http_client *client = NULL;
    struct seen seen = {0};
    char url[128];
    struct http_target target = target_of(url, "/eager", port);

    (void)state;
    memset(body, 'x', sizeof(body));
    assert_int_equal(http_client_new(&client, NULL), ERR_OK);
    assert_int_equal(
        send_request(client, &target, headers, 1, (struct span){body, sizeof(body)}, &seen),
        ERR_OK);
    for (int i = 0; i < 1000 && !seen.is_done; i++) {
        http_wait(client, NULL, 0, 10);
        http_turn(client);
    }
    assert_true(seen.is_done);
    assert_int_equal(seen.reply.status, 0);
    assert_true(seen.reply.is_sent);
    http_client_free(client);
}

/* The next one has the cap it asks for, also on the same handle. */
static void answers_may_be_as_long_as_the_target_says(void **state)
{
    struct http_client *client = NULL;
    struct seen seen;
    char url[128];
    struct http_target target = target_of(url, "/huge", port);

    (void)state;
    assert_int_equal(http_client_new(&client, NULL), ERR_OK);
    target.answer_bytes = 1000000;
    post_with(client, &target, &seen);
    assert_int_equal(seen.reply.status, 200);
    assert_false(seen.reply.is_oversized);
    target.answer_bytes = 999999;
    post_with(client, &target, &seen);
    assert_int_equal(seen.reply.status, 200);
    assert_true(seen.reply.is_oversized);
    assert_non_null(strstr(seen.reply.error, "999999"));
    http_client_free(client);
}

/* libcurl would send it again by itself: an attempt that nobody counts. */
static void a_request_is_written_once_when_its_kept_connection_is_reset(void **state)
{
    struct http_client *client = NULL;
    struct seen seen;
    char url[128];
    struct http_target target = target_of(url, "/kept", port);

    (void)state;
    kept_requests = 0;
    assert_int_equal(http_client_new(&client, NULL), ERR_OK);
    post_with(client, &target, &seen);
    assert_int_equal(seen.reply.status, 200);
    post_with(client, &target, &seen);
    assert_int_equal(seen.reply.status, 0);
    assert_true(seen.reply.is_sent);
    assert_false(seen.reply.is_local);
    assert_string_equal(seen.reply.error, "the connection ended before an answer");
    assert_int_equal(kept_requests, 2);
    post_with(client, &target, &seen); /* the same handle, on a connection of its own */
    assert_int_equal(seen.reply.status, 200);
    http_client_free(client);
}

/* Nothing of the request was written: another connection takes it, and nobody hears of it. */
static void a_kept_connection_that_ended_before_is_replaced(void **state)
{
    struct http_client *client = NULL;
    struct seen seen;
    char url[128];
    struct http_target target = target_of(url, "/ok", port);

    (void)state;
    assert_int_equal(http_client_new(&client, NULL), ERR_OK);
    for (int i = 0; i < 3; i++) {
        post_with(client, &target, &seen);
        assert_int_equal(seen.reply.status, 200);
        (void)usleep(20000);
    }
    http_client_free(client);
}

static void request_id_is_kept_printable(void **state)
{
    (void)state;
    assert_string_equal(post("/ok", true, port).reply.request_id, "2026abc");
}

/* One handle after the other: neither method nor headers stay with it. */
static void method_and_headers_are_the_targets(void **state)
{
    struct http_client *client = NULL;
    struct seen seen;
    char url[128];
    char other_url[128];
    struct http_target target = target_of(url, "/hinted", port);
    struct http_target plain = target_of(other_url, "/ok", port);

    (void)state;
    target.method = "PATCH";
    target.keeps_headers = true;
    assert_int_equal(http_client_new(&client, NULL), ERR_OK);
    post_with(client, &target, &seen);
    assert_int_equal(seen.reply.status, 200);
    assert_string_equal(seen.body, "PATCH");
    assert_true(
        span_is(http_header_find(span_of(seen.headers), SPAN("x-STATE")), "late")); /* the first */
    assert_null(http_header_find(span_of(seen.headers), SPAN("x-stat")).ptr);
    assert_null(strstr(seen.headers, "early"));
    post_with(client, &plain, &seen);
    assert_int_equal(seen.reply.status, 200);
    assert_string_equal(seen.headers, "");
    http_client_free(client);
}

/* Neither the method nor the credential of the question stays with its handle. */
static void a_question_is_asked_without_a_body(void **state)
{
    struct http_client *client = NULL;
    struct seen seen = {0};
    char url[128];
    char other_url[128];
    struct http_target target = target_of(url, "/a/../b", port);
    struct http_target plain = target_of(other_url, "/ok", port);

    (void)state;
    target.is_path_as_is = true;
    target.username = "u";
    target.password = "p";
    assert_int_equal(http_client_new(&client, NULL), ERR_OK);
    assert_int_equal(send_request(client, &target, NULL, 0, SPAN_NONE, &seen), ERR_OK);
    assert_true(http_finish(client, -1));
    assert_int_equal(seen.reply.status, 200);
    assert_string_equal(seen.body, "{}");
    post_with(client, &plain, &seen);
    assert_int_equal(seen.reply.status, 200);
    http_client_free(client);
}

static void who_waits_for_an_answer_can_be_stopped(void **state)
{
    struct http_client *client = NULL;
    struct seen seen = {0};
    char url[128];
    struct http_target target = target_of(url, "/hang", port);
    int stop_fd = eventfd(0, EFD_CLOEXEC);

    (void)state;
    target.first_byte_ms = 60000;
    target.total_ms = 60000;
    assert_int_equal(http_client_new(&client, NULL), ERR_OK);
    assert_int_equal(send_request(client, &target, NULL, 0, SPAN("{}"), &seen), ERR_OK);
    assert_int_equal(eventfd_write(stop_fd, 1), 0);
    assert_false(http_finish(client, stop_fd));
    assert_false(seen.is_done);
    assert_int_equal(http_in_flight(client), 1);
    http_client_free(client);
    assert_false(seen.is_done);
    (void)close(stop_fd);
}

static void private_address_is_refused(void **state)
{
    struct seen seen = post("/ok", false, port);

    (void)state;
    assert_int_equal(seen.reply.status, 0);
    assert_false(seen.reply.is_sent);
    assert_non_null(strstr(seen.reply.error, "allow_private"));
}

static void refused_connection_was_never_sent(void **state)
{
    struct seen seen = post("/ok", true, 1);

    (void)state;
    assert_int_equal(seen.reply.status, 0);
    assert_false(seen.reply.is_sent);
    assert_true(seen.reply.error[0] != '\0');
}

/* local resource errors */

static char files[] = "/tmp/detour-http-XXXXXX";
static char certificate_path[64], key_path[64], other_key_path[64], text_path[64];

static void write_file(char path[64], const char *name, const char *text)
{
    FILE *out;

    (void)snprintf(path, 64, "%s/%s", files, name);
    out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static int make_files(void **state)
{
    char *key = NULL;
    char *certificate = NULL;
    char *other_key = NULL;
    char *other_certificate = NULL;

    (void)state;
    assert_non_null(mkdtemp(files));
    assert_true(certificate_make(&key, &certificate));
    assert_true(certificate_make(&other_key, &other_certificate));
    write_file(certificate_path, "certificate.pem", certificate);
    write_file(key_path, "key.pem", key);
    write_file(other_key_path, "other.pem", other_key);
    write_file(text_path, "text.pem", "no certificate\n");
    free(key);
    free(certificate);
    free(other_key);
    free(other_certificate);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(certificate_path);
    (void)unlink(key_path);
    (void)unlink(other_key_path);
    (void)unlink(text_path);
    return rmdir(files);
}

static const struct {
    const char *name;
    const char *ca_file, *certificate, *key;
    bool want_local;
    const char *want[2]; /* parts of the error */
} file_cases[] = {
    {"no file of authorities",
     "/none/ca.pem",
     NULL,
     NULL,
     true,
     {"ca_file /none/ca.pem cannot be read: No such file", "mend it"}},
    {"one without certificates", text_path, NULL, NULL, true, {text_path, "PEM is wanted"}},
    {"no certificate of our own",
     certificate_path,
     "/none/own.pem",
     key_path,
     true,
     {"tls.certificate /none/own.pem cannot be read: No such file", "mend it"}},
    {"no key",
     certificate_path,
     certificate_path,
     "/none/key.pem",
     true,
     {"tls.key /none/key.pem cannot be read: No such file", "mend it"}},
    {"the key of another certificate",
     certificate_path,
     certificate_path,
     other_key_path,
     true,
     {other_key_path, "of one pair"}},
    {"all there, and a server that does not speak TLS",
     certificate_path,
     certificate_path,
     key_path,
     false,
     {"SSL", "SSL"}},
};

static void certificate_files_are_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(file_cases); i++) {
        struct http_client *client = NULL;
        struct seen seen;
        char url[128];
        struct http_target target = target_of(url, "/ok", port);

        (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/ok", port);
        target.ca_file = file_cases[i].ca_file;
        target.certificate = file_cases[i].certificate;
        target.key = file_cases[i].key;
        assert_int_equal(http_client_new(&client, NULL), ERR_OK);
        post_with(client, &target, &seen);
        http_client_free(client);
        if (seen.reply.is_local != file_cases[i].want_local || seen.reply.status != 0 ||
            strstr(seen.reply.error, file_cases[i].want[0]) == NULL ||
            strstr(seen.reply.error, file_cases[i].want[1]) == NULL) {
            fail_msg("%s: local %d '%s'", file_cases[i].name, seen.reply.is_local,
                     seen.reply.error);
        }
    }
}

/* Post with no descriptor to be had beyond those that are open. */
static struct seen post_without_descriptors(struct http_client *client, const char *url)
{
    struct http_target target = {.url = url,
                                 .is_private_allowed = true,
                                 .connect_ms = 2000,
                                 .first_byte_ms = 300,
                                 .total_ms = 5000};
    struct rlimit usual;
    struct rlimit none;
    struct seen seen;
    int next = dup(0);

    assert_true(next >= 0);
    (void)close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    none = usual;
    none.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    post_with(client, &target, &seen);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    return seen;
}

static void no_descriptors_are_ours(void **state)
{
    struct http_client *client = NULL;
    struct seen seen;
    char url[2][128];
    const char *names[] = {"127.0.0.1", "looked-up.test"};

    (void)state;
    assert_int_equal(http_client_new(&client, NULL), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(url[i], sizeof(url[i]), "http://%s:%u/ok", names[i], port);
        seen = post_without_descriptors(client, url[i]);
        assert_int_equal(seen.reply.status, 0);
        assert_false(seen.reply.is_sent);
        if (!seen.reply.is_local || strstr(seen.reply.error, "ulimit -n") == NULL) {
            fail_msg("%s: local %d '%s'", names[i], seen.reply.is_local, seen.reply.error);
        }
    }
    struct http_target target = target_of(url[0], "/ok", port);

    post_with(client, &target, &seen); /* and on it goes when there are some again */
    assert_int_equal(seen.reply.status, 200);
    assert_false(seen.reply.is_local);
    http_client_free(client);
}

static const struct {
    const char *name;
    struct local_error_signs signs;
    const char *want; /* part of the text; NULL: not ours */
} local_error_cases[] = {
    {"no memory", {CURLE_OUT_OF_MEMORY, 0, false, NULL}, "no memory for a request"},
    {"no memory to begin with", {CURLE_FAILED_INIT, 0, false, NULL}, "lower in_flight"},
    {"\"no memory\" of an answer", {CURLE_OUT_OF_MEMORY, 0, true, NULL}, NULL},
    {"refused", {CURLE_COULDNT_CONNECT, 0, false, NULL}, NULL},
    {"no protocol family, and then refused",
     {CURLE_COULDNT_CONNECT, EAFNOSUPPORT, false, NULL},
     NULL},
    {"no descriptor in the machine", {CURLE_COULDNT_CONNECT, ENFILE, false, NULL}, "fs.file-max"},
    {"no buffer for a socket", {CURLE_COULDNT_CONNECT, ENOBUFS, false, NULL}, "no memory"},
    {"no descriptor for one address, another took too long",
     {CURLE_OPERATION_TIMEDOUT, EMFILE, false, NULL},
     NULL},
    {"a name nobody knows", {CURLE_COULDNT_RESOLVE_HOST, 0, false, NULL}, NULL},
    {"a certificate nobody vouches for", {CURLE_PEER_FAILED_VERIFICATION, 0, false, NULL}, NULL},
    {"a system without certificates",
     {CURLE_SSL_CACERT_BADFILE, 0, false, NULL},
     "install ca-certificates"},
    {"a system whose certificates went",
     {CURLE_SSL_CACERT_BADFILE, 0, false, "/none/system.pem"},
     "/none/system.pem cannot be read"},
};

static void local_errors_are_told_from_faults(void **state)
{
    const struct http_target target = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(local_error_cases); i++) {
        char text[256] = "";
        bool got = local_error_find(&local_error_cases[i].signs, &target, text, sizeof(text));
        const char *want = local_error_cases[i].want;

        if (got != (want != NULL) || (got && strstr(text, want) == NULL)) {
            fail_msg("%s: %d '%s'", local_error_cases[i].name, got, text);
        }
    }
}

/* libcurl calls a header past its own bound "out of memory". */
static void an_endless_header_is_not_ours(void **state)
{
    struct seen seen = post("/endless-header", true, port);

    (void)state;
    assert_true(seen.reply.is_sent);
    assert_false(seen.reply.is_local);
}

static const struct {
    const char *text;
    bool want;
    uint64_t want_ms;
} retry_after_cases[] = {
    {"5", true, 5000},
    {" 120 ", true, 120000},
    {"0", true, 0},
    {"1000000000000", true, 900000},
    {"99999999999999999999999999", true, 900000},
    {"-1", false, 0},
    {"+5", false, 0},
    {"1.5", false, 0},
    {"soon", false, 0},
    {"", false, 0},
    {"Wed, 11 Mar 2026 10:00:30 GMT", true, 30000},
    {"Wed, 11 Mar 2026 23:00:00 GMT", true, 900000},
    {"Wed, 11 Mar 2026 09:00:00 GMT", false, 0},
};

static void retry_after_has_two_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(retry_after_cases); i++) {
        uint64_t ms = 0;
        bool got = http_retry_after(span_of(retry_after_cases[i].text), 1773223200000, &ms);

        if (got != retry_after_cases[i].want || (got && ms != retry_after_cases[i].want_ms)) {
            fail_msg("'%s': %d %llu", retry_after_cases[i].text, got, (unsigned long long)ms);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_say_what_happened),
        cmocka_unit_test(an_answer_that_can_be_read_in_two_ways_is_none),
        cmocka_unit_test(yes_before_the_question_was_sent_is_none),
        cmocka_unit_test(answers_may_be_as_long_as_the_target_says),
        cmocka_unit_test(a_request_is_written_once_when_its_kept_connection_is_reset),
        cmocka_unit_test(a_kept_connection_that_ended_before_is_replaced),
        cmocka_unit_test(request_id_is_kept_printable),
        cmocka_unit_test(method_and_headers_are_the_targets),
        cmocka_unit_test(a_question_is_asked_without_a_body),
        cmocka_unit_test(who_waits_for_an_answer_can_be_stopped),
        cmocka_unit_test(private_address_is_refused),
        cmocka_unit_test(refused_connection_was_never_sent),
        cmocka_unit_test_setup_teardown(certificate_files_are_ours, make_files, remove_files),
        cmocka_unit_test(no_descriptors_are_ours),
        cmocka_unit_test(local_errors_are_told_from_faults),
        cmocka_unit_test(an_endless_header_is_not_ours),
        cmocka_unit_test(retry_after_has_two_forms),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
