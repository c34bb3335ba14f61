#include "trial/feed.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/token_bucket.h"
#include "kafka/conf.h"
#include "kafka/source.h"

enum {
    BURST_S = 1,
    PRODUCE_PER_TURN = 2000,
    TYPES_MAX = 64,
    BAD_BITS = 4,
    FLAG_BITS = BAD_BITS + 1
};

struct feed {
    rd_kafka_t *rk;          /* owned */
    rd_kafka_topic_t *topic; /* owned */
    struct generator *generator;
    struct feed_options options;
    struct feed_totals totals;
    struct token_bucket bucket; /* unless as fast as can be */
    struct generated next;      /* made and not yet taken by the library */
    bool has_next;
    enum err_code failed; /* a report that was no acknowledgement: the first */
    char why[128];
};

/* All that a report has to tell fits where the library keeps a pointer for us. */
static void *pack(const struct generated *generated)
{
    return (void *)(uintptr_t)((generated->index << FLAG_BITS) | ((uint64_t)generated->bad << 1) |
                               (generated->has_consent ? 1 : 0));
}

static void take_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *context)
{
    struct feed *feed = context;
    uint64_t packed = (uint64_t)(uintptr_t)message->_private;
    struct feed_report report = {
        .index = packed >> FLAG_BITS,
        .bad = (enum bad_kind)(packed >> 1 & ((1u << BAD_BITS) - 1)),
        .has_consent = (packed & 1) != 0,
        .is_acknowledged = message->err == RD_KAFKA_RESP_ERR_NO_ERROR,
        .partition = message->partition,
        .offset = message->offset,
    };

    (void)rk;
    if (report.is_acknowledged) {
        feed->totals.acknowledged++;
    } else {
        feed->totals.failed++;
        if (feed->failed == ERR_OK) {
            feed->failed = ERR_NET;
            snprintf(feed->why, sizeof(feed->why), "%s", rd_kafka_err2str(message->err));
        }
    }
    if (feed->options.done != NULL) {
        feed->options.done(feed->options.context, &report);
    }
}

/* A topic that is not there would be waited for until every record has timed out. */
static enum err_code find_topic(struct feed *feed, struct span brokers, struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(feed->rk, 0, feed->topic, &metadata,
                                               (int)MIN_OF(feed->options.timeout_ms, 600000u));
    enum err_code code = ERR_OK;

    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return FAIL(err, ERR_NET, "no broker of " SPAN_FMT " answers: %s (kafka.brokers)",
                    SPAN_ARG(brokers), rd_kafka_err2str(rc));
    }
    if (metadata->topic_cnt != 1 || metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR ||
        metadata->topics[0].partition_cnt == 0) {
        rc = metadata->topic_cnt == 1 ? metadata->topics[0].err
                                      : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        code = FAIL(err, ERR_ABSENT, "topic %s cannot be written: %s (detour topics --create?)",
                    feed->options.topic, rd_kafka_err2str(rc));
    }
    rd_kafka_metadata_destroy(metadata);
    return code;
}

/* A feed that was held up catches up with a second's worth at most. It begins with none. */
static void open_bucket(struct feed *feed)
{
    double rate = feed->options.rate;

    if (rate > 0.0) {
        token_bucket_init(&feed->bucket, rate, rate * BURST_S, clock_mono_ms());
        feed->bucket.tokens = 0.0;
    }
}

enum err_code feed_open(const struct config *config, struct generator *generator,
                        const struct feed_options *options, struct feed **out, struct err *err)
{
    struct feed *feed = mem_new(struct feed);
    rd_kafka_conf_t *conf = NULL;
    enum err_code rc = kafka_conf(config, false, &conf, err); /* idempotent, acks=all */

    feed->generator = generator;
    feed->options = *options;
    counts_init(&feed->totals.by_type, TYPES_MAX);
    if (rc == ERR_OK) {
        rd_kafka_conf_set_opaque(conf, feed);
        rd_kafka_conf_set_dr_msg_cb(conf, take_report);
        rc = conf_open(RD_KAFKA_PRODUCER, conf, NULL, 0, &feed->rk, err);
    }
    if (rc == ERR_OK) {
        feed->topic = rd_kafka_topic_new(feed->rk, options->topic, NULL);
        rc = feed->topic == NULL ? FAIL(err, ERR_CONFIG, "topic %s: %s", options->topic,
                                        rd_kafka_err2str(rd_kafka_last_error()))
                                 : find_topic(feed, config->kafka.brokers, err);
    }
    if (rc != ERR_OK) {
        feed_close(feed);
        return rc;
    }
    open_bucket(feed);
    *out = feed;
    return ERR_OK;
}

