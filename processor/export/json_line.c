#include "export/json_line.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/money.h"
#include "base/utf8.h"
#include "recovery/mask.h"

enum { REAL_DIGITS = 15 };

#define HIDDEN "[hidden]"

/* hiding */

/* A page says by its query who looked at it. */
static json_t *masked_text(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '?' || text.ptr[i] == '#') {
            return json_sprintf("%.*s?" HIDDEN, (int)i, text.ptr);
        }
    }
    return json_stringn(text.ptr, text.len);
}

static bool is_url(struct span text)
{
    return memmem(text.ptr, text.len, "://", 3) != NULL;
}

static json_t *masked(const json_t *value, bool is_personal)
{
    struct span text = json_is_string(value)
                           ? (struct span){json_string_value(value), json_string_length(value)}
                           : SPAN_NONE;
    const char *name;
    json_t *member;
    json_t *out;
    size_t i;

    if (json_is_object(value)) {
        out = json_object();
        json_object_foreach((json_t *)(uintptr_t)value, name, member)
        {
            json_object_set_new(
                out, name, masked(member, is_personal || mask_is_personal_name(span_of(name))));
        }
        return out;
    }
    if (json_is_array(value)) {
        out = json_array();
        json_array_foreach(value, i, member)
        {
            json_array_append_new(out, masked(member, is_personal));
        }
        return out;
    }
    if (is_personal || (text.ptr != NULL && mask_is_personal_text(text))) {
        return json_string(HIDDEN);
    }
    return text.ptr != NULL && is_url(text) ? masked_text(text) : json_deep_copy(value);
}

/* What is no JSON is hidden whole. */
static void add_masked(struct buf *out, struct span item)
{
    json_t *whole = json_loadb(item.ptr, item.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    json_t *hidden = whole == NULL ? json_string(HIDDEN) : masked(whole, false);
    char *text =
        json_dumps(hidden, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(REAL_DIGITS));

    buf_add_text(out, text == NULL ? "null" : text);
    free(text);
    json_decref(hidden);
    json_decref(whole);
}

/* writing */

static void add_text(struct buf *out, const char *name, struct span text)
{
    buf_printf(out, "\"%s\":", name);
    if (text.ptr == NULL || !utf8_is_valid(text.ptr, text.len)) {
        buf_add_text(out, "null");
    } else {
        buf_add_json_string(out, text);
    }
    buf_add_char(out, ',');
}

static void add_time(struct buf *out, const char *name, int64_t at_ms)
{
    char text[CLOCK_ISO_BYTES];

    add_text(out, name, at_ms < 0 ? SPAN_NONE : span_of(clock_iso(at_ms, text)));
}

static void add_value(struct buf *out, const struct facts *facts)
{
    char text[MONEY_TEXT_BYTES];
    struct money money;
    bool is_exact = facts->has_value && money_of_double(facts->value, &money);

    if (is_exact) {
        (void)money_text(money, text);
    }
    add_text(out, "value", is_exact ? span_of(text) : SPAN_NONE);
    add_text(out, "currency", facts->currency);
}

void json_line_write(const struct json_line *line, bool is_masked, struct buf *out)
{
    const struct dead_letter *letter = &line->letter->record.letter;

    buf_add_char(out, '{');
    add_text(out, "event_id", line->id);
    add_text(out, "event_type", line->facts->type);
    add_time(out, "event_time", line->facts->time_ms);
    add_value(out, line->facts);
    add_text(out, "destination", line->destination);
    add_text(out, "route", letter->route);
    add_text(out, "reason", letter->reason);
    add_text(out, "outage", letter->outage);
    add_text(out, "topic", line->letter->record.view.topic);
    buf_printf(out, "\"partition\":%d,\"offset\":%lld,\"item\":", line->letter->place.partition,
               (long long)line->letter->place.offset);
    if (is_masked) {
        add_masked(out, line->item);
    } else {
        buf_add_span(out, line->item);
    }
    buf_add_text(out, "}\n");
}
