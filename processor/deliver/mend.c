#include "deliver/mend.h"

#include "base/mem.h"
#include "kafka/blame.h"

enum { BELIEVED_MS = 60000 };

static const struct config_destination *destination_of(const struct deliverer *d,
                                                       const struct leg *leg)
{
    return leg->is_dead_letter ? d->pipeline->config->dead_letter : leg_destination(leg);
}

static struct mend_memory *memory_of(const struct deliverer *d, const struct leg *leg)
{
    return &d->mends[pipeline_index(d->pipeline, destination_of(d, leg))];
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
    return destination_of(d, leg)->is_timestamp_kept != ((leg->mended & MEND_TIMESTAMP) != 0);
}

int64_t mend_timestamp(const struct deliverer *d, const struct leg *leg)
{
    int64_t original_ms = view_of(d, leg).timestamp_ms;

    return is_original_time(d, leg) && original_ms > 0 ? original_ms : 0;
}

/* Limits are distances from the present: what is further away than one refused is refused. */
static bool is_time_refused(const struct deliverer *d, const struct leg *leg,
                            const struct mend_memory *memory)
{
    int64_t timestamp_ms = mend_timestamp(d, leg);
    int64_t age_ms = d->wall_ms - timestamp_ms;

    if (timestamp_ms == 0) {
        return d->now_ms < memory->now_until_ms;
    }
    return (d->now_ms < memory->age_until_ms && age_ms >= memory->age_ms) ||
           (d->now_ms < memory->ahead_until_ms && -age_ms >= memory->ahead_ms);
}

void mend_begin(const struct deliverer *d, struct leg *leg)
{
    const struct mend_memory *memory = memory_of(d, leg);

    leg->mended = 0;
    leg->mends_tried = 0;
    if (d->now_ms < memory->keyless_until_ms && view_of(d, leg).key.ptr == NULL) {
        leg->mended |= MEND_KEY;
    }
    if (is_time_refused(d, leg, memory)) {
        leg->mended |= MEND_TIMESTAMP;
    }
}

bool mend_more(const struct deliverer *d, struct leg *leg, rd_kafka_resp_err_t error)
{
    struct message_view message = view_of(d, leg);
    bool is_time = blame_of(error) == BLAME_TIMESTAMP;
    unsigned mend = is_time ? MEND_TIMESTAMP : MEND_KEY;
    bool helps = is_time ? message.timestamp_ms > 0 : message.key.ptr == NULL;

    if (!helps || (leg->mended & mend) != 0) {
        return false;
    }
    leg->mended |= (uint8_t)mend;
    leg->mends_tried |= (uint8_t)mend;
    return true;
}

static void tell_mended(const struct deliverer *d, const struct leg *leg)
{
    struct message_view message = view_of(d, leg);

    LOG_WARN("record.mended",
             "destination=%s topic=%s changed=%s source_topic=%s partition=%d offset=%lld "
             "why=\"the topic refuses it as it was; more of the kind are changed without a line\"",
             LOG_S(destination_of(d, leg)->name), LOG_Q(leg->request.topic), LOG_S(mend_text(leg)),
             LOG_S(message.topic), message.partition, (long long)message.offset);
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

static bool learn_time(const struct deliverer *d, const struct leg *leg, struct mend_memory *memory)
{
    int64_t age_ms = d->wall_ms - view_of(d, leg).timestamp_ms;

    if (!destination_of(d, leg)->is_timestamp_kept) {
        return learn_until(&memory->now_until_ms, d->now_ms);
    }
    return age_ms >= 0
               ? learn_limit(&memory->age_until_ms, &memory->age_ms, d->now_ms, age_ms)
               : learn_limit(&memory->ahead_until_ms, &memory->ahead_ms, d->now_ms, -age_ms);
}

void mend_learn(struct deliverer *d, const struct leg *leg)
{
    struct mend_memory *memory = memory_of(d, leg);
    bool is_new = false;

    if ((leg->mends_tried & MEND_KEY) != 0) {
        is_new = learn_until(&memory->keyless_until_ms, d->now_ms);
    }
    if ((leg->mends_tried & MEND_TIMESTAMP) != 0) {
        is_new = learn_time(d, leg, memory) || is_new;
    }
    if (is_new) { /* those after it are mended before they are refused */
        tell_mended(d, leg);
    }
}

void mend_learn_size(struct deliverer *d, const struct leg *leg, size_t bytes)
{
    struct mend_memory *memory = memory_of(d, leg);
    bool is_new = learn_until(&memory->large_until_ms, d->now_ms);

    memory->large_bytes = is_new ? bytes : MIN_OF(memory->large_bytes, bytes);
}

bool mend_is_large(const struct deliverer *d, const struct leg *leg, size_t bytes)
{
    const struct mend_memory *memory = memory_of(d, leg);

    return d->now_ms < memory->large_until_ms && bytes >= memory->large_bytes;
}

struct span mend_text(const struct leg *leg)
{
    switch (leg->mended) {
    case MEND_KEY:
        return SPAN("key");
    case MEND_TIMESTAMP:
        return SPAN("timestamp");
    case MEND_KEY | MEND_TIMESTAMP:
        return SPAN("key,timestamp");
    default:
        return SPAN_NONE;
    }
}

struct span mend_key(struct deliverer *d, struct leg *leg)
{
    struct message_view message = view_of(d, leg);

    if (leg->key_owned == NULL) {
        leg->key_owned = mem_format(SPAN_FMT "-%d-%lld", SPAN_ARG(message.topic), message.partition,
                                    (long long)message.offset);
    }
    return span_of(leg->key_owned);
}

void mend_tell_refused(const struct deliverer *d, const struct leg *leg, rd_kafka_resp_err_t error)
{
    struct message_view message = view_of(d, leg);

    LOG_WARN("record.refused",
             "destination=%s topic=%s error=%s source_topic=%s partition=%d offset=%lld way_out=%s",
             LOG_S(destination_of(d, leg)->name), LOG_Q(leg->request.topic),
             LOG_Q(rd_kafka_err2str(error)), LOG_S(message.topic), message.partition,
             (long long)message.offset, LOG_Q(blame_way_out(error)));
}
