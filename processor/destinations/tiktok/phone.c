#include "destinations/tiktok/phone.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum {
    DIGITS_MAX = 15, /* E.164, country code included */
    DIGITS_MIN = 7,
    PLAIN_BYTES_MAX = 256,
    EXTENSION_DIGITS_MAX = 8,
    TYPED_MAX = 24,        /* digits a person may type: exit code and trunk zero on top */
    BARE_COUNTRY_MIN = 11, /* without a plus this many digits hold a country code */
};

/* How a country dials: the trunk prefix is not part of the number seen from abroad. */
struct dialling {
    char country[3];
    char code[4];
    char trunk[3];     /* empty: numbers are dialled as they are */
    char exit[5];      /* empty: 00 */
    uint8_t min;       /* digits of a national number without the trunk prefix */
    uint8_t max;       /* beyond this a number without plus holds a country code */
    bool is_zero_kept; /* a leading zero belongs to the number: +39 06 ... */
};

/* By country, for the binary search. */
static const struct dialling diallings[] = {
    {"AD", "376", "", "", 6, 9, false},      {"AE", "971", "0", "", 8, 9, false},
    {"AF", "93", "0", "", 9, 9, false},      {"AL", "355", "0", "", 8, 9, false},
    {"AM", "374", "0", "", 8, 8, false},     {"AO", "244", "", "", 9, 9, false},
    {"AR", "54", "0", "", 10, 11, false},    {"AT", "43", "0", "", 6, 13, false},
    {"AU", "61", "0", "0011", 9, 9, false},  {"AZ", "994", "0", "", 9, 9, false},
    {"BA", "387", "0", "", 8, 9, false},     {"BD", "880", "0", "", 8, 10, false},
    {"BE", "32", "0", "", 8, 9, false},      {"BF", "226", "", "", 8, 8, false},
    {"BG", "359", "0", "", 7, 9, false},     {"BH", "973", "", "", 8, 8, false},
    {"BI", "257", "", "", 8, 8, false},      {"BJ", "229", "", "", 8, 10, true},
    {"BN", "673", "", "", 7, 7, false},      {"BO", "591", "0", "", 8, 8, false},
    {"BR", "55", "0", "", 10, 11, false},    {"BW", "267", "", "", 7, 8, false},
    {"BY", "375", "80", "810", 9, 9, false}, {"CA", "1", "1", "011", 10, 10, false},
    {"CD", "243", "0", "", 9, 9, false},     {"CG", "242", "", "", 9, 9, true},
    {"CH", "41", "0", "", 9, 9, false},      {"CI", "225", "", "", 10, 10, true},
    {"CL", "56", "", "", 9, 9, false},       {"CM", "237", "", "", 9, 9, false},
    {"CN", "86", "0", "", 9, 11, false},     {"CO", "57", "", "", 8, 10, false},
    {"CR", "506", "", "", 8, 8, false},      {"CU", "53", "0", "", 8, 8, false},
    {"CY", "357", "", "", 8, 8, false},      {"CZ", "420", "", "", 9, 9, false},
    {"DE", "49", "0", "", 6, 11, false},     {"DK", "45", "", "", 8, 8, false},
    {"DO", "1", "1", "011", 10, 10, false},  {"DZ", "213", "0", "", 8, 9, false},
    {"EC", "593", "0", "", 8, 9, false},     {"EE", "372", "", "", 7, 8, false},
    {"EG", "20", "0", "", 8, 10, false},     {"ES", "34", "", "", 9, 9, false},
    {"ET", "251", "0", "", 9, 9, false},     {"FI", "358", "0", "", 6, 11, false},
    {"FJ", "679", "", "", 7, 7, false},      {"FR", "33", "0", "", 9, 9, false},
    {"GA", "241", "0", "", 7, 8, false},     {"GB", "44", "0", "", 9, 10, false},
    {"GE", "995", "0", "", 9, 9, false},     {"GH", "233", "0", "", 9, 9, false},
    {"GI", "350", "", "", 8, 8, false},      {"GN", "224", "", "", 8, 9, false},
    {"GR", "30", "", "", 10, 10, false},     {"GT", "502", "", "", 8, 8, false},
    {"HK", "852", "", "001", 8, 8, false},   {"HN", "504", "", "", 8, 8, false},
    {"HR", "385", "0", "", 8, 9, false},     {"HU", "36", "06", "", 8, 9, false},
    {"ID", "62", "0", "001", 8, 12, false},  {"IE", "353", "0", "", 7, 9, false},
    {"IL", "972", "0", "", 8, 9, false},     {"IN", "91", "0", "", 10, 10, false},
    {"IQ", "964", "0", "", 8, 10, false},    {"IR", "98", "0", "", 10, 10, false},
    {"IS", "354", "", "", 7, 9, false},      {"IT", "39", "", "", 6, 11, true},
    {"JM", "1", "1", "011", 10, 10, false},  {"JO", "962", "0", "", 8, 9, false},
    {"JP", "81", "0", "010", 9, 10, false},  {"KE", "254", "0", "", 9, 9, false},
    {"KG", "996", "0", "", 9, 9, false},     {"KH", "855", "0", "001", 8, 9, false},
    {"KR", "82", "0", "001", 8, 10, false},  {"KW", "965", "", "", 8, 8, false},
    {"KZ", "7", "8", "810", 10, 10, false},  {"LA", "856", "0", "", 8, 10, false},
    {"LB", "961", "0", "", 7, 8, false},     {"LI", "423", "", "", 7, 9, false},
    {"LK", "94", "0", "", 9, 9, false},      {"LT", "370", "8", "", 8, 8, false},
    {"LU", "352", "", "", 6, 11, false},     {"LV", "371", "", "", 8, 8, false},
    {"LY", "218", "0", "", 9, 9, false},     {"MA", "212", "0", "", 9, 9, false},
    {"MC", "377", "", "", 8, 9, false},      {"MD", "373", "0", "", 8, 8, false},
    {"ME", "382", "0", "", 8, 8, false},     {"MG", "261", "0", "", 9, 9, false},
    {"MK", "389", "0", "", 8, 8, false},     {"ML", "223", "", "", 8, 8, false},
    {"MM", "95", "0", "", 7, 10, false},     {"MN", "976", "0", "", 8, 8, false},
    {"MO", "853", "", "", 8, 8, false},      {"MT", "356", "", "", 8, 8, false},
    {"MU", "230", "", "", 7, 8, false},      {"MV", "960", "", "", 7, 7, false},
    {"MX", "52", "", "", 10, 10, false},     {"MY", "60", "0", "", 8, 10, false},
    {"MZ", "258", "", "", 9, 9, false},      {"NA", "264", "0", "", 8, 9, false},
    {"NE", "227", "", "", 8, 8, false},      {"NG", "234", "0", "", 8, 10, false},
    {"NI", "505", "", "", 8, 8, false},      {"NL", "31", "0", "", 9, 9, false},
    {"NO", "47", "", "", 8, 8, false},       {"NP", "977", "0", "", 8, 10, false},
    {"NZ", "64", "0", "", 8, 10, false},     {"OM", "968", "", "", 8, 8, false},
    {"PA", "507", "", "", 7, 8, false},      {"PE", "51", "0", "", 8, 9, false},
    {"PH", "63", "0", "", 8, 10, false},     {"PK", "92", "0", "", 9, 10, false},
    {"PL", "48", "", "", 9, 9, false},       {"PR", "1", "1", "011", 10, 10, false},
    {"PS", "970", "0", "", 8, 9, false},     {"PT", "351", "", "", 9, 9, false},
    {"PY", "595", "0", "", 8, 9, false},     {"QA", "974", "", "", 8, 8, false},
    {"RO", "40", "0", "", 9, 9, false},      {"RS", "381", "0", "", 8, 9, false},
    {"RU", "7", "8", "810", 10, 10, false},  {"RW", "250", "0", "", 9, 9, false},
    {"SA", "966", "0", "", 8, 9, false},     {"SD", "249", "0", "", 9, 9, false},
    {"SE", "46", "0", "", 7, 9, false},      {"SG", "65", "", "001", 8, 8, false},
    {"SI", "386", "0", "", 8, 8, false},     {"SK", "421", "0", "", 9, 9, false},
    {"SM", "378", "", "", 6, 10, true},      {"SN", "221", "", "", 9, 9, false},
    {"SV", "503", "", "", 8, 8, false},      {"SY", "963", "0", "", 8, 9, false},
    {"TG", "228", "", "", 8, 8, false},      {"TH", "66", "0", "001", 8, 9, false},
    {"TJ", "992", "", "", 9, 9, false},      {"TM", "993", "8", "810", 8, 8, false},
    {"TN", "216", "", "", 8, 8, false},      {"TR", "90", "0", "", 10, 10, false},
    {"TT", "1", "1", "011", 10, 10, false},  {"TW", "886", "0", "002", 8, 9, false},
    {"TZ", "255", "0", "", 9, 9, false},     {"UA", "380", "0", "", 9, 9, false},
    {"UG", "256", "0", "", 9, 9, false},     {"US", "1", "1", "011", 10, 10, false},
    {"UY", "598", "0", "", 7, 8, false},     {"UZ", "998", "", "810", 9, 9, false},
    {"VA", "39", "", "", 6, 11, true},       {"VE", "58", "0", "", 10, 10, false},
    {"VN", "84", "0", "", 8, 10, false},     {"XK", "383", "0", "", 8, 8, false},
    {"YE", "967", "0", "", 7, 9, false},     {"ZA", "27", "0", "", 9, 9, false},
    {"ZM", "260", "0", "", 9, 9, false},     {"ZW", "263", "0", "", 7, 10, false},
};

