#include "ledger/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* Sums of two of these are still numbers. */
#define NUMBER_MAX (INT64_MAX / 4)

/* One record being read. The first member at fault ends it. */
struct reading {
    const char *fault; /* NULL: none yet */
};

static const char *const class_words[] = {
    [RECORD_DELIVERED] = "delivered",
    [RECORD_DIVERTED] = "diverted",
    [RECORD_DEAD_LETTERED] = "dead_lettered",
    [RECORD_DROPPED] = "dropped",
    [RECORD_SKIPPED] = "skipped",
};

const char *record_class_word(enum record_class class)
{
    PRE(class < RECORD_CLASS_COUNT);
    return class_words[class];
}

enum record_class record_class_of(struct span word)
{
    for (unsigned i = 0; i < RECORD_CLASS_COUNT; i++) {
        if (span_is(word, class_words[i])) {
            return (enum record_class)i;
        }
    }
    return RECORD_CLASS_COUNT;
}

const char *record_fault_text(enum record_fault fault)
{
    switch (fault) {
    case RECORD_NOT_JSON:
        return "is not a JSON object";
    case RECORD_NO_VERSION:
        return "has no version (v)";
    case RECORD_NEWER_VERSION:
        return "has a newer version than this detour reads";
    case RECORD_BAD_MEMBER:
        return "has a member that is missing or unusable";
    case RECORD_FINE:
    case RECORD_FAULT_COUNT:
        break;
    }
    return "is fine";
}

static void fault(struct reading *reading, const char *member)
{
    if (reading->fault == NULL) {
        reading->fault = member;
    }
}

/* members of an object */

/* Absent or null: SPAN_NONE. */
static struct span read_text(struct reading *reading, const json_t *object, const char *name)
{
    const json_t *at = json_object_get(object, name);

    if (at == NULL || json_is_null(at)) {
        return SPAN_NONE;
    }
    if (!json_is_string(at) || json_string_length(at) > RECORD_TEXT_MAX) {
        fault(reading, name);
        return SPAN_NONE;
    }
    return (struct span){json_string_value(at), json_string_length(at)};
}

static struct span need_text(struct reading *reading, const json_t *object, const char *name)
{
    struct span text = read_text(reading, object, name);

    if (text.len == 0) {
        fault(reading, name);
    }
    return text;
}

/* A whole number from 0 to NUMBER_MAX; absent: @fallback. */
static int64_t read_number(struct reading *reading, const json_t *object, const char *name,
                           int64_t fallback)
{
    const json_t *at = json_object_get(object, name);

    if (at == NULL || json_is_null(at)) {
        return fallback;
    }
    if (!json_is_integer(at) || json_integer_value(at) < 0 || json_integer_value(at) > NUMBER_MAX) {
        fault(reading, name);
        return fallback;
    }
    return json_integer_value(at);
}

static int64_t need_number(struct reading *reading, const json_t *object, const char *name)
{
    int64_t number = read_number(reading, object, name, -1);

    if (number < 0) {
        fault(reading, name);
    }
    return number;
}

/* Absent or null: -1. */
static int64_t read_time(struct reading *reading, const json_t *object, const char *name)
{
    struct span text = read_text(reading, object, name);
    int64_t ms = -1;

    if (text.ptr != NULL && (!clock_parse_iso(text.ptr, text.len, &ms) || ms < 0)) {
        fault(reading, name);
    }
    return ms;
}

static int64_t need_time(struct reading *reading, const json_t *object, const char *name)
{
    int64_t ms = read_time(reading, object, name);

    if (ms < 0) {
        fault(reading, name);
    }
    return ms;
}

static bool read_flag(struct reading *reading, const json_t *object, const char *name)
{
    const json_t *at = json_object_get(object, name);

    if (at != NULL && !json_is_boolean(at) && !json_is_null(at)) {
        fault(reading, name);
    }
    return json_is_true(at);
}

/* An object or an array, as @type says; absent: NULL. */
static json_t *read_container(struct reading *reading, const json_t *object, const char *name,
                              json_type type)
{
    json_t *at = json_object_get(object, name);

    if (at == NULL || json_is_null(at)) {
        return NULL;
    }
    if (json_typeof(at) != type || (type == JSON_ARRAY && json_array_size(at) > RECORD_ROWS_MAX)) {
        fault(reading, name);
        return NULL;
    }
    return at;
}

static struct record_run need_run(struct reading *reading, const json_t *object)
{
    struct record_run run = {need_number(reading, object, "from"),
                             need_number(reading, object, "to")};

    if (run.to < run.from) {
        fault(reading, "to");
    }
    return run;
}

/* tallies */

