/* Pure policies of delivery: token bucket, rate limit, concurrency. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/token_bucket.h"
#include "deliver/concurrency.h"
#include "deliver/rate_limit.h"

static void token_bucket_gives_burst_then_rate(void **state)
{
    struct token_bucket bucket;
    unsigned taken = 0;

    (void)state;
    token_bucket_init(&bucket, 10, 3, 1000);
    for (int i = 0; i < 5; i++) {
        taken += token_bucket_take(&bucket, 1000);
    }
    assert_int_equal(taken, 3);
    assert_int_equal(token_bucket_wait_ms(&bucket, 1000), 100);
    assert_false(token_bucket_take(&bucket, 1099));
    assert_true(token_bucket_take(&bucket, 1101));
    for (uint64_t now_ms = 2000; now_ms < 12000; now_ms++) {
        taken += token_bucket_take(&bucket, now_ms);
    }
    assert_in_range(taken, 3 + 100, 3 + 104); /* ten seconds at 10/s, and the burst */
}

static void token_bucket_survives_a_clock_that_stands(void **state)
{
    struct token_bucket bucket;

    (void)state;
    token_bucket_init(&bucket, 1000, 0, 5000);
    assert_true(token_bucket_take(&bucket, 5000));
    assert_false(token_bucket_take(&bucket, 4000));
    assert_true(token_bucket_wait_ms(&bucket, 4000) >= 1);
    assert_true(token_bucket_take(&bucket, 5001));
}

/* Requests that @limit lets go in a second from @from_ms, asked every millisecond; all are
 * accepted.
 */
static unsigned run_second(struct rate_limit *limit, uint64_t from_ms)
{
    unsigned taken = 0;

    for (uint64_t now_ms = from_ms; now_ms < from_ms + 1000; now_ms++) {
        if (rate_limit_take(limit, now_ms)) {
            rate_limit_accepted(limit, now_ms);
            taken++;
        }
    }
    return taken;
}

static void rate_limit_gives_way_and_comes_back(void **state)
{
    struct rate_limit limit;

    (void)state;
    rate_limit_init(&limit, 100, 10, 1000);
    assert_in_range(run_second(&limit, 1000), 100, 111);
    assert_in_range(run_second(&limit, 2000), 99, 101);
    rate_limit_throttled(&limit, 3000);
    rate_limit_throttled(&limit, 3001); /* once a second at most */
    assert_in_range((unsigned)limit.rate, 65, 75);
    for (uint64_t second = 3; second < 12; second++) {
        (void)run_second(&limit, second * 1000);
    }
    assert_in_range(run_second(&limit, 12000), 98, 101);
}

static void rate_limit_is_not_cut_by_probes(void **state)
{
    struct rate_limit limit;

    (void)state;
    rate_limit_init(&limit, 100, 10, 1000);
    (void)run_second(&limit, 1000);
    rate_limit_throttled(&limit, 2000);
    for (uint64_t now_ms = 8000; now_ms < 60000; now_ms += 8000) {
        rate_limit_throttled(&limit, now_ms);
    }
    assert_true(limit.rate > 30);
}

static void rate_limit_follows_its_share(void **state)
{
    struct rate_limit limit;

    (void)state;
    rate_limit_init(&limit, 100, 10, 1000);
    rate_limit_set_ceiling(&limit, 20, 2000);
    (void)run_second(&limit, 2000);
    assert_in_range(run_second(&limit, 3000), 19, 21);
    rate_limit_set_ceiling(&limit, 50, 4000);
    assert_in_range(run_second(&limit, 5000), 49, 61);
}

static void rate_limit_keeps_to_a_low_rate(void **state)
{
    struct rate_limit limit;
    unsigned taken = 0;

    (void)state;
    rate_limit_init(&limit, 0.1, 1, 1000); /* six a minute */
    for (uint64_t now_ms = 1000; now_ms <= 121000; now_ms += 100) {
        taken += rate_limit_take(&limit, now_ms);
    }
    assert_in_range(taken, 12, 14);
}

static void rate_limit_lets_a_burst_of_many_seconds_go(void **state)
{
    struct rate_limit limit;
    unsigned taken = 0;

    (void)state;
    rate_limit_init(&limit, 2, 50, 1000);
    while (rate_limit_take(&limit, 1000)) {
        taken++;
    }
    assert_int_equal(taken, 50);
}