/* What a person typed, reduced. */
struct typed {
    char digits[TYPED_MAX];
    size_t count;
    bool is_plus;
    size_t zero_at; /* index of a "(0)" among the digits, or count when there is none */
};

static int compare_country(const void *key, const void *row)
{
    return memcmp(key, ((const struct dialling *)row)->country, 2);
}

static const struct dialling *find_country(struct span country)
{
    char key[2];

    if (country.len != 2) {
        return NULL;
    }
    for (size_t i = 0; i < 2; i++) {
        char c = country.ptr[i];

        key[i] = (char)(c >= 'a' && c <= 'z' ? c - 0x20 : c);
    }
    return bsearch(key, diallings, COUNT_OF(diallings), sizeof(diallings[0]), compare_country);
}

/* Calling codes are free of prefixes, so the first that fits is the one; countries that share a
 * code dial alike. */
static const struct dialling *find_code(struct span digits)
{
    for (size_t i = 0; i < COUNT_OF(diallings); i++) {
        if (span_starts(digits, span_of(diallings[i].code))) {
            return &diallings[i];
        }
    }
    return NULL;
}

/* What a person typed, in the characters below: a digit, + ( ) # or a letter, as ASCII; a blank for
 * anything that only separates. */
struct plain {
    char text[PLAIN_BYTES_MAX];
    size_t len;
};

