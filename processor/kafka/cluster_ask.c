/*
 * A round: the source topics are asked for, then the ends of what the workers hold, then all of
 * it is written down. One request a topic and two a broker.
 *
 * It can go otherwise:
 *    no answer           the cluster is down: the error of its clients says why; marks stay
 *    a topic's error     no right, not there: it stands until an answer without it
 *    no answer about one partition's end (its leader is away): the others are asked one by one
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/cluster_inside.h"
#include "kafka/conf.h"
#include "kafka/watermarks.h"

enum {
    ROUND_MS = 2000,
    ASK_MS = 3000,     /* for the topics, and for all ends at once */
    ASK_ONE_MS = 500,  /* for one end, when that failed */
    ASK_ALL_MS = 5000, /* for all of these */
    OPEN_MS = 10000,   /* a transaction that is open for longer is logged */
    OPEN_AGAIN_MS = 60000,
    SINGLE_MS = 60000, /* how long an error of one broker counts after it was last reported */
    CLOSE_MS = 3000,
};

/* clients */

/* The last thing that is wrong says most: "all brokers are down" comes behind the reason. */
static void take_error(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
    struct cluster *cluster = opaque;
    bool is_vague = error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;

    (void)rk;
    if (is_vague && cluster->met != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    cluster->met = (rd_kafka_resp_err_t)error;
    (void)snprintf(cluster->met_text, sizeof(cluster->met_text), "%s",
                   reason == NULL ? "" : reason);
}

static enum err_code open_client(struct cluster *cluster, const char *isolation, rd_kafka_t **out,
                                 struct err *err)
{
    const struct conf_pair owned[] = {{"client.id", "detour-watch"},
                                      {"isolation.level", isolation},
                                      {"group.id", ""}, /* it only asks */
                                      {"allow.auto.create.topics", "false"},
                                      {"log_level", "0"}}; /* the workers' clients say the same */
    rd_kafka_conf_t *conf = NULL;
    enum err_code rc = kafka_conf(cluster->config, true, &conf, err);

    if (rc != ERR_OK) {
        return rc;
    }
    rd_kafka_conf_set_error_cb(conf, take_error);
    rd_kafka_conf_set_opaque(conf, cluster);
    return conf_open(RD_KAFKA_CONSUMER, conf, owned, COUNT_OF(owned), out, err);
}

enum err_code cluster_open_clients(struct cluster *cluster, struct err *err)
{
    const struct config_kafka *kafka = &cluster->config->kafka;
    enum err_code rc = open_client(cluster, "read_committed", &cluster->stable, err);

    if (rc == ERR_OK) {
        rc = open_client(cluster, "read_uncommitted", &cluster->high, err);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    cluster->topics = mem_array(kafka->topic_count, rd_kafka_topic_t *);
    for (size_t i = 0; i < kafka->topic_count; i++) {
        char *name = mem_text(kafka->topics[i]);

        cluster->topics[i] = rd_kafka_topic_new(cluster->stable, name, NULL);
        free(name);
    }
    return ERR_OK;
}

void cluster_close_clients(struct cluster *cluster)
{
    uint64_t until_ms = clock_mono_ms() + CLOSE_MS;

    for (size_t i = 0; cluster->topics != NULL && i < cluster->config->kafka.topic_count; i++) {
        if (cluster->topics[i] != NULL) {
            rd_kafka_topic_destroy(cluster->topics[i]);
        }
    }
    free(cluster->topics);
    if (cluster->stable != NULL) {
        (void)client_destroy(cluster->stable, until_ms);
    }
    if (cluster->high != NULL) {
        (void)client_destroy(cluster->high, until_ms);
    }
}

/* asking for topics */

static void take_topic(struct cluster *cluster, const rd_kafka_metadata_topic_t *topic)
{
    uint64_t now_ms = clock_mono_ms();

    if (topic->err == RD_KAFKA_RESP_ERR_NO_ERROR || client_error_of(topic->err)->passes) {
        active_error_clear(&cluster->own, topic->topic, now_ms);
    } else {
        active_error_add(&cluster->own, topic->err, topic->topic, rd_kafka_err2str(topic->err),
                         now_ms);
    }
}

/* True when a broker answered. */
static bool ask_topics(struct cluster *cluster)
{
    bool is_answered = false;

    for (size_t i = 0; i < cluster->config->kafka.topic_count; i++) {
        const struct rd_kafka_metadata *found = NULL;

        if (cluster->topics[i] == NULL ||
            rd_kafka_metadata(cluster->stable, 0, cluster->topics[i], &found, ASK_MS) !=
                RD_KAFKA_RESP_ERR_NO_ERROR) {
            break; /* the others would take as long */
        }
        is_answered = true;
        pthread_mutex_lock(&cluster->lock);
        for (int k = 0; k < found->topic_cnt; k++) {
            take_topic(cluster, &found->topics[k]);
        }
        pthread_mutex_unlock(&cluster->lock);
        rd_kafka_metadata_destroy(found);
    }
    rd_kafka_poll(cluster->stable, 0);
    rd_kafka_poll(cluster->high, 0);
    return is_answered;
}

/* Some broker answers, and another cannot be used: the library tells of that each half minute. */
static void note_single_brokers(struct cluster *cluster, uint64_t now_ms)
{
    if (cluster->met != RD_KAFKA_RESP_ERR_NO_ERROR && !client_error_of(cluster->met)->passes) {
        active_error_add(&cluster->own, cluster->met, "", cluster->met_text, now_ms);
        cluster->single_at_ms = now_ms;
    } else if (now_ms - cluster->single_at_ms >= SINGLE_MS) {
        active_error_clear(&cluster->own, "", now_ms);
    }
}

static void note_reach(struct cluster *cluster, bool is_up)
{
    uint64_t now_ms = clock_mono_ms();
    rd_kafka_resp_err_t met =
        cluster->met == RD_KAFKA_RESP_ERR_NO_ERROR ? RD_KAFKA_RESP_ERR__TIMED_OUT : cluster->met;

    pthread_mutex_lock(&cluster->lock);
    if (cluster->is_up != is_up) {
        cluster->is_up = is_up;
        cluster->since_ms = now_ms;
    }
    if (is_up) {
        note_single_brokers(cluster, now_ms);
        cluster->error[0] = '\0';
    } else {
        const char *text = cluster->met_text[0] == '\0' ? rd_kafka_err2str(met) : cluster->met_text;

        (void)snprintf(cluster->error, sizeof(cluster->error), "%s", text);
        active_error_add(&cluster->own, met, "", text, now_ms);
    }
    active_error_expire(&cluster->own, now_ms);
    pthread_mutex_unlock(&cluster->lock);
    cluster->met = RD_KAFKA_RESP_ERR_NO_ERROR;
    cluster->met_text[0] = '\0';
}

/* asking for ends */

/* What was asked for a worker: does it still hold that, and where it is in the lists. */
struct asked {
    uint64_t generation;
    size_t count;
};

/* Partitions as they are held now, worker by worker. The library keeps the order. */
static rd_kafka_topic_partition_list_t *list_held(struct cluster *cluster, struct asked *asked)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(64);

    pthread_mutex_lock(&cluster->lock);
    cluster->is_new = false;
    for (unsigned w = 0; w < cluster->config->workers; w++) {
        const struct cluster_worker *worker = &cluster->workers[w];

        asked[w] = (struct asked){worker->generation, worker->count};
        for (size_t i = 0; i < worker->count; i++) {
            rd_kafka_topic_partition_list_add(list, worker->held[i].topic,
                                              worker->held[i].partition);
        }
    }
    pthread_mutex_unlock(&cluster->lock);
    return list;
}

static void ask_one_by_one(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list)
{
    uint64_t until_ms = clock_mono_ms() + ASK_ALL_MS;

    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *at = &list->elems[i];

        at->offset = -1;
        at->err = clock_mono_ms() >= until_ms
                      ? RD_KAFKA_RESP_ERR__TIMED_OUT
                      : watermarks_end(rk, at->topic, at->partition, &at->offset, ASK_ONE_MS);
    }
}

