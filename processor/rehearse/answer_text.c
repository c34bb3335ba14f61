#include "rehearse/answer_text.h"

#include <stdio.h>

#include "destinations/table.h"
#include "trial/sim_texts.h"

enum { BODY_BYTES_MAX = 256 * 1024, REFUSED_MS = 1, UNKNOWN_CODE = 30001, UNKNOWN_STATUS = 470 };

void answer_text_init(struct answer_text *answer)
{
    *answer = (struct answer_text){0};
    buf_init(&answer->body, BODY_BYTES_MAX);
}

void answer_text_fini(struct answer_text *answer)
{
    buf_fini(&answer->body);
}

bool answer_text_takes(const struct answer_text *answer, size_t index)
{
    return answer->is_taken && (answer->partial == NULL ||
                                !fault_refuses_item(answer->partial, index, answer->count, 0));
}

static void say_code(struct answer_text *answer, int32_t code, const char *text)
{
    buf_printf(&answer->body, "{\"code\":%d,\"message\":\"%s\",\"request_id\":\"rehearsal\"}",
               (int)code, text);
    answer->reply.status = 200;
}

static void take_all(struct answer_text *answer, const struct answer_question *question)
{
    answer->is_taken = true;
    answer->tells = true;
    answer->reply.status = 200;
    if (question->type == &tiktok_driver.section) {
        say_code(answer, 0, "OK");
    } else if (question->healthy != NULL) {
        answer->reply.status = (int)question->healthy->status;
        answer->reply.headers = buf_span(&question->healthy->lines);
        buf_add_span(&answer->body, question->healthy->body);
    }
}

/* One event of the batch is refused, and with it the batch. */
static void refuse_mark(struct answer_text *answer, const struct answer_question *question)
{
    char text[64];

    if (question->type != &tiktok_driver.section) {
        answer->reply.status = question->mark == MARK_UNKNOWN ? UNKNOWN_STATUS : 400;
        return;
    }
    if (question->mark == MARK_UNKNOWN) {
        say_code(answer, UNKNOWN_CODE, "Something else.");
        return;
    }
    if (question->mark == MARK_NAMED) {
        (void)snprintf(text, sizeof(text), "Invalid value for data[%zu].properties.value",
                       question->culprit);
    } else {
        (void)snprintf(text, sizeof(text), "Invalid value for properties.value");
    }
    say_code(answer, 40002, text);
}

/* 20001: some are refused by their index. */
static void take_some(struct answer_text *answer, const struct answer_question *question)
{
    const char *comma = "";

    answer->partial = question->fault;
    buf_add_text(&answer->body, "{\"code\":20001,\"message\":\"Partial success\",\"data\":{"
                                "\"failed_events\":[");
    for (size_t i = 0; i < question->count; i++) {
        if (fault_refuses_item(question->fault, i, question->count, 0)) {
            buf_printf(&answer->body, "%s{\"index\":%zu,\"code\":40002}", comma, i);
            comma = ",";
        }
    }
    buf_add_text(&answer->body, "]}}");
    answer->reply.status = 200;
    answer->is_taken = true;
    answer->tells = true;
}

static void ask_for_less(struct answer_text *answer, const struct answer_question *question)
{
    bool is_tiktok = question->type == &tiktok_driver.section;

    if (is_tiktok) {
        say_code(answer, 40100, sim_code_text(40100));
    }
    answer->reply.status = is_tiktok ? 200 : 429;
}

static void refuse_credential(struct answer_text *answer, const struct answer_question *question)
{
    if (question->type == &tiktok_driver.section) {
        say_code(answer, 40105, sim_code_text(40105));
    } else {
        answer->reply.status = 401;
    }
}

static void say_nothing(struct answer_text *answer, const char *why, bool is_sent)
{
    answer->reply.is_sent = is_sent;
    (void)snprintf(answer->reply.error, sizeof(answer->reply.error), "%s", why);
}

