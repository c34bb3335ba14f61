#include "trial/audit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { REASONS_MAX = 32 };

/* A produced event, by its index. */
struct entry {
    int64_t offset;
    uint32_t copies; /* at the simulator */
    uint8_t partition;
    uint8_t fate;
    bool is_produced;
};

/* A source offset that records name; they may come before the delivery report. */
struct slot {
    uint16_t diverted, dead_lettered;
};

struct audit {
    struct entry *entries; /* owned, by index */
    size_t entry_count;
    struct slot *slots[AUDIT_PARTITIONS_MAX]; /* owned, by offset */
    size_t slot_counts[AUDIT_PARTITIONS_MAX];
    uint64_t records[2];
    struct counts reasons[2];
    uint64_t unknown;
};

struct audit *audit_new(void)
{
    struct audit *audit = mem_new(struct audit);

    counts_init(&audit->reasons[AUDIT_DIVERTED], REASONS_MAX);
    counts_init(&audit->reasons[AUDIT_DEAD_LETTER], REASONS_MAX);
    return audit;
}

void audit_free(struct audit *audit)
{
    if (audit == NULL) {
        return;
    }
    for (size_t i = 0; i < AUDIT_PARTITIONS_MAX; i++) {
        free(audit->slots[i]);
    }
    counts_fini(&audit->reasons[AUDIT_DIVERTED]);
    counts_fini(&audit->reasons[AUDIT_DEAD_LETTER]);
    free(audit->entries);
    free(audit);
}

/* @array grown so that @index is in it, the new part zeroed. */
static void *reach(void *array, size_t *count, size_t index, size_t bytes_each)
{
    size_t want = *count == 0 ? 1024 : *count;

    while (want <= index) {
        want *= 2;
    }
    if (want > *count) {
        array = mem_grow(array, want, bytes_each);
        memset((char *)array + *count * bytes_each, 0, (want - *count) * bytes_each);
        *count = want;
    }
    return array;
}

static bool is_place(int32_t partition, int64_t offset)
{
    return partition >= 0 && partition < AUDIT_PARTITIONS_MAX && offset >= 0 &&
           offset < AUDIT_EVENTS_MAX;
}

static struct entry *entry_at(struct audit *audit, uint64_t index)
{
    if (index >= AUDIT_EVENTS_MAX) {
        return NULL;
    }
    audit->entries =
        reach(audit->entries, &audit->entry_count, (size_t)index, sizeof(audit->entries[0]));
    return &audit->entries[index];
}

bool audit_produced(struct audit *audit, uint64_t index, enum audit_fate fate, int32_t partition,
                    int64_t offset)
{
    struct entry *entry = entry_at(audit, index);

    if (entry == NULL || !is_place(partition, offset)) {
        return false;
    }
    entry->is_produced = true;
    entry->fate = (uint8_t)fate;
    entry->partition = (uint8_t)partition;
    entry->offset = offset;
    return true;
}

void audit_record(struct audit *audit, enum audit_topic topic, int32_t partition, int64_t offset,
                  struct span reason)
{
    struct slot *slot;

    audit->records[topic]++;
    counts_add(&audit->reasons[topic], reason.ptr == NULL ? SPAN("none") : reason);
    if (!is_place(partition, offset)) {
        audit->unknown++;
        return;
    }
    audit->slots[partition] = reach(audit->slots[partition], &audit->slot_counts[partition],
                                    (size_t)offset, sizeof(audit->slots[0][0]));
    slot = &audit->slots[partition][offset];
    if (topic == AUDIT_DIVERTED && slot->diverted < UINT16_MAX) {
        slot->diverted++;
    } else if (topic == AUDIT_DEAD_LETTER && slot->dead_lettered < UINT16_MAX) {
        slot->dead_lettered++;
    }
}

void audit_delivered(struct audit *audit, uint64_t index, uint64_t copies)
{
    struct entry *entry = entry_at(audit, index);

    if (entry == NULL) {
        audit->unknown++;
        return;
    }
    entry->copies += (uint32_t)MIN_OF(copies, (uint64_t)1000000);
}

void audit_unknown(struct audit *audit)
{
    audit->unknown++;
}

uint64_t audit_records(const struct audit *audit, enum audit_topic topic)
{
    return audit->records[topic];
}

const struct counts *audit_reasons(const struct audit *audit, enum audit_topic topic)
{
    return &audit->reasons[topic];
}

static struct slot slot_of(const struct audit *audit, const struct entry *entry)
{
    if ((size_t)entry->offset >= audit->slot_counts[entry->partition]) {
        return (struct slot){0, 0};
    }
    return audit->slots[entry->partition][entry->offset];
}

static void weigh(const struct entry *entry, struct slot slot, struct audit_balance *out)
{
    uint64_t seen = (uint64_t)entry->copies + slot.diverted + slot.dead_lettered;

    out->produced++;
    out->duplicates += seen > 1 ? seen - 1 : 0;
    if (entry->fate == FATE_NO_CONSENT) {
        out->misplaced += seen > 0 ? 1 : 0;
        out->dropped += seen > 0 ? 0 : 1;
    } else if (entry->fate == FATE_BAD && entry->copies + slot.diverted > 0) {
        out->misplaced++;
    } else if (slot.dead_lettered > 0) {
        out->dead_lettered++;
        out->replayed += entry->copies + slot.diverted > 0;
    } else if (slot.diverted > 0) {
        out->diverted++;
        out->backfilled += entry->copies > 0;
    } else if (entry->copies > 0) {
        out->delivered++;
    } else {
        out->lost++;
    }
}

void audit_close(const struct audit *audit, const struct audit_told *told,
                 struct audit_balance *out)
{
    uint64_t matched = 0;
    uint64_t unproduced = 0;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < audit->entry_count; i++) {
        const struct entry *entry = &audit->entries[i];

        if (entry->is_produced) {
            struct slot slot = slot_of(audit, entry);

            weigh(entry, slot, out);
            matched += (uint64_t)slot.diverted + slot.dead_lettered;
        } else {
            unproduced += entry->copies > 0 ? 1 : 0;
        }
    }
    /* Records whose offset nobody was told of have no entry to be matched with; those that name
     * no place at all are in unknown already. */
    out->unknown = audit->unknown + unproduced;
    for (size_t i = 0; i < AUDIT_PARTITIONS_MAX; i++) {
        for (size_t j = 0; j < audit->slot_counts[i]; j++) {
            out->unknown +=
                (uint64_t)audit->slots[i][j].diverted + audit->slots[i][j].dead_lettered;
        }
    }
    out->unknown -= matched;
    out->duplicates -= MIN_OF(out->replayed, told->replayed);
    out->duplicates -= MIN_OF(out->backfilled, told->backfilled);
    out->is_balanced =
        out->lost == 0 && out->misplaced == 0 && out->unknown == 0 &&
        out->dropped == told->dropped && out->replayed >= told->replayed &&
        out->backfilled >= told->backfilled &&
        out->produced == out->delivered + out->diverted + out->dead_lettered + out->dropped;
}
