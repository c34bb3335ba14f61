/*
 * A broker refuses a whole batch for one record, and the library reports the error for all records
 * of the batch. So the error of one record is not known: all are SUSPECT and are sent again in
 * groups of at most SHARE_FIRST, while nothing else of their topic is sent. A group that is refused
 * is halved; a record that is refused alone is the cause. `share` of a request is the size of its
 * last group: an upper bound of its batch, since keys may spread a group over partitions.
 *
 * If a search about size finds no record, the batch itself was too large.
 */
#include "base/log.h"
#include "kafka/produce_errors.h"
#include "kafka/producer_inside.h"

enum { SHARE_FIRST = 128 };

void search_suspect(struct producer *producer, struct produce_request *request,
                    rd_kafka_resp_err_t error)
{
    struct topic_line *line = request_line(producer, request);
    bool fills_batch = request->value.len + request->key.len >= producer->batch_bytes;

    PRE(error != RD_KAFKA_RESP_ERR_NO_ERROR);
    request->error = error;
    if (request->share == 1 || fills_batch) {
        line->is_culprit_found |= request->share == 1;
        request_refuse(producer, request);
        return;
    }
    request->share = request->share == 0 ? SHARE_FIRST : (uint16_t)MAX_OF(request->share / 2, 1);
    line->is_too_large |= produce_fault_of(error) == PRODUCE_FAULT_SIZE;
    request_move(producer, request, REQUEST_SUSPECT);
}

/* The first suspects, as many as each of them may have beside it. */
static uint16_t measure_group(const struct topic_line *line)
{
    uint16_t most = SHARE_FIRST;
    uint16_t count = 0;

    for (const struct produce_request *request = line->suspects.first; request != NULL;
         request = request->next) {
        most = MIN_OF(most, request->share);
        if (count >= most) {
            break;
        }
        count++;
    }
    POST(count <= SHARE_FIRST);
    POST(count > 0 || line->suspects.count == 0);
    return count;
}

bool search_send(struct producer *producer, struct topic_line *line)
{
    uint16_t count = measure_group(line);

    PRE(line->trials == 0);
    PRE(line->sent == 0);
    for (uint16_t i = 0; i < count; i++) {
        struct produce_request *request = line->suspects.first;

        request->share = count;
        if (!request_send(producer, request)) {
            return false;
        }
        if (request_state(request) == REQUEST_SENT) {
            request->state |= REQUEST_IS_TRIAL;
            line->trials++;
            INVARIANT(line->trials <= line->sent);
        }
    }
    return true;
}

void search_end(struct producer *producer, struct topic_line *line)
{
    if (line->suspects.count + line->trials > 0) {
        return;
    }
    if (line->is_too_large && !line->is_culprit_found && producer->batch_bytes > BATCH_BYTES_MIN) {
        producer->batch_bytes = MAX_OF(producer->batch_bytes / 4, (uint64_t)BATCH_BYTES_MIN);
        producer->is_batch_smaller = true;
        LOG_INFO("producer.batch", "worker=%u topic=%s batch_bytes=%llu why=%s",
                 producer->worker_index, LOG_Q(line->name),
                 (unsigned long long)producer->batch_bytes,
                 LOG_Q("the topic's max.message.bytes is below a batch; batches become smaller"));
    }
    line->is_culprit_found = false;
    line->is_too_large = false;
}
