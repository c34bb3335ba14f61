/* Reading an expression into its automaton, in one pass by recursive descent. A repeat reads its
 * atom again for each copy, so that a copy has positions of its own; the bound on positions bounds
 * that, and the depth of groups bounds the recursion. */
#include "match/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "match/pattern_inside.h"

/* A part of the expression: where it can begin and end, and whether it can be nothing. */
struct part {
    struct positions first, last;
    bool is_optional;
};

struct reader {
    struct span text;
    size_t at;
    size_t depth;
    size_t count; /* positions so far */
    struct positions follow[PATTERN_POSITIONS_MAX];
    struct positions accepts[SYMBOLS];
    struct err *err;
};

static enum err_code read_choice(struct reader *reader, struct part *out);

static int peek(const struct reader *reader, size_t ahead)
{
    size_t at = reader->at + ahead;

    return at < reader->text.len ? (unsigned char)reader->text.ptr[at] : -1;
}

/* A new position that takes nothing yet, as a part of its own. */
static enum err_code add_position(struct reader *reader, struct part *out, size_t *position)
{
    *out = (struct part){.is_optional = false};
    if (reader->count == PATTERN_POSITIONS_MAX) {
        return FAIL(reader->err, ERR_CONFIG,
                    "with its repeats written out it has more than %d characters",
                    PATTERN_POSITIONS_MAX);
    }
    *position = reader->count++;
    positions_add(&out->first, *position);
    positions_add(&out->last, *position);
    return ERR_OK;
}

static enum err_code add_symbol(struct reader *reader, size_t symbol, struct part *out)
{
    size_t position = 0;
    enum err_code rc = add_position(reader, out, &position);

    if (rc == ERR_OK) {
        positions_add(&reader->accepts[symbol], position);
    }
    return rc;
}

static enum err_code add_bytes(struct reader *reader, const struct bytes *bytes, struct part *out)
{
    size_t position = 0;
    enum err_code rc = add_position(reader, out, &position);

    for (size_t i = 0; rc == ERR_OK && i < 256; i++) {
        if (bytes->has[i]) {
            positions_add(&reader->accepts[i], position);
        }
    }
    return rc;
}

/* Whatever ends in @ends may go on with what is in @begins. */
static void connect(struct reader *reader, const struct positions *ends,
                    const struct positions *begins)
{
    for (size_t i = 0; i < reader->count; i++) {
        if ((ends->words[i / 64] >> (i % 64) & 1) != 0) {
            positions_join(&reader->follow[i], begins);
        }
    }
}

/* @a and then @b, into @a. */
static void append(struct reader *reader, struct part *a, const struct part *b)
{
    connect(reader, &a->last, &b->first);
    if (a->is_optional) {
        positions_join(&a->first, &b->first);
    }
    if (b->is_optional) {
        positions_join(&a->last, &b->last);
    } else {
        a->last = b->last;
    }
    a->is_optional = a->is_optional && b->is_optional;
}

/* The nothing that anything can be appended to. */
static struct part nothing(void)
{
    return (struct part){.is_optional = true};
}

