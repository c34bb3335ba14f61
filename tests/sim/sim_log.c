/*
 * The log of one partition: offsets from 0, some of them left out, trimmed from the front.
 *
 * It may change as the log of a broken cluster does: its first records are removed before they were
 * read (retention), its last ones are lost and others come in their place (an unclean election), or
 * all of it is another log (the topic deleted and made anew).
 */
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

/* Who holds its message frees it. */
static void drop(struct log_record *record)
{
    if (record != NULL && record->readers > 0) {
        record->is_gone = true;
    } else {
        free(record);
    }
}

static void drop_first(struct sim_log *log, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        drop(log->records[i]);
    }
    log->count -= count;
    log->trimmed += count;
    memmove(log->records, log->records + count, log->count * sizeof(struct log_record *));
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
    if (done >= TRIM_LEAST && done >= log->count / 2) { /* else moving the rest costs too much */
        drop_first(log, done);
    }
}

void log_remove(struct sim_log *log, int64_t low)
{
    INVARIANT(low >= (int64_t)log->trimmed && low <= log_end(log));
    log->is_removed = true;
    drop_first(log, (size_t)low - log->trimmed);
}

void log_truncate(struct sim_log *log, int64_t end)
{
    INVARIANT(end >= (int64_t)log->trimmed && end <= log_end(log));
    log->changes++;
    while (log_end(log) > end) {
        drop(log->records[--log->count]);
    }
}

void log_replace(struct sim_log *log)
{
    log_truncate(log, (int64_t)log->trimmed);
    log->trimmed = 0;
}

void log_fini(struct sim_log *log)
{
    for (size_t i = 0; i < log->count; i++) {
        free(log->records[i]);
    }
    free(log->records);
    buf_fini(&log->metadata);
}
