/*
 * Scenes of the whole core on a virtual clock, each for something that health and flow do together:
 * a hang in the ramp, a Retry-After with requests under way, slow answers, a leg that nobody serves
 * beside one that is well, workers that were asked for less.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "destinations/table.h"
#include "rehearsal_fixture.h"

/* The folder, workers, events in flight, more of tiktok, the routes. */
static const char *const table =
    "kafka: {brokers: 'localhost:9092', group: g, topics: [conversions]}\n"
    "schemas: {directory: %s/schemas, framing: single-object, reader: "
    "com.example.ConversionEvent}\n"
    "workers: %u\n"
    "in_flight: {events: %u, bytes: 64MiB}\n"
    "destinations:\n"
    "  tiktok: {type: tiktok, event_source_id: CPIXEL, access_token: {env: SCENE_TOKEN},\n"
    "           events: {Order Completed: Purchase, Product Viewed: ViewContent}%s}\n"
    "  hook: {type: http, url: 'https://collector.example/'}\n"
    "  utm: {type: kafka, topic: utm, format: utm}\n"
    "  dead-letter: {type: kafka, topic: dead, format: original}\n"
    "routes: [%s]\n"
    "dead_letter: dead-letter\n"
    "ledger: off\n";

static const char *const one_leg = "{name: all, match: {}, legs: [[tiktok, utm]]}";

static void play_with(struct played *played, unsigned workers, unsigned in_flight, const char *more,
                      const char *routes, const char *trace, uint64_t seed)
{
    char folder[512];
    const char *path;
    char *text;

    *played = (struct played){.rehearsal = {.seed = seed}};
    diags_init(&played->diags);
    assert_non_null(getcwd(folder, sizeof(folder)));
    text = mem_format(table, folder, workers, in_flight, more, routes);
    path = write_file(text);
    played->config = config_load(path, driver_types(), &played->diags);
    (void)unlink(path);
    free(text);
    if (played->config == NULL) {
        fail_msg("%s", played->diags.items[0].message);
    }
    path = write_file(trace);
    if (!trace_load(path, played->config, &played->trace, &played->diags)) {
        fail_msg("%s", played->diags.items[0].message);
    }
    (void)unlink(path);
    assert_true(rehearsal_open(&played->rehearsal, played->config, &played->trace, &played->diags));
    rehearsal_run(&played->rehearsal);
    assert_int_not_equal(played->rehearsal.settled_ms, 0);
    assert_int_equal(played->rehearsal.in_flight, 0);
}

static void play(struct played *played, unsigned workers, unsigned in_flight, const char *routes,
                 const char *trace, uint64_t seed)
{
    play_with(played, workers, in_flight, "", routes, trace, seed);
}

static struct summary_row *row_of(struct played *played, const char *first)
{
    struct summary *summary = &played->rehearsal.summary;

    for (size_t i = 0; i < summary->row_count; i++) {
        if (summary->rows[i].plan != NULL &&
            span_is(summary->rows[i].plan->chain[0]->name, first)) {
            return &summary->rows[i];
        }
    }
    fail_msg("no leg of %s", first);
    return NULL;
}

static uint64_t ramp_of(const char *head, uint64_t seed)
{
    struct played played;
    uint64_t at_ms;

    play(&played, 1, 20000, one_leg, head, seed);
    at_ms = find_row(&played, TIMELINE_HEALTH, "ramp", NULL, 0);
    put_away(&played);
    assert_true(at_ms < UINT64_MAX);
    return at_ms;
}

static void a_hang_in_the_ramp_does_not_close_the_breaker(void **state)
{
    static const char *const head =
        "for: 3m\ntraffic: [{event: Order Completed, rate: 60/s}, {event: Product Viewed, rate: "
        "60/s}]\n"
        "destinations:\n  tiktok:\n    - {from: 20s, to: 30s, answer: {code: 50000}}\n";

    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        uint64_t ramp_ms = ramp_of(head, seed);
        char *trace = mem_format("%s    - {from: %llums, to: 150s, answer: hang}\n", head,
                                 (unsigned long long)ramp_ms + 3500);
        struct played played;

        play(&played, 1, 20000, one_leg, trace, seed);
        assert_in_range(find_row(&played, TIMELINE_HEALTH, "open", NULL, ramp_ms), ramp_ms + 3500,
                        ramp_ms + 3500 + 12000);
        put_away(&played);
        free(trace);
    }
}

