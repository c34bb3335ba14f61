#include "base/absent.h"

#include <string.h>

#include "base/utf8.h"

enum {
    WORD_BYTES_MAX = 128, /* longer is no word and no placeholder */
    DECODINGS_MAX = 2,    /* %257B is %7B is { */
    WRAPPERS_MAX = 2,     /* ("null") */
    UUID_DIGITS = 32,
};

/* Words for nothing. */
static const struct {
    struct span word;
    bool is_free;    /* also in free text, as it stands here or in capitals */
    bool is_wrapped; /* in free text when in brackets: (none) */
} words[] = {
    {{"null", 4}, true, true},
    {{"undefined", 9}, true, true},
    {{"nil", 3}, false, true},
    {{"none", 4}, false, true},
    {{"NaN", 3}, true, true},
    {{"N/A", 3}, true, true},
    {{"n/a", 3}, true, true},
    {{"#N/A", 4}, true, true},
    {{"\\N", 2}, true, true},
    {{"not set", 7}, false, true},
    {{"not provided", 12}, false, true},
    {{"not available", 13}, false, true},
    {{"unknown", 7}, false, false},
    {{"object Object", 13}, false, true},
    {{"object Undefined", 16}, false, true},
    {{"object Null", 11}, false, true},
};

/* What stands around a name that nobody has put a value for. */
static const struct {
    struct span open;
    struct span close;
    bool is_any;      /* anything may stand between: {{ ad.id | default }} */
    bool is_one_case; /* __Not_this__ */
    bool is_capital;  /* only capitals: [CLICK_ID]; in free text brackets are brackets */
} placeholders[] = {
    {{"__", 2}, {"__", 2}, .is_one_case = true},
    {{"{{", 2}, {"}}", 2}, .is_any = true},
    {{"{%", 2}, {"%}", 2}, .is_any = true},
    {{"${", 2}, {"}", 1}, .is_any = true},
    {{"#{", 2}, {"}", 1}, .is_any = true},
    {{"@{", 2}, {"}", 1}, .is_any = true},
    {{"$(", 2}, {")", 1}, .is_any = false},
    {{"%%", 2}, {"%%", 2}, .is_any = true},
    {{"[[", 2}, {"]]", 2}, .is_any = true},
    {{"<%", 2}, {"%>", 2}, .is_any = true},
    {{"@@", 2}, {"@@", 2}, .is_any = false},
    {{"{", 1}, {"}", 1}, .is_any = false},
    {{"[", 1}, {"]", 1}, .is_one_case = true, .is_capital = true},
};

/* Zero-width characters are no text either. */
static bool is_invisible(uint32_t c)
{
    return c <= ' ' || (c >= 0x7f && c <= 0xa0) || c == 0xad || c == 0x180e || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
           (c >= 0x205f && c <= 0x2064) || c == 0x3000 || c == 0xfeff;
}

/* @text without what cannot be seen at its ends. */
static struct span trim(struct span text)
{
    uint32_t c;
    size_t step;

    while (text.len > 0 && (step = utf8_decode(text, &c)) > 0 && is_invisible(c)) {
        text = span_sub(text, step, text.len);
    }
    while (text.len > 0) {
        size_t start = text.len - 1;

        while (start > 0 && ((unsigned char)text.ptr[start] & 0xc0) == 0x80) {
            start--;
        }
        if (utf8_decode(span_sub(text, start, text.len), &c) != text.len - start ||
            !is_invisible(c)) {
            break;
        }
        text = span_sub(text, 0, start);
    }
    return text;
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == ':' || c == '-';
}

/* Can @inner stand between the marks of placeholder @row? */
static bool is_name(struct span inner, size_t row)
{
    bool has_capital = false;
    bool has_small = false;

    inner = placeholders[row].is_any ? inner : span_trim(inner);
    for (size_t i = 0; i < inner.len; i++) {
        char c = inner.ptr[i];
        bool is_brace = c == '{' || c == '}';

        if (placeholders[row].is_any ? is_brace : !is_name_character(c)) {
            return false;
        }
        has_capital = has_capital || (c >= 'A' && c <= 'Z');
        has_small = has_small || (c >= 'a' && c <= 'z');
    }
    if (placeholders[row].is_one_case && has_small && has_capital) {
        return false;
    }
    return has_capital || (has_small && !placeholders[row].is_capital);
}

