#include "deliver/repair.h"

#include "base/mem.h"
#include "kafka/produce_errors.h"

enum { BELIEVED_MS = 60000 };

static const struct config_destination *destination_of(const struct deliverer *d,
                                                       const struct leg *leg)
{
    return leg->is_dead_letter ? d->pipeline->config->dead_letter : leg_destination(leg);
}

static struct repair_memory *memory_of(const struct deliverer *d, const struct leg *leg)
{
    return &d->repairs[pipeline_index(d->pipeline, destination_of(d, leg))];
}

static struct message_view view_of(const struct deliverer *d, const struct leg *leg)
{
    struct message_view message;

    d->io->view(leg->event->message, &message);
    return message;
}

/* The original's timestamp, and not the time of writing? */
static bool is_original_time(const struct deliverer *d, const struct leg *leg)
{
    return destination_of(d, leg)->is_timestamp_kept != ((leg->repaired & REPAIR_TIMESTAMP) != 0);
}

int64_t repair_timestamp(const struct deliverer *d, const struct leg *leg)
{
    int64_t original_ms = view_of(d, leg).timestamp_ms;

    return is_original_time(d, leg) && original_ms > 0 ? original_ms : 0;
}

/* Limits are distances from the present: what is further away than one refused is refused. */
static bool is_time_refused(const struct deliverer *d, const struct leg *leg,
                            const struct repair_memory *memory)
{
    int64_t timestamp_ms = repair_timestamp(d, leg);
    int64_t age_ms = d->wall_ms - timestamp_ms;

    if (timestamp_ms == 0) {
        return d->now_ms < memory->now_until_ms;
    }
    return (d->now_ms < memory->age_until_ms && age_ms >= memory->age_ms) ||
           (d->now_ms < memory->ahead_until_ms && -age_ms >= memory->ahead_ms);
}

void repair_begin(const struct deliverer *d, struct leg *leg)
{
    const struct repair_memory *memory = memory_of(d, leg);

    leg->repaired = 0;
    leg->repairs_tried = 0;
    if (d->now_ms < memory->keyless_until_ms && view_of(d, leg).key.ptr == NULL) {
        leg->repaired |= REPAIR_KEY;
    }
    if (is_time_refused(d, leg, memory)) {
        leg->repaired |= REPAIR_TIMESTAMP;
    }
}

bool repair_more(const struct deliverer *d, struct leg *leg, rd_kafka_resp_err_t error)
{
    struct message_view message = view_of(d, leg);
    bool is_time = produce_fault_of(error) == PRODUCE_FAULT_TIMESTAMP;
    unsigned repair = is_time ? REPAIR_TIMESTAMP : REPAIR_KEY;
    bool helps = is_time ? message.timestamp_ms > 0 : message.key.ptr == NULL;

    if (!helps || (leg->repaired & repair) != 0) {
        return false;
    }
    leg->repaired |= (uint8_t)repair;
    leg->repairs_tried |= (uint8_t)repair;
    return true;
}

static void tell_repaired(const struct deliverer *d, const struct leg *leg)
{
    struct message_view message = view_of(d, leg);

    LOG_WARN("record.mended",
             "destination=%s topic=%s changed=%s source_topic=%s partition=%d offset=%lld "
             "why=\"the topic refuses it as it was; more of the kind are changed without a line\"",
             LOG_S(destination_of(d, leg)->name), LOG_Q(leg->request.topic),
             LOG_S(repair_text(leg)), LOG_S(message.topic), message.partition,
             (long long)message.offset);
}

/* True when it was not known. */
static bool learn_until(uint64_t *until_ms, uint64_t now_ms)
{
    bool is_new = now_ms >= *until_ms;

    *until_ms = now_ms + BELIEVED_MS;
    return is_new;
}

/* The same of a limit: the nearest distance that was refused counts. */
static bool learn_limit(uint64_t *until_ms, int64_t *limit_ms, uint64_t now_ms, int64_t distance_ms)
{
    bool is_new = learn_until(until_ms, now_ms);

    *limit_ms = is_new ? distance_ms : MIN_OF(*limit_ms, distance_ms);
    return is_new;
}

static bool learn_time(const struct deliverer *d, const struct leg *leg,
                       struct repair_memory *memory)
{
    int64_t age_ms = d->wall_ms - view_of(d, leg).timestamp_ms;

    if (!destination_of(d, leg)->is_timestamp_kept) {
        return learn_until(&memory->now_until_ms, d->now_ms);
    }
    return age_ms >= 0
               ? learn_limit(&memory->age_until_ms, &memory->age_ms, d->now_ms, age_ms)
               : learn_limit(&memory->ahead_until_ms, &memory->ahead_ms, d->now_ms, -age_ms);
}

void repair_learn(struct deliverer *d, const struct leg *leg)
{
    struct repair_memory *memory = memory_of(d, leg);
    bool is_new = false;

    if ((leg->repairs_tried & REPAIR_KEY) != 0) {
        is_new = learn_until(&memory->keyless_until_ms, d->now_ms);
    }
    if ((leg->repairs_tried & REPAIR_TIMESTAMP) != 0) {
        is_new = learn_time(d, leg, memory) || is_new;
    }
    if (is_new) { /* those after it are repaired before they are refused */
        tell_repaired(d, leg);
    }
}

void repair_learn_size(struct deliverer *d, const struct leg *leg, size_t bytes)
{
    struct repair_memory *memory = memory_of(d, leg);
    bool is_new = learn_until(&memory->large_until_ms, d->now_ms);

    memory->large_bytes = is_new ? bytes : MIN_OF(memory->large_bytes, bytes);
}

bool repair_is_large(const struct deliverer *d, const struct leg *leg, size_t bytes)
{
    const struct repair_memory *memory = memory_of(d, leg);

    return d->now_ms < memory->large_until_ms && bytes >= memory->large_bytes;
}

struct span repair_text(const struct leg *leg)
{
    switch (leg->repaired) {
    case REPAIR_KEY:
        return SPAN("key");
    case REPAIR_TIMESTAMP:
        return SPAN("timestamp");
    case REPAIR_KEY | REPAIR_TIMESTAMP:
        return SPAN("key,timestamp");
    default:
        return SPAN_NONE;
    }
}

struct span repair_key(struct deliverer *d, struct leg *leg)
{
    struct message_view message = view_of(d, leg);

    if (leg->key_owned == NULL) {
        leg->key_owned = mem_format(SPAN_FMT "-%d-%lld", SPAN_ARG(message.topic), message.partition,
                                    (long long)message.offset);
    }
    return span_of(leg->key_owned);
}

void repair_tell_refused(const struct deliverer *d, const struct leg *leg,
                         rd_kafka_resp_err_t error)
{
    struct message_view message = view_of(d, leg);

    LOG_WARN("record.refused",
             "destination=%s topic=%s error=%s source_topic=%s partition=%d offset=%lld way_out=%s",
             LOG_S(destination_of(d, leg)->name), LOG_Q(leg->request.topic),
             LOG_Q(rd_kafka_err2str(error)), LOG_S(message.topic), message.partition,
             (long long)message.offset, LOG_Q(produce_way_out(error)));
}