/* A process begins with two connections, until it knows that its credential is none to be refused.
 */
static void a_start_into_a_hang_is_seen_too(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct played played;

        play(&played, 1, 20000, one_leg,
             "for: 1m\ntraffic: [{event: Order Completed, rate: 60/s}, {event: Product Viewed, "
             "rate: "
             "60/s}]\ndestinations: {tiktok: [{answer: hang}]}\n",
             seed);
        assert_in_range(find_row(&played, TIMELINE_HEALTH, "open", NULL, 0), 1, 15000);
        put_away(&played);
    }
}

/* What came before a hang, and what of it the hang follows. */
static const struct {
    const char *name;
    const char *rule; /* of the trace, between 20 s and 26 s */
    enum timeline_what what;
    const char *state;
    uint64_t after_ms;
} recovery_rows[] = {
    {"closed for a second", "{code: 50000}", TIMELINE_HEALTH, "closed", 1000},
    {"half open", "{code: 50000}", TIMELINE_HEALTH, "half_open", 100},
    {"the ramp's first step", "{code: 50000}", TIMELINE_HEALTH, "ramp", 500},
    {"the ramp's second step", "{code: 50000}", TIMELINE_HEALTH, "ramp", 3500},
    {"the ramp's last step", "{code: 50000}", TIMELINE_HEALTH, "ramp", 9500},
    {"open after a throttle", "{throttle: {retry_after: 1s}}", TIMELINE_FLOW, "open", 100},
    {"open after a throttle, later", "{throttle: {retry_after: 1s}}", TIMELINE_FLOW, "open", 2000},
    {"open after a refused credential", "credential", TIMELINE_FLOW, "open", 100},
    {"well", "{latency: 150ms}", TIMELINE_FAULT, "ends", 5000},
};

static const struct {
    const char *rate; /* of each of two types */
    const char *more;
} recovery_ways[] = {
    {"30/s", ""},
    {"20/s", ", batch: {events: 2}, concurrency: {initial: 1, max: 2}"},
    {"3/s", ", batch: {events: 1}, concurrency: {initial: 1, max: 1}"},
};

static uint64_t hang_seen_after(const char *head, const char *more, uint64_t hang_ms, uint64_t seed)
{
    char *trace =
        mem_format("%s    - {from: %llums, answer: hang}\n", head, (unsigned long long)hang_ms);
    struct played played;
    uint64_t open_ms;

    play_with(&played, 1, 20000, more, one_leg, trace, seed);
    open_ms = find_row(&played, TIMELINE_HEALTH, "open", NULL, hang_ms);
    put_away(&played);
    free(trace);
    return open_ms - hang_ms;
}

static void a_hang_is_seen_within_twelve_seconds_in_every_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(recovery_rows) * COUNT_OF(recovery_ways); i++) {
        size_t row = i / COUNT_OF(recovery_ways);
        size_t way = i % COUNT_OF(recovery_ways);
        char *head = mem_format(
            "for: 75s\ntraffic: [{event: Order Completed, rate: %s}, {event: Product Viewed, rate: "
            "%s}]\ndestinations:\n  tiktok:\n    - {from: 20s, to: 26s, answer: %s}\n",
            recovery_ways[way].rate, recovery_ways[way].rate, recovery_rows[row].rule);
        struct played played;
        uint64_t hang_ms;
        uint64_t seen_ms;

        play_with(&played, 1, 20000, recovery_ways[way].more, one_leg, head, i + 1);
        hang_ms = find_row(&played, recovery_rows[row].what, recovery_rows[row].state, NULL, 20000);
        put_away(&played);
        assert_in_range(hang_ms, 20000, 60000);
        hang_ms += recovery_rows[row].after_ms;
        seen_ms = hang_seen_after(head, recovery_ways[way].more, hang_ms, i + 1);
        if (seen_ms > 12000) {
            fail_msg("%s, %s%s: hang at %llu ms, seen after %llu ms", recovery_rows[row].name,
                     recovery_ways[way].rate, recovery_ways[way].more, (unsigned long long)hang_ms,
                     (unsigned long long)seen_ms);
        }
        free(head);
    }
}

