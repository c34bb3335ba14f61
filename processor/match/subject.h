/**
 * subject - the left-hand side of a condition: what of the event it speaks of.
 *
 *     event, key, topic, age, headers.NAME     around the record
 *     properties.value                         a path into it
 *     page.url?utm_source                      a query parameter of the URL at a path
 *
 * Each subject of a table exists once, so that "the same subject" is the same pointer.
 *
 * Subjects are made at the start, owned by struct subjects (match.h) and immutable: all workers
 * share them. A path that does not fit the schema is a diag with its place.
 */
#ifndef MATCH_SUBJECT_H
#define MATCH_SUBJECT_H

#include "event/event_view.h"
#include "event/scalar.h"

enum subject_kind {
    SUBJECT_EVENT,
    SUBJECT_KEY,
    SUBJECT_TOPIC,
    SUBJECT_AGE,
    SUBJECT_HEADER,
    SUBJECT_PATH,
    SUBJECT_PARAMETER,
};

/* What the schema says a subject can hold, as a set: a union holds several. */
enum {
    HOLDS_TEXT = 1u << 0,
    HOLDS_SYMBOL = 1u << 1, /* enum */
    HOLDS_BOOL = 1u << 2,
    HOLDS_NUMBER = 1u << 3,
    HOLDS_TIME = 1u << 4, /* timestamp-* and date: a number, or ISO 8601 text in a match */
    HOLDS_AGE = 1u << 5,
    HOLDS_OTHER = 1u << 6, /* record, array, map, bytes: exists or missing, nothing else */
};

struct subject {
    enum subject_kind kind;
    struct span name;          /* as written; borrowed from the YAML document */
    struct span argument;      /* header or query parameter */
    struct path *path;         /* owned; NULL but for the last two kinds */
    const struct type **types; /* owned; per reader, NULL where it is missing */
    unsigned *holds;           /* owned; per reader, 0 where it is missing */
    size_t reader_count;
    bool has_float;     /* single precision somewhere: literals are rounded before they compare */
    const char **names; /* owned array: every value it can have (symbols, record names); or NULL */
    size_t name_count;
};

/* What a subject is in one event. */
enum seen_kind { SEEN_MISSING, SEEN_TEXT, SEEN_NUMBER, SEEN_BOOL, SEEN_OTHER };
struct seen {
    enum seen_kind kind;
    bool is_float;
    bool boolean;
    enum logical_type logical;
    struct span text;
    struct numeric number;
};

/** NULL with an error at @place when no reader has such a field. */
struct subject *subject_compile(struct span name, struct place place, const struct config *config,
                                const struct readers *readers, struct diags *diags);
void subject_free(struct subject *subject);
/** All that it can hold in some reader. */
unsigned subject_holds(const struct subject *subject);
/** Whether it is there in every event of @reader. */
bool subject_is_certain(const struct subject *subject, size_t reader);
void subject_see(const struct subject *subject, const struct event_view *view, struct arena *arena,
                 struct seen *out);
/** The unit of a time value in microseconds: 0 when @logical is no time. */
int64_t subject_time_unit_us(enum logical_type logical);

#endif /* MATCH_SUBJECT_H */
