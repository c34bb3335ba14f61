#include "schema/path.h"

#include "base/absent.h"
#include "base/utf8.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_encoded(struct span text)
{
    return span_find(text, '%', 0) < text.len || span_find(text, '+', 0) < text.len;
}

struct span url_decode(struct span text, struct arena *arena)
{
    size_t len = 0;
    char *out;

    if (!is_encoded(text)) {
        return utf8_is_valid(text.ptr, text.len) ? text : SPAN_NONE;
    }
    out = arena_alloc(arena, text.len);
    if (out == NULL) {
        return SPAN_NONE;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return SPAN_NONE;
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        out[len++] = c;
    }
    return utf8_is_valid(out, len) ? (struct span){out, len} : SPAN_NONE;
}

static enum name_match match_name(struct span written, struct span name, struct arena *arena)
{
    if (written.len < name.len) {
        return NAME_OTHER; /* decoding only makes it shorter */
    }
    if (span_eq(written, name)) {
        return NAME_EXACT;
    }
    if (is_encoded(written)) {
        written = url_decode(written, arena);
    }
    if (written.ptr == NULL || !span_eq_nocase(written, name)) {
        return NAME_OTHER;
    }
    return span_eq(written, name) ? NAME_EXACT : NAME_NOCASE;
}

/* What is left of an escaped ampersand before a name. */
static const struct span leftovers[] = {{"amp;", 4}, {"#38;", 4}, {"#x26;", 5}};

static size_t leftover_len(struct span text)
{
    if (text.len == 0 || (text.ptr[0] != '#' && (text.ptr[0] | 0x20) != 'a')) {
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(leftovers); i++) {
        size_t len = leftovers[i].len;

        if (text.len >= len && span_eq_nocase(span_sub(text, 0, len), leftovers[i])) {
            return len;
        }
    }
    return 0;
}

/* Where the fragment begins: at a # that is not part of an escaped ampersand. */
static size_t find_fragment(struct span url)
{
    size_t at = span_find(url, '#', 0);

    while (at < url.len && at > 0 && url.ptr[at - 1] == '&' &&
           leftover_len(span_sub(url, at, url.len)) > 0) {
        at = span_find(url, '#', at + 1);
    }
    return at;
}

struct url_query url_query_open(struct span url)
{
    struct url_query query = {.url = url};

    if (url.ptr != NULL) {
        query.end = find_fragment(url);
        query.at = MIN_OF(span_find(url, '?', 0), query.end);
    }
    return query;
}

/* Go on to the query that stands in the fragment: behind the question mark of a router's path, or,
 * where the URL has none of its own, as the fragment: #utm_source=tiktok&utm_medium=cpc. */
static bool enter_fragment(struct url_query *query)
{
    struct span url = query->url;
    size_t from = query->end + 1; /* behind the # */
    bool is_path = from < url.len && (url.ptr[from] == '/' || url.ptr[from] == '!');

    if (query->is_in_fragment || from >= url.len ||
        (!is_path && span_find(url, '?', 0) < query->end)) {
        return false;
    }
    query->is_in_fragment = true;
    query->at = span_find(url, '?', from);
    if (query->at >= url.len && !is_path && span_find(url, '=', from) < url.len) {
        query->at = query->end;
    }
    query->end = url.len;
    return true;
}

/* The next parameter of this part. */
static bool next_in_part(struct url_query *query, struct span *name, struct span *value)
{
    struct span url = query->url;

    while (query->at < query->end) {
        size_t from = query->at + 1;
        size_t stop;
        size_t equals;
        size_t skip;

        while ((skip = leftover_len(span_sub(url, MIN_OF(from, query->end), query->end))) > 0) {
            from += skip;
        }
        stop = MIN_OF(span_find(url, '&', from), query->end);
        equals = MIN_OF(span_find(url, '=', from), stop);
        query->at = stop;
        if (stop > from) {
            *name = span_sub(url, from, equals);
            *value = span_sub(url, MIN_OF(equals + 1, stop), stop);
            return true;
        }
    }
    return false;
}

bool url_query_next(struct url_query *query, struct span *name, struct span *value)
{
    return next_in_part(query, name, value) ||
           (enter_fragment(query) && next_in_part(query, name, value));
}

/* How good a value is: the best one wins, the first of equals. */
static int rank(enum name_match match, struct span value)
{
    int worth = value.len == 0 ? 0 : text_is_absent(value, TEXT_CODE) ? 1 : 2;

    return value.ptr == NULL ? 0 : 1 + worth * 2 + (match == NAME_EXACT);
}

struct span url_query_get(struct span url, struct span name, struct arena *arena)
{
    const int best_of_all = 1 + 2 * 2 + 1;
    struct url_query query = url_query_open(url);
    struct span best = SPAN_NONE;
    struct span written;
    struct span value;
    int best_rank = 0;

    while (best_rank < best_of_all && url_query_next(&query, &written, &value)) {
        enum name_match match = match_name(written, name, arena);
        int found;

        if (match == NAME_OTHER) {
            continue;
        }
        value = url_decode(value, arena);
        found = rank(match, value);
        if (found > best_rank) {
            best_rank = found;
            best = value;
        }
    }
    return best;
}
