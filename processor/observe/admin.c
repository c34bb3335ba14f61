/*
 * One thread turns the daemon and watches the clock. Happy path: accept; the
 * headers arrive; answer() finds the path among the pages, asks the page for its
 * text and queues it; the connection closes behind the answer.
 *
 * It can go wrong, in order: more than 16 connections (the listener waits), the
 * request is not whole or the answer not read 5 s after the accept (sweep() cuts
 * the socket, and half a second after it while places are short; libmicrohttpd's own
 * timeout starts anew with each byte), a header
 * larger than the connection's memory (libmicrohttpd answers 431), a browser
 * (Origin) or a name that is not ours (403), another path (404) or method (405).
 */
#include "observe/admin.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "observe/admin_listen.h"

enum {
    CONNECTIONS_MAX = 16,
    REQUEST_BYTES_MAX = 8 * 1024,
    CONNECTION_MS_MAX = 5000,
    ROOM = 4, /* places that are short: then nobody may dawdle, or a probe of ours comes too late */
    CROWDED_MS_MAX = 500,
    TURN_MS_MAX = 1000, /* a listener that was full is taken up again by a turn */
    SWEEP_MS = 100,
    PAGE_BYTES_MAX = 16 * 1024 * 1024,
};

/* A socket and when it was accepted. */
struct visit {
    int fd; /* -1: free */
    uint64_t since_ms;
    bool is_cut;
};

struct admin {
    struct metrics *metrics;
    struct status *status; /* owned */
    struct admin_probe probe;
    struct admin_listener listener;
    struct MHD_Daemon *daemon; /* owned */
    struct visit visits[CONNECTIONS_MAX];
    pthread_t thread;
    bool has_thread;
    int stop_fd; /* owned */
};

struct reply {
    unsigned status;
    const char *type;
    struct buf body;
};

static const char text_type[] = "text/plain; charset=utf-8";
static const char metrics_type[] = "text/plain; version=0.0.4; charset=utf-8";
static const char json_type[] = "application/json";

static void refuse(struct reply *reply, unsigned status, const char *why)
{
    reply->status = status;
    reply->type = text_type;
    buf_clear(&reply->body);
    buf_printf(&reply->body, "%s\n", why);
}

static void write_probe(struct reply *reply, bool (*is_well)(void *, struct buf *), void *context)
{
    reply->type = text_type;
    if (is_well(context, &reply->body)) {
        buf_clear(&reply->body);
        buf_add_text(&reply->body, "ok\n");
        return;
    }
    reply->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    buf_add_char(&reply->body, '\n');
}

static void write_livez(struct admin *admin, struct reply *reply)
{
    write_probe(reply, admin->probe.is_alive, admin->probe.context);
}

static void write_readyz(struct admin *admin, struct reply *reply)
{
    write_probe(reply, admin->probe.is_ready, admin->probe.context);
}

static void write_metrics(struct admin *admin, struct reply *reply)
{
    reply->type = metrics_type;
    metrics_prometheus(admin->metrics, &reply->body);
}

static void write_status(struct admin *admin, struct reply *reply)
{
    reply->type = json_type;
    status_write(admin->status, clock_mono_ms(), clock_wall_ms(), &reply->body);
}

static const struct page {
    const char *path;
    void (*write)(struct admin *admin, struct reply *reply);
} pages[] = {
    {"/livez", write_livez},
    {"/readyz", write_readyz},
    {"/metrics", write_metrics},
    {"/api/v1/status", write_status},
};

static const struct page *find_page(const char *path)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (strcmp(path, pages[i].path) == 0) {
            return &pages[i];
        }
    }
    return NULL;
}

