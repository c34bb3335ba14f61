/**
 * dlq_session - what all `dlq` commands do: load the configuration, choose the topic, read it, and
 * hand on the dead letters of the selection, one by one. A dead letter in parts is handed on as the
 * one record it is, when its last part came.
 *
 * Errors are printed on stderr, with the command's name; a progress bar stands there while a topic
 * is read, where stderr is a terminal. One thread owns it.
 */
#ifndef RECOVERY_DLQ_SESSION_H
#define RECOVERY_DLQ_SESSION_H

#include <jansson.h>

#include "base/progress.h"
#include "kafka/topic_scan.h"
#include "recovery/decisions.h"
#include "recovery/filter.h"
#include "recovery/part_sets.h"

/* As they are typed. A command's arguments begin with these. */
struct dlq_arguments {
    struct filter_arguments filter;
    const char *config, *from;
    bool is_json;
};

/* The rows of a command's table of options, before those of the filter and behind them. */
#define DLQ_OPTIONS                                                                                \
    COMMAND_CONFIG(struct dlq_arguments, config),                                                  \
    {                                                                                              \
        .name = "from", .argument = "TOPIC", .help = "another topic than dead_letter's",           \
        .read = command_text, .offset = offsetof(struct dlq_arguments, from)                       \
    }
#define DLQ_JSON COMMAND_JSON(struct dlq_arguments, is_json)

struct dlq {
    const char *command; /* "dlq ls" */
    const struct dlq_arguments *arguments;
    struct config *config;       /* owned, as all below */
    struct pipeline *pipeline;   /* NULL: events are not decoded */
    struct event_reader *reader; /* likewise */
    char *topic;
    struct filter filter;
    struct topic_scan *scan; /* NULL: none is open */
    struct part_sets parts;
    struct decisions *decisions; /* NULL: not read, or not readable */
    struct progress progress;
    int64_t now_ms;     /* wall */
    uint64_t limit;     /* of what is handed on; 0: none */
    uint64_t count;     /* handed on */
    uint64_t undecoded; /* could not be, and so not judged by --where or --event */
    bool is_following;  /* dlq_read() was asked for a range without an end */
    int code;           /* the exit code, once something failed */
};

/* One dead letter, valid until the next one. */
struct dlq_letter {
    struct record record;
    struct part_place place;         /* of a set of parts the first one's */
    const struct decision *decision; /* what an operator decided about it; NULL: nothing known */
};

/** False: it failed, and dlq->code says how; to be closed all the same. */
bool dlq_open(struct dlq *dlq, const char *command, const struct dlq_arguments *arguments,
              bool needs_events);
/** Read from the ledger what was decided about records of the topic. Where the ledger cannot be
 * read that is said on stderr, and no decision is known. */
void dlq_read_decisions(struct dlq *dlq);
/** What is known to be decided about @record at @place; NULL: nothing. */
const struct decision *dlq_decision(const struct dlq *dlq, const struct record *record,
                                    struct part_place place);
/** Begin to read. A second time: from the start. */
bool dlq_read(struct dlq *dlq, const struct scan_range *range);
/** The range that the selection leaves: since --since. */
struct scan_range dlq_range(const struct dlq *dlq);
/** SCAN_RECORD: *message is the caller's to destroy. SCAN_FAILED: dlq->code says how. */
enum scan_step dlq_next(struct dlq *dlq, rd_kafka_message_t **message, struct dlq_letter *out);
/** What could not be judged, on stderr. */
void dlq_tell_left_out(struct dlq *dlq);
void dlq_close(struct dlq *dlq);
/** Print "detour COMMAND: text" and keep the exit code of @rc. Gives false. */
bool dlq_fail(struct dlq *dlq, enum err_code rc, const char *text);

/** What the headers say, and what was decided, as `ls`, `show` and `tail` print it. */
json_t *dlq_letter_json(const struct dlq_letter *letter);

#endif /* RECOVERY_DLQ_SESSION_H */
