#include "observe/status.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "destinations/credential.h"
#include "observe/status_services.h"

enum {
    SAMPLE_GAP_MS = 1000,
    SAMPLES = 11, /* ten seconds lie between the first and the last */
    SECRET_TEXT_BYTES_MAX = 64 * 1024,
};

/* What each destination had taken at one moment. */
struct counts {
    uint64_t at_ms;
    uint64_t *taken; /* owned, by destination */
};

struct status {
    struct status_sources sources;
    int64_t started_wall_ms;
    struct counts samples[SAMPLES]; /* a ring */
    size_t taken;
    struct destination_view view; /* large, so not on the stack */
};

/* rates */

static uint64_t taken_by(const struct status *status, size_t destination)
{
    const struct status_sources *sources = &status->sources;
    uint64_t taken = metrics_taken_by(sources->metrics, destination);
    struct metrics_totals totals;

    if (&sources->config->destinations[destination] == sources->config->dead_letter) {
        metrics_totals(sources->metrics, &totals);
        taken += totals.dead_lettered;
    }
    return taken;
}

static void take_sample(struct status *status, uint64_t now_ms)
{
    struct counts *counts = &status->samples[status->taken++ % SAMPLES];

    counts->at_ms = now_ms;
    for (size_t i = 0; i < status->sources.config->destination_count; i++) {
        counts->taken[i] = taken_by(status, i);
    }
}

void status_tick(struct status *status, uint64_t now_ms)
{
    if (now_ms - status->samples[(status->taken - 1) % SAMPLES].at_ms >= SAMPLE_GAP_MS) {
        take_sample(status, now_ms);
    }
}

static double rate_of(const struct status *status, size_t destination, uint64_t now_ms)
{
    size_t oldest = status->taken < SAMPLES ? 0 : status->taken % SAMPLES;
    const struct counts *counts = &status->samples[oldest];
    uint64_t since = taken_by(status, destination) - counts->taken[destination];

    return now_ms <= counts->at_ms ? 0 : (double)since * 1000 / (double)(now_ms - counts->at_ms);
}

struct status *status_new(const struct status_sources *sources, uint64_t now_ms, int64_t wall_ms)
{
    PRE(sources->health != NULL);

    struct status *status = mem_new(struct status);

    status->sources = *sources;
    status->started_wall_ms = wall_ms;
    for (size_t i = 0; i < SAMPLES; i++) {
        status->samples[i].taken = mem_array(sources->config->destination_count, uint64_t);
    }
    take_sample(status, now_ms);
    return status;
}

void status_free(struct status *status)
{
    if (status == NULL) {
        return;
    }
    for (size_t i = 0; i < SAMPLES; i++) {
        free(status->samples[i].taken);
    }
    free(status);
}

/* the document */

static json_t *time_json(int64_t wall_ms)
{
    char text[CLOCK_ISO_BYTES];

    return json_string(clock_iso(wall_ms, text));
}

static json_t *word_or_null(const char *word, bool is_there)
{
    return is_there ? json_string(word) : json_null();
}

static json_t *count_json(uint64_t count)
{
    return json_integer((json_int_t)MIN_OF(count, (uint64_t)INT64_MAX));
}

static const char *override_word(enum breaker_force force)
{
    return force == FORCE_OPEN ? "open" : "closed";
}

/* What a destination said last, and how it was read. */
static json_t *last_answer_json(const struct last_answer *last_answer)
{
    json_t *out;

    if (last_answer->at_ms == 0) {
        return json_null();
    }
    out = json_object();
    json_object_set_new(out, "at", time_json(last_answer->at_ms));
    json_object_set_new(out, "verdict", json_string(verdict_word(last_answer->verdict)));
    json_object_set_new(out, "status",
                        last_answer->status == 0 ? json_null() : json_integer(last_answer->status));
    json_object_set_new(out, "code",
                        last_answer->has_code ? json_integer(last_answer->code) : json_null());
    json_object_set_new(out, "request_id",
                        word_or_null(last_answer->request_id, last_answer->request_id[0] != '\0'));
    json_object_set_new(out, "text", word_or_null(last_answer->text, last_answer->text[0] != '\0'));
    return out;
}

/* null: never */
static json_t *moment_json(int64_t at_ms)
{
    return at_ms == 0 ? json_null() : time_json(at_ms);
}

/* When an outage really began, and what it has cost; of none: null and zero. */
static void add_outage(json_t *out, const struct outage *outage)
{
    json_object_set_new(out, "began", moment_json(outage->began_at_ms));
    json_object_set_new(out, "opened", moment_json(outage->opened_at_ms));
    json_object_set_new(out, "diverted", count_json(outage->diverted));
    json_object_set_new(out, "dead_lettered", count_json(outage->dead_lettered));
}

