/* Backoff and limiter: pure policies of delivery. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "deliver/backoff.h"
#include "deliver/limiter.h"

static const struct {
    const char *name;
    uint64_t min_ms, max_ms;
    uint32_t attempt;
    uint64_t want_max_ms; /* the draw lies in 0..want_max_ms, and comes near it */
} backoff_cases[] = {
    {"first failure waits at most the minimum", 200, 5000, 1, 200},
    {"each failure doubles the bound", 200, 5000, 4, 1600},
    {"the bound stops at the maximum", 200, 5000, 7, 5000},
    {"a huge attempt does not overflow", 200, UINT64_MAX / 2, UINT32_MAX, UINT64_MAX / 2},
    {"a maximum below the minimum wins", 500, 100, 1, 100},
    {"zero is no wait", 0, 0, 3, 0},
};

static void backoff_stays_within_its_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(backoff_cases); i++) {
        uint64_t highest = 0;

        for (uint64_t seed = 0; seed < 1000; seed++) {
            struct rng rng = {.state = seed};
            uint64_t got = backoff_ms(backoff_cases[i].min_ms, backoff_cases[i].max_ms,
                                      backoff_cases[i].attempt, &rng);

            if (got > backoff_cases[i].want_max_ms) {
                fail_msg("%s: %llu", backoff_cases[i].name, (unsigned long long)got);
            }
            highest = MAX_OF(highest, got);
        }
        if (highest < backoff_cases[i].want_max_ms / 10 * 9) {
            fail_msg("%s: never near its bound, at most %llu", backoff_cases[i].name,
                     (unsigned long long)highest);
        }
    }
}

static void limiter_gives_burst_then_rate(void **state)
{
    struct limiter limiter;
    unsigned taken = 0;

    (void)state;
    limiter_init(&limiter, 10, 3, 1000);
    for (int i = 0; i < 5; i++) {
        taken += limiter_take(&limiter, 1000);
    }
    assert_int_equal(taken, 3);
    assert_int_equal(limiter_wait_ms(&limiter, 1000), 100);
    assert_false(limiter_take(&limiter, 1099));
    assert_true(limiter_take(&limiter, 1101));
    for (uint64_t now_ms = 2000; now_ms < 12000; now_ms++) {
        taken += limiter_take(&limiter, now_ms);
    }
    assert_in_range(taken, 3 + 100, 3 + 104); /* ten seconds at 10/s, and the burst */
}

static void limiter_survives_a_clock_that_stands(void **state)
{
    struct limiter limiter;

    (void)state;
    limiter_init(&limiter, 1000, 0, 5000);
    assert_true(limiter_take(&limiter, 5000));
    assert_false(limiter_take(&limiter, 4000));
    assert_true(limiter_wait_ms(&limiter, 4000) >= 1);
    assert_true(limiter_take(&limiter, 5001));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backoff_stays_within_its_bound),
        cmocka_unit_test(limiter_gives_burst_then_rate),
        cmocka_unit_test(limiter_survives_a_clock_that_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
