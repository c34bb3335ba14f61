#include "destinations/tiktok/normalise.h"

#include <string.h>

#include "base/utf8.h"
#include "destinations/tiktok/phone.h"

enum {
    RAW_BYTES_MAX = 1024, /* no identifier is longer; more is somebody's mistake */
    SHA256_DIGITS = 64,
    MD5_DIGITS = 32,
    US_ZIP_DIGITS = 5,
};

/* What a browser's trim() takes off: the pixel's hash must come out the same. */
static bool is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == ' ' || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000 || c == 0xfeff;
}

/* Taken off with it: what copying from a page or a chat leaves at the ends, and nobody sees. */
static bool is_trimmed(uint32_t c)
{
    return is_space(c) || c == 0xad || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069);
}

static struct span trim(struct span s)
{
    uint32_t c;
    size_t step;

    s = span_trim(s);
    while ((step = utf8_decode(s, &c)) > 1 && is_trimmed(c)) {
        s = span_trim(span_sub(s, step, s.len));
    }
    while (s.len > 0 && (s.ptr[s.len - 1] & 0x80) != 0) {
        size_t start = s.len - 1;

        while (start > 0 && (s.ptr[start] & 0xc0) == 0x80) {
            start--;
        }
        if (utf8_decode(span_sub(s, start, s.len), &c) != s.len - start || !is_trimmed(c)) {
            break;
        }
        s = span_trim(span_sub(s, 0, start));
    }
    return s;
}

static bool is_hex(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
            return false;
        }
    }
    return true;
}

bool identifier_is_hashed(struct span raw)
{
    /* Longer than this in white space alone is not looked at: too long to be used anyway. */
    if (raw.len < SHA256_DIGITS || raw.len > RAW_BYTES_MAX) {
        return false;
    }
    raw = trim(raw);
    return raw.len == SHA256_DIGITS && is_hex(raw);
}

/* Punctuation, symbols and spaces of a name; letters, digits and marks stay. */
static bool is_punctuation(uint32_t c)
{
    if (c < 0x80) {
        return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'));
    }
    return (c < 0xc0 && c != 0xaa && c != 0xb5 && c != 0xba) || c == 0xd7 || c == 0xf7 ||
           c == 0x2bb || c == 0x2bc || c == 0x5f3 || c == 0x5f4 ||
           (c >= 0x2000 && c <= 0x206f && c != 0x200c && c != 0x200d) ||
           (c >= 0x3000 && c <= 0x3003) || (c >= 0x3008 && c <= 0x3011) || c == 0x30fb ||
           c == 0xfeff || is_space(c);
}

/* As add_letters(), while it is ASCII; returns how many bytes it was. */
static size_t add_ascii_letters(struct buf *out, struct span s)
{
    char *to = buf_reserve(out, s.len);
    size_t len = 0;
    size_t i = 0;

    for (; to != NULL && i < s.len && (unsigned char)s.ptr[i] < 0x80; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        unsigned char small = c | 0x20;
        bool is_letter = small >= 'a' && small <= 'z';

        if (is_letter || (c >= '0' && c <= '9')) {
            to[len++] = (char)(is_letter ? small : c);
        }
    }
    out->len += len;
    return i;
}

/* Lower-cased and without punctuation. */
static void add_letters(struct buf *out, struct span s)
{
    size_t i = add_ascii_letters(out, s);

    while (i < s.len) {
        uint32_t c;
        size_t step = utf8_decode((struct span){s.ptr + i, s.len - i}, &c);
        char bytes[4];

        if (step == 0) {
            i++; /* not text: a stray byte is no letter */
            continue;
        }
        if (!is_punctuation(c)) {
            buf_add(out, bytes, utf8_encode(utf8_lower(c), bytes));
        }
        i += step;
    }
}

/* Almost every identifier is ASCII: one pass, no look-ups. */
static void add_lower(struct buf *out, struct span s)
{
    char *to = buf_reserve(out, s.len);
    unsigned char seen = 0;

    if (to == NULL) {
        return;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        seen |= c;
        to[i] = (char)((unsigned char)(c - 'A') < 26 ? c + 0x20 : c);
    }
    if (seen < 0x80) {
        out->len += s.len;
    } else {
        utf8_add_lower(out, s);
    }
}

static void add_upper_ascii(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        buf_add_char(out, (char)(c >= 'a' && c <= 'z' ? c - 0x20 : c));
    }
}

/* What cannot stand in an address; blanks and control characters neither. */
static const bool never_in_address[256] = {
    ['<'] = true, ['>'] = true, ['('] = true,  [')'] = true,  [','] = true,
    [';'] = true, ['"'] = true, ['\\'] = true, [0x7f] = true,
};

/* Something before and after one @, nothing that cannot stand in an address. */
static bool is_address(struct span email)
{
    size_t at = span_find(email, '@', 0);

    if (at == 0 || at + 1 >= email.len || span_find(email, '@', at + 1) != email.len) {
        return false;
    }
    for (size_t i = 0; i < email.len; i++) {
        unsigned char c = (unsigned char)email.ptr[i];

        if (c <= ' ' || never_in_address[c]) {
            return false;
        }
    }
    return true;
}

/* @s without characters of @before at its start and of @behind at its end. */
static struct span strip(struct span s, const char *before, const char *behind)
{
    while (s.len > 0 && s.ptr[0] != '\0' && strchr(before, s.ptr[0]) != NULL) {
        s = span_sub(s, 1, s.len);
    }
    while (s.len > 0 && s.ptr[s.len - 1] != '\0' && strchr(behind, s.ptr[s.len - 1]) != NULL) {
        s.len--;
    }
    return s;
}