/* What a cell and a destination's own breaker have in common. */
static void add_breaker(json_t *out, const struct cell_view *view, int64_t wall_ms)
{
    enum breaker_cause cause = cell_view_cause(view);
    bool is_waiting = view->force == FORCE_NONE && view->state == BREAKER_OPEN;

    json_object_set_new(out, "state", json_string(breaker_state_word(cell_view_state(view))));
    json_object_set_new(out, "cause", word_or_null(breaker_cause_word(cause), cause != CAUSE_NONE));
    json_object_set_new(out, "since", time_json(wall_ms - (int64_t)view->since_ms));
    json_object_set_new(out, "share", json_real(view->share));
    json_object_set_new(out, "outage", word_or_null(view->outage.id, view->outage.id[0] != '\0'));
    json_object_set_new(out, "override",
                        word_or_null(override_word(view->force), view->force != FORCE_NONE));
    json_object_set_new(out, "next_probe_in_ms",
                        is_waiting ? count_json(view->probe_in_ms) : json_null());
    json_object_set_new(out, "last_answer", last_answer_json(&view->last));
    json_object_set_new(out, "last_error", last_answer_json(&view->refused));
    add_outage(out, &view->outage);
}

static json_t *cells_json(const struct destination_view *view, int64_t wall_ms)
{
    json_t *cells = json_array();

    for (size_t i = 0; i < view->cell_count; i++) {
        const struct cell_view *cell = &view->cells[i];
        json_t *out = json_object();

        json_object_set_new(out, "event", json_stringn(cell->event.ptr, cell->event.len));
        add_breaker(out, cell, wall_ms);
        json_object_set_new(out, "k", json_integer(cell->k));
        json_object_set_new(out, "flapping", json_boolean(cell->is_flapping));
        json_array_append_new(cells, out);
    }
    return cells;
}

static json_t *verdicts_json(const struct status *status, size_t destination)
{
    uint64_t counts[VERDICT_COUNT];
    json_t *out = json_object();

    metrics_verdicts(status->sources.metrics, destination, counts);
    for (size_t v = 0; v < VERDICT_COUNT; v++) {
        json_object_set_new(out, verdict_word((enum verdict)v), count_json(counts[v]));
    }
    return out;
}

/* The credential an operator should look at. */
static json_t *secret_json(const struct config_destination *config)
{
    struct buf text;
    json_t *out;

    buf_init(&text, SECRET_TEXT_BYTES_MAX);
    credential_write(config, &text);
    out = json_string(buf_text(&text));
    buf_fini(&text);
    return out == NULL ? json_string("unprintable") : out; /* a path that is no UTF-8 */
}

/* Since when it asked for less, or refused the credential, and when it is asked again. */
static void add_pause(json_t *out, const struct pause_view *pause, int64_t wall_ms)
{
    json_object_set_new(out, "since", time_json(wall_ms - (int64_t)pause->for_ms));
    json_object_set_new(out, "next_probe_in_ms", count_json(pause->probe_in_ms));
    json_object_set_new(out, "last_answer", last_answer_json(&pause->last_answer));
}

static json_t *held_json(const struct config_destination *config, const struct pause_view *held,
                         int64_t wall_ms)
{
    json_t *out;

    if (held->workers == 0) {
        return json_null();
    }
    out = json_object();
    json_object_set_new(out, "secret", secret_json(config));
    add_pause(out, held, wall_ms);
    return out;
}

static json_t *throttle_json(const struct pause_view *throttled, int64_t wall_ms)
{
    json_t *out;

    if (throttled->workers == 0) {
        return json_null();
    }
    out = json_object();
    add_pause(out, throttled, wall_ms);
    return out;
}

/* Source ids that are refused alone, while the destination takes others. */
static json_t *sources_json(const struct destination_view *view, int64_t wall_ms)
{
    json_t *out = json_array();

    for (size_t i = 0; i < view->source_count; i++) {
        const struct held_source *held = &view->sources[i];

        json_array_append_new(out, json_pack("{s:s, s:o, s:o}", "source_id", held->id, "since",
                                             time_json(wall_ms - (int64_t)held->since_ms),
                                             "next_probe_in_ms", count_json(held->until_ms)));
    }
    return out;
}

static json_t *backfill_json(const struct status *status, size_t index)
{
    const struct config *config = status->sources.config;
    struct span from = config->destinations[index].backfill.from;
    struct backfill_numbers numbers;

    if (!metrics_backfill_of(status->sources.metrics, index, &numbers)) {
        return json_null();
    }
    return json_pack("{s:s%, s:o, s:o, s:o, s:o, s:o, s:o}", "from", from.ptr, from.len, "state",
                     word_or_null(numbers.state, numbers.state != NULL), "waiting",
                     numbers.is_known ? count_json(numbers.waiting) : json_null(), "left_s",
                     numbers.is_known && numbers.left_ms >= 0
                         ? json_integer((json_int_t)(numbers.left_ms / 1000))
                         : json_null(),
                     "kept", count_json(numbers.kept), "delivered", count_json(numbers.delivered),
                     "expired", count_json(numbers.expired));
}

