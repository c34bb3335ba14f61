/* The typed values of config/yaml.h: a number and its unit, written together. */
#include "config/yaml.h"

#include <math.h>

struct unit {
    const char *word;
    uint64_t factor;
};

static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000},
};

static const struct unit sizes[] = {
    {"", 1},
    {"B", 1},
    {"KiB", 1024},
    {"MiB", 1024 * 1024},
    {"GiB", 1024 * 1024 * 1024},
    {"kB", 1000},
    {"KB", 1000},
    {"MB", 1000 * 1000},
    {"GB", 1000 * 1000 * 1000},
};

/* Decimal digits at the start; how many, 0 when there are none or they overflow. */
static size_t read_digits(struct span text, uint64_t *out)
{
    size_t used = 0;

    *out = 0;
    while (used < text.len && text.ptr[used] >= '0' && text.ptr[used] <= '9') {
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(text.ptr[used] - '0'), out)) {
            return 0;
        }
        used++;
    }
    return used;
}

static bool read_scaled(struct span text, const struct unit *units, size_t count, uint64_t *out)
{
    uint64_t number;
    size_t used = read_digits(text, &number);
    struct span word = span_sub(text, used, text.len);

    if (used == 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (span_is(word, units[i].word)) {
            return !__builtin_mul_overflow(number, units[i].factor, out);
        }
    }
    return false;
}

bool value_duration(struct span text, uint64_t *ms)
{
    return read_scaled(text, durations, COUNT_OF(durations), ms);
}

bool value_size(struct span text, uint64_t *bytes)
{
    return read_scaled(text, sizes, COUNT_OF(sizes), bytes);
}

/* No sign and no exponent: "1e3/s" is more likely a mistake than intended. */
static bool read_plain_number(struct span text, double *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= '0' && c <= '9') || (c == '.' && i > 0 && i + 1 < text.len))) {
            return false;
        }
    }
    return text.len > 0 && span_to_double(text, out) && isfinite(*out);
}

bool value_percent(struct span text, double *fraction)
{
    double percent;

    if (text.len < 2 || text.ptr[text.len - 1] != '%' ||
        !read_plain_number(span_sub(text, 0, text.len - 1), &percent) || percent > 100) {
        return false;
    }
    *fraction = percent / 100;
    return true;
}

bool value_rate(struct span text, double *per_second)
{
    size_t slash = span_find(text, '/', 0);
    struct span unit = slash < text.len ? span_sub(text, slash + 1, text.len) : SPAN_NONE;
    double seconds = span_is(unit, "s")   ? 1
                     : span_is(unit, "m") ? 60
                     : span_is(unit, "h") ? 3600
                                          : 0;
    double number;

    if (seconds == 0 || !read_plain_number(span_sub(text, 0, slash), &number)) {
        return false;
    }
    *per_second = number / seconds;
    return true;
}

bool value_duration_range(struct span text, uint64_t *from_ms, uint64_t *to_ms)
{
    size_t dots = 0;

    while (dots + 1 < text.len && !(text.ptr[dots] == '.' && text.ptr[dots + 1] == '.')) {
        dots++;
    }
    return dots + 2 < text.len && value_duration(span_sub(text, 0, dots), from_ms) &&
           value_duration(span_sub(text, dots + 2, text.len), to_ms);
}

bool value_durations(struct span text, uint64_t *from_ms, uint64_t *to_ms)
{
    if (value_duration(text, from_ms)) {
        *to_ms = *from_ms;
        return true;
    }
    return value_duration_range(text, from_ms, to_ms) && *from_ms <= *to_ms;
}

bool value_listen(struct span text, struct span *host, uint16_t *port)
{
    size_t colon = text.len;
    int64_t number = -1;

    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2 || !span_to_i64(span_sub(text, colon, text.len), &number) || number < 0 ||
        number > UINT16_MAX) {
        return false;
    }
    *host = span_sub(text, 0, colon - 1);
    if (host->len > 2 && host->ptr[0] == '[' && span_ends(*host, SPAN("]"))) {
        *host = span_sub(*host, 1, host->len - 1);
    }
    *port = (uint16_t)number;
    return true;
}
