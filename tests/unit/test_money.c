#include "base/money.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

static const struct {
    const char *name;
    const char *text;
    const char *want; /* NULL: refused */
} text_cases[] = {
    {"a price", "19.99", "19.99"},
    {"a whole number gets two decimals", "90", "90.00"},
    {"one decimal too", "2.5", "2.50"},
    {"zeros at the end go", "2.500000", "2.50"},
    {"six decimals stay", "0.000001", "0.000001"},
    {"three decimals stay", "-0.125", "-0.125"},
    {"zeros in front go", "0007.00", "7.00"},
    {"nothing", "0", "0.00"},
    {"minus nothing is nothing", "-0.00", "0.00"},
    {"more than 64 bits", "48310500000000000.25", "48310500000000000.25"},
    {"the longest", "999999999999999999999999.999999", "999999999999999999999999.999999"},
    {"the longest below zero", "-999999999999999999999999.999999",
     "-999999999999999999999999.999999"},
    {"one digit more", "1000000000000000000000000", NULL},
    {"a seventh decimal", "0.0000001", NULL},
    {"an empty text", "", NULL},
    {"a sign alone", "-", NULL},
    {"a plus", "+1", NULL},
    {"nothing behind the point", "1.", NULL},
    {"nothing before the point", ".5", NULL},
    {"an exponent", "1e3", NULL},
    {"a comma", "1,50", NULL},
    {"a space", " 1", NULL},
    {"two points", "1.2.3", NULL},
    {"a NUL inside", "1.2\0", "1.20"},
    {"a word", "NaN", NULL},
};

static void texts_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(text_cases); i++) {
        struct money money = {.micros = 42};
        char text[MONEY_TEXT_BYTES];
        bool is_read = money_parse(span_of(text_cases[i].text), &money);

        if (is_read != (text_cases[i].want != NULL)) {
            fail_msg("%s: %s", text_cases[i].name, is_read ? "taken" : "refused");
        }
        if (!is_read) {
            assert_true(money.micros == 42);
            continue;
        }
        if (money_text(money, text) != strlen(text) || strcmp(text, text_cases[i].want) != 0) {
            fail_msg("%s: got %s", text_cases[i].name, text);
        }
    }
}

static void a_nul_is_no_digit(void **state)
{
    struct money money;

    (void)state;
    assert_false(money_parse((struct span){"1.2\0", 4}, &money));
    assert_false(money_parse(SPAN_NONE, &money));
}

static const struct {
    const char *name;
    double amount;
    const char *want; /* NULL: refused */
} double_cases[] = {
    {"a price", 19.99, "19.99"},
    {"one tenth", 0.1, "0.10"},
    {"a sum that is not 0.3", 0.1 + 0.2, "0.30"},
    {"a negative one", -4.005, "-4.005"},
    {"a third", 1.0 / 3.0, "0.333333"},
    {"half a millionth goes to the even one", 0.0000005, "0.00"},
    {"just below the fast path's end", 3999999999.99, "3999999999.99"},
    {"above it", 4000000000.01, "4000000000.01"},
    {"where a double no longer holds a millionth", 8932520881.94, "8932520881.94"},
    {"many digits", 123456789012.345, "123456789012.345"},
    {"a large amount with cents", 8999999999999.99, "8999999999999.99"},
    {"the largest", 9e12, "9000000000000.00"},
    {"beyond it", 9.000000000001e12, NULL},
    {"below zero beyond it", -1e13, NULL},
    {"the largest double", 1.7976931348623157e308, NULL},
    {"not a number", (double)NAN, NULL},
    {"infinity", (double)INFINITY, NULL},
};

static void doubles_become_decimals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(double_cases); i++) {
        struct money money = {0};
        char text[MONEY_TEXT_BYTES] = "";
        bool is_taken = money_of_double(double_cases[i].amount, &money);

        if (is_taken) {
            (void)money_text(money, text);
        }
        if (is_taken != (double_cases[i].want != NULL) ||
            (is_taken && strcmp(text, double_cases[i].want) != 0)) {
            fail_msg("%s: got %s", double_cases[i].name, is_taken ? text : "a refusal");
        }
    }
}

/* Any amount of cents comes through the double and back. */
static void cents_survive_the_double(void **state)
{
    struct rng rng = {.state = 7};

    (void)state;
    for (int i = 0; i < 200000; i++) {
        int64_t cents = (int64_t)(rng_next(&rng) % 900000000000000);
        struct money money;
        char written[MONEY_TEXT_BYTES];
        char want[64];

        (void)snprintf(want, sizeof(want), "%lld.%02lld", (long long)(cents / 100),
                       (long long)(cents % 100));
        assert_true(money_of_double(strtod(want, NULL), &money));
        (void)money_text(money, written);
        assert_string_equal(written, want);
    }
}

static void sums_are_exact_and_end_at_128_bits(void **state)
{
    struct money tenth;
    struct money sum = {0};
    struct money largest = {.micros = ((__int128)1 << 126) - 1 + ((__int128)1 << 126)};
    char text[MONEY_TEXT_BYTES];

    (void)state;
    assert_true(money_parse(SPAN("0.10"), &tenth));
    for (int i = 0; i < 1000000; i++) {
        assert_true(money_add(&sum, tenth));
    }
    (void)money_text(sum, text);
    assert_string_equal(text, "100000.00");
    assert_false(money_add(&largest, tenth));
    (void)money_text(largest, text);
    assert_string_equal(text, "170141183460469231731687303715884.105727");
    largest.micros = -largest.micros - 1; /* the least: it has no positive counterpart */
    (void)money_text(largest, text);
    assert_string_equal(text, "-170141183460469231731687303715884.105728");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read_and_written),
        cmocka_unit_test(a_nul_is_no_digit),
        cmocka_unit_test(doubles_become_decimals),
        cmocka_unit_test(cents_survive_the_double),
        cmocka_unit_test(sums_are_exact_and_end_at_128_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
