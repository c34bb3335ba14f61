#include "trial/tiktok/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "observe/admin_listen.h"

enum { THREAD_STACK_BYTES = 1 << 20, ANSWER_BYTES_MAX = 16 << 20, NAP_MS = 50, IDLE_S = 300 };

struct sim_server {
    struct MHD_Daemon *daemon; /* owned */
    struct simulator *simulator;
    size_t body_bytes_max;
    struct admin_listener listener;
    atomic_bool is_stopping;
};

/* One request being received. */
struct intake {
    struct buf body;
};

/* The first half of an answer, then a reset. */
struct cut {
    struct buf body;
    int fd;
};

static int connection_fd(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info == NULL ? -1 : info->connect_fd;
}

/* Dissolving the association makes the kernel send a RST at once, whatever is still unread. */
static void reset_socket(int fd)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};

    if (fd >= 0 && connect(fd, &none, sizeof(none)) != 0) {
        shutdown(fd, SHUT_RDWR); /* already gone: nothing more to do to it */
    }
}

/* False when the client left or the server stops before @ms passed. */
static bool nap(struct sim_server *server, int fd, uint64_t ms)
{
    uint64_t until_ms = ms == UINT64_MAX ? UINT64_MAX : clock_mono_ms() + ms;

    for (uint64_t now_ms = clock_mono_ms(); now_ms < until_ms; now_ms = clock_mono_ms()) {
        struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
        int rc = poll(&gone, 1, (int)MIN_OF(until_ms - now_ms, (uint64_t)NAP_MS));

        if (atomic_load(&server->is_stopping) || (rc < 0 && errno != EINTR) ||
            (rc == 1 && (gone.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0)) {
            return false;
        }
    }
    return true;
}

static ssize_t read_cut(void *context, uint64_t position, char *out, size_t room)
{
    struct cut *cut = context;
    size_t half = cut->body.len / 2;

    if (position >= half) {
        reset_socket(cut->fd);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    room = MIN_OF(room, half - (size_t)position);
    memcpy(out, cut->body.ptr + position, room);
    return (ssize_t)room;
}

static void free_cut(void *context)
{
    struct cut *cut = context;

    buf_fini(&cut->body);
    free(cut);
}

static struct MHD_Response *make_response(struct MHD_Connection *connection,
                                          struct sim_answer *answer)
{
    struct cut *cut;

    if (answer->action != SIM_TRUNCATE) {
        return MHD_create_response_from_buffer(answer->body.len, answer->body.ptr,
                                               MHD_RESPMEM_MUST_COPY);
    }
    cut = mem_new(struct cut);
    cut->fd = connection_fd(connection);
    cut->body = answer->body; /* taken; the caller gets an empty one */
    buf_init(&answer->body, 1);
    return MHD_create_response_from_callback(cut->body.len, 1024, read_cut, cut, free_cut);
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct sim_answer *answer)
{
    struct MHD_Response *response = make_response(connection, answer);
    char text[24];
    enum MHD_Result rc;

    if (response == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", answer->content_type);
    if (answer->request_id[0] != '\0') {
        MHD_add_response_header(response, "x-tt-logid", answer->request_id);
    }
    if (answer->has_retry_after) {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)answer->retry_after_s);
        MHD_add_response_header(response, "Retry-After", text);
    }
    rc = MHD_queue_response(connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return rc;
}

static enum MHD_Result do_answer(struct sim_server *server, struct MHD_Connection *connection,
                                 struct sim_answer *answer)
{
    int fd = connection_fd(connection);

    if (answer->action == SIM_HANG) {
        (void)nap(server, fd, UINT64_MAX);
        return MHD_NO;
    }
    if (answer->delay_ms > 0 && !nap(server, fd, answer->delay_ms)) {
        return MHD_NO;
    }
    if (answer->action == SIM_RESET) {
        reset_socket(fd);
        return MHD_NO;
    }
    return send_answer(connection, answer);
}

static struct span header_of(struct MHD_Connection *connection, const char *name)
{
    return span_of(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
}

static enum MHD_Result add_argument(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct buf *query = context;

    (void)kind;
    buf_printf(query, "%s%s=%s", query->len == 0 ? "" : "&", name, value == NULL ? "" : value);
    return MHD_YES;
}

static enum MHD_Result answer_request(struct sim_server *server, struct MHD_Connection *connection,
                                      const char *url, const char *method, struct intake *intake)
{
    struct sim_answer answer = {.status = 413, .content_type = "text/html"};
    struct sim_request request = {
        .method = span_of(method),
        .path = span_of(url),
        .token = header_of(connection, "Access-Token"),
        .content_type = header_of(connection, "Content-Type"),
        .body = buf_span(&intake->body),
        .now_ms = clock_mono_ms(),
        .wall_ms = clock_wall_ms(),
    };
    struct buf query;
    enum MHD_Result rc;

    buf_init(&query, 1024);
    buf_init(&answer.body, ANSWER_BYTES_MAX);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_argument, &query);
    request.query = buf_span(&query);
    if (intake->body.is_overflowed) {
        buf_add_text(&answer.body, "<html><h1>413 Request Entity Too Large</h1></html>\n");
    } else {
        simulator_handle(server->simulator, &request, &answer);
    }
    rc = do_answer(server, connection, &answer);
    buf_fini(&answer.body);
    buf_fini(&query);
    return rc;
}

static enum MHD_Result send_refusal(struct MHD_Connection *connection, const char *why)
{
    struct sim_answer answer = {.status = 403, .content_type = "application/json"};
    enum MHD_Result rc;

    buf_init(&answer.body, 1024);
    buf_printf(&answer.body, "{\"error\":\"%s\"}\n", why);
    rc = send_answer(connection, &answer);
    buf_fini(&answer.body);
    return rc;
}

static enum MHD_Result take_request(void *context, struct MHD_Connection *connection,
                                    const char *url, const char *method, const char *version,
                                    const char *data, size_t *data_bytes, void **state)
{
    struct sim_server *server = context;
    struct intake *intake = *state;

    if (intake == NULL) {
        const char *why = admin_why_foreign(&server->listener, connection, version);

        if (why != NULL) {
            return send_refusal(connection, why);
        }
        intake = mem_new(struct intake);
        buf_init(&intake->body, server->body_bytes_max);
        *state = intake;
        return MHD_YES;
    }
    if (*data_bytes > 0) {
        if (!intake->body.is_overflowed) {
            buf_add(&intake->body, data, *data_bytes);
        }
        *data_bytes = 0;
        return MHD_YES;
    }
    return answer_request(server, connection, url, method, intake);
}

static void end_request(void *context, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode why)
{
    struct intake *intake = *state;

    (void)context;
    (void)connection;
    (void)why;
    if (intake != NULL) {
        buf_fini(&intake->body);
        free(intake);
        *state = NULL;
    }
}

/* libmicrohttpd would print to stderr what a client that hangs up did. */
static void say_nothing(void *context, const char *format, va_list args)
{
    (void)context;
    (void)format;
    (void)args;
}

static enum err_code start_daemon(struct sim_server *server, struct err *err)
{
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                     MHD_USE_POLL | MHD_USE_ERROR_LOG;

    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, take_request, server, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
        MHD_OPTION_LISTEN_SOCKET, server->listener.fd, MHD_OPTION_NOTIFY_COMPLETED, end_request,
        NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)SIM_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_THREAD_STACK_SIZE,
        (size_t)THREAD_STACK_BYTES, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(128 << 10),
        MHD_OPTION_END);
    if (server->daemon == NULL) {
        return FAIL(err, ERR_IO,
                    "the simulator's server could not be started: out of descriptors?");
    }
    server->listener.fd = -1; /* the daemon's now */
    return ERR_OK;
}

enum err_code sim_server_start(struct simulator *simulator, struct span host, uint16_t port,
                               size_t body_bytes_max, struct sim_server **out, struct err *err)
{
    struct sim_server *server = mem_new(struct sim_server);
    enum err_code rc = admin_listen("--listen", host, port, &server->listener, err);

    server->simulator = simulator;
    server->body_bytes_max = body_bytes_max;
    if (rc == ERR_OK) {
        rc = start_daemon(server, err);
    }
    if (rc != ERR_OK) {
        admin_listener_fini(&server->listener);
        free(server);
        return rc;
    }
    *out = server;
    return ERR_OK;
}

uint16_t sim_server_port(const struct sim_server *server)
{
    return server->listener.port;
}

void sim_server_stop(struct sim_server *server)
{
    if (server == NULL) {
        return;
    }
    atomic_store(&server->is_stopping, true);
    MHD_stop_daemon(server->daemon);
    free(server);
}
