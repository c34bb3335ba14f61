#include "kafka/client_errors.h"

#define CODE(name) RD_KAFKA_RESP_ERR_##name
#define NO_BLOCK BLOCK_REASON_COUNT

static const char past_it[] =
    "to give up these records, stop detour and set the offset of the group behind them "
    "(kafka-consumer-groups --reset-offsets); they are not delivered then";
static const char waits[] = "nothing: the client tries again by itself";
static const char leaders[] = "check the brokers: the leader of a partition moves or is missing";
static const char restart[] =
    "nothing: a new producer sends again what was not acknowledged. If it lasts, check the logs of "
    "the brokers, and other producers with the same transactional.id";
static const char rows_codec[] =
    "use a librdkafka that supports it, or let the producers use gzip, snappy, lz4 or zstd";

/* Errors of a single record that is produced (timestamp, key, size) are in produce_errors.c. */
static const struct client_error rows[] = {
    /* the log of one partition cannot be read on */
    {CODE(_BAD_COMPRESSION), false, ABOUT_RECORDS, BLOCK_UNREADABLE, NULL,
     "a compressed batch cannot be decompressed: it exceeds the limit, or it is damaged",
     "raise receive.message.max.bytes in kafka.properties to three times the decompressed size of "
     "the batch, and restart; a damaged batch cannot be repaired"},
    {CODE(MSG_SIZE_TOO_LARGE), false, ABOUT_RECORDS, BLOCK_UNREADABLE, NULL,
     "a record or batch is larger than the limit",
     "raise receive.message.max.bytes, and with it fetch.message.max.bytes, in kafka.properties "
     "above the size of the batch, and restart"},
    {CODE(_BAD_MSG), false, ABOUT_RECORDS, BLOCK_UNREADABLE, NULL,
     "a batch in the log has a wrong checksum or is malformed",
     "check the disk of the partition's leader; another replica may have the batch"},
    {CODE(INVALID_MSG), false, ABOUT_RECORDS, BLOCK_UNREADABLE, NULL,
     "the broker reports a corrupt batch in its log",
     "check the disk of the partition's leader; another replica may have the batch"},
    {CODE(_NOT_IMPLEMENTED), false, ABOUT_RECORDS, BLOCK_UNREADABLE, NULL,
     "a batch has a format or compression that this librdkafka does not support", rows_codec},
    {CODE(UNSUPPORTED_COMPRESSION_TYPE), false, ABOUT_RECORDS, BLOCK_UNREADABLE, NULL,
     "a batch has a compression that the broker cannot send to this client", rows_codec},
    {CODE(_CRIT_SYS_RESOURCE), false, ABOUT_RECORDS, BLOCK_UNREADABLE, NULL,
     "there is no memory to decompress a batch", "give the process more memory"},

    /* rights */
    {CODE(TOPIC_AUTHORIZATION_FAILED), false, ABOUT_TOPIC, BLOCK_AUTHORIZATION, "Read",
     "the right to use a topic is missing", "detour continues by itself then"},
    {CODE(GROUP_AUTHORIZATION_FAILED), false, ABOUT_GROUP, BLOCK_AUTHORIZATION, "Read",
     "the right to use the consumer group is missing", "detour continues by itself then"},
    {CODE(CLUSTER_AUTHORIZATION_FAILED), false, ABOUT_CLIENT, NO_BLOCK, "IdempotentWrite",
     "the right to produce idempotently is missing", "detour continues by itself then"},
    {CODE(TRANSACTIONAL_ID_AUTHORIZATION_FAILED), false, ABOUT_CLIENT, NO_BLOCK, "Write",
     "the right to use the transactional id is missing",
     "or remove transactional.id from kafka.properties"},

    /* topics */
    {CODE(UNKNOWN_TOPIC_OR_PART), false, ABOUT_TOPIC, BLOCK_TOPIC, NULL,
     "a topic or partition does not exist",
     "create the topic (detour topics --create) or correct its name; detour continues by itself"},
    {CODE(_UNKNOWN_TOPIC), false, ABOUT_TOPIC, BLOCK_TOPIC, NULL, "a topic does not exist",
     "create the topic (detour topics --create) or correct its name; detour continues by itself"},
    {CODE(_UNKNOWN_PARTITION), false, ABOUT_TOPIC, BLOCK_TOPIC, NULL, "a partition does not exist",
     "recreate the topic (detour topics --create) or add partitions; detour continues by itself"},
    {CODE(TOPIC_EXCEPTION), false, ABOUT_TOPIC, BLOCK_TOPIC, NULL,
     "the broker refuses a topic's name", "correct the topic's name in the configuration"},
    {CODE(POLICY_VIOLATION), false, ABOUT_TOPIC, BLOCK_TOPIC, NULL,
     "a policy of the brokers refuses the request",
     "ask the operators of the brokers for the policy"},
    {CODE(INVALID_REQUIRED_ACKS), false, ABOUT_TOPIC, BLOCK_TOPIC, NULL,
     "the topic refuses acks=all", "check the settings of the topic"},
    {CODE(UNSUPPORTED_FOR_MESSAGE_FORMAT), false, ABOUT_TOPIC, BLOCK_TOPIC, NULL,
     "the topic's message format is older than the client's records",
     "set message.format.version of the topic to 0.11 or later"},
    {CODE(KAFKA_STORAGE_ERROR), true, ABOUT_TOPIC, NO_BLOCK, NULL, "a broker cannot use its disk",
     "check the disks of the partition's leader"},
    {CODE(NOT_ENOUGH_REPLICAS), true, ABOUT_TOPIC, NO_BLOCK, NULL,
     "fewer replicas are in sync than min.insync.replicas", "bring the missing brokers back"},
    {CODE(NOT_ENOUGH_REPLICAS_AFTER_APPEND), true, ABOUT_TOPIC, NO_BLOCK, NULL,
     "fewer replicas are in sync than min.insync.replicas", "bring the missing brokers back"},

    /* the group */
    {CODE(INVALID_GROUP_ID), false, ABOUT_GROUP, NO_BLOCK, NULL,
     "the broker refuses the group's name", "correct kafka.group"},
    {CODE(INCONSISTENT_GROUP_PROTOCOL), false, ABOUT_GROUP, NO_BLOCK, NULL,
     "other members of the group use another assignor: they are not detour, or use the "
     "cooperative or consumer protocol",
     "give detour a kafka.group of its own, or stop the others; it joins by itself"},
    {CODE(INVALID_SESSION_TIMEOUT), false, ABOUT_GROUP, NO_BLOCK, NULL,
     "session.timeout.ms is outside of the range that the brokers allow",
     "set session.timeout.ms in kafka.properties between the brokers' "
     "group.min.session.timeout.ms and group.max.session.timeout.ms, and restart"},
    {CODE(GROUP_MAX_SIZE_REACHED), false, ABOUT_GROUP, NO_BLOCK, NULL,
     "the group has as many members as the brokers allow",
     "lower workers, or raise the brokers' group.max.size; it joins by itself"},
    {CODE(FENCED_INSTANCE_ID), false, ABOUT_GROUP, NO_BLOCK, NULL,
     "another consumer has the same group.instance.id",
     "remove group.instance.id from kafka.properties, or give each process its own and one "
     "worker"},
    {CODE(_MAX_POLL_EXCEEDED), true, ABOUT_GROUP, NO_BLOCK, NULL,
     "a worker did not poll for max.poll.interval.ms, and lost its partitions",
     "nothing: it joins again. If it lasts, the machine is too slow: add processors"},
    {CODE(GROUP_ID_NOT_FOUND), false, ABOUT_GROUP, NO_BLOCK, NULL, "the group does not exist",
     "correct kafka.group"},
    {CODE(COORDINATOR_NOT_AVAILABLE), true, ABOUT_GROUP, NO_BLOCK, NULL,
     "the coordinator of the group is not available yet", waits},
    {CODE(NOT_COORDINATOR), true, ABOUT_GROUP, NO_BLOCK, NULL, "the group's coordinator moves",
     waits},
    {CODE(COORDINATOR_LOAD_IN_PROGRESS), true, ABOUT_GROUP, NO_BLOCK, NULL,
     "the group's coordinator loads its offsets", waits},
    {CODE(REBALANCE_IN_PROGRESS), true, ABOUT_GROUP, NO_BLOCK, NULL, "the group rebalances", waits},
    {CODE(ILLEGAL_GENERATION), true, ABOUT_GROUP, NO_BLOCK, NULL,
     "the group has removed this member", waits},
    {CODE(UNKNOWN_MEMBER_ID), true, ABOUT_GROUP, NO_BLOCK, NULL,
     "the group has removed this member", waits},
    {CODE(_ASSIGNMENT_LOST), true, ABOUT_GROUP, NO_BLOCK, NULL, "the group has removed this member",
     waits},

    /* the connection and who we are */
    {CODE(_AUTHENTICATION), false, ABOUT_CLIENT, NO_BLOCK, NULL, "a broker refuses the login",
     "correct sasl.mechanisms, sasl.username and sasl.password (or the token) in "
     "kafka.properties; SCRAM with Kafka 4 needs librdkafka 2.6.1"},
    {CODE(SASL_AUTHENTICATION_FAILED), false, ABOUT_CLIENT, NO_BLOCK, NULL,
     "a broker refuses the login",
     "correct sasl.mechanisms, sasl.username and sasl.password (or the token) in "
     "kafka.properties; SCRAM with Kafka 4 needs librdkafka 2.6.1"},
    {CODE(UNSUPPORTED_SASL_MECHANISM), false, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the brokers do not know the SASL mechanism", "correct sasl.mechanisms in kafka.properties"},
    {CODE(ILLEGAL_SASL_STATE), false, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the brokers do not expect SASL here",
     "correct security.protocol in kafka.properties or the port in kafka.brokers"},
    {CODE(SECURITY_DISABLED), false, ABOUT_CLIENT, NO_BLOCK, NULL,
     "security is switched off at the brokers", "correct security.protocol in kafka.properties"},
    {CODE(_SSL), false, ABOUT_CLIENT, NO_BLOCK, NULL, "TLS with a broker fails",
     "correct ssl.ca.location (the authority of the brokers' certificates), the names in them, and "
     "security.protocol; or the port in kafka.brokers speaks no TLS"},
    {CODE(_RESOLVE), false, ABOUT_CLIENT, NO_BLOCK, NULL, "a broker's name does not resolve",
     "correct kafka.brokers, the brokers' advertised.listeners, or the name service"},
    {CODE(UNSUPPORTED_VERSION), false, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the brokers do not speak a protocol version that this librdkafka needs",
     "use another librdkafka or another broker version"},
    {CODE(_UNSUPPORTED_FEATURE), false, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the brokers do not support what the client needs (Kafka 0.11 for idempotent producers)",
     "use newer brokers"},
    {CODE(_TRANSPORT), true, ABOUT_CLIENT, NO_BLOCK, NULL, "a broker cannot be reached",
     "bring it back, or correct kafka.brokers and the network"},
    {CODE(_ALL_BROKERS_DOWN), true, ABOUT_CLIENT, NO_BLOCK, NULL, "no broker can be reached",
     "bring them back, or correct kafka.brokers and the network"},
    {CODE(_TIMED_OUT), true, ABOUT_CLIENT, NO_BLOCK, NULL, "a broker does not answer in time",
     "bring it back, or correct kafka.brokers and the network"},
    {CODE(_MSG_TIMED_OUT), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "a record was not acknowledged in time", "bring the brokers back"},
    {CODE(REQUEST_TIMED_OUT), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "a broker did not complete the request in time", waits},
    {CODE(NETWORK_EXCEPTION), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the connection to a broker ended before the answer", waits},
    {CODE(LEADER_NOT_AVAILABLE), true, ABOUT_TOPIC, NO_BLOCK, NULL, "a partition has no leader",
     leaders},
    {CODE(NOT_LEADER_FOR_PARTITION), true, ABOUT_TOPIC, NO_BLOCK, NULL,
     "a partition's leader has moved", waits},
    {CODE(REPLICA_NOT_AVAILABLE), true, ABOUT_TOPIC, NO_BLOCK, NULL,
     "a replica of a partition is not available", leaders},
    {CODE(OFFSET_NOT_AVAILABLE), true, ABOUT_TOPIC, NO_BLOCK, NULL,
     "a new leader does not know the end of its log yet", waits},
    {CODE(FENCED_LEADER_EPOCH), true, ABOUT_TOPIC, NO_BLOCK, NULL, "a partition's leader has moved",
     waits},
    {CODE(UNKNOWN_LEADER_EPOCH), true, ABOUT_TOPIC, NO_BLOCK, NULL,
     "a partition's leader has moved", waits},
    {CODE(BROKER_NOT_AVAILABLE), true, ABOUT_CLIENT, NO_BLOCK, NULL, "a broker is not available",
     waits},

    {CODE(_WAIT_COORD), true, ABOUT_GROUP, NO_BLOCK, NULL,
     "the client looks for the coordinator of the group", waits},
    {CODE(_TIMED_OUT_QUEUE), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "a request could not be sent in time", "bring the brokers back"},
    {CODE(THROTTLING_QUOTA_EXCEEDED), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the brokers' quota is used up", "raise the quota of detour's principal"},
    {CODE(_PREV_IN_PROGRESS), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the previous request is not finished", waits},
    {CODE(_NO_OFFSET), true, ABOUT_GROUP, NO_BLOCK, NULL, "there was nothing to commit", waits},
    {CODE(_DESTROY), true, ABOUT_CLIENT, NO_BLOCK, NULL, "the client ends", waits},

    /* the idempotent producer: fatal to it, and it is made anew */
    {CODE(OUT_OF_ORDER_SEQUENCE_NUMBER), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the brokers have lost records of this producer's sequence", restart},
    {CODE(DUPLICATE_SEQUENCE_NUMBER), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the brokers already have a record of this producer", restart},
    {CODE(UNKNOWN_PRODUCER_ID), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the brokers have forgotten this producer", restart},
    {CODE(INVALID_PRODUCER_EPOCH), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the brokers know a later producer of this id", restart},
    {CODE(INVALID_PRODUCER_ID_MAPPING), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the brokers have forgotten this producer", restart},
    {CODE(PRODUCER_FENCED), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the brokers know a later producer of this id", restart},
    {CODE(_FENCED), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the brokers know a later producer of this id", restart},
    {CODE(_INCONSISTENT), true, ABOUT_CLIENT, NO_BLOCK, NULL,
     "the producer's records and the brokers' answers do not fit", restart},
};

static const struct client_error unknown = {
    .passes = false,
    .about = ABOUT_CLIENT,
    .block = BLOCK_CLIENT,
    .meaning = "an error that detour has no rule for",
    .way_out = "it is tried again; look for it in the brokers' logs",
};

const struct client_error *client_error_of(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].code == code) {
            return &rows[i];
        }
    }
    return &unknown;
}

const struct client_error *client_error_rows(size_t *count)
{
    *count = COUNT_OF(rows);
    return rows;
}

/* As kafka-acls takes it. */
static void add_grant(const struct client_error *error, const char *resource, bool is_writing,
                      struct buf *out)
{
    const char *right = is_writing && error->about == ABOUT_TOPIC ? "Write" : error->right;
    const char *kind = error->about == ABOUT_TOPIC                         ? "topic"
                       : error->about == ABOUT_GROUP                       ? "group"
                       : error->code == CODE(CLUSTER_AUTHORIZATION_FAILED) ? "cluster"
                                                                           : "transactional-id";

    buf_printf(out,
               "grant %s on %s%s%s to detour's principal (kafka-acls --add --operation %s --%s",
               right, kind, resource[0] == '\0' ? "" : " ", resource, right, kind);
    if (resource[0] != '\0') {
        buf_printf(out, " %s", resource);
    }
    buf_add_text(out, " --allow-principal User:NAME); ");
}

void client_error_advise(const struct client_error *error, const char *resource, bool is_writing,
                         struct buf *out)
{
    if (error->right != NULL) {
        add_grant(error, resource, is_writing, out);
    }
    if (is_writing && error->code == CODE(MSG_SIZE_TOO_LARGE)) {
        buf_add_text(out, "raise max.message.bytes of the topic above the size of the record");
        return;
    }
    buf_add_text(out, error->way_out);
}

const char *client_error_past(const struct client_error *error)
{
    return error->about == ABOUT_RECORDS ? past_it : NULL;
}
