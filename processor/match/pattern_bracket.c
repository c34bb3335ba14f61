/* [a-z], [^,;], [[:alpha:]_]: the bytes a bracket expression stands for. */
#include "match/pattern.h"

#include <string.h>

#include "match/pattern_inside.h"

struct bracket {
    struct span text;
    size_t at;
    struct err *err;
};

static int peek(const struct bracket *bracket, size_t ahead)
{
    size_t at = bracket->at + ahead;

    return at < bracket->text.len ? (unsigned char)bracket->text.ptr[at] : -1;
}

static const struct {
    const char *name;
    const char *ranges; /* pairs of first and last byte */
} classes[] = {
    {"alpha", "AZaz"},    {"digit", "09"},     {"alnum", "09AZaz"}, {"upper", "AZ"},
    {"lower", "az"},      {"space", "\t\r  "}, {"blank", "\t\t  "}, {"punct", "!/:@[`{~"},
    {"xdigit", "09AFaf"}, {"print", " ~"},     {"graph", "!~"},     {"cntrl", "\001\037\177\177"},
};

/* [:NAME:], where the bracket is read. */
static enum err_code read_class(struct bracket *bracket, struct bytes *bytes)
{
    struct span rest = span_sub(bracket->text, bracket->at + 2, bracket->text.len);

    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        struct span name = span_of(classes[i].name);

        if (!span_starts(rest, name) ||
            !span_starts(span_sub(rest, name.len, rest.len), SPAN(":]"))) {
            continue;
        }
        for (const char *range = classes[i].ranges; *range != '\0'; range += 2) {
            for (unsigned c = (unsigned char)range[0]; c <= (unsigned char)range[1]; c++) {
                bytes->has[c] = true;
            }
        }
        bytes->has[0] = bytes->has[0] || strcmp(classes[i].name, "cntrl") == 0;
        bracket->at += 2 + name.len + 2;
        return ERR_OK;
    }
    return FAIL(bracket->err, ERR_CONFIG,
                "an unknown class: [:alpha:], [:digit:], [:alnum:], "
                "[:space:] and their like are known");
}

/* One character or range of a bracket expression. */
static enum err_code read_range(struct bracket *bracket, struct bytes *bytes)
{
    int from = peek(bracket, 0);
    int to = from;

    if (from == '[' && peek(bracket, 1) == ':') {
        return read_class(bracket, bytes);
    }
    if (from == '[' && (peek(bracket, 1) == '.' || peek(bracket, 1) == '=')) {
        return FAIL(bracket->err, ERR_CONFIG, "[. and [= are not possible");
    }
    if (from == '\\' && peek(bracket, 1) > 0 && strchr("dDwWsS", peek(bracket, 1)) != NULL) {
        return FAIL(bracket->err, ERR_CONFIG,
                    "inside [] a backslash is an ordinary character: write 0-9 for \\d, "
                    "[:space:] for \\s, [:alnum:]_ for \\w");
    }
    bracket->at++;
    if (peek(bracket, 0) == '-' && peek(bracket, 1) >= 0 && peek(bracket, 1) != ']') {
        to = peek(bracket, 1);
        bracket->at += 2;
    }
    if (from >= 0x80 || to >= 0x80) {
        return FAIL(bracket->err, ERR_CONFIG,
                    "characters beyond ASCII in [] are not possible: write (A|B)");
    }
    if (to < from || to == '[') {
        return FAIL(bracket->err, ERR_CONFIG, "a range in [] ends before it begins");
    }
    for (; from <= to; from++) {
        bytes->has[from] = true;
    }
    return ERR_OK;
}

/* All up to the closing bracket; one that comes first is a character. */
static enum err_code read_members(struct bracket *bracket, struct bytes *bytes)
{
    size_t start = bracket->at;

    while (peek(bracket, 0) >= 0 && (peek(bracket, 0) != ']' || bracket->at == start)) {
        enum err_code rc = read_range(bracket, bytes);

        if (rc != ERR_OK) {
            return rc;
        }
    }
    if (peek(bracket, 0) < 0) {
        return FAIL(bracket->err, ERR_CONFIG, "a '[' is not closed");
    }
    bracket->at++;
    return ERR_OK;
}

enum err_code bracket_read(struct span text, size_t *at, struct bytes *out, struct err *err)
{
    struct bracket bracket = {text, *at, err};
    bool is_negated = peek(&bracket, 1) == '^';
    enum err_code rc;

    *out = (struct bytes){{false}};
    bracket.at += is_negated ? 2 : 1;
    rc = read_members(&bracket, out);
    for (size_t i = 0; is_negated && i < COUNT_OF(out->has); i++) {
        out->has[i] = !out->has[i];
    }
    *at = bracket.at;
    return rc;
}
