#include "rehearse/source_topic.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rehearse/world_inside.h"

enum { SESSION_MS = 10000 };

/* The value stands behind it; freed when the core releases the message. */
struct topic_record {
    struct world_record record;
    struct topic_record *next;
};

/* One partition, and where its worker reads it. */
struct reader {
    struct source_partition *partition; /* the worker's */
    struct worker *worker;
    struct topic_record *first, *last; /* not read yet */
    int64_t end;                       /* the next offset to be produced */
    int64_t at;                        /* the next offset to be fetched */
    bool is_paused;
};

/* What one worker holds. */
struct consumer {
    struct source_topic *topic;
    struct assignment assignment;
    size_t next; /* of the partitions held: each has its turn */
};

struct source_topic {
    struct world *world;
    struct span name;
    struct health *health;      /* owned; the process's */
    struct reader *readers;     /* owned; by partition */
    struct consumer *consumers; /* owned; by worker */
    int32_t partitions;
    uint32_t workers;
};

static struct assignment *assignment_of(void *context)
{
    struct consumer *consumer = ((struct worker *)context)->source;

    return &consumer->assignment;
}

/* acting */

static void act_on(struct reader *reader)
{
    struct source_partition *partition = reader->partition;
    uint32_t due = partition_act(partition, PARTITION_PAUSE | PARTITION_SEEK | PARTITION_RESUME);

    INVARIANT(partition->actions == 0);
    reader->is_paused |= (due & PARTITION_PAUSE) != 0;
    if ((due & PARTITION_SEEK) != 0) {
        reader->at = partition_fetch_offset(partition);
    }
    reader->is_paused &= (due & PARTITION_RESUME) == 0;
}

/* Do what the partitions ask for, as kafka/source_act.c does. */
static void act(const struct consumer *consumer)
{
    for (size_t i = 0; i < consumer->assignment.held_count; i++) {
        act_on(&consumer->topic->readers[consumer->assignment.held[i]->partition]);
    }
}

static void serve(void *context)
{
    struct worker *worker = context;
    struct consumer *consumer = worker->source;

    assignment_tick(&consumer->assignment, worker->world->now_ms);
    act(consumer);
}

static void block(void *context, struct source_partition *partition, enum block_reason reason,
                  bool is_on)
{
    struct worker *worker = context;
    struct consumer *consumer = worker->source;

    assignment_block(&consumer->assignment, partition, reason, is_on, worker->world->now_ms);
    act(consumer);
}

/* reading */

/* The record at @reader->at, if it is work. An offset that was read before comes again where the
 * core compares its log with what it noted: the mark is all that matters then. */
static struct topic_record *next_record(struct reader *reader, uint64_t now_ms)
{
    while (!reader->is_paused && reader->at < reader->end) {
        int64_t offset = reader->at++;
        const struct mark mark = {offset, (uint32_t)(offset & INT32_MAX) + 1};
        bool is_taken = partition_take(reader->partition, mark, now_ms);
        struct topic_record *record = reader->first;

        if (is_taken) {
            INVARIANT(record != NULL && record->record.message.offset == offset);
            reader->first = record->next;
            return record;
        }
        act_on(reader);
    }
    return NULL;
}

static rd_kafka_message_t *poll_record(void *context, struct source_partition **partition)
{
    struct worker *worker = context;
    struct consumer *consumer = worker->source;
    size_t count = consumer->assignment.held_count;

    serve(context);
    for (size_t i = 0; i < count; i++) {
        struct source_partition *held = consumer->assignment.held[consumer->next];
        struct topic_record *record =
            next_record(&consumer->topic->readers[held->partition], worker->world->now_ms);

        consumer->next = (consumer->next + 1) % count;
        if (record != NULL) {
            *partition = held;
            return &record->record.message;
        }
    }
    return NULL;
}

static void settle(void *context, struct source_partition *partition, uint64_t epoch,
                   int64_t offset, const struct settled *settled)
{
    (void)context;
    partition_settle(partition, epoch, offset, settled);
}

static void release(rd_kafka_message_t *message)
{
    free(message);
}

/* committing */

/* Sent, and taken at once. Nobody reads the metadata, so there is none. */
static void commit(void *context, uint64_t now_ms)
{
    struct assignment *assignment = assignment_of(context);
    struct buf metadata;

    if (!assignment_commit_due(assignment, now_ms, false)) {
        return;
    }
    buf_init(&metadata, METADATA_BYTES_MAX);
    (void)assignment_commit_answered(assignment, assignment_commit_begin(assignment, now_ms));
    for (size_t i = 0; i < assignment->held_count; i++) {
        struct source_partition *partition = assignment->held[i];

        if (partition_is_commit_due(partition, false)) {
            int64_t offset = partition_commit(partition, 0, &metadata);

            (void)assignment_commit_take(assignment, partition, offset, COMMIT_DONE);
        }
    }
    (void)assignment_commit_end(assignment);
    buf_fini(&metadata);
}

