/*
 * Happy path: a request is filled (bytes borrowed from the event, headers made), the
 * producer takes it, its report comes: delivered or dead-lettered, settled.
 *
 * It can fail: no UTM record can be made (dead letter); the topic cannot be written
 * (stuck: the partition is blocked by name until it can); the record is too large (an
 * alternate: next in the chain; the dead letter: in parts, halved until they fit, or as
 * stuck until the topic takes larger records); the topic refuses something else about the
 * record (it is repaired; then as too large, and the dead letter as stuck); the producer was
 * cancelled (hard stop or lost partition: the offset is not settled).
 */
#include "deliver/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deliver/backlog.h"
#include "deliver/item.h"
#include "deliver/record_headers.h"
#include "deliver/repair.h"
#include "kafka/produce_errors.h"

enum {
    HEADERS_BYTES_MOST = 8192, /* of our headers and what else a record has, generously */
    HEADERS_TEXT_BYTES_MAX = 512 * 1024 * 1024,
};

void records_init(struct deliverer *d)
{
    d->backlogs = mem_array(d->pipeline->config->destination_count, struct backlog);
    d->repairs = mem_array(d->pipeline->config->destination_count, struct repair_memory);
}

void records_fini(struct deliverer *d)
{
    free(d->backlogs);
    free(d->repairs);
    d->backlogs = NULL;
    d->repairs = NULL;
}

/* One log line when a partition begins to wait and one when it goes on, however many records. */
static void on_stuck(struct produce_request *request, bool is_stuck, const char *why)
{
    struct leg *leg = CONTAINER_OF(request, struct leg, request);
    struct deliverer *d = request->context;
    struct message_view message;

    if (!backlog_stuck(d, leg, is_stuck)) {
        return;
    }
    d->io->view(leg->event->message, &message);
    if (is_stuck) {
        LOG_ERROR("record.stuck",
                  "topic=%s why=%s source_topic=%s partition=%d offset=%lld "
                  "way_out=\"%s; detour goes on by itself\"",
                  LOG_Q(request->topic), LOG_Q(why), LOG_S(message.topic), message.partition,
                  (long long)message.offset, produce_way_out(request->error));
    } else {
        LOG_INFO("record.unstuck", "topic=%s source_topic=%s partition=%d", LOG_Q(request->topic),
                 LOG_S(message.topic), message.partition);
    }
}

static size_t record_bytes(const struct leg *leg)
{
    return leg->request.value.len + leg->request.key.len + leg->header_bytes / 2;
}

static void fill_request(struct deliverer *d, struct leg *leg, const char *topic, struct span value,
                         rd_kafka_headers_t *headers,
                         void (*done)(struct produce_request *, enum produce_result))
{
    struct message_view message;

    d->io->view(leg->event->message, &message);
    leg->request = (struct produce_request){
        .topic = topic,
        .key = (leg->repaired & REPAIR_KEY) != 0 ? repair_key(d, leg) : message.key,
        .value = value,
        .timestamp_ms = repair_timestamp(d, leg),
        .headers = headers,
        .done = done,
        .stuck = on_stuck,
        .context = d,
        .must_go = leg->waits_for_topic,
    };
    leg->header_bytes = headers_bytes(headers) * 2; /* the library takes a copy */
    leg->request.is_alone =
        leg->was_refused || (leg->part_count == 0 && repair_is_large(d, leg, record_bytes(leg)));
    event_own(&d->events, leg->event, (int64_t)leg->header_bytes);
    backlog_add(d, leg);
}

/* The source record's value: of a diverted record being backfilled the one inside it. */
static struct span original_value(const struct deliverer *d, const struct leg *leg)
{
    struct message_view message;

    d->io->view(leg->event->message, &message);
    return message.value;
}

/* The request is over: its headers were kept for producing it again. */
static void end_request(struct deliverer *d, struct leg *leg)
{
    backlog_remove(d, leg);
    event_own(&d->events, leg->event, -(int64_t)leg->header_bytes);
    if (leg->request.headers != NULL) {
        rd_kafka_headers_destroy(leg->request.headers);
        leg->request.headers = NULL;
    }
}

