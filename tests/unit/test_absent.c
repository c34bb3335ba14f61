/* Missing values, written out: what counts as one, and what is a real value that only looks odd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/absent.h"

#define BOTH 3
#define CODE 1

static const struct {
    const char *text;
    int absent; /* CODE: as a code; BOTH: in free text as well; 0: a value */
} rows[] = {
    {"", BOTH},
    {" \t\r\n", BOTH},
    {"\xc2\xa0\xe2\x80\x8b\xef\xbb\xbf", BOTH}, /* no-break space, zero width, byte order mark */
    {"\x01", BOTH},
    /* words */
    {"null", BOTH},
    {" null ", BOTH},
    {"NULL", BOTH},
    {"Null", CODE}, /* a surname */
    {"undefined", BOTH},
    {"Undefined", CODE},
    {"None", CODE},
    {"none", CODE},
    {"nil", CODE},
    {"NaN", BOTH},
    {"nan", CODE},
    {"Nan", CODE}, /* a first name */
    {"N/A", BOTH},
    {"n/a", BOTH},
    {"#N/A", BOTH},
    {"\\N", BOTH},
    {"(null)", BOTH},
    {"(none)", BOTH},
    {"<nil>", BOTH},
    {"[null]", BOTH},
    {"\"null\"", BOTH},
    {"'undefined'", BOTH},
    {"\"\"", BOTH},
    {"''", BOTH},
    {"{}", BOTH},
    {"[]", BOTH},
    {"(not set)", BOTH},
    {"(not provided)", BOTH},
    {"not set", CODE},
    {"unknown", CODE},
    {"[object Object]", BOTH},
    {"[object Undefined]", BOTH},
    {"[object%20Object]", BOTH},
    {"%5Bobject%20Object%5D", BOTH},
    {"%255Bobject%2520Object%255D", BOTH},
    {"[object+Object]", BOTH},
    {"(not+set)", BOTH},
    {"(not%20set)", BOTH},
    {"%28not%20set%29", BOTH},
    {"not_set", CODE},
    {"not-provided", CODE},
    {"%22null%22", BOTH},
    {"%20", BOTH},
    {"%00", BOTH},
    {"-", BOTH},
    {"--", BOTH},
    {"?", CODE},
    {"...", CODE},
    /* placeholders */
    {"__CLICKID__", BOTH},
    {"__clickid__", BOTH},
    {"__CAMPAIGN_NAME__", BOTH},
    {"{{ttclid}}", BOTH},
    {"{{ ad.id }}", BOTH},
    {"{{campaign.name|default}}", BOTH},
    {"{ttclid}", BOTH},
    {"{lpurl}", BOTH},
    {"{_custom}", BOTH},
    {"${CLICK_ID}", BOTH},
    {"$(ttclid)", BOTH},
    {"#{ttclid}", BOTH},
    {"%%CLICK_URL%%", BOTH},
    {"[[ttclid]]", BOTH},
    {"<%= ttclid %>", BOTH},
    {"@@ttclid@@", BOTH},
    {"[CLICK_ID]", CODE},
    {"%7B%7Bttclid%7D%7D", BOTH},
    {"%7b%7bttclid%7d%7d", BOTH},
    {"%257B%257Bttclid%257D%257D", BOTH},
    {"%5F%5FCLICKID%5F%5F", BOTH},
    {"%24%7Bttclid%7D", BOTH},
    /* values */
    {"00000000-0000-0000-0000-000000000000", CODE},
    {"00000000000000000000000000000000", CODE},
    {"{00000000-0000-0000-0000-000000000000}", CODE},
    {"00000000-0000-0000-0000-000000000001", 0},
    {"000", 0},
    {"0", 0},
    {"false", 0},
    {"NA", 0}, /* Namibia */
    {"NO", 0},
    {"Nonesuch", 0},
    {"nullable", 0},
    {"Nilsson", 0},
    {"undefined behaviour", 0},
    {"__", CODE},
    {"__init", 0},
    {"__Not_one__", 0},
    {"_ga", 0},
    {"__x __y__ z", 0},
    {"E.C.P.__CLICKID__", 0},
    {"{\"a\": 1}", 0},
    {"{Summer sale 2026!}", 0},
    {"[SALE] Shoes", 0},
    {"(Brown)", 0},
    {"'t Hooft", 0},
    {"-1", 0},
    {"-5 % today", 0},
    {"%", 0},
    {"%7B", 0},
    {"100%", 0},
    {"%41", 0},
    {"%2541", 0},
    {"n%C3%A9e", 0},
    {"https://shop.example/?x={{y}}", 0},
    {"$10", 0},
    {"#1", 0},
    {"<b>", 0},
    {"null island", 0},
    {"U", 0},
    {"\xff", 0},
};

static void what_is_written_out_is_absent_and_real_values_are_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int got = (text_is_absent(span_of(rows[i].text), TEXT_CODE) ? 1 : 0) |
                  (text_is_absent(span_of(rows[i].text), TEXT_FREE) ? 2 : 0);

        if (got != rows[i].absent) {
            fail_msg("'%s': %d", rows[i].text, got);
        }
    }
    assert_true(text_is_absent(SPAN_NONE, TEXT_FREE));
    assert_true(text_is_absent((struct span){"\0\0", 2}, TEXT_FREE));
}

static void long_texts_are_values(void **state)
{
    char text[4096];

    (void)state;
    memset(text, '_', sizeof(text));
    assert_false(text_is_absent((struct span){text, sizeof(text)}, TEXT_CODE));
    memset(text, ' ', sizeof(text));
    assert_true(text_is_absent((struct span){text, sizeof(text)}, TEXT_FREE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_out_is_absent_and_real_values_are_not),
        cmocka_unit_test(long_texts_are_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