/* A worker never stands still and keeps its partitions; what only a drain asks for is not here. */

static bool is_fenced(void *context, uint64_t now_ms)
{
    (void)context;
    (void)now_ms;
    return false;
}

static bool is_going(void *context, uint64_t *until_ms)
{
    (void)context;
    (void)until_ms;
    return false;
}

static const struct io functions = {
    .poll = poll_record,
    .serve = serve,
    .settle = settle,
    .block = block,
    .commit = commit,
    .is_fenced = is_fenced,
    .is_going = is_going,
    .release = release,
};

/* life */

static int64_t wall_ms(void *context)
{
    return world_wall_ms(context);
}

static void open_worker(struct source_topic *topic, struct worker *worker)
{
    struct world *world = topic->world;
    struct consumer *consumer = &topic->consumers[worker->index];

    consumer->topic = topic;
    assignment_init(&consumer->assignment, worker->index, world->options.window_max, SESSION_MS,
                    world->now_ms);
    consumer->assignment.commits.sent_ms = world->now_ms;
    worker_open(worker,
                &(struct worker_parts){.source = &functions,
                                       .context = consumer,
                                       .health = topic->health,
                                       .metrics = metrics_of(world->options.metrics, worker->index),
                                       .number = worker->index});
}

static void assign(struct source_topic *topic, int32_t number)
{
    struct world *world = topic->world;
    uint32_t index = (uint32_t)number % world->options.workers;
    struct assignment *assignment = &topic->consumers[index].assignment;
    struct reader *reader = &topic->readers[number];
    char *name = mem_text(topic->name);

    reader->worker = &world->workers[index];
    reader->partition = assignment_add(assignment, name, number);
    partition_place(reader->partition, 0, SPAN_NONE, world->now_ms);
    INVARIANT(partition_fetch(reader->partition, &reader->at));
    reader->worker->deliverer.rate_share =
        (double)assignment->held_count / world->options.partitions; /* as app/worker.c does */
    free(name);
}

struct source_topic *source_topic_open(struct world *world)
{
    struct source_topic *topic = mem_new(struct source_topic);

    topic->world = world;
    topic->name = world->pipeline->config->kafka.topics[0];
    topic->partitions = world->options.partitions;
    topic->workers = world->options.workers;
    topic->readers = mem_array((size_t)topic->partitions, struct reader);
    topic->consumers = mem_array(topic->workers, struct consumer);
    topic->health = health_new(world->pipeline->config, rng_next(&world->rng), world->now_ms);
    health_use_wall(topic->health, wall_ms, world);
    for (uint32_t i = 0; i < topic->workers; i++) {
        open_worker(topic, &world->workers[i]);
    }
    for (int32_t i = 0; i < topic->partitions; i++) {
        assign(topic, i);
    }
    return topic;
}

static void free_records(struct topic_record *record)
{
    while (record != NULL) {
        struct topic_record *next = record->next;

        free(record);
        record = next;
    }
}

void source_topic_free(struct source_topic *topic)
{
    if (topic == NULL) {
        return;
    }
    for (int32_t i = 0; i < topic->partitions; i++) {
        free_records(topic->readers[i].first);
    }
    for (uint32_t i = 0; i < topic->workers; i++) {
        assignment_fini(&topic->consumers[i].assignment);
    }
    health_free(topic->health);
    free(topic->readers);
    free(topic->consumers);
    free(topic);
}

void source_topic_produce(struct source_topic *topic, int32_t partition, struct span value,
                          uint32_t tag)
{
    struct reader *reader = &topic->readers[partition];
    struct topic_record *record = mem_zero(1, sizeof(struct topic_record) + value.len);
    struct topic_record **place = reader->first == NULL ? &reader->first : &reader->last->next;

    *record = (struct topic_record){.record = {.message = {.partition = partition,
                                                           .offset = reader->end++,
                                                           .payload = record + 1,
                                                           .len = value.len},
                                               .produced_ms = topic->world->now_ms,
                                               .timestamp_ms = world_wall_ms(topic->world),
                                               .topic = topic->name,
                                               .tag = tag}};
    memcpy(record + 1, value.ptr, value.len);
    *place = record;
    reader->last = record;
    worker_wake(reader->worker);
}

bool source_topic_is_drained(const struct source_topic *topic)
{
    for (int32_t i = 0; i < topic->partitions; i++) {
        if (topic->readers[i].partition->committed < topic->readers[i].end) {
            return false;
        }
    }
    return world_in_flight(topic->world) == 0;
}
