/*
 * Happy path: the topic's partitions are asked for, then where each begins and ends; those that
 * have something are assigned, and records come until every partition has reached its end.
 */
#include "kafka/topic_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/conf.h"
#include "kafka/source.h"

enum {
    ASK_MS = 10000,
    POLL_MS = 100,
    IDLE_MS = 15000,
    FOLLOW_IDLE_MS = 60000, /* who follows a topic waits longer for a broker that restarts */
    CLOSE_MS = 3000,
};

struct scan_partition {
    int64_t first, end; /* what it holds, when the scan began */
    int64_t from;       /* where this scan begins in it */
    int64_t oldest;     /* the first record that has a time; -1: none. Asked where it matters */
    int64_t next;       /* the offset to come */
    int64_t to;         /* behind the last one wanted */
    bool is_open;
};

struct topic_scan {
    rd_kafka_t *rk; /* owned */
    char *topic;    /* owned */
    struct scan_range range;
    struct scan_partition *partitions; /* owned */
    int32_t count;
    int32_t open; /* of them: not at their end */
    uint64_t total, done;
    uint64_t idle_since_ms;  /* monotonic */
    rd_kafka_resp_err_t met; /* the last error of the client */
    char met_text[200];
};

/* The last thing that is wrong says most: "all brokers are down" comes behind the reason. */
static void take_error(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
    struct topic_scan *scan = opaque;

    (void)rk;
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && scan->met != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    scan->met = (rd_kafka_resp_err_t)error;
    (void)snprintf(scan->met_text, sizeof(scan->met_text), "%s", reason == NULL ? "" : reason);
}

static enum err_code open_client(struct topic_scan *scan, const struct config *config,
                                 struct err *err)
{
    static const struct conf_pair owned[] = {
        {"client.id", "detour-scan"},
        {"allow.auto.create.topics", "false"},
        {"auto.offset.reset", "earliest"}, /* retention may pass the first record meanwhile */
        {"queued.max.messages.kbytes", "16384"},
        {"fetch.message.max.bytes", "262144"}, /* compressed; in memory it is many times that */
        {"fetch.wait.max.ms", "100"},
        {"log_level", "0"}, /* what matters is in the error of the command */
    };
    rd_kafka_conf_t *conf = NULL;
    enum err_code rc = kafka_conf(config, true, &conf, err);

    if (rc == ERR_OK) {
        rd_kafka_conf_set_error_cb(conf, take_error);
        rd_kafka_conf_set_opaque(conf, scan);
        rc = conf_open(RD_KAFKA_CONSUMER, conf, owned, COUNT_OF(owned), &scan->rk, err);
    }
    if (rc == ERR_OK) {
        rd_kafka_poll_set_consumer(scan->rk);
    }
    return rc;
}

/* asking */

static enum err_code no_answer(struct topic_scan *scan, rd_kafka_resp_err_t error, unsigned ms,
                               struct err *err)
{
    (void)rd_kafka_consumer_poll(scan->rk, 0); /* callbacks tell why */
    return FAIL(err, ERR_NET, "Kafka does not answer within %u s: %s", ms / 1000,
                scan->met_text[0] != '\0' ? scan->met_text : rd_kafka_err2str(error));
}

static enum err_code refuse_topic(const struct topic_scan *scan, rd_kafka_resp_err_t error,
                                  struct err *err)
{
    switch ((int)error) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION: /* a name that no topic can have */
        return FAIL(err, ERR_ABSENT, "there is no topic %.249s", scan->topic);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return FAIL(err, ERR_STATE, "topic %.249s must not be read (the right to Read is missing)",
                    scan->topic);
    default:
        return FAIL(err, ERR_STATE, "topic %.249s cannot be read: %s", scan->topic,
                    rd_kafka_err2str(error));
    }
}

static bool is_away(rd_kafka_resp_err_t error)
{
    return error == RD_KAFKA_RESP_ERR__TRANSPORT || error == RD_KAFKA_RESP_ERR__TIMED_OUT ||
           error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
           error == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE || error == RD_KAFKA_RESP_ERR__RESOLVE ||
           error == RD_KAFKA_RESP_ERR__AUTHENTICATION || error == RD_KAFKA_RESP_ERR__SSL;
}

