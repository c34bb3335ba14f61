/**
 * mock_broker - librdkafka's mock cluster in a child process, told what to do over a pipe.
 *
 * The child is forked before anything of librdkafka runs in the test, and ends with it.
 * One cluster at a time: mock_open(), faults, mock_close().
 */
#ifndef TESTS_MOCK_BROKER_H
#define TESTS_MOCK_BROKER_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config.h"

enum mock_act {
    MOCK_OPEN,
    MOCK_CLOSE,
    MOCK_TOPIC,
    MOCK_TOPIC_ERROR,
    MOCK_FAIL,
    MOCK_FAIL_NO_MORE,
    MOCK_DOWN,
    MOCK_UP
};
enum { MOCK_TEXT_BYTES = 128 };

/* Kafka's numbers of the requests a test lets fail. */
enum mock_api {
    MOCK_PRODUCE = 0,
    MOCK_FETCH = 1,
    MOCK_LIST_OFFSETS = 2,
    MOCK_OFFSET_COMMIT = 8,
    MOCK_OFFSET_FETCH = 9,
    MOCK_FIND_COORDINATOR = 10,
    MOCK_HEARTBEAT = 12,
    MOCK_INIT_PRODUCER_ID = 22,
};

struct mock_command {
    enum mock_act act;
    char text[MOCK_TEXT_BYTES]; /* a topic; in the answer: the bootstrap servers */
    int number;                 /* partitions, or the request's number */
    int error;
    int times;
};

static int mock_socket = -1;
static pid_t mock_pid;

static inline void mock_do(rd_kafka_t *rk, rd_kafka_mock_cluster_t **cluster,
                           struct mock_command *command)
{
    switch (command->act) {
    case MOCK_OPEN:
        *cluster = rd_kafka_mock_cluster_new(rk, 1);
        snprintf(command->text, sizeof(command->text), "%s",
                 rd_kafka_mock_cluster_bootstraps(*cluster));
        break;
    case MOCK_CLOSE:
        rd_kafka_mock_cluster_destroy(*cluster);
        *cluster = NULL;
        break;
    case MOCK_TOPIC:
        command->error = rd_kafka_mock_topic_create(*cluster, command->text, command->number, 1);
        break;
    case MOCK_TOPIC_ERROR:
        rd_kafka_mock_topic_set_error(*cluster, command->text, command->error);
        break;
    case MOCK_FAIL:
        for (int i = 0; i < command->times; i++) {
            rd_kafka_mock_push_request_errors(*cluster, (int16_t)command->number, 1,
                                              command->error);
        }
        break;
    case MOCK_FAIL_NO_MORE:
        rd_kafka_mock_clear_request_errors(*cluster, (int16_t)command->number);
        break;
    case MOCK_DOWN:
        rd_kafka_mock_broker_set_down(*cluster, 1);
        break;
    case MOCK_UP:
        rd_kafka_mock_broker_set_up(*cluster, 1);
        break;
    }
}

static inline void mock_child(int fd)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_mock_cluster_t *cluster = NULL;
    struct mock_command command;
    rd_kafka_t *rk;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    while (rk != NULL && read(fd, &command, sizeof(command)) == (ssize_t)sizeof(command)) {
        mock_do(rk, &cluster, &command);
        if (write(fd, &command, sizeof(command)) != (ssize_t)sizeof(command)) {
            break;
        }
    }
    _exit(0);
}

/* In main(), first of all. */
static inline void mock_start(void)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 || (mock_pid = fork()) < 0) {
        perror("mock broker");
        exit(1);
    }
    if (mock_pid == 0) {
        close(fds[0]);
        mock_child(fds[1]);
    }
    close(fds[1]);
    mock_socket = fds[0];
}

static inline void mock_stop(void)
{
    close(mock_socket);
    waitpid(mock_pid, NULL, 0);
}

