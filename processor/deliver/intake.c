/*
 * Happy path: unframe, find the writer, decode, facts, match; plan the legs and render
 * the items of those that start at an Events API; one block of memory; legs set out.
 *
 * It can fail, in order: no value or no framing, bytes that do not decode (decode_failed);
 * a schema nobody knows (schema_unknown) or that cannot be read as ours
 * (schema_incompatible), or that the registry has yet to give (parked); no usable event
 * type (contract); no route (unmatched: dead letter or drop); no item (contract, too_large:
 * that leg alone).
 */
#include "deliver/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deliver/dispatch.h"
#include "deliver/fate.h"
#include "deliver/item.h"
#include "deliver/selection.h"
#include "kafka/headers.h"

enum { PARKED_BYTES_LEAST = 1024, ASKED_AGAIN_MAX = 2000, SWEEP_MS = 500 };

struct planned_leg {
    const struct config_route *route;
    const struct config_leg *plan;
    struct selection selection;
    size_t item_from, item_len; /* in d->render */
    enum reason failed;         /* NONE: sets out; else dead-lettered at once */
    char text[160];
};

void intake_init(struct intake *intake, struct deliverer *d, int wake_fd)
{
    *intake = (struct intake){.d = d, .wake_fd = wake_fd};
    /* They are counted apart from what is in flight, whose room stays free for others. */
    intake->parked_bytes_max =
        MAX_OF(d->pipeline->config->schemas.registry.waiting_bytes, (uint64_t)PARKED_BYTES_LEAST);
}

void intake_fini(struct intake *intake)
{
    free(intake->plans);
    *intake = (struct intake){0};
}

/* The library keeps them as they came and as they were asked for. */
static size_t header_bytes(const struct deliverer *d, const rd_kafka_message_t *message)
{
    return headers_bytes(d->io->headers(message)) * 2;
}

/* whole-event dead letters and parking */

static struct event *take_whole(struct intake *intake, rd_kafka_message_t *message,
                                struct source_partition *partition, const struct facts *facts)
{
    struct deliverer *d = intake->d;
    size_t type_len = facts == NULL ? 0 : facts->type.len;
    size_t id_len = facts == NULL ? 0 : facts->id.len;
    struct event *event = event_new(
        &d->events, &(struct event_from){message, partition, header_bytes(d, message), d->now_ms},
        1, type_len + id_len);

    if (facts != NULL) {
        (void)event_describe(event, facts);
    }
    return event;
}

static void dead_letter(struct intake *intake, rd_kafka_message_t *message,
                        struct source_partition *partition, const struct facts *facts,
                        enum reason reason, const char *text)
{
    struct event *event = take_whole(intake, message, partition, facts);

    (void)leg_set_error(&event->legs[0], NULL, text);
    dispatch_dead_letter(intake->d, &event->legs[0], reason);
}

static void block(const struct intake *intake, struct source_partition *partition, bool is_blocked)
{
    const struct io *io = intake->d->io;

    io->block(io->context, partition, BLOCK_SCHEMA_REGISTRY, is_blocked);
}

/* One id may have half of the room: the other half is for those that are answered soon. */
static bool takes_too_much(const struct intake *intake, uint64_t bytes_of_its_id)
{
    return intake->d->events.waiting.bytes >= intake->parked_bytes_max ||
           bytes_of_its_id >= intake->parked_bytes_max / 2;
}

static void tell_parked(struct intake *intake, const rd_kafka_message_t *message, uint64_t key)
{
    struct message_view view;

    intake->parked_since_ms = intake->d->now_ms;
    intake->d->io->view(message, &view);
    LOG_INFO("schema.waiting",
             "id=%llu topic=%s partition=%d offset=%lld why=\"the registry has not given it\"",
             (unsigned long long)key, LOG_S(view.topic), message->partition,
             (long long)message->offset);
}

static void park(struct intake *intake, rd_kafka_message_t *message,
                 struct source_partition *partition, uint64_t key)
{
    struct event *event = take_whole(intake, message, partition, NULL);
    struct waiting *waiting = &intake->d->events.waiting;

    waiting_join(waiting, &event->waits, key, event->bytes);
    if (waiting->events == 1) {
        tell_parked(intake, message, key);
    }
    if (waiting_count(&event->waits) == 2) {
        catalog_want(intake->d->pipeline->catalog, key);
    }
    if (partition != NULL) {
        partition->waiting_schemas++;
    }
    if (partition != NULL && takes_too_much(intake, waiting_bytes(&event->waits))) {
        intake->is_over_share = true;
        block(intake, partition, true);
    }
}

