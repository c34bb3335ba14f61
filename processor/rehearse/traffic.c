#include "rehearse/traffic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "trial/faker.h"

enum { ARENA_BYTES_MAX = 8 << 20, RECORD_BYTES_MAX = 1 << 20, ID_BYTES = 40 };

/* One line of the trace's traffic. */
struct stream {
    struct traffic *traffic;
    const struct trace_traffic *line;
    size_t reader;
    struct buf header; /* framing of its records */
    uint64_t produced;
    double due_ms; /* of the next, with its fraction */
};

struct traffic {
    const struct trace *trace;
    const struct pipeline *pipeline;
    struct field_hints hints;
    struct stream *streams; /* owned; one a line */
    int64_t wall_ms;
    struct source_topic *topic; /* where they go */
    int32_t partitions;
    uint64_t made;
    struct arena arena;
    struct buf value;
};

/* Whose record has the event: named, or by the record's own name, or the first with the path. */
static bool is_reader(const struct traffic *traffic, const struct trace_traffic *line,
                      size_t reader)
{
    const struct pipeline *pipeline = traffic->pipeline;
    struct span full = pipeline->readers->schemas[reader]->root->name;

    if (line->reader.ptr != NULL) {
        return span_eq(line->reader, full) || span_eq(line->reader, event_short_name(full));
    }
    if (pipeline->paths.is_type_record_name) {
        return span_eq(line->event, full) || span_eq(line->event, event_short_name(full));
    }
    return path_type(pipeline->paths.type, reader) != NULL;
}

static bool find_reader(const struct traffic *traffic, struct stream *stream, struct diags *diags)
{
    size_t count = traffic->pipeline->readers->count;

    while (stream->reader < count && !is_reader(traffic, stream->line, stream->reader)) {
        stream->reader++;
    }
    if (stream->reader < count) {
        return true;
    }
    diag_error(
        diags, stream->line->place, "no reader schema %s%s",
        stream->line->reader.ptr != NULL ? "is named " : "has an event ",
        log_quote(stream->line->reader.ptr != NULL ? stream->line->reader : stream->line->event));
    return false;
}

/* Write the next event of @stream into traffic->value. */
static enum err_code make_event(struct traffic *traffic, struct stream *stream, int64_t now_ms,
                                struct rng rng, struct err *err)
{
    const struct trace_traffic *line = stream->line;
    const struct type *type = traffic->pipeline->readers->schemas[stream->reader]->root;
    struct session session;
    char id[ID_BYTES];
    struct value root;
    enum err_code rc;

    arena_reset(&traffic->arena);
    buf_clear(&traffic->value);
    (void)snprintf(id, sizeof(id), "rehearsal-%llu", (unsigned long long)traffic->made);
    session_draw(&session, rng, line->event);
    session_set_event(&session, span_of(id), traffic->made++, now_ms);
    session.has_consent = true;
    if (line->has_value) {
        session_set_value(&session, line->value, line->currency);
    }
    rc = faker_value(&traffic->hints, &session, &traffic->arena, type, &root, err);
    if (rc == ERR_OK) {
        buf_add_span(&traffic->value, buf_span(&stream->header));
        value_encode(&root, type, &traffic->value);
    }
    if (traffic->value.is_overflowed) {
        rc = FAIL(err, ERR_LIMIT, "a record of this schema has more than %d bytes",
                  RECORD_BYTES_MAX);
    }
    return rc;
}

/* Does the first event read back as what the trace says it is? */
static bool try_event(struct traffic *traffic, struct stream *stream, struct diags *diags)
{
    const struct pipeline *pipeline = traffic->pipeline;
    struct message_view message = {.timestamp_ms = traffic->wall_ms};
    struct event_view view = {
        .message = &message, .reader = stream->reader, .now_ms = traffic->wall_ms};
    const struct writer *writer;
    struct frame frame;
    struct value root;
    struct err err = {0};
    enum err_code rc =
        make_event(traffic, stream, traffic->wall_ms, (struct rng){.state = 1}, &err);

    view.root = &root;
    if (rc == ERR_OK) {
        rc = catalog_unframe(pipeline->catalog, buf_span(&traffic->value), &frame, &err);
    }
    if (rc == ERR_OK) {
        writer = catalog_writer(pipeline->catalog, frame.key, -1);
        rc = writer->state == WRITER_READY
                 ? decoder_run(writer->decoder, frame.payload, &traffic->arena, &root, &err)
                 : FAIL(&err, ERR_DATA, "%s", writer->text == NULL ? "no decoder" : writer->text);
    }
    if (rc == ERR_OK) {
        rc = event_facts(&pipeline->paths, pipeline->readers, &view, &traffic->arena, &err);
    }
    if (rc == ERR_OK && !span_eq(view.facts.type, stream->line->event)) {
        rc = FAIL(&err, ERR_DATA, "the schema does not take that name: it becomes %s",
                  log_quote(view.facts.type));
    }
    if (rc != ERR_OK) {
        diag_error(diags, stream->line->place, "no event %s can be made: %s",
                   log_quote(stream->line->event), err.text);
    }
    return rc == ERR_OK;
}

