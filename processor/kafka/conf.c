#include "kafka/conf.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/source.h"

enum { ERRSTR_BYTES = 512 };

/* Where librdkafka's own default does not fit; kafka.properties may say otherwise. */
static const struct conf_pair common_defaults[] = {
    {"topic.metadata.refresh.interval.ms", "30000"}, /* a topic made later is seen within this */
    {"socket.keepalive.enable", "true"},
    {"socket.nagle.disable", "true"},
    {"reconnect.backoff.max.ms", "5000"},
};
/* A full local queue makes 2.0.2 sleep up to a second, so messages do not bound it and the bytes
 * hold more than a second's worth. */
static const struct conf_pair consumer_defaults[] = {
    {"queued.min.messages", "10000000"},
    {"queued.max.messages.kbytes", "131072"},
    {"check.crcs", "true"},
    {"session.timeout.ms", "45000"},
    {"max.poll.interval.ms", "300000"},
};
/* The broker decides what is too large; ours only stays below what the queue can hold at all. */
static const struct conf_pair producer_defaults[] = {
    {"linger.ms", "5"},
    {"compression.codec", "lz4"},
    {"queue.buffering.max.messages", "100000"},
    {"queue.buffering.max.kbytes", "65536"},
    {"message.max.bytes", "64000000"},
    {"message.timeout.ms", "300000"},
    {"topic.metadata.propagation.max.ms", "5000"},
    {"partitioner", "murmur2_random"}, /* keys land where Java producers put them */
};
/* What the promises rest on. The assignors are eager ones: cooperative rebalancing loses commits
 * and loops before librdkafka 2.10. */
static const struct conf_pair consumer_owned[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"enable.partition.eof", "true"}, /* what lies behind the last record is no lag */
    {"partition.assignment.strategy", "range,roundrobin"},
};
static const struct conf_pair producer_owned[] = {
    {"enable.idempotence", "true"},
    {"enable.gapless.guarantee", "false"},
    {"acks", "all"},
};

/* syslog's levels to ours. What is an error for the library is for us a thing it retries. */
static enum log_level level_of(int level, const char *facility)
{
    if (level >= 7 || strcmp(facility, "CONFWARN") == 0) { /* a consumer's setting on a producer */
        return LOG_LEVEL_DEBUG;
    }
    return level >= 5 ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
}

static void write_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    LOG_AT(level_of(level, facility), "kafka.client", "client=%s facility=%s text=%s",
           LOG_Q(rk == NULL ? "" : rd_kafka_name(rk)), LOG_Q(facility), LOG_Q(text));
}

void client_report(const rd_kafka_t *rk, rd_kafka_resp_err_t error, const char *reason)
{
    if (error == RD_KAFKA_RESP_ERR__TRANSPORT || error == RD_KAFKA_RESP_ERR__RESOLVE ||
        error == RD_KAFKA_RESP_ERR__TIMED_OUT) {
        return; /* a line with facility FAIL says the same */
    }
    write_log(rk, 4, rd_kafka_err2name(error), reason == NULL ? "" : reason);
}

/* Set what is ours to decide; a refusal is a bug in our table. */
static enum err_code conf_set(rd_kafka_conf_t *conf, const struct conf_pair *pairs, size_t count,
                              struct err *err)
{
    char why[ERRSTR_BYTES];

    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_conf_set(conf, pairs[i].name, pairs[i].value, why, sizeof(why)) !=
            RD_KAFKA_CONF_OK) {
            return FAIL(err, ERR_CONFIG, "librdkafka refuses %s: %s", pairs[i].name, why);
        }
    }
    return ERR_OK;
}

enum err_code conf_open(rd_kafka_type_t type, rd_kafka_conf_t *conf, const struct conf_pair *pairs,
                        size_t count, rd_kafka_t **out, struct err *err)
{
    char why[ERRSTR_BYTES];
    enum err_code rc = conf_set(conf, pairs, count, err);

    if (rc == ERR_OK) {
        *out = rd_kafka_new(type, conf, why, sizeof(why));
        rc = *out != NULL ? ERR_OK
                          : FAIL(err, ERR_CONFIG, "no Kafka %s with these kafka.properties: %s",
                                 type == RD_KAFKA_CONSUMER ? "consumer" : "producer", why);
    }
    if (rc != ERR_OK) {
        rd_kafka_conf_destroy(conf);
    }
    return rc;
}

