#include "kafka/produce_errors.h"

#define WIDEN                                                                                      \
    "widen message.timestamp.before.max.ms and message.timestamp.after.max.ms of the topic, or "   \
    "set its message.timestamp.type to LogAppendTime; check the clock of this machine"
#define ACCEPT "let the topic, or the proxy before its broker, accept such records"
#define CREATE "create the topic: detour topics --create"
#define REPLICAS "bring its replicas back, or lower min.insync.replicas of the topic"
#define LEADER "bring the leader of its partition back: brokers, network"

static const struct {
    rd_kafka_resp_err_t error;
    enum produce_fault fault;
    const char *way_out;
} rules[] = {
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, PRODUCE_FAULT_SIZE,
     "raise max.message.bytes of the topic"},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, PRODUCE_FAULT_SIZE,
     "raise segment.bytes of the topic"},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, PRODUCE_FAULT_TIMESTAMP, WIDEN},
    /* no key on a compacted topic, or whatever a filter before the broker looks at */
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, PRODUCE_FAULT_RECORD, ACCEPT},
    {RD_KAFKA_RESP_ERR_INVALID_MSG, PRODUCE_FAULT_RECORD, ACCEPT}, /* the same before Kafka 2.4 */
    {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, PRODUCE_FAULT_RECORD, ACCEPT},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, PRODUCE_FAULT_RECORD, ACCEPT},

    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, PRODUCE_FAULT_TOPIC, "grant Write on the topic"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, PRODUCE_FAULT_TOPIC,
     "grant IdempotentWrite on the cluster"},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, PRODUCE_FAULT_TOPIC,
     "renew sasl.* in kafka.properties"},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, PRODUCE_FAULT_TOPIC, "renew sasl.* in kafka.properties"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, PRODUCE_FAULT_TOPIC, CREATE},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, PRODUCE_FAULT_TOPIC, CREATE},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, PRODUCE_FAULT_TOPIC, CREATE},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, PRODUCE_FAULT_TOPIC,
     "name another topic: the brokers accept no records for this one"},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, PRODUCE_FAULT_TOPIC, REPLICAS},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, PRODUCE_FAULT_TOPIC, REPLICAS},
    {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, PRODUCE_FAULT_TOPIC, LEADER},
    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, PRODUCE_FAULT_TOPIC, LEADER},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, PRODUCE_FAULT_TOPIC, LEADER},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, PRODUCE_FAULT_TOPIC, LEADER},
    {RD_KAFKA_RESP_ERR__TRANSPORT, PRODUCE_FAULT_TOPIC, LEADER},
    {RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, PRODUCE_FAULT_TOPIC,
     "check the disks of the broker and its log"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, PRODUCE_FAULT_TOPIC,
     "set compression.codec in kafka.properties to one that the topic accepts"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, PRODUCE_FAULT_TOPIC,
     "raise message.format.version of the topic: records have headers"},

    {RD_KAFKA_RESP_ERR__PURGE_QUEUE, PRODUCE_FAULT_CLIENT, "none needed"},
    {RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, PRODUCE_FAULT_CLIENT, "none needed"},
    {RD_KAFKA_RESP_ERR__DESTROY, PRODUCE_FAULT_CLIENT, "none needed"},
    {RD_KAFKA_RESP_ERR__FATAL, PRODUCE_FAULT_CLIENT, "none needed"},
};

enum produce_fault produce_fault_of(rd_kafka_resp_err_t error)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (rules[i].error == error) {
            return rules[i].fault;
        }
    }
    return PRODUCE_FAULT_TOPIC;
}

const char *produce_way_out(rd_kafka_resp_err_t error)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (rules[i].error == error) {
            return rules[i].way_out;
        }
    }
    return "make the topic writable";
}
