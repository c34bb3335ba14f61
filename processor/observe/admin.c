/*
 * One thread turns the daemon and watches the clock. Happy path: accept; the
 * headers arrive; answer() finds the path among the pages, asks the page for its
 * text and queues it; the connection closes behind the answer.
 *
 * It can go wrong, in order: more than 96 connections (the oldest of the address
 * that has most of them is cut, so that a new one never waits for a slow one), the
 * request is not whole or the answer not read 5 s after the accept (its socket is cut;
 * libmicrohttpd's own timeout starts anew with each byte), a header larger than the connection's
 * memory (libmicrohttpd answers 431), a browser (Origin) or a name that is not ours (403), another
 * path (404) or method (405).
 *
 * While more than 16 are open an answer is kept for a moment and shared, so that
 * many who do not read it cost one copy and one rendering.
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
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "observe/admin_connections.h"
#include "observe/admin_listen.h"

enum {
    SHARED_FROM = 16,
    SHARED_MS = 500,
    REQUEST_BYTES_MAX = 8 * 1024,
    TURN_MS_MAX = 1000, /* a listener that was full is taken up again by a turn */
    SWEEP_MS = 100,
    PAGE_BYTES_MAX = 16 * 1024 * 1024,
};

/* What a page said a moment ago. */
struct shared {
    struct MHD_Response *response; /* owned, with those that still send it; NULL: none */
    unsigned status;
    uint64_t made_ms;
};

enum { PAGES_MAX = 4 };

struct admin {
    struct metrics *metrics;
    struct status *status; /* owned */
    struct admin_probe probe;
    struct admin_listener listener;
    struct MHD_Daemon *daemon; /* owned */
    struct connections connections;
    struct shared shared[PAGES_MAX];
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

_Static_assert(COUNT_OF(pages) <= PAGES_MAX, "each page has a place for what is shared");

static const struct page *find_page(const char *path)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (strcmp(path, pages[i].path) == 0) {
            return &pages[i];
        }
    }
    return NULL;
}

/* The page that is asked for; NULL: *reply is a refusal. */
static const struct page *find_taken(const struct admin *admin, struct MHD_Connection *connection,
                                     const char *path, const char *method, const char *version,
                                     struct reply *reply)
{
    const char *foreign = admin_why_foreign(&admin->listener, connection, version);
    const struct page *page = find_page(path);

    buf_init(&reply->body, PAGE_BYTES_MAX);
    if (foreign != NULL) {
        refuse(reply, MHD_HTTP_FORBIDDEN, foreign);
    } else if (page == NULL) {
        refuse(reply, MHD_HTTP_NOT_FOUND,
               "not here; try /livez, /readyz, /metrics or /api/v1/status");
    } else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
               strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        refuse(reply, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are allowed here");
    } else {
        return page;
    }
    return NULL;
}

/* Takes the body's memory. NULL: none to be had. */
static struct MHD_Response *make_response(struct reply *reply)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.len, reply->body.ptr, MHD_RESPMEM_MUST_FREE);

    if (response == NULL) {
        buf_fini(&reply->body);
        return NULL;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (reply->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    return response;
}

static struct shared *find_shared(struct admin *admin, const struct page *page)
{
    return connections_count(&admin->connections) > SHARED_FROM ? &admin->shared[page - pages]
                                                                : NULL;
}

static void drop_shared(struct shared *shared)
{
    if (shared->response != NULL) {
        MHD_destroy_response(shared->response);
    }
    shared->response = NULL;
}

/* Called with the headers read; a request's body, if any, is never waited for. */
static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **request)
{
    struct admin *admin = context;
    struct reply reply = {.status = MHD_HTTP_OK, .type = text_type};
    const struct page *page = find_taken(admin, connection, path, method, version, &reply);
    struct shared *shared = page == NULL ? NULL : find_shared(admin, page);
    uint64_t now_ms = clock_mono_ms();
    enum MHD_Result rc = MHD_NO; /* closes the connection */
    struct MHD_Response *response;

    (void)upload;
    (void)upload_bytes;
    (void)request;
    if (shared != NULL && shared->response != NULL && now_ms - shared->made_ms < SHARED_MS) {
        buf_fini(&reply.body);
        return MHD_queue_response(connection, shared->status, shared->response);
    }
    if (page != NULL) {
        page->write(admin, &reply);
    }
    if (reply.body.is_overflowed) {
        refuse(&reply, MHD_HTTP_INTERNAL_SERVER_ERROR, "the answer is larger than 16 MiB");
    }
    response = make_response(&reply);
    if (response != NULL) {
        rc = MHD_queue_response(connection, reply.status, response);
    }
    if (response != NULL && shared != NULL) {
        drop_shared(shared);
        *shared = (struct shared){response, reply.status, now_ms};
    } else if (response != NULL) {
        MHD_destroy_response(response);
    }
    return rc;
}

/* libmicrohttpd says when a connection comes and goes; on our own thread. */
static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct admin *admin = context;
    const union MHD_ConnectionInfo *socket =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    (void)socket_context;
    if (socket == NULL) {
        return;
    }
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connections_add(&admin->connections, socket->connect_fd,
                        peer == NULL ? NULL : peer->client_addr, clock_mono_ms());
    } else {
        connections_remove(&admin->connections, socket->connect_fd);
    }
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
        size_t open = connections_sweep(&admin->connections, clock_mono_ms());
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
    admin->daemon =
        MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, admin, MHD_OPTION_LISTEN_SOCKET,
                         admin->listener.fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(CONNECTION_MS_MAX / 1000),
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES_MAX,
                         MHD_OPTION_NOTIFY_CONNECTION, on_connection, admin, MHD_OPTION_END);
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
    connections_init(&admin->connections);
    rc =
        admin_listen("admin.listen", config->admin.host, config->admin.port, &admin->listener, err);
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
    for (size_t i = 0; i < COUNT_OF(admin->shared); i++) {
        drop_shared(&admin->shared[i]);
    }
    admin_listener_fini(&admin->listener);
    status_free(admin->status);
    if (admin->stop_fd >= 0) {
        close(admin->stop_fd);
    }
    free(admin);
}
