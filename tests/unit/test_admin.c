/* The admin endpoint over real sockets: its pages, and what clients may not do to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "destinations/table.h"
#include "observe/admin.h"
#include "observe/admin_listen.h"

enum { ANSWER_BYTES_MAX = 1 << 18, PATIENCE_MS = 20000 };

struct scene {
    struct config config;
    struct config_destination destinations[2];
    struct metrics *metrics;
    struct health *health;
    struct status_sources sources;
    struct admin *admin;
    _Atomic bool is_alive, is_ready;
};

static bool tell_alive(void *context, struct buf *why)
{
    struct scene *scene = context;

    buf_add_text(why, "worker 1 has not turned for 31 s");
    return scene->is_alive;
}

static bool tell_ready(void *context, struct buf *why)
{
    struct scene *scene = context;

    buf_add_text(why, "worker 0 has not joined its group");
    return scene->is_ready;
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    struct admin_probe probe = {tell_alive, tell_ready, scene};
    struct err err;

    if (scene == NULL) {
        return -1;
    }
    scene->config.admin.is_on = true;
    scene->config.admin.host = SPAN("127.0.0.1");
    scene->is_alive = scene->is_ready = true;
    scene->destinations[0] =
        (struct config_destination){.name = SPAN("tiktok"), .type = &tiktok_driver.section};
    scene->destinations[1] =
        (struct config_destination){.name = SPAN("utm"), .type = &topic_driver.section};
    scene->config.destinations = scene->destinations;
    scene->config.destination_count = COUNT_OF(scene->destinations);
    scene->config.workers = 1;
    scene->metrics = metrics_new(&scene->config, 1, "1.2.3");
    scene->health = health_new(&scene->config, 1, 1);
    metrics_watch(scene->metrics, scene->health);
    scene->sources = (struct status_sources){&scene->config, scene->metrics, scene->health,
                                             "host:1",       NULL,           NULL};
    *state = scene;
    return admin_start(&scene->sources, &probe, &scene->admin, &err) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    admin_stop(scene->admin);
    metrics_free(scene->metrics);
    health_free(scene->health);
    free(scene);
    return 0;
}

static int dial(const struct scene *scene)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(admin_port(scene->admin)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)(void *)&to, sizeof(to)), 0);
    return fd;
}

/* False when the other side has closed. */
static bool put(int fd, const char *text, size_t len)
{
    return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* All that comes until the other side closes. */
static void take(int fd, char *out)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    size_t len = 0;
    ssize_t got = 1;

    while (got > 0 && len < ANSWER_BYTES_MAX - 1) {
        assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
        got = recv(fd, out + len, ANSWER_BYTES_MAX - 1 - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
    out[len] = '\0';
    close(fd);
}

static void ask(const struct scene *scene, const char *request, char *out)
{
    int fd = dial(scene);

    assert_true(put(fd, request, strlen(request)));
    take(fd, out);
}

static const struct {
    const char *name;
    const char *request;
    const char *status;
    const char *part; /* of the headers or the body; NULL: nothing more */
} request_rows[] = {
    {"alive", "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", "200", "\r\n\r\nok\n"},
    {"ready", "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", "200", "\r\n\r\nok\n"},
    {"metrics", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "200",
     "detour_build_info{version=\"1.2.3\"} 1\n"},
    {"metrics have their type", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "200",
     "text/plain; version=0.0.4; charset=utf-8"},
    {"metrics of health", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "200",
     "detour_destination_state{destination=\"tiktok\"} 0\n"},
    {"status", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n", "200",
     "\r\n\r\n[{\"instance\":\"host:1\","},
    {"status has its type", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n", "200",
     "Content-Type: application/json\r\n"},
    {"status is only read",
     "POST /api/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "405", NULL},
    {"status is not for web pages",
     "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\n\r\n", "403",
     "Origin"},
    {"only the head", "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "200", "\r\n\r\n"},
    {"not kept by caches", "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", "200", "no-store"},
    {"a query is no other path", "GET /livez?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", "200", "ok"},
    {"another path", "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", "404", "/metrics"},
    {"the root", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "404", "/livez"},
    {"a path that goes up", "GET /../livez HTTP/1.1\r\nHost: localhost\r\n\r\n", "404", NULL},
    {"another method", "DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "405",
     "Allow: GET, HEAD"},
    {"a body is not waited for",
     "POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999\r\n\r\nabc", "405", NULL},
    {"no Host", "GET /livez HTTP/1.1\r\n\r\n", "403", "Host"},
    {"no Host in HTTP/1.0", "GET /livez HTTP/1.0\r\n\r\n", "200", "ok"},
    {"Host with our address and a port", "GET /livez HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n", "200",
     "ok"},
    {"Host in capitals", "GET /livez HTTP/1.1\r\nHost: LocalHost:8080\r\n\r\n", "200", "ok"},
    {"Host in IPv6", "GET /livez HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "200", "ok"},
    {"a rebound name", "GET /metrics HTTP/1.1\r\nHost: attacker.example\r\n\r\n", "403",
     "another machine"},
    {"a name that begins like ours", "GET /livez HTTP/1.1\r\nHost: localhost.example\r\n\r\n",
     "403", NULL},
    {"a port that is none", "GET /livez HTTP/1.1\r\nHost: localhost:80x\r\n\r\n", "403", NULL},
    {"an empty Host", "GET /livez HTTP/1.1\r\nHost: \r\n\r\n", "403", NULL},
    {"a web page",
     "GET /livez HTTP/1.1\r\nHost: localhost\r\nOrigin: https://attacker.example\r\n\r\n", "403",
     "Origin"},
    {"an image of a web page",
     "GET /metrics HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n", "403",
     "another site"},
    {"typed into a browser",
     "GET /metrics HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: none\r\n\r\n", "200", NULL},
    {"even of our own", "GET /livez HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n", "403",
     "Origin"},
    {"not HTTP at all", "\x16\x03\x01\x02\r\n\r\n", NULL, NULL},
};

static void requests_get_their_answer(void **state)
{
    const struct scene *scene = *state;
    char *answer = malloc(ANSWER_BYTES_MAX);

    assert_non_null(answer);
    for (size_t i = 0; i < COUNT_OF(request_rows); i++) {
        char status[16];

        ask(scene, request_rows[i].request, answer);
        (void)snprintf(status, sizeof(status), " %s ",
                       request_rows[i].status == NULL ? "" : request_rows[i].status);
        if (request_rows[i].status == NULL) {
            if (strstr(answer, " 200 ") != NULL) {
                fail_msg("%s: was answered: %s", request_rows[i].name, answer);
            }
        } else if (strncmp(answer, "HTTP/1.", 7) != 0 || strncmp(answer + 8, status, 5) != 0) {
            fail_msg("%s: not %s but: %s", request_rows[i].name, request_rows[i].status, answer);
        }
        if (request_rows[i].part != NULL && strstr(answer, request_rows[i].part) == NULL) {
            fail_msg("%s: no '%s' in: %s", request_rows[i].name, request_rows[i].part, answer);
        }
    }
    free(answer);
}

static void a_probe_that_fails_says_why(void **state)
{
    struct scene *scene = *state;
    char *answer = malloc(ANSWER_BYTES_MAX);

    assert_non_null(answer);
    scene->is_alive = false;
    ask(scene, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", answer);
    assert_non_null(strstr(answer, " 503 "));
    assert_non_null(strstr(answer, "worker 1 has not turned for 31 s\n"));
    ask(scene, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", answer);
    assert_non_null(strstr(answer, " 200 "));
    scene->is_ready = false;
    ask(scene, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", answer);
    assert_non_null(strstr(answer, " 503 "));
    assert_non_null(strstr(answer, "worker 0 has not joined its group\n"));
    free(answer);
}

static void a_huge_header_is_refused(void **state)
{
    const struct scene *scene = *state;
    size_t len = 64 * 1024;
    char *answer = malloc(ANSWER_BYTES_MAX);
    char *header = malloc(len);
    static const char start[] = "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: ";
    int fd = dial(scene);

    assert_non_null(answer);
    assert_non_null(header);
    memset(header, 'x', len);
    memcpy(header, start, sizeof(start) - 1);
    memcpy(header + len - 4, "\r\n\r\n", 4);
    (void)put(fd, header, len);
    take(fd, answer);
    if (strstr(answer, " 200 ") != NULL) {
        fail_msg("64 KiB of header were taken");
    }
    ask(scene, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", answer);
    assert_non_null(strstr(answer, " 200 "));
    free(header);
    free(answer);
}

/* A byte now and then keeps an idle timeout from ever ending; the connection ends all the same. */
static void a_slow_client_is_cut(void **state)
{
    static const char request[] =
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const struct scene *scene = *state;
    int fd = dial(scene);
    struct pollfd closed = {.fd = fd, .events = POLLIN};
    size_t sent = 0;

    while (sent < sizeof(request) - 1 && poll(&closed, 1, 100) == 0 && put(fd, request + sent, 1)) {
        sent++;
    }
    close(fd);
    if (sent >= sizeof(request) - 1) {
        fail_msg("still open after %zu bytes, one each 100 ms", sent);
    }
}

/* All sixteen places taken by clients that say nothing: the next one waits and is then served. */
static void many_silent_connections_keep_nobody_out(void **state)
{
    const struct scene *scene = *state;
    char *answer = malloc(ANSWER_BYTES_MAX);
    int fds[24];

    assert_non_null(answer);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = dial(scene);
    }
    for (size_t i = 0; i < 6; i++) { /* some go away by themselves */
        close(fds[i]);
    }
    ask(scene, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", answer);
    assert_non_null(strstr(answer, " 200 "));
    for (size_t i = 6; i < COUNT_OF(fds); i++) {
        close(fds[i]);
    }
    ask(scene, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", answer);
    assert_non_null(strstr(answer, " 200 "));
    free(answer);
}

/* Forty requests that are never finished: a probe is answered before an orchestrator gives up. */
static void a_probe_gets_by_a_crowd(void **state)
{
    const struct scene *scene = *state;
    char *answer = malloc(ANSWER_BYTES_MAX);
    uint64_t began_ms;
    int fds[40];

    assert_non_null(answer);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = dial(scene);
        assert_true(put(fds[i], "GET /li", 7));
    }
    began_ms = clock_mono_ms();
    ask(scene, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", answer);
    assert_non_null(strstr(answer, " 200 "));
    assert_in_range(clock_mono_ms() - began_ms, 0, 3000);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        close(fds[i]);
    }
    free(answer);
}

enum { SHARED_FROM = 300 };

/* How many of @fds the other side has closed. */
static size_t count_closed(const int fds[SHARED_FROM])
{
    size_t closed = 0;

    for (size_t i = 0; i < SHARED_FROM; i++) {
        struct pollfd end = {.fd = fds[i], .events = POLLIN | POLLRDHUP};

        closed += poll(&end, 1, 0) == 1 && (end.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
    }
    return closed;
}

static const struct {
    const char *name;
    const char *sent;  /* by each of the crowd, at once ... */
    bool is_trickling; /* ... and then one byte now and then */
} crowd_rows[] = {
    {"silent", "", false},
    {"half a request", "GET /li", false},
    {"a header byte by byte", "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-A: ", true},
    {"answers that nobody reads", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", false},
    {"requests one behind the other",
     "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HTTP/1.1\r\n", true},
};

/* A probe has a second (Kubernetes' default): it must not wait until the others are timed out. */
static void probes_get_by_hundreds(void **state)
{
    static const char *const paths[] = {"/livez", "/readyz", "/metrics", "/api/v1/status"};
    const struct scene *scene = *state;
    char *answer = malloc(ANSWER_BYTES_MAX);
    int fds[SHARED_FROM];

    assert_non_null(answer);
    for (size_t row = 0; row < COUNT_OF(crowd_rows); row++) {
        for (size_t i = 0; i < SHARED_FROM; i++) {
            fds[i] = dial(scene);
            (void)put(fds[i], crowd_rows[row].sent, strlen(crowd_rows[row].sent));
        }
        for (size_t round = 0; round < 8; round++) {
            uint64_t began_ms = clock_mono_ms();
            char request[128];

            for (size_t i = 0; crowd_rows[row].is_trickling && i < SHARED_FROM; i++) {
                (void)put(fds[i], "x", 1);
            }
            (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                           paths[round % COUNT_OF(paths)]);
            ask(scene, request, answer);
            if (strstr(answer, " 200 ") == NULL || clock_mono_ms() - began_ms >= 1000) {
                fail_msg("%s: %s after %llu ms: %.100s", crowd_rows[row].name,
                         paths[round % COUNT_OF(paths)],
                         (unsigned long long)(clock_mono_ms() - began_ms), answer);
            }
        }
        assert_in_range(count_closed(fds), 1, SHARED_FROM);
        for (size_t i = 0; i < SHARED_FROM; i++) {
            close(fds[i]);
        }
    }
    free(answer);
}

static void stopping_does_not_wait_for_clients(void **state)
{
    struct scene *scene = *state;
    int fd = dial(scene);

    assert_true(put(fd, "GET /li", 7));
    admin_stop(scene->admin);
    scene->admin = NULL;
    close(fd);
}

static void a_taken_port_is_an_error_with_its_name(void **state)
{
    struct scene *scene = *state;
    struct admin_probe probe = {tell_alive, tell_ready, scene};
    struct admin *second = NULL;
    struct err err;

    scene->config.admin.port = admin_port(scene->admin);
    assert_int_equal(admin_start(&scene->sources, &probe, &second, &err), ERR_NET);
    assert_null(second);
    assert_non_null(strstr(err.text, "admin.listen: cannot listen on 127.0.0.1:"));
}

static void an_address_of_nobody_is_an_error(void **state)
{
    struct scene *scene = *state;
    struct admin_probe probe = {tell_alive, tell_ready, scene};
    struct admin *second = NULL;
    struct err err;

    scene->config.admin.host = SPAN("300.1.1.1");
    assert_int_equal(admin_start(&scene->sources, &probe, &second, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "admin.listen"));
}

static void it_can_be_off(void **state)
{
    struct scene *scene = *state;
    struct admin_probe probe = {tell_alive, tell_ready, scene};
    struct admin *second = NULL;

    scene->config.admin.is_on = false;
    assert_int_equal(admin_start(&scene->sources, &probe, &second, NULL), ERR_OK);
    assert_null(second);
    assert_int_equal(admin_port(second), 0);
    admin_stop(second);
}

static const struct {
    const char *name;
    bool is_loopback;
    const char *host; /* as configured */
    const char *header;
    bool want;
} host_rows[] = {
    {"its own name", true, "127.0.0.2", "127.0.0.2:80", true},
    {"another's name", true, "127.0.0.2", "127.0.0.3:80", false},
    {"a name in /etc/hosts", true, "detour.local", "Detour.Local", true},
    {"no name at all", true, "", ":80", false},
    {"brackets that do not close", true, "::1", "[::1", false},
    {"any name where others may come", false, "0.0.0.0", "detour.prod.example:8080", true},
};

static void a_host_is_ours_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(host_rows); i++) {
        struct admin_listener listener = {.fd = -1, .is_loopback = host_rows[i].is_loopback};

        (void)snprintf(listener.host, sizeof(listener.host), "%s", host_rows[i].host);
        if (admin_host_is_ours(&listener, span_of(host_rows[i].header)) != host_rows[i].want) {
            fail_msg("%s: %s", host_rows[i].name, host_rows[i].want ? "refused" : "taken");
        }
    }
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(requests_get_their_answer),
        CASE(a_probe_that_fails_says_why),
        CASE(a_huge_header_is_refused),
        CASE(a_slow_client_is_cut),
        CASE(a_probe_gets_by_a_crowd),
        CASE(many_silent_connections_keep_nobody_out),
        CASE(probes_get_by_hundreds),
        CASE(stopping_does_not_wait_for_clients),
        CASE(a_taken_port_is_an_error_with_its_name),
        CASE(an_address_of_nobody_is_an_error),
        CASE(it_can_be_off),
        cmocka_unit_test(a_host_is_ours_or_not),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
