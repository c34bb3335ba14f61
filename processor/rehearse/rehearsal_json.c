#include "rehearse/rehearsal.h"

#include <jansson.h>

static json_t *text_of(struct span s)
{
    json_t *text = s.ptr == NULL ? json_null() : json_stringn(s.ptr, s.len);

    return text == NULL ? json_null() : text; /* not UTF-8: YAML has refused that */
}

static json_t *name_of(const struct rehearsal *rehearsal, size_t destination)
{
    return text_of(rehearsal->config->destinations[destination].name);
}

static json_t *row_of(const struct rehearsal *rehearsal, const struct timeline_row *row)
{
    json_t *object = json_pack("{s:I, s:s, s:o, s:o}", "at_ms", (json_int_t)row->at_ms, "what",
                               timeline_word(row->what), "destination",
                               name_of(rehearsal, row->destination), "event", text_of(row->event));

    switch (row->what) {
    case TIMELINE_FAULT:
    case TIMELINE_FLOW:
    case TIMELINE_HEALTH:
        json_object_set_new(object, "state", json_string(row->state));
        json_object_set_new(object, "cause",
                            row->cause[0] == '\0' ? json_null() : json_string(row->cause));
        break;
    case TIMELINE_DIVERTED:
        json_object_set_new(object, "alternate", name_of(rehearsal, row->alternate));
        json_object_set_new(object, "reason", json_string(row->cause));
        break;
    case TIMELINE_DEAD:
        json_object_set_new(object, "state", json_string(row->state));
        json_object_set_new(object, "topic", name_of(rehearsal, row->alternate));
        if (row->events == 0) {
            json_object_set_new(object, "reason", json_string(row->cause));
        } else {
            json_object_set_new(object, "events", json_integer((json_int_t)row->events));
        }
        break;
    case TIMELINE_RETURNED:
        json_object_set_new(object, "alternate", name_of(rehearsal, row->alternate));
        json_object_set_new(object, "events", json_integer((json_int_t)row->events));
        break;
    }
    if (row->what == TIMELINE_HEALTH) {
        json_object_set_new(object, "scope", json_string(scope_word(row->scope)));
    }
    return object;
}

static json_t *timeline_of(struct rehearsal *rehearsal)
{
    json_t *array = json_array();
    size_t count = 0;
    const struct timeline_row *rows = timeline_rows(rehearsal->timeline, &count);

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(array, row_of(rehearsal, &rows[i]));
    }
    return array;
}

static json_t *times_of(struct summary_times *times)
{
    if (times->count == 0) {
        return json_null();
    }
    return json_pack("{s:I, s:I}", "p50", (json_int_t)summary_percentile(times, 0.5), "p99",
                     (json_int_t)summary_percentile(times, 0.99));
}

static json_t *diverted_of(const struct rehearsal *rehearsal, const struct summary_row *row)
{
    json_t *array = json_array();

    for (size_t i = 0; i < row->diverted_count; i++) {
        json_array_append_new(array, json_pack("{s:o, s:s, s:I}", "to",
                                               name_of(rehearsal, row->diverted[i].destination),
                                               "reason", reason_word(row->diverted[i].reason),
                                               "events", (json_int_t)row->diverted[i].events));
    }
    return array;
}

static json_t *dead_of(const struct summary_row *row)
{
    json_t *array = json_array();

    for (size_t reason = 0; reason < REASON_COUNT; reason++) {
        if (row->dead_lettered[reason] > 0) {
            json_array_append_new(array, json_pack("{s:s, s:I}", "reason",
                                                   reason_word((enum reason)reason), "events",
                                                   (json_int_t)row->dead_lettered[reason]));
        }
    }
    return array;
}

static json_t *summary_of(struct rehearsal *rehearsal)
{
    json_t *array = json_array();

    for (size_t i = 0; i < rehearsal->summary.row_count; i++) {
        struct summary_row *row = &rehearsal->summary.rows[i];

        json_array_append_new(
            array, json_pack("{s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o}", "event",
                             text_of(rehearsal->trace->traffic[row->line].event), "route",
                             text_of(row->route == NULL ? SPAN_NONE : row->route->name), "leg",
                             text_of(row->plan == NULL ? SPAN_NONE : row->plan->chain[0]->name),
                             "delivered", (json_int_t)row->delivered, "diverted",
                             diverted_of(rehearsal, row), "dead_lettered", dead_of(row),
                             "latency_ms", times_of(&row->delivered_times), "diverted_latency_ms",
                             times_of(&row->diverted_times)));
    }
    return array;
}

static json_t *asked_of(const struct rehearsal *rehearsal)
{
    json_t *array = json_array();

    for (size_t i = 0; i < rehearsal->config->destination_count; i++) {
        const struct summary_asked *asked = &rehearsal->summary.asked[i];

        if (!rehearsal->config->destinations[i].type->is_topic) {
            json_array_append_new(array, json_pack("{s:o, s:I, s:I, s:I}", "destination",
                                                   name_of(rehearsal, i), "requests",
                                                   (json_int_t)asked->requests, "events",
                                                   (json_int_t)asked->events, "requests_in_fault",
                                                   (json_int_t)asked->requests_in_fault));
        }
    }
    return array;
}

void rehearsal_print_json(struct rehearsal *rehearsal, FILE *out)
{
    json_t *document = json_pack(
        "{s:I, s:I, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:I}}", "seed",
        (json_int_t)rehearsal->seed, "for_ms", (json_int_t)rehearsal->trace->for_ms, "timeline",
        timeline_of(rehearsal), "summary", summary_of(rehearsal), "destinations",
        asked_of(rehearsal), "totals", "produced", (json_int_t)rehearsal->produced, "delivered",
        (json_int_t)rehearsal->summary.delivered, "diverted",
        (json_int_t)rehearsal->summary.diverted, "dead_lettered",
        (json_int_t)rehearsal->summary.dead_lettered, "dropped", (json_int_t)rehearsal->dropped,
        "in_flight", (json_int_t)rehearsal->in_flight);

    INVARIANT(document != NULL);
    (void)json_dumpf(document, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(document);
}
