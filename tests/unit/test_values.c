/* Typed values as the contract writes them, and what is not one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/yaml.h"

#define BAD UINT64_MAX

static const struct {
    const char *text;
    uint64_t want; /* BAD: not one */
} durations[] = {
    {"200ms", 200},
    {"0s", 0},
    {"30s", 30000},
    {"5m", 300000},
    {"2h", 7200000},
    {"6d", 518400000},
    {"18446744073709551614ms", UINT64_MAX - 1},
    {"18446744073709551616ms", BAD},
    {"18446744073709551615s", BAD},
    {"", BAD},
    {"30", BAD},
    {"0", BAD},
    {"s", BAD},
    {"30 s", BAD},
    {" 30s", BAD},
    {"30s ", BAD},
    {"-30s", BAD},
    {"+30s", BAD},
    {"1.5s", BAD},
    {"30S", BAD},
    {"30sec", BAD},
    {"1h30m", BAD},
    {"0x10s", BAD},
    {"1e3s", BAD},
};

static const struct {
    const char *text;
    uint64_t want;
} sizes[] = {
    {"512", 512},
    {"0", 0},
    {"512B", 512},
    {"64KiB", 65536},
    {"1MiB", 1048576},
    {"2GiB", 2147483648u},
    {"10kB", 10000},
    {"10KB", 10000},
    {"10MB", 10000000},
    {"1GB", 1000000000},
    {"17179869184GiB", BAD},
    {"1TiB", BAD},
    {"1mib", BAD},
    {"1 MiB", BAD},
    {"", BAD},
    {"MiB", BAD},
    {"-1", BAD},
    {"1.5MiB", BAD},
};

static const struct {
    const char *text;
    double want; /* < 0: not one */
} percents[] = {
    {"0%", 0},      {"20%", 0.2}, {"100%", 1},  {"0.5%", 0.005}, {"99.9%", 0.999}, {"101%", -1},
    {"100.1%", -1}, {"-1%", -1},  {"%", -1},    {"20", -1},      {"", -1},         {"20 %", -1},
    {"20%%", -1},   {"nan%", -1}, {"1e1%", -1}, {".5%", -1},     {"5.%", -1},      {"1.2.3%", -1},
};

static const struct {
    const char *text;
    double want;
} rates[] = {
    {"10/s", 10},  {"600/m", 10}, {"36000/h", 10}, {"0.5/s", 0.5}, {"1000/s", 1000}, {"0/s", 0},
    {"10", -1},    {"10/", -1},   {"/s", -1},      {"10/d", -1},   {"10 /s", -1},    {"10/ s", -1},
    {"-10/s", -1}, {"inf/s", -1}, {"10/s/s", -1},  {"1e3/s", -1},  {"", -1},
};

static const struct {
    const char *text;
    uint64_t from, to;
} ranges[] = {
    {"5s..5m", 5000, 300000},
    {"200ms..5s", 200, 5000},
    {"5s..5s", 5000, 5000},
    {"5m..5s", 300000, 5000}, /* which way round is the reader's question */
    {"5s", BAD, 0},
    {"5s..", BAD, 0},
    {"..5s", BAD, 0},
    {"5s...5m", BAD, 0},
    {"5s..5m..6m", BAD, 0},
    {"5..6s", BAD, 0},
    {"", BAD, 0},
    {"..", BAD, 0},
    {".", BAD, 0},
};

static void durations_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(durations); i++) {
        uint64_t got = 7;
        bool is_one = value_duration(span_of(durations[i].text), &got);

        if (is_one != (durations[i].want != BAD) || (is_one && got != durations[i].want)) {
            fail_msg("duration \"%s\": %d %llu", durations[i].text, is_one,
                     (unsigned long long)got);
        }
    }
}

static void sizes_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint64_t got = 7;
        bool is_one = value_size(span_of(sizes[i].text), &got);

        if (is_one != (sizes[i].want != BAD) || (is_one && got != sizes[i].want)) {
            fail_msg("size \"%s\": %d %llu", sizes[i].text, is_one, (unsigned long long)got);
        }
    }
}

static bool is_near(double a, double b)
{
    double difference = a > b ? a - b : b - a;

    return difference < 1e-12;
}

static void percentages_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(percents); i++) {
        double got = 7;
        bool is_one = value_percent(span_of(percents[i].text), &got);

        if (is_one != (percents[i].want >= 0) || (is_one && !is_near(got, percents[i].want))) {
            fail_msg("percentage \"%s\": %d %g", percents[i].text, is_one, got);
        }
    }
}

static void rates_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        double got = 7;
        bool is_one = value_rate(span_of(rates[i].text), &got);

        if (is_one != (rates[i].want >= 0) || (is_one && !is_near(got, rates[i].want))) {
            fail_msg("rate \"%s\": %d %g", rates[i].text, is_one, got);
        }
    }
}

static void ranges_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        uint64_t from = 7;
        uint64_t to = 7;
        bool is_one = value_duration_range(span_of(ranges[i].text), &from, &to);

        if (is_one != (ranges[i].from != BAD) ||
            (is_one && (from != ranges[i].from || to != ranges[i].to))) {
            fail_msg("range \"%s\": %d %llu %llu", ranges[i].text, is_one, (unsigned long long)from,
                     (unsigned long long)to);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),   cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(percentages_are_read), cmocka_unit_test(rates_are_read),
        cmocka_unit_test(ranges_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