static void read_values(struct reading *reading, const json_t *row, struct record_row *out)
{
    json_t *value = read_container(reading, row, "value", JSON_OBJECT);
    const char *currency;
    json_t *at;

    if (value == NULL || json_object_size(value) == 0) {
        return;
    }
    out->values = mem_array(json_object_size(value), struct record_value);
    json_object_foreach(value, currency, at)
    {
        struct record_value *next = &out->values[out->value_count++];
        struct span text = {json_string_value(at), json_string_length(at)};

        next->currency = span_of(currency);
        if (!json_is_string(at) || !money_parse(text, &next->sum) ||
            next->currency.len > RECORD_TEXT_MAX) {
            fault(reading, "value");
        }
    }
}

static void read_row(struct reading *reading, const json_t *row, struct record_row *out)
{
    out->route = read_text(reading, row, "route");
    out->leg = read_text(reading, row, "leg");
    out->fate = need_text(reading, row, "fate");
    out->to = read_text(reading, row, "to");
    out->reason = read_text(reading, row, "reason");
    out->outage = read_text(reading, row, "outage");
    out->event = read_text(reading, row, "event");
    out->count = (uint64_t)need_number(reading, row, "count");
    out->unsummed = (uint64_t)read_number(reading, row, "unsummed", 0);
    read_values(reading, row, out);
    if (record_class_of(out->fate) == RECORD_CLASS_COUNT) {
        fault(reading, "fate");
    }
}

static void read_counts(struct reading *reading, const json_t *object, bool needs_events,
                        struct record_counts *out)
{
    json_t *events = read_container(reading, object, "events", JSON_OBJECT);
    json_t *legs = read_container(reading, object, "legs", JSON_ARRAY);
    size_t count = json_array_size(legs);

    if (events == NULL && needs_events) {
        fault(reading, "events");
        return;
    }
    for (unsigned i = 0; i < RECORD_CLASS_COUNT; i++) {
        out->events[i] = (uint64_t)read_number(reading, events, class_words[i], 0);
    }
    if (count > 0) {
        out->rows = mem_array(count, struct record_row);
        for (; out->row_count < count; out->row_count++) {
            read_row(reading, json_array_get(legs, out->row_count), &out->rows[out->row_count]);
        }
    }
}

static void read_ahead(struct reading *reading, const json_t *object, struct record_tally *out)
{
    json_t *ahead = read_container(reading, object, "ahead", JSON_ARRAY);
    size_t count = json_array_size(ahead);

    if (count == 0) {
        return;
    }
    out->ahead = mem_array(count, struct record_ahead);
    for (; out->ahead_count < count; out->ahead_count++) {
        struct record_ahead *at = &out->ahead[out->ahead_count];
        int64_t floor = out->ahead_count == 0 ? out->run.to : at[-1].run.to;
        json_t *run = json_array_get(ahead, out->ahead_count);

        at->run = need_run(reading, run);
        read_counts(reading, run, out->part == 0, &at->counts);
        if (at->run.from < floor) {
            fault(reading, "ahead"); /* in order, beyond the stretch, none over another */
        }
    }
}

/* [[1010, 1020], ...], in order */
static size_t read_runs(struct reading *reading, const json_t *object, const char *name,
                        struct record_run **out)
{
    json_t *runs = read_container(reading, object, name, JSON_ARRAY);
    size_t count = json_array_size(runs);

    if (count == 0) {
        return 0;
    }
    *out = mem_array(count, struct record_run);
    for (size_t i = 0; i < count; i++) {
        int64_t floor = i == 0 ? 0 : (*out)[i - 1].to;
        json_int_t from = -1;
        json_int_t to = -1;

        if (json_unpack(json_array_get(runs, i), "[I, I]", &from, &to) != 0 || from < floor ||
            to < from || to > NUMBER_MAX) {
            fault(reading, name);
            return i;
        }
        (*out)[i] = (struct record_run){from, to};
    }
    return count;
}

static void read_start(struct reading *reading, const json_t *object, struct record_tally *out)
{
    json_t *start = read_container(reading, object, "start", JSON_OBJECT);

    if (start == NULL) {
        return;
    }
    out->has_start = true;
    out->start = need_number(reading, start, "offset");
    out->is_first = read_flag(reading, start, "first");
    out->is_new_log = read_flag(reading, start, "new_log");
    out->missing = (uint64_t)read_number(reading, start, "missing", 0);
    out->settled_count = read_runs(reading, start, "settled", &out->settled);
}

static void read_tally(struct reading *reading, const json_t *object, struct record_tally *out)
{
    int64_t partition = need_number(reading, object, "partition");

    out->session = need_text(reading, object, "session");
    out->topic = need_text(reading, object, "topic");
    out->run = need_run(reading, object);
    out->partition = (int32_t)partition;
    if (partition > INT32_MAX) {
        fault(reading, "partition");
    }
    out->part = read_number(reading, object, "part", 0);
    out->is_last = json_object_get(object, "part") == NULL || read_flag(reading, object, "last");
    out->gap_count = read_runs(reading, object, "gaps", &out->gaps);
    read_counts(reading, object, out->part == 0, &out->counts);
    read_ahead(reading, object, out);
    read_start(reading, object, out);
}