/* One layer of what people and forms put around an address. */
static struct span unwrap_address(struct span s)
{
    const struct span scheme = SPAN("mailto:");
    size_t open;

    s = strip(trim(s), "\"' ", "\"'., ;");
    open = span_find(s, '<', 0);
    if (open < s.len && s.ptr[s.len - 1] == '>' && span_find(s, '<', open + 1) == s.len) {
        s = strip(span_sub(s, open + 1, s.len - 1), "\"' ", "\"'., ;");
    }
    if (s.len > scheme.len && span_eq_nocase(span_sub(s, 0, scheme.len), scheme)) {
        s = span_sub(s, scheme.len, span_find(s, '?', 0));
    }
    return s;
}

/* The address alone: "Nora <nora@shop.example>", mailto:nora@shop.example?subject=x, with quotation
 * marks around it or a dot behind, and any of these inside another: each round takes something. */
static struct span address_of(struct span s)
{
    size_t before;

    do {
        before = s.len;
        s = unwrap_address(s);
    } while (s.len < before);
    return s;
}

/* Taken out of a URL and decoded once less than it was encoded. */
static bool add_encoded_email(struct buf *out, struct span s)
{
    size_t percent = span_find(s, '%', 0);

    if (span_find(s, '@', 0) < s.len || percent + 3 > s.len ||
        !span_eq(span_sub(s, percent, percent + 3), SPAN("%40"))) {
        return false;
    }
    add_lower(out, span_sub(s, 0, percent));
    buf_add_char(out, '@');
    add_lower(out, span_sub(s, percent + 3, s.len));
    return is_address(buf_span(out));
}

static bool add_email(struct buf *out, struct span s)
{
    s = address_of(s);
    if (!is_address(s)) {
        return add_encoded_email(out, s);
    }
    add_lower(out, s);
    return true;
}

static bool add_phone(struct buf *out, struct span s, struct span country)
{
    char number[PHONE_TEXT_BYTES];
    size_t len = phone_to_e164(s, country, number);

    buf_add(out, number, len);
    return len > 0;
}

static bool add_zip(struct buf *out, struct span s, struct span country)
{
    add_letters(out, s);
    if (!span_eq_nocase(country, SPAN("us"))) {
        return true;
    }
    if (out->len < US_ZIP_DIGITS) {
        return false; /* a lost leading zero cannot be told from a missing digit */
    }
    for (size_t i = 0; i < US_ZIP_DIGITS; i++) {
        if (out->ptr[i] < '0' || out->ptr[i] > '9') {
            return false;
        }
    }
    buf_truncate(out, US_ZIP_DIGITS);
    return true;
}

/* Letters, digits and hyphens. All zeros is what a device says that withholds its id. */
static bool is_device_id(struct span s)
{
    bool is_zero = true;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_letter && !(c >= '0' && c <= '9') && c != '-') {
            return false;
        }
        is_zero = is_zero && (c == '0' || c == '-');
    }
    return !is_zero;
}

static bool add_device_id(struct buf *out, struct span s, bool is_upper)
{
    if (!is_device_id(s)) {
        return false;
    }
    if (is_upper) {
        add_upper_ascii(out, s);
    } else {
        add_lower(out, s);
    }
    return true;
}

static bool add_country(struct buf *out, struct span s)
{
    add_letters(out, s);
    return out->len == 2 && out->ptr[0] >= 'a' && out->ptr[0] <= 'z' && out->ptr[1] >= 'a' &&
           out->ptr[1] <= 'z';
}

static bool add_normalised(enum identifier kind, struct span s, struct span country,
                           struct buf *out)
{
    switch (kind) {
    case IDENTIFIER_EMAIL:
        return add_email(out, s);
    case IDENTIFIER_PHONE:
        return add_phone(out, s, country);
    case IDENTIFIER_EXTERNAL_ID:
        buf_add_span(out, s);
        return true;
    case IDENTIFIER_NAME:
    case IDENTIFIER_PLACE:
        add_letters(out, s);
        return true;
    case IDENTIFIER_ZIP:
        return add_zip(out, s, country);
    case IDENTIFIER_IDFA:
        return add_device_id(out, s, true);
    case IDENTIFIER_GAID:
        return add_device_id(out, s, false);
    case IDENTIFIER_COUNTRY:
        return add_country(out, s);
    }
    return false;
}

static bool is_hash_taken(enum identifier kind)
{
    return kind != IDENTIFIER_PLACE && kind != IDENTIFIER_COUNTRY;
}

/* Whoever is called Null has the hash of everybody whose name was missing: it is not sent. */
static bool is_nothing(struct span s)
{
    return s.len == 0 || span_eq_nocase(s, SPAN("null")) || span_eq_nocase(s, SPAN("undefined"));
}

bool identifier_normalise(enum identifier kind, struct span raw, struct span country,
                          struct buf *out)
{
    buf_clear(out);
    if (raw.len > RAW_BYTES_MAX) {
        return false;
    }
    raw = trim(raw);
    if (is_nothing(raw)) {
        return false;
    }
    if (raw.len == SHA256_DIGITS && is_hex(raw)) {
        add_lower(out, raw);
        return is_hash_taken(kind) && !out->is_overflowed;
    }
    if (raw.len == MD5_DIGITS && is_hex(raw)) {
        return false; /* another hash: TikTok would take it and never match it */
    }
    return add_normalised(kind, raw, country, out) && !is_nothing(buf_span(out)) &&
           !out->is_overflowed;
}