/* Where the decimal digits of scripts begin: Arabic-Indic, Persian, Devanagari ... full-width. */
static const uint32_t zeros[] = {0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6,
                                 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0e50, 0x0ed0,
                                 0x0f20, 0x1040, 0x17e0, 0x1810, 0xff10};

static char digit_of(uint32_t c)
{
    for (size_t i = 0; i < COUNT_OF(zeros); i++) {
        if (c >= zeros[i] && c <= zeros[i] + 9) {
            return (char)('0' + (c - zeros[i]));
        }
    }
    return 0;
}

/* Hyphens, no-break spaces and direction marks that come along with copied numbers. */
static bool is_separator(uint32_t c)
{
    return c == 0xa0 || c == 0xad || c == 0x61c || (c >= 0x2000 && c <= 0x2015) ||
           (c >= 0x202a && c <= 0x202f) || c == 0x2060 || (c >= 0x2066 && c <= 0x2069) ||
           c == 0x2212 || c == 0x3000 || c == 0x30fc || c == 0xfe63 || c == 0xfeff || c == 0xff0d ||
           c == 0xff0e || c == 0xff0f;
}

/* @c as one of struct plain's; 0 when no telephone number has it. */
static char plain_of(uint32_t c)
{
    if (c < 0x80) {
        return (char)c;
    }
    if (is_separator(c)) {
        return ' ';
    }
    return c == 0xff0b || c == 0xfe62 ? '+' : c == 0xff08 ? '(' : c == 0xff09 ? ')' : digit_of(c);
}