static void time_out(struct answer_text *answer, const struct answer_question *question)
{
    answer->latency_ms = MIN_OF(question->target->first_byte_ms, question->target->total_ms);
    answer->reply.is_timeout = true;
    answer->reply.status = 0;
    answer->tells = false;
    say_nothing(answer, "no first byte in time", true);
}

static void misbehave(struct answer_text *answer, const struct answer_question *question)
{
    const struct fault *fault = question->fault;

    switch (fault->kind) {
    case FAULT_STATUS:
    case FAULT_GATEWAY:
        answer->reply.status = 502;
        buf_add_span(&answer->body,
                     fault->body.ptr != NULL ? fault->body : span_of(sim_gateway_page));
        break;
    case FAULT_CODE:
        say_code(answer, (int32_t)fault->code, sim_code_text((int32_t)fault->code));
        break;
    case FAULT_PARTIAL:
        if (fault_items_refused(fault, question->count) == 0) {
            take_all(answer, question);
        } else {
            take_some(answer, question);
        }
        break;
    case FAULT_THROTTLE:
        ask_for_less(answer, question);
        break;
    case FAULT_CREDENTIAL:
        refuse_credential(answer, question);
        break;
    case FAULT_HANG:
        answer->is_taken = fault->is_recorded;
        time_out(answer, question);
        break;
    case FAULT_RESET:
    case FAULT_TRUNCATE:
        answer->is_taken = fault->is_recorded;
        say_nothing(answer, "the connection was reset", true);
        break;
    case FAULT_REFUSED:
        answer->latency_ms = REFUSED_MS;
        say_nothing(answer, "connection refused", false);
        break;
    case FAULT_SLOW:
    case FAULT_UNWRITABLE:
    case FAULT_KIND_COUNT:
        take_all(answer, question);
        break;
    }
    if (fault->status != 0 && answer->reply.status != 0) {
        answer->reply.status = (int)fault->status;
    }
    answer->reply.has_retry_after = fault->has_retry_after;
    answer->reply.retry_after_ms = fault->retry_after_ms;
}

/* May the destination have taken it, though it did not say so? */
static bool may_be_taken(const struct answer_text *answer)
{
    return !answer->is_taken &&
           (answer->reply.status >= 500 || (answer->reply.status == 0 && answer->reply.is_sent));
}

static uint64_t draw_latency(const struct fault *fault, struct rng *rng)
{
    uint64_t range_ms = fault->latency_max_ms - fault->latency_min_ms;

    return fault->latency_min_ms + (range_ms == 0 ? 0 : rng_below(rng, range_ms + 1));
}

void answer_text_write(struct answer_text *answer, const struct answer_question *question,
                       struct rng *rng)
{
    bool is_well = question->fault == NULL || question->fault->kind == FAULT_SLOW;

    buf_clear(&answer->body);
    answer->is_taken = false;
    answer->partial = NULL;
    answer->count = question->count;
    answer->tells = false;
    answer->reply = (struct http_reply){.is_sent = true};
    answer->latency_ms = question->latency_ms;
    if (question->fault != NULL && question->fault->has_latency) {
        answer->latency_ms = draw_latency(question->fault, rng);
    }
    if (!is_well) {
        misbehave(answer, question);
    } else if (question->mark != MARK_NONE) {
        refuse_mark(answer, question);
    } else {
        take_all(answer, question);
    }
    if (answer->latency_ms >= question->target->first_byte_ms && !answer->reply.is_timeout &&
        answer->reply.is_sent) {
        time_out(answer, question); /* it answers, but nobody is listening any more */
    }
    if (question->ambiguous > 0 && may_be_taken(answer) && rng_unit(rng) < question->ambiguous) {
        answer->is_taken = true;
    }
    answer->latency_ms = MAX_OF(answer->latency_ms, (uint64_t)1);
    answer->reply.duration_us = answer->latency_ms * 1000;
    answer->reply.body = answer->reply.status == 0 ? SPAN_NONE : buf_span(&answer->body);
}
