#include "rehearse/trace.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "destinations/table.h"
#include "trial/keys.h"

enum {
    LATENCY_MS = 150,
    FOR_MS_MAX = 24 * 3600 * 1000,
    EVENTS_MAX = 10000000, /* of one rehearsal */
    HEADERS_BYTES_MAX = 64 * 1024,
};

struct trace_reader {
    struct trace *trace;
    const struct config *config;
    struct diags *diags;
    bool is_long; /* `for` could not be read: a day stands in, so that the rest is looked at */
};

/* traffic */

#define AT(type, field) .offset = offsetof(struct type, field)
#define HAS(type, field) .offset_has = offsetof(struct type, field)

static const struct key traffic_rows[] = {
    {"event", KEY_TEXT, 1, AT(trace_traffic, event), .min = 1, .wanted = "an event type"},
    {"rate", KEY_RATE, 1, AT(trace_traffic, rate)},
    {"value", KEY_REAL, 1, AT(trace_traffic, value), HAS(trace_traffic, has_value)},
    {"currency", KEY_TEXT, 1, AT(trace_traffic, currency), .min = 3,
     .wanted = "three letters: EUR"},
    {"reader", KEY_TEXT, 1, AT(trace_traffic, reader), .min = 1,
     .wanted = "the name of a reader schema"},
    {"from", KEY_DURATION, 1, AT(trace_traffic, from_ms)},
    {"to", KEY_DURATION, 1, AT(trace_traffic, until_ms)},
};
static const struct keys traffic_keys = {traffic_rows, COUNT_OF(traffic_rows)};

static void read_stream(struct trace_reader *reader, const struct yaml_node *map)
{
    static const char what[] = "a line of traffic";
    struct trace *trace = reader->trace;
    struct trace_traffic *out = &trace->traffic[trace->traffic_count];

    *out = (struct trace_traffic){.place = map->place, .until_ms = trace->for_ms};
    if (!keys_read(&traffic_keys, 1, map, what, out, reader->diags) && map->kind != YAML_MAP) {
        return;
    }
    if (yaml_get(map, "event") == NULL) {
        keys_complain(reader->diags, map, what, "an event type");
    }
    if (yaml_get(map, "rate") == NULL) {
        keys_complain(reader->diags, map, what, "a rate above none: 100/s, 6/m");
    }
    if (out->currency.len > 3) {
        keys_complain(reader->diags, yaml_get(map, "currency"), "currency", "three letters: EUR");
    }
    fault_check_stretch(map, "these events", out->from_ms, out->until_ms, trace->for_ms,
                        reader->diags);
    out->until_ms = MIN_OF(out->until_ms, trace->for_ms);
    trace->traffic_count++;
}

static void read_traffic(struct trace_reader *reader, const struct yaml_node *list)
{
    struct trace *trace = reader->trace;
    double events = 0;

    if (list->kind != YAML_LIST || list->count == 0) {
        keys_complain(reader->diags, list, "traffic",
                      "a list of events with their rates: [{event: Purchase, rate: 100/s}]");
        return;
    }
    if (list->count > TRACE_TRAFFIC_MAX) {
        diag_error(reader->diags, list->place, "traffic has %zu lines; at most %d", list->count,
                   TRACE_TRAFFIC_MAX);
        return;
    }
    trace->traffic = mem_array(list->count, struct trace_traffic);
    for (size_t i = 0; i < list->count; i++) {
        read_stream(reader, list->items[i]);
    }
    for (size_t i = 0; i < trace->traffic_count; i++) {
        events += trace->traffic[i].rate * (double)trace->for_ms / 1000.0;
    }
    if (events > EVENTS_MAX && !reader->is_long) {
        diag_error(reader->diags, list->place,
                   "that is %.0f events in all; at most %d: lower the rates, or `for`", events,
                   EVENTS_MAX);
    }
}

/* destinations */

static const struct config_destination *find_destination(struct trace_reader *reader,
                                                         const struct yaml_pair *pair)
{
    const struct config *config = reader->config;
    const struct config_destination *destination = config_find(config, pair->key);
    const char *names[64];
    size_t count = MIN_OF(config->destination_count, COUNT_OF(names));

    for (size_t i = 0; i < count; i++) {
        names[i] = config->destinations[i].name.ptr;
    }
    if (destination == NULL) {
        diag_error(reader->diags, pair->place, "the configuration has no destination %s%s",
                   log_quote(pair->key), did_you_mean(suggest(pair->key, names, count)).text);
    }
    return destination;
}

static enum fault_answerer answerer_of(const struct driver *driver)
{
    return driver->section.is_topic ? ANSWERER_TOPIC
           : driver->has_codes      ? ANSWERER_CODES
                                    : ANSWERER_HTTP;
}

static void read_rules(struct trace_reader *reader, const struct yaml_pair *pair)
{
    const struct config_destination *destination = find_destination(reader, pair);
    struct trace *trace = reader->trace;
    struct span events[TRACE_TRAFFIC_MAX];
    struct fault_reader rules = {.events = events,
                                 .event_count = trace->traffic_count,
                                 .end_ms = trace->for_ms,
                                 .diags = reader->diags};

    if (destination == NULL) {
        return;
    }
    if (pair->value->kind != YAML_LIST) {
        keys_complain(reader->diags, pair->value, "a destination",
                      "a list of rules: [{from, to, answer}]");
        return;
    }
    for (size_t i = 0; i < trace->traffic_count; i++) {
        events[i] = trace->traffic[i].event;
    }
    rules.destination = (size_t)(destination - reader->config->destinations);
    rules.type = destination->type->name;
    rules.answerer = answerer_of(driver_of(destination));
    faults_read(&rules, pair->value, &trace->faults);
}