/* planning */

static struct planned_leg *add_plan(struct intake *intake)
{
    if (intake->plan_count == intake->plan_cap) {
        intake->plan_cap = intake->plan_cap == 0 ? 8 : intake->plan_cap * 2;
        intake->plans = mem_grow(intake->plans, intake->plan_cap, sizeof(struct planned_leg));
    }
    return &intake->plans[intake->plan_count++];
}

static void render(struct deliverer *d, struct planned_leg *plan, const struct selection_for *of,
                   const struct event_view *view)
{
    size_t from = d->render.len;
    struct err err;
    struct rendering event = {.view = view, .event_id = of->event_id};
    enum err_code rc =
        item_render(d, plan->plan->chain[plan->selection.position], &event, &d->render, &err);

    if (rc != ERR_OK) {
        selection_cancel(d, of, &plan->selection);
        plan->selection.is_canary = false;
        plan->failed = item_failure(rc);
        (void)snprintf(plan->text, sizeof(plan->text), "%.159s", err.text);
        return;
    }
    plan->item_from = from;
    plan->item_len = d->render.len - from;
}

static void plan_leg(struct intake *intake, const struct config_route *route,
                     const struct config_leg *leg, const struct event_view *view,
                     struct span event_id)
{
    struct planned_leg *plan = add_plan(intake);
    const struct selection_for of = {.plan = leg,
                                     .priority = route->priority,
                                     .event_type = view->facts.type,
                                     .event_id = event_id,
                                     .event_time_ms = view->facts.time_ms};

    plan->route = route;
    plan->plan = leg;
    plan->item_from = 0;
    plan->item_len = 0;
    plan->failed = REASON_NONE;
    selection_make(intake->d, &of, 0, &plan->selection);
    if (plan->selection.position < leg->count &&
        !leg->chain[plan->selection.position]->type->is_topic) {
        render(intake->d, plan, &of, view);
    }
}

static void plan_route(struct intake *intake, const struct config_route *route,
                       const struct event_view *view, struct span event_id)
{
    const struct leg_choice *choice = &intake->choice;

    for (size_t i = 0; i < route->leg_count; i++) {
        if (choice->context == NULL || choice->takes(choice->context, route, &route->legs[i])) {
            plan_leg(intake, route, choice->plan == NULL ? &route->legs[i] : choice->plan, view,
                     event_id);
        }
    }
}

/* Every attempt and every replay must carry the same id: it comes from where the event stands. */
static struct span derive_id(const struct message_view *message, struct arena *arena)
{
    size_t bytes = message->topic.len + 48;
    char *text = arena_alloc(arena, bytes);
    int len;

    if (text == NULL) {
        return SPAN_NONE;
    }
    len = snprintf(text, bytes, SPAN_FMT "-%d-%lld", SPAN_ARG(message->topic), message->partition,
                   (long long)message->offset);
    return (struct span){text, len < 0 ? 0 : (size_t)len};
}

static struct event *make_event(struct intake *intake, rd_kafka_message_t *message,
                                struct source_partition *partition, const struct writer *writer,
                                const struct facts *facts)
{
    struct deliverer *d = intake->d;
    size_t extra = facts->type.len + facts->id.len + d->render.len;
    struct event *event = event_new(
        &d->events, &(struct event_from){message, partition, header_bytes(d, message), d->now_ms},
        intake->plan_count, extra);
    char *at = event_describe(event, facts);

    if (d->render.len > 0) {
        memcpy(at, d->render.ptr, d->render.len);
    }
    event->writer = writer;
    for (size_t i = 0; i < intake->plan_count; i++) {
        const struct planned_leg *plan = &intake->plans[i];
        struct leg *leg = &event->legs[i];

        leg->route = plan->route;
        leg->plan = plan->plan;
        memcpy(leg->outage, intake->choice.outage, sizeof(leg->outage));
        leg_select(leg, &plan->selection);
        leg->item = (struct span){at + plan->item_from, plan->item_len};
    }
    return event;
}

static void set_out(struct intake *intake, struct event *event, const struct event_view *view)
{
    for (size_t i = 0; i < intake->plan_count; i++) {
        const struct planned_leg *plan = &intake->plans[i];
        struct leg *leg = &event->legs[i];

        if (plan->failed == REASON_NONE) {
            dispatch_leg(intake->d, leg, view);
        } else {
            (void)leg_set_error(leg, leg_destination(leg), plan->text);
            dispatch_dead_letter(intake->d, leg, plan->failed);
        }
    }
}