/* Every fifth request fails, without end: retries wait their turn, hardly any event goes round
 * (eight in a thousand fail three times), and what is served is served soon. */
static void a_fifth_of_failures_diverts_hardly_any(void **state)
{
    static const char *const rates[] = {"5/s", "50/s", "200/s"};
    uint64_t delivered = 0;
    uint64_t diverted = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        char *trace = mem_format("for: 45s\ntraffic: [{event: Product Viewed, rate: %s}]\n"
                                 "destinations: {tiktok: [{answer: {share: 20%%, code: 50000}}]}\n",
                                 rates[i]);
        struct played played;

        play_with(&played, 1, 20000, ", batch: {events: 1}", one_leg, trace, i + 1);
        delivered += played.rehearsal.summary.delivered;
        diverted += played.rehearsal.summary.diverted;
        assert_in_range(summary_percentile(&row_of(&played, "tiktok")->delivered_times, 0.5), 1,
                        2000);
        put_away(&played);
        free(trace);
    }
    if (diverted * 100 > delivered + diverted) {
        fail_msg("%llu diverted, %llu delivered", (unsigned long long)diverted,
                 (unsigned long long)delivered);
    }
}

/* A fifth of the requests times out or is slow, the others are quick: no outage. What shares the
 * connections with requests that hang waits, and is neither diverted nor taken for a hang. */
static const struct {
    const char *name;
    const char *rules;
} background_rows[] = {
    {"20 % hang", "{answer: {share: 20%, hang: true}}"},
    {"20 % slow", "{answer: {share: 20%, latency: 3s}}"},
    {"10 % hang, 10 % fail",
     "{answer: {share: 10%, hang: true}}, {answer: {share: 11%, code: 50000}}"},
};

static const struct {
    const char *traffic;
    const char *more;
} background_ways[] = {
    {"{event: Product Viewed, rate: 10/s}, {event: Order Completed, rate: 5/s}", ""},
    {"{event: Product Viewed, rate: 50/s}, {event: Order Completed, rate: 50/s}", ""},
    {"{event: Product Viewed, rate: 50/s}", ", batch: {events: 1}"},
    {"{event: A, rate: 20/s}, {event: B, rate: 15/s}, {event: C, rate: 8/s}, {event: D, rate: 4/s},"
     " {event: E, rate: 2/s}",
     ", batch: {events: 5}"},
};

static void some_that_time_out_are_no_outage(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(background_rows) * COUNT_OF(background_ways); i++) {
        size_t row = i % COUNT_OF(background_rows);
        size_t way = i / COUNT_OF(background_rows);
        char *trace = mem_format("for: 90s\ntraffic: [%s]\ndestinations: {tiktok: [%s]}\n",
                                 background_ways[way].traffic, background_rows[row].rules);
        struct played played;
        const struct summary *summary = &played.rehearsal.summary;

        play_with(&played, 1, 20000, background_ways[way].more, one_leg, trace, i + 1);
        if (find_row(&played, TIMELINE_HEALTH, "open", NULL, 0) != UINT64_MAX ||
            summary->diverted * 50 > played.rehearsal.produced) {
            fail_msg("%s, %s%s: %llu of %llu diverted, open at %llu ms", background_rows[row].name,
                     background_ways[way].traffic, background_ways[way].more,
                     (unsigned long long)summary->diverted,
                     (unsigned long long)played.rehearsal.produced,
                     (unsigned long long)find_row(&played, TIMELINE_HEALTH, "open", NULL, 0));
        }
        put_away(&played);
        free(trace);
    }
}

