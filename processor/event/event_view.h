/**
 * event_view - one event as routes and maps see it: the Kafka message, the decoded record, and the
 * facts that detour itself needs (type, id, time, value, currency).
 *
 * A view owns nothing and is valid only while its event is taken: its values point into the message
 * and into the arena of the worker. The compiled paths are made at the start and do not change
 * after, so all workers share them without a lock.
 *
 * Errors: a path that does not fit the schema is a diag with its place; an event without a usable
 * type is ERR_DATA (a dead letter, reason contract).
 */
#ifndef EVENT_EVENT_VIEW_H
#define EVENT_EVENT_VIEW_H

#include "config/config.h"
#include "schema/path.h"

/* The Kafka side of an event, without naming librdkafka. */
struct message_view {
    struct span topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* the record's own; -1 when it has none */
    struct span key;      /* ptr NULL: no key */
    struct span value;    /* ptr NULL: tombstone */
    /** The last header of that name; SPAN_NONE when absent. */
    struct span (*header)(const void *context, struct span name);
    const void *header_context;
    bool is_replayed; /* by an operator: what it says of its replays is one more */
};

struct facts {
    struct span type;     /* never empty */
    struct span id;       /* as in the event; absent when it has none */
    int64_t time_ms;      /* Unix, UTC */
    bool is_time_assumed; /* the event's own time was unusable: the record's timestamp stands in */
    bool has_value;
    double value;
    struct span currency; /* absent when there is none */
};

struct event_view {
    const struct message_view *message;
    size_t reader;
    const struct value *root;
    struct facts facts;
    int64_t now_ms; /* wall; for age */
};

/* The configured paths, compiled. */
struct event_paths {
    bool is_type_record_name;
    struct path *type, *id, *time, *value,
        *currency; /* owned; NULL where the default path does not exist */
};

/** Compile config->event. A default path that no reader has is NULL; for the type it is an error.
 */
void event_paths_compile(const struct config *config, const struct readers *readers,
                         struct event_paths *out, struct diags *diags);
void event_paths_fini(struct event_paths *paths);
/** A record's name without its namespace. */
struct span event_short_name(struct span full);
/** The short name of the record that @value is ({record: name} makes it the event type): no
 * namespace; of a union its branch's. SPAN_NONE when the root is no record. */
struct span event_record_name(const struct type *root, const struct value *value);

/* Every event type that the schema allows. */
struct type_names {
    const char **items; /* owned, each of them too */
    size_t count;
};

/** False, and nothing to free, when the type is a text, so that any type may come. type_names.c */
bool type_names_list(const struct event_paths *paths, const struct readers *readers,
                     struct type_names *out);
void type_names_fini(struct type_names *names);

/** Fill view->facts. ERR_DATA (reason contract) when there is no usable event type. Enums, strings;
 * ids may be any scalar, numbers are written in decimal into @arena. Time: by logical
 * type, ISO text, or a number whose size tells the unit; years 2000..2100 are usable. Value:
 * number, decimal, or numeric text. */
NODISCARD enum err_code event_facts(const struct event_paths *paths, const struct readers *readers,
                                    struct event_view *view, struct arena *arena, struct err *err);

#endif /* EVENT_EVENT_VIEW_H */