static enum err_code find_partitions(struct topic_scan *scan, struct err *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(scan->rk, scan->topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error;
    enum err_code rc = ERR_OK;

    if (handle == NULL) {
        return refuse_topic(scan, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, err);
    }
    error = rd_kafka_metadata(scan->rk, 0, handle, &metadata, ASK_MS);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = is_away(error) ? no_answer(scan, error, ASK_MS, err) : refuse_topic(scan, error, err);
    } else if (metadata->topic_cnt != 1 || metadata->topics[0].partition_cnt < 1 ||
               metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_NO_ERROR;
        rc = refuse_topic(
            scan,
            error != RD_KAFKA_RESP_ERR_NO_ERROR ? error : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
            err);
    } else {
        scan->count = metadata->topics[0].partition_cnt;
        scan->partitions = mem_array((size_t)scan->count, struct scan_partition);
    }
    if (metadata != NULL) {
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
    return rc;
}

static bool is_wanted(const struct topic_scan *scan, int32_t partition)
{
    return scan->range.partition < 0 || scan->range.partition == partition;
}

/* Where each wanted partition is at @when: a time in ms, or RD_KAFKA_OFFSET_BEGINNING or _END,
 * which the protocol takes in place of one. No record that late: RD_KAFKA_OFFSET_END. */
static enum err_code ask_offsets(struct topic_scan *scan, int64_t when, size_t field,
                                 struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(scan->count);
    rd_kafka_resp_err_t error;
    enum err_code rc = ERR_OK;

    for (int32_t i = 0; i < scan->count; i++) {
        if (is_wanted(scan, i)) {
            rd_kafka_topic_partition_t *at =
                rd_kafka_topic_partition_list_add(list, scan->topic, i);

            at->offset = when;
            at->err = RD_KAFKA_RESP_ERR__TIMED_OUT; /* stays where no answer came */
        }
    }
    error = rd_kafka_offsets_for_times(scan->rk, list, ASK_MS);
    for (int i = 0; i < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        const rd_kafka_topic_partition_t *at = &list->elems[i];

        error = at->err;
        *(int64_t *)((char *)&scan->partitions[at->partition] + field) = at->offset;
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = is_away(error) ? no_answer(scan, error, ASK_MS, err) : refuse_topic(scan, error, err);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

/* Nothing is found at that time or later. A broker that finds nothing at any time either, though
 * there are records, does not search by time (librdkafka's mock cluster; records without
 * timestamps): there everything is read, and the caller looks at each record's timestamp. */
static enum err_code find_untimed(struct topic_scan *scan, struct err *err)
{
    bool is_asked = false;
    enum err_code rc = ERR_OK;

    for (int32_t i = 0; i < scan->count; i++) {
        const struct scan_partition *at = &scan->partitions[i];

        is_asked |= is_wanted(scan, i) && at->from < 0 && at->first < at->end;
    }
    if (is_asked) {
        rc = ask_offsets(scan, 0, offsetof(struct scan_partition, oldest), err);
    }
    for (int32_t i = 0; i < scan->count && is_asked && rc == ERR_OK; i++) {
        struct scan_partition *at = &scan->partitions[i];

        at->from = at->from < 0 && at->oldest < 0 ? at->first : at->from;
    }
    return rc;
}

static enum err_code find_offsets(struct topic_scan *scan, struct err *err)
{
    enum err_code rc =
        ask_offsets(scan, RD_KAFKA_OFFSET_BEGINNING, offsetof(struct scan_partition, first), err);

    if (rc == ERR_OK) {
        rc = ask_offsets(scan, RD_KAFKA_OFFSET_END, offsetof(struct scan_partition, end), err);
    }
    if (rc == ERR_OK && scan->range.since_ms >= 0) {
        rc = ask_offsets(scan, scan->range.since_ms, offsetof(struct scan_partition, from), err);
        rc = rc == ERR_OK ? find_untimed(scan, err) : rc;
    }
    return rc;
}

/* The stretch of each wanted partition that is to be read. */
static void plan(struct topic_scan *scan)
{
    const struct scan_range *range = &scan->range;

    for (int32_t i = 0; i < scan->count; i++) {
        struct scan_partition *at = &scan->partitions[i];

        if (!is_wanted(scan, i)) {
            continue;
        }
        if (range->since_ms < 0) {
            at->from = range->is_following ? at->end : at->first;
        } else if (at->from < 0) { /* nothing is that young */
            at->from = at->end;
        }
        if (range->partition >= 0 && range->from >= 0) {
            at->from = MAX_OF(at->from, range->from);
        }
        at->to = at->end;
        if (range->partition >= 0 && range->to >= 0) {
            at->to = MIN_OF(at->to, range->to);
        }
        at->next = at->from;
        at->is_open = range->is_following || at->from < at->to;
        scan->open += at->is_open;
        scan->total += at->from < at->to ? (uint64_t)(at->to - at->from) : 0;
    }
}

static enum err_code assign(struct topic_scan *scan, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(scan->count);
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int32_t i = 0; i < scan->count; i++) {
        if (scan->partitions[i].is_open) {
            rd_kafka_topic_partition_list_add(list, scan->topic, i)->offset =
                scan->partitions[i].from;
        }
    }
    if (list->cnt > 0) {
        error = rd_kafka_assign(scan->rk, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK : refuse_topic(scan, error, err);
}

enum err_code topic_scan_open(const struct config *config, const char *topic,
                              const struct scan_range *range, struct topic_scan **out,
                              struct err *err)
{
    struct topic_scan *scan = mem_new(struct topic_scan);
    enum err_code rc;

    scan->topic = mem_text(span_of(topic));
    scan->range = *range;
    rc = open_client(scan, config, err);
    if (rc == ERR_OK) {
        rc = find_partitions(scan, err);
    }
    if (rc == ERR_OK && range->partition >= scan->count) {
        rc = FAIL(err, ERR_ABSENT, "topic %.249s has no partition %d: it has 0 to %d", topic,
                  range->partition, scan->count - 1);
    }
    if (rc == ERR_OK) {
        rc = find_offsets(scan, err);
    }
    if (rc == ERR_OK) {
        plan(scan);
        rc = assign(scan, err);
    }
    if (rc != ERR_OK) {
        topic_scan_close(scan);
        return rc;
    }
    scan->idle_since_ms = clock_mono_ms();
    *out = scan;
    return ERR_OK;
}

/* reading */

/* What it fetches beyond its end is nobody's. */
static void finish(struct topic_scan *scan, int32_t partition)
{
    struct scan_partition *at = &scan->partitions[partition];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    scan->done += at->next < at->to ? (uint64_t)(at->to - at->next) : 0;
    at->next = MAX_OF(at->next, at->to);
    at->is_open = false;
    scan->open--;
    (void)rd_kafka_topic_partition_list_add(list, scan->topic, partition);
    (void)rd_kafka_pause_partitions(scan->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Whether @message is one that is wanted. */
static bool take(struct topic_scan *scan, const rd_kafka_message_t *message)
{
    struct scan_partition *at = &scan->partitions[message->partition];
    bool is_wanted_one;

    if (!at->is_open || message->offset < at->next) {
        return false;
    }
    if (scan->range.is_following) {
        at->next = message->offset + 1;
        return true;
    }
    is_wanted_one = message->offset < at->to;
    scan->done += (uint64_t)(MIN_OF(message->offset + 1, at->to) - at->next);
    at->next = MIN_OF(message->offset + 1, at->to);
    if (at->next >= at->to) {
        finish(scan, message->partition);
    }
    return is_wanted_one;
}

/* Whether a broker still answers: who follows a quiet topic hears nothing for hours. */
static bool is_alive(struct topic_scan *scan)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error;

    if (!scan->range.is_following) {
        return false;
    }
    if (scan->met == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return true;
    }
    error = rd_kafka_metadata(scan->rk, 0, NULL, &metadata, ASK_MS);
    if (metadata != NULL) {
        rd_kafka_metadata_destroy(metadata);
    }
    scan->met = error == RD_KAFKA_RESP_ERR_NO_ERROR ? error : scan->met;
    return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static enum scan_step wait_more(struct topic_scan *scan, struct err *err)
{
    unsigned bound_ms = scan->range.is_following ? FOLLOW_IDLE_MS : IDLE_MS;

    if (clock_mono_ms() - scan->idle_since_ms < bound_ms) {
        return SCAN_WAIT;
    }
    if (is_alive(scan)) {
        scan->idle_since_ms = clock_mono_ms();
        return SCAN_WAIT;
    }
    (void)no_answer(scan, RD_KAFKA_RESP_ERR__TIMED_OUT, bound_ms, err);
    return SCAN_FAILED;
}

/* An error in place of a record. True: it is none that ends the scan. */
static bool take_event(struct topic_scan *scan, const rd_kafka_message_t *message, struct err *err)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (message->partition >= 0 && message->partition < scan->count &&
            scan->partitions[message->partition].is_open && !scan->range.is_following) {
            finish(scan, message->partition);
        }
        return true;
    }
    if (is_away(message->err)) {
        return true; /* the library tries again; IDLE_MS bounds it */
    }
    (void)refuse_topic(scan, message->err, err);
    return false;
}

enum scan_step topic_scan_next(struct topic_scan *scan, rd_kafka_message_t **out, struct err *err)
{
    while (scan->open > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(scan->rk, POLL_MS);

        if (message == NULL) {
            return wait_more(scan, err);
        }
        scan->idle_since_ms = clock_mono_ms();
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && take(scan, message)) {
            *out = message;
            return SCAN_RECORD;
        }
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !take_event(scan, message, err)) {
            rd_kafka_message_destroy(message);
            return SCAN_FAILED;
        }
        rd_kafka_message_destroy(message);
    }
    return SCAN_END;
}

uint64_t topic_scan_total(const struct topic_scan *scan)
{
    return scan->total;
}

uint64_t topic_scan_done(const struct topic_scan *scan)
{
    return scan->done;
}

bool topic_scan_bounds(const struct topic_scan *scan, int32_t partition, int64_t *first,
                       int64_t *end)
{
    if (partition < 0 || partition >= scan->count || !is_wanted(scan, partition)) {
        return false;
    }
    *first = scan->partitions[partition].first;
    *end = scan->partitions[partition].end;
    return true;
}

int32_t topic_scan_partitions(const struct topic_scan *scan)
{
    return scan->count;
}

void topic_scan_close(struct topic_scan *scan)
{
    if (scan == NULL) {
        return;
    }
    if (scan->rk != NULL) {
        (void)client_destroy(scan->rk, clock_mono_ms() + CLOSE_MS);
    }
    free(scan->partitions);
    free(scan->topic);
    free(scan);
}