static bool is_placeholder(struct span text, enum text_kind kind)
{
    for (size_t i = 0; i < COUNT_OF(placeholders); i++) {
        struct span open = placeholders[i].open;
        struct span close = placeholders[i].close;

        if (text.len > open.len + close.len && span_starts(text, open) && span_ends(text, close) &&
            !(placeholders[i].is_capital && kind == TEXT_FREE) &&
            is_name(span_sub(text, open.len, text.len - close.len), i)) {
            return true;
        }
    }
    return false;
}

/* Without one pair of quotation marks or brackets; false when there is none. */
static bool unwrap(struct span *text)
{
    static const char pairs[][2] = {{'"', '"'}, {'\'', '\''}, {'`', '`'}, {'(', ')'},
                                    {'<', '>'}, {'[', ']'},   {'{', '}'}};

    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (text->len >= 2 && text->ptr[0] == pairs[i][0] &&
            text->ptr[text->len - 1] == pairs[i][1]) {
            *text = span_trim(span_sub(*text, 1, text->len - 1));
            return true;
        }
    }
    return false;
}

static bool is_capital(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 'a' && text.ptr[i] <= 'z') {
            return false;
        }
    }
    return true;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static char small(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 0x20 : c);
}

/* In any case of letters; a space may be written as forms and URLs write it: not+set, not_set. */
static bool is_same(struct span text, struct span word)
{
    if (text.len != word.len) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_space = word.ptr[i] == ' ' && (c == '+' || c == '_' || c == '-');

        if (!is_space && small(c) != small(word.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool is_word(struct span text, enum text_kind kind, bool is_wrapped)
{
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct span word = words[i].word;

        if (!is_same(text, word)) {
            continue;
        }
        if (kind == TEXT_CODE || (is_wrapped && words[i].is_wrapped) ||
            (words[i].is_free && (span_eq(text, word) || is_capital(text)))) {
            return true;
        }
    }
    return false;
}

/* "-", "--": a cell that was left empty. "?" and "." in ids as well. */
static bool is_dashes(struct span text, enum text_kind kind)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c != '-' && !(kind == TEXT_CODE && (c == '_' || c == '?' || c == '.' || c == '*'))) {
            return false;
        }
    }
    return true;
}

/* 00000000-0000-0000-0000-000000000000: a UUID that was never made. */
static bool is_zero_uuid(struct span text)
{
    size_t zeros = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '0' && text.ptr[i] != '-') {
            return false;
        }
        zeros += text.ptr[i] == '0';
    }
    return zeros == UUID_DIGITS;
}

