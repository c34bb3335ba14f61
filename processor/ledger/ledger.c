#include "ledger/ledger.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/client_errors.h"
#include "kafka/conf.h"
#include "kafka/source.h"

enum { POLL_MS = 50, TELL_MS = 30000, CLOSE_MS = 2000, THREAD_STACK_BYTES = 256 * 1024 };

struct ledger_ticket {
    size_t open; /* records that are not done */
    bool is_failed;
    bool is_dropped;
    int wake_fd;
};

struct ledger {
    rd_kafka_t *rk; /* owned */
    char *topic;    /* owned */
    pthread_t thread;
    bool has_thread;
    _Atomic bool is_stopping;
    pthread_mutex_t lock; /* of the tickets */
    _Atomic bool is_up;
    uint64_t told_ms; /* of its thread, or under the lock */
    uint64_t failures;
};

/* tickets, under the lock */

static void tell(struct ledger *ledger, rd_kafka_resp_err_t error)
{
    uint64_t now_ms = clock_mono_ms();

    ledger->failures++;
    atomic_store(&ledger->is_up, false);
    if (ledger->told_ms != 0 && now_ms < ledger->told_ms + TELL_MS) {
        return;
    }
    ledger->told_ms = now_ms;
    LOG_ERROR("ledger.failed", "topic=%s error=%s failures=%" PRIu64 " next=%s",
              LOG_Q(ledger->topic), rd_kafka_err2name(error), ledger->failures,
              LOG_Q(error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
                        ? "set max.message.bytes of the ledger's topic to 1 MiB"
                        : client_error_of(error)->way_out));
}

static void finish(struct ledger *ledger, struct ledger_ticket *ticket, rd_kafka_resp_err_t error)
{
    INVARIANT(ticket->open > 0);
    ticket->open--;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        ticket->is_failed = true;
        tell(ledger, error);
    } else {
        atomic_store(&ledger->is_up, true);
        ledger->told_ms = 0;
        ledger->failures = 0;
    }
    if (ticket->open > 0) {
        return;
    }
    if (ticket->is_dropped) {
        free(ticket);
    } else if (ticket->wake_fd >= 0) {
        uint64_t one = 1;
        /* Full: whoever waits is awake already. */
        ssize_t written = write(ticket->wake_fd, &one, sizeof(one));

        (void)written;
    }
}

static void take_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct ledger *ledger = opaque;

    (void)rk;
    pthread_mutex_lock(&ledger->lock);
    finish(ledger, message->_private, message->err);
    pthread_mutex_unlock(&ledger->lock);
}

static void produce(struct ledger *ledger, struct ledger_ticket *ticket, struct span key,
                    struct span record)
{
    rd_kafka_resp_err_t error = rd_kafka_producev(
        ledger->rk, RD_KAFKA_V_TOPIC(ledger->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(key.ptr, key.len),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)record.ptr, record.len), RD_KAFKA_V_OPAQUE(ticket),
        RD_KAFKA_V_END);

    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        finish(ledger, ticket, error);
    }
}

/* the sink */

static struct ledger_ticket *send_records(void *context, struct span key,
                                          const struct span *records, size_t count, int wake_fd)
{
    struct ledger *ledger = context;
    struct ledger_ticket *ticket = mem_new(struct ledger_ticket);

    PRE(count > 0);
    ticket->open = count;
    ticket->wake_fd = wake_fd;
    pthread_mutex_lock(&ledger->lock);
    for (size_t i = 0; i < count; i++) {
        produce(ledger, ticket, key, records[i]);
    }
    pthread_mutex_unlock(&ledger->lock);
    return ticket;
}

static enum tally_state state_of(void *context, const struct ledger_ticket *ticket)
{
    struct ledger *ledger = context;
    enum tally_state state = TALLY_WRITING;

    pthread_mutex_lock(&ledger->lock);
    if (ticket->open == 0) {
        state = ticket->is_failed ? TALLY_FAILED : TALLY_WRITTEN;
    }
    pthread_mutex_unlock(&ledger->lock);
    return state;
}