static void settle_dropped(struct intake *intake, rd_kafka_message_t *message,
                           struct source_partition *partition, const struct facts *facts,
                           const struct route_result *routes)
{
    const struct io *io = intake->d->io;

    if (partition != NULL) {
        struct settled settled = fate_of_dropped(intake->d, facts, routes);

        io->settle(io->context, partition, partition->epoch, message->offset, &settled);
    }
    io->release(message);
}

static void handle_unmatched(struct intake *intake, rd_kafka_message_t *message,
                             struct source_partition *partition, const struct facts *facts,
                             const struct route_result *routes)
{
    const struct config *config = intake->d->pipeline->config;

    if (config->unmatched == UNMATCHED_DROP) {
        metrics_dropped(intake->d->metrics, config->route_count);
        settle_dropped(intake, message, partition, facts, routes);
    } else {
        dead_letter(intake, message, partition, facts, REASON_UNMATCHED,
                    "no route takes this event");
    }
}

static void route_event(struct intake *intake, rd_kafka_message_t *message,
                        struct source_partition *partition, const struct writer *writer,
                        struct event_view *view)
{
    struct deliverer *d = intake->d;
    const struct config *config = d->pipeline->config;
    struct route_result routes;
    struct event *event;
    bool has_drops = false;

    if (span_trim(view->facts.id).len == 0) { /* blank ones would all be one event */
        view->facts.id = derive_id(view->message, &d->scratch);
    }
    if (view->facts.is_time_assumed) {
        metrics_times_assumed(d->metrics, 1);
    }
    route_match(d->pipeline->routes, view, &d->scratch, &routes);
    if (intake->choice.context != NULL) {
        intake->choice.begin(intake->choice.context, message, view, &routes);
    }
    if (routes.count == 0 && !deliverer_is_background(d)) {
        handle_unmatched(intake, message, partition, &view->facts, &routes);
        return;
    }
    intake->plan_count = 0;
    buf_clear(&d->render);
    for (uint32_t i = 0; i < routes.count; i++) {
        const struct config_route *route = &config->routes[routes.routes[i]];

        INVARIANT(route->drop.ptr != NULL || route->leg_count > 0); /* else its events vanish */
        if (route->drop.ptr != NULL) {
            metrics_dropped(d->metrics, routes.routes[i]);
            has_drops = true;
        } else {
            plan_route(intake, route, view, view->facts.id);
        }
    }
    if (intake->plan_count == 0 && intake->choice.context != NULL && !has_drops) {
        intake->choice.left_out(intake->choice.context, message, partition);
        return;
    }
    if (intake->plan_count == 0) {
        settle_dropped(intake, message, partition, &view->facts, &routes);
        return;
    }
    event = make_event(intake, message, partition, writer, &view->facts);
    event->dropped = has_drops ? fate_of_drops(d, &routes) : NO_FATE;
    set_out(intake, event, view);
}

/* writers */

static const struct writer *find_writer(struct intake *intake, uint64_t key)
{
    size_t slot = (size_t)((key * 0x9e3779b97f4a7c15u) >> 56) % INTAKE_WRITERS;
    const struct writer *writer;

    if (intake->writers[slot].writer != NULL && intake->writers[slot].key == key) {
        return intake->writers[slot].writer;
    }
    writer = catalog_writer(intake->d->pipeline->catalog, key, intake->wake_fd);
    if (writer->state == WRITER_READY) {
        intake->writers[slot].key = key;
        intake->writers[slot].writer = writer;
    }
    return writer;
}

static void process(struct intake *intake, rd_kafka_message_t *message,
                    struct source_partition *partition)
{
    struct deliverer *d = intake->d;
    const struct writer *writer;
    struct decoded decoded;
    struct frame frame;
    struct view_source from;
    enum reason reason = REASON_DECODE_FAILED;
    struct err err;

