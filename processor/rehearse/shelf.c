/* The log of one partition: offsets from 0, some of them left out, trimmed from the front. */
#include "rehearse/world_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { TRIM_LEAST = 256 };

int64_t shelf_end(const struct shelf *shelf)
{
    return (int64_t)(shelf->trimmed + shelf->count);
}

struct world_record *shelf_at(const struct shelf *shelf, int64_t offset)
{
    INVARIANT(offset >= (int64_t)shelf->trimmed);
    INVARIANT(offset < shelf_end(shelf));
    return shelf->records[(size_t)offset - shelf->trimmed];
}

static void put(struct shelf *shelf, struct world_record *record)
{
    if (shelf->count == shelf->cap) {
        shelf->cap = MAX_OF(shelf->cap * 2, (size_t)64);
        shelf->records = mem_grow(shelf->records, shelf->cap, sizeof(struct world_record *));
    }
    shelf->records[shelf->count++] = record;
}

void shelf_add(struct shelf *shelf, struct world_record *record, int64_t gap)
{
    for (int64_t i = 0; i < gap; i++) {
        put(shelf, NULL);
    }
    put(shelf, record);
    record->message.offset = shelf_end(shelf) - 1;
}

static void free_record(struct world_record *record)
{
    if (record != NULL && record->is_copied) {
        free(record->message.payload);
    }
    free(record);
}

/* Committed, and held by nobody. */
static bool is_done(const struct shelf *shelf, size_t index)
{
    const struct world_record *record = shelf->records[index];

    return (int64_t)(shelf->trimmed + index) < shelf->committed &&
           (record == NULL || record->readers == 0);
}

void shelf_trim(struct shelf *shelf)
{
    size_t done = 0;

    while (done < shelf->count && is_done(shelf, done)) {
        done++;
    }
    while (done > 0 && shelf->records[done - 1] == NULL) {
        done--;
    }
    done -= done > 0; /* by its last record the log is recognised */
    if (done < TRIM_LEAST || done < shelf->count / 2) {
        return; /* moving the rest would cost more than it frees */
    }
    for (size_t i = 0; i < done; i++) {
        free_record(shelf->records[i]);
    }
    shelf->count -= done;
    shelf->trimmed += done;
    memmove(shelf->records, shelf->records + done, shelf->count * sizeof(struct world_record *));
}

void shelf_fini(struct shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++) {
        free_record(shelf->records[i]);
    }
    free(shelf->records);
    buf_fini(&shelf->metadata);
}