static void drop(void *context, struct ledger_ticket *ticket)
{
    struct ledger *ledger = context;

    pthread_mutex_lock(&ledger->lock);
    ticket->is_dropped = true;
    if (ticket->open == 0) {
        free(ticket);
    }
    pthread_mutex_unlock(&ledger->lock);
}

struct ledger_sink ledger_sink(struct ledger *ledger)
{
    return (struct ledger_sink){
        .context = ledger, .send = send_records, .state = state_of, .drop = drop};
}

bool ledger_is_up(const struct ledger *ledger)
{
    return atomic_load(&ledger->is_up);
}

/* life */

static void *serve(void *context)
{
    struct ledger *ledger = context;

    (void)pthread_setname_np(pthread_self(), "detour-ledger");
    while (!atomic_load_explicit(&ledger->is_stopping, memory_order_relaxed)) {
        rd_kafka_poll(ledger->rk, POLL_MS);
    }
    return NULL;
}

static void take_error(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
    (void)opaque;
    client_report(rk, (rd_kafka_resp_err_t)error, reason);
}

static enum err_code make_client(struct ledger *ledger, const struct config *config,
                                 struct err *err)
{
    static const struct conf_pair owned[] = {{"client.id", "detour-ledger"},
                                             {"enable.idempotence", "false"},
                                             {"acks", "all"},
                                             {"linger.ms", "5"},
                                             {"message.timeout.ms", "30000"}};
    rd_kafka_conf_t *conf = NULL;
    enum err_code rc = kafka_conf(config, false, &conf, err);

    if (rc != ERR_OK) {
        return rc;
    }
    rd_kafka_conf_set_dr_msg_cb(conf, take_report);
    rd_kafka_conf_set_error_cb(conf, take_error);
    rd_kafka_conf_set_opaque(conf, ledger);
    return conf_open(RD_KAFKA_PRODUCER, conf, owned, COUNT_OF(owned), &ledger->rk, err);
}

static void free_ledger(struct ledger *ledger)
{
    pthread_mutex_destroy(&ledger->lock);
    free(ledger->topic);
    free(ledger);
}

enum err_code ledger_open(const struct config *config, struct ledger **out, struct err *err)
{
    struct ledger *ledger = mem_new(struct ledger);
    pthread_attr_t attributes;
    enum err_code rc;
    int failed;

    pthread_mutex_init(&ledger->lock, NULL);
    ledger->topic = mem_text(config->ledger.topic);
    atomic_store(&ledger->is_up, true);
    rc = make_client(ledger, config, err);
    if (rc != ERR_OK) {
        free_ledger(ledger);
        return rc;
    }
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    failed = pthread_create(&ledger->thread, &attributes, serve, ledger);
    (void)pthread_attr_destroy(&attributes);
    ledger->has_thread = failed == 0;
    if (failed != 0) {
        ledger_close(ledger, 0);
        return FAIL(err, ERR_LIMIT, "no thread for the ledger");
    }
    *out = ledger;
    return ERR_OK;
}

void ledger_close(struct ledger *ledger, uint64_t deadline_ms)
{
    uint64_t now_ms = clock_mono_ms();

    if (ledger == NULL) {
        return;
    }
    atomic_store(&ledger->is_stopping, true);
    if (ledger->has_thread) {
        (void)pthread_join(ledger->thread, NULL);
    }
    if (deadline_ms > now_ms) {
        (void)rd_kafka_flush(ledger->rk, (int)(deadline_ms - now_ms));
    }
    rd_kafka_purge(ledger->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(ledger->rk, 0);
    if (!client_destroy(ledger->rk, clock_mono_ms() + CLOSE_MS)) {
        LOG_WARN("ledger.close", "text=%s", LOG_Q("the client library does not end; left behind"));
        return; /* its threads may still report */
    }
    free_ledger(ledger);
}
