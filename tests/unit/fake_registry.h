/**
 * fake_registry - a schema registry on 127.0.0.1 that says what a test tells it to.
 *
 * Answers are looked up by path, the newest rule first; what has no rule is 40403. A
 * rule may be used up after so many answers, and may hold its answer until the test lets
 * go. Every request is counted and its path and credential checked.
 */
#ifndef UNIT_FAKE_REGISTRY_H
#define UNIT_FAKE_REGISTRY_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include <netinet/in.h>

enum { FAKE_RULES_MAX = 256, FAKE_BODY_MAX = 1 << 16 };

struct fake_rule {
    char path[256];
    unsigned status;
    char *body; /* owned */
    int uses;   /* left; -1: for ever */
    bool is_held;
};

struct fake_registry {
    struct MHD_Daemon *daemon;
    unsigned short port;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct fake_rule rules[FAKE_RULES_MAX];
    size_t rule_count;
    const char *username; /* NULL: everybody may ask */
    const char *password;
    const char *key; /* PEM; NULL: plain HTTP */
    const char *certificate;
    unsigned requests;
    unsigned held; /* requests that wait to be let go */
    bool is_let_go;
    char last_body[FAKE_BODY_MAX]; /* of the last POST */
    size_t last_body_bytes;
};

static inline struct fake_rule *fake_find(struct fake_registry *fake, const char *path)
{
    for (size_t i = fake->rule_count; i > 0; i--) {
        struct fake_rule *rule = &fake->rules[i - 1];

        if (strcmp(rule->path, path) == 0 && rule->uses != 0) {
            return rule;
        }
    }
    return NULL;
}

static inline bool fake_may_ask(const struct fake_registry *fake, struct MHD_Connection *connection)
{
    char *password = NULL;
    char *username;
    bool may;

    if (fake->username == NULL) {
        return true;
    }
    username = MHD_basic_auth_get_username_password(connection, &password);
    may = username != NULL && password != NULL && strcmp(username, fake->username) == 0 &&
          strcmp(password, fake->password) == 0;
    MHD_free(username);
    MHD_free(password);
    return may;
}

static inline enum MHD_Result fake_reply(struct MHD_Connection *connection, unsigned status,
                                         const char *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(body), (char *)body, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result rc;

    MHD_add_response_header(response, "Content-Type", "application/vnd.schemaregistry.v1+json");
    rc = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return rc;
}

static inline void fake_hold(struct fake_registry *fake)
{
    fake->held++;
    pthread_cond_broadcast(&fake->changed);
    while (!fake->is_let_go) {
        pthread_cond_wait(&fake->changed, &fake->lock);
    }
    fake->held--;
}

static inline enum MHD_Result fake_answer(void *context, struct MHD_Connection *connection,
                                          const char *path, const char *method, const char *version,
                                          const char *upload, size_t *upload_bytes, void **request)
{
    static int seen;
    struct fake_registry *fake = context;
    struct fake_rule *rule;
    unsigned status = 404;
    char *body;

    (void)method;
    (void)version;
    pthread_mutex_lock(&fake->lock);
    if (*request == NULL || *upload_bytes > 0) {
        if (*request == NULL) {
            fake->last_body_bytes = 0;
        } else if (fake->last_body_bytes + *upload_bytes < FAKE_BODY_MAX) {
            memcpy(fake->last_body + fake->last_body_bytes, upload, *upload_bytes);
            fake->last_body_bytes += *upload_bytes;
        }
        fake->last_body[fake->last_body_bytes] = '\0';
        *request = &seen;
        *upload_bytes = 0;
        pthread_mutex_unlock(&fake->lock);
        return MHD_YES;
    }
    fake->requests++;
    rule = fake_find(fake, path);
    if (rule != NULL && rule->is_held) {
        fake_hold(fake);
    }
    if (!fake_may_ask(fake, connection)) {
        status = 401;
        body = strdup("{\"error_code\":401,\"message\":\"Unauthorized\"}");
    } else if (rule == NULL) {
        body = strdup("{\"error_code\":40403,\"message\":\"Schema not found\"}");
    } else {
        status = rule->status;
        body = strdup(rule->body);
        rule->uses -= rule->uses > 0;
    }
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->lock);
    if (body == NULL) {
        return MHD_NO;
    }
    {
        enum MHD_Result rc = fake_reply(connection, status, body);

        free(body);
        return rc;
    }
}