/* A page in a browser must not reach a listener that only this machine can see. */
static const char *why_foreign(const struct admin *admin, struct MHD_Connection *connection,
                               const char *version)
{
    const char *host =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);

    if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ORIGIN) != NULL) {
        return "requests from web pages (with an Origin header) are refused";
    }
    if (host == NULL) {
        return strcmp(version, MHD_HTTP_VERSION_1_0) == 0 ? NULL : "the Host header is missing";
    }
    if (!admin_host_is_ours(&admin->listener, span_of(host))) {
        return "the Host header names another machine; use localhost or the address in "
               "admin.listen";
    }
    return NULL;
}

static void fill(struct admin *admin, struct MHD_Connection *connection, const char *path,
                 const char *method, const char *version, struct reply *reply)
{
    const char *foreign = why_foreign(admin, connection, version);
    const struct page *page = find_page(path);

    if (foreign != NULL) {
        refuse(reply, MHD_HTTP_FORBIDDEN, foreign);
    } else if (page == NULL) {
        refuse(reply, MHD_HTTP_NOT_FOUND,
               "not here; try /livez, /readyz, /metrics or /api/v1/status");
    } else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
               strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        refuse(reply, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are allowed here");
    } else {
        page->write(admin, reply);
    }
    if (reply->body.is_overflowed) {
        refuse(reply, MHD_HTTP_INTERNAL_SERVER_ERROR, "the answer is larger than 16 MiB");
    }
}

/* Takes the body's memory. */
static enum MHD_Result send_reply(struct MHD_Connection *connection, struct reply *reply)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.len, reply->body.ptr, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result rc;

    if (response == NULL) {
        buf_fini(&reply->body);
        return MHD_NO; /* closes the connection */
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (reply->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    rc = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return rc;
}

/* Called with the headers read; a request's body, if any, is never waited for. */
static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **request)
{
    struct reply reply = {.status = MHD_HTTP_OK, .type = text_type};

    (void)upload;
    (void)upload_bytes;
    (void)request;
    buf_init(&reply.body, PAGE_BYTES_MAX);
    fill(context, connection, path, method, version, &reply);
    return send_reply(connection, &reply);
}

static struct visit *find_visit(struct admin *admin, int fd)
{
    for (size_t i = 0; i < COUNT_OF(admin->visits); i++) {
        if (admin->visits[i].fd == fd) {
            return &admin->visits[i];
        }
    }
    return NULL;
}

/* libmicrohttpd says when a connection comes and goes; on our own thread. */
static void note_visit(void *context, struct MHD_Connection *connection, void **socket_context,
                       enum MHD_ConnectionNotificationCode code)
{
    struct admin *admin = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    bool is_new = code == MHD_CONNECTION_NOTIFY_STARTED;
    struct visit *visit;

    (void)socket_context;
    if (info == NULL) {
        return;
    }
    visit = find_visit(admin, is_new ? -1 : info->connect_fd);
    if (visit != NULL) {
        *visit = (struct visit){is_new ? info->connect_fd : -1, clock_mono_ms(), false};
    }
}

static size_t count_visits(const struct admin *admin)
{
    size_t open = 0;

    for (size_t i = 0; i < COUNT_OF(admin->visits); i++) {
        open += admin->visits[i].fd >= 0;
    }
    return open;
}

/* Cut what has been open for too long; the daemon sees the end and closes it. */
static size_t sweep(struct admin *admin)
{
    uint64_t now_ms = clock_mono_ms();
    size_t open = count_visits(admin);
    uint64_t most_ms = open + ROOM > COUNT_OF(admin->visits) ? CROWDED_MS_MAX : CONNECTION_MS_MAX;

    for (size_t i = 0; i < COUNT_OF(admin->visits); i++) {
        struct visit *visit = &admin->visits[i];

        if (visit->fd >= 0 && !visit->is_cut && now_ms - visit->since_ms >= most_ms) {
            visit->is_cut = true;
            (void)shutdown(visit->fd, SHUT_RDWR);
        }
    }
    return open;
}

