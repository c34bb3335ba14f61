/* One worker's delivery on a fake I/O interface: a clock that the test moves, requests that the
 * test answers, records that the test acknowledges. Everything between is the real code. */
#ifndef TESTS_DELIVER_FIXTURE_H
#define TESTS_DELIVER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "deliver/dispatch.h"
#include "deliver/sender.h"
#include "deliver/turn.h"
#include "destinations/table.h"

enum { BENCH_MAX = 512, BENCH_START_MS = 1000000 };

static const int64_t bench_wall_ms = 1790000000000;

struct bench_message {
    rd_kafka_message_t message; /* first: cast back in release */
    char *payload;
};

/* A request that was sent. */
struct bench_post {
    http_reply_fn *done;
    void *context;
    char *body; /* owned, terminated */
    bool is_hook;
    bool is_open, is_answered; /* not yet called back; what to call back with */
    struct http_reply reply;
};

/* A record that was produced. */
struct bench_record {
    struct produce_request *request;
    char topic[32];
    bool is_open, is_reported;
    enum produce_result result;
};

struct bench {
    struct config *config;
    struct pipeline *pipeline;
    struct metrics *metrics;
    struct health *health;
    struct io io;
    struct deliverer d;
    struct intake intake;
    struct turn turn;
    struct source_partition partition;
    bool is_going; /* the group wants it back ... */
    uint64_t going_by_ms;
    uint64_t now_ms;
    rd_kafka_message_t *pending[BENCH_MAX]; /* produced and not taken yet */
    size_t pending_count, pending_at;
    struct bench_post posts[BENCH_MAX];
    size_t post_count;
    struct bench_record records[BENCH_MAX];
    size_t record_count;
    int64_t settled[BENCH_MAX];
    size_t settled_count;
    int64_t next_offset;
    bool refuses_posts; /* as when a descriptor is lacking */
};

/* the fake I/O interface */

static uint64_t bench_mono(void *context)
{
    return ((struct bench *)context)->now_ms;
}

static int64_t bench_wall(void *context)
{
    return bench_wall_ms + (int64_t)(((struct bench *)context)->now_ms - BENCH_START_MS);
}

static void bench_wait(void *context, uint64_t ms)
{
    ((struct bench *)context)->now_ms += ms;
}

static enum err_code bench_on_post(void *context, const struct http_request *request,
                                   struct err *err)
{
    struct bench *bench = context;
    struct bench_post *post = &bench->posts[bench->post_count];

    if (bench->refuses_posts) {
        return FAIL(err, ERR_LIMIT, "no descriptor");
    }
    assert_true(bench->post_count < BENCH_MAX);
    bench->post_count++;
    *post = (struct bench_post){.done = request->done,
                                .context = request->context,
                                .body = mem_text(request->body),
                                .is_hook = strstr(request->target->url, ":2/") != NULL,
                                .is_open = true};
    return ERR_OK;
}

static void bench_answers(void *context)
{
    struct bench *bench = context;

    for (size_t i = 0; i < bench->post_count; i++) {
        struct bench_post *post = &bench->posts[i];

        if (post->is_open && post->is_answered) {
            post->is_open = false;
            post->done(post->context, &post->reply);
        }
    }
}

static void bench_produce(void *context, struct produce_request *request)
{
    struct bench *bench = context;
    struct bench_record *record = &bench->records[bench->record_count++];

    assert_true(bench->record_count < BENCH_MAX);
    *record = (struct bench_record){.request = request, .is_open = true};
    (void)snprintf(record->topic, sizeof(record->topic), "%s", request->topic);
}

static uint64_t bench_reports(void *context, uint64_t now_ms)
{
    struct bench *bench = context;

    (void)now_ms;
    for (size_t i = 0; i < bench->record_count; i++) {
        struct bench_record *record = &bench->records[i];

        if (record->is_open && record->is_reported) {
            record->is_open = false;
            record->request->done(record->request, record->result);
        }
    }
    return UINT64_MAX;
}

static bool bench_is_full(void *context)
{
    (void)context;
    return false;
}

static void bench_nothing(void *context)
{
    (void)context;
}

static bool bench_is_unsent(void *context, const struct produce_request *request)
{
    (void)context;
    (void)request;
    return true;
}

static void bench_recall(void *context, struct produce_request *request)
{
    struct bench *bench = context;

    for (size_t i = 0; i < bench->record_count; i++) {
        if (bench->records[i].request == request) {
            bench->records[i].is_open = false;
        }
    }
}

static rd_kafka_message_t *bench_poll(void *context, struct source_partition **partition)
{
    struct bench *bench = context;

    *partition = &bench->partition;
    return bench->pending_at < bench->pending_count ? bench->pending[bench->pending_at++] : NULL;
}

