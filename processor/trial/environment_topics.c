#include "trial/environment_topics.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "kafka/conf.h"
#include "kafka/source.h"
#include "kafka/topics.h"
#include "trial/scenario.h"

enum { LOOK_MS = 10000, TOPICS_MS = 20000 };

enum err_code environment_topics_create(struct environment *environment, struct err *err)
{
    struct topic_report report = {0};
    enum err_code rc = topics_look(environment->config, LOOK_MS, &report, err);

    environment->has_topics = rc == ERR_OK; /* also when making them fails half-way */
    if (rc == ERR_OK) {
        rc = topics_create(environment->config, &report, TOPICS_MS, err);
    }
    topic_report_fini(&report);
    return rc;
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

void environment_topics_remove(const struct environment *environment)
{
    rd_kafka_DeleteTopic_t *topics[] = {rd_kafka_DeleteTopic_new(environment->topic),
                                        rd_kafka_DeleteTopic_new(environment->alternate),
                                        rd_kafka_DeleteTopic_new(environment->dead_letter),
                                        rd_kafka_DeleteTopic_new(environment->ledger)};
    char *replay = mem_format("%s.replay." SCENARIO_REPLAY_NAME, environment->group);
    char *backfill = mem_format("%s.backfill." ENVIRONMENT_DESTINATION, environment->group);
    rd_kafka_DeleteGroup_t *groups[] = {rd_kafka_DeleteGroup_new(environment->group),
                                        rd_kafka_DeleteGroup_new(replay),
                                        rd_kafka_DeleteGroup_new(backfill)};
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_queue_t *queue = NULL;
    rd_kafka_t *rk = NULL;
    bool is_good = kafka_conf(environment->config, false, &conf, NULL) == ERR_OK &&
                   conf_open(RD_KAFKA_PRODUCER, conf, NULL, 0, &rk, NULL) == ERR_OK;

    if (is_good) {
        queue = rd_kafka_queue_new(rk);
        rd_kafka_DeleteTopics(rk, topics, COUNT_OF(topics), NULL, queue);
        is_good = wait_for_result(queue);
        rd_kafka_DeleteGroups(rk, groups, COUNT_OF(groups), NULL, queue);
        is_good = wait_for_result(queue) && is_good;
        rd_kafka_queue_destroy(queue);
        rd_kafka_destroy(rk);
    }
    if (!is_good) {
        fprintf(stderr,
                "detour sandbox: the topics and the group beginning with %s are left behind\n",
                environment->prefix);
    }
    rd_kafka_DeleteTopic_destroy_array(topics, COUNT_OF(topics));
    rd_kafka_DeleteGroup_destroy_array(groups, COUNT_OF(groups));
    free(replay);
    free(backfill);
}
