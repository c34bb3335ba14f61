/* One dead letter for programs. */
#include "recovery/dlq_show_inside.h"
#include "recovery/printable.h"

static json_t *hex_json(struct span bytes)
{
    struct buf text;
    json_t *out;

    buf_init(&text, SHOW_BYTES_MAX);
    printable_add_hex(&text, bytes, SHOW_HEX_BYTES);
    out = json_string(buf_text(&text));
    buf_fini(&text);
    return out;
}

static json_t *bytes_json(struct span bytes, bool is_revealed)
{
    json_t *text = is_revealed && bytes.ptr != NULL ? json_stringn(bytes.ptr, bytes.len) : NULL;

    if (bytes.ptr == NULL) {
        return json_null();
    }
    if (is_revealed) {
        return text == NULL
                   ? json_pack("{s:I, s:o}", "bytes", (json_int_t)bytes.len, "hex", hex_json(bytes))
                   : json_pack("{s:I, s:o}", "bytes", (json_int_t)bytes.len, "text", text);
    }
    return json_pack("{s:I}", "bytes", (json_int_t)bytes.len);
}

static json_t *headers_json_of(const struct whole *whole, bool is_revealed)
{
    json_t *array = json_array();
    const char *name;
    const void *value;
    size_t len;

    for (size_t i = 0; rd_kafka_header_get_all(whole->headers, i, &name, &value, &len) == 0; i++) {
        struct buf safe;

        buf_init(&safe, SHOW_BYTES_MAX);
        printable_add(&safe, span_of(name));
        json_array_append_new(
            array,
            json_pack("{s:s, s:o}", "name", buf_text(&safe), "value",
                      bytes_json((struct span){value, value == NULL ? 0 : len}, is_revealed)));
        buf_fini(&safe);
    }
    return array;
}

static json_t *event_json(const struct show *show, const struct read_event *event)
{
    struct buf text;
    json_t *out = NULL;

    buf_init(&text, SHOW_BYTES_MAX);
    if (event->has_value) {
        show_write_event(show, event, &text);
        out = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    }
    buf_fini(&text);
    return out == NULL ? json_null() : out;
}

static json_t *error_of(const struct dead_letter *letter)
{
    return letter->error.ptr == NULL ? json_null()
                                     : json_stringn(letter->error.ptr, letter->error.len);
}

void show_add_json(struct show *show, const struct shown_letter *shown)
{
    const struct read_event *event = shown->event;
    const struct whole *whole = shown->whole;
    bool is_revealed = show->arguments->is_revealed;
    json_t *out = dlq_letter_json(shown->letter);

    if (is_revealed) {
        json_object_set_new(out, "error", error_of(&shown->letter->record.letter));
    }
    json_object_set_new(out, "key", bytes_json(whole->key, is_revealed));
    json_object_set_new(out, "headers", headers_json_of(whole, is_revealed));
    json_object_set_new(out, "value",
                        event->has_value ? json_pack("{s:I}", "bytes", (json_int_t)whole->value.len)
                                         : bytes_json(whole->value, is_revealed));
    json_object_set_new(out, "record",
                        event->has_value
                            ? json_stringn(event->record_name.ptr, event->record_name.len)
                            : json_null());
    json_object_set_new(out, "event", event_json(show, event));
    json_object_set_new(out, "why", shown->why[0] == '\0' ? json_null() : json_string(shown->why));
    json_array_append_new(show->array, out);
}
