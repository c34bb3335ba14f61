/* The log of one partition: offsets from 0, some of them left out, trimmed from the front. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim_world_inside.h"

enum { TRIM_LEAST = 256 };

int64_t log_end(const struct sim_log *log)
{
    return (int64_t)(log->trimmed + log->count);
}

struct log_record *log_at(const struct sim_log *log, int64_t offset)
{
    INVARIANT(offset >= (int64_t)log->trimmed);
    INVARIANT(offset < log_end(log));
    return log->records[(size_t)offset - log->trimmed];
}

static void put(struct sim_log *log, struct log_record *record)
{
    if (log->count == log->cap) {
        log->cap = MAX_OF(log->cap * 2, (size_t)64);
        log->records = mem_grow(log->records, log->cap, sizeof(struct log_record *));
    }
    log->records[log->count++] = record;
}

void log_add(struct sim_log *log, struct log_record *record, int64_t gap)
{
    for (int64_t i = 0; i < gap; i++) {
        put(log, NULL);
    }
    put(log, record);
    record->record.message.offset = log_end(log) - 1;
}

/* Committed, and held by nobody. */
static bool is_done(const struct sim_log *log, size_t index)
{
    const struct log_record *record = log->records[index];

    return (int64_t)(log->trimmed + index) < log->committed &&
           (record == NULL || record->readers == 0);
}

void log_trim(struct sim_log *log)
{
    size_t done = 0;

    while (done < log->count && is_done(log, done)) {
        done++;
    }
    while (done > 0 && log->records[done - 1] == NULL) {
        done--;
    }
    done -= done > 0; /* by its last record the log is recognised */
    if (done < TRIM_LEAST || done < log->count / 2) {
        return; /* moving the rest would cost more than it frees */
    }
    for (size_t i = 0; i < done; i++) {
        free(log->records[i]);
    }
    log->count -= done;
    log->trimmed += done;
    memmove(log->records, log->records + done, log->count * sizeof(struct log_record *));
}

void log_fini(struct sim_log *log)
{
    for (size_t i = 0; i < log->count; i++) {
        free(log->records[i]);
    }
    free(log->records);
    buf_fini(&log->metadata);
}
