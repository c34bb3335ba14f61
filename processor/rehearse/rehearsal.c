#include "rehearse/rehearsal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "destinations/table.h"

/* As wide as the real ones: kafka/source_open.c. */
enum {
    WINDOW_MAX = 65536,
    PARTITIONS_PER_WORKER = 6,
    ACKNOWLEDGE_MS = 5,
    RECORDS_MAX = 100000,
    STEP_MS = 1000,
    SETTLE_MS_MAX = 600000, /* after the trace */
};

/* A day like any other; its date shows in the ids of outages alone. */
static const int64_t wall_ms = 1767225600000; /* 2026-01-01T00:00:00Z */

static void on_requested(void *context, const struct world_leg *legs, struct service_answer *answer,
                         bool is_in_fault)
{
    struct rehearsal *rehearsal = context;

    summary_requested(&rehearsal->summary, legs[0].destination, answer->count, is_in_fault);
}

static void on_settled(void *context, const struct world_leg *leg)
{
    struct rehearsal *rehearsal = context;
    uint64_t now_ms = world_now(rehearsal->world);

    summary_settled(&rehearsal->summary, leg, now_ms);
    if (leg->plan != NULL && (leg->position > 0 || leg->is_dead_letter) && !leg->is_part) {
        timeline_diverted(rehearsal->timeline, leg, rehearsal->trace->traffic[leg->tag].event,
                          now_ms);
    }
}

static void on_turned(void *context, const struct deliverer *d)
{
    struct rehearsal *rehearsal = context;

    timeline_look(rehearsal->timeline, d, world_now(rehearsal->world));
}

static void open_world(struct rehearsal *rehearsal)
{
    const struct config *config = rehearsal->config;
    int32_t partitions = (int32_t)config->workers * PARTITIONS_PER_WORKER;
    struct world_options options = {
        .seed = rehearsal->seed,
        .wall_ms = wall_ms,
        .workers = config->workers,
        .partitions = partitions,
        .window_max = MAX_OF(config->in_flight.events, (uint32_t)WINDOW_MAX),
        .answer_ms = rehearsal->trace->latency_ms,
        .acknowledge_ms = ACKNOWLEDGE_MS,
        .records_max = RECORDS_MAX,
        .metrics = rehearsal->metrics,
        .healthy = rehearsal->trace->healthy,
        .faults = &rehearsal->trace->faults,
        .watch = {.context = rehearsal,
                  .requested = on_requested,
                  .settled = on_settled,
                  .turned = on_turned},
    };

    rehearsal->pipeline->source_partitions = partitions;
    rehearsal->world = world_new(rehearsal->pipeline, &options);
    rehearsal->topic = source_topic_open(rehearsal->world);
    traffic_begin(rehearsal->traffic, rehearsal->world, rehearsal->topic, partitions);
}

/* An answer that the destination's own verdicts do not call delivered would be an outage that the
 * trace does not speak of. */
static void judge_healthy(const struct destination *to, const struct trace_healthy *healthy,
                          struct diags *diags)
{
    const struct http_reply reply = {.status = (int)healthy->status,
                                     .body = healthy->body,
                                     .headers = buf_span(&healthy->lines),
                                     .is_sent = true};
    struct item_result result = {.verdict = VERDICT_RETRY};
    const struct span id = SPAN("rehearsal");
    struct answer answer = {0};

    to->driver->read(to, &reply, &(struct answer_batch){&id, 1, &result}, &answer);
    if (answer.verdict == VERDICT_DELIVERED) {
        return;
    }
    if (healthy->place.file != NULL) {
        diag_error(diags, healthy->place,
                   "the verdicts of " SPAN_FMT " call this healthy answer %s, not delivered (%s)",
                   SPAN_ARG(to->config->name), verdict_word(answer.verdict), answer.text);
    } else {
        diag_error(diags, to->config->place,
                   "the verdicts of " SPAN_FMT " call a plain 200 %s, not delivered: say in the "
                   "trace what it answers when it is well: healthy: {" SPAN_FMT
                   ": {status: 200, body: '...'}}",
                   SPAN_ARG(to->config->name), verdict_word(answer.verdict),
                   SPAN_ARG(to->config->name));
    }
}

static bool is_healthy(const struct rehearsal *rehearsal, struct diags *diags)
{
    size_t errors_before = diags->error_count;

    for (size_t i = 0; i < rehearsal->config->destination_count; i++) {
        const struct destination *to = &rehearsal->pipeline->destinations[i];

        if (!to->config->type->is_topic && !to->driver->has_codes) {
            judge_healthy(to, &rehearsal->trace->healthy[i], diags);
        }
    }
    return diags->error_count == errors_before;
}

bool rehearsal_open(struct rehearsal *rehearsal, const struct config *config, struct trace *trace,
                    struct diags *diags)
{
    struct err err;

    rehearsal->config = config;
    rehearsal->trace = trace;
    rehearsal->pipeline = pipeline_compile(config, diags);
    if (rehearsal->pipeline == NULL) {
        return false;
    }
    if (pipeline_connect(rehearsal->pipeline, &err) != ERR_OK) {
        diag_error(diags, (struct place){.file = config->path}, "%s", err.text);
        return false;
    }
    if (!is_healthy(rehearsal, diags)) {
        return false;
    }
    rehearsal->traffic = traffic_new(trace, rehearsal->pipeline, wall_ms, diags);
    if (rehearsal->traffic == NULL) {
        return false;
    }
    rehearsal->metrics = metrics_new(config, config->workers, DETOUR_VERSION);
    rehearsal->timeline = timeline_new(config, trace);
    summary_init(&rehearsal->summary, config);
    open_world(rehearsal);
    return true;
}

void rehearsal_run(struct rehearsal *rehearsal)
{
    uint64_t for_ms = rehearsal->trace->for_ms;
    uint64_t at_ms = 0;
    struct metrics_totals totals;

    while (at_ms < for_ms ||
           (at_ms < for_ms + SETTLE_MS_MAX && !source_topic_is_drained(rehearsal->topic))) {
        at_ms = at_ms < for_ms ? MIN_OF(at_ms + STEP_MS, for_ms) : at_ms + STEP_MS;
        world_run(rehearsal->world, at_ms);
        if (rehearsal->progress != NULL) {
            progress_turn(rehearsal->progress, MIN_OF(at_ms, for_ms), NULL);
        }
    }
    rehearsal->settled_ms = source_topic_is_drained(rehearsal->topic) ? at_ms : 0;
    metrics_totals(rehearsal->metrics, &totals);
    rehearsal->dropped = totals.dropped;
    rehearsal->in_flight = world_in_flight(rehearsal->world);
    for (size_t i = 0; i < rehearsal->trace->traffic_count; i++) {
        rehearsal->produced += traffic_produced(rehearsal->traffic, i);
    }
    summary_sort(&rehearsal->summary);
}

void rehearsal_close(struct rehearsal *rehearsal)
{
    world_free(rehearsal->world);
    source_topic_free(rehearsal->topic);
    traffic_free(rehearsal->traffic);
    timeline_free(rehearsal->timeline);
    if (rehearsal->summary.asked != NULL) {
        summary_fini(&rehearsal->summary);
    }
    metrics_free(rehearsal->metrics);
    pipeline_free(rehearsal->pipeline);
}