static void *serve(void *context)
{
    struct admin *admin = context;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[2] = {{.fd = admin->stop_fd, .events = POLLIN},
                            {.fd = info->epoll_fd, .events = POLLIN}};
    size_t before = 0;

    while ((fds[0].revents & POLLIN) == 0) {
        MHD_UNSIGNED_LONG_LONG due_ms = 0;
        size_t open = sweep(admin);
        int wait_ms = open + before > 0 ? SWEEP_MS : TURN_MS_MAX; /* those who left made room */

        before = open;
        if (MHD_get_timeout(admin->daemon, &due_ms) == MHD_YES && due_ms < (unsigned)wait_ms) {
            wait_ms = (int)due_ms;
        }
        if (poll(fds, COUNT_OF(fds), wait_ms) < 0 && errno != EINTR) {
            LOG_ERROR("admin.failed", "error=%s", LOG_Q(strerror(errno)));
            break;
        }
        (void)MHD_run(admin->daemon);
        status_tick(admin->status, clock_mono_ms());
    }
    return NULL;
}

/* Signals are for the main thread: this one is born with all of them blocked. */
static int start_thread(struct admin *admin)
{
    sigset_t all;
    sigset_t before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&admin->thread, NULL, serve, admin);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    admin->has_thread = rc == 0;
    return rc;
}

static enum err_code start_daemon(struct admin *admin, struct err *err)
{
    admin->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, answer, admin, MHD_OPTION_LISTEN_SOCKET, admin->listener.fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(CONNECTION_MS_MAX / 1000), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)REQUEST_BYTES_MAX, MHD_OPTION_NOTIFY_CONNECTION, note_visit, admin, MHD_OPTION_END);
    if (admin->daemon == NULL) {
        return FAIL(err, ERR_IO, "the admin endpoint could not be started: out of descriptors?");
    }
    admin->listener.fd = -1; /* the daemon's now */
    return ERR_OK;
}

enum err_code admin_start(const struct status_sources *sources, const struct admin_probe *probe,
                          struct admin **out, struct err *err)
{
    PRE(out != NULL);
    PRE(probe->is_alive != NULL);
    PRE(probe->is_ready != NULL);

    const struct config *config = sources->config;
    struct admin *admin = NULL;
    enum err_code rc = ERR_OK;

    *out = NULL;
    if (!config->admin.is_on) {
        return ERR_OK;
    }
    admin = mem_new(struct admin);
    *admin = (struct admin){.metrics = sources->metrics, .probe = *probe, .stop_fd = -1};
    admin->listener.fd = -1;
    admin->status = status_new(sources, clock_mono_ms(), clock_wall_ms());
    for (size_t i = 0; i < COUNT_OF(admin->visits); i++) {
        admin->visits[i].fd = -1;
    }
    rc = admin_listen(config->admin.host, config->admin.port, &admin->listener, err);
    if (rc != ERR_OK) {
        goto out;
    }
    admin->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = admin->stop_fd < 0 ? FAIL(err, ERR_IO, "admin: %s", strerror(errno))
                            : start_daemon(admin, err);
    if (rc == ERR_OK && start_thread(admin) != 0) {
        rc = FAIL(err, ERR_IO, "the admin endpoint could not be started: no thread to be had");
    }
    if (rc == ERR_OK) {
        *out = admin;
        admin = NULL;
    }

out:
    admin_stop(admin);
    return rc;
}

uint16_t admin_port(const struct admin *admin)
{
    return admin == NULL ? 0 : admin->listener.port;
}

void admin_stop(struct admin *admin)
{
    uint64_t one = 1;

    if (admin == NULL) {
        return;
    }
    if (admin->has_thread) {
        ssize_t written = write(admin->stop_fd, &one, sizeof(one));

        INVARIANT(written == sizeof(one)); /* an eventfd with one writer is never full */
        pthread_join(admin->thread, NULL);
    }
    if (admin->daemon != NULL) {
        MHD_stop_daemon(admin->daemon);
    }
    admin_listener_fini(&admin->listener);
    status_free(admin->status);
    if (admin->stop_fd >= 0) {
        close(admin->stop_fd);
    }
    free(admin);
}