/* All is refused from one moment on, at 500 a second: few are condemned before the way closes. */
static void few_are_condemned_before_a_storm_is_seen(void **state)
{
    static const char *const traffic[] = {
        "{event: Product Viewed, rate: 500/s}",
        "{event: Product Viewed, rate: 300/s}, {event: Order Completed, rate: 200/s}",
    };
    static const char *const answers[] = {"{status: 400}", "{status: 422}", "{code: 40002}"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(traffic) * COUNT_OF(answers); i++) {
        const char *more = i % 2 == 0 ? "" : ", batch: {events: 1}";
        char *trace = mem_format("for: 20s\ntraffic: [%s]\n"
                                 "destinations: {tiktok: [{from: 8s, answer: %s}]}\n",
                                 traffic[i % COUNT_OF(traffic)], answers[i / COUNT_OF(traffic)]);
        struct played played;

        play_with(&played, 1, 20000, more, one_leg, trace, i + 1);
        if (played.rehearsal.summary.dead_lettered > 150) {
            fail_msg("%s%s: %llu condemned", trace, more,
                     (unsigned long long)played.rehearsal.summary.dead_lettered);
        }
        assert_true(played.rehearsal.summary.diverted > 1000);
        put_away(&played);
        free(trace);
    }
}

/* "Retry-After: 0" for a minute: probes, and no loop of requests. */
static void a_retry_after_of_nothing_is_no_loop(void **state)
{
    struct played played;

    (void)state;
    play(&played, 2, 20000, one_leg,
         "for: 80s\ntraffic: [{event: Product Viewed, rate: 50/s}]\n"
         "destinations: {tiktok: [{from: 10s, to: 70s, answer: {throttle: {retry_after: 0s}}}]}\n",
         1);
    assert_in_range(played.rehearsal.summary.asked[0].requests_in_fault, 5, 40);
    put_away(&played);
}

static void slow_answers_are_no_outage(void **state)
{
    struct played played;

    (void)state;
    play(&played, 1, 20000, one_leg,
         "for: 2m\ntraffic: [{event: Order Completed, rate: 20/s}, {event: Product Viewed, rate: "
         "20/s}]\n"
         "destinations: {tiktok: [{from: 20s, to: 100s, answer: {latency: 4s}}]}\n",
         1);
    assert_int_equal(find_row(&played, TIMELINE_HEALTH, NULL, NULL, 0), UINT64_MAX);
    put_away(&played);
}

static void a_retry_after_holds_with_other_requests_under_way(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 4; workers *= 2) {
        struct played played;

        play(&played, workers, 20000, one_leg,
             "for: 90s\ntraffic: [{event: Product Viewed, rate: 80/s}]\n"
             "destinations: {tiktok: [{from: 20s, to: 60s, answer: {share: 30%, throttle: "
             "{retry_after: 15s}}}]}\n",
             workers);
        assert_true(find_row(&played, TIMELINE_FLOW, "open", NULL, 0) >=
                    find_row(&played, TIMELINE_FLOW, "throttled", NULL, 0) + 15000);
        assert_in_range(played.rehearsal.summary.asked[0].requests_in_fault, 1, 60);
        put_away(&played);
    }
}

static void one_worker_that_is_refused_speaks_for_all(void **state)
{
    static const char *const answers[] = {"credential", "throttle"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        char *trace = mem_format("for: 1m\ntraffic: [{event: Product Viewed, rate: 100/s}]\n"
                                 "destinations: {tiktok: [{from: 20s, to: 31s, answer: %s}]}\n",
                                 answers[i]);
        struct played played;

        play(&played, 4, 20000, one_leg, trace, 1);
        assert_in_range(played.rehearsal.summary.asked[0].requests_in_fault, 2, 20);
        assert_int_equal(played.rehearsal.summary.delivered, played.rehearsal.produced);
        put_away(&played);
        free(trace);
    }
}

static const struct {
    const char *name;
    const char *routes;
    const char *answer; /* of hook, for three minutes */
} neighbours[] = {
    {"a slow leg", "{name: all, match: {}, legs: [[tiktok, utm], [hook, utm]]}", "{latency: 4s}"},
    {"a held leg without an alternate", "{name: all, match: {}, legs: [[tiktok, utm], [hook]]}",
     "credential"},
    {"a throttled leg without an alternate",
     "{name: all, match: {}, legs: [[tiktok, utm], [hook]]}", "throttle"},
    {"a dead leg without an alternate", "{name: all, match: {}, legs: [[tiktok, utm], [hook]]}",
     "{status: 503}"},
    {"a leg that hangs", "{name: all, match: {}, legs: [[tiktok, utm], [hook, utm]]}", "hang"},
};

