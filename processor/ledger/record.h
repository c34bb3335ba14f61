/**
 * record - one record of the ledger, read (docs/ledger.md).
 *
 * Bytes of a Kafka topic to a struct. They come from outside: whatever they are, the answer is a
 * record, or the reason why there is none. Keys and kinds that are not known are passed over.
 *
 * A record owns the JSON document that its spans point into: record_fini() frees both. No state;
 * any thread.
 */
#ifndef LEDGER_RECORD_H
#define LEDGER_RECORD_H

#include <jansson.h>

#include "base/money.h"

enum { RECORD_VERSION = 1, RECORD_ROWS_MAX = 65536, RECORD_TEXT_MAX = 512 };

enum record_kind { RECORD_TALLY, RECORD_OUTAGE, RECORD_JOB, RECORD_OTHER };

/* Why bytes are no record. */
enum record_fault {
    RECORD_FINE,
    RECORD_NOT_JSON, /* or no object */
    RECORD_NO_VERSION,
    RECORD_NEWER_VERSION,
    RECORD_BAD_MEMBER, /* a member that is missing, of another type, or out of its bounds */
    RECORD_FAULT_COUNT,
};
/** In words: "is not a JSON object". */
const char *record_fault_text(enum record_fault fault);

/* What became of an event as a whole. The last is of jobs alone. */
enum record_class {
    RECORD_DELIVERED,
    RECORD_DIVERTED,
    RECORD_DEAD_LETTERED,
    RECORD_DROPPED,
    RECORD_SKIPPED,
    RECORD_CLASS_COUNT,
};
/** The word of a class or fate on the ledger: "dead_lettered". */
const char *record_class_word(enum record_class class);
/** RECORD_CLASS_COUNT: no such fate. */
enum record_class record_class_of(struct span word);

/* Offsets from..to-1. */
struct record_run {
    int64_t from;
    int64_t to;
};

struct record_value {
    struct span currency;
    struct money sum;
};

/* Legs of one route, primary and fate. What is absent has ptr NULL. */
struct record_row {
    struct span route, leg, fate, to, reason, outage, event;
    uint64_t count;
    uint64_t unsummed; /* of them: without a value that can be added up */
    struct record_value *values;
    size_t value_count;
};

/* Counts of a stretch. */
struct record_counts {
    uint64_t events[RECORD_CLASS_COUNT];
    struct record_row *rows;
    size_t row_count;
};

struct record_ahead {
    struct record_run run;
    struct record_counts counts;
};

struct record_tally {
    struct span session;
    struct span topic;
    int32_t partition;
    struct record_run run;
    struct record_counts counts;
    struct record_ahead *ahead;
    size_t ahead_count;
    struct record_run *gaps; /* offsets that were to be read and are gone */
    size_t gap_count;
    int64_t part;   /* 0: whole, or the first of several records; from 1 on: one that follows */
    bool is_last;   /* nothing of it follows */
    bool has_start; /* the first of its session */
    int64_t start;
    struct record_run *settled;
    size_t settled_count;
    bool is_first;
    bool is_new_log;
    uint64_t missing; /* records of the log before that were not read any more */
};

enum record_state { STATE_STARTED, STATE_CHANGED, STATE_ENDED, STATE_STOPPED, STATE_CANCELLED };

struct record_outage {
    struct span id, destination, event, scope, cause;
    enum record_state state;
    int64_t started_ms;
    int64_t detected_ms; /* -1: not told */
    int64_t ended_ms;    /* -1: it has not */
    uint64_t diverted, dead_lettered;
    struct span last_text, last_request_id;
    int64_t last_status, last_code; /* -1: not told */
};

struct record_job {
    struct span job, name, by, topic;
    enum record_state state;
    json_t *selection, *counts; /* borrowed from the document; objects, or NULL */
};

struct ledger_record {
    enum record_kind kind;
    int64_t at_ms;
    struct span instance, group;
    union {
        struct record_tally tally;
        struct record_outage outage;
        struct record_job job;
    };
    json_t *document; /* owned */
};

/** Read @bytes. *member: the name of the member at fault, static; or NULL. *out is to be freed with
 * record_fini() in any case. */
NODISCARD enum record_fault record_read(struct span bytes, struct ledger_record *out,
                                        const char **member);
void record_fini(struct ledger_record *record);

#endif /* LEDGER_RECORD_H */
