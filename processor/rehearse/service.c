#include "rehearse/service.h"

#include <stdio.h>

enum { BODY_BYTES_MAX = 256 * 1024, REFUSED_MS = 1 };

void service_answer_init(struct service_answer *answer)
{
    *answer = (struct service_answer){0};
    buf_init(&answer->body, BODY_BYTES_MAX);
}

void service_answer_fini(struct service_answer *answer)
{
    buf_fini(&answer->body);
}

bool service_answer_takes(const struct service_answer *answer, size_t index)
{
    return answer->is_taken && (answer->partial == NULL ||
                                !fault_refuses_item(answer->partial, index, answer->count, 0));
}

static bool is_refused(const void *context, size_t index)
{
    const struct service_answer *answer = context;

    return !service_answer_takes(answer, index);
}

static void say(struct service_answer *answer, const struct service_request *request,
                enum saying_kind kind, int32_t code)
{
    const struct saying saying = {.kind = kind,
                                  .code = code,
                                  .count = request->count,
                                  .is_refused = is_refused,
                                  .context = answer};

    answer->reply.status = request->driver->say(&saying, &answer->body);
}

static void take_all(struct service_answer *answer, const struct service_request *request)
{
    answer->is_taken = true;
    answer->tells = true;
    if (request->healthy == NULL || request->healthy->place.file == NULL) {
        say(answer, request, SAYS_TAKEN, 0);
        return;
    }
    answer->reply.status = (int)request->healthy->status;
    answer->reply.headers = buf_span(&request->healthy->lines);
    buf_add_span(&answer->body, request->healthy->body);
}

static void take_some(struct service_answer *answer, const struct service_request *request)
{
    if (fault_items_refused(request->fault, request->count) == 0) {
        take_all(answer, request);
        return;
    }
    answer->is_taken = true;
    answer->tells = true;
    answer->partial = request->fault;
    say(answer, request, SAYS_PARTIAL, 0);
}

/* No HTTP answer comes. */
static void say_nothing(struct service_answer *answer, const char *why, bool is_sent)
{
    answer->reply.status = 0;
    answer->reply.is_sent = is_sent;
    answer->tells = false;
    (void)snprintf(answer->reply.error, sizeof(answer->reply.error), "%s", why);
}

static void time_out(struct service_answer *answer, const struct service_request *request)
{
    answer->latency_ms = MIN_OF(request->target->first_byte_ms, request->target->total_ms);
    answer->reply.is_timeout = true;
    say_nothing(answer, "no first byte in time", true);
}

static void misbehave(struct service_answer *answer, const struct service_request *request)
{
    const struct fault *fault = request->fault;

    switch (fault->kind) {
    case FAULT_STATUS:
    case FAULT_GATEWAY:
        answer->reply.status = 502;
        buf_add_span(&answer->body,
                     fault->body.ptr != NULL ? fault->body : SPAN("<html>Bad Gateway</html>"));
        break;
    case FAULT_CODE:
        say(answer, request, SAYS_CODE, (int32_t)fault->code);
        break;
    case FAULT_PARTIAL:
        take_some(answer, request);
        break;
    case FAULT_THROTTLE:
        say(answer, request, SAYS_THROTTLED, 0);
        break;
    case FAULT_CREDENTIAL:
        say(answer, request, SAYS_CREDENTIAL, 0);
        break;
    case FAULT_HANG:
        answer->is_taken = fault->is_recorded;
        time_out(answer, request);
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
        take_all(answer, request);
        break;
    }
    if (fault->status != 0 && answer->reply.status != 0) {
        answer->reply.status = (int)fault->status;
    }
    answer->reply.has_retry_after = fault->has_retry_after;
    answer->reply.retry_after_ms = fault->retry_after_ms;
}

void service_answer_write(struct service_answer *answer, const struct service_request *request,
                          struct rng *rng)
{
    const struct fault *fault = request->fault;

    buf_clear(&answer->body);
    answer->is_taken = false;
    answer->partial = NULL;
    answer->tells = false;
    answer->count = request->count;
    answer->reply = (struct http_reply){.is_sent = true};
    answer->latency_ms =
        fault != NULL && fault->has_latency ? fault_latency(fault, rng) : request->latency_ms;
    if (fault == NULL) {
        take_all(answer, request);
    } else {
        misbehave(answer, request);
    }
    if (answer->reply.status != 0 && answer->latency_ms >= request->target->first_byte_ms) {
        time_out(answer, request); /* it answers, but nobody is listening any more */
    }
    answer->latency_ms = MAX_OF(answer->latency_ms, (uint64_t)1);
    answer->reply.duration_us = answer->latency_ms * 1000;
    answer->reply.body = answer->reply.status == 0 ? SPAN_NONE : buf_span(&answer->body);
}
