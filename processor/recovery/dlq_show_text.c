/* One dead letter for people: what is known of it line by line, then its event with a line a field.
 */
#include <stdio.h>

#include "base/clock.h"
#include "recovery/dlq_show_inside.h"
#include "recovery/printable.h"

enum { NAME_COLUMNS = 13 };

static void add_line(struct buf *out, const char *name, struct span text)
{
    if (text.ptr != NULL) {
        buf_printf(out, "%-*s ", NAME_COLUMNS, name);
        printable_add(out, text);
        buf_add_char(out, '\n');
    }
}

static void add_number(struct buf *out, const char *name, int64_t number)
{
    if (number >= 0) {
        buf_printf(out, "%-*s %lld\n", NAME_COLUMNS, name, (long long)number);
    }
}

static void add_time(struct buf *out, const char *name, int64_t at_ms)
{
    char text[CLOCK_ISO_BYTES];

    add_line(out, name, at_ms < 0 ? SPAN_NONE : span_of(clock_iso(at_ms, text)));
}

static void add_source(struct buf *out, const struct dead_letter *letter)
{
    if (letter->source_topic.ptr == NULL) {
        return;
    }
    buf_printf(out, "%-*s ", NAME_COLUMNS, "source");
    printable_add(out, letter->source_topic);
    if (dead_letter_has_source(letter)) {
        buf_printf(out, " %d:%lld", letter->source_partition, (long long)letter->source_offset);
    }
    buf_add_char(out, '\n');
    add_time(out, "source time", letter->source_timestamp_ms);
}

static void add_error(const struct show *show, const struct dead_letter *letter, struct buf *out)
{
    if (letter->error.ptr != NULL && letter->dialect != DIALECT_DETOUR &&
        !show->arguments->is_revealed) {
        buf_printf(out, "%-*s [hidden, %zu bytes of %s: it may quote the event]\n", NAME_COLUMNS,
                   "error", letter->error.len, dialect_word(letter->dialect));
    } else {
        add_line(out, "error", letter->error);
    }
}

/* Of a route or destination that the configuration does not have any more. */
static void add_gone(const struct show *show, const struct dead_letter *letter, struct buf *out)
{
    const struct config *config = show->dlq.config;
    bool has_route = letter->route.ptr == NULL;

    for (size_t i = 0; i < config->route_count; i++) {
        has_route = has_route || span_eq(config->routes[i].name, letter->route);
    }
    if (letter->destination.ptr != NULL && config_find(config, letter->destination) == NULL) {
        add_line(out, "gone", SPAN("the configuration has no such destination any more"));
    }
    if (!has_route) {
        add_line(out, "gone", SPAN("the configuration has no such route any more"));
    }
}

static void add_decision(const struct decision *decision, struct buf *out)
{
    char at[CLOCK_ISO_BYTES];

    if (decision != NULL) {
        buf_printf(out, "%-*s %s by ", NAME_COLUMNS, "decided", decision_word(decision->type));
        printable_add(out, decision->by);
        buf_printf(out, " at %s, ", clock_iso(decision->at_ms, at));
        printable_add(out, decision->job);
        buf_add_char(out, '\n');
        add_line(out, "because", decision->because);
    }
}

static void add_head(const struct show *show, const struct dlq_letter *from, struct buf *out)
{
    const struct dead_letter *letter = &from->record.letter;
    char code[64] = "";

    buf_printf(out, "%s %d:%lld\n", show->dlq.topic, from->place.partition,
               (long long)from->place.offset);
    add_time(out, "written", from->record.view.timestamp_ms);
    add_line(out, "dialect", span_of(dialect_word(letter->dialect)));
    add_line(out, "reason", letter->reason);
    add_error(show, letter, out);
    add_line(out, "destination", letter->destination);
    add_line(out, "route", letter->route);
    add_line(out, "leg", letter->leg);
    add_gone(show, letter, out);
    add_line(out, "event", letter->event_type);
    add_line(out, "event id", letter->event_id);
    add_line(out, "outcome",
             letter->has_outcome ? span_of(outcome_word(letter->outcome)) : SPAN_NONE);
    add_number(out, "http status", letter->http_status);
    (void)snprintf(code, sizeof(code), "%d", letter->code);
    add_line(out, "code", letter->has_code ? span_of(code) : SPAN_NONE);
    add_line(out, "request id", letter->request_id);
    add_number(out, "attempts", letter->attempts);
    add_line(out, "outage", letter->outage);
    add_number(out, "replays", letter->replays > 0 ? letter->replays : -1);
    add_time(out, "at", letter->at_ms);
    add_source(out, letter);
    add_line(out, "mended", letter->mended);
    add_number(out, "parts", letter->part_count > 0 ? (int64_t)letter->part_count : -1);
    add_line(out, "instance", letter->instance);
    add_decision(from->decision, out);
    add_line(out, "odd", letter->odd[0] == '\0' ? SPAN_NONE : span_of(letter->odd));
}

