#include "kafka/blame.h"

#define WIDEN                                                                                      \
    "widen message.timestamp.before.max.ms and message.timestamp.after.max.ms of the topic, or "   \
    "set its message.timestamp.type to LogAppendTime; see that the clock of this machine is right"
#define ACCEPT "have the topic, or what stands before its broker, take such records"
#define CREATE "create the topic: detour topics --create"
#define REPLICAS "bring its replicas back, or lower min.insync.replicas of the topic"
#define LEADER "bring the leader of its partition back: brokers, network"

static const struct {
    rd_kafka_resp_err_t error;
    enum blame blame;
    const char *way_out;
} rules[] = {
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, BLAME_SIZE, "raise max.message.bytes of the topic"},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, BLAME_SIZE, "raise segment.bytes of the topic"},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, BLAME_TIMESTAMP, WIDEN},
    /* no key on a compacted topic, or whatever a filter before the broker looks at */
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, BLAME_RECORD, ACCEPT},
    {RD_KAFKA_RESP_ERR_INVALID_MSG, BLAME_RECORD, ACCEPT}, /* the same before Kafka 2.4 */
    {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, BLAME_RECORD, ACCEPT},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, BLAME_RECORD, ACCEPT},

    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, BLAME_TOPIC, "grant Write on the topic"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, BLAME_TOPIC,
     "grant IdempotentWrite on the cluster"},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, BLAME_TOPIC, "renew sasl.* in kafka.properties"},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, BLAME_TOPIC, "renew sasl.* in kafka.properties"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, BLAME_TOPIC, CREATE},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, BLAME_TOPIC, CREATE},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, BLAME_TOPIC, CREATE},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, BLAME_TOPIC,
     "name another topic: the brokers let nobody write this one"},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, BLAME_TOPIC, REPLICAS},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, BLAME_TOPIC, REPLICAS},
    {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, BLAME_TOPIC, LEADER},
    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, BLAME_TOPIC, LEADER},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, BLAME_TOPIC, LEADER},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, BLAME_TOPIC, LEADER},
    {RD_KAFKA_RESP_ERR__TRANSPORT, BLAME_TOPIC, LEADER},
    {RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, BLAME_TOPIC, "look at the broker's disks and its log"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, BLAME_TOPIC,
     "set compression.codec in kafka.properties to one that the topic takes"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, BLAME_TOPIC,
     "raise message.format.version of the topic: records have headers"},

    {RD_KAFKA_RESP_ERR__PURGE_QUEUE, BLAME_CLIENT, "none needed"},
    {RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, BLAME_CLIENT, "none needed"},
    {RD_KAFKA_RESP_ERR__DESTROY, BLAME_CLIENT, "none needed"},
    {RD_KAFKA_RESP_ERR__FATAL, BLAME_CLIENT, "none needed"},
};

enum blame blame_of(rd_kafka_resp_err_t error)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (rules[i].error == error) {
            return rules[i].blame;
        }
    }
    return BLAME_TOPIC;
}

const char *blame_way_out(rd_kafka_resp_err_t error)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (rules[i].error == error) {
            return rules[i].way_out;
        }
    }
    return "make the topic writable";
}