static bool is_due(const struct feed *feed, uint64_t now_ms)
{
    return feed->totals.produced < feed->options.count_max &&
           (feed->options.rate <= 0.0 || token_bucket_wait_ms(&feed->bucket, now_ms) == 0);
}

static void count_produced(struct feed_totals *totals, const struct generated *generated)
{
    totals->produced++;
    totals->bytes += generated->value.len;
    totals->by_kind[generated->bad]++;
    if (generated->bad != BAD_NONE) {
        totals->bad++;
        return;
    }
    totals->good++;
    totals->without_consent += generated->has_consent ? 0 : 1;
    counts_add(&totals->by_type, generated->event_type);
}

/* One record handed over; *@is_full when the library's queue takes no more just now. */
static enum err_code produce_one(struct feed *feed, bool *is_full, struct err *err)
{
    struct generated *next = &feed->next;
    enum err_code rc = ERR_OK;

    if (!feed->has_next) {
        rc = generator_next(feed->generator, clock_wall_ms(), next, err);
        if (rc != ERR_OK) {
            return rc;
        }
        feed->has_next = true;
    }
    if (rd_kafka_produce(feed->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                         (void *)(uintptr_t)next->value.ptr, next->value.len, next->key.ptr,
                         next->key.len, pack(next)) == 0) {
        count_produced(&feed->totals, next);
        feed->has_next = false;
        if (feed->options.rate > 0.0) {
            (void)token_bucket_take(&feed->bucket, clock_mono_ms());
        }
        return ERR_OK;
    }
    *is_full = rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    if (!*is_full) {
        return FAIL(err, ERR_NET, "record %llu cannot be produced: %s",
                    (unsigned long long)next->index, rd_kafka_err2str(rd_kafka_last_error()));
    }
    return ERR_OK;
}

enum err_code feed_turn(struct feed *feed, uint64_t wait_ms, bool *is_done, struct err *err)
{
    uint64_t now_ms = clock_mono_ms();
    size_t count = 0;
    bool is_full = false;

    while (count < PRODUCE_PER_TURN && !is_full && is_due(feed, now_ms)) {
        enum err_code rc = produce_one(feed, &is_full, err);

        if (rc != ERR_OK) {
            return rc;
        }
        count++;
    }
    *is_done = feed->totals.produced >= feed->options.count_max;
    rd_kafka_poll(feed->rk, count > 0 && !is_full ? 0 : (int)MIN_OF(wait_ms, 1000u));
    if (feed->failed != ERR_OK) {
        return FAIL(err, feed->failed, "a record was not acknowledged: %s", feed->why);
    }
    return ERR_OK;
}

enum err_code feed_finish(struct feed *feed, uint64_t timeout_ms, struct err *err)
{
    rd_kafka_resp_err_t rc = rd_kafka_flush(feed->rk, (int)MIN_OF(timeout_ms, 600000u));
    uint64_t missing;

    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR) { /* what is given up now is reported as failed */
        rd_kafka_purge(feed->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(feed->rk, 1000);
    }
    missing = feed->totals.produced - feed->totals.acknowledged;
    if (missing > 0) {
        return FAIL(err, ERR_NET, "%llu of %llu records were not acknowledged: %s",
                    (unsigned long long)missing, (unsigned long long)feed->totals.produced,
                    feed->why[0] != '\0' ? feed->why : rd_kafka_err2str(rc));
    }
    return ERR_OK;
}

const struct feed_totals *feed_totals(const struct feed *feed)
{
    return &feed->totals;
}

void feed_close(struct feed *feed)
{
    if (feed == NULL) {
        return;
    }
    if (feed->topic != NULL) {
        rd_kafka_topic_destroy(feed->topic);
    }
    if (feed->rk != NULL) {
        rd_kafka_purge(feed->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(feed->rk, 100);
        rd_kafka_destroy(feed->rk);
    }
    counts_fini(&feed->totals.by_type);
    free(feed);
}