/* What the broker said of one record, by the names of Kafka's protocol. */
static void count_report(struct deliverer *d, const struct config_destination *to,
                         const struct produce_request *request, enum produce_result result)
{
    rd_kafka_resp_err_t error =
        result == PRODUCE_ACKNOWLEDGED ? RD_KAFKA_RESP_ERR_NO_ERROR : request->error;

    if (result != PRODUCE_CANCELLED) {
        metrics_answer(d->metrics, pipeline_index(d->pipeline, to),
                       span_of(rd_kafka_err2name(error)));
    }
}

static void count_delivery(struct deliverer *d, const struct leg *leg,
                           const struct config_destination *to, enum verdict verdict)
{
    metrics_delivery(d->metrics, pipeline_index(d->pipeline, to), leg->event->type, verdict, 1);
}

/* alternates and Kafka primaries */

static void send_copy(struct deliverer *d, struct leg *leg);

/* Repaired, or the next in the chain has it. */
static void on_refused(struct deliverer *d, struct leg *leg)
{
    rd_kafka_resp_err_t error = leg->request.error;
    struct last_error *last;

    if (repair_more(d, leg, error)) {
        leg->was_refused = true;
        send_copy(d, leg);
        return;
    }
    repair_tell_refused(d, leg, error);
    count_delivery(d, leg, leg_destination(leg), VERDICT_REJECTED);
    last = leg_set_error(leg, leg_destination(leg), "the topic refuses the record: ");
    (void)snprintf(last->text, sizeof(last->text), "the topic refuses the record: %s",
                   rd_kafka_err2str(error));
    last->is_answer = true;
    last->verdict = VERDICT_REJECTED;
    last->has_code = true;
    last->code = error;
    leg->outcome = MAX_OF(leg->outcome, (uint8_t)OUTCOME_REJECTED);
    outcome_report(&d->outcomes, leg, LEG_FAILED, REASON_REJECTED);
}

static void on_record(struct produce_request *request, enum produce_result result)
{
    struct leg *leg = CONTAINER_OF(request, struct leg, request);
    struct deliverer *d = request->context;

    end_request(d, leg);
    count_report(d, leg_destination(leg), request, result);
    switch (result) {
    case PRODUCE_ACKNOWLEDGED:
        count_delivery(d, leg, leg_destination(leg), VERDICT_DELIVERED);
        repair_learn(d, leg);
        outcome_report(&d->outcomes, leg, LEG_DELIVERED, REASON_NONE);
        return;
    case PRODUCE_TOO_LARGE:
        repair_learn_size(d, leg, record_bytes(leg));
        count_delivery(d, leg, leg_destination(leg), VERDICT_REJECTED);
        (void)leg_set_error(leg, leg_destination(leg), "the topic refuses the record's size");
        outcome_report(&d->outcomes, leg, LEG_FAILED, REASON_TOO_LARGE);
        return;
    case PRODUCE_REFUSED:
        on_refused(d, leg);
        return;
    case PRODUCE_CANCELLED:
        outcome_report(&d->outcomes, leg, LEG_CANCELLED, REASON_NONE);
        return;
    }
}

/* The record, kept until its report. */
static enum err_code render_record(struct deliverer *d, struct leg *leg,
                                   const struct event_view *view, struct err *err)
{
    struct rendering event = {
        .view = view,
        .event_id = leg->event->id,
        .first = leg->plan->chain[0]->name,
        .reason = leg->reason == REASON_NONE ? SPAN("") : span_of(reason_word(leg->reason)),
        .outage = span_of(leg->outage[0] == '\0' ? NULL : leg->outage)};
    enum err_code rc;

    buf_clear(&d->record);
    rc = item_render(d, leg_destination(leg), &event, &d->record, err);
    if (rc == ERR_OK) {
        leg_own_item(&d->events, leg, buf_span(&d->record));
    }
    return rc;
}

static void send_copy(struct deliverer *d, struct leg *leg)
{
    const struct config_destination *config = leg_destination(leg);
    const struct destination *to = &d->pipeline->destinations[pipeline_index(d->pipeline, config)];
    const rd_kafka_headers_t *original = d->io->headers(leg->event->message);
    bool is_primary = leg->reason == REASON_NONE;

    fill_request(d, leg, to->topic, to->sends_original ? original_value(d, leg) : leg->item,
                 is_primary ? record_copy_headers(d, leg, original)
                            : record_headers(d, leg, original, config->is_connect_headers),
                 on_record);
    d->io->produce(d->io->context, &leg->request);
}

