/*
 * What the partitions ask for (offsets/partition.h), done at the client library.
 *
 * 2.0.2 resumes where its own idea of the position was, so a seek comes before each resume. It
 * refuses a seek where it has stopped fetching, and keeps the pause of an earlier assignment.
 */
#include "base/clock.h"
#include "kafka/source_inside.h"
#include "kafka/watermarks.h"

enum {
    SEEK_WAIT_MS = 200,
    LOOK_BUDGET_MS = 200, /* of one turn, for all partitions */
    LOOK_WAIT_MS = 2000,  /* for two questions, each behind a fetch that waits for half a second */
};

/* A message kept for later is fetched again, if it is of @partition. */
static void drop_kept(struct source *source, const struct source_partition *partition)
{
    rd_kafka_message_t *kept = source->kept;

    if (kept != NULL && kept->rkt != NULL &&
        assignment_find(&source->assignment, rd_kafka_topic_name(kept->rkt), kept->partition) ==
            partition) {
        rd_kafka_message_destroy(kept);
        source->kept = NULL;
    }
}

/* fetching anew */

void source_fetch_all(struct source *source)
{
    const struct assignment *assignment = &source->assignment;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)assignment->held_count);
    rd_kafka_resp_err_t error;

    for (size_t i = 0; i < assignment->held_count; i++) {
        struct source_partition *partition = assignment->held[i];
        int64_t offset;

        drop_kept(source, partition);
        if (partition_fetch(partition, &offset)) {
            INVARIANT(offset >= 0);
            rd_kafka_topic_partition_list_add(list, partition->topic, partition->partition)
                ->offset = offset;
        }
    }
    error = rd_kafka_assign(source->rk, list);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        source_tell(source, error, "", "assignment refused");
    } else {
        rd_kafka_resume_partitions(source->rk, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* single actions */

/* The partitions of which @action is due, with where reading goes on. NULL: none. */
static rd_kafka_topic_partition_list_t *list_due(struct source *source,
                                                 enum partition_action action)
{
    const struct assignment *assignment = &source->assignment;
    rd_kafka_topic_partition_list_t *list = NULL;

    for (size_t i = 0; i < assignment->held_count; i++) {
        struct source_partition *partition = assignment->held[i];

        if (partition_act(partition, action) != 0) {
            list = list == NULL ? rd_kafka_topic_partition_list_new(8) : list;
            rd_kafka_topic_partition_list_add(list, partition->topic, partition->partition)
                ->offset = partition_fetch_offset(partition);
        }
    }
    return list;
}

static void pause_due(struct source *source)
{
    rd_kafka_topic_partition_list_t *list = list_due(source, PARTITION_PAUSE);

    if (list != NULL) {
        rd_kafka_pause_partitions(source->rk, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
}

static void resume_due(struct source *source)
{
    rd_kafka_topic_partition_list_t *list = list_due(source, PARTITION_RESUME);

    if (list != NULL) {
        rd_kafka_resume_partitions(source->rk, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
}

static void seek_due(struct source *source)
{
    rd_kafka_topic_partition_list_t *list = list_due(source, PARTITION_SEEK);

    if (list == NULL) {
        return;
    }
    rd_kafka_error_destroy(rd_kafka_seek_partitions(source->rk, list, SEEK_WAIT_MS));
    for (int i = 0; i < list->cnt; i++) {
        struct source_partition *partition =
            assignment_find(&source->assignment, list->elems[i].topic, list->elems[i].partition);

        drop_kept(source, partition);
        if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            partition_seek_failed(partition, list->elems[i].err == RD_KAFKA_RESP_ERR__STATE,
                                  source->now_ms);
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void source_act(struct source *source)
{
    const struct assignment *assignment = &source->assignment;
    uint32_t due = 0;

    if (assignment->is_going) {
        return; /* they are paused by the library, and go */
    }
    for (size_t i = 0; i < assignment->held_count; i++) {
        due |= assignment->held[i]->actions;
    }
    if (due == 0) {
        return;
    }
    if ((due & PARTITION_REFETCH) != 0) {
        source_fetch_all(source);
        assignment_tick(&source->assignment, source->now_ms); /* it has forgotten the pauses */
    }
    pause_due(source);
    seek_due(source);
    resume_due(source);
    POST(source->kept == NULL || source->state == SOURCE_STEADY);
}

/* bounds */

static void look_at(struct source *source, struct source_partition *partition)
{
    rd_kafka_resp_err_t error;
    int64_t low = -1;
    int64_t high = -1;

    error = watermarks_ask(source->rk, partition->topic, partition->partition, &low, &high,
                           LOOK_WAIT_MS);
    source->now_ms = clock_mono_ms();
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        partition_bounds(partition, source->kafka, low, high, source->now_ms);
    } else {
        source_tell(source, error, partition->topic, "no answer about an offset that is gone");
        partition_bounds_failed(partition, source->now_ms);
        source->look_again_ms = source->now_ms + LOOK_WAIT_MS; /* deliveries wait meanwhile */
    }
}

void source_look(struct source *source, uint64_t now_ms)
{
    const struct assignment *assignment = &source->assignment;
    uint64_t until_ms = now_ms + LOOK_BUDGET_MS;

    if (now_ms < source->look_again_ms) {
        return;
    }
    for (size_t i = 0; i < assignment->held_count && source->now_ms <= until_ms; i++) {
        if (partition_is_look_due(assignment->held[i], now_ms)) {
            look_at(source, assignment->held[i]);
        }
    }
    source_act(source);
}
