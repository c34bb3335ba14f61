/*
 * What an answer says to people: in numbers, in the headers of its records, in the status.
 */
#include "deliver/sender_inside.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_CODE_BYTES = 16 };

/* The service's own id of the request, or else the one of whoever stands before it: 64 bytes. */
static const char *request_id_of(const struct http_reply *reply, const struct answer *answer)
{
    return answer->request_id[0] != '\0' ? answer->request_id : reply->request_id;
}

/* What was answered, or why nothing was. */
static void write_text(const struct http_reply *reply, const struct answer *answer, char *out,
                       size_t bytes)
{
    if (reply->status == 0 && reply->error[0] != '\0') {
        (void)snprintf(out, bytes, "no answer: %.140s", reply->error);
    } else {
        (void)snprintf(out, bytes, "%.159s", answer->text[0] != '\0' ? answer->text : reply->error);
    }
}

void sender_note_error(const struct sender *sender, struct leg *leg, const struct http_reply *reply,
                       const struct answer *answer)
{
    struct last_error *error = leg_set_error(leg, sender->config, "");

    write_text(reply, answer, error->text, sizeof(error->text));
    error->is_answer = true;
    error->verdict = answer->verdict;
    error->http_status = reply->status;
    error->has_code = answer->has_code;
    error->code = answer->code;
    memcpy(error->field, answer->field, sizeof(error->field));
    memcpy(error->request_id, request_id_of(reply, answer), sizeof(error->request_id));
}

void sender_note_result(struct leg *leg, const struct item_result *result)
{
    struct last_error *error = leg->last_error;
    bool has_field = result->field[0] != '\0';

    if (error == NULL) {
        return;
    }
    error->verdict = result->verdict;
    if (result->code == 0) {
        return;
    }
    (void)snprintf(error->text, sizeof(error->text), "code %d by its own result in %d%s%s",
                   (int)result->code, (int)error->code, has_field ? ", field " : "", result->field);
    memcpy(error->field, result->field, sizeof(error->field));
    error->code = result->code;
    error->has_code = true;
}

/* Answers by what they said, so that an operator sees it without a log. */
void sender_count_answer(struct sender *sender, const struct http_reply *reply,
                         const struct answer *answer)
{
    char code[ANSWER_CODE_BYTES];

    if (answer->has_code || reply->status != 0) {
        (void)snprintf(code, sizeof(code), "%d", answer->has_code ? answer->code : reply->status);
        metrics_answer(sender->d->metrics, sender->index, span_of(code));
    } else if (reply->is_timeout) {
        metrics_answer(sender->d->metrics, sender->index, SPAN("timeout"));
    } else {
        metrics_answer(sender->d->metrics, sender->index,
                       reply->is_sent ? SPAN("broken") : SPAN("unreachable"));
    }
}

/* @count events like that of @leg were answered so. */
void sender_count(struct sender *sender, const struct leg *leg, enum verdict verdict, size_t count)
{
    metrics_delivery(sender->d->metrics, sender->index, leg->event->type, verdict, count);
}

/* The same for people: what was answered, and how it was read. */
struct heard sender_heard(const struct sender *sender, const struct http_reply *reply,
                          const struct answer *answer)
{
    struct heard heard = {
        .at_ms = sender->d->wall_ms,
        .verdict = answer->verdict,
        .status = reply->status,
        .has_code = answer->has_code,
        .code = answer->code,
    };

    memcpy(heard.request_id, request_id_of(reply, answer), sizeof(heard.request_id));
    if (answer->verdict != VERDICT_DELIVERED) {
        write_text(reply, answer, heard.text, sizeof(heard.text));
    }
    return heard;
}

void sender_hear_each(const struct sender *sender, size_t count, struct heard *heard)
{
    const struct item_result *first = NULL;
    size_t bad = 0;

    for (size_t i = 0; i < count; i++) {
        const struct item_result *result = &sender->each[i];

        if (result->verdict != VERDICT_DELIVERED) {
            bad++;
            first = first == NULL ? result : first;
        }
    }
    if (first == NULL) {
        return;
    }
    (void)snprintf(heard->text, sizeof(heard->text), "%zu of %zu events not taken, in code %d%s%s",
                   bad, count, (int)heard->code, first->field[0] == '\0' ? "" : ", field ",
                   first->field);
    heard->verdict = first->verdict;
    heard->code = first->code != 0 ? first->code : heard->code;
}
