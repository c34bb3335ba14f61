/*
 * Happy path: a worker meets an unknown id; ask() queues it, notes the worker's eventfd
 * and wakes a thread; the thread takes it, asks without the lock, resolves the schema
 * to its reader, settles it in the table and writes to every eventfd noted.
 *
 * It can go wrong: the registry does not answer (all ids wait), it answers badly about one id
 * (that id waits, and in the end it is given up), it has no such id (UNKNOWN, forgotten after a
 * minute), the schema cannot be used (INCOMPATIBLE), the catalog is freed meanwhile (the
 * questions are aborted).
 */
#include "schema/catalog_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "schema/catalog_inside.h"
#include "schema/catalog_log.h"

enum {
    PROBE_IDLE_MS = 30 * 1000, /* nothing was asked for so long: does it still answer? */
    PROBE_DOWN_MS = 5 * 1000,  /* the same, when it did not, and nobody asks */
    EVIDENCE_MS = 10 * 1000,   /* a schema it gave so long ago shows that it is well */
    TEXT_BYTES = ERR_TEXT_BYTES + 128,
};

/* Note who wants to hear of the next answer. Workers are few: a list will do. */
void catalog_thread_wake(struct catalog *catalog, int wake_fd)
{
    int copy;

    if (wake_fd < 0) {
        return;
    }
    for (size_t i = 0; i < catalog->waker_count; i++) {
        if (catalog->wakers[i].asked == wake_fd) {
            return;
        }
    }
    copy = fcntl(wake_fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        if (catalog->wakers_failed++ == 0) {
            LOG_WARN("catalog.wake", "error=%s", LOG_Q(strerror(errno)));
        }
        return;
    }
    catalog->wakers =
        mem_grow(catalog->wakers, catalog->waker_count + 1, sizeof(catalog->wakers[0]));
    catalog->wakers[catalog->waker_count++] = (struct waker){wake_fd, copy};
}

/* @key is answered. Those who still wait are noted again when they take the answer. */
static void wake_all(struct catalog *catalog, uint64_t key)
{
    uint64_t one = 1;

    catalog->answers[catalog->answer_count++ % CATALOG_ANSWERS] = key;
    for (size_t i = 0; i < catalog->waker_count; i++) {
        /* a full eventfd is readable, which is all that is wanted */
        (void)!write(catalog->wakers[i].fd, &one, sizeof(one));
        close(catalog->wakers[i].fd);
    }
    catalog->waker_count = 0;
}

/* The registry said something definite: with the lock held. */
static void settle(struct catalog *catalog, uint64_t key, struct writer *writer,
                   const struct err *err)
{
    uint64_t now_ms = clock_mono_ms();
    char text[TEXT_BYTES];

    if (writer->state != WRITER_READY) {
        (void)snprintf(text, sizeof(text), "schema id %llu: %s", (unsigned long long)key,
                       err->text);
        writer->text = text;
    }
    catalog_log_up(catalog, now_ms);
    catalog_log_settled(catalog, key, writer, now_ms);
    writers_settle(&catalog->writers, key, writer, now_ms);
    wake_all(catalog, key);
}

/* Does the registry give schemas just now? The lock, which is held, is let go meanwhile. */
static bool is_well(struct asker *asker, enum registry_failure_kind kind)
{
    struct catalog *catalog = asker->catalog;
    uint64_t useful_ms = catalog->writers.useful_ms;
    uint64_t key = catalog->writers.useful_key;
    struct schema *schema = NULL;
    bool is_so = useful_ms != 0 && clock_mono_ms() - useful_ms < EVIDENCE_MS;

    if (is_so || (useful_ms == 0 && kind != REGISTRY_REFUSED)) {
        return is_so;
    }
    pthread_mutex_unlock(&catalog->lock);
    is_so = useful_ms != 0 ? registry_fetch(asker->registry, (uint32_t)key, &schema, NULL) == ERR_OK
                           : registry_probe(asker->registry, NULL) == ERR_OK;
    schema_free(schema);
    pthread_mutex_lock(&catalog->lock);
    return is_so;
}

/* Bad answers about this id for long enough, while others have good ones. */
static void give_up(struct asker *asker, uint64_t key, const struct registry_failure *failure,
                    const char *why)
{
    struct catalog *catalog = asker->catalog;
    char text[TEXT_BYTES];

    if (!is_well(asker, failure->kind)) {
        return;
    }
    (void)snprintf(
        text, sizeof(text), "schema id %llu was given up after %s: %s", (unsigned long long)key,
        failure->kind == REGISTRY_REFUSED ? "a minute" : "schemas.registry.give_up", why);
    if (writers_give_up(&catalog->writers, key, text, clock_mono_ms())) {
        catalog_log_given_up(key, failure, why);
        wake_all(catalog, key);
    }
}