/* outages and jobs */

static enum record_state read_state(struct reading *reading, const json_t *object)
{
    static const struct {
        const char *word;
        enum record_state state;
    } words[] = {{"opened", STATE_STARTED},     {"started", STATE_STARTED},
                 {"changed", STATE_CHANGED},    {"closed", STATE_ENDED},
                 {"ended", STATE_ENDED},        {"stopped", STATE_STOPPED},
                 {"cancelled", STATE_CANCELLED}};
    struct span state = need_text(reading, object, "state");

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (span_is(state, words[i].word)) {
            return words[i].state;
        }
    }
    fault(reading, "state");
    return STATE_STARTED;
}

static void read_outage(struct reading *reading, const json_t *object, struct record_outage *out)
{
    const json_t *last = read_container(reading, object, "last", JSON_OBJECT);

    out->id = need_text(reading, object, "id");
    out->destination = need_text(reading, object, "destination");
    out->event = read_text(reading, object, "event");
    out->scope = read_text(reading, object, "scope");
    out->cause = read_text(reading, object, "cause");
    out->state = read_state(reading, object);
    out->started_ms = need_time(reading, object, "started");
    out->detected_ms = read_time(reading, object, "detected");
    out->ended_ms = read_time(reading, object, "ended");
    out->diverted = (uint64_t)read_number(reading, object, "diverted", 0);
    out->dead_lettered = (uint64_t)read_number(reading, object, "dead_lettered", 0);
    out->last_text = read_text(reading, last, "text");
    out->last_request_id = read_text(reading, last, "request_id");
    out->last_status = read_number(reading, last, "status", -1);
    out->last_code = json_is_integer(json_object_get(last, "code"))
                         ? json_integer_value(json_object_get(last, "code"))
                         : -1;
}

static void read_job(struct reading *reading, const json_t *object, struct record_job *out)
{
    out->job = need_text(reading, object, "job");
    out->name = need_text(reading, object, "name");
    out->by = read_text(reading, object, "by");
    out->topic = read_text(reading, object, "topic");
    out->state = read_state(reading, object);
    out->selection = read_container(reading, object, "selection", JSON_OBJECT);
    out->counts = read_container(reading, object, "counts", JSON_OBJECT);
}

/* whole records */

static void read_kind(struct reading *reading, struct ledger_record *out)
{
    const json_t *object = out->document;
    struct span kind = need_text(reading, object, "kind");

    out->at_ms = need_time(reading, object, "at");
    out->instance = read_text(reading, object, "instance");
    out->group = need_text(reading, object, "group");
    if (span_is(kind, "tally")) {
        out->kind = RECORD_TALLY;
        read_tally(reading, object, &out->tally);
    } else if (span_is(kind, "outage")) {
        out->kind = RECORD_OUTAGE;
        read_outage(reading, object, &out->outage);
    } else if (span_is(kind, "job")) {
        out->kind = RECORD_JOB;
        read_job(reading, object, &out->job);
    }
}

enum record_fault record_read(struct span bytes, struct ledger_record *out, const char **member)
{
    struct reading reading = {NULL};
    const json_t *version;

    *out = (struct ledger_record){.kind = RECORD_OTHER, .at_ms = -1};
    *member = NULL;
    out->document = bytes.ptr == NULL ? NULL : json_loadb(bytes.ptr, bytes.len, 0, NULL);
    if (!json_is_object(out->document)) {
        return RECORD_NOT_JSON;
    }
    version = json_object_get(out->document, "v");
    if (!json_is_integer(version) || json_integer_value(version) < 1) {
        return RECORD_NO_VERSION;
    }
    if (json_integer_value(version) > RECORD_VERSION) {
        return RECORD_NEWER_VERSION;
    }
    read_kind(&reading, out);
    *member = reading.fault;
    return reading.fault == NULL ? RECORD_FINE : RECORD_BAD_MEMBER;
}

static void counts_fini(struct record_counts *counts)
{
    for (size_t i = 0; i < counts->row_count; i++) {
        free(counts->rows[i].values);
    }
    free(counts->rows);
}

void record_fini(struct ledger_record *record)
{
    if (record->kind == RECORD_TALLY) {
        struct record_tally *tally = &record->tally;

        counts_fini(&tally->counts);
        for (size_t i = 0; i < tally->ahead_count; i++) {
            counts_fini(&tally->ahead[i].counts);
        }
        free(tally->ahead);
        free(tally->settled);
        free(tally->gaps);
    }
    json_decref(record->document);
    *record = (struct ledger_record){.kind = RECORD_OTHER};
}
