#include "base/span.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

bool span_eq_nocase(struct span a, struct span b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower((unsigned char)a.ptr[i]) != lower((unsigned char)b.ptr[i])) {
            return false;
        }
    }
    return true;
}

int span_cmp(struct span a, struct span b)
{
    size_t n = MIN_OF(a.len, b.len);
    int order = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);

    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

bool span_to_i64(struct span s, int64_t *out)
{
    bool is_negative = false;
    uint64_t magnitude = 0;
    uint64_t limit;
    size_t i = 0;

    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        is_negative = s.ptr[0] == '-';
        i = 1;
    }
    limit = is_negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    if (i == s.len) {
        return false;
    }
    for (; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';

        if (digit > 9 || magnitude > (limit - digit) / 10) {
            return false;
        }
        magnitude = magnitude * 10 + digit;
    }
    *out = is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool span_to_double(struct span s, double *out)
{
    char text[64];
    char *end = NULL;
    double number;

    if (s.len == 0 || s.len >= sizeof(text)) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!((c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E')) {
            return false;
        }
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    errno = 0;
    number = strtod(text, &end);
    if (end != text + s.len || !isfinite(number)) {
        return false;
    }
    *out = number;
    return true;
}

static uint64_t hash_seed; /* 0: not drawn yet */

void span_hash_fix(uint64_t seed)
{
    __atomic_store_n(&hash_seed, seed | 1, __ATOMIC_RELAXED);
}

/* FNV-1a over a random start, finished by a multiply-xor mix: short keys, hostile authors. */
uint64_t span_hash(struct span s)
{
    uint64_t h = __atomic_load_n(&hash_seed, __ATOMIC_RELAXED);

    if (UNLIKELY(h == 0)) {
        uint64_t drawn = 0;
        uint64_t none = 0;

        if (getrandom(&drawn, sizeof(drawn), 0) != (ssize_t)sizeof(drawn)) {
            drawn = 0x9e3779b97f4a7c15u;
        }
        drawn |= 1;
        (void)__atomic_compare_exchange_n(&hash_seed, &none, drawn, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED);
        h = __atomic_load_n(&hash_seed, __ATOMIC_RELAXED);
    }
    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
    }
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}
