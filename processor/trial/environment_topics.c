#include "trial/environment_topics.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/source.h"
#include "kafka/topics.h"

enum { LOOK_MS = 10000, TOPICS_MS = 20000 };

enum err_code environment_topics_create(const struct config *config, bool *may_exist,
                                        struct err *err)
{
    struct topic_report report = {0};
    enum err_code rc = topics_look(config, LOOK_MS, &report, err);

    *may_exist = rc == ERR_OK; /* also when making them fails half-way */
    if (rc == ERR_OK) {
        rc = topics_create(config, &report, TOPICS_MS, err);
    }
    topic_report_fini(&report);
    return rc;
}

/* The topics of this configuration: the source and the Kafka destinations. */
static size_t list_topics(const struct config *config, rd_kafka_DeleteTopic_t **out, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < config->kafka.topic_count && count < max; i++) {
        char *name = mem_text(config->kafka.topics[i]);

        out[count++] = rd_kafka_DeleteTopic_new(name);
        free(name);
    }
    for (size_t i = 0; i < config->destination_count && count < max; i++) {
        if (config->destinations[i].type->is_topic) {
            char *name = mem_text(config->destinations[i].topic);

            out[count++] = rd_kafka_DeleteTopic_new(name);
            free(name);
        }
    }
    return count;
}

static bool wait_for_result(rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TOPICS_MS);
    bool is_good = event != NULL && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR;

    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    return is_good;
}

void environment_topics_remove(const struct config *config, const char *prefix, const char *group)
{
    rd_kafka_DeleteTopic_t *topics[8];
    rd_kafka_DeleteGroup_t *groups[1];
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_queue_t *queue;
    rd_kafka_t *rk = NULL;
    char text[256] = "no client";
    size_t count;
    bool is_good;

    if (config == NULL || kafka_conf(config, false, &conf, NULL) != ERR_OK) {
        return;
    }
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        fprintf(stderr, "detour sandbox: its topics are left behind: %s\n", text);
        return;
    }
    queue = rd_kafka_queue_new(rk);
    count = list_topics(config, topics, COUNT_OF(topics));
    groups[0] = rd_kafka_DeleteGroup_new(group);
    rd_kafka_DeleteTopics(rk, topics, count, NULL, queue);
    is_good = wait_for_result(queue);
    rd_kafka_DeleteGroups(rk, groups, 1, NULL, queue);
    is_good = wait_for_result(queue) && is_good;
    if (!is_good) {
        fprintf(stderr,
                "detour sandbox: the topics and the group beginning with %s are left "
                "behind\n",
                prefix);
    }
    rd_kafka_DeleteTopic_destroy_array(topics, count);
    rd_kafka_DeleteGroup_destroy(groups[0]);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}