static bool is_word(unsigned c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_space(unsigned c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static enum err_code read_escape(struct reader *reader, struct part *out)
{
    int c = peek(reader, 1);
    struct bytes bytes = {{false}};

    if (c < 0) {
        return FAIL(reader->err, ERR_CONFIG, "a backslash stands at the end");
    }
    if (c >= '1' && c <= '9') {
        return FAIL(reader->err, ERR_CONFIG,
                    "back-references such as \\%c are not possible: they can take for ever", c);
    }
    reader->at += 2;
    if (!is_word((unsigned)c) && c < 0x80) {
        return add_symbol(reader, (size_t)c, out);
    }
    if (c == '_' || c >= 0x80 || strchr("wWsS", c) == NULL) {
        return FAIL(reader->err, ERR_CONFIG,
                    "a backslash before a letter or digit is another dialect: write a class, for "
                    "example [0-9] for \\d, or the character without the backslash");
    }
    for (unsigned i = 0; i < 256; i++) {
        bool is_in = c == 'w' || c == 'W' ? is_word(i) : is_space(i);

        bytes.has[i] = is_in == (c == 'w' || c == 's');
    }
    return add_bytes(reader, &bytes, out);
}

static enum err_code read_bracket(struct reader *reader, struct part *out)
{
    struct bytes bytes;
    enum err_code rc = bracket_read(reader->text, &reader->at, &bytes, reader->err);

    return rc == ERR_OK ? add_bytes(reader, &bytes, out) : rc;
}

static enum err_code read_group(struct reader *reader, struct part *out)
{
    enum err_code rc;

    if (peek(reader, 1) == '?') {
        return FAIL(reader->err, ERR_CONFIG,
                    "(? ...) is another dialect: for either case write [Aa], a group is ( ... )");
    }
    if (reader->depth == PATTERN_GROUPS_MAX) {
        return FAIL(reader->err, ERR_CONFIG, "groups are nested deeper than %d",
                    PATTERN_GROUPS_MAX);
    }
    reader->at++;
    reader->depth++;
    rc = read_choice(reader, out);
    reader->depth--;
    if (rc != ERR_OK) {
        return rc;
    }
    if (peek(reader, 0) != ')') {
        return FAIL(reader->err, ERR_CONFIG, "a '(' is not closed");
    }
    reader->at++;
    return ERR_OK;
}

/* A character as it stands; one beyond ASCII is as many bytes as it has. */
static enum err_code read_character(struct reader *reader, struct part *out)
{
    struct span rest = span_sub(reader->text, reader->at, reader->text.len);
    uint32_t code_point;
    size_t len = utf8_decode(rest, &code_point);

    *out = nothing();
    len = len == 0 ? 1 : len;
    for (size_t i = 0; i < len; i++) {
        struct part byte;
        enum err_code rc = add_symbol(reader, (unsigned char)rest.ptr[i], &byte);

        if (rc != ERR_OK) {
            return rc;
        }
        append(reader, out, &byte);
    }
    reader->at += len;
    return ERR_OK;
}

static enum err_code read_atom(struct reader *reader, struct part *out)
{
    struct bytes any;

    switch (peek(reader, 0)) {
    case '\0':
        return FAIL(reader->err, ERR_CONFIG, "it holds a NUL");
    case '*':
    case '+':
    case '?':
    case '{':
        return FAIL(reader->err, ERR_CONFIG,
                    "a repeat has nothing before it; the character itself is written [%c]",
                    peek(reader, 0));
    case '(':
        return read_group(reader, out);
    case '[':
        return read_bracket(reader, out);
    case '\\':
        return read_escape(reader, out);
    case '.':
        reader->at++;
        memset(any.has, true, sizeof(any.has));
        return add_bytes(reader, &any, out);
    case '^':
        reader->at++;
        return add_symbol(reader, SYMBOL_START, out);
    case '$':
        reader->at++;
        return add_symbol(reader, SYMBOL_END, out);
    default:
        return read_character(reader, out);
    }
}

/* How often a part stands there; most is UINT32_MAX for {m,}. */
struct times {
    uint32_t least, most;
};

static bool read_count(struct reader *reader, uint32_t *out)
{
    size_t start = reader->at;

    for (*out = 0; peek(reader, 0) >= '0' && peek(reader, 0) <= '9'; reader->at++) {
        *out = MIN_OF(*out * 10 + (uint32_t)(peek(reader, 0) - '0'),
                      (uint32_t)PATTERN_POSITIONS_MAX + 1);
    }
    return reader->at > start;
}

static enum err_code read_interval(struct reader *reader, struct times *out)
{
    bool is_good;

    reader->at++;
    is_good = read_count(reader, &out->least);
    out->most = out->least;
    if (is_good && peek(reader, 0) == ',') {
        reader->at++;
        if (!read_count(reader, &out->most)) {
            out->most = UINT32_MAX;
        }
    }
    if (!is_good || peek(reader, 0) != '}' || out->most < out->least) {
        return FAIL(reader->err, ERR_CONFIG,
                    "a repeat is written {m}, {m,} or {m,n}; the character itself is [{]");
    }
    reader->at++;
    if (out->least > PATTERN_POSITIONS_MAX ||
        (out->most != UINT32_MAX && out->most > PATTERN_POSITIONS_MAX)) {
        return FAIL(reader->err, ERR_CONFIG, "it repeats more than %d times",
                    PATTERN_POSITIONS_MAX);
    }
    return ERR_OK;
}

/* The repeat behind an atom; false when there is none. */
static enum err_code read_repeat(struct reader *reader, struct times *out, bool *is_there)
{
    int c = peek(reader, 0);

    *is_there = c == '*' || c == '+' || c == '?' || c == '{';
    if (c == '{') {
        return read_interval(reader, out);
    }
    *out = (struct times){c == '+' ? 1 : 0, c == '?' ? 1 : UINT32_MAX};
    reader->at += *is_there ? 1 : 0;
    return ERR_OK;
}

/* Read what lies between @start and @end again, with its repeats so far. */
static enum err_code read_again(struct reader *reader, size_t start, size_t end, struct part *out);

/* @one, which stands between @start and @end, repeated as @times says, into @one. */
static enum err_code repeat(struct reader *reader, size_t start, size_t end,
                            const struct times *times, struct part *one)
{
    bool is_endless = times->most == UINT32_MAX;
    uint32_t copies = is_endless ? MAX_OF(times->least, 1u) : times->most;
    struct part all = nothing();

    for (uint32_t i = 0; i < copies; i++) {
        struct part copy = *one; /* the first is read already */

        if (i > 0) {
            enum err_code rc = read_again(reader, start, end, &copy);

            if (rc != ERR_OK) {
                return rc;
            }
        }
        if (is_endless && i + 1 == copies) {
            connect(reader, &copy.last, &copy.first);
        }
        copy.is_optional = copy.is_optional || i >= times->least;
        append(reader, &all, &copy);
    }
    *one = all;
    return ERR_OK;
}

/* An atom and all repeats behind it, up to @end at most. */
static enum err_code read_piece(struct reader *reader, size_t end, struct part *out)
{
    size_t start = reader->at;
    enum err_code rc = read_atom(reader, out);

    while (rc == ERR_OK && reader->at < end) {
        size_t piece_end = reader->at; /* before the repeat */
        struct times times;
        bool is_there;

        rc = read_repeat(reader, &times, &is_there);
        if (rc != ERR_OK || !is_there) {
            return rc;
        }
        rc = repeat(reader, start, piece_end, &times, out);
    }
    return rc;
}

static enum err_code read_again(struct reader *reader, size_t start, size_t end, struct part *out)
{
    size_t resume = reader->at;
    enum err_code rc;

    reader->at = start;
    rc = read_piece(reader, end, out);
    reader->at = resume;
    return rc;
}

/* Pieces one after another. */
static enum err_code read_sequence(struct reader *reader, struct part *out)
{
    size_t start = reader->at;

    *out = nothing();
    while (peek(reader, 0) >= 0 && peek(reader, 0) != '|' &&
           !(peek(reader, 0) == ')' && reader->depth > 0)) {
        struct part piece;
        enum err_code rc = read_piece(reader, reader->text.len, &piece);

        if (rc != ERR_OK) {
            return rc;
        }
        append(reader, out, &piece);
    }
    if (reader->at == start) {
        return FAIL(reader->err, ERR_CONFIG,
                    "a group or an alternative is empty: what may be left out is written (...)?");
    }
    return ERR_OK;
}

/* Alternatives. */
static enum err_code read_choice(struct reader *reader, struct part *out)
{
    enum err_code rc = read_sequence(reader, out);

    while (rc == ERR_OK && peek(reader, 0) == '|') {
        struct part other;

        reader->at++;
        rc = read_sequence(reader, &other);
        if (rc == ERR_OK) {
            positions_join(&out->first, &other.first);
            positions_join(&out->last, &other.last);
            out->is_optional = out->is_optional || other.is_optional;
        }
    }
    return rc;
}

/* Can a match begin at the start of the text only? */
static bool is_anchored(const struct reader *reader, const struct part *whole)
{
    for (size_t i = 0; i < WORDS_MAX; i++) {
        if ((whole->first.words[i] & ~reader->accepts[SYMBOL_START].words[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The reader's sets, cut to as many words as there are positions for. */
static struct pattern *build(const struct reader *reader, const struct part *whole)
{
    struct pattern *pattern = mem_new(struct pattern);

    pattern->count = reader->count;
    pattern->words = (reader->count + 63) / 64;
    pattern->is_optional = whole->is_optional;
    pattern->is_anchored = is_anchored(reader, whole);
    pattern->first = whole->first;
    pattern->last = whole->last;
    pattern->follow = mem_array(pattern->count * pattern->words, uint64_t);
    pattern->accepts = mem_array(SYMBOLS * pattern->words, uint64_t);
    for (size_t i = 0; i < pattern->count; i++) {
        memcpy(&pattern->follow[i * pattern->words], reader->follow[i].words,
               pattern->words * sizeof(uint64_t));
    }
    for (size_t i = 0; i < SYMBOLS; i++) {
        memcpy(&pattern->accepts[i * pattern->words], reader->accepts[i].words,
               pattern->words * sizeof(uint64_t));
    }
    return pattern;
}

enum err_code pattern_compile(struct span text, struct pattern **out, struct err *err)
{
    struct reader *reader;
    struct part whole;
    enum err_code rc;

    if (text.len == 0) {
        return FAIL(err, ERR_CONFIG, "it is empty");
    }
    if (text.len > PATTERN_BYTES_MAX) {
        return FAIL(err, ERR_CONFIG, "it is longer than %d bytes", PATTERN_BYTES_MAX);
    }
    reader = mem_new(struct reader);
    reader->text = text;
    reader->err = err;
    rc = read_choice(reader, &whole);
    if (rc == ERR_OK) {
        INVARIANT(reader->at == text.len);
        *out = build(reader, &whole);
    }
    free(reader);
    return rc;
}