static void a_leg_that_is_unwell_leaves_room_for_the_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(neighbours); i++) {
        char *trace = mem_format("for: 4m\ntraffic: [{event: Product Viewed, rate: 60/s}]\n"
                                 "destinations: {hook: [{from: 30s, to: 210s, answer: %s}]}\n",
                                 neighbours[i].answer);
        struct played played;
        struct summary_row *row;

        play(&played, 1, 6000, neighbours[i].routes, trace, 1);
        row = row_of(&played, "tiktok");
        if (summary_percentile(&row->delivered_times, 0.5) > 1000 ||
            summary_percentile(&row->delivered_times, 0.9) > 5000 ||
            row->delivered != played.rehearsal.produced) {
            fail_msg("%s: %llu of %llu, p50 %u ms, p90 %u ms", neighbours[i].name,
                     (unsigned long long)row->delivered,
                     (unsigned long long)played.rehearsal.produced,
                     summary_percentile(&row->delivered_times, 0.5),
                     summary_percentile(&row->delivered_times, 0.9));
        }
        put_away(&played);
        free(trace);
    }
}

static void a_rate_is_that_of_all_workers(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 4; workers *= 2) {
        struct played played;
        uint64_t requests;

        play_with(&played, workers, 20000, ", rate: {requests: 10/s, burst: 5}, batch: {events: 1}",
                  one_leg, "for: 40s\ntraffic: [{event: Product Viewed, rate: 25/s}]\n", workers);
        requests = played.rehearsal.summary.asked[0].requests;
        assert_in_range(requests, played.rehearsal.settled_ms / 1000 * 9,
                        played.rehearsal.settled_ms / 1000 * 10 + 20);
        put_away(&played);
    }
}

/* More high ones alone than the rate lets through: they go first, and the low ones not never. */
static void a_short_rate_serves_high_priority_first_and_starves_none(void **state)
{
    struct played played;
    struct summary *summary = &played.rehearsal.summary;
    uint32_t high_ms, low_ms, first_low_ms;

    (void)state;
    play_with(
        &played, 1, 20000, ", rate: {requests: 10/s, burst: 1}, batch: {events: 1}",
        "{name: high, match: {event: Order Completed}, priority: high, legs: [[tiktok, utm]]}, "
        "{name: low, match: {}, priority: low, legs: [[tiktok, utm]]}",
        "for: 60s\ntraffic: [{event: Order Completed, rate: 11/s}, "
        "{event: Product Viewed, rate: 5/s}]\n",
        1);
    summary_sort(summary);
    high_ms = summary_percentile(&summary->rows[0].delivered_times, 0.5);
    low_ms = summary_percentile(&summary->rows[1].delivered_times, 0.5);
    first_low_ms = summary_percentile(&summary->rows[1].delivered_times, 0.02);
    if (high_ms * 2 > low_ms || first_low_ms > 30000) {
        fail_msg("half within %u ms (high) and %u ms (low), the first low ones %u ms", high_ms,
                 low_ms, first_low_ms);
    }
    put_away(&played);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hang_in_the_ramp_does_not_close_the_breaker),
        cmocka_unit_test(a_start_into_a_hang_is_seen_too),
        cmocka_unit_test(a_hang_is_seen_within_twelve_seconds_in_every_state),
        cmocka_unit_test(a_fifth_of_failures_diverts_hardly_any),
        cmocka_unit_test(some_that_time_out_are_no_outage),
        cmocka_unit_test(few_are_condemned_before_a_storm_is_seen),
        cmocka_unit_test(a_retry_after_of_nothing_is_no_loop),
        cmocka_unit_test(slow_answers_are_no_outage),
        cmocka_unit_test(a_retry_after_holds_with_other_requests_under_way),
        cmocka_unit_test(one_worker_that_is_refused_speaks_for_all),
        cmocka_unit_test(a_leg_that_is_unwell_leaves_room_for_the_others),
        cmocka_unit_test(a_rate_is_that_of_all_workers),
        cmocka_unit_test(a_short_rate_serves_high_priority_first_and_starves_none),
    };

    span_hash_fix(7);
    (void)setenv("SCENE_TOKEN", "scene-token", 1);
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
