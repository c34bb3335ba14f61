/*
 * Happy path: a worker meets an unknown id; ask() queues it, notes the worker's eventfd
 * and wakes the thread; the thread takes it, asks without the lock, resolves the schema
 * to its reader, settles it in the table and writes to every eventfd noted.
 *
 * It can go wrong: the registry is down or refuses (all ids wait, longer each time; said
 * once, again when the cause is another one, and once more when it is back), it talks nonsense
 * about one id (that id waits; said once for a cause, however many ids it meets), it has no such id
 * (UNKNOWN, forgotten after a minute), the schema cannot be used (INCOMPATIBLE), the catalog is
 * freed meanwhile (the question is aborted).
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

enum { UNKNOWN_SAID_MS = 10 * 1000 };

/* Room for a text with the id before it. */
enum { TEXT_BYTES = ERR_TEXT_BYTES + 64 };

/* Note who wants to hear of the next answer. Ids are few and workers fewer: a list will do. */
static void note_waker(struct catalog *catalog, int wake_fd)
{
    int copy;

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

/* Those who still wait ask again and are noted again. */
static void wake_all(struct catalog *catalog)
{
    uint64_t one = 1;

    for (size_t i = 0; i < catalog->waker_count; i++) {
        /* a full eventfd is readable, which is all that is wanted */
        (void)!write(catalog->wakers[i].fd, &one, sizeof(one));
        close(catalog->wakers[i].fd);
    }
    catalog->waker_count = 0;
}

const struct writer *catalog_thread_ask(struct catalog *catalog, uint64_t key, int wake_fd)
{
    struct writers_answer answer = writers_ask(&catalog->writers, key, clock_mono_ms());

    if (answer.is_new_question) {
        pthread_cond_signal(&catalog->has_work);
    }
    if (answer.is_refused) {
        LOG_WARN("registry.queue_full", "ids=%zu", catalog->writers.pending_count);
    }
    if (answer.writer->state == WRITER_PENDING && wake_fd >= 0) {
        note_waker(catalog, wake_fd);
    }
    return answer.writer;
}

static void tell_unknown(struct catalog *catalog, uint64_t key, uint64_t now_ms)
{
    if (catalog->unknown_said_ms != 0 && now_ms - catalog->unknown_said_ms < UNKNOWN_SAID_MS) {
        catalog->unknown_unsaid++;
        return;
    }
    LOG_WARN("schema.unknown", "id=%llu others=%zu", (unsigned long long)key,
             catalog->unknown_unsaid);
    catalog->unknown_said_ms = now_ms;
    catalog->unknown_unsaid = 0;
}

static void tell(struct catalog *catalog, uint64_t key, const struct writer *writer,
                 uint64_t now_ms)
{
    const struct writers *writers = &catalog->writers;

    if (writers->failed_ms != 0) {
        LOG_INFO("registry.up", "down_ms=%llu waiting=%zu failures=%u",
                 (unsigned long long)(now_ms - writers->failed_ms), writers->pending_count,
                 writers->failures);
    }
    if (writer->state == WRITER_READY) {
        LOG_INFO("schema.loaded", "id=%llu record=%s reader=%s", (unsigned long long)key,
                 LOG_S(writer->record_name),
                 LOG_S(catalog->readers.schemas[writer->reader]->root->name));
    } else if (writer->state == WRITER_UNKNOWN) {
        tell_unknown(catalog, key, now_ms);
    } else {
        LOG_WARN("schema.incompatible", "id=%llu error=%s", (unsigned long long)key,
                 LOG_Q(writer->text));
    }
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
    tell(catalog, key, writer, now_ms);
    catalog->up_ms = catalog->writers.failed_ms == 0 ? catalog->up_ms : now_ms;
    catalog->nonsense_cause = 0; /* it has answered: the next nonsense is news */
    writers_settle(&catalog->writers, key, writer, now_ms);
    wake_all(catalog);
}

/* It did not: with the lock held. */
static void postpone(struct catalog *catalog, uint64_t key, enum err_code rc, const struct err *err)
{
    bool is_everyone = rc != ERR_BUSY;
    bool was_up = catalog->writers.failed_ms == 0;
    uint64_t cause = registry_cause(catalog->registry);
    bool is_new_to_id = writers_note_cause(&catalog->writers, key, cause);

    (void)writers_failed(&catalog->writers, key, is_everyone, clock_mono_ms());
    if (is_everyone) {
        (void)snprintf(catalog->down_text, sizeof(catalog->down_text), "%s", err->text);
    }
    if (is_everyone && (was_up || cause != catalog->down_cause)) {
        LOG_WARN("registry.down", "waiting=%zu error=%s", catalog->writers.pending_count,
                 LOG_Q(err->text));
        catalog->down_cause = cause;
    } else if (!is_everyone && is_new_to_id && cause != catalog->nonsense_cause) {
        LOG_WARN("schema.unanswered", "id=%llu waiting=%zu error=%s", (unsigned long long)key,
                 catalog->writers.pending_count, LOG_Q(err->text));
        catalog->nonsense_cause = cause;
    }
}

/* One question, from the table and back. Called with the lock held, which is let go meanwhile. */
static void ask_one(struct catalog *catalog, uint64_t key)
{
    struct schema *schema = NULL;
    struct writer writer = {.state = WRITER_INCOMPATIBLE};
    struct err err;
    enum err_code rc;

    pthread_mutex_unlock(&catalog->lock);
    rc = registry_fetch(catalog->registry, (uint32_t)key, &schema, &err);
    if (rc == ERR_OK) {
        catalog_resolve(catalog, schema, &writer, &err);
    } else if (rc == ERR_ABSENT) {
        writer.state = WRITER_UNKNOWN;
    }
    pthread_mutex_lock(&catalog->lock);
    if (rc == ERR_OK || rc == ERR_ABSENT || rc == ERR_DATA) {
        settle(catalog, key, &writer, &err);
    } else if (rc != ERR_STATE) {
        postpone(catalog, key, rc, &err);
    }
    schema_free(schema);
}

static void wait_for_work(struct catalog *catalog, uint64_t wait_ms)
{
    struct timespec until;

    if (wait_ms == UINT64_MAX) {
        pthread_cond_wait(&catalog->has_work, &catalog->lock);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(wait_ms / 1000);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&catalog->has_work, &catalog->lock, &until);
}

static void *serve(void *context)
{
    struct catalog *catalog = context;

    pthread_mutex_lock(&catalog->lock);
    while (!catalog->is_stopping) {
        uint64_t wait_ms = 0;
        uint64_t key = 0;

        if (writers_next(&catalog->writers, clock_mono_ms(), &key, &wait_ms)) {
            ask_one(catalog, key);
        } else {
            wait_for_work(catalog, wait_ms);
        }
    }
    pthread_mutex_unlock(&catalog->lock);
    return NULL;
}

/* Signals are for the main thread: this one is born with all of them blocked. */
static enum err_code start_thread(struct catalog *catalog, struct err *err)
{
    sigset_t all;
    sigset_t before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&catalog->thread, NULL, serve, catalog);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    catalog->has_thread = rc == 0;
    return rc == 0 ? ERR_OK
                   : FAIL(err, ERR_IO, "no thread for the schema registry: %s", strerror(rc));
}

