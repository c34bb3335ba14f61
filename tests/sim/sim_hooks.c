/* What services and topics of the simulated core do beyond the rules of a trace: they refuse marked
 * records, and take what they never confirmed. */
#include <stdio.h>

#include "sim_inside.h"

enum { CODE_UNKNOWN = 30001, STATUS_UNKNOWN = 470 };

static enum sim_mark mark_of(uint32_t tag)
{
    return (enum sim_mark)(tag >> SIM_MARK_SHIFT & 0xff);
}

static void write_code(struct service_answer *answer, int32_t code, const char *message)
{
    buf_clear(&answer->body);
    buf_printf(&answer->body, "{\"code\":%d,\"message\":\"%s\",\"request_id\":\"sim\"}", (int)code,
               message);
    answer->reply.status = 200;
    answer->reply.body = buf_span(&answer->body);
}

/* One event of the batch is refused, and with it the batch. */
static void refuse(struct service_answer *answer, const struct driver *driver, enum sim_mark mark,
                   size_t culprit)
{
    char text[64] = "Invalid value for properties.value";

    if (!driver->has_codes) {
        answer->reply.status = mark == MARK_UNKNOWN ? STATUS_UNKNOWN : 400;
        answer->reply.body = SPAN_NONE;
    } else if (mark == MARK_UNKNOWN) {
        write_code(answer, CODE_UNKNOWN, "Something else.");
    } else {
        if (mark == MARK_NAMED) {
            (void)snprintf(text, sizeof(text), "Invalid value for data[%zu].properties.value",
                           culprit);
        }
        write_code(answer, 40002, text);
    }
}

/* May the service have taken it, though it did not say so? */
static bool may_be_taken(const struct service_answer *answer)
{
    return !answer->is_taken &&
           (answer->reply.status >= 500 || (answer->reply.status == 0 && answer->reply.is_sent));
}

void sim_answered(struct sim_hooks *hooks, const struct world_leg *legs,
                  struct service_answer *answer)
{
    size_t culprit = 0;

    while (culprit < answer->count &&
           (mark_of(legs[culprit].tag) == MARK_NONE || mark_of(legs[culprit].tag) >= MARK_LARGE)) {
        culprit++;
    }
    if (culprit < answer->count && answer->is_taken && answer->partial == NULL) {
        if (answer->tells) {
            refuse(answer, hooks->destinations[legs[culprit].destination].driver,
                   mark_of(legs[culprit].tag), culprit);
        }
        answer->is_taken = false;
        answer->tells = false;
    }
    if (hooks->ambiguous > 0 && may_be_taken(answer) && rng_unit(&hooks->rng) < hooks->ambiguous) {
        answer->is_taken = true;
        answer->partial = NULL;
    }
}

rd_kafka_resp_err_t sim_refused(const struct leg *leg, uint32_t tag)
{
    enum sim_mark mark = mark_of(tag);
    bool is_odd = leg->event->message->offset % 2 != 0;

    if (mark == MARK_LARGE && leg->part_count == 0) {
        return RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    }
    if (mark == MARK_REFUSED && (leg->request.key.ptr == NULL || is_odd)) {
        return RD_KAFKA_RESP_ERR_INVALID_RECORD;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}