static void concurrency_grows_when_full_and_yields_to_faults(void **state)
{
    struct concurrency concurrency;
    uint64_t now_ms = 1000;

    (void)state;
    concurrency_init(&concurrency, 8, 64);
    for (int i = 0; i < 200; i++) {
        concurrency_sent(&concurrency,
                         &(struct requests){.in_flight = concurrency_limit(&concurrency)}, now_ms);
        concurrency_answered(&concurrency, now_ms += 100, 50, false);
    }
    assert_int_equal(concurrency_limit(&concurrency), 64);
    for (int i = 0; i < 10; i++) {
        concurrency_answered(&concurrency, now_ms += 100, 50, true);
    }
    assert_in_range(concurrency_limit(&concurrency), 15, 30);
    for (int i = 0; i < 100; i++) {
        concurrency_answered(&concurrency, now_ms += 100, 50, true);
    }
    assert_int_equal(concurrency_limit(&concurrency), 1);
    concurrency_restart(&concurrency);
    assert_int_equal(concurrency_limit(&concurrency), 8);
}

static void concurrency_stays_when_it_is_not_used(void **state)
{
    struct concurrency concurrency;

    (void)state;
    concurrency_init(&concurrency, 8, 64);
    for (uint64_t now_ms = 1000; now_ms < 60000; now_ms += 100) {
        concurrency_sent(&concurrency, &(struct requests){.in_flight = 2}, now_ms);
        concurrency_answered(&concurrency, now_ms, 50, false);
    }
    assert_int_equal(concurrency_limit(&concurrency), 8);
}

/* All requests hang: four more, half a second apart, a second after the limit was full. */
static void a_full_destination_that_hangs_is_sampled(void **state)
{
    struct concurrency concurrency;
    struct requests requests = {.in_flight = 8, .most = SIZE_MAX};
    uint64_t sampled_ms[8];
    size_t samples = 0;

    (void)state;
    concurrency_init(&concurrency, 8, 64);
    concurrency_sent(&concurrency, &requests, 1000);
    for (uint64_t now_ms = 1000; now_ms < 10000 && samples < 8; now_ms += 10) {
        concurrency_watch(&concurrency, &requests, now_ms);
        assert_true(concurrency_is_full(&concurrency, &requests));
        if (concurrency_allows(&concurrency, &requests, now_ms)) {
            sampled_ms[samples++] = now_ms;
            requests.in_flight++;
            concurrency_sent(&concurrency, &requests, now_ms);
        }
    }
    assert_int_equal(samples, 4);
    assert_int_equal(sampled_ms[0], 2000);
    assert_int_equal(sampled_ms[3], 3500);
    assert_int_equal(concurrency_full_ms(&concurrency, 5000), 4000);
    requests.overtaken = 5; /* they hang alone: others are served, and their places are free */
    assert_false(concurrency_is_full(&concurrency, &requests));
    requests.most = 1;
    assert_true(concurrency_is_full(&concurrency, &requests));
}

static void a_hang_is_four_usual_round_trips(void **state)
{
    struct concurrency concurrency;

    (void)state;
    concurrency_init(&concurrency, 8, 64);
    assert_int_equal(concurrency_hang_ms(&concurrency), 1000);
    for (uint64_t now_ms = 1000; now_ms < 3000; now_ms += 100) {
        concurrency_answered(&concurrency, now_ms, 50, false);
    }
    assert_int_equal(concurrency_hang_ms(&concurrency), 1000);
    for (uint64_t now_ms = 3000; now_ms < 60000; now_ms += 100) {
        concurrency_answered(&concurrency, now_ms, 2000, false);
    }
    assert_in_range(concurrency_hang_ms(&concurrency), 7900, 8000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_bucket_gives_burst_then_rate),
        cmocka_unit_test(token_bucket_survives_a_clock_that_stands),
        cmocka_unit_test(rate_limit_gives_way_and_comes_back),
        cmocka_unit_test(rate_limit_is_not_cut_by_probes),
        cmocka_unit_test(rate_limit_follows_its_share),
        cmocka_unit_test(rate_limit_keeps_to_a_low_rate),
        cmocka_unit_test(rate_limit_lets_a_burst_of_many_seconds_go),
        cmocka_unit_test(concurrency_grows_when_full_and_yields_to_faults),
        cmocka_unit_test(concurrency_stays_when_it_is_not_used),
        cmocka_unit_test(a_full_destination_that_hangs_is_sampled),
        cmocka_unit_test(a_hang_is_four_usual_round_trips),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