void record_send(struct deliverer *d, struct leg *leg, const struct event_view *view)
{
    const struct config_destination *config = leg_destination(leg);
    const struct destination *to = &d->pipeline->destinations[pipeline_index(d->pipeline, config)];
    struct err err;
    enum err_code rc;

    PRE(leg->state == LEG_NEW && (to->sends_original || view != NULL));
    rc = to->sends_original ? ERR_OK : render_record(d, leg, view, &err);
    if (rc != ERR_OK) {
        (void)leg_set_error(leg, config, err.text);
        outcome_report(&d->outcomes, leg, LEG_REJECTED, item_failure(rc));
        return;
    }
    leg_move(leg, LEG_PRODUCING);
    leg->was_refused = false;
    repair_begin(d, leg);
    send_copy(d, leg);
}

/* dead letters */

static void send_part(struct deliverer *d, struct leg *leg);

/* What was wrong before its size was stays in the text. */
static void set_too_large(struct leg *leg)
{
    char text[sizeof(leg->last_error->text)];

    (void)snprintf(text, sizeof(text), "too large for the topic, in parts; %s: %.150s",
                   reason_word((enum reason)leg->reason),
                   leg->last_error == NULL ? "" : leg->last_error->text);
    if (leg->last_error == NULL) {
        (void)leg_set_error(leg, NULL, text);
    } else {
        memcpy(leg->last_error->text, text, sizeof(text));
    }
    leg->reason = REASON_TOO_LARGE;
}

/* What its three pieces take: the headers all of them, since whatever is not ours is kept. */
static void measure(const struct deliverer *d, const struct leg *leg, size_t lens[PIECE_COUNT])
{
    const struct event *event = leg->event;

    lens[PIECE_HEADERS] = headers_bytes(d->io->headers(event->message));
    lens[PIECE_KEY] = event->message->key_len;
    lens[PIECE_VALUE] = original_value(d, leg).len;
}

/* No parts are small enough: the topic takes next to nothing. The partition waits until somebody
 * raises the topic's limit. */
static void wait_for_room(struct deliverer *d, struct leg *leg, const size_t lens[PIECE_COUNT])
{
    struct message_view message;

    d->io->view(leg->event->message, &message);
    leg->waits_for_topic = true;
    send_part(d, leg);
    if (backlog_stuck(d, leg, true)) {
        LOG_ERROR("dead_letter.too_large",
                  "topic=%s source_topic=%s partition=%d offset=%lld value_bytes=%zu key_bytes=%zu "
                  "header_bytes=%zu way_out=\"set max.message.bytes of the topic to %zu or more; "
                  "detour goes on by itself\"",
                  LOG_Q(leg->request.topic), LOG_S(message.topic), message.partition,
                  (long long)message.offset, lens[PIECE_VALUE], lens[PIECE_KEY],
                  lens[PIECE_HEADERS], HEADERS_BYTES_MOST + (size_t)leg->parts.bytes);
    }
}

/* The original's headers are put apart: as text, kept until all of it is written. */
static void write_headers(struct deliverer *d, struct leg *leg)
{
    const struct config_destination *config = d->pipeline->config->dead_letter;
    struct buf text;

    buf_init(&text, HEADERS_TEXT_BYTES_MAX);
    headers_json(d->io->headers(leg->event->message), config->is_connect_headers, &text);
    INVARIANT(!text.is_overflowed); /* four times what a message can be */
    leg_own_item(&d->events, leg, buf_span(&text));
    buf_fini(&text);
}

/* It is too large as it is, or in the present parts: smaller ones, from the start. */
static void split_further(struct deliverer *d, struct leg *leg)
{
    bool is_whole = leg->part_count == 0;
    struct parts *parts = &leg->parts;
    size_t lens[PIECE_COUNT];

    measure(d, leg, lens);
    if (is_whole) {
        repair_learn_size(d, leg, record_bytes(leg));
    }
    leg->was_refused = true;
    leg->part = 0;
    if (!parts_shrink(parts, lens)) {
        wait_for_room(d, leg, lens);
        return;
    }
    if (is_whole) {
        set_too_large(leg);
    }
    if (parts->is_apart[PIECE_HEADERS] && parts->piece_len[PIECE_HEADERS] == 0) {
        write_headers(d, leg);
        parts->piece_len[PIECE_HEADERS] = leg->item.len;
    }
    if (parts->is_apart[PIECE_KEY]) {
        leg->repaired |= REPAIR_KEY;
        parts->piece_len[PIECE_KEY] = lens[PIECE_KEY];
    }
    parts->piece_len[PIECE_VALUE] = lens[PIECE_VALUE];
    leg->part_count = parts_count(parts);
    send_part(d, leg);
}