/* It did not: with the lock held. */
static void postpone(struct asker *asker, uint64_t key, uint64_t asked_ms,
                     const struct registry_failure *failure, const struct err *err)
{
    struct catalog *catalog = asker->catalog;
    struct writers *writers = &catalog->writers;
    bool was_up = writers->failed_ms == 0;
    uint64_t now_ms = clock_mono_ms();
    struct writers_failure result = writers_failed(writers, key, failure, asked_ms,
                                                   catalog->config->registry.give_up_ms, now_ms);

    if (!result.is_silence && result.is_new) {
        catalog_log_unanswered(catalog, key, failure, err->text, now_ms);
    }
    if (writers->failed_ms != 0) {
        catalog_log_down(catalog, was_up, failure->cause, err->text, now_ms);
    }
    if (result.is_overdue) {
        give_up(asker, key, failure, err->text);
    }
}

/* A registry that takes a question and never answers: does it answer another one? */
static bool is_answered(struct asker *asker)
{
    return registry_probe(asker->registry, NULL) == ERR_OK ||
           registry_last_failure(asker->registry)->kind != REGISTRY_NO_ANSWER;
}

/* One question, from the table and back. Called with the lock held, which is let go meanwhile. */
static void ask_one(struct asker *asker, uint64_t key)
{
    struct catalog *catalog = asker->catalog;
    uint64_t asked_ms = clock_mono_ms();
    struct schema *schema = NULL;
    struct writer writer = {.state = WRITER_INCOMPATIBLE};
    struct registry_failure failure = {0};
    bool is_alive = false;
    struct err err;
    enum err_code rc;

    pthread_mutex_unlock(&catalog->lock);
    rc = registry_fetch(asker->registry, (uint32_t)key, &schema, &err);
    if (rc == ERR_OK) {
        catalog_resolve(catalog, schema, &writer, &err);
    } else if (rc == ERR_ABSENT) {
        writer.state = WRITER_UNKNOWN;
    } else if (rc != ERR_DATA && rc != ERR_STATE) {
        failure = *registry_last_failure(asker->registry);
        is_alive = failure.is_timeout && is_answered(asker);
    }
    pthread_mutex_lock(&catalog->lock);
    catalog->contact_ms = clock_mono_ms();
    if (is_alive) {
        catalog->writers.answered_ms = catalog->contact_ms;
    }
    if (rc == ERR_OK || rc == ERR_ABSENT || rc == ERR_DATA) {
        settle(catalog, key, &writer, &err);
    } else if (rc != ERR_STATE) {
        postpone(asker, key, asked_ms, &failure, &err);
    }
    schema_free(schema);
}

/* Nobody asks: is it there? With the lock held, which is let go meanwhile. */
static void probe(struct asker *asker)
{
    struct catalog *catalog = asker->catalog;
    bool was_up = catalog->writers.failed_ms == 0;
    struct registry_failure failure;
    struct err err;
    enum err_code rc;
    uint64_t now_ms;

    pthread_mutex_unlock(&catalog->lock);
    rc = registry_probe(asker->registry, &err);
    pthread_mutex_lock(&catalog->lock);
    failure = *registry_last_failure(asker->registry);
    now_ms = catalog->contact_ms = clock_mono_ms();
    if (rc == ERR_OK) {
        catalog_log_up(catalog, now_ms);
        writers_other_request(&catalog->writers, true, now_ms);
    } else if (rc != ERR_STATE && failure.kind == REGISTRY_NO_ANSWER) {
        writers_other_request(&catalog->writers, false, now_ms);
        catalog_log_down(catalog, was_up, failure.cause, err.text, now_ms);
    }
}

static bool is_probe_due(const struct catalog *catalog)
{
    uint64_t patience_ms = catalog->writers.failed_ms != 0 ? PROBE_DOWN_MS : PROBE_IDLE_MS;

    return clock_mono_ms() - catalog->contact_ms >= patience_ms;
}

static void wait_for_work(struct catalog *catalog, uint64_t wait_ms)
{
    struct timespec until;

    wait_ms = MIN_OF(wait_ms, (uint64_t)PROBE_DOWN_MS);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(wait_ms / 1000);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    catalog->idle++;
    pthread_cond_timedwait(&catalog->has_work, &catalog->lock, &until);
    catalog->idle--;
    catalog->called -= catalog->called > 0;
}

static void *serve(void *context)
{
    struct asker *asker = context;
    struct catalog *catalog = asker->catalog;
    bool is_first = asker == &catalog->askers[0];

    pthread_mutex_lock(&catalog->lock);
    while (!catalog->is_stopping) {
        uint64_t wait_ms = 0;
        uint64_t key = 0;

        if (writers_next(&catalog->writers, clock_mono_ms(), &key, &wait_ms)) {
            ask_one(asker, key);
        } else if (is_first && is_probe_due(catalog)) {
            probe(asker);
        } else {
            wait_for_work(catalog, wait_ms);
        }
    }
    pthread_mutex_unlock(&catalog->lock);
    return NULL;
}

