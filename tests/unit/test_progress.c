#include "base/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/columns.h"
#include "base/terminal.h"

static const struct {
    const char *name;
    enum progress_unit unit;
    uint64_t total, done, elapsed_ms;
    const char *more;
    const char *want;
} rows[] = {
    {"nothing done", PROGRESS_COUNT, 10, 0, 0, NULL, "x [                        ]   0%  0 of 10"},
    {"half of it", PROGRESS_COUNT, 24690, 12345, 10000, NULL,
     "x [############            ]  50%  12,345 of 24,690  1,235/s  10s left"},
    {"all of it", PROGRESS_COUNT, 10, 10, 2000, NULL,
     "x [########################] 100%  10 of 10  5/s"},
    {"more than all of it", PROGRESS_COUNT, 10, 30, 2000, NULL,
     "x [########################] 100%  30 of 10  15/s"},
    {"no end known", PROGRESS_COUNT, 0, 1234567, 2000, NULL, "x 1,234,567  617,284/s"},
    {"nothing done after a while", PROGRESS_COUNT, 10, 0, 5000, NULL,
     "x [                        ]   0%  0 of 10  0/s"},
    {"hours left", PROGRESS_COUNT, 100000, 1, 1000, NULL,
     "x [                        ]   0%  1 of 100,000  1/s  1d03h left"},
    {"something to add", PROGRESS_COUNT, 4, 1, 0, "2 refused",
     "x [######                  ]  25%  1 of 4  2 refused"},
    {"time, without a rate", PROGRESS_MS, 60000, 15000, 5000, NULL,
     "x [######                  ]  25%  15s of 1m00s  15s left"},
};

static void a_line_says_how_far_the_work_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct progress progress = {.label = "x", .unit = rows[i].unit, .total = rows[i].total};
        struct buf out;

        buf_init(&out, 1024);
        progress_line(&progress, rows[i].done, rows[i].elapsed_ms, rows[i].more, &out);
        if (strcmp(buf_text(&out), rows[i].want) != 0) {
            fail_msg("%s:\n  %s\nwanted\n  %s", rows[i].name, buf_text(&out), rows[i].want);
        }
        buf_fini(&out);
    }
}

static void a_file_is_no_terminal(void **state)
{
    FILE *file = tmpfile();

    (void)state;
    assert_non_null(file);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    assert_false(terminal_is_live(file));
    assert_false(terminal_is_coloured(file));
    fclose(file);
}

static const struct {
    int64_t ms;
    const char *want;
} durations[] = {
    {-5, "0s"},        {999, "0s"},         {45000, "45s"},
    {192000, "3m12s"}, {18540000, "5h09m"}, {187200000, "2d04h"},
};

static void a_duration_is_told_in_two_units(void **state)
{
    char text[COLUMNS_DURATION_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(durations); i++) {
        assert_string_equal(columns_duration(durations[i].ms, text), durations[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_how_far_the_work_is),
        cmocka_unit_test(a_file_is_no_terminal),
        cmocka_unit_test(a_duration_is_told_in_two_units),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