static void add_bytes(struct buf *out, struct span bytes, bool is_revealed)
{
    if (bytes.ptr == NULL) {
        buf_add_text(out, "none");
    } else if (is_revealed) {
        printable_add(out, span_sub(bytes, 0, MIN_OF(bytes.len, (size_t)SHOW_BYTES_MAX / 16)));
    } else {
        buf_printf(out, "[hidden, %zu bytes]", bytes.len);
    }
    buf_add_char(out, '\n');
}

static void add_originals(const struct whole *whole, bool is_revealed, struct buf *out)
{
    const char *name;
    const void *value;
    size_t len;

    buf_printf(out, "%-*s ", NAME_COLUMNS, "key");
    add_bytes(out, whole->key, is_revealed);
    for (size_t i = 0; rd_kafka_header_get_all(whole->headers, i, &name, &value, &len) == 0; i++) {
        buf_printf(out, "%-*s ", NAME_COLUMNS, "header");
        printable_add(out, span_of(name));
        buf_add_text(out, " = ");
        add_bytes(out, (struct span){value, value == NULL ? 0 : len}, is_revealed);
    }
}

/* JSON is easier to read with lines; what is in it stays as it is. */
static void add_indented(struct buf *out, struct span json)
{
    unsigned depth = 0;
    bool is_text = false;

    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        bool is_empty = i + 1 < json.len && (json.ptr[i + 1] == '}' || json.ptr[i + 1] == ']');

        if (is_text) {
            buf_add_char(out, c);
            if (c == '\\' && i + 1 < json.len) {
                buf_add_char(out, json.ptr[++i]);
            }
            is_text = c != '"';
        } else if ((c == '{' || c == '[') && is_empty) {
            buf_add(out, json.ptr + i++, 2);
        } else if (c == '{' || c == '[') {
            buf_printf(out, "%c\n%*s", c, (int)(2 * ++depth), "");
        } else if (c == '}' || c == ']') {
            buf_printf(out, "\n%*s%c", (int)(2 * --depth), "", c);
        } else if (c == ',') {
            buf_printf(out, ",\n%*s", (int)(2 * depth), "");
        } else {
            buf_add_char(out, c);
            buf_add_text(out, c == ':' ? " " : "");
            is_text = c == '"';
        }
    }
    buf_add_char(out, '\n');
}

/* A value that is none, or bytes nobody can read: their head only with --reveal. */
static void add_undecoded(const struct show *show, struct span value, const char *why,
                          struct buf *out)
{
    if (value.ptr == NULL) {
        add_line(out, "value", SPAN("none"));
        return;
    }
    buf_printf(out, "%-*s %zu bytes, not decoded: ", NAME_COLUMNS, "value", value.len);
    printable_add(out, span_of(why));
    buf_add_char(out, '\n');
    if (show->arguments->is_revealed) {
        buf_printf(out, "%-*s ", NAME_COLUMNS, "");
        printable_add_hex(out, value, SHOW_HEX_BYTES);
        buf_add_char(out, '\n');
    }
}

static void add_event(const struct show *show, const struct read_event *event,
                      const struct whole *whole, const char *why, struct buf *out)
{
    struct buf json;

    if (!event->has_value) {
        add_undecoded(show, whole->value, why, out);
        return;
    }
    buf_printf(out, "%-*s " SPAN_FMT ", %zu bytes\n", NAME_COLUMNS, "value",
               SPAN_ARG(event->record_name), whole->value.len);
    if (!event->has_facts) {
        add_line(out, "contract", span_of(why));
    }
    buf_init(&json, SHOW_BYTES_MAX);
    show_write_event(show, event, &json);
    if (json.is_overflowed) {
        add_line(out, "", SPAN("[too large to be shown]"));
    } else {
        struct buf lines;

        buf_init(&lines, SHOW_BYTES_MAX);
        add_indented(&lines, buf_span(&json));
        for (size_t i = 0; i < lines.len;) { /* line ends are ours, the rest is made harmless */
            size_t end = span_find(buf_span(&lines), '\n', i);

            printable_add(out, span_sub(buf_span(&lines), i, end));
            buf_add_char(out, '\n');
            i = end + 1;
        }
        buf_fini(&lines);
    }
    buf_fini(&json);
}

void show_print(const struct show *show, const struct shown_letter *shown)
{
    struct buf out;

    buf_init(&out, SHOW_BYTES_MAX);
    buf_add_text(&out, show->shown > 0 ? "\n" : "");
    add_head(show, shown->letter, &out);
    add_originals(shown->whole, show->arguments->is_revealed, &out);
    add_event(show, shown->event, shown->whole, shown->why, &out);
    (void)fwrite(out.ptr, 1, out.len, stdout);
    buf_fini(&out);
}