/** Listen, on the port of last time if there was one. */
static inline bool fake_up(struct fake_registry *fake)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(fake->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD;

    if (fake->key == NULL) {
        fake->daemon =
            MHD_start_daemon(flags, 0, NULL, NULL, fake_answer, fake, MHD_OPTION_SOCK_ADDR, &at,
                             MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_END);
    } else {
        fake->daemon =
            MHD_start_daemon(flags | MHD_USE_TLS, 0, NULL, NULL, fake_answer, fake,
                             MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_HTTPS_MEM_KEY, fake->key,
                             MHD_OPTION_HTTPS_MEM_CERT, fake->certificate, MHD_OPTION_END);
    }
    if (fake->daemon != NULL) {
        fake->port = MHD_get_daemon_info(fake->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    }
    return fake->daemon != NULL;
}

static inline void fake_let_go(struct fake_registry *fake)
{
    pthread_mutex_lock(&fake->lock);
    fake->is_let_go = true;
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->lock);
}

static inline void fake_down(struct fake_registry *fake)
{
    if (fake->daemon != NULL) {
        MHD_stop_daemon(fake->daemon);
    }
    fake->daemon = NULL;
}

static inline void fake_init(struct fake_registry *fake)
{
    *fake = (struct fake_registry){0};
    pthread_mutex_init(&fake->lock, NULL);
    pthread_cond_init(&fake->changed, NULL);
}

static inline void fake_fini(struct fake_registry *fake)
{
    fake_let_go(fake);
    fake_down(fake);
    for (size_t i = 0; i < fake->rule_count; i++) {
        free(fake->rules[i].body);
    }
    pthread_cond_destroy(&fake->changed);
    pthread_mutex_destroy(&fake->lock);
}

/** Answer @path so, @uses times (-1: always). */
static inline struct fake_rule *fake_rule(struct fake_registry *fake, const char *path, int uses,
                                          unsigned status, const char *body)
{
    struct fake_rule *rule;

    pthread_mutex_lock(&fake->lock);
    if (fake->rule_count == FAKE_RULES_MAX) {
        abort();
    }
    rule = &fake->rules[fake->rule_count++];
    (void)snprintf(rule->path, sizeof(rule->path), "%s", path);
    rule->status = status;
    rule->body = strdup(body);
    rule->uses = uses;
    pthread_mutex_unlock(&fake->lock);
    return rule;
}

/** Wait until @count requests have been counted. */
static inline void fake_await(struct fake_registry *fake, unsigned count)
{
    pthread_mutex_lock(&fake->lock);
    while (fake->requests < count) {
        pthread_cond_wait(&fake->changed, &fake->lock);
    }
    pthread_mutex_unlock(&fake->lock);
}

/** How many requests wait for fake_let_go(). */
static inline unsigned fake_held(struct fake_registry *fake)
{
    unsigned held;

    pthread_mutex_lock(&fake->lock);
    held = fake->held;
    pthread_mutex_unlock(&fake->lock);
    return held;
}

/** Whether @part stands in the body of the last POST. */
static inline bool fake_was_sent(struct fake_registry *fake, const char *part)
{
    bool was;

    pthread_mutex_lock(&fake->lock);
    was = strstr(fake->last_body, part) != NULL;
    pthread_mutex_unlock(&fake->lock);
    return was;
}

static inline unsigned fake_requests(struct fake_registry *fake)
{
    unsigned requests;

    pthread_mutex_lock(&fake->lock);
    requests = fake->requests;
    pthread_mutex_unlock(&fake->lock);
    return requests;
}

#endif /* UNIT_FAKE_REGISTRY_H */
