#include "ledger/outage_writer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* An open outage is told of again by then, so that a killed process's outage ends near its death. A
 * record that is refused leaves time for another within 30 s. */
enum { LOOK_MS = 1000, AGAIN_MS = 20 * 1000 };

/* One outage that health knows. */
struct written {
    struct written *next;
    struct outage outage; /* as last seen; its event is owned, NULL: the destination as a whole */
    const char *scope;
    bool is_seen;
    bool is_news;                 /* it is to be written */
    uint64_t sent_ms;             /* the last record; monotonic */
    bool is_begun;                /* some record of it was taken */
    struct ledger_ticket *ticket; /* of the record on its way; NULL: none */
};

struct outage_writer {
    struct outage_writer_parts parts;
    struct written *first;         /* owned */
    struct destination_view *view; /* owned; scratch: it is large */
    uint64_t look_at_ms;
};

struct outage_writer *outage_writer_new(const struct outage_writer_parts *parts)
{
    struct outage_writer *writer = mem_new(struct outage_writer);

    writer->parts = *parts;
    writer->view = mem_new(struct destination_view);
    return writer;
}

static void free_written(struct outage_writer *writer, struct written *written)
{
    if (written->ticket != NULL) {
        writer->parts.sink.drop(writer->parts.sink.context, written->ticket);
    }
    free(written->outage.event);
    free(written);
}

void outage_writer_free(struct outage_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    while (writer->first != NULL) {
        struct written *next = writer->first->next;

        free_written(writer, writer->first);
        writer->first = next;
    }
    free(writer->view);
    free(writer);
}

/* what health says */

static struct written *find(struct outage_writer *writer, const struct outage *outage,
                            struct span event)
{
    struct written *written = writer->first;

    while (written != NULL && (written->outage.destination != outage->destination ||
                               strcmp(written->outage.id, outage->id) != 0)) {
        written = written->next;
    }
    if (written == NULL) {
        written = mem_new(struct written);
        written->outage = *outage;
        written->outage.event = event.ptr == NULL ? NULL : mem_text(event);
        written->scope = event.ptr == NULL ? "destination" : "cell";
        written->is_news = true;
        written->next = writer->first;
        writer->first = written;
    }
    return written;
}

static bool is_changed(const struct outage *before, const struct outage *now)
{
    return before->cause != now->cause || before->closed_at_ms != now->closed_at_ms ||
           before->diverted != now->diverted || before->dead_lettered != now->dead_lettered ||
           before->last_answer.code != now->last_answer.code ||
           before->last_answer.status != now->last_answer.status;
}

static void see(struct outage_writer *writer, const struct outage *outage, struct span event)
{
    struct written *written = find(writer, outage, event);
    char *text = written->outage.event;

    written->is_seen = true;
    written->is_news |= is_changed(&written->outage, outage);
    written->outage = *outage;
    written->outage.event = text;
}

static void see_past(void *context, const struct outage *outage)
{
    see(context, outage, outage->event == NULL ? SPAN_NONE : span_of(outage->event));
}

static void see_present(struct outage_writer *writer, size_t destination,
                        const struct cell_view *view)
{
    if (view->outage.id[0] != '\0') {
        struct outage outage = view->outage;

        outage.destination = destination;
        outage.closed_at_ms = 0;
        see(writer, &outage, view->event);
    }
}

static void look(struct outage_writer *writer, uint64_t now_ms)
{
    const struct outage_writer_parts *parts = &writer->parts;

    for (struct written *written = writer->first; written != NULL; written = written->next) {
        written->is_seen = false;
    }
    (void)health_past_outages(parts->health, see_past, writer);
    for (size_t i = 0; i < parts->config->destination_count; i++) {
        health_look(parts->health, i, now_ms, writer->view);
        see_present(writer, i, &writer->view->self);
        for (size_t k = 0; k < writer->view->cell_count; k++) {
            see_present(writer, i, &writer->view->cells[k]);
        }
    }
}

/* writing */

static json_t *moment(int64_t wall_ms)
{
    char text[CLOCK_ISO_BYTES];

    return wall_ms == 0 ? json_null() : json_string(clock_iso(wall_ms, text));
}

