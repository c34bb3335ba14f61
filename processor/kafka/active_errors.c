#include "kafka/active_errors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { TELL_EVERY_MS = 60000, FORGET_MS = 60000 };

const char *client_role_word(enum client_role owner)
{
    static const char *const words[] = {[CLIENT_IS_CONSUMER] = "consumer",
                                        [CLIENT_IS_PRODUCER] = "producer",
                                        [CLIENT_IS_CLUSTER] = "cluster"};

    PRE((size_t)owner < COUNT_OF(words));
    return words[owner];
}

static struct active_error *find(struct active_errors *errors, rd_kafka_resp_err_t code,
                                 const char *resource)
{
    for (size_t i = 0; i < errors->count; i++) {
        struct active_error *at = &errors->items[i];

        if (at->code == code && strcmp(at->resource, resource) == 0) {
            return at;
        }
    }
    return NULL;
}

/* A place for a new one. */
static struct active_error *add(struct active_errors *errors)
{
    struct active_error *oldest = &errors->items[0];

    INVARIANT(errors->count <= ACTIVE_ERRORS_MAX);
    if (errors->count < ACTIVE_ERRORS_MAX) {
        return &errors->items[errors->count++];
    }
    for (size_t i = 1; i < errors->count; i++) {
        if (errors->items[i].last_ms < oldest->last_ms) {
            oldest = &errors->items[i];
        }
    }
    return oldest;
}

static void tell(const struct active_errors *errors, struct active_error *at, uint64_t now_ms)
{
    const struct client_error *error = client_error_of(at->code);
    struct buf advice;

    buf_init(&advice, CLIENT_ADVICE_BYTES);
    client_error_advise(error, at->resource, errors->owner == CLIENT_IS_PRODUCER, &advice);
    LOG_AT(error->passes ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "kafka.error",
           "from=%s worker=%u error=%s resource=%s text=%s meaning=%s passes=%s times=%" PRIu64
           " since_ms=%" PRIu64 " next=%s",
           client_role_word(errors->owner), errors->worker, rd_kafka_err2name(at->code),
           LOG_Q(at->resource), LOG_Q(at->text), LOG_Q(error->meaning),
           error->passes ? "true" : "false", at->untold, now_ms - at->since_ms,
           LOG_Q(buf_text(&advice)));
    buf_fini(&advice);
    at->told_ms = now_ms;
    at->untold = 0;
}

void active_error_add(struct active_errors *errors, rd_kafka_resp_err_t code, const char *resource,
                      const char *text, uint64_t now_ms)
{
    struct active_error *at = find(errors, code, resource);
    bool is_new = at == NULL;

    PRE(code != RD_KAFKA_RESP_ERR_NO_ERROR);
    if (code == RD_KAFKA_RESP_ERR__DESTROY) {
        return; /* whoever ends a client knows it */
    }
    if (is_new) {
        at = add(errors);
        *at = (struct active_error){.code = code, .since_ms = now_ms};
        (void)snprintf(at->resource, sizeof(at->resource), "%s", resource);
    }
    (void)snprintf(at->text, sizeof(at->text), "%s", text);
    at->last_ms = now_ms;
    at->count++;
    at->untold++;
    if (is_new || now_ms - at->told_ms >= TELL_EVERY_MS) {
        tell(errors, at, now_ms);
    }
}

void active_error_clear(struct active_errors *errors, const char *resource, uint64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < errors->count; i++) {
        const struct active_error *at = &errors->items[i];

        if (resource != NULL && strcmp(at->resource, resource) != 0) {
            errors->items[kept++] = *at;
            continue;
        }
        LOG_INFO("kafka.error_over",
                 "from=%s worker=%u error=%s resource=%s times=%" PRIu64 " lasted_ms=%" PRIu64,
                 client_role_word(errors->owner), errors->worker, rd_kafka_err2name(at->code),
                 LOG_Q(at->resource), at->count, now_ms - at->since_ms);
    }
    INVARIANT(kept <= errors->count);
    errors->count = kept;
}

void active_error_expire(struct active_errors *errors, uint64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < errors->count; i++) {
        const struct active_error *at = &errors->items[i];
        const struct client_error *error = client_error_of(at->code);
        bool is_told_of = !error->passes && error->about != ABOUT_TOPIC && error->code != 0;

        if (is_told_of || now_ms < at->last_ms + FORGET_MS) { /* noted after @now_ms was read */
            errors->items[kept++] = *at;
        }
    }
    INVARIANT(kept <= errors->count);
    errors->count = kept;
}

const struct active_error *active_error_worst(const struct active_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        if (!client_error_of(errors->items[i].code)->passes) {
            return &errors->items[i];
        }
    }
    return NULL;
}
