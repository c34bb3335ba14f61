#include "rehearse/trace.h"

#include <stdlib.h>

#include "base/mem.h"
#include "rehearse/trace_inside.h"

enum {
    LATENCY_MS = 150,
    FOR_MS_MAX = 24 * 3600 * 1000,
    EVENTS_MAX = 10000000, /* of one rehearsal */
    RULE_EVENTS_MAX = 1024,
};

/* helpers */

bool trace_check_keys(struct trace_reader *reader, const struct yaml_node *map, const char *what,
                      const char *const *keys, size_t count)
{
    if (map->kind != YAML_MAP) {
        trace_complain(reader, map, what, "a map of keys and values");
        return false;
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_pair *pair = &map->pairs[i];
        const char *near;
        size_t at = 0;

        while (at < count && !span_is(pair->key, keys[at])) {
            at++;
        }
        if (at < count) {
            continue;
        }
        near = suggest(pair->key, keys, count);
        diag_error(reader->diags, pair->place, "unknown key %s in %s%s", log_quote(pair->key), what,
                   did_you_mean(near).text);
    }
    return true;
}

void trace_complain(struct trace_reader *reader, const struct yaml_node *node, const char *what,
                    const char *wanted)
{
    if (!node->is_broken) {
        diag_error(reader->diags, node->place, "%s wants %s", what, wanted);
    }
}

bool trace_read_duration(struct trace_reader *reader, const struct yaml_node *map, const char *key,
                         uint64_t *ms)
{
    const struct yaml_node *node = yaml_get(map, key);

    if (node == NULL) {
        return true;
    }
    if (node->kind != YAML_SCALAR || !value_duration(node->text, ms)) {
        trace_complain(reader, node, key, "a duration: 200ms, 30s, 5m");
        return false;
    }
    return true;
}

bool trace_read_share(struct trace_reader *reader, const struct yaml_node *map, double *share)
{
    const struct yaml_node *node = yaml_get(map, "share");

    if (node == NULL) {
        return true;
    }
    if (node->kind != YAML_SCALAR || !value_percent(node->text, share) || *share <= 0 ||
        *share > 1) {
        trace_complain(reader, node, "share", "a percentage above 0%, up to 100%");
        return false;
    }
    return true;
}

/* traffic */

static void read_value(struct trace_reader *reader, const struct yaml_node *map,
                       struct trace_traffic *out)
{
    const struct yaml_node *value = yaml_get(map, "value");
    const struct yaml_node *currency = yaml_get(map, "currency");

    if (value != NULL) {
        out->has_value = value->kind == YAML_SCALAR && span_to_double(value->text, &out->value);
        if (!out->has_value) {
            trace_complain(reader, value, "value", "a number");
        }
    }
    if (currency != NULL) {
        if (currency->kind != YAML_SCALAR || currency->text.len != 3) {
            trace_complain(reader, currency, "currency", "three letters: EUR");
        } else {
            out->currency = currency->text;
        }
    }
}

/* `from` and `to`, which lie within the trace as far as they begin in it. */
static void read_stretch(struct trace_reader *reader, const struct yaml_node *map, const char *what,
                         uint64_t *from_ms, uint64_t *until_ms)
{
    bool has_end = yaml_get(map, "to") != NULL;

    if (!trace_read_duration(reader, map, "from", from_ms) ||
        !trace_read_duration(reader, map, "to", until_ms)) {
        return;
    }
    if (*from_ms >= *until_ms && has_end) {
        diag_error(reader->diags, map->place, "%s end before they begin (from, to)", what);
    } else if (*from_ms >= reader->trace->for_ms) {
        diag_error(reader->diags, map->place, "%s begin when the trace is over (from, `for`)",
                   what);
    }
}