int64_t conf_number(const rd_kafka_conf_t *conf, const char *name, int64_t fallback)
{
    char text[64];
    size_t size = sizeof(text);
    int64_t number;

    if (rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK ||
        !span_to_i64(span_of(text), &number)) {
        return fallback;
    }
    return number;
}

/* One of kafka.properties. The value stays out of the message: it may be a password. */
static enum err_code set_property(rd_kafka_conf_t *conf, const struct name_pair *property,
                                  struct err *err)
{
    const struct place *at = &property->place;
    char *name = mem_text(property->name);
    char *value = mem_text(property->value);
    char why[ERRSTR_BYTES];
    rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, why, sizeof(why));
    enum err_code rc = ERR_OK;

    if (res == RD_KAFKA_CONF_UNKNOWN) {
        rc = FAIL(err, ERR_CONFIG, "%s:%u:%u: librdkafka %s has no property %s here",
                  at->file == NULL ? "" : at->file, at->line, at->column, rd_kafka_version_str(),
                  name);
    } else if (res != RD_KAFKA_CONF_OK) {
        bool tells_value = value[0] != '\0' && strstr(why, value) != NULL;

        rc = FAIL(err, ERR_CONFIG, "%s:%u:%u: librdkafka refuses the value of %s%s%s",
                  at->file == NULL ? "" : at->file, at->line, at->column, name,
                  tells_value ? "" : ": ", tells_value ? "" : why);
    }
    mem_wipe(value, property->value.len);
    free(value);
    free(name);
    return rc;
}

static enum err_code set_defaults(rd_kafka_conf_t *conf, bool is_consumer, struct err *err)
{
    enum err_code rc = conf_set(conf, common_defaults, COUNT_OF(common_defaults), err);

    if (rc != ERR_OK) {
        return rc;
    }
    return is_consumer ? conf_set(conf, consumer_defaults, COUNT_OF(consumer_defaults), err)
                       : conf_set(conf, producer_defaults, COUNT_OF(producer_defaults), err);
}

static enum err_code set_owned(rd_kafka_conf_t *conf, const struct config_kafka *kafka,
                               bool is_consumer, struct err *err)
{
    char *brokers = mem_text(kafka->brokers);
    char *group = mem_text(kafka->group);
    const struct conf_pair named[] = {{"bootstrap.servers", brokers}, {"group.id", group}};
    enum err_code rc = conf_set(conf, named, is_consumer ? 2 : 1, err);

    if (rc == ERR_OK) {
        rc = is_consumer ? conf_set(conf, consumer_owned, COUNT_OF(consumer_owned), err)
                         : conf_set(conf, producer_owned, COUNT_OF(producer_owned), err);
    }
    free(brokers);
    free(group);
    return rc;
}

enum err_code kafka_conf(const struct config *config, bool is_consumer, rd_kafka_conf_t **out,
                         struct err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum err_code rc;

    PRE(out != NULL);

    rd_kafka_conf_set_log_cb(conf, write_log);
    rc = set_defaults(conf, is_consumer, err);
    for (size_t i = 0; rc == ERR_OK && i < config->kafka.property_count; i++) {
        rc = set_property(conf, &config->kafka.properties[i], err);
    }
    if (rc == ERR_OK) {
        rc = set_owned(conf, &config->kafka, is_consumer, err);
    }
    if (rc != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    *out = conf;
    return ERR_OK;
}

static void *destroy(void *rk)
{
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return NULL;
}

bool client_destroy(rd_kafka_t *rk, uint64_t deadline_ms)
{
    uint64_t now_ms = clock_mono_ms();
    uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    struct timespec until;
    pthread_t thread;

    if (pthread_create(&thread, NULL, destroy, rk) != 0) {
        destroy(rk); /* no thread to be had: better to hang than to leak threads that use memory */
        return true;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(left_ms / 1000);
    until.tv_nsec += (long)(left_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    if (pthread_timedjoin_np(thread, NULL, &until) != 0) {
        pthread_detach(thread);
        return false;
    }
    return true;
}