static bool make_plain(struct span raw, struct plain *out)
{
    size_t i = 0;

    out->len = 0;
    while (i < raw.len) {
        uint32_t c;
        size_t step = utf8_decode((struct span){raw.ptr + i, raw.len - i}, &c);
        char plain = step == 0 ? 0 : plain_of(c);

        if (plain == 0 || out->len == sizeof(out->text)) {
            return false;
        }
        out->text[out->len++] = plain;
        i += step;
    }
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The length of the word at the start of @text, when it is one of @words. */
static size_t word_len(struct span text, const char *const *words, size_t count)
{
    size_t len = 0;

    while (len < text.len && (is_letter(text.ptr[len]) || text.ptr[len] == '#')) {
        len++;
    }
    for (size_t i = 0; i < count; i++) {
        if (span_eq_nocase(span_sub(text, 0, len), span_of(words[i]))) {
            return len;
        }
    }
    return 0;
}

/* "tel:", "Phone. ": what stands before a number to say that it is one. */
static struct span without_label(struct span text)
{
    static const char *const labels[] = {"tel",  "telephone", "telefon", "phone", "fon",
                                         "mob",  "mobile",    "mobil",   "handy", "cell",
                                         "call", "callto",    "whatsapp"};
    size_t at = word_len(text, labels, COUNT_OF(labels));

    while (at > 0 && at < text.len && (text.ptr[at] == '.' || text.ptr[at] == ':')) {
        at++;
    }
    return span_trim(span_sub(text, at, text.len));
}

/* "ext. 5", "x5", "#5": digits that are dialled when somebody has answered. */
static bool is_extension(struct span text)
{
    static const char *const words[] = {"ext", "extn", "extension", "ex",      "x",
                                        "#",   "dw",   "durchwahl", "interno", "poste"};
    size_t at = word_len(text, words, COUNT_OF(words));
    size_t digits = 0;

    for (size_t i = at; i < text.len; i++) {
        if (is_digit(text.ptr[i])) {
            digits++;
        } else if (strchr(" .:=-()", text.ptr[i]) == NULL || text.ptr[i] == '\0') {
            return false;
        }
    }
    return at > 0 && digits > 0 && digits <= EXTENSION_DIGITS_MAX;
}

/* The number alone: no quotation marks, label, parameters (;ext=5), pauses or extension. */
static struct span number_of(struct span text)
{
    static const char marks[] = "\"'=";
    size_t end = MIN_OF(span_find(text, ';', 0), span_find(text, ',', 0));
    size_t digits = 0;

    text = span_trim(span_sub(text, 0, end));
    while (text.len > 0 && memchr(marks, text.ptr[0], sizeof(marks) - 1) != NULL) {
        text = span_trim(span_sub(text, 1, text.len));
    }
    while (text.len > 0 && memchr(marks, text.ptr[text.len - 1], sizeof(marks) - 1) != NULL) {
        text = span_trim(span_sub(text, 0, text.len - 1));
    }
    text = without_label(text);
    for (size_t i = 0; i < text.len; i++) {
        if ((is_letter(text.ptr[i]) || text.ptr[i] == '#') && digits >= DIGITS_MIN &&
            is_extension(span_sub(text, i, text.len))) {
            return span_sub(text, 0, i);
        }
        digits += is_digit(text.ptr[i]);
    }
    /* A number that somebody kept as one: 4915112345678.0 */
    if (span_ends(text, SPAN(".0")) && digits > DIGITS_MIN &&
        span_find(text, '.', 0) == text.len - 2) {
        return span_sub(text, 0, text.len - 2);
    }
    return text;
}

/* False when there is anything that no telephone number has. */
static bool read_typed(struct span text, struct typed *out)
{
    *out = (struct typed){.zero_at = SIZE_MAX};
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (is_digit(c)) {
            if (out->count == TYPED_MAX) {
                return false;
            }
            if (c == '0' && i > 0 && i + 1 < text.len && text.ptr[i - 1] == '(' &&
                text.ptr[i + 1] == ')' && out->zero_at == SIZE_MAX) {
                out->zero_at = out->count;
            }
            out->digits[out->count++] = c;
        } else if (c == '+') {
            if (out->is_plus || out->count > 0) {
                return false;
            }
            out->is_plus = true;
        } else if (c == '\0' || strchr(" \t-./()", c) == NULL) {
            return false;
        }
    }
    return true;
}

static void remove_digits(struct typed *typed, size_t at, size_t count)
{
    memmove(typed->digits + at, typed->digits + at + count, typed->count - at - count);
    typed->count -= count;
    if (typed->zero_at != SIZE_MAX) {
        typed->zero_at = typed->zero_at >= at + count ? typed->zero_at - count : SIZE_MAX;
    }
}

static struct span digits_of(const struct typed *typed)
{
    return (struct span){typed->digits, typed->count};
}

/* "+44 (0)20", "+44 020": the trunk prefix does not travel abroad. False when there is a "(0)" in a
 * place that no known country code explains. */
static bool drop_trunk_abroad(struct typed *typed)
{
    const struct dialling *dialling;
    size_t code_len;
    size_t trunk_len;

    /* Almost every number ends here: no zero where a trunk prefix could begin. */
    if (typed->zero_at == SIZE_MAX && memchr(typed->digits, '0', MIN_OF(typed->count, 4)) == NULL) {
        return true;
    }
    dialling = find_code(digits_of(typed));
    if (dialling == NULL) {
        return typed->zero_at == SIZE_MAX;
    }
    code_len = strlen(dialling->code);
    trunk_len = strlen(dialling->trunk);
    if (typed->zero_at == code_len && !dialling->is_zero_kept) {
        remove_digits(typed, code_len, 1);
    }
    while (dialling->trunk[0] == '0' && typed->count > code_len + trunk_len &&
           memcmp(typed->digits + code_len, dialling->trunk, trunk_len) == 0) {
        remove_digits(typed, code_len, trunk_len);
    }
    return true;
}

