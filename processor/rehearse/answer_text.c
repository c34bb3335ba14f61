#include "rehearse/answer_text.h"

#include <stdio.h>

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
    return answer->taken == TAKEN_ALL || (answer->taken == TAKEN_EVEN && index % 2 == 0);
}

static void say_code(struct answer_text *answer, int32_t code, const char *text)
{
    buf_printf(&answer->body, "{\"code\":%d,\"message\":\"%s\",\"request_id\":\"rehearsal\"}",
               (int)code, text);
    answer->reply.status = 200;
}

static void take_all(struct answer_text *answer, const struct answer_question *question)
{
    answer->taken = TAKEN_ALL;
    answer->tells = true;
    answer->reply.status = 200;
    if (question->type == DESTINATION_TIKTOK) {
        say_code(answer, 0, "OK");
    } else if (question->healthy != NULL) {
        answer->reply.status = question->healthy->status;
        answer->reply.headers = buf_span(&question->healthy->headers);
        buf_add_span(&answer->body, buf_span(&question->healthy->body));
    }
}

/* One event of the batch is refused, and with it the batch. */
static void refuse_mark(struct answer_text *answer, const struct answer_question *question)
{
    char text[64];

    if (question->type != DESTINATION_TIKTOK) {
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

/* 20001: every other event is refused by its index. */
static void take_even(struct answer_text *answer, const struct answer_question *question)
{
    buf_add_text(&answer->body, "{\"code\":20001,\"message\":\"Partial success\",\"data\":{"
                                "\"failed_events\":[");
    for (size_t i = 1; i < question->count; i += 2) {
        buf_printf(&answer->body, "%s{\"index\":%zu,\"code\":40002}", i == 1 ? "" : ",", i);
    }
    buf_add_text(&answer->body, "]}}");
    answer->reply.status = 200;
    answer->taken = TAKEN_EVEN;
    answer->tells = true;
}

static void ask_for_less(struct answer_text *answer, const struct answer_question *question)
{
    bool is_tiktok = question->type == DESTINATION_TIKTOK;

    if (is_tiktok) {
        say_code(answer, 40100, sim_code_text(40100));
    }
    answer->reply.status = is_tiktok && !question->fault->has_retry_after ? 200 : 429;
}

static void refuse_credential(struct answer_text *answer, const struct answer_question *question)
{
    if (question->type == DESTINATION_TIKTOK) {
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
        answer->reply.status = fault->status;
        buf_add_span(&answer->body,
                     fault->body.ptr != NULL ? fault->body : span_of(sim_gateway_page));
        break;
    case FAULT_CODE:
        say_code(answer, fault->code, sim_code_text(fault->code));
        break;
    case FAULT_PARTIAL:
        if (question->count == 1) {
            take_all(answer, question);
        } else {
            take_even(answer, question);
        }
        break;
    case FAULT_THROTTLE:
        ask_for_less(answer, question);
        break;
    case FAULT_CREDENTIAL:
        refuse_credential(answer, question);
        break;
    case FAULT_HANG:
        time_out(answer, question);
        break;
    case FAULT_RESET:
        say_nothing(answer, "the connection was reset", true);
        break;
    case FAULT_REFUSED:
        answer->latency_ms = REFUSED_MS;
        say_nothing(answer, "connection refused", false);
        break;
    case FAULT_NONE:
    case FAULT_UNWRITABLE:
    case FAULT_KIND_COUNT:
        take_all(answer, question);
        break;
    }
    answer->reply.has_retry_after = fault->has_retry_after;
    answer->reply.retry_after_ms = fault->retry_after_ms;
}

/* May the destination have taken it, though it did not say so? */
static bool may_be_taken(const struct answer_text *answer)
{
    return answer->taken == TAKEN_NONE &&
           (answer->reply.status >= 500 || (answer->reply.status == 0 && answer->reply.is_sent));
}

void answer_text_write(struct answer_text *answer, const struct answer_question *question,
                       struct rng *rng)
{
    bool is_well = question->fault == NULL || question->fault->kind == FAULT_NONE;

    buf_clear(&answer->body);
    answer->taken = TAKEN_NONE;
    answer->tells = false;
    answer->reply = (struct http_reply){.is_sent = true};
    answer->latency_ms = question->latency_ms;
    if (question->fault != NULL && question->fault->has_latency) {
        answer->latency_ms = question->fault->latency_ms;
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
        answer->taken = TAKEN_ALL;
    }
    answer->latency_ms = MAX_OF(answer->latency_ms, (uint64_t)1);
    answer->reply.duration_us = answer->latency_ms * 1000;
    answer->reply.body = answer->reply.status == 0 ? SPAN_NONE : buf_span(&answer->body);
}
