#include "destinations/tiktok/prefix.h"

/* Where the reader stands, in the outermost object: before a name, or before its value. */
struct scan {
    struct span text;
    size_t at;
    unsigned depth;
    struct span name; /* of the member whose value comes; SPAN_NONE: a name comes */
    bool has_colon;
};

/* The text behind the opening quote, up to the closing one; false: it is cut off. */
static bool take_text(struct scan *scan, struct span *out)
{
    size_t from = ++scan->at;

    while (scan->at < scan->text.len && scan->text.ptr[scan->at] != '"') {
        scan->at += scan->text.ptr[scan->at] == '\\' ? 2 : 1;
    }
    if (scan->at >= scan->text.len) {
        return false;
    }
    *out = span_sub(scan->text, from, scan->at++);
    return true;
}

/* A number or a word; false: it may go on in what was cut off. */
static bool take_word(struct scan *scan, struct span *out)
{
    static const char ends[] = ",}] \t\r\n";
    size_t from = scan->at;

    while (scan->at < scan->text.len &&
           span_find(SPAN(ends), scan->text.ptr[scan->at], 0) == sizeof(ends) - 1) {
        scan->at++;
    }
    *out = span_sub(scan->text, from, scan->at);
    return scan->at < scan->text.len;
}

static bool is_integer(struct span word)
{
    return word.len > 0 && word.ptr[0] != '+' &&
           (word.len == 1 || (word.ptr[0] != '0' && !span_starts(word, SPAN("-0"))));
}

static bool take_code(struct scan *scan, struct span word, int32_t *code, unsigned *seen)
{
    int64_t number;

    if (scan->depth != 1 || !scan->has_colon || !span_is(scan->name, "code")) {
        return true;
    }
    if (!is_integer(word) || !span_to_i64(word, &number) || number <= INT32_MIN ||
        number > INT32_MAX) {
        return false;
    }
    *code = (int32_t)number;
    ++*seen;
    return true;
}

/* One token; false: nothing more can be read, or it is no JSON object. */
static bool step(struct scan *scan, int32_t *code, unsigned *seen)
{
    char c = scan->text.ptr[scan->at];
    struct span token;

    switch (c) {
    case '{':
    case '[':
        scan->depth++;
        break;
    case '}':
    case ']':
        scan->depth -= scan->depth > 0;
        break;
    case ',':
        scan->has_colon = scan->depth == 1 ? false : scan->has_colon;
        scan->name = scan->depth == 1 ? SPAN_NONE : scan->name;
        break;
    case ':':
        scan->has_colon = scan->depth == 1 ? true : scan->has_colon;
        break;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        break;
    case '"':
        if (!take_text(scan, &token)) {
            return false;
        }
        if (scan->depth == 1 && !scan->has_colon) {
            scan->name = token;
        }
        return true;
    default:
        return take_word(scan, &token) && take_code(scan, token, code, seen);
    }
    scan->at++;
    return scan->depth > 0;
}

bool prefix_read_code(struct span text, int32_t *code)
{
    struct scan scan = {.text = text};
    unsigned seen = 0;

    if (!span_starts(text, SPAN("{"))) {
        return false;
    }
    while (scan.at < text.len && step(&scan, code, &seen)) {
    }
    return seen == 1;
}