/* The end of each of @list as @rk's isolation sees it, in its offset; no error: it was answered. */
static void ask_ends(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list)
{
    if (list->cnt == 0) {
        return;
    }
    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = RD_KAFKA_OFFSET_END; /* as a "timestamp": the end */
        list->elems[i].err = RD_KAFKA_RESP_ERR__NO_OFFSET;
    }
    if (rd_kafka_offsets_for_times(rk, list, ASK_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        ask_one_by_one(rk, list);
    }
}

static void tell_open(struct cluster_held *held, uint64_t now_ms)
{
    const struct cluster_mark *mark = &held->mark;

    if (mark->open_ms == 0) {
        held->told_ms = 0;
        return;
    }
    if (now_ms - mark->open_ms < OPEN_MS ||
        (held->told_ms != 0 && now_ms - held->told_ms < OPEN_AGAIN_MS)) {
        return;
    }
    held->told_ms = now_ms;
    LOG_WARN(
        "source.open_transaction",
        "topic=%s partition=%d offset=%" PRId64 " behind=%" PRId64 " open_ms=%" PRIu64 " next=%s",
        LOG_Q(held->topic), (int)held->partition, mark->stable, mark->high - mark->stable,
        now_ms - mark->open_ms,
        LOG_Q("a producer holds a transaction open since that offset: what is behind it cannot "
              "be read before it ends or its transaction.timeout.ms passes; "
              "kafka-transactions find-hanging names it"));
}