static const struct key healthy_rows[] = {
    {"status", KEY_NUMBER, 1, AT(trace_healthy, status), .min = 200, .max = 599,
     .wanted = "an HTTP status"},
    {"body", KEY_TEXT, 1, AT(trace_healthy, body), .wanted = "a text: '{\"ok\": true}'"},
    {"headers", KEY_NODE, 1, AT(trace_healthy, headers)},
};
static const struct keys healthy_keys = {healthy_rows, COUNT_OF(healthy_rows)};

static bool is_headers(const struct yaml_node *node)
{
    bool is_good = node->kind == YAML_MAP && node->count <= TRACE_HEADERS_MAX;

    for (size_t i = 0; is_good && i < node->count; i++) {
        is_good = node->pairs[i].value->kind == YAML_SCALAR;
    }
    return is_good;
}

static void read_healthy(struct trace_reader *reader, const struct yaml_pair *pair)
{
    const struct config_destination *destination = find_destination(reader, pair);
    struct trace_healthy *out;

    if (destination == NULL) {
        return;
    }
    if (answerer_of(driver_of(destination)) != ANSWERER_HTTP) {
        diag_error(reader->diags, pair->place,
                   "only a destination of type http has a healthy answer of its own");
        return;
    }
    out = &reader->trace->healthy[destination - reader->config->destinations];
    out->place = pair->place;
    (void)keys_read(&healthy_keys, 1, pair->value, "a healthy answer", out, reader->diags);
    if (out->headers != NULL && !is_headers(out->headers)) {
        keys_complain(reader->diags, out->headers, "headers",
                      "a map of at most 16 names and texts");
        return;
    }
    for (size_t i = 0; out->headers != NULL && i < out->headers->count; i++) {
        buf_printf(&out->lines, SPAN_FMT ": " SPAN_FMT "\n", SPAN_ARG(out->headers->pairs[i].key),
                   SPAN_ARG(out->headers->pairs[i].value->text));
    }
}

/* the frame */

struct trace_file {
    uint64_t for_ms, latency_ms;
    const struct yaml_node *traffic, *destinations, *healthy;
};

static const struct key frame_rows[] = {
    {"for", KEY_DURATION, 1, AT(trace_file, for_ms)},
    {"latency", KEY_DURATION, 1, AT(trace_file, latency_ms)},
    {"traffic", KEY_NODE, 1, AT(trace_file, traffic)},
    {"destinations", KEY_NODE, 1, AT(trace_file, destinations)},
    {"healthy", KEY_NODE, 1, AT(trace_file, healthy)},
};
static const struct keys frame_keys = {frame_rows, COUNT_OF(frame_rows)};

static void read_length(struct trace_reader *reader, const struct yaml_node *root, uint64_t for_ms)
{
    const struct yaml_node *node = yaml_get(root, "for");

    reader->is_long = for_ms == 0 || for_ms > FOR_MS_MAX;
    reader->trace->for_ms = reader->is_long ? FOR_MS_MAX : for_ms;
    if (node == NULL) {
        keys_complain(reader->diags, root, "a trace", "how long it is: for: 5m");
    } else if (reader->is_long && for_ms != UINT64_MAX) {
        keys_complain(reader->diags, node, "for", "more than nothing and at most a day");
    }
}

/* @map of destinations' names to what @read reads. */
static void read_each(struct trace_reader *reader, const struct yaml_node *map, const char *what,
                      void (*read)(struct trace_reader *, const struct yaml_pair *))
{
    if (map != NULL && map->kind != YAML_MAP) {
        keys_complain(reader->diags, map, what, "a map of destinations' names");
        return;
    }
    for (size_t i = 0; map != NULL && i < map->count; i++) {
        read(reader, &map->pairs[i]);
    }
}

static void read_frame(struct trace_reader *reader, const struct yaml_node *root)
{
    struct trace *trace = reader->trace;
    struct trace_file frame = {.for_ms = UINT64_MAX, .latency_ms = LATENCY_MS};

    (void)keys_read(&frame_keys, 1, root, "a trace", &frame, reader->diags);
    if (root->kind != YAML_MAP) {
        return;
    }
    read_length(reader, root, frame.for_ms);
    trace->latency_ms = frame.latency_ms;
    read_traffic(reader, frame.traffic == NULL ? root : frame.traffic);
    read_each(reader, frame.destinations, "destinations", read_rules);
    read_each(reader, frame.healthy, "healthy", read_healthy);
}

bool trace_load(const char *path, const struct config *config, struct trace *out,
                struct diags *diags)
{
    struct trace_reader reader = {.trace = out, .config = config, .diags = diags};
    size_t errors_before = diags->error_count;

    *out = (struct trace){.healthy_count = config->destination_count};
    out->healthy = mem_array(config->destination_count, struct trace_healthy);
    for (size_t i = 0; i < out->healthy_count; i++) {
        out->healthy[i].status = 200;
        buf_init(&out->healthy[i].lines, HEADERS_BYTES_MAX);
    }
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
    faults_fini(&trace->faults);
    free(trace->traffic);
    for (size_t i = 0; i < trace->healthy_count; i++) {
        buf_fini(&trace->healthy[i].lines);
    }
    free(trace->healthy);
    yaml_free(trace->doc);
    *trace = (struct trace){0};
}