enum err_code catalog_probe(struct catalog *catalog, struct err *err)
{
    PRE(!catalog->has_thread);

    return catalog->registry == NULL ? ERR_OK : registry_probe(catalog->registry, err);
}

enum err_code catalog_start(struct catalog *catalog, struct err *err)
{
    struct err why;
    enum err_code rc = catalog_probe(catalog, &why);

    if (catalog->registry == NULL) {
        return ERR_OK;
    }
    if (rc == ERR_BUSY) { /* known ids need no registry, and one in trouble may come round */
        LOG_WARN("registry.strange", "error=%s", LOG_Q(why.text));
        rc = ERR_OK;
    } else if (rc != ERR_OK && err != NULL) {
        *err = why;
    }
    catalog->up_ms = clock_mono_ms();
    return rc == ERR_OK ? start_thread(catalog, err) : rc;
}

void catalog_thread_stop(struct catalog *catalog)
{
    if (!catalog->has_thread) {
        return;
    }
    pthread_mutex_lock(&catalog->lock);
    catalog->is_stopping = true;
    pthread_cond_signal(&catalog->has_work);
    pthread_mutex_unlock(&catalog->lock);
    registry_abort(catalog->registry);
    pthread_join(catalog->thread, NULL);
    catalog->has_thread = false;
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
