#include "route/pattern.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct pattern {
    regex_t regex;
};

/* Reads a pattern as far as is needed to know how large it gets when repeats are written out: the
 * positions of each open group, and of the last thing a repeat could follow. */
struct scan {
    struct span text;
    size_t at;
    uint64_t positions[PATTERN_GROUPS_MAX + 1];
    size_t depth;
    uint64_t last; /* positions of the last atom; 0: nothing to repeat */
};

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void add_atom(struct scan *scan, uint64_t positions)
{
    scan->positions[scan->depth] += positions;
    scan->last = positions;
}

static enum err_code read_escape(struct scan *scan, struct err *err)
{
    char c = scan->at + 1 < scan->text.len ? scan->text.ptr[scan->at + 1] : '\0';

    if (c >= '1' && c <= '9') {
        return FAIL(err, ERR_CONFIG,
                    "back-references such as \\%c are not possible: they can take for ever", c);
    }
    if (is_letter_or_digit(c) && strchr("wWsSbB", c) == NULL) {
        return FAIL(err, ERR_CONFIG,
                    "\\%c is not POSIX: write a class in brackets, for example [0-9] for \\d", c);
    }
    scan->at += c == '\0' ? 1 : 2;
    add_atom(scan, 1);
    return ERR_OK;
}

/* A bracket expression; a closing bracket that comes first, or in [:alpha:], does not end it. */
static enum err_code read_bracket(struct scan *scan, struct err *err)
{
    struct span text = scan->text;
    size_t i = scan->at + 1;

    i += i < text.len && text.ptr[i] == '^';
    i += i < text.len && text.ptr[i] == ']';
    while (i < text.len && text.ptr[i] != ']') {
        char next = i + 1 < text.len ? text.ptr[i + 1] : '\0';

        if (text.ptr[i] == '\\' && next != '\0' && strchr("dDwWsS", next) != NULL) {
            return FAIL(err, ERR_CONFIG,
                        "inside [] a backslash is an ordinary character: write 0-9 for \\d, "
                        "[:space:] for \\s, [:alnum:]_ for \\w");
        }
        if (text.ptr[i] == '[' && (next == ':' || next == '.' || next == '=')) {
            for (i += 2; i + 1 < text.len && !(text.ptr[i] == next && text.ptr[i + 1] == ']');
                 i++) {
            }
            i++;
        }
        i++;
    }
    if (i >= text.len) {
        return FAIL(err, ERR_CONFIG, "a '[' is not closed");
    }
    scan->at = i + 1;
    add_atom(scan, 1);
    return ERR_OK;
}

/* {m}, {m,} or {m,n}: the larger number tells how often the atom is written out. */
static enum err_code read_interval(struct scan *scan, struct err *err)
{
    uint64_t most = 1;
    uint64_t number = 0;

    for (scan->at++; scan->at < scan->text.len && scan->text.ptr[scan->at] != '}'; scan->at++) {
        char c = scan->text.ptr[scan->at];

        number = c >= '0' && c <= '9' ? number * 10 + (uint64_t)(c - '0') : 0;
        if (number > PATTERN_POSITIONS_MAX) {
            return FAIL(err, ERR_CONFIG, "it repeats more than %d times", PATTERN_POSITIONS_MAX);
        }
        most = MAX_OF(most, number);
    }
    if (scan->at == scan->text.len) {
        return FAIL(err, ERR_CONFIG, "a '{' is not closed; as a character it is written [{]");
    }
    scan->at++;
    scan->positions[scan->depth] += scan->last * (most - 1);
    scan->last *= most;
    return ERR_OK;
}

static enum err_code open_group(struct scan *scan, struct err *err)
{
    if (scan->at + 1 < scan->text.len && scan->text.ptr[scan->at + 1] == '?') {
        return FAIL(err, ERR_CONFIG,
                    "(? ...) is not POSIX: for either case write [Aa], a group is ( ... )");
    }
    if (scan->depth == PATTERN_GROUPS_MAX) {
        return FAIL(err, ERR_CONFIG, "groups are nested deeper than %d", PATTERN_GROUPS_MAX);
    }
    scan->positions[++scan->depth] = 0;
    scan->last = 0;
    scan->at++;
    return ERR_OK;
}

/* A group counts as what is in it and one more, so that empty groups count too. */
static void close_group(struct scan *scan)
{
    scan->at++;
    if (scan->depth == 0) {
        add_atom(scan, 1); /* POSIX: an ordinary character here */
        return;
    }
    scan->depth--;
    add_atom(scan, scan->positions[scan->depth + 1] + 1);
}

static enum err_code read_one(struct scan *scan, struct err *err)
{
    switch (scan->text.ptr[scan->at]) {
    case '\0':
        return FAIL(err, ERR_CONFIG, "it holds a NUL");
    case '\\':
        return read_escape(scan, err);
    case '[':
        return read_bracket(scan, err);
    case '{':
        return read_interval(scan, err);
    case '(':
        return open_group(scan, err);
    case ')':
        close_group(scan);
        return ERR_OK;
    case '*':
    case '+':
    case '?':
        scan->at++;
        return ERR_OK;
    default:
        scan->at++;
        add_atom(scan, 1);
        return ERR_OK;
    }
}

static enum err_code vet(struct span text, struct err *err)
{
    struct scan scan = {.text = text};

    if (text.len == 0) {
        return FAIL(err, ERR_CONFIG, "it is empty");
    }
    if (text.len > PATTERN_BYTES_MAX) {
        return FAIL(err, ERR_CONFIG, "it is longer than %d bytes", PATTERN_BYTES_MAX);
    }
    while (scan.at < text.len) {
        enum err_code rc = read_one(&scan, err);

        if (rc != ERR_OK) {
            return rc;
        }
        if (scan.positions[scan.depth] > PATTERN_POSITIONS_MAX) {
            return FAIL(err, ERR_CONFIG,
                        "with its repeats written out it has more than %d positions",
                        PATTERN_POSITIONS_MAX);
        }
    }
    return ERR_OK;
}

enum err_code pattern_compile(struct span text, struct pattern **out, struct err *err)
{
    struct pattern *pattern;
    enum err_code rc = vet(text, err);
    char *terminated;
    int regex_rc;

    if (rc != ERR_OK) {
        return rc;
    }
    pattern = mem_new(struct pattern);
    terminated = mem_text(text);
    regex_rc = regcomp(&pattern->regex, terminated, REG_EXTENDED | REG_NOSUB);
    free(terminated);
    if (regex_rc != 0) {
        char why[128];

        (void)regerror(regex_rc, &pattern->regex, why, sizeof(why));
        free(pattern);
        return FAIL(err, ERR_CONFIG, "%s", why);
    }
    *out = pattern;
    return ERR_OK;
}

void pattern_free(struct pattern *pattern)
{
    if (pattern != NULL) {
        regfree(&pattern->regex);
        free(pattern);
    }
}

int pattern_find(const struct pattern *pattern, struct span text)
{
    regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)text.len};
    char terminated[PATTERN_SUBJECT_BYTES_MAX + 1]; /* POSIX, and memory checkers, want one */
    int rc;

    if (text.len > PATTERN_SUBJECT_BYTES_MAX) {
        return -1;
    }
    if (text.len > 0) {
        memcpy(terminated, text.ptr, text.len);
    }
    terminated[text.len] = '\0';
    /* REG_STARTEND takes the length from range: a NUL does not end the text. */
    rc = regexec(&pattern->regex, terminated, 0, &range, REG_STARTEND);
    return rc == 0 ? 1 : rc == REG_NOMATCH ? 0 : -1;
}
