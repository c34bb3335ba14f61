#include "rehearse/healthy.h"

#include <stdlib.h>

#include "base/mem.h"

static const struct trace_healthy *find_given(const struct trace *trace, size_t destination)
{
    for (size_t i = 0; i < trace->healthy_count; i++) {
        if (trace->healthy[i].destination == destination) {
            return &trace->healthy[i];
        }
    }
    return NULL;
}

/* What the trace gives has to be delivered as well, or the rehearsal shows an outage of its own. */
static void take_given(const struct pipeline_destination *to, const struct trace_healthy *given,
                       struct example *out, struct diags *diags)
{
    struct http_reply reply = {.status = (int)given->status, .body = given->body, .is_sent = true};
    struct answer answer;

    out->status = (int)given->status;
    buf_add_span(&out->body, given->body);
    for (size_t i = 0; given->headers != NULL && i < given->headers->count; i++) {
        buf_printf(&out->headers, SPAN_FMT ": " SPAN_FMT "\n",
                   SPAN_ARG(given->headers->pairs[i].key),
                   SPAN_ARG(given->headers->pairs[i].value->text));
    }
    reply.headers = buf_span(&out->headers);
    webhook_answer_read(to->webhook, &reply, &answer);
    if (answer.verdict != VERDICT_DELIVERED) {
        diag_error(diags, given->place,
                   "the verdicts of " SPAN_FMT " call this healthy answer %s, not delivered (%s)",
                   SPAN_ARG(to->config->name), verdict_word(answer.verdict), answer.text);
    }
}

static void make_up(const struct pipeline_destination *to, struct example *out, struct diags *diags)
{
    struct place place = to->config->place;

    if (!example_write(to->webhook, out, &place)) {
        diag_error(diags, place,
                   "no healthy answer of " SPAN_FMT " can be made up from this; say in the trace "
                   "what it is: healthy: {" SPAN_FMT ": {status: 200, body: '...'}}",
                   SPAN_ARG(to->config->name), SPAN_ARG(to->config->name));
    }
}

bool healthy_init(struct healthy *healthy, const struct pipeline *pipeline,
                  const struct trace *trace, struct diags *diags)
{
    size_t errors_before = diags->error_count;

    healthy->count = pipeline->config->destination_count;
    healthy->answers = mem_array(healthy->count, struct example);
    for (size_t i = 0; i < healthy->count; i++) {
        const struct pipeline_destination *to = &pipeline->destinations[i];
        const struct trace_healthy *given = find_given(trace, i);

        example_init(&healthy->answers[i]);
        if (to->config->type != DESTINATION_HTTP) {
            continue;
        }
        if (given != NULL) {
            take_given(to, given, &healthy->answers[i], diags);
        } else {
            make_up(to, &healthy->answers[i], diags);
        }
    }
    return diags->error_count == errors_before;
}

void healthy_fini(struct healthy *healthy)
{
    for (size_t i = 0; i < healthy->count; i++) {
        example_fini(&healthy->answers[i]);
    }
    free(healthy->answers);
    *healthy = (struct healthy){0};
}
