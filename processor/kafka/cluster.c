#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/cluster_inside.h"

struct cluster *cluster_new(const struct config *config)
{
    struct cluster *cluster = mem_new(struct cluster);
    pthread_condattr_t attributes;

    cluster->config = config;
    cluster->workers = mem_array(config->workers, struct cluster_worker);
    cluster->since_ms = clock_mono_ms();
    cluster->own = (struct active_errors){.owner = CLIENT_IS_CLUSTER};
    (void)snprintf(cluster->error, sizeof(cluster->error), "not asked yet");
    pthread_mutex_init(&cluster->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&cluster->is_wanted, &attributes);
    pthread_condattr_destroy(&attributes);
    return cluster;
}

/* Signals are for the main thread: this one is born with all of them blocked. */
enum err_code cluster_start(struct cluster *cluster, struct err *err)
{
    enum err_code rc = cluster_open_clients(cluster, err);
    sigset_t all;
    sigset_t before;

    if (rc != ERR_OK) {
        return rc;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    cluster->has_thread = pthread_create(&cluster->thread, NULL, cluster_serve, cluster) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return cluster->has_thread ? ERR_OK
                               : FAIL(err, ERR_LIMIT, "no thread to watch the Kafka cluster");
}

static void drop_held(struct cluster_worker *worker)
{
    for (size_t i = 0; i < worker->count; i++) {
        free(worker->held[i].topic);
    }
    free(worker->held);
    worker->held = NULL;
    worker->count = 0;
    worker->generation++;
}

void cluster_free(struct cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    if (cluster->has_thread) {
        pthread_mutex_lock(&cluster->lock);
        cluster->is_stopping = true;
        pthread_cond_signal(&cluster->is_wanted);
        pthread_mutex_unlock(&cluster->lock);
        pthread_join(cluster->thread, NULL);
    }
    cluster_close_clients(cluster);
    for (unsigned w = 0; w < cluster->config->workers; w++) {
        drop_held(&cluster->workers[w]);
    }
    free(cluster->workers);
    pthread_cond_destroy(&cluster->is_wanted);
    pthread_mutex_destroy(&cluster->lock);
    free(cluster);
}

/* reporting */

static bool is_same(const struct cluster_worker *worker, struct source_partition *const *partitions,
                    size_t count)
{
    if (worker->count != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (worker->held[i].partition != partitions[i]->partition ||
            strcmp(worker->held[i].topic, partitions[i]->topic) != 0) {
            return false;
        }
    }
    return true;
}

static void hold(struct cluster *cluster, struct cluster_worker *worker,
                 struct source_partition *const *partitions, size_t count)
{
    drop_held(worker);
    worker->held = mem_array(count, struct cluster_held);
    worker->count = count;
    for (size_t i = 0; i < count; i++) {
        worker->held[i].topic = mem_text(span_of(partitions[i]->topic));
        worker->held[i].partition = partitions[i]->partition;
    }
    cluster->is_new = count > 0;
    pthread_cond_signal(&cluster->is_wanted);
}

void cluster_report(struct cluster *cluster, unsigned worker_index,
                    const struct cluster_report *report, struct cluster_mark *marks)
{
    struct cluster_worker *worker = &cluster->workers[worker_index];

    PRE(worker_index < cluster->config->workers);
    pthread_mutex_lock(&cluster->lock);
    worker->consumer = *report->consumer;
    worker->producer = *report->producer;
    if (!is_same(worker, report->partitions, report->count)) {
        hold(cluster, worker, report->partitions, report->count);
    }
    for (size_t i = 0; i < report->count; i++) {
        marks[i] = worker->held[i].mark;
    }
    pthread_mutex_unlock(&cluster->lock);
}

/* looking */

static void add_errors(const struct active_errors *errors, struct cluster_view *out)
{
    for (size_t i = 0; i < errors->count; i++) {
        if (out->error_count == CLUSTER_ERRORS_MAX) {
            out->errors_unseen++;
            continue;
        }
        out->errors[out->error_count++] =
            (struct cluster_error){errors->owner, errors->worker, errors->items[i]};
    }
}

void cluster_look(struct cluster *cluster, struct cluster_view *out)
{
    out->error_count = 0;
    out->errors_unseen = 0;
    pthread_mutex_lock(&cluster->lock);
    out->is_up = cluster->is_up;
    out->since_ms = cluster->since_ms;
    (void)snprintf(out->error, sizeof(out->error), "%s", cluster->error);
    add_errors(&cluster->own, out);
    for (unsigned w = 0; w < cluster->config->workers; w++) {
        add_errors(&cluster->workers[w].consumer, out);
        add_errors(&cluster->workers[w].producer, out);
    }
    pthread_mutex_unlock(&cluster->lock);
}

bool cluster_is_up(struct cluster *cluster)
{
    bool is_up;

    pthread_mutex_lock(&cluster->lock);
    is_up = cluster->is_up;
    pthread_mutex_unlock(&cluster->lock);
    return is_up;
}

static void say_error(const struct active_error *active, struct buf *why)
{
    const struct client_error *error = client_error_of(active->code);

    buf_printf(why, "%s%s%s (%s): ", error->meaning, active->resource[0] == '\0' ? "" : ": ",
               active->resource, rd_kafka_err2name(active->code));
    client_error_advise(error, active->resource, false, why);
}

/* Of the watch's own: a broker that cannot be used does not matter while others answer. */
static const struct active_error *worst_of_own(const struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->own.count; i++) {
        const struct active_error *at = &cluster->own.items[i];
        const struct client_error *error = client_error_of(at->code);

        if (!error->passes && (error->about == ABOUT_TOPIC || !cluster->is_up)) {
            return at;
        }
    }
    return NULL;
}

/* What a producer meets stops single partitions, by name; a consumer's stops all. */
bool cluster_is_ready(struct cluster *cluster, struct buf *why)
{
    const struct active_error *worst;

    pthread_mutex_lock(&cluster->lock);
    worst = worst_of_own(cluster);
    for (unsigned w = 0; w < cluster->config->workers && worst == NULL; w++) {
        worst = active_error_worst(&cluster->workers[w].consumer);
    }
    if (worst != NULL) {
        say_error(worst, why);
    } else if (!cluster->is_up) {
        buf_printf(why, "no Kafka broker answers: %s", cluster->error);
    }
    pthread_mutex_unlock(&cluster->lock);
    return why->len == 0;
}
