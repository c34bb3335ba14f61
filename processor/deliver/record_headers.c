#include "deliver/record_headers.h"

#include <stdio.h>
#include <string.h>

#include "deliver/repair.h"

enum { HEADER_TEXT_BYTES = 800 };

static struct span name_of(const struct config_destination *destination)
{
    return destination == NULL ? SPAN_NONE : destination->name;
}

static uint32_t replays_of(const rd_kafka_headers_t *headers)
{
    int64_t replays = 0;
    struct span text = header_get(headers, "detour.replays");

    return text.ptr != NULL && span_to_i64(text, &replays) && replays > 0 ? (uint32_t)replays : 0;
}

/* What is told of a leg that left before anything was tried. */
static const char *text_of(enum reason reason)
{
    switch ((int)reason) {
    case REASON_TOO_OLD:
        return "older than max_age of its destination";
    case REASON_OUTAGE:
        return "its circuit breaker was open";
    case REASON_REJECT_STORM:
        return "its circuit breaker was open, nearly everything was rejected there";
    case REASON_THROTTLED:
        return "it waited too long for a destination that asked for less";
    case REASON_CREDENTIAL:
        return "it waited too long for a destination that refused the credential";
    default:
        return reason_word(reason);
    }
}

const struct config_destination *record_fault(const struct leg *leg)
{
    if (leg->last_error != NULL && leg->last_error->destination != NULL) {
        return leg->last_error->destination;
    }
    return leg->plan == NULL ? NULL : leg->plan->chain[0];
}

/* The answer that sent @leg another way though it was no answer to it. */
static bool find_last_answer(struct deliverer *d, const struct leg *leg, struct last_answer *out)
{
    size_t first;

    first = leg->plan == NULL ? 0 : pipeline_index(d->pipeline, leg->plan->chain[0]);
    if (leg->plan == NULL || leg->plan->chain[0]->type->is_topic) {
        return false;
    }
    switch ((int)leg->reason) {
    case REASON_OUTAGE:
    case REASON_REJECT_STORM:
        return health_outage_answer(d->health, first, deliverer_cell(d, first, leg->event->type),
                                    leg->outage, out);
    case REASON_THROTTLED:
        return health_last_answer(d->health, first, VERDICT_THROTTLED, out);
    case REASON_CREDENTIAL:
        return health_last_answer(d->health, first, VERDICT_HOLD, out);
    default:
        return false;
    }
}

/* It must not be taken for an answer to this record: the text says whose it is. */
static void use_last_answer(const struct leg *leg, const struct last_answer *last_answer,
                            char text[HEADER_TEXT_BYTES], struct header_values *values)
{
    char said[LAST_ANSWER_TEXT_BYTES];

    (void)snprintf(text, HEADER_TEXT_BYTES,
                   "%s%s%s%.*s; the last answer there, to another event: %s",
                   leg->outage[0] == '\0' ? "" : "outage ", leg->outage,
                   leg->outage[0] == '\0' ? "" : ": ", (int)MIN_OF(values->error.len, (size_t)160),
                   values->error.ptr, last_answer_text(last_answer, said));
    values->error = span_of(text);
    values->http_status = last_answer->status;
    values->has_code = last_answer->has_code;
    values->code = last_answer->code;
    values->request_id =
        span_of(last_answer->request_id[0] == '\0' ? NULL : last_answer->request_id);
}

rd_kafka_headers_t *record_headers(struct deliverer *d, const struct leg *leg,
                                   const rd_kafka_headers_t *original, bool is_connect)
{
    const struct event *event = leg->event;
    const struct last_error *error = leg->last_error;
    char text[HEADER_TEXT_BYTES];
    struct message_view message;
    struct last_answer last_answer;
    struct header_values values;

    d->io->view(event->message, &message);
    values = (struct header_values){
        .reason = (enum reason)leg->reason,
        .outage = span_of(leg->outage[0] == '\0' ? NULL : leg->outage),
        .route = leg->route == NULL ? SPAN_NONE : leg->route->name,
        .leg = leg->plan == NULL ? SPAN_NONE : leg->plan->chain[0]->name,
        .event_id = event->id,
        .event_type = event->type,
        .outcome = (enum outcome)leg->outcome,
        .replays = replays_of(original) + (message.is_replayed ? 1 : 0),
        .at_ms = d->wall_ms,
        .source_topic = message.topic,
        .source_partition = message.partition,
        .source_offset = message.offset,
        .source_timestamp_ms = message.timestamp_ms,
        .mended = repair_text(leg),
        .instance = span_of(d->pipeline->instance),
        .attempts = leg->attempts,
        .is_connect = is_connect,
        .group = d->pipeline->config->kafka.group,
    };
    values.error = span_of(error == NULL ? text_of(values.reason) : error->text);
    values.destination = name_of(record_fault(leg));
    if (error != NULL && error->is_answer) {
        (void)snprintf(text, sizeof(text), "%s; read as %s", error->text,
                       verdict_word(error->verdict));
        values.error = span_of(text);
        values.http_status = error->http_status;
        values.has_code = error->has_code;
        values.code = error->code;
        values.request_id = span_of(error->request_id[0] == '\0' ? NULL : error->request_id);
    } else if (find_last_answer(d, leg, &last_answer)) {
        use_last_answer(leg, &last_answer, text, &values);
    }
    return headers_new(leg->parts.is_apart[PIECE_HEADERS] ? NULL : original, &values);
}

rd_kafka_headers_t *record_copy_headers(const struct deliverer *d, const struct leg *leg,
                                        const rd_kafka_headers_t *original)
{
    struct message_view message;
    struct header_values values;

    d->io->view(leg->event->message, &message);
    values = (struct header_values){
        .source_topic = message.topic,
        .source_partition = message.partition,
        .source_offset = message.offset,
        .source_timestamp_ms = message.timestamp_ms,
        .mended = repair_text(leg),
    };
    return headers_new_copy(original, &values);
}

/* Those that are alike are counted, not written (base/log.h). A path names the field, never what is
 * in it. */
void record_log_dead_letter(struct deliverer *d, const struct leg *leg)
{
    static const struct last_error none;
    const struct last_error *error = leg->last_error == NULL ? &none : leg->last_error;
    struct last_answer last_answer = {
        .status = error->http_status, .has_code = error->has_code, .code = error->code};
    char code[LAST_ANSWER_CODE_BYTES];

    if (error->is_answer || !find_last_answer(d, leg, &last_answer)) {
        memcpy(last_answer.request_id, error->request_id, sizeof(last_answer.request_id));
    }
    LOG_WARN("dead_letter.written",
             "destination=%s event=%s reason=%s code=%s field=%s status=%d request_id=%s outage=%s "
             "why=%s",
             LOG_S(name_of(record_fault(leg))), LOG_S(leg->event->type),
             reason_word((enum reason)leg->reason), last_answer_code(&last_answer, code),
             LOG_Q(error->field), last_answer.status, LOG_Q(last_answer.request_id),
             LOG_Q(leg->outage),
             LOG_Q(error->text[0] == '\0' ? text_of((enum reason)leg->reason) : error->text));
}