static void read_stream(struct trace_reader *reader, const struct yaml_node *map)
{
    static const char *const keys[] = {"event",  "rate", "value", "currency",
                                       "reader", "from", "to"};
    struct trace *trace = reader->trace;
    struct trace_traffic *out = &trace->traffic[trace->traffic_count];
    const struct yaml_node *event;
    const struct yaml_node *rate;
    const struct yaml_node *whose;

    if (!trace_check_keys(reader, map, "a line of traffic", keys, COUNT_OF(keys))) {
        return;
    }
    *out = (struct trace_traffic){.place = map->place, .until_ms = trace->for_ms};
    event = yaml_get(map, "event");
    rate = yaml_get(map, "rate");
    whose = yaml_get(map, "reader");
    if (event == NULL || event->kind != YAML_SCALAR || event->text.len == 0) {
        trace_complain(reader, event == NULL ? map : event, "a line of traffic", "an event type");
        return;
    }
    if (rate == NULL || rate->kind != YAML_SCALAR || !value_rate(rate->text, &out->rate) ||
        out->rate <= 0) {
        trace_complain(reader, rate == NULL ? map : rate, "a line of traffic",
                       "a rate above none: 100/s, 6/m");
        return;
    }
    if (whose != NULL && (whose->kind != YAML_SCALAR || whose->text.len == 0)) {
        trace_complain(reader, whose, "reader", "the name of a reader schema");
    } else if (whose != NULL) {
        out->reader = whose->text;
    }
    out->event = event->text;
    read_value(reader, map, out);
    read_stretch(reader, map, "these events", &out->from_ms, &out->until_ms);
    out->until_ms = MIN_OF(out->until_ms, trace->for_ms);
    trace->traffic_count++;
}

static void read_traffic(struct trace_reader *reader, const struct yaml_node *root)
{
    const struct yaml_node *list = yaml_get(root, "traffic");
    double events = 0;

    if (list == NULL || list->kind != YAML_LIST || list->count == 0) {
        trace_complain(reader, list == NULL ? root : list, "traffic",
                       "a list of events with their rates: [{event: Purchase, rate: 100/s}]");
        return;
    }
    if (list->count > TRACE_TRAFFIC_MAX) {
        diag_error(reader->diags, list->place, "traffic has %zu lines; at most %d", list->count,
                   TRACE_TRAFFIC_MAX);
        return;
    }
    reader->trace->traffic = mem_array(list->count, struct trace_traffic);
    for (size_t i = 0; i < list->count; i++) {
        read_stream(reader, list->items[i]);
    }
    for (size_t i = 0; i < reader->trace->traffic_count; i++) {
        events += reader->trace->traffic[i].rate * (double)reader->trace->for_ms / 1000.0;
    }
    if (events > EVENTS_MAX && !reader->is_long) {
        diag_error(reader->diags, list->place,
                   "that is %.0f events in all; at most %d: lower the rates, or `for`", events,
                   EVENTS_MAX);
    }
}

/* rules */

static void add_rule_event(struct trace_reader *reader, const struct yaml_node *node,
                           struct fault *fault)
{
    struct trace *trace = reader->trace;
    const char *names[TRACE_TRAFFIC_MAX];
    const char *near;

    if (node->kind != YAML_SCALAR) {
        trace_complain(reader, node, "event", "an event type of the traffic, or a list of them");
        return;
    }
    if (trace->event_count == RULE_EVENTS_MAX) {
        diag_error(reader->diags, node->place, "rules name more than %d events", RULE_EVENTS_MAX);
        return;
    }
    for (size_t i = 0; i < trace->traffic_count; i++) {
        names[i] = trace->traffic[i].event.ptr;
        if (span_eq(trace->traffic[i].event, node->text)) {
            trace->events[trace->event_count++] = node->text;
            fault->event_count++;
            return;
        }
    }
    near = suggest(node->text, names, trace->traffic_count);
    diag_error(reader->diags, node->place, "no event %s in traffic%s", log_quote(node->text),
               did_you_mean(near).text);
}

static void read_rule_events(struct trace_reader *reader, const struct yaml_node *node,
                             struct fault *fault)
{
    if (node == NULL) {
        return;
    }
    fault->events = &reader->trace->events[reader->trace->event_count];
    if (node->kind != YAML_LIST) {
        add_rule_event(reader, node, fault);
        return;
    }
    if (node->count == 0) {
        trace_complain(reader, node, "event", "one event type at least");
    }
    for (size_t i = 0; i < node->count; i++) {
        add_rule_event(reader, node->items[i], fault);
    }
}

static void read_rule(struct trace_reader *reader, const struct yaml_node *map, size_t destination)
{
    static const char *const keys[] = {"from", "to", "event", "share", "answer"};
    struct trace *trace = reader->trace;
    struct fault fault = {.destination = destination, .until_ms = trace->for_ms, .share = 1};
    const struct yaml_node *answer;

    if (!trace_check_keys(reader, map, "a rule", keys, COUNT_OF(keys))) {
        return;
    }
    answer = yaml_get(map, "answer");
    read_rule_events(reader, yaml_get(map, "event"), &fault);
    (void)trace_read_share(reader, map, &fault.share);
    read_stretch(reader, map, "this rule's answers", &fault.from_ms, &fault.until_ms);
    if (answer == NULL) {
        trace_complain(reader, map, "a rule", "an answer: {status: 503}, hang, refused ...");
    } else if (trace_read_answer(reader, answer, &fault)) {
        trace->faults[trace->fault_count++] = fault;
    }
}