    arena_reset(&d->scratch);
    d->io->view(message, &decoded.message);
    if (decoded.message.value.ptr == NULL) {
        dead_letter(intake, message, partition, NULL, REASON_DECODE_FAILED,
                    "the record has no value (a tombstone)");
        return;
    }
    if (catalog_unframe(d->pipeline->catalog, decoded.message.value, &frame, &err) != ERR_OK) {
        dead_letter(intake, message, partition, NULL, REASON_DECODE_FAILED, err.text);
        return;
    }
    if (waiting_has(&d->events.waiting, frame.key)) { /* no need to ask: others wait */
        park(intake, message, partition, frame.key);
        return;
    }
    writer = find_writer(intake, frame.key);
    switch (writer->state) {
    case WRITER_PENDING:
        park(intake, message, partition, frame.key);
        return;
    case WRITER_UNKNOWN:
        dead_letter(intake, message, partition, NULL, REASON_SCHEMA_UNKNOWN, writer->text);
        return;
    case WRITER_INCOMPATIBLE:
        dead_letter(intake, message, partition, NULL, REASON_SCHEMA_INCOMPATIBLE, writer->text);
        return;
    case WRITER_READY:
        break;
    }
    from = (struct view_source){writer, frame.payload, d->wall_ms, &d->scratch};
    if (view_decode(d->pipeline, &from, &decoded, &reason, &err) != ERR_OK) {
        dead_letter(intake, message, partition, NULL, reason, err.text);
        return;
    }
    route_event(intake, message, partition, writer, &decoded.view);
}

void intake_take(struct intake *intake, rd_kafka_message_t *message,
                 struct source_partition *partition)
{
    if (!deliverer_is_background(intake->d)) {
        metrics_consumed(intake->d->metrics, 1);
    }
    process(intake, message, partition);
    dispatch_outcomes(intake->d);
}

static void unblock(void *context, struct waiting_entry *waits)
{
    const struct event *event = CONTAINER_OF(waits, struct event, waits);

    if (event->partition != NULL) {
        block(context, event->partition, false);
    }
}

/* Half of the room is free again: whoever waits for an id with few events may go on. */
static void relax(struct intake *intake)
{
    const struct waiting *waiting = &intake->d->events.waiting;

    if (intake->is_over_share && waiting->bytes <= intake->parked_bytes_max / 2) {
        intake->is_over_share =
            !waiting_each(waiting, intake->parked_bytes_max / 4, unblock, intake);
    }
}

static void answer(struct intake *intake, uint64_t key)
{
    if (find_writer(intake, key)->state != WRITER_PENDING) {
        waiting_answer(&intake->d->events.waiting, key);
    }
}

/* Those the catalog had no room for, and those that were answered unheard: @count ids, in turn. */
static void sweep(struct intake *intake, size_t count)
{
    struct waiting *waiting = &intake->d->events.waiting;
    uint64_t key;

    for (size_t i = 0; i < count && waiting_next_id(waiting, &key); i++) {
        answer(intake, key);
    }
    intake->swept_ms = intake->d->now_ms;
    relax(intake);
}

void intake_ask_again(struct intake *intake)
{
    struct waiting *waiting = &intake->d->events.waiting;
    uint64_t keys[CATALOG_ANSWERS];
    size_t count;

    if (waiting->events == 0) {
        return;
    }
    count =
        catalog_answers(intake->d->pipeline->catalog, &intake->answers_seen, keys, intake->wake_fd);
    for (size_t i = 0; i < count && count != SIZE_MAX; i++) {
        if (waiting_has(waiting, keys[i])) {
            answer(intake, keys[i]);
        }
    }
    if (count == SIZE_MAX) {
        sweep(intake, waiting_ids(waiting));
    } else if (intake->d->now_ms - intake->swept_ms >= SWEEP_MS) {
        sweep(intake, MIN_OF(waiting_ids(waiting), (size_t)ASKED_AGAIN_MAX));
    }
}

bool intake_take_ready(struct intake *intake)
{
    struct waiting *waiting = &intake->d->events.waiting;
    struct event *event;
    struct source_partition *partition;
    rd_kafka_message_t *message;

    if (waiting->ready.first == NULL) {
        return false;
    }
    event = CONTAINER_OF(waiting->ready.first, struct event, waits);
    partition = event->partition;
    message = event_release(&intake->d->events, event);
    if (partition != NULL && partition->waiting_schemas > 0) {
        partition->waiting_schemas--;
        if (partition->waiting_schemas == 0) {
            block(intake, partition, false);
        }
    }
    process(intake, message, partition);
    dispatch_outcomes(intake->d);
    if (waiting->events == 0) {
        LOG_INFO("schema.arrived", "waited_ms=%llu",
                 (unsigned long long)(intake->d->now_ms - intake->parked_since_ms));
    }
    return true;
}