static json_t *destination_json(struct status *status, size_t index, uint64_t now_ms,
                                int64_t wall_ms)
{
    const struct config_destination *config = &status->sources.config->destinations[index];
    struct destination_view *view = &status->view;
    json_t *out = json_object();

    health_look(status->sources.health, index, now_ms, view);
    json_object_set_new(out, "name", json_stringn(config->name.ptr, config->name.len));
    json_object_set_new(out, "type", json_string(config->type->name));
    add_breaker(out, &view->self, wall_ms);
    json_object_set_new(out, "scope", json_string(scope_word(view->scope)));
    json_object_set_new(out, "rate_per_s", json_real(rate_of(status, index, now_ms)));
    json_object_set_new(out, "verdicts", verdicts_json(status, index));
    json_object_set_new(out, "throttled", json_boolean(view->throttled.workers > 0));
    json_object_set_new(out, "throttle", throttle_json(&view->throttled, wall_ms));
    json_object_set_new(out, "held", held_json(config, &view->held, wall_ms));
    json_object_set_new(out, "held_sources", sources_json(view, wall_ms));
    json_object_set_new(out, "cells", cells_json(view, wall_ms));
    json_object_set_new(out, "backfill", backfill_json(status, index));
    return out;
}

/* outages: those that are over, oldest first, then those that go on */

struct outage_list {
    const struct config *config;
    json_t *array;
};

static void list_outage(const struct outage_list *list, const struct outage *outage,
                        struct span event)
{
    struct span destination = list->config->destinations[outage->destination].name;
    json_t *out = json_object();

    json_object_set_new(out, "id", json_string(outage->id));
    json_object_set_new(out, "destination", json_stringn(destination.ptr, destination.len));
    json_object_set_new(out, "event",
                        event.ptr == NULL ? json_null() : json_stringn(event.ptr, event.len));
    json_object_set_new(out, "cause", json_string(breaker_cause_word(outage->cause)));
    add_outage(out, outage);
    json_object_set_new(out, "closed", moment_json(outage->closed_at_ms));
    json_object_set_new(out, "last_error", last_answer_json(&outage->last_answer));
    json_array_append_new(list->array, out);
}

static void list_past(void *context, const struct outage *outage)
{
    list_outage(context, outage, span_of(outage->event));
}

static void list_present(const struct outage_list *list, const struct cell_view *view)
{
    if (view->outage.id[0] != '\0') {
        list_outage(list, &view->outage, view->event);
    }
}

static json_t *outages_json(struct status *status, uint64_t now_ms)
{
    const struct status_sources *sources = &status->sources;
    struct destination_view *view = &status->view;
    struct outage_list list = {sources->config, json_array()};

    (void)health_past_outages(sources->health, list_past, &list);
    for (size_t i = 0; i < sources->config->destination_count; i++) {
        health_look(sources->health, i, now_ms, view);
        list_present(&list, &view->self);
        for (size_t c = 0; c < view->cell_count; c++) {
            list_present(&list, &view->cells[c]);
        }
    }
    return list.array;
}

static json_t *blocked_json(const struct metrics_totals *totals)
{
    json_t *out = json_array();

    for (size_t r = 0; r < BLOCK_REASON_COUNT; r++) {
        if (totals->blocked[r] > 0) {
            json_array_append_new(out, json_pack("{s:s, s:o}", "reason",
                                                 block_word((enum block_reason)r), "partitions",
                                                 count_json(totals->blocked[r])));
        }
    }
    return out;
}

static json_t *totals_json(const struct metrics_totals *totals)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "consumed", count_json(totals->consumed),
                     "delivered", count_json(totals->delivered), "diverted",
                     count_json(totals->diverted), "dead_lettered",
                     count_json(totals->dead_lettered), "dropped", count_json(totals->dropped));
}

static json_t *instance_json(struct status *status, uint64_t now_ms, int64_t wall_ms)
{
    const struct status_sources *sources = &status->sources;
    struct metrics_totals totals;
    json_t *destinations = json_array();

    metrics_totals(sources->metrics, &totals);
    for (size_t i = 0; i < sources->config->destination_count; i++) {
        json_array_append_new(destinations, destination_json(status, i, now_ms, wall_ms));
    }
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:{s:o, s:o}, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "instance", sources->instance, "version", DETOUR_VERSION, "started",
        time_json(status->started_wall_ms), "workers", count_json(sources->config->workers),
        "in_flight", "events", count_json(totals.in_flight), "bytes",
        count_json(totals.in_flight_bytes), "blocked", blocked_json(&totals), "lag",
        count_json(metrics_lag_total(sources->metrics)), "totals", totals_json(&totals),
        "destinations", destinations, "outages", outages_json(status, now_ms), "oldest_unsettled_s",
        json_real((double)metrics_oldest_ms(sources->metrics) / 1000), "kafka",
        status_kafka(sources->cluster, now_ms, wall_ms), "registry",
        status_registry(sources->catalog, now_ms, wall_ms), "partitions",
        status_partitions(sources->metrics, now_ms, wall_ms));
}

static int add_text(const char *text, size_t len, void *context)
{
    buf_add(context, text, len);
    return 0;
}

void status_write(struct status *status, uint64_t now_ms, int64_t wall_ms, struct buf *out)
{
    json_t *document = json_array();

    json_array_append_new(document, instance_json(status, now_ms, wall_ms));
    (void)json_dump_callback(document, add_text, out, JSON_COMPACT | JSON_REAL_PRECISION(6));
    buf_add_char(out, '\n');
    json_decref(document);
}