static int digit(char c)
{
    char lower = (char)(c | 0x20);

    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* %7B%7Bttclid%7D%7D in @bytes, decoded in place; false when there is nothing to decode. */
static bool decode(char *bytes, size_t *len)
{
    size_t to = 0;

    for (size_t i = 0; i < *len; i++) {
        int high = i + 2 < *len && bytes[i] == '%' ? digit(bytes[i + 1]) : -1;
        int low = high >= 0 ? digit(bytes[i + 2]) : -1;

        if (low >= 0) {
            bytes[to++] = (char)(high << 4 | low);
            i += 2;
        } else {
            bytes[to++] = bytes[i];
        }
    }
    if (to == *len) {
        return false;
    }
    *len = to;
    return true;
}

static bool is_bare_nothing(struct span text, enum text_kind kind, bool is_wrapped)
{
    return text.len == 0 || is_word(text, kind, is_wrapped) || is_dashes(text, kind) ||
           (kind == TEXT_CODE && is_zero_uuid(text));
}

/* A word for nothing in at most two pairs of brackets, or a placeholder: @text is trimmed. */
static bool is_nothing(struct span text, enum text_kind kind)
{
    if (is_bare_nothing(text, kind, false)) {
        return true;
    }
    if (is_plain(text.ptr[0])) {
        return false; /* neither brackets nor a placeholder begin so */
    }
    if (is_placeholder(text, kind)) {
        return true;
    }
    for (int i = 0; i < WRAPPERS_MAX && unwrap(&text); i++) {
        if (is_bare_nothing(text, kind, true)) {
            return true;
        }
    }
    return false;
}

/* The same, where it was not decoded: [object%20Object], %7B%7Bttclid%7D%7D. */
static bool is_encoded_nothing(struct span text, enum text_kind kind)
{
    char bytes[WORD_BYTES_MAX];
    size_t len = text.len;

    if (span_find(text, '%', 0) == len) {
        return false;
    }
    memcpy(bytes, text.ptr, len);
    for (int i = 0; i < DECODINGS_MAX && decode(bytes, &len); i++) {
        if (is_nothing(trim((struct span){bytes, len}), kind)) {
            return true;
        }
    }
    return false;
}

/* What a word, a placeholder or something invisible can begin with; no other text is looked at. */
static const bool may_begin[256] = {
    ['_'] = true,  ['{'] = true,  ['$'] = true,  ['#'] = true,  ['@'] = true,  ['%'] = true,
    ['['] = true,  ['<'] = true,  ['('] = true,  ['"'] = true,  ['\''] = true, ['`'] = true,
    ['\\'] = true, ['-'] = true,  ['?'] = true,  ['.'] = true,  ['*'] = true,  ['n'] = true,
    ['N'] = true,  ['u'] = true,  ['U'] = true,  ['o'] = true,  ['O'] = true,  ['0'] = true,
    [0x7f] = true, [0xc2] = true, [0xe1] = true, [0xe2] = true, [0xe3] = true, [0xef] = true,
};

bool text_is_absent(struct span text, enum text_kind kind)
{
    if (text.len > 0 && (unsigned char)text.ptr[0] > ' ' &&
        !may_begin[(unsigned char)text.ptr[0]]) {
        return false;
    }
    text = trim(text);
    if (text.len == 0) {
        return true;
    }
    if (text.len > WORD_BYTES_MAX || !may_begin[(unsigned char)text.ptr[0]]) {
        return false;
    }
    return is_nothing(text, kind) || is_encoded_nothing(text, kind);
}

/* Pipes end a cell of a table. */
static void add_code(struct buf *out, struct span text)
{
    buf_printf(out, "`" SPAN_FMT "`", SPAN_ARG(text));
}

void absent_document(struct buf *out)
{
    buf_add_text(out, "- Nothing, null, an empty text, blanks and what cannot be seen (zero-width "
                      "characters, control characters).\n- These words. In ids, URLs and all "
                      "other codes in any case of letters; in free text only those of the second "
                      "list, as they stand here or in capitals:\n");
    for (int is_free = 0; is_free < 2; is_free++) {
        buf_add_text(out, is_free ? "  - free text: " : "  - codes: ");
        for (size_t i = 0, n = 0; i < COUNT_OF(words); i++) {
            if (!is_free || words[i].is_free) {
                buf_add_text(out, n++ > 0 ? ", " : "");
                add_code(out, words[i].word);
            }
        }
        buf_add_text(out, "\n");
    }
    buf_add_text(out,
                 "- The same in quotation marks or brackets: `\"\"`, `(null)`, `<nil>`, "
                 "`(not set)`, `[object Object]`; in free text too. Also with `+`, `_` or `-` for "
                 "its blank, and percent-encoded: `(not+set)`, `[object%20Object]`.\n"
                 "- Dashes alone (`-`, `--`); in codes also `?`, `_`, `.` and `*`, and the UUID of "
                 "zeros.\n"
                 "- Placeholders that nobody filled in, decoded or not "
                 "(`%7B%7Bttclid%7D%7D`):\n  ");
    for (size_t i = 0; i < COUNT_OF(placeholders); i++) {
        buf_printf(out, "%s`" SPAN_FMT "NAME" SPAN_FMT "`", i == 0 ? "" : ", ",
                   SPAN_ARG(placeholders[i].open), SPAN_ARG(placeholders[i].close));
    }
    buf_add_text(out, " (the last with capitals only, and not in free text).\n");
}
