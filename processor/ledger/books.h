/**
 * books - the whole ledger, folded: a book for each partition, outages, jobs, and records that
 * could not be used.
 *
 * Records go in as bytes, in the order of the ledger's partitions. No Kafka, no clock; memory is
 * bounded by what the ledger tells apart (partitions, routes, destinations, outages), not by its
 * length. Owns all it gives; spans live as long as the object. One thread.
 */
#ifndef LEDGER_BOOKS_H
#define LEDGER_BOOKS_H

#include "ledger/book.h"

enum { BOOKS_OUTAGES_MAX = 65536, BOOKS_JOBS_MAX = 65536, BOOKS_MAX = 65536 };

/* Tallies written from since_ms up to but not including until_ms count. */
struct books_window {
    int64_t since_ms;
    int64_t until_ms;
};

/* One outage as one instance saw it. */
struct books_outage {
    struct span id, group, instance, destination, event, scope, cause;
    int64_t started_ms, detected_ms, ended_ms; /* -1: not told; ended: it is open */
    int64_t last_ms;                           /* the instance last wrote of it */
    uint64_t diverted, dead_lettered;          /* as the instance counted */
    int64_t last_status, last_code;            /* -1: not told */
    struct span last_text, last_request_id;
};

struct books_job {
    struct span job, name, group, by, instance, topic;
    enum record_state state;
    int64_t started_ms, last_ms;
    json_t *selection, *counts; /* owned; or NULL */
};

/* What is known of the life of one instance. */
struct books_instance {
    int64_t last_ms;  /* its last record */
    int64_t start_ms; /* the last session that it began; -1: none */
};

/* Records that could not be used, by fault. */
struct books_fault {
    uint64_t count;
    int32_t partition; /* the first one */
    int64_t offset;
    const char *member; /* static; or NULL */
};

struct books {
    struct books_window window;
    struct books_words words;
    struct book **items; /* owned; in the order they were seen */
    size_t count;
    struct books_table by_place;  /* group, topic and partition, to the index + BOOKS_TABLE_FIRST */
    struct books_outage *outages; /* owned */
    size_t outage_count;
    struct books_table by_outage; /* id */
    struct books_job *jobs;       /* owned */
    size_t job_count;
    struct books_table by_job;        /* group and name */
    struct books_instance *instances; /* owned */
    size_t instance_count;
    struct books_table by_instance; /* group and name */
    struct books_fault faults[RECORD_FAULT_COUNT];
    uint64_t records;
    uint64_t left_out;         /* records beyond the bounds above */
    int64_t first_ms, last_ms; /* of all records; -1: there are none */
};

/** @window: NULL for all times. */
NODISCARD struct books *books_new(const struct books_window *window);
void books_free(struct books *books);
/** One record of the ledger, where it stands. */
void books_take(struct books *books, struct span bytes, int32_t partition, int64_t offset);
/** NULL: it has written nothing. */
const struct books_instance *books_instance(struct books *books, struct span group,
                                            struct span instance);
/** The text of a name in a book or key. */
struct span books_name(const struct books *books, uint32_t number);
/** Everything that counts in the books of @group. */
void books_sum(const struct books *books, struct span group, struct books_counts *sum,
               uint64_t *untold);

#endif /* LEDGER_BOOKS_H */