/* Signals are for the main thread: this one is born with all of them blocked. */
static int start_thread(struct asker *asker)
{
    sigset_t all;
    sigset_t before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&asker->thread, NULL, serve, asker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* One more, with the lock held. Those there are will do when it cannot be. */
static void start_asker(struct catalog *catalog)
{
    struct asker *asker = &catalog->askers[catalog->asker_count];
    int rc;

    if (catalog->is_stopping) {
        return;
    }
    asker->catalog = catalog;
    asker->registry = registry_new(&catalog->config->registry, catalog->config->bytes_max);
    registry_learn(asker->registry, catalog->registry);
    rc = start_thread(asker);
    if (rc == 0) {
        catalog->asker_count++;
        return;
    }
    registry_free(asker->registry);
    if (!catalog->is_short_said) {
        LOG_WARN("catalog.thread", "threads=%zu error=%s", catalog->asker_count,
                 LOG_Q(strerror(rc)));
    }
    catalog->is_short_said = true;
}

const struct writer *catalog_thread_ask(struct catalog *catalog, uint64_t key, int wake_fd)
{
    struct writers_answer answer = writers_ask(&catalog->writers, key, clock_mono_ms());

    if (answer.is_new_question && catalog->idle > catalog->called) {
        catalog->called++;
        pthread_cond_signal(&catalog->has_work);
    } else if (answer.is_new_question && catalog->asker_count > 0 &&
               catalog->asker_count < catalog->asker_max) {
        start_asker(catalog);
    }
    if (answer.is_refused) {
        LOG_WARN("registry.queue_full", "ids=%zu", catalog->writers.pending_count);
    }
    if (answer.writer->state == WRITER_PENDING) {
        catalog_thread_wake(catalog, wake_fd);
    }
    return answer.writer;
}

enum err_code catalog_probe(struct catalog *catalog, struct err *err)
{
    PRE(catalog->asker_count == 0);

    return catalog->registry == NULL ? ERR_OK : registry_probe(catalog->registry, err);
}

enum err_code catalog_start(struct catalog *catalog, struct err *err)
{
    struct asker *first = &catalog->askers[0];
    struct err why;
    enum err_code rc = catalog_probe(catalog, &why);
    int failed;

    if (catalog->registry == NULL) {
        return ERR_OK;
    }
    if (rc == ERR_BUSY) { /* known ids need no registry, and it may recover */
        LOG_WARN("registry.strange", "error=%s", LOG_Q(why.text));
    } else if (rc != ERR_OK) {
        if (err != NULL) {
            *err = why;
        }
        return rc;
    }
    catalog->up_ms = catalog->contact_ms = catalog->writers.well_ms = clock_mono_ms();
    *first = (struct asker){.catalog = catalog, .registry = catalog->registry};
    failed = start_thread(first);
    catalog->asker_count = failed == 0 ? 1 : 0;
    return failed == 0
               ? ERR_OK
               : FAIL(err, ERR_IO, "no thread for the schema registry: %s", strerror(failed));
}

void catalog_thread_stop(struct catalog *catalog)
{
    size_t count;

    pthread_mutex_lock(&catalog->lock);
    catalog->is_stopping = true;
    count = catalog->asker_count; /* no more are started */
    pthread_cond_broadcast(&catalog->has_work);
    pthread_mutex_unlock(&catalog->lock);
    for (size_t i = 0; i < count; i++) {
        registry_abort(catalog->askers[i].registry);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(catalog->askers[i].thread, NULL);
    }
}

void catalog_registry_state(struct catalog *catalog, struct registry_state *out)
{
    uint64_t failed_ms;

    *out = (struct registry_state){.is_configured = catalog->registry != NULL};
    pthread_mutex_lock(&catalog->lock);
    failed_ms = catalog->writers.failed_ms;
    out->waiting = catalog->writers.pending_count;
    out->is_up = out->is_configured && failed_ms == 0;
    out->since_ms = failed_ms == 0 ? catalog->up_ms : failed_ms;
    if (failed_ms != 0) {
        (void)snprintf(out->error, sizeof(out->error), "%s", catalog->down_text);
    }
    pthread_mutex_unlock(&catalog->lock);
}

void catalog_waiting(struct catalog *catalog, size_t *ids, uint64_t *down_ms)
{
    uint64_t now_ms = clock_mono_ms();

    pthread_mutex_lock(&catalog->lock);
    *ids = catalog->writers.pending_count;
    *down_ms =
        catalog->writers.failed_ms == 0 ? 0 : MAX_OF(now_ms - catalog->writers.failed_ms, 1U);
    pthread_mutex_unlock(&catalog->lock);
}
