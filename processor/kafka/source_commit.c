/*
 * Commits at the client: explicit, asynchronous, answered on a queue of their own. What is due and
 * what an answer changes is decided in offsets/assignment.h. While partitions go, the answer is
 * waited for 3 s, then forgotten.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/source_inside.h"

enum { FAILURE_LOG_MS = 30000 };

static void tell_failure(struct source *source, rd_kafka_resp_err_t error)
{
    uint64_t now_ms = clock_mono_ms();

    if (!client_error_of(error)->passes) {
        source_tell(source, error, "", "offsets are not committed");
    }
    if (now_ms - source->commit_logged_ms >= FAILURE_LOG_MS) {
        source->commit_logged_ms = now_ms;
        LOG_WARN("source.commit_failed", "worker=%u failures=%" PRIu64 " error=%s next=%s",
                 source->worker_index, source->assignment.commits.failures,
                 LOG_Q(rd_kafka_err2str(error)),
                 LOG_Q("tried again; until then a restart sends settled events again"));
    }
}

static enum commit_result result_of(rd_kafka_resp_err_t error)
{
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return COMMIT_DONE;
    }
    if (error == RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE ||
        error == RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE) {
        return COMMIT_TOO_LARGE;
    }
    /* Nothing changes these before we have joined again. */
    if (error == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
        error == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
        error == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
        error == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
        return COMMIT_REFUSED;
    }
    return COMMIT_FAILED;
}

static void take_answer(struct source *source, rd_kafka_resp_err_t error,
                        const rd_kafka_topic_partition_t *entry)
{
    struct assignment *assignment = &source->assignment;
    struct source_partition *partition =
        assignment_find(assignment, entry->topic, entry->partition);
    rd_kafka_resp_err_t own_error = entry->err != RD_KAFKA_RESP_ERR_NO_ERROR ? entry->err : error;
    bool had_failures = assignment->commits.failures > 0;

    INVARIANT(!assignment->commits.is_out);
    if (partition == NULL) {
        return;
    }
    if (assignment_commit_take(assignment, partition, entry->offset, result_of(own_error))) {
        tell_failure(source, own_error);
    } else if (had_failures && assignment->commits.failures == 0) {
        error_joined(source);
    }
}

static void on_answer(rd_kafka_t *rk, rd_kafka_resp_err_t error,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    struct source *source = rd_kafka_opaque(rk);

    if (!assignment_commit_answered(&source->assignment, (uintptr_t)opaque)) {
        return; /* of an assignment that is over */
    }
    for (int i = 0; offsets != NULL && i < offsets->cnt; i++) {
        take_answer(source, error, &offsets->elems[i]);
    }
    if (assignment_commit_end(&source->assignment)) {
        tell_failure(source, error);
    }
}

static void add_offset(struct source *source, struct source_partition *partition)
{
    rd_kafka_topic_partition_t *entry =
        rd_kafka_topic_partition_list_add(source->sealed, partition->topic, partition->partition);
    struct buf text;

    buf_init(&text, METADATA_BYTES_MAX);
    entry->offset = partition_commit(partition, source->assignment.commits.bytes_max, &text);
    INVARIANT(entry->offset >= 0);
    INVARIANT(text.len <= METADATA_BYTES_MAX);
    if (text.len > 0) {
        entry->metadata = mem_text(buf_span(&text)); /* the list frees it */
        entry->metadata_size = text.len;
    }
    buf_fini(&text);
}

/* What the ledger did not take is not committed. */
static void leave_out_unwritten(struct source *source)
{
    rd_kafka_topic_partition_list_t *list = source->sealed;

    for (int i = list->cnt - 1; i >= 0; i--) {
        const struct source_partition *partition =
            assignment_find(&source->assignment, list->elems[i].topic, list->elems[i].partition);

        if (partition == NULL || !partition->is_committing) {
            (void)rd_kafka_topic_partition_list_del_by_idx(list, i);
        }
    }
}

/* The sealed commit goes as soon as the ledger has its tallies. */
static void send_sealed(struct source *source)
{
    void *sequence = (void *)source->assignment.commits.sequence;
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (source->sealed == NULL ||
        !assignment_commit_is_written(&source->assignment, clock_mono_ms())) {
        return;
    }
    leave_out_unwritten(source);
    list = source->sealed;
    source->sealed = NULL;
    if (list->cnt > 0) {
        error = rd_kafka_commit_queue(source->rk, list, source->commits, on_answer, sequence);
    }
    if (list->cnt == 0 || error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        on_answer(source->rk, error, list, sequence);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void seal_commit(struct source *source, uint64_t now_ms, bool is_final)
{
    struct assignment *assignment = &source->assignment;

    PRE(source->sealed == NULL);
    source->sealed = rd_kafka_topic_partition_list_new((int)assignment->held_count);
    (void)assignment_commit_begin(assignment, now_ms);
    for (size_t i = 0; i < assignment->held_count; i++) {
        if (partition_is_commit_due(assignment->held[i], is_final)) {
            add_offset(source, assignment->held[i]);
        }
    }
    assignment_commit_write(assignment, now_ms);
    send_sealed(source);
}

void commit_serve(struct source *source, uint64_t wait_ms)
{
    send_sealed(source);
    if (source->sealed == NULL && source->assignment.commits.is_out) {
        rd_kafka_queue_poll_callback(source->commits, (int)wait_ms);
    }
}

void commit_forget(struct source *source)
{
    if (source->sealed != NULL) {
        rd_kafka_topic_partition_list_destroy(source->sealed);
        source->sealed = NULL;
    }
}

void source_commit(struct source *source, uint64_t now_ms, bool is_now)
{
    assignment_awake(&source->assignment, now_ms); /* who drains does not poll */
    commit_serve(source, 0);
    if (source->state == SOURCE_COMMITTING) {
        (void)rebalance_step(source);
    } else if (!source->is_fatal && assignment_commit_due(&source->assignment, now_ms, is_now)) {
        seal_commit(source, now_ms, false);
    }
}

bool commit_finally(struct source *source, uint64_t now_ms)
{
    struct assignment *assignment = &source->assignment;

    PRE(source->state == SOURCE_COMMITTING);
    PRE(assignment->is_going);
    commit_serve(source, 0);
    if (!source->is_fatal && assignment_commit_due_finally(assignment, now_ms)) {
        seal_commit(source, now_ms, true);
    }
    return !assignment_has_uncommitted(assignment);
}