static void bench_settle(void *context, struct source_partition *partition, uint64_t epoch,
                         int64_t offset, const struct settled *settled)
{
    (void)settled;
    struct bench *bench = context;

    assert_ptr_equal(partition, &bench->partition);
    assert_int_equal(epoch, bench->partition.epoch);
    bench->settled[bench->settled_count++] = offset;
}

static void bench_block(void *context, struct source_partition *partition, enum block_reason reason,
                        bool is_blocked)
{
    (void)context;
    (void)partition;
    (void)reason;
    (void)is_blocked;
}

static void bench_commit(void *context, uint64_t now_ms)
{
    (void)context;
    (void)now_ms;
}

static bool bench_is_fenced(void *context, uint64_t now_ms)
{
    (void)context;
    (void)now_ms;
    return false;
}

static bool bench_is_going(void *context, uint64_t *until_ms)
{
    const struct bench *bench = context;

    *until_ms = bench->going_by_ms;
    return bench->is_going;
}

static void bench_let_go(void *context)
{
    ((struct bench *)context)->is_going = false;
}

static struct span bench_no_header(const void *context, struct span name)
{
    (void)context;
    (void)name;
    return SPAN_NONE;
}

static void bench_view(const rd_kafka_message_t *message, struct message_view *out)
{
    *out = (struct message_view){.topic = SPAN("conversions"),
                                 .partition = message->partition,
                                 .offset = message->offset,
                                 .timestamp_ms = bench_wall_ms,
                                 .key = {message->key, message->key_len},
                                 .value = {message->payload, message->len},
                                 .header = bench_no_header};
}

static const rd_kafka_headers_t *bench_headers(const rd_kafka_message_t *message)
{
    (void)message;
    return NULL;
}

static void bench_release(rd_kafka_message_t *message)
{
    free(((struct bench_message *)(void *)message)->payload);
    free(message);
}

static const struct io bench_io = {
    .mono_ms = bench_mono,
    .wall_ms = bench_wall,
    .wait = bench_wait,
    .post = bench_on_post,
    .answers = bench_answers,
    .produce = bench_produce,
    .reports = bench_reports,
    .is_full = bench_is_full,
    .unsend = bench_nothing,
    .is_unsent = bench_is_unsent,
    .recall = bench_recall,
    .poll = bench_poll,
    .serve = bench_nothing,
    .settle = bench_settle,
    .block = bench_block,
    .commit = bench_commit,
    .is_fenced = bench_is_fenced,
    .is_going = bench_is_going,
    .let_go = bench_let_go,
    .view = bench_view,
    .headers = bench_headers,
    .release = bench_release,
    .stop = bench_nothing,
};

/* life */

static inline struct bench *bench_open(void)
{
    struct bench *bench = mem_new(struct bench);
    struct diags diags;
    struct err err;

    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_OFF);
    diags_init(&diags);
    bench->config = config_load("tests/data/deliver/worker.yaml", driver_types(), &diags);
    assert_non_null(bench->config);
    bench->pipeline = pipeline_compile(bench->config, &diags);
    assert_non_null(bench->pipeline);
    assert_int_equal(pipeline_connect(bench->pipeline, &err), ERR_OK);
    diags_fini(&diags);
    bench->now_ms = BENCH_START_MS;
    bench->metrics = metrics_new(bench->config, 1, "unit");
    bench->health = health_new(bench->config, 1, bench->now_ms);
    bench->partition.epoch = 3;
    bench->io = bench_io;
    bench->io.context = bench;
    dispatch_init(&bench->d, &(struct deliverer_parts){.pipeline = bench->pipeline,
                                                       .health = bench->health,
                                                       .metrics = metrics_of(bench->metrics, 0),
                                                       .io = &bench->io,
                                                       .seed = 1});
    intake_init(&bench->intake, &bench->d, -1);
    turn_init(&bench->turn, &bench->d, &bench->intake, 0);
    return bench;
}

static inline void bench_close(struct bench *bench)
{
    while (bench->pending_at < bench->pending_count) {
        bench_release(bench->pending[bench->pending_at++]);
    }
    intake_fini(&bench->intake);
    dispatch_fini(&bench->d);
    for (size_t i = 0; i < bench->post_count; i++) {
        free(bench->posts[i].body);
    }
    health_free(bench->health);
    metrics_free(bench->metrics);
    pipeline_free(bench->pipeline);
    config_free(bench->config);
    free(bench);
}

/* what happens */

