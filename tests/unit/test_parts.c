/* A dead letter in parts: what comes apart when, and that the parts are the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "deliver/parts.h"

enum { KIB = 1024, SHRINKS_MAX = 40 };

static const struct {
    const char *name;
    size_t lens[PIECE_COUNT]; /* headers, key, value */
    uint32_t want_bytes;      /* after the first refusal */
    bool want_headers, want_key;
    uint32_t want_count;
} first_cases[] = {
    {"a large value is cut, the rest stays", {100, 10, 5000 * KIB}, 512 * KIB, false, false, 10},
    {"a smaller one is halved", {100, 10, 300 * KIB}, 150 * KIB + 1, false, false, 2},
    {"large headers come apart first", {900 * KIB, 10, 7}, 512 * KIB, true, false, 3},
    {"so does a large key", {0, 600 * KIB, 7}, 512 * KIB, false, true, 3},
    {"small ones beside it stay", {255, 600 * KIB, 0}, 512 * KIB, false, true, 3},
    {"next to nothing is one part", {0, 0, 7}, 512, false, false, 1},
    {"an empty value has a part", {17 * KIB, 0, 0}, 512 * KIB, true, false, 2},
};

static bool shrink(struct parts *parts, const size_t lens[PIECE_COUNT])
{
    bool is_smaller = parts_shrink(parts, lens);

    for (size_t i = 0; i < PIECE_COUNT; i++) {
        parts->piece_len[i] = i == PIECE_VALUE || parts->is_apart[i] ? lens[i] : 0;
    }
    return is_smaller;
}

/* Every byte of what is apart, once and in order. */
static void check_whole(const char *name, const struct parts *parts)
{
    size_t seen[PIECE_COUNT] = {0};
    enum piece last = PIECE_HEADERS;

    for (uint32_t i = 0; i < parts_count(parts); i++) {
        struct part part = parts_at(parts, i);

        if (part.piece < last || part.from != seen[part.piece] ||
            part.to - part.from > parts->bytes) {
            fail_msg("%s: part %u is %s %zu..%zu", name, i, piece_word(part.piece), part.from,
                     part.to);
        }
        seen[part.piece] = part.to;
        last = part.piece;
    }
    for (size_t i = 0; i < PIECE_COUNT; i++) {
        if (seen[i] != parts->piece_len[i]) {
            fail_msg("%s: %zu of %zu bytes of %s", name, seen[i], parts->piece_len[i],
                     piece_word((enum piece)i));
        }
    }
}

static void the_first_refusal_cuts_what_is_large(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(first_cases); i++) {
        struct parts parts = {0};

        assert_int_equal(parts_count(&parts), 0);
        assert_true(shrink(&parts, first_cases[i].lens));
        if (parts.bytes != first_cases[i].want_bytes ||
            parts.is_apart[PIECE_HEADERS] != first_cases[i].want_headers ||
            parts.is_apart[PIECE_KEY] != first_cases[i].want_key ||
            parts_count(&parts) != first_cases[i].want_count) {
            fail_msg("%s: %u parts of %u bytes", first_cases[i].name, parts_count(&parts),
                     parts.bytes);
        }
        check_whole(first_cases[i].name, &parts);
    }
}

/* Each refusal leads to less in a record, in few steps, until there is nothing left to take out. */
static void refused_again_and_again_it_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(first_cases); i++) {
        struct parts parts = {0};
        size_t steps = 0;

        while (shrink(&parts, first_cases[i].lens)) {
            check_whole(first_cases[i].name, &parts);
            if (++steps > SHRINKS_MAX) {
                fail_msg("%s: no end", first_cases[i].name);
            }
        }
        assert_int_equal(parts.bytes, 512);
        for (size_t k = 0; k < PIECE_VALUE; k++) {
            assert_int_equal(parts.is_apart[k], first_cases[i].lens[k] >= 256);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_refusal_cuts_what_is_large),
        cmocka_unit_test(refused_again_and_again_it_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
