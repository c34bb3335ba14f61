/*
 * What the library says instead of a message, and what becomes of it.
 *
 *    the end of a partition   everything before it was handed over: nothing is left unread there
 *    records it cannot read   2.0.2 goes on behind some of them (a checksum that does not fit, an
 *                             unknown format), which would lose them: the partition is blocked by
 *                             name, and read again from `position` after 1 s, 2 s ... 30 s
 *    a right that is missing  likewise: told once by the library, so asked for again
 *    a topic that is gone     named until a record or the end of the partition comes
 *    what passes by itself    counted, told once a minute
 *
 * A block ends for the next try and the error stands until a record or the end comes, so that
 * what an operator sees does not flicker.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/source_inside.h"

enum { TELL_EVERY_MS = 60000 };

/* About the group, or about a topic. */
void source_tell(struct source *source, rd_kafka_resp_err_t error, const char *topic,
                 const char *text)
{
    bool is_group = client_error_of(error)->about == ABOUT_GROUP;
    char *group = mem_text(source->kafka->group);

    active_error_add(&source->errors, error, is_group ? group : topic, text, clock_mono_ms());
    free(group);
}

static void tell_partition(struct source_partition *partition, const char *text, uint64_t now_ms)
{
    const struct client_error *error = client_error_of((rd_kafka_resp_err_t)partition->error);
    const char *past = client_error_past(error);
    struct buf advice;

    buf_init(&advice, CLIENT_ADVICE_BYTES);
    client_error_advise(error, partition->topic, false, &advice);
    LOG_ERROR("source.unreadable",
              "topic=%s partition=%d offset=%" PRId64 " reason=%s error=%s text=%s meaning=%s "
              "times=%" PRIu64 " since_ms=%" PRIu64 " next=%s else=%s",
              LOG_Q(partition->topic), (int)partition->partition, partition->position,
              block_word(error->block), rd_kafka_err2name((rd_kafka_resp_err_t)partition->error),
              LOG_Q(text), LOG_Q(error->meaning), partition->errors_untold,
              now_ms - partition->error_since_ms, LOG_Q(buf_text(&advice)),
              LOG_Q(past == NULL ? "" : past));
    buf_fini(&advice);
    partition->error_told_ms = now_ms;
    partition->errors_untold = 0;
}

static void note_error(struct source_partition *partition, rd_kafka_resp_err_t code,
                       const char *text, uint64_t now_ms)
{
    bool is_new = partition->error != (int)code;

    if (is_new) {
        partition->error = (int)code;
        partition->error_since_ms = now_ms;
        partition->errors_untold = 0;
    }
    partition->errors++;
    partition->errors_untold++;
    if (is_new || now_ms - partition->error_told_ms >= TELL_EVERY_MS) {
        tell_partition(partition, text, now_ms);
    }
}

void error_take(struct source *source, struct source_partition *partition,
                const rd_kafka_message_t *message)
{
    const struct client_error *error = client_error_of(message->err);
    const char *topic = message->rkt == NULL ? "" : rd_kafka_topic_name(message->rkt);
    const char *text = rd_kafka_message_errstr(message);
    bool is_gone = message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
                   message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
    uint64_t now_ms = clock_mono_ms();

    if (is_gone && partition != NULL) {
        partition_out_of_range(partition, now_ms);
    } else if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
        source_fail(source);
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (partition != NULL && partition_end(partition, message->offset, now_ms)) {
            error_over(partition);
        }
    } else if (partition == NULL || partition->state == PARTITION_UNPLACED || error->passes ||
               error->block == BLOCK_REASON_COUNT) {
        source_tell(source, message->err, topic, text);
    } else {
        note_error(partition, message->err, text, now_ms);
        if (error->block != BLOCK_TOPIC) {
            partition_unreadable(partition, error->block, now_ms);
        }
    }
}

void error_over(struct source_partition *partition)
{
    if (partition->error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    LOG_INFO("source.readable",
             "topic=%s partition=%d offset=%" PRId64 " was=%s times=%" PRIu64 " lasted_ms=%" PRIu64,
             LOG_Q(partition->topic), (int)partition->partition, partition->position,
             rd_kafka_err2name((rd_kafka_resp_err_t)partition->error), partition->errors,
             clock_mono_ms() - partition->error_since_ms);
    partition_readable(partition);
}

void error_joined(struct source *source)
{
    active_error_clear(&source->errors, NULL, clock_mono_ms());
}

uint32_t source_blocks(const struct source_partition *partition)
{
    enum block_reason reason = client_error_of((rd_kafka_resp_err_t)partition->error)->block;

    if (partition->error == RD_KAFKA_RESP_ERR_NO_ERROR || reason == BLOCK_REASON_COUNT) {
        return partition->blocks;
    }
    return partition->blocks | 1u << reason;
}

const struct active_errors *source_errors(const struct source *source)
{
    return &source->errors;
}