static size_t write_number(struct span code, struct span number, char out[PHONE_TEXT_BYTES])
{
    size_t count = code.len + number.len;

    if (count < DIGITS_MIN || count > DIGITS_MAX) {
        return 0;
    }
    out[0] = '+';
    memcpy(out + 1, code.ptr, code.len);
    memcpy(out + 1 + code.len, number.ptr, number.len);
    return out[1] == '0' ? 0 : count + 1;
}

static size_t write_international(struct typed *typed, char out[PHONE_TEXT_BYTES])
{
    return drop_trunk_abroad(typed) ? write_number(SPAN(""), digits_of(typed), out) : 0;
}

/* Does @number hold the country's own code already? National numbers may begin with the same
 * digits, and those are written with the trunk prefix; without it, and shorter than a number with
 * its code mostly is, it cannot be told. */
enum own_code { CODE_IS_NOT, CODE_IS, CODE_PERHAPS };

static enum own_code has_own_code(const struct dialling *dialling, struct span number)
{
    struct span code = span_of(dialling->code);
    struct span rest;

    if (dialling->trunk[0] != '0' || !span_starts(number, code)) {
        return CODE_IS_NOT;
    }
    rest = span_sub(number, code.len, number.len);
    if (span_starts(rest, span_of(dialling->trunk))) {
        rest = span_sub(rest, strlen(dialling->trunk), rest.len);
    }
    if (rest.len < dialling->min || rest.len > dialling->max) {
        return CODE_IS_NOT;
    }
    return number.len > dialling->max || number.len >= BARE_COUNTRY_MIN ? CODE_IS : CODE_PERHAPS;
}

/* A number without plus and exit code, dialled inside @dialling's country. */
static size_t write_national(const struct dialling *dialling, struct typed *typed,
                             char out[PHONE_TEXT_BYTES])
{
    struct span code = span_of(dialling->code);
    struct span trunk = span_of(dialling->trunk);
    struct span number = digits_of(typed);
    enum own_code own_code = has_own_code(dialling, number);

    /* One that is not a zero (8 in Russia, 1 in America) can also begin the number itself. */
    if (trunk.len > 0 && span_starts(number, trunk) &&
        (trunk.ptr[0] == '0' || number.len > dialling->max)) {
        struct span rest = span_sub(number, trunk.len, number.len);

        if (trunk.ptr[0] == '0' && span_starts(rest, trunk)) {
            return 0; /* dialled twice: what is number and what is prefix cannot be told */
        }
        if (rest.len >= dialling->min && rest.len <= dialling->max) {
            return write_number(code, rest, out);
        }
    }
    if (own_code != CODE_IS_NOT) {
        return own_code == CODE_IS ? write_international(typed, out) : 0;
    }
    if (number.len >= dialling->min && number.len <= dialling->max &&
        (number.ptr[0] != '0' || dialling->is_zero_kept)) {
        return write_number(code, number, out);
    }
    if (number.len > dialling->max && span_starts(number, code)) {
        return write_international(typed, out);
    }
    return number.len >= BARE_COUNTRY_MIN ? write_international(typed, out) : 0;
}

size_t phone_to_e164(struct span raw, struct span country, char out[PHONE_TEXT_BYTES])
{
    const struct dialling *dialling;
    struct plain plain;
    struct typed typed;
    struct span exit_code;

    if (!make_plain(raw, &plain) ||
        !read_typed(number_of((struct span){plain.text, plain.len}), &typed) || typed.count == 0) {
        return 0;
    }
    if (typed.is_plus) {
        return write_international(&typed, out);
    }
    dialling = find_country(country);
    exit_code = dialling == NULL ? SPAN_NONE : span_of(dialling->exit);
    if (exit_code.len > 0 && typed.count > exit_code.len + DIGITS_MIN &&
        span_starts(digits_of(&typed), exit_code) &&
        typed.count > (size_t)dialling->max + strlen(dialling->trunk)) {
        remove_digits(&typed, 0, exit_code.len);
        return write_international(&typed, out);
    }
    if (span_starts(digits_of(&typed), SPAN("00"))) {
        remove_digits(&typed, 0, 2);
        return write_international(&typed, out);
    }
    if (dialling != NULL) {
        return write_national(dialling, &typed, out);
    }
    return typed.count >= BARE_COUNTRY_MIN ? write_international(&typed, out) : 0;
}