static void open_stream(struct traffic *traffic, size_t at, struct diags *diags)
{
    struct stream *stream = &traffic->streams[at];
    struct err err;

    stream->traffic = traffic;
    stream->line = &traffic->trace->traffic[at];
    buf_init(&stream->header, 64);
    if (!find_reader(traffic, stream, diags)) {
        return;
    }
    if (catalog_frame_header(traffic->pipeline->catalog, stream->reader, SPAN("rehearsal-value"),
                             &stream->header, &err) != ERR_OK) {
        diag_error(diags, stream->line->place, "%s", err.text);
        return;
    }
    (void)try_event(traffic, stream, diags);
}

struct traffic *traffic_new(const struct trace *trace, const struct pipeline *pipeline,
                            int64_t wall_ms, struct diags *diags)
{
    const struct config *config = pipeline->config;
    struct traffic *traffic = mem_new(struct traffic);
    size_t errors_before = diags->error_count;

    traffic->trace = trace;
    traffic->pipeline = pipeline;
    traffic->wall_ms = wall_ms;
    field_hints_init(&traffic->hints, config);
    arena_init(&traffic->arena, ARENA_BYTES_MAX);
    buf_init(&traffic->value, RECORD_BYTES_MAX);
    traffic->streams = mem_array(trace->traffic_count, struct stream);
    for (size_t i = 0; i < trace->traffic_count; i++) {
        open_stream(traffic, i, diags);
    }
    if (diags->error_count > errors_before) {
        traffic_free(traffic);
        return NULL;
    }
    return traffic;
}

void traffic_free(struct traffic *traffic)
{
    if (traffic == NULL) {
        return;
    }
    for (size_t i = 0; i < traffic->trace->traffic_count; i++) {
        buf_fini(&traffic->streams[i].header);
    }
    free(traffic->streams);
    field_hints_fini(&traffic->hints);
    arena_fini(&traffic->arena);
    buf_fini(&traffic->value);
    free(traffic);
}

static void wait_for_next(struct stream *stream, struct world *world);

static void arrive(void *context, struct world *world)
{
    struct stream *stream = context;
    struct traffic *traffic = stream->traffic;
    struct rng rng = {.state = rng_next(world_rng(world))};
    struct err err;
    enum err_code rc =
        make_event(traffic, stream, traffic->wall_ms + (int64_t)world_now(world), rng, &err);

    INVARIANT(rc == ERR_OK); /* the schema has been tried, and events differ in texts only */
    source_topic_produce(traffic->topic,
                         (int32_t)rng_below(world_rng(world), (uint64_t)traffic->partitions),
                         buf_span(&traffic->value), (uint32_t)(stream - traffic->streams));
    stream->produced++;
    wait_for_next(stream, world);
}

static void wait_for_next(struct stream *stream, struct world *world)
{
    stream->due_ms += -log(1.0 - rng_unit(world_rng(world))) * 1000.0 / stream->line->rate;
    if (stream->due_ms < (double)stream->line->until_ms) {
        world_call(world, (uint64_t)stream->due_ms, arrive, stream);
    }
}

void traffic_begin(struct traffic *traffic, struct world *world, struct source_topic *topic,
                   int32_t partitions)
{
    traffic->topic = topic;
    traffic->partitions = partitions;
    for (size_t i = 0; i < traffic->trace->traffic_count; i++) {
        traffic->streams[i].due_ms = (double)traffic->streams[i].line->from_ms;
        wait_for_next(&traffic->streams[i], world);
    }
}

uint64_t traffic_produced(const struct traffic *traffic, size_t line)
{
    return traffic->streams[line].produced;
}