/* Repaired, or it waits by name: behind the dead-letter topic there is no other. */
static void on_dead_letter_refused(struct deliverer *d, struct leg *leg)
{
    rd_kafka_resp_err_t error = leg->request.error;

    leg->was_refused = true;
    if (!repair_more(d, leg, error)) {
        repair_tell_refused(d, leg, error);
        leg->waits_for_topic = true;
    }
    send_part(d, leg);
}

static void on_dead_letter(struct produce_request *request, enum produce_result result)
{
    struct leg *leg = CONTAINER_OF(request, struct leg, request);
    struct deliverer *d = request->context;

    end_request(d, leg);
    count_report(d, d->pipeline->config->dead_letter, request, result);
    switch (result) {
    case PRODUCE_ACKNOWLEDGED:
        repair_learn(d, leg);
        leg->repairs_tried = 0;
        leg->was_refused = false;
        if (leg->part + 1 < leg->part_count) {
            leg->part++;
            send_part(d, leg);
            return;
        }
        count_delivery(d, leg, d->pipeline->config->dead_letter, VERDICT_DELIVERED);
        outcome_report(&d->outcomes, leg, LEG_DEAD_LETTERED, REASON_NONE);
        return;
    case PRODUCE_TOO_LARGE:
        split_further(d, leg);
        return;
    case PRODUCE_REFUSED:
        on_dead_letter_refused(d, leg);
        return;
    case PRODUCE_CANCELLED:
        outcome_report(&d->outcomes, leg, LEG_CANCELLED, REASON_NONE);
        return;
    }
}

static const struct destination *dead_letter_of(const struct deliverer *d)
{
    return &d->pipeline
                ->destinations[pipeline_index(d->pipeline, d->pipeline->config->dead_letter)];
}

static struct span part_value(const struct deliverer *d, const struct leg *leg, struct part part)
{
    struct span whole = original_value(d, leg);

    if (part.piece == PIECE_HEADERS) {
        whole = leg->item;
    } else if (part.piece == PIECE_KEY) {
        whole = (struct span){leg->event->message->key, leg->event->message->key_len};
    }
    return span_sub(whole, part.from, part.to);
}

/* Part leg->part of leg->part_count, or all of it when that is 0. */
static void send_part(struct deliverer *d, struct leg *leg)
{
    const struct destination *to = dead_letter_of(d);
    struct span value = original_value(d, leg);
    rd_kafka_headers_t *headers =
        record_headers(d, leg, d->io->headers(leg->event->message), to->config->is_connect_headers);

    if (leg->part_count > 0) {
        struct part part = parts_at(&leg->parts, leg->part);
        char text[32];

        value = part_value(d, leg, part);
        (void)snprintf(text, sizeof(text), "%u/%u", leg->part + 1, leg->part_count);
        (void)rd_kafka_header_add(headers, header_name(HEADER_PART), -1, text, -1);
        if (leg->parts.is_apart[PIECE_HEADERS] || leg->parts.is_apart[PIECE_KEY]) {
            (void)rd_kafka_header_add(headers, header_name(HEADER_PART_OF), -1,
                                      piece_word(part.piece), -1);
        }
    }
    fill_request(d, leg, to->topic, value, headers, on_dead_letter);
    d->io->produce(d->io->context, &leg->request);
}

void record_dead_letter(struct deliverer *d, struct leg *leg)
{
    leg_move(leg, LEG_PRODUCING);
    leg->is_dead_letter = true;
    leg->was_refused = false;
    repair_begin(d, leg);
    leg->parts = (struct parts){0};
    leg->part = 0;
    leg->part_count = 0;
    send_part(d, leg);
}

/* taking back */

bool record_is_unsent(const struct deliverer *d, const struct leg *leg)
{
    return d->io->is_unsent(d->io->context, &leg->request);
}

void record_recall(struct deliverer *d, struct leg *leg)
{
    d->io->recall(d->io->context, &leg->request);
    end_request(d, leg);
}
