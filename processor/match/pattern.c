/* Searching; the expression is read in pattern_read.c. */
#include "match/pattern.h"

#include <stdlib.h>

#include "match/pattern_inside.h"

void pattern_free(struct pattern *pattern)
{
    if (pattern != NULL) {
        free(pattern->follow);
        free(pattern->accepts);
        free(pattern);
    }
}

/* Where the automaton is after @symbol: what may follow @at, or begin here, and takes it. */
static struct positions step(const struct pattern *pattern, const struct positions *at,
                             size_t symbol)
{
    const uint64_t *accepts = &pattern->accepts[symbol * pattern->words];
    struct positions next = pattern->first;

    for (size_t i = 0; i < pattern->words; i++) {
        for (uint64_t rest = at->words[i]; rest != 0; rest &= rest - 1) {
            size_t position = i * 64 + (size_t)__builtin_ctzll(rest);
            const uint64_t *follow = &pattern->follow[position * pattern->words];

            for (size_t j = 0; j < pattern->words; j++) {
                next.words[j] |= follow[j];
            }
        }
    }
    for (size_t i = 0; i < pattern->words; i++) {
        next.words[i] &= accepts[i];
    }
    return next;
}

static bool is_nowhere(const struct pattern *pattern, const struct positions *at)
{
    uint64_t all = 0;

    for (size_t i = 0; i < pattern->words; i++) {
        all |= at->words[i];
    }
    return all == 0;
}

static bool is_at_end(const struct pattern *pattern, const struct positions *at)
{
    for (size_t i = 0; i < pattern->words; i++) {
        if ((at->words[i] & pattern->last.words[i]) != 0) {
            return true;
        }
    }
    return false;
}

/* An end of the text can be stood at more than once: ^^ is ^. */
static struct positions step_edge(const struct pattern *pattern, const struct positions *at,
                                  size_t symbol)
{
    struct positions all = step(pattern, at, symbol);
    bool is_growing = true;

    while (is_growing) {
        struct positions more = step(pattern, &all, symbol);

        is_growing = false;
        for (size_t i = 0; i < pattern->words; i++) {
            is_growing = is_growing || (more.words[i] & ~all.words[i]) != 0;
            all.words[i] |= more.words[i];
        }
    }
    return all;
}

/* The bytes of @text one by one; true when a match ends before the last of them. */
static bool pass(const struct pattern *pattern, struct span text, struct positions *at)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_at_end(pattern, at)) {
            return true;
        }
        if (pattern->is_anchored && is_nowhere(pattern, at)) {
            return false;
        }
        *at = step(pattern, at, (unsigned char)text.ptr[i]);
    }
    return false;
}

/* The same for the usual expression, whose positions fit a word. */
static bool pass_narrow(const struct pattern *pattern, struct span text, struct positions *at)
{
    const uint64_t first = pattern->first.words[0];
    const uint64_t last = pattern->last.words[0];
    uint64_t now = at->words[0];

    for (size_t i = 0; i < text.len; i++) {
        uint64_t next = first;

        if ((now & last) != 0) {
            return true;
        }
        if (now == 0 && pattern->is_anchored) {
            break;
        }
        for (uint64_t rest = now; rest != 0; rest &= rest - 1) {
            next |= pattern->follow[__builtin_ctzll(rest)];
        }
        now = next & pattern->accepts[(unsigned char)text.ptr[i]];
    }
    at->words[0] = now;
    return false;
}

int pattern_find(const struct pattern *pattern, struct span text)
{
    struct positions at = {{0}};

    if (text.len > PATTERN_SUBJECT_BYTES_MAX) {
        return -1;
    }
    if (pattern->is_optional) {
        return 1;
    }
    at = step_edge(pattern, &at, SYMBOL_START);
    if (pattern->words == 1 ? pass_narrow(pattern, text, &at) : pass(pattern, text, &at)) {
        return 1;
    }
    if (is_at_end(pattern, &at)) {
        return 1;
    }
    at = step_edge(pattern, &at, SYMBOL_END);
    return is_at_end(pattern, &at) ? 1 : 0;
}
