/*
 * Opening and closing a consumer. Both have a deadline: to leave the group and to free the handle
 * of the library are known to hang.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/conf.h"
#include "kafka/source_inside.h"

enum { WINDOW_MAX = 65536, WINDOW_MOST = 1 << 24, CLOSE_WAIT_MS = 20 };

/* opening */

static enum err_code subscribe(struct source *source, struct err *err)
{
    rd_kafka_topic_partition_list_t *topics =
        rd_kafka_topic_partition_list_new((int)source->kafka->topic_count);
    rd_kafka_resp_err_t error;

    for (size_t i = 0; i < source->kafka->topic_count; i++) {
        char *topic = mem_text(source->kafka->topics[i]);

        rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
        free(topic);
    }
    error = rd_kafka_subscribe(source->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return FAIL(err, ERR_CONFIG, "kafka.topics: %s", rd_kafka_err2str(error));
    }
    return ERR_OK;
}

void source_fail(struct source *source)
{
    rd_kafka_resp_err_t cause;
    char why[256];

    if (source->is_fatal) {
        return;
    }
    source->is_fatal = true;
    cause = rd_kafka_fatal_error(source->rk, why, sizeof(why));
    (void)FAIL(&source->failure, ERR_STATE, "the Kafka consumer failed for good: %s (%s): %s", why,
               rd_kafka_err2name(cause), client_error_of(cause)->way_out);
    LOG_ERROR("source.fatal", "worker=%u error=%s text=%s next=%s", source->worker_index,
              rd_kafka_err2name(cause), LOG_Q(why), LOG_Q(client_error_of(cause)->way_out));
}

static void take_error(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
    if (error == RD_KAFKA_RESP_ERR__FATAL) {
        source_fail(opaque);
    } else {
        client_report(rk, (rd_kafka_resp_err_t)error, reason);
    }
}

static enum err_code make_client(struct source *source, const struct config *config,
                                 struct err *err)
{
    char client_id[64];
    const struct conf_pair owned[] = {{"client.id", client_id}};
    rd_kafka_conf_t *conf;
    enum err_code rc = kafka_conf(config, true, &conf, err);

    if (rc != ERR_OK) {
        return rc;
    }
    snprintf(client_id, sizeof(client_id), "detour-%u", source->worker_index);
    rc = hints_watch(source, conf, err);
    if (rc != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    assignment_init(
        &source->assignment, source->worker_index,
        MIN_OF(MAX_OF(config->in_flight.events, (uint32_t)WINDOW_MAX), (uint32_t)WINDOW_MOST),
        (uint64_t)conf_number(conf, "session.timeout.ms", 45000), source->now_ms);
    assignment_keep_books(&source->assignment, &source->events.books);
    rd_kafka_conf_set_rebalance_cb(conf, rebalance_note);
    rd_kafka_conf_set_error_cb(conf, take_error);
    rd_kafka_conf_set_opaque(conf, source);
    rc = conf_open(RD_KAFKA_CONSUMER, conf, owned, COUNT_OF(owned), &source->rk, err);
    if (rc != ERR_OK) {
        return rc;
    }
    rd_kafka_poll_set_consumer(source->rk);
    source->messages = rd_kafka_queue_get_consumer(source->rk);
    source->commits = rd_kafka_queue_new(source->rk);
    rd_kafka_queue_io_event_enable(source->messages, source->fd, &(uint64_t){1}, sizeof(uint64_t));
    return ERR_OK;
}

/* What is left when the library's handle is gone or was never made. */
static void free_source(struct source *source)
{
    assignment_fini(&source->assignment);
    free(source->hints);
    free(source->is_first);
    free(source->is_begun);
    if (source->fd >= 0) {
        close(source->fd);
    }
    free(source);
}

enum err_code source_open(const struct config *config, unsigned worker_index,
                          const struct source_events *events, struct source **out, struct err *err)
{
    struct source *source = mem_new(struct source);
    enum err_code rc;

    PRE(events->revoked != NULL);

    source->kafka = &config->kafka;
    source->worker_index = worker_index;
    source->errors = (struct active_errors){.owner = CLIENT_IS_CONSUMER, .worker = worker_index};
    source->events = *events;
    source->now_ms = clock_mono_ms();
    source->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (source->fd < 0) {
        free_source(source);
        return FAIL(err, ERR_IO,
                    "no descriptor for the Kafka consumer: raise the open files limit");
    }
    rc = make_client(source, config, err);
    if (rc != ERR_OK) {
        free_source(source);
        return rc;
    }
    start_look(source);
    rc = subscribe(source, err);
    if (rc != ERR_OK) {
        (void)source_close(source, clock_mono_ms() + 1000);
        return rc;
    }
    *out = source;
    return ERR_OK;
}

/* closing */

/* A rebalance goes on while the process ends: what comes is refused, and the caller has finished
 * what it could of what goes. */
static void step_closing(struct source *source)
{
    if (source->state == SOURCE_GOING) {
        source_let_go(source);
    } else if (source->state == SOURCE_COMING) {
        rebalance_lose(source);
        rd_kafka_assign(source->rk, NULL);
    } else {
        (void)rebalance_step(source);
    }
}

/* Leave the group. It takes the partitions back, and what was settled is committed then. */
static void leave(struct source *source)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(source->rk);
    rd_kafka_error_t *error;

    while (source->state != SOURCE_STEADY && clock_mono_ms() < source->close_by_ms) {
        step_closing(source); /* one at a time: the library forgets what it waits for */
        rd_kafka_queue_poll_callback(source->commits, CLOSE_WAIT_MS);
    }
    error = rd_kafka_consumer_close_queue(source->rk, queue);
    while (error == NULL && !rd_kafka_consumer_closed(source->rk) &&
           clock_mono_ms() < source->close_by_ms) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue, CLOSE_WAIT_MS);

        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
        step_closing(source);
    }
    rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(queue);
}

bool source_close(struct source *source, uint64_t deadline_ms)
{
    bool is_committed;
    _Atomic uint32_t *hints;

    if (source == NULL) {
        return true;
    }
    source->close_by_ms = MAX_OF(deadline_ms, 1u);
    source->is_committed_at_close = true;
    if (source->kept != NULL) {
        rd_kafka_message_destroy(source->kept);
        source->kept = NULL;
    }
    if (!source->is_fatal) {
        leave(source);
    }
    rebalance_lose(source); /* the group did not take them back in time */
    is_committed = source->is_committed_at_close;
    rd_kafka_queue_io_event_enable(source->messages, -1, NULL, 0);
    rd_kafka_queue_destroy(source->messages);
    rd_kafka_queue_destroy(source->commits);
    hints = source->hints;
    source->hints = NULL;
    if (client_destroy(source->rk, MAX_OF(deadline_ms, clock_mono_ms() + 100))) {
        free(hints);
    } else { /* its threads count on */
        LOG_WARN("source.close", "worker=%u text=%s", source->worker_index,
                 LOG_Q("the client library does not end; left behind"));
    }
    free_source(source);
    return is_committed;
}
