#include "kafka/standing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { TELL_EVERY_MS = 60000, FORGET_MS = 60000 };

const char *standing_owner_word(enum standing_owner owner)
{
    static const char *const words[] = {[STANDING_CONSUMER] = "consumer",
                                        [STANDING_PRODUCER] = "producer",
                                        [STANDING_CLUSTER] = "cluster"};

    PRE((size_t)owner < COUNT_OF(words));
    return words[owner];
}

static struct standing *find(struct standings *standings, rd_kafka_resp_err_t code,
                             const char *resource)
{
    for (size_t i = 0; i < standings->count; i++) {
        struct standing *at = &standings->items[i];

        if (at->code == code && strcmp(at->resource, resource) == 0) {
            return at;
        }
    }
    return NULL;
}

/* A place for a new one. */
static struct standing *add(struct standings *standings)
{
    struct standing *oldest = &standings->items[0];

    INVARIANT(standings->count <= STANDINGS_MAX);
    if (standings->count < STANDINGS_MAX) {
        return &standings->items[standings->count++];
    }
    for (size_t i = 1; i < standings->count; i++) {
        if (standings->items[i].last_ms < oldest->last_ms) {
            oldest = &standings->items[i];
        }
    }
    return oldest;
}

static void tell(const struct standings *standings, struct standing *at, uint64_t now_ms)
{
    const struct client_error *error = client_error_of(at->code);
    struct buf advice;

    buf_init(&advice, CLIENT_ADVICE_BYTES);
    client_error_advise(error, at->resource, standings->owner == STANDING_PRODUCER, &advice);
    LOG_AT(error->passes ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "kafka.error",
           "from=%s worker=%u error=%s resource=%s text=%s meaning=%s passes=%s times=%" PRIu64
           " since_ms=%" PRIu64 " next=%s",
           standing_owner_word(standings->owner), standings->worker, rd_kafka_err2name(at->code),
           LOG_Q(at->resource), LOG_Q(at->text), LOG_Q(error->meaning),
           error->passes ? "true" : "false", at->untold, now_ms - at->since_ms,
           LOG_Q(buf_text(&advice)));
    buf_fini(&advice);
    at->told_ms = now_ms;
    at->untold = 0;
}

void standing_note(struct standings *standings, rd_kafka_resp_err_t code, const char *resource,
                   const char *text, uint64_t now_ms)
{
    struct standing *at = find(standings, code, resource);
    bool is_new = at == NULL;

    PRE(code != RD_KAFKA_RESP_ERR_NO_ERROR);
    if (code == RD_KAFKA_RESP_ERR__DESTROY) {
        return; /* whoever ends a client knows it */
    }
    if (is_new) {
        at = add(standings);
        *at = (struct standing){.code = code, .since_ms = now_ms};
        (void)snprintf(at->resource, sizeof(at->resource), "%s", resource);
    }
    (void)snprintf(at->text, sizeof(at->text), "%s", text);
    at->last_ms = now_ms;
    at->count++;
    at->untold++;
    if (is_new || now_ms - at->told_ms >= TELL_EVERY_MS) {
        tell(standings, at, now_ms);
    }
}

void standing_over(struct standings *standings, const char *resource, uint64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < standings->count; i++) {
        const struct standing *at = &standings->items[i];

        if (resource != NULL && strcmp(at->resource, resource) != 0) {
            standings->items[kept++] = *at;
            continue;
        }
        LOG_INFO("kafka.error_over",
                 "from=%s worker=%u error=%s resource=%s times=%" PRIu64 " lasted_ms=%" PRIu64,
                 standing_owner_word(standings->owner), standings->worker,
                 rd_kafka_err2name(at->code), LOG_Q(at->resource), at->count,
                 now_ms - at->since_ms);
    }
    INVARIANT(kept <= standings->count);
    standings->count = kept;
}

void standing_age(struct standings *standings, uint64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < standings->count; i++) {
        const struct standing *at = &standings->items[i];
        const struct client_error *error = client_error_of(at->code);
        bool is_told_of = !error->passes && error->about != ABOUT_TOPIC && error->code != 0;

        if (is_told_of || now_ms < at->last_ms + FORGET_MS) { /* noted after @now_ms was read */
            standings->items[kept++] = *at;
        }
    }
    INVARIANT(kept <= standings->count);
    standings->count = kept;
}

const struct standing *standing_worst(const struct standings *standings)
{
    for (size_t i = 0; i < standings->count; i++) {
        if (!client_error_of(standings->items[i].code)->passes) {
            return &standings->items[i];
        }
    }
    return NULL;
}