const struct config_destination *trace_find_destination(struct trace_reader *reader,
                                                        const struct yaml_pair *pair)
{
    const struct config *config = reader->config;
    const struct config_destination *destination = config_find(config, pair->key);
    const char *names[64];
    size_t count = MIN_OF(config->destination_count, COUNT_OF(names));
    const char *near;

    if (destination != NULL) {
        return destination;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = config->destinations[i].name.ptr;
    }
    near = suggest(pair->key, names, count);
    diag_error(reader->diags, pair->place, "the configuration has no destination %s%s",
               log_quote(pair->key), did_you_mean(near).text);
    return NULL;
}

static void read_destination(struct trace_reader *reader, const struct yaml_pair *pair)
{
    const struct config *config = reader->config;
    const struct config_destination *destination = trace_find_destination(reader, pair);

    if (destination == NULL) {
        return;
    }
    if (pair->value->kind != YAML_LIST) {
        trace_complain(reader, pair->value, "a destination",
                       "a list of rules: [{from, to, answer}]");
        return;
    }
    if (reader->trace->fault_count + pair->value->count > TRACE_FAULTS_MAX) {
        diag_error(reader->diags, pair->place, "more than %d rules", TRACE_FAULTS_MAX);
        return;
    }
    for (size_t i = 0; i < pair->value->count; i++) {
        read_rule(reader, pair->value->items[i], (size_t)(destination - config->destinations));
    }
}

static void read_destinations(struct trace_reader *reader, const struct yaml_node *root)
{
    const struct yaml_node *map = yaml_get(root, "destinations");

    reader->trace->faults = mem_array(TRACE_FAULTS_MAX, struct fault);
    reader->trace->events = mem_array(RULE_EVENTS_MAX, struct span);
    if (map == NULL) {
        return; /* a day on which nothing happens is a trace, too */
    }
    if (map->kind != YAML_MAP) {
        trace_complain(reader, map, "destinations", "a map: a destination's name to its rules");
        return;
    }
    for (size_t i = 0; i < map->count; i++) {
        read_destination(reader, &map->pairs[i]);
    }
}

static bool read_length(struct trace_reader *reader, const struct yaml_node *root)
{
    struct trace *trace = reader->trace;

    if (yaml_get(root, "for") == NULL) {
        trace_complain(reader, root, "a trace", "how long it is: for: 5m");
        return false;
    }
    if (!trace_read_duration(reader, root, "for", &trace->for_ms)) {
        return false;
    }
    if (trace->for_ms == 0 || trace->for_ms > FOR_MS_MAX) {
        trace_complain(reader, yaml_get(root, "for"), "for", "more than nothing and at most a day");
        return false;
    }
    return true;
}

static void read_frame(struct trace_reader *reader, const struct yaml_node *root)
{
    static const char *const keys[] = {"for", "latency", "traffic", "destinations", "healthy"};
    struct trace *trace = reader->trace;

    if (!trace_check_keys(reader, root, "a trace", keys, COUNT_OF(keys))) {
        return;
    }
    trace->latency_ms = LATENCY_MS;
    (void)trace_read_duration(reader, root, "latency", &trace->latency_ms);
    reader->is_long = !read_length(reader, root);
    if (reader->is_long) {
        trace->for_ms = FOR_MS_MAX;
    }
    read_traffic(reader, root);
    read_destinations(reader, root);
    trace_read_healthy(reader, root);
}

bool trace_load(const char *path, const struct config *config, struct trace *out,
                struct diags *diags)
{
    struct trace_reader reader = {.trace = out, .config = config, .diags = diags};
    size_t errors_before = diags->error_count;

    *out = (struct trace){0};
    out->doc = yaml_open(path, diags);
    if (out->doc != NULL) {
        read_frame(&reader, yaml_root(out->doc));
    }
    if (diags->error_count > errors_before) {
        trace_fini(out);
        return false;
    }
    return true;
}

void trace_fini(struct trace *trace)
{
    free(trace->traffic);
    free(trace->faults);
    free(trace->events);
    free(trace->healthy);
    yaml_free(trace->doc);
    *trace = (struct trace){0};
}