static void take_mark(struct cluster_held *held, int64_t stable, int64_t high, uint64_t now_ms)
{
    struct cluster_mark *mark = &held->mark;
    bool is_stuck = mark->at_ms != 0 && mark->stable == stable;

    high = MAX_OF(high, stable); /* records may have come between the two answers */
    if (high == stable) {
        mark->open_ms = 0;
    } else if (!is_stuck || mark->open_ms == 0) {
        mark->open_ms = now_ms;
    }
    mark->stable = stable;
    mark->high = high;
    mark->at_ms = now_ms;
    tell_open(held, now_ms);
}

static bool is_answered(const rd_kafka_topic_partition_t *answer)
{
    return answer->err == RD_KAFKA_RESP_ERR_NO_ERROR && answer->offset >= 0;
}

static void write_down(struct cluster *cluster, const struct asked *asked,
                       const rd_kafka_topic_partition_list_t *stable,
                       const rd_kafka_topic_partition_list_t *high)
{
    uint64_t now_ms = clock_mono_ms();
    size_t at = 0;

    pthread_mutex_lock(&cluster->lock);
    for (unsigned w = 0; w < cluster->config->workers; w++) {
        struct cluster_worker *worker = &cluster->workers[w];
        bool is_held = worker->generation == asked[w].generation;

        for (size_t i = 0; i < asked[w].count; i++, at++) {
            const rd_kafka_topic_partition_t *below = &stable->elems[at];
            const rd_kafka_topic_partition_t *above = &high->elems[at];

            if (is_held && is_answered(below)) {
                take_mark(&worker->held[i], below->offset,
                          is_answered(above) ? above->offset : below->offset, now_ms);
            }
        }
    }
    pthread_mutex_unlock(&cluster->lock);
}

static void ask_all_ends(struct cluster *cluster)
{
    struct asked *asked = mem_array(cluster->config->workers, struct asked);
    rd_kafka_topic_partition_list_t *stable = list_held(cluster, asked);
    rd_kafka_topic_partition_list_t *high = rd_kafka_topic_partition_list_copy(stable);

    ask_ends(cluster->high, high); /* first: what comes between the two is no open transaction */
    ask_ends(cluster->stable, stable);
    write_down(cluster, asked, stable, high);
    rd_kafka_topic_partition_list_destroy(stable);
    rd_kafka_topic_partition_list_destroy(high);
    free(asked);
}

/* the thread */

/* Until the next round is due, or partitions came. False: it is to end. */
static bool wait_for_round(struct cluster *cluster)
{
    struct timespec until;
    bool goes_on;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ROUND_MS / 1000;
    pthread_mutex_lock(&cluster->lock);
    while (!cluster->is_stopping && !cluster->is_new && rc == 0) {
        rc = pthread_cond_timedwait(&cluster->is_wanted, &cluster->lock, &until);
    }
    cluster->is_new = false;
    goes_on = !cluster->is_stopping;
    pthread_mutex_unlock(&cluster->lock);
    return goes_on;
}

void *cluster_serve(void *context)
{
    struct cluster *cluster = context;

    (void)pthread_setname_np(pthread_self(), "detour-cluster");
    do {
        bool is_up = ask_topics(cluster);

        note_reach(cluster, is_up);
        if (is_up) {
            ask_all_ends(cluster);
        }
    } while (wait_for_round(cluster));
    return NULL;
}
