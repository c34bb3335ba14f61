#include "base/number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/rng.h"

static const struct {
    const char *name;
    double number;
    const char *want;
} double_cases[] = {
    {"zero", 0.0, "0"},
    {"minus zero keeps its sign", -0.0, "-0"},
    {"a price", 19.99, "19.99"},
    {"a negative price", -19.99, "-19.99"},
    {"one decimal", 0.1, "0.1"},
    {"zeros inside the decimals", 1.0001, "1.0001"},
    {"zeros at the end go", 2.5, "2.5"},
    {"four decimals below one", 0.0001, "0.0001"},
    {"five decimals", 0.00001, "1e-05"},
    {"a third", 1.0 / 3.0, "0.3333333333333333"},
    {"a sum that is not 0.3", 0.1 + 0.2, "0.30000000000000004"},
    {"a whole number", 1700000000.0, "1700000000"},
    {"the largest whole number written out", 999999999999999.0, "999999999999999"},
    {"past it an exponent", 1e15, "1e+15"},
    {"decimals on a large number", 99999999999.9999, "99999999999.9999"},
    {"largest double", 1.7976931348623157e308, "1.7976931348623157e+308"},
    {"smallest normal double", 2.2250738585072014e-308, "2.2250738585072014e-308"},
    {"NaN has no number", (double)NAN, "null"},
    {"infinity has no number", (double)INFINITY, "null"},
    {"minus infinity has no number", (double)-INFINITY, "null"},
};

static void doubles_are_written_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(double_cases); i++) {
        struct buf buf;

        buf_init(&buf, 1024);
        buf_add_double(&buf, double_cases[i].number);
        if (strcmp(buf_text(&buf), double_cases[i].want) != 0) {
            fail_msg("%s: got %s", double_cases[i].name, buf_text(&buf));
        }
        buf_fini(&buf);
    }
}

static void doubles_read_back_the_same(void **state)
{
    struct rng rng = {.state = 1};

    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = rng_next(&rng);
        char text[NUMBER_TEXT_BYTES + 1];
        double number;

        if (i % 2 == 0) {
            memcpy(&number, &bits, sizeof(number));
        } else { /* money */
            number = (double)(int64_t)(bits % 2000000000u) / (i % 4 == 1 ? 100.0 : 10000.0);
        }
        if (!isfinite(number)) {
            continue;
        }
        text[number_text(number, text)] = '\0';
        if (strtod(text, NULL) != number) {
            fail_msg("%.17g was written as %s", number, text);
        }
    }
}

static const struct {
    const char *name;
    float number;
    const char *want;
} float_cases[] = {
    {"a price", 19.99f, "19.99"},
    {"a tenth", 0.1f, "0.1"},
    {"a whole number", 16777216.0f, "16777216"},
    {"nine digits", 1.00000012f, "1.0000001"},
    {"NaN", NAN, "null"},
};

static void floats_are_written_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(float_cases); i++) {
        struct buf buf;

        buf_init(&buf, 1024);
        buf_add_float(&buf, float_cases[i].number);
        if (strcmp(buf_text(&buf), float_cases[i].want) != 0) {
            fail_msg("%s: got %s", float_cases[i].name, buf_text(&buf));
        }
        buf_fini(&buf);
    }
}

static const struct {
    const char *name;
    struct span text;
    const char *want;
} string_cases[] = {
    {"empty", {"", 0}, "\"\""},
    {"plain", {"plain", 5}, "\"plain\""},
    {"eight plain bytes", {"12345678", 8}, "\"12345678\""},
    {"quotation mark in the first word", {"123\"5678", 8}, "\"123\\\"5678\""},
    {"backslash at the very end", {"12345678\\", 9}, "\"12345678\\\\\""},
    {"short escapes", {"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
    {"NUL and unit separator", {"\0\x1f", 2}, "\"\\u0000\\u001f\""},
    {"delete is no control character of JSON", {"\x7f", 1}, "\"\x7f\""},
    {"space is not escaped", {"        ", 8}, "\"        \""},
    {"UTF-8 is copied", {"z\xc3\xbcrich\xe2\x82\xac", 10}, "\"z\xc3\xbcrich\xe2\x82\xac\""},
    {"escape next to high bytes",
     {"\xe2\x82\xac\"\xe2\x82\xac\xe2\x82\xac", 10},
     "\"\xe2\x82\xac\\\"\xe2\x82\xac\xe2\x82\xac\""},
};

static void strings_are_escaped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(string_cases); i++) {
        struct buf buf;

        buf_init(&buf, 1024);
        buf_add_json_string(&buf, string_cases[i].text);
        if (strcmp(buf_text(&buf), string_cases[i].want) != 0) {
            fail_msg("%s: got %s", string_cases[i].name, buf_text(&buf));
        }
        buf_fini(&buf);
    }
}

/* Every byte at every place of two words: what must be escaped is found wherever it stands. */
static void every_byte_is_found_at_every_place(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at < 17; at++) {
            char text[17];
            bool is_special = c < 0x20 || c == '"' || c == '\\';
            struct buf buf;

            memset(text, 'a', sizeof(text));
            text[at] = (char)c;
            buf_init(&buf, 1024);
            buf_add_json_string(&buf, (struct span){text, sizeof(text)});
            if ((buf.len > sizeof(text) + 2) != is_special) {
                fail_msg("byte %02x at %zu", (unsigned)c, at);
            }
            buf_fini(&buf);
        }
    }
}

static void a_full_buffer_is_said(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 4);
    buf_add_json_string(&buf, SPAN("long"));
    assert_true(buf.is_overflowed);
    assert_int_equal(buf.len, 0);
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_are_written_short),
        cmocka_unit_test(doubles_read_back_the_same),
        cmocka_unit_test(floats_are_written_short),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(every_byte_is_found_at_every_place),
        cmocka_unit_test(a_full_buffer_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