/* An event type that is no text has no name to write. */
static json_t *event_json(const struct outage *outage)
{
    json_t *text = outage->event == NULL ? json_null() : json_string(outage->event);

    return text == NULL ? json_string("other") : text;
}

static json_t *last_json(const struct last_answer *answer)
{
    json_t *text = json_string(answer->text);

    return json_pack("{s:o, s:o, s:s, s:o}", "status",
                     answer->status == 0 ? json_null() : json_integer(answer->status), "code",
                     answer->has_code ? json_integer(answer->code) : json_null(), "request_id",
                     answer->request_id, "text", text == NULL ? json_string("") : text);
}

static json_t *record_of(const struct outage_writer *writer, const struct written *written,
                         int64_t wall_ms)
{
    const struct config *config = writer->parts.config;
    const struct outage *outage = &written->outage;
    const char *state = outage->closed_at_ms != 0 ? "closed"
                        : written->is_begun       ? "changed"
                                                  : "opened";
    struct span destination = config->destinations[outage->destination].name;

    return json_pack(
        "{s:i, s:s, s:o, s:s%, s:s%, s:s, s:s, s:s%, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:I}",
        "v", 1, "kind", "outage", "at", moment(wall_ms), "instance", writer->parts.instance.ptr,
        writer->parts.instance.len, "group", config->kafka.group.ptr, config->kafka.group.len, "id",
        outage->id, "state", state, "destination", destination.ptr, destination.len, "event",
        event_json(outage), "scope", written->scope, "cause", breaker_cause_word(outage->cause),
        "started", moment(outage->began_at_ms), "detected", moment(outage->opened_at_ms), "ended",
        moment(outage->closed_at_ms), "last", last_json(&outage->last_answer), "diverted",
        (json_int_t)outage->diverted, "dead_lettered", (json_int_t)outage->dead_lettered);
}

static void send(struct outage_writer *writer, struct written *written, uint64_t now_ms,
                 int64_t wall_ms)
{
    const struct ledger_sink *sink = &writer->parts.sink;
    json_t *record = record_of(writer, written, wall_ms);
    char *text = record == NULL ? NULL : json_dumps(record, JSON_COMPACT);
    char key[OUTAGE_ID_BYTES + 16];
    struct span span;

    INVARIANT(text != NULL); /* its texts are ours, or were looked at */
    (void)snprintf(key, sizeof(key), "outage/%s", written->outage.id);
    span = span_of(text);
    written->ticket = sink->send(sink->context, span_of(key), &span, 1, -1);
    written->is_news = false;
    written->sent_ms = now_ms;
    free(text);
    json_decref(record);
}

static void take_result(struct outage_writer *writer, struct written *written)
{
    const struct ledger_sink *sink = &writer->parts.sink;
    enum tally_state state;

    if (written->ticket == NULL) {
        return;
    }
    state = sink->state(sink->context, written->ticket);
    if (state != TALLY_WRITING) {
        sink->drop(sink->context, written->ticket);
        written->ticket = NULL;
        written->is_begun |= state == TALLY_WRITTEN;
        written->is_news |= state == TALLY_FAILED;
    }
}

/* Health has forgotten those that ended long ago. */
static void forget(struct outage_writer *writer)
{
    struct written **at = &writer->first;

    while (*at != NULL) {
        struct written *written = *at;

        if (written->is_seen || written->is_news || written->ticket != NULL) {
            at = &written->next;
        } else {
            *at = written->next;
            free_written(writer, written);
        }
    }
}

void outage_writer_turn(struct outage_writer *writer, uint64_t now_ms, int64_t wall_ms,
                        bool is_last)
{
    if (now_ms < writer->look_at_ms && !is_last) {
        return;
    }
    writer->look_at_ms = now_ms + LOOK_MS;
    look(writer, now_ms);
    for (struct written *written = writer->first; written != NULL; written = written->next) {
        take_result(writer, written);
        written->is_news |= written->is_seen && written->outage.closed_at_ms == 0 &&
                            now_ms - written->sent_ms >= AGAIN_MS;
        if (written->is_news && written->ticket == NULL) {
            send(writer, written, now_ms, wall_ms);
        }
    }
    forget(writer);
}
