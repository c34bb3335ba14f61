/* The HTTP client against a small server of our own: answers, limits, refusals; Retry-After;
 * addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/address.h"
#include "http/client.h"

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

static void answer(int fd, const char *request)
{
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
    } else if (strncmp(request, "POST /ok", 8) == 0) {
        send_all(fd, ok, sizeof(ok) - 1);
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

static void post_with(struct http_client *client, const struct http_target *target,
                      struct seen *seen)
{
    const char *headers[] = {"Content-Type: application/json"};

    *seen = (struct seen){0};
    assert_int_equal(http_post(client, target, headers, 1, SPAN("{\"data\":[]}"), keep, seen, NULL),
                     ERR_OK);
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
    {"a body past the cap is not kept", "/huge", 200, true, false, true, false, ""},
    {"headers past the cap end it", "/headers", 200, true, false, true, false, ""},
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

static const struct {
    const char *address;
    bool want_private;
} address_cases[] = {
    {"127.0.0.1", true},
    {"10.1.2.3", true},
    {"172.16.0.1", true},
    {"172.32.0.1", false},
    {"192.168.1.1", true},
    {"169.254.169.254", true},
    {"100.64.0.1", true},
    {"0.0.0.0", true},
    {"224.0.0.1", true},
    {"8.8.8.8", false},
    {"::1", true},
    {"::", true},
    {"fe80::1", true},
    {"fd00::1", true},
    {"ff02::1", true},
    {"::ffff:127.0.0.1", true},
    {"::ffff:8.8.8.8", false},
    {"2001:4860:4860::8888", false},
};

static void private_addresses_are_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(address_cases); i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        bool got;

        if (inet_pton(AF_INET, address_cases[i].address, &v4.sin_addr) == 1) {
            got = address_is_private((struct sockaddr *)&v4, sizeof(v4));
        } else {
            assert_int_equal(inet_pton(AF_INET6, address_cases[i].address, &v6.sin6_addr), 1);
            got = address_is_private((struct sockaddr *)&v6, sizeof(v6));
        }
        if (got != address_cases[i].want_private) {
            fail_msg("%s", address_cases[i].address);
        }
    }
}

static void urls_that_name_an_address(void **state)
{
    (void)state;
    assert_true(url_names_address(SPAN("http://127.0.0.1:8080/x")));
    assert_true(url_names_address(SPAN("http://localhost")));
    assert_true(url_names_address(SPAN("https://[::1]:443/")));
    assert_false(url_names_address(SPAN("https://business-api.tiktok.com")));
    assert_false(url_names_address(SPAN("https://localhost.evil.example/")));
    assert_false(url_names_address(SPAN("https://")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_say_what_happened),
        cmocka_unit_test(request_id_is_kept_printable),
        cmocka_unit_test(method_and_headers_are_the_targets),
        cmocka_unit_test(private_address_is_refused),
        cmocka_unit_test(refused_connection_was_never_sent),
        cmocka_unit_test(retry_after_has_two_forms),
        cmocka_unit_test(private_addresses_are_known),
        cmocka_unit_test(urls_that_name_an_address),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
