#include "ledger/bookkeeper.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ledger/tally_record.h"

/* The records of one tally: its window may hold as many fates as offsets. */
enum { RECORDS_BYTES_MAX = 1 << 30, KEY_BYTES_MAX = 1024 };

struct bookkeeper {
    struct bookkeeper_parts parts;
    struct fates *fates;          /* owned */
    struct tally_records records; /* scratch */
    struct span *spans;           /* owned; scratch: the records, for the sink */
    size_t span_cap;
    struct buf key; /* scratch */
};

struct bookkeeper *bookkeeper_new(const struct bookkeeper_parts *parts)
{
    struct bookkeeper *keeper = mem_new(struct bookkeeper);

    PRE(parts->sink.context != NULL);
    keeper->parts = *parts;
    keeper->fates = fates_new();
    buf_init(&keeper->records.text, RECORDS_BYTES_MAX);
    buf_init(&keeper->key, KEY_BYTES_MAX);
    return keeper;
}

void bookkeeper_free(struct bookkeeper *keeper)
{
    if (keeper != NULL) {
        fates_free(keeper->fates);
        tally_records_fini(&keeper->records);
        free(keeper->spans);
        buf_fini(&keeper->key);
        free(keeper);
    }
}

struct fates *bookkeeper_fates(struct bookkeeper *keeper)
{
    return keeper->fates;
}

/* One assignment of a partition, or one log of it; the epoch grows with both. */
static uint64_t session_of(const struct bookkeeper *keeper,
                           const struct source_partition *partition)
{
    uint64_t hash = span_hash(span_of(partition->topic)) ^ keeper->parts.seed;

    hash = (hash ^ (uint64_t)(uint32_t)partition->partition) * 0x9e3779b97f4a7c15u;
    return (hash ^ (hash >> 29) ^ partition->epoch) * 0xbf58476d1ce4e5b9u;
}

static struct span key_of(struct bookkeeper *keeper, const struct source_partition *partition)
{
    buf_clear(&keeper->key);
    buf_printf(&keeper->key, "tally/" SPAN_FMT "/%s/%" PRId32, SPAN_ARG(keeper->parts.group),
               partition->topic, partition->partition);
    return buf_span(&keeper->key);
}

static void write_tally(void *context, struct source_partition *partition)
{
    struct bookkeeper *keeper = context;
    const struct bookkeeper_parts *parts = &keeper->parts;
    struct tally_head head = {.group = parts->group,
                              .instance = parts->instance,
                              .wall_ms = parts->wall_ms(parts->wall_context),
                              .session = session_of(keeper, partition)};
    struct tally_records *records = &keeper->records;

    PRE(partition->writing == NULL);
    tally_records_write(records, &head, partition, keeper->fates);
    if (records->count > keeper->span_cap) {
        keeper->span_cap = records->count;
        keeper->spans = mem_grow(keeper->spans, keeper->span_cap, sizeof(*keeper->spans));
    }
    for (size_t i = 0; i < records->count; i++) {
        keeper->spans[i] = tally_records_at(records, i);
    }
    partition->writing = parts->sink.send(parts->sink.context, key_of(keeper, partition),
                                          keeper->spans, records->count, parts->wake_fd);
}

static enum tally_state tally_state(void *context, const struct source_partition *partition)
{
    const struct ledger_sink *sink = &((const struct bookkeeper *)context)->parts.sink;

    PRE(partition->writing != NULL);
    return sink->state(sink->context, partition->writing);
}

static void end_tally(void *context, struct source_partition *partition)
{
    const struct ledger_sink *sink = &((const struct bookkeeper *)context)->parts.sink;

    if (partition->writing != NULL) {
        sink->drop(sink->context, partition->writing);
        partition->writing = NULL;
    }
}

/* Forget the fates that nothing has any more, when there are many. */
static void tidy(void *context, const struct assignment *assignment)
{
    const struct bookkeeper *keeper = context;
    bool *used;

    if (!fates_is_crowded(keeper->fates)) {
        return;
    }
    used = mem_array(fates_limit(keeper->fates), bool);
    for (size_t i = 0; i < assignment->known_count; i++) {
        tracker_mark_fates(assignment->known[i]->tracker, used, fates_limit(keeper->fates));
    }
    fates_sweep(keeper->fates, used);
    free(used);
}

struct tally_writer bookkeeper_books(struct bookkeeper *keeper)
{
    return (struct tally_writer){.context = keeper,
                                 .write = write_tally,
                                 .state = tally_state,
                                 .end = end_tally,
                                 .tidy = tidy};
}