static inline struct mock_command mock_tell(enum mock_act act, const char *text, int number,
                                            int error, int times)
{
    struct mock_command command = {.act = act, .number = number, .error = error, .times = times};

    snprintf(command.text, sizeof(command.text), "%s", text == NULL ? "" : text);
    if (write(mock_socket, &command, sizeof(command)) != (ssize_t)sizeof(command) ||
        recv(mock_socket, &command, sizeof(command), MSG_WAITALL) != (ssize_t)sizeof(command)) {
        fprintf(stderr, "the mock broker is gone\n");
        exit(1);
    }
    return command;
}

/* A configuration of the Kafka side alone. */
struct mock_config {
    struct config config;
    struct name_pair properties[8];
    struct span topics[1];
    char brokers[MOCK_TEXT_BYTES];
};

static inline void mock_property(struct mock_config *mock, const char *name, const char *value)
{
    mock->properties[mock->config.kafka.property_count++] = (struct name_pair){
        .name = {name, strlen(name)}, .value = {value, strlen(value)}, .place = {"test", 1, 1}};
}

/* Quick where the real defaults would make a test wait. */
static inline void mock_open(struct mock_config *mock, const char *topic, int partitions)
{
    struct mock_command opened = mock_tell(MOCK_OPEN, NULL, 0, 0, 0);

    memset(mock, 0, sizeof(*mock));
    memcpy(mock->brokers, opened.text, sizeof(mock->brokers));
    mock_tell(MOCK_TOPIC, topic, partitions, 0, 0);
    mock->topics[0] = (struct span){topic, strlen(topic)};
    mock->config.kafka.brokers = (struct span){mock->brokers, strlen(mock->brokers)};
    mock->config.kafka.group = SPAN("group");
    mock->config.kafka.topics = mock->topics;
    mock->config.kafka.topic_count = 1;
    mock->config.kafka.properties = mock->properties;
    mock_property(mock, "topic.metadata.refresh.interval.ms", "500");
    mock_property(mock, "topic.metadata.propagation.max.ms", "500");
    mock_property(mock, "session.timeout.ms", "4000");
    mock_property(mock, "fetch.wait.max.ms", "10");
    mock_property(mock, "retry.backoff.ms", "20");
}

static inline void mock_close(void)
{
    mock_tell(MOCK_CLOSE, NULL, 0, 0, 0);
}

static inline rd_kafka_t *mock_client(const struct mock_config *mock, rd_kafka_type_t type)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_t *rk;

    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
    rd_kafka_conf_set(conf, "bootstrap.servers", mock->brokers, why, sizeof(why));
    rd_kafka_conf_set(conf, "group.id", "reader", why, sizeof(why));
    rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", why, sizeof(why));
    rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", why, sizeof(why));
    if (type == RD_KAFKA_PRODUCER) { /* many small batches: the mock serves one a fetch */
        rd_kafka_conf_set(conf, "batch.size", "200000", why, sizeof(why));
    }
    rk = rd_kafka_new(type, conf, why, sizeof(why));
    if (rk == NULL) {
        fprintf(stderr, "no client: %s\n", why);
        exit(1);
    }
    return rk;
}

/* @count records of @bytes each onto one partition; the value begins with its number from @first.
 */
static inline void mock_seed(const struct mock_config *mock, const char *topic, int partition,
                             int first, int count, size_t bytes)
{
    rd_kafka_t *rk = mock_client(mock, RD_KAFKA_PRODUCER);
    char *value = calloc(1, bytes + 16);

    for (size_t i = 0; i < bytes; i++) { /* nothing that compresses */
        value[i] = (char)(rand() & 0xff);
    }
    for (int i = 0; i < count; i++) {
        int len = snprintf(value, 16, "%d", first + i);

        if (rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK),
                              RD_KAFKA_V_VALUE(value, bytes < 16 ? (size_t)len : bytes),
                              RD_KAFKA_V_END) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            fprintf(stderr, "not seeded\n");
            exit(1);
        }
    }
    rd_kafka_flush(rk, 10000);
    rd_kafka_destroy(rk);
    free(value);
}

#endif /* TESTS_MOCK_BROKER_H */
