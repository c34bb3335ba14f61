/**
 * filter - which records of a topic a command is about: the options that `dlq` and `replay` share.
 *
 * Of one option any value has to fit, of several options all. Times are those of the records
 * in the topic (the time of writing). A condition on the decoded event (--where) and an
 * event type that no header tells need the value to be decoded; a record whose value cannot be
 * decoded is then not taken, and counted by the caller.
 *
 * Ownership: a filter borrows the texts of its arguments, the configuration and the pipeline. One
 * thread. Errors are those of the command line: ERR_USAGE, with the valid names.
 */
#ifndef RECOVERY_FILTER_H
#define RECOVERY_FILTER_H

#include "base/digest.h"
#include "config/command.h"
#include "match/match.h"
#include "recovery/event_reader.h"
#include "recovery/record.h"

/* As they are typed. A command's arguments begin with these. */
struct filter_arguments {
    struct command_texts reasons, events, ids, destinations, routes, outages, keys;
    const char *since, *until, *where;
    uint64_t limit; /* 0: none */
};

/* The rows of a command's table of options. */
#define FILTER_OPTIONS                                                                             \
    {.name = "reason",                                                                             \
     .argument = "R",                                                                              \
     .help = "of this reason (docs/dead-letters.md); repeatable, or a list with commas. Of other " \
             "programs' dead letters the class of the exception",                                  \
     .wants = "a reason, and is there at most 64 times",                                           \
     .read = command_texts,                                                                        \
     .offset = offsetof(struct filter_arguments, reasons)},                                        \
        {.name = "event",                                                                          \
         .argument = "TYPE",                                                                       \
         .help = "of this event type; repeatable",                                                 \
         .wants = "an event type, and is there at most 64 times",                                  \
         .read = command_texts,                                                                    \
         .offset = offsetof(struct filter_arguments, events)},                                     \
        {.name = "event-id",                                                                       \
         .argument = "ID",                                                                         \
         .help = "of this event; repeatable",                                                      \
         .wants = "an event's id, and is there at most 64 times",                                  \
         .read = command_texts,                                                                    \
         .offset = offsetof(struct filter_arguments, ids)},                                        \
        {.name = "destination",                                                                    \
         .argument = "D",                                                                          \
         .help = "that this destination did not take; repeatable, or a list with commas",          \
         .wants = "a destination, and is there at most 64 times",                                  \
         .read = command_texts,                                                                    \
         .offset = offsetof(struct filter_arguments, destinations)},                               \
        {.name = "route",                                                                          \
         .argument = "NAME",                                                                       \
         .help = "of this route; repeatable",                                                      \
         .wants = "a route, and is there at most 64 times",                                        \
         .read = command_texts,                                                                    \
         .offset = offsetof(struct filter_arguments, routes)},                                     \
        {.name = "outage",                                                                         \
         .argument = "ID",                                                                         \
         .help = "of this outage; repeatable",                                                     \
         .wants = "an outage's id, and is there at most 64 times",                                 \
         .read = command_texts,                                                                    \
         .offset = offsetof(struct filter_arguments, outages)},                                    \
        {.name = "since",                                                                          \
         .argument = "T",                                                                          \
         .help = "written then or later: 2026-03-11T10:00:00Z, or 2h for two hours ago",           \
         .read = command_text,                                                                     \
         .offset = offsetof(struct filter_arguments, since)},                                      \
        {.name = "until",                                                                          \
         .argument = "T",                                                                          \
         .help = "written before then",                                                            \
         .read = command_text,                                                                     \
         .offset = offsetof(struct filter_arguments, until)},                                      \
        {.name = "key",                                                                            \
         .argument = "K",                                                                          \
         .help = "with this record key; repeatable",                                               \
         .wants = "a key, and is there at most 64 times",                                          \
         .read = command_texts,                                                                    \
         .offset = offsetof(struct filter_arguments, keys)},                                       \
        {.name = "where",                                                                          \
         .argument = "MATCH",                                                                      \
         .help = "whose event fits, as in a route's match: '{properties.value: \">= 100\"}'",      \
         .read = command_text,                                                                     \
         .offset = offsetof(struct filter_arguments, where)},                                      \
    {                                                                                              \
        .name = "limit", .argument = "N", .help = "no more than so many",                          \
        .wants = "a number from 1 on", .low = 1, .read = command_number,                           \
        .offset = offsetof(struct filter_arguments, limit)                                         \
    }

struct filter_list {
    struct span *items; /* owned array */
    size_t count;
};

struct filter {
    struct filter_list reasons, events, ids, destinations, routes, outages,
        keys;                   /* sorted, each once */
    int64_t since_ms, until_ms; /* of records; -1: none */
    uint64_t limit;             /* 0: none */
    bool has_where;
    struct yaml_doc *doc; /* owned, as all below */
    struct subjects subjects;
    struct match where;
    struct buf canonical; /* the selection as text, the same for the same one */
};

/** Whether compiling and applying them needs a pipeline and an event reader. */
bool filter_needs_events(const struct filter_arguments *arguments);
/** Whether anything bounds what is taken (`replay` wants --all without). */
bool filter_is_bounded(const struct filter_arguments *arguments);
/** @pipeline may be NULL where filter_needs_events() says no. @out is to be freed in any case. */
NODISCARD enum err_code filter_compile(const struct filter_arguments *arguments,
                                       const struct config *config, const struct pipeline *pipeline,
                                       int64_t now_ms, struct filter *out, struct err *err);
void filter_fini(struct filter *filter);
/** Take records of outage @id too: another id of an outage that is selected. It must live as long
 * as the filter; the selection's name stays. */
void filter_add_outage(struct filter *filter, struct span id);

enum filter_answer { FILTER_TAKES, FILTER_LEAVES, FILTER_UNDECODED, FILTER_FAILED };

/** @reader may be NULL where filter_needs_events() said no. FAILED, with @err: the schema registry
 * does not answer. */
enum filter_answer filter_ask(const struct filter *filter, const struct record *record,
                              struct event_reader *reader, struct err *err);
/** A name for this selection of @topic: the same for the same arguments, however they are written
 * (order, lists, zones). A time of `2h` is taken as typed: the same command later has it too. */
void filter_digest(const struct filter *filter, struct span topic, char out[DIGEST_SHORT_BYTES]);

#endif /* RECOVERY_FILTER_H */