/** A record of this event type is on the topic; its offset. */
static inline int64_t bench_event(struct bench *bench, const char *type)
{
    const struct type *root = bench->pipeline->readers->schemas[0]->root;
    struct bench_message *made = mem_new(struct bench_message);
    char *json = mem_format("{\"event\": \"%s\", \"timestamp\": %lld, \"user\": {\"email\": "
                            "\"somebody@example.com\"}, \"properties\": {\"value\": 20.0, "
                            "\"currency\": \"EUR\"}}",
                            type, (long long)bench_wall_ms);
    struct arena arena;
    struct value value;
    struct buf out;
    struct err err;

    arena_init(&arena, 1 << 20);
    buf_init(&out, 1 << 20);
    assert_int_equal(
        catalog_frame_header(bench->pipeline->catalog, 0, SPAN("conversions-value"), &out, &err),
        ERR_OK);
    assert_int_equal(value_from_json(span_of(json), root, &arena, &value, &err), ERR_OK);
    value_encode(&value, root, &out);
    made->payload = mem_array(out.len, char);
    memcpy(made->payload, out.ptr, out.len);
    made->message.payload = made->payload;
    made->message.len = out.len;
    made->message.offset = bench->next_offset;
    buf_fini(&out);
    arena_fini(&arena);
    free(json);
    assert_true(bench->pending_count < BENCH_MAX);
    bench->pending[bench->pending_count++] = &made->message;
    return bench->next_offset++;
}

/** @ms pass, in turns of at most 10 ms. */
static inline void bench_pass(struct bench *bench, uint64_t ms)
{
    uint64_t until_ms = bench->now_ms + ms;

    (void)turn_run(&bench->turn, false);
    while (bench->now_ms < until_ms) {
        bench->now_ms += MIN_OF(until_ms - bench->now_ms, (uint64_t)10);
        (void)turn_run(&bench->turn, false);
        assert_int_equal(bench->d.outcomes.count, 0);
    }
}

/** The request at @index gets this answer in the next turn. */
static inline void bench_answer(struct bench *bench, size_t index, int status, const char *body)
{
    struct bench_post *post = &bench->posts[index];

    assert_true(index < bench->post_count && post->is_open && !post->is_answered);
    post->is_answered = true;
    post->reply = (struct http_reply){
        .status = status, .body = span_of(body), .is_sent = true, .duration_us = 20000};
}

/** All open requests get this answer, the bodies of which hold @part ("" for any). */
static inline size_t bench_answer_all(struct bench *bench, int status, const char *body)
{
    size_t count = 0;

    for (size_t i = 0; i < bench->post_count; i++) {
        if (bench->posts[i].is_open && !bench->posts[i].is_answered) {
            bench_answer(bench, i, status, body);
            count++;
        }
    }
    return count;
}

/** All open records get this report in the next turn. */
static inline size_t bench_report_all(struct bench *bench, enum produce_result result)
{
    size_t count = 0;

    for (size_t i = 0; i < bench->record_count; i++) {
        if (bench->records[i].is_open && !bench->records[i].is_reported) {
            bench->records[i].is_reported = true;
            bench->records[i].result = result;
            count++;
        }
    }
    return count;
}

/* what was seen */

static inline bool bench_is_settled(const struct bench *bench, int64_t offset)
{
    for (size_t i = 0; i < bench->settled_count; i++) {
        if (bench->settled[i] == offset) {
            return true;
        }
    }
    return false;
}

/** Records written to @topic. */
static inline size_t bench_written(const struct bench *bench, const char *topic)
{
    size_t count = 0;

    for (size_t i = 0; i < bench->record_count; i++) {
        count += strcmp(bench->records[i].topic, topic) == 0;
    }
    return count;
}

/** Events in the request at @index. */
static inline size_t bench_events_of(const struct bench *bench, size_t index)
{
    size_t count = 0;

    for (const char *at = bench->posts[index].body; (at = strstr(at, "\"event_id\"")) != NULL;
         at++) {
        count++;
    }
    return count;
}

/** The request at @index carries the event at @offset of the topic. */
static inline bool bench_carries(const struct bench *bench, size_t index, int64_t offset)
{
    char id[64];

    (void)snprintf(id, sizeof(id), "\"conversions-0-%lld\"", (long long)offset);
    return strstr(bench->posts[index].body, id) != NULL;
}

#define BENCH_OK "{\"code\":0,\"message\":\"OK\",\"request_id\":\"r\",\"data\":{}}"
#define BENCH_SERVER_ERROR "{\"code\":50000,\"message\":\"error\",\"request_id\":\"r\"}"
#define BENCH_BAD_PARAMETER "{\"code\":40002,\"message\":\"Invalid value\",\"request_id\":\"r\"}"

#endif /* TESTS_DELIVER_FIXTURE_H */
