#include "destinations/tiktok/message.h"

#include <string.h>

#include "destinations/tiktok/fields.h"

enum { INDEX_DIGITS_MAX = 6, MESSAGE_BYTES_MAX = 4096 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A character of a dotted name. */
static bool is_name_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

/* Does @word stand at @at, whatever its case? */
static bool has_word_at(struct span s, size_t at, struct span word)
{
    return s.len - at >= word.len && span_eq_nocase(span_sub(s, at, at + word.len), word);
}

/* ".3" or "[3]" at @at; gives the place behind it, or 0. */
static size_t read_index(struct span s, size_t at, size_t *index)
{
    bool is_bracket;
    size_t from;

    if (at >= s.len || (s.ptr[at] != '.' && s.ptr[at] != '[')) {
        return 0;
    }
    is_bracket = s.ptr[at] == '[';
    from = ++at;
    *index = 0;
    while (at < s.len && is_digit(s.ptr[at]) && at - from < INDEX_DIGITS_MAX) {
        *index = *index * 10 + (size_t)(s.ptr[at++] - '0');
    }
    if (at == from) {
        return 0;
    }
    if (is_bracket) {
        return at < s.len && s.ptr[at] == ']' ? at + 1 : 0;
    }
    /* "3rd", "30000000": not an index of ours */
    return at < s.len && is_name_char(s.ptr[at]) && s.ptr[at] != '.' ? 0 : at;
}

/* "Batch.3.", "data[3]", "events.3" at @at: gives the place behind the index, or 0. */
static size_t read_item(struct span s, size_t at, size_t *index)
{
    static const char *const words[] = {"batch", "data", "events"};

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct span word = span_of(words[i]);
        size_t behind = has_word_at(s, at, word) ? read_index(s, at + word.len, index) : 0;

        if (behind != 0) {
            return behind;
        }
    }
    return 0;
}

/* Does a field path stand at @at, with nothing behind it or the colon that the reason follows? */
static bool is_path_at(struct span s, size_t at)
{
    size_t end = at;

    while (end < s.len && (is_name_char(s.ptr[end]) || s.ptr[end] == '[' || s.ptr[end] == ']')) {
        end++;
    }
    return end > at && (end == s.len || s.ptr[end] == ':');
}

/* The dotted name from @at on, without dots at its ends. */
static struct span name_at(struct span s, size_t at)
{
    size_t end;

    while (at < s.len && s.ptr[at] == '.') {
        at++;
    }
    end = at;
    while (end < s.len && is_name_char(s.ptr[end])) {
        end++;
    }
    while (end > at && s.ptr[end - 1] == '.') {
        end--;
    }
    return span_sub(s, at, end);
}

static bool is_number(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0 && s.len <= INDEX_DIGITS_MAX;
}

/* Every part is an index or a word of the API: an echoed value is not passed on. */
static bool is_known(struct span name)
{
    size_t from = 0;
    bool has_word = false;

    if (name.len == 0 || name.len >= MESSAGE_FIELD_BYTES) {
        return false;
    }
    while (from <= name.len) {
        size_t to = span_find(name, '.', from);
        struct span part = span_sub(name, from, to);

        if (!is_number(part)) {
            if (!tiktok_field_is_word(part)) {
                return false;
            }
            has_word = true;
        }
        from = to + 1;
    }
    return has_word;
}

/* Only the place where the service itself puts a field path is looked at: the beginning, or behind
 * the words it begins with. Anything further on may be the echo of a value, and then an event would
 * choose whom the answer is about. */
void message_read(struct span message, size_t count, struct message_hint *out)
{
    const struct span lead = SPAN("invalid value for ");
    struct span text = span_trim(message);
    size_t at = has_word_at(text, 0, lead) ? lead.len : 0;
    struct span name;
    size_t behind;

    *out = (struct message_hint){0};
    if (text.len > MESSAGE_BYTES_MAX || !is_path_at(text, at)) {
        return;
    }
    behind = read_item(text, at, &out->item);
    out->has_item = behind != 0 && out->item < count;
    name = name_at(text, behind != 0 ? behind : at);
    if (!is_known(name)) {
        return;
    }
    memcpy(out->field, name.ptr, name.len);
    out->field[name.len] = '\0';
    if (behind == 0) {
        out->is_source = span_is(name, "event_source_id") || span_is(name, "pixel_code");
        out->is_request = out->is_source || span_is(name, "event_source") ||
                          span_is(name, "test_event_code") || span_is(name, "partner_name");
    }
}
