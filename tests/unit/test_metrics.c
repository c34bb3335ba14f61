/* Numbers go in by worker and come out summed, labelled and in the text format Prometheus reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "destinations/table.h"
#include "health_fixture.h"
#include "observe/metrics.h"

enum { TIKTOK, UTM, ODD, DEAD_LETTER, DESTINATIONS };

static struct name_pair names[] = {{.name = {"ORDER", 5}, .value = {"Purchase", 8}}};

/* Two routes over four destinations; one of them has a name that needs escaping. */
static struct config_destination destinations[DESTINATIONS] = {
    [TIKTOK] = {.name = {"tiktok", 6},
                .type = &tiktok_driver.section,
                .events = names,
                .event_count = COUNT_OF(names)},
    [UTM] = {.name = {"utm", 3}, .type = &topic_driver.section},
    [ODD] = {.name = {"a\"b\\c\nd", 7}, .type = &tiktok_driver.section},
    [DEAD_LETTER] = {.name = {"dead-letter", 11}, .type = &topic_driver.section},
};
static const struct config_destination *chain[] = {&destinations[TIKTOK], &destinations[UTM]};
static struct config_leg legs[] = {{.chain = chain, .count = 2}};
static struct config_route routes[] = {
    {.name = {"conversions", 11}, .legs = legs, .leg_count = 1},
    {.name = {"no-consent", 10}, .drop = {"no_consent", 10}},
    {.name = {"again", 5}, .legs = legs, .leg_count = 1},
    {.name = {"no-consent-2", 12}, .drop = {"no_consent", 10}},
};
static struct config config = {
    .workers = 2,
    .destinations = destinations,
    .destination_count = DESTINATIONS,
    .routes = routes,
    .route_count = COUNT_OF(routes),
    .dead_letter = &destinations[DEAD_LETTER],
};

struct scene {
    struct metrics *metrics;
    struct metrics_worker *first, *second;
    struct buf text;
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    if (scene == NULL) {
        return -1;
    }
    scene->metrics = metrics_new(&config, 2, "1.2.3");
    scene->first = metrics_of(scene->metrics, 0);
    scene->second = metrics_of(scene->metrics, 1);
    buf_init(&scene->text, 1 << 20);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    metrics_free(scene->metrics);
    buf_fini(&scene->text);
    free(scene);
    return 0;
}

static const char *scrape(struct scene *scene)
{
    buf_clear(&scene->text);
    metrics_prometheus(scene->metrics, &scene->text);
    assert_false(scene->text.is_overflowed);
    return buf_text(&scene->text);
}

/* Whole lines only: "a 1" is not in "a 12". */
static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);

    for (const char *at = strstr(text, line); at != NULL; at = strstr(at + 1, line)) {
        if ((at == text || at[-1] == '\n') && at[len] == '\n') {
            return true;
        }
    }
    return false;
}

static void check_line(const char *text, const char *line)
{
    if (!has_line(text, line)) {
        fail_msg("no line '%s' in:\n%s", line, text);
    }
}

static void check_absent(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) {
        fail_msg("'%s' should not be in:\n%s", part, text);
    }
}

static void known_series_stand_at_zero_from_the_start(void **state)
{
    static const char *const lines[] = {
        "detour_events_consumed_total 0",
        "detour_deliveries_total{destination=\"tiktok\",event=\"ORDER\",verdict=\"delivered\"} 0",
        "detour_deliveries_total{destination=\"tiktok\",event=\"ORDER\",verdict=\"unknown\"} 0",
        "detour_deliveries_total{destination=\"dead-letter\",event=\"other\",verdict=\"delivered\"}"
        " "
        "0",
        "detour_diverted_total{destination=\"tiktok\",event=\"ORDER\",alternate=\"utm\",reason="
        "\"outage\"} 0",
        "detour_diverted_total{destination=\"tiktok\",event=\"ORDER\",alternate=\"utm\",reason="
        "\"retries_exhausted\"} 0",
        "detour_diverted_total{destination=\"tiktok\",event=\"ORDER\",alternate=\"utm\",reason="
        "\"too_old\"} 0",
        "detour_dead_letters_total{destination=\"\",event=\"\",reason=\"schema_unknown\"} 0",
        "detour_dead_letters_total{destination=\"tiktok\",event=\"ORDER\",reason=\"too_large\"} 0",
        "detour_dropped_total{rule=\"no_consent\"} 0",
        "detour_skipped_total 0",
        "detour_gaps_total 0",
        "detour_gap_events_total 0",
        "detour_times_assumed_total 0",
        "detour_regex_undecided_total 0",
        "detour_fields_left_out_total{destination=\"tiktok\"} 0",
        "detour_request_duration_seconds_bucket{destination=\"tiktok\",le=\"+Inf\"} 0",
        "detour_request_duration_seconds_sum{destination=\"tiktok\"} 0",
        "detour_request_duration_seconds_count{destination=\"tiktok\"} 0",
        "detour_in_flight_events 0",
        "detour_in_flight_bytes 0",
        "detour_partition_blocked{reason=\"schema_registry\"} 0",
        "detour_log_lines_dropped_total 0",
        "detour_build_info{version=\"1.2.3\"} 1",
    };
    const char *text = scrape(*state);

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        check_line(text, lines[i]);
    }
    check_absent(text, "alternate=\"tiktok\"");
    check_absent(text, "alternate=\"other\"");
    check_absent(text, "alternate=\"utm\",reason=\"rejected\"");
    check_absent(
        text, "detour_dead_letters_total{destination=\"tiktok\",event=\"ORDER\",reason=\"outage\"");
    check_absent(text, "detour_answers_total{");
    check_absent(text, "destination=\"tiktok\",event=\"other\"");
    check_absent(text, "destination=\"dead-letter\",event=\"other\",verdict=\"hold\"");
    check_absent(text, "rule=\"unmatched\"");
    check_absent(text, "detour_value_diverted_total{");
    check_absent(text, "detour_consumer_lag{");
}

static void workers_are_added_up(void **state)
{
    struct scene *scene = *state;
    const char *text;

    metrics_consumed(scene->first, 40);
    metrics_consumed(scene->second, 2);
    metrics_delivery(scene->first, TIKTOK, SPAN("ORDER"), VERDICT_DELIVERED, 30);
    metrics_delivery(scene->second, TIKTOK, SPAN("ORDER"), VERDICT_DELIVERED, 1);
    metrics_delivery(scene->second, TIKTOK, SPAN("ORDER"), VERDICT_RETRY, 5);
    metrics_dead_letter(scene->first, DESTINATIONS, SPAN(""), REASON_DECODE_FAILED);
    metrics_dead_letter(scene->second, DESTINATIONS, SPAN(""), REASON_DECODE_FAILED);
    metrics_dropped(scene->first, 1);
    metrics_dropped(scene->second, 3);
    metrics_in_flight(scene->first, 7, 700);
    metrics_in_flight(scene->second, 1, 50);
    metrics_in_flight(scene->second, 2, 60);
    metrics_blocked(scene->first, BLOCK_GAP, 3);
    metrics_blocked(scene->second, BLOCK_GAP, 1);
    metrics_fields_left_out(scene->first, TIKTOK, 2);
    metrics_times_assumed(scene->second, 9);
    metrics_positions(scene->first, 2, 70, 11);
    metrics_positions(scene->second, 1, 0, 4);
    metrics_positions(scene->first, 3, 90, 12);
    text = scrape(scene);
    check_line(text, "detour_events_consumed_total 42");
    check_line(
        text,
        "detour_deliveries_total{destination=\"tiktok\",event=\"ORDER\",verdict=\"delivered\"} 31");
    check_line(
        text,
        "detour_deliveries_total{destination=\"tiktok\",event=\"ORDER\",verdict=\"retry\"} 5");
    check_line(text,
               "detour_dead_letters_total{destination=\"\",event=\"\",reason=\"decode_failed\"} 2");
    check_line(text, "detour_dropped_total{rule=\"no_consent\"} 2");
    check_line(text, "detour_in_flight_events 9");
    check_line(text, "detour_in_flight_bytes 760");
    check_line(text, "detour_partition_blocked{reason=\"gap\"} 4");
    check_line(text, "detour_fields_left_out_total{destination=\"tiktok\"} 2");
    check_line(text, "detour_times_assumed_total 9");
    check_line(text, "detour_skipped_total 16");
    check_line(text, "detour_gaps_total 4");
    check_line(text, "detour_gap_events_total 90");
}

static void totals_agree_with_the_series(void **state)
{
    struct scene *scene = *state;
    struct metrics_totals totals;

    metrics_consumed(scene->first, 10);
    metrics_delivery(scene->first, TIKTOK, SPAN("ORDER"), VERDICT_DELIVERED, 4);
    for (int i = 0; i < 5; i++) {
        metrics_arrived(i % 2 == 0 ? scene->first : scene->second);
    }
    metrics_delivery(scene->second, ODD, SPAN("ORDER"), VERDICT_DELIVERED, 1);
    metrics_delivery(scene->second, TIKTOK, SPAN("ORDER"), VERDICT_RETRY, 9);
    metrics_diverted(scene->first, TIKTOK, SPAN("ORDER"), UTM, REASON_OUTAGE);
    metrics_diverted(scene->first, TIKTOK, SPAN("ORDER"), ODD, REASON_TOO_OLD);
    metrics_dead_letter(scene->second, TIKTOK, SPAN("ORDER"), REASON_REJECTED);
    metrics_dropped(scene->second, COUNT_OF(routes));
    metrics_in_flight(scene->second, 1, 100);
    metrics_totals(scene->metrics, &totals);
    assert_int_equal(totals.consumed, 10);
    assert_int_equal(totals.delivered, 5);
    assert_int_equal(totals.diverted, 2);
    assert_int_equal(totals.dead_lettered, 1);
    assert_int_equal(totals.dropped, 1);
    assert_int_equal(totals.in_flight, 1);
}

static void an_alternate_of_no_chain_is_other(void **state)
{
    struct scene *scene = *state;
    const char *text;

    metrics_diverted(scene->first, UTM, SPAN("ORDER"), TIKTOK, REASON_OUTAGE);
    metrics_diverted(scene->first, TIKTOK, SPAN("ORDER"), UTM, REASON_REJECTED);
    text = scrape(scene);
    check_line(text, "detour_diverted_total{destination=\"utm\",event=\"ORDER\",alternate="
                     "\"other\",reason=\"outage\"} 1");
    check_line(text, "detour_diverted_total{destination=\"tiktok\",event=\"ORDER\",alternate="
                     "\"utm\",reason=\"rejected\"} 1");
}

static void events_no_route_takes_have_a_rule_of_their_own(void **state)
{
    struct scene *scene = *state;

    metrics_dropped(scene->first, COUNT_OF(routes));
    check_line(scrape(scene), "detour_dropped_total{rule=\"unmatched\"} 1");
}

static void label_values_are_escaped(void **state)
{
    check_line(scrape(*state), "detour_deliveries_total{destination=\"a\\\"b\\\\c\\nd\",event="
                               "\"other\",verdict=\"delivered\"} 0");
}

static const struct {
    const char *name;
    double value;
    const char *currency;
    const char *line;
} value_rows[] = {
    {"three letters", 19.5, "EUR", "detour_value_diverted_total{currency=\"EUR\"} 19.5"},
    {"case does not matter", 1, "usd", "detour_value_diverted_total{currency=\"USD\"} 1"},
    {"no currency", 2, NULL, "detour_value_diverted_total{currency=\"none\"} 2"},
    {"empty currency", 2, "", "detour_value_diverted_total{currency=\"none\"} 2"},
    {"foreign text stays out", 3, "a@b.example",
     "detour_value_diverted_total{currency=\"other\"} 3"},
    {"digits are no currency", 3, "E1R", "detour_value_diverted_total{currency=\"other\"} 3"},
    {"a refund is not counted", -4, "EUR", NULL},
    {"what is no number is not counted", (double)NAN, "EUR", NULL},
    {"the infinite is not counted", (double)INFINITY, "EUR", NULL},
    {"what no order is worth is not counted", 1e16, "EUR", NULL},
};

static void values_go_by_currency(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(value_rows); i++) {
        struct scene *scene = NULL;

        assert_int_equal(set_up((void **)&scene), 0);
        metrics_value_diverted(scene->first, value_rows[i].value, span_of(value_rows[i].currency));
        if (value_rows[i].line == NULL) {
            if (strstr(scrape(scene), "detour_value_diverted_total{") != NULL) {
                fail_msg("%s: a series was written", value_rows[i].name);
            }
        } else if (!has_line(scrape(scene), value_rows[i].line)) {
            fail_msg("%s: no line '%s'", value_rows[i].name, value_rows[i].line);
        }
        assert_int_equal(tear_down((void **)&scene), 0);
    }
}

/* As money is added up, and not as doubles are: 0.1 and 0.2 are 0.3. */
static void values_are_added_up_exactly(void **state)
{
    struct scene *scene = *state;

    for (int i = 0; i < 1000003; i++) {
        metrics_value_diverted(i % 2 == 0 ? scene->first : scene->second, 19.99, SPAN("EUR"));
    }
    metrics_value_diverted(scene->first, 0.1, SPAN("SEK"));
    metrics_value_diverted(scene->second, 0.2, SPAN("SEK"));
    check_line(scrape(scene), "detour_value_diverted_total{currency=\"EUR\"} 19990059.97");
    check_line(scrape(scene), "detour_value_diverted_total{currency=\"SEK\"} 0.3");
}

static void answers_are_counted_by_code(void **state)
{
    struct scene *scene = *state;
    const char *text;
    char code[16];

    metrics_answer(scene->first, TIKTOK, SPAN("50000"));
    metrics_answer(scene->second, TIKTOK, SPAN("50000"));
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(code, sizeof(code), "%d", i);
        metrics_answer(scene->first, ODD, span_of(code));
    }
    text = scrape(scene);
    check_line(text, "detour_answers_total{destination=\"tiktok\",code=\"50000\"} 2");
    check_line(text, "detour_answers_total{destination=\"a\\\"b\\\\c\\nd\",code=\"other\"} 936");
}

static void expected_types_stand_at_zero(void **state)
{
    struct scene *scene = *state;
    const char *text;

    metrics_expect(scene->metrics, SPAN("LEAD"));
    text = scrape(scene);
    check_line(text,
               "detour_deliveries_total{destination=\"a\\\"b\\\\c\\nd\",event=\"LEAD\",verdict="
               "\"rejected\"} 0");
    check_line(
        text,
        "detour_deliveries_total{destination=\"utm\",event=\"LEAD\",verdict=\"delivered\"} 0");
    check_absent(text, "destination=\"tiktok\",event=\"LEAD\"");
}

/* Three hundred types that came once keep nobody out who has traffic. */
static void junk_types_keep_no_real_one_out(void **state)
{
    struct scene *scene = *state;
    uint64_t sum[VERDICT_COUNT];
    const char *text;
    char name[16];

    for (int i = 0; i < 400; i++) {
        (void)snprintf(name, sizeof(name), "junk-%d", i);
        metrics_delivery(i % 2 == 0 ? scene->first : scene->second, TIKTOK, span_of(name),
                         VERDICT_REJECTED, 1);
    }
    for (int i = 0; i < 100; i++) {
        metrics_delivery(scene->first, TIKTOK, SPAN("REAL"), VERDICT_DELIVERED, 1);
    }
    metrics_delivery(scene->second, TIKTOK, SPAN("REAL"), VERDICT_DELIVERED, 7);
    metrics_delivery(scene->second, TIKTOK, SPAN("ORDER"), VERDICT_DELIVERED, 1);
    text = scrape(scene);
    check_line(
        text,
        "detour_deliveries_total{destination=\"tiktok\",event=\"REAL\",verdict=\"delivered\"} "
        "92");
    check_line(
        text,
        "detour_deliveries_total{destination=\"tiktok\",event=\"ORDER\",verdict=\"delivered\"} "
        "1");
    metrics_verdicts(scene->metrics, TIKTOK, sum);
    assert_int_equal(sum[VERDICT_DELIVERED], 108);
    assert_int_equal(sum[VERDICT_REJECTED], 400);
}

static void currencies_are_bounded(void **state)
{
    struct scene *scene = *state;
    unsigned series = 0;

    for (char a = 'A'; a <= 'Z'; a++) {
        for (char b = 'A'; b <= 'D'; b++) {
            char name[4] = {a, b, 'X', '\0'};

            metrics_value_diverted(a % 2 == 0 ? scene->first : scene->second, 1, span_of(name));
        }
    }
    for (const char *at = scrape(scene); at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        series += strncmp(at, "detour_value_diverted_total{", 28) == 0;
        if (*at == '\0') {
            break;
        }
    }
    assert_int_equal(series, 65);
    check_line(buf_text(&scene->text), "detour_value_diverted_total{currency=\"AAX\"} 1");
    check_line(buf_text(&scene->text), "detour_value_diverted_total{currency=\"other\"} 40");
}

static const struct {
    const char *name;
    uint64_t duration_us;
    const char *line;
} bucket_rows[] = {
    {"at the first bound", 5000, "le=\"0.005\"} 1"},
    {"past the first bound", 5001, "le=\"0.005\"} 0"},
    {"and in the next", 5001, "le=\"0.01\"} 1"},
    {"cumulative up to the end", 0, "le=\"+Inf\"} 1"},
    {"past all bounds", UINT64_C(3600000000), "le=\"30\"} 0"},
    {"past all bounds, still counted", UINT64_C(3600000000), "le=\"+Inf\"} 1"},
};

static void durations_fall_into_their_buckets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bucket_rows); i++) {
        struct scene *scene = NULL;
        char line[128];

        assert_int_equal(set_up((void **)&scene), 0);
        metrics_request(scene->first, TIKTOK, bucket_rows[i].duration_us);
        (void)snprintf(line, sizeof(line),
                       "detour_request_duration_seconds_bucket{destination=\"tiktok\",%s",
                       bucket_rows[i].line);
        if (!has_line(scrape(scene), line)) {
            fail_msg("%s: no line '%s'", bucket_rows[i].name, line);
        }
        assert_int_equal(tear_down((void **)&scene), 0);
    }
}

static void sums_are_in_seconds(void **state)
{
    struct scene *scene = *state;
    const char *text;

    metrics_request(scene->first, TIKTOK, 1500000);
    metrics_request(scene->second, TIKTOK, 250000);
    metrics_latency(scene->first, UTM, 120, 10);
    text = scrape(scene);
    check_line(text, "detour_request_duration_seconds_sum{destination=\"tiktok\"} 1.75");
    check_line(text, "detour_request_duration_seconds_count{destination=\"tiktok\"} 2");
    check_line(text, "detour_delivery_latency_seconds_sum{destination=\"utm\"} 1.2");
    check_line(text, "detour_delivery_latency_seconds_bucket{destination=\"utm\",le=\"0.1\"} 0");
    check_line(text, "detour_delivery_latency_seconds_bucket{destination=\"utm\",le=\"0.25\"} 10");
}

static void a_partition_has_one_lag_wherever_it_is(void **state)
{
    struct scene *scene = *state;
    const char *text;

    metrics_lag(scene->first, "conversions", 0, 12);
    metrics_lag(scene->second, "conversions", 0, 15); /* changing hands */
    metrics_lag(scene->first, "conversions", 1, 3);
    metrics_lag(scene->first, "refunds", 1, 0);
    metrics_lag(scene->second, "conversions", 7, -1); /* never had it */
    text = scrape(scene);
    check_line(text, "detour_consumer_lag{topic=\"conversions\",partition=\"0\"} 15");
    check_absent(text, "partition=\"0\"} 12");
    check_line(text, "detour_consumer_lag{topic=\"conversions\",partition=\"1\"} 3");
    check_line(text, "detour_consumer_lag{topic=\"refunds\",partition=\"1\"} 0");
    check_absent(text, "partition=\"7\"");
    metrics_lag(scene->second, "conversions", 0, -1); /* gone */
    check_line(scrape(scene), "detour_consumer_lag{topic=\"conversions\",partition=\"0\"} 12");
    metrics_lag(scene->first, "conversions", 0, -1);
    check_absent(scrape(scene), "topic=\"conversions\",partition=\"0\"");
    metrics_lag(scene->first, "conversions", 0, 4); /* and back */
    check_line(scrape(scene), "detour_consumer_lag{topic=\"conversions\",partition=\"0\"} 4");
}

static void lags_are_bounded(void **state)
{
    struct scene *scene = *state;
    const char *text;

    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR); /* it says so once, which is not for here */
    for (int32_t i = 0; i < 10010; i++) {
        metrics_lag(scene->first, "wide", i, 1);
    }
    text = scrape(scene);
    check_line(text, "detour_consumer_lag{topic=\"wide\",partition=\"9999\"} 1");
    check_absent(text, "partition=\"10000\"");
}

/* The rules promtool checks, over every family of the text. */
static void check_family(const char *name, size_t len, const char *type)
{
    static const char total[] = "_total";
    bool is_total = len > 6 && memcmp(name + len - 6, total, 6) == 0;

    if (strncmp(name, "detour_", 7) != 0) {
        fail_msg("%.*s: not ours", (int)len, name);
    }
    if (is_total != (strncmp(type, "counter\n", 8) == 0)) {
        fail_msg("%.*s: exactly the counters end in _total", (int)len, name);
    }
    if (strncmp(type, "histogram\n", 10) == 0 && memcmp(name + len - 8, "_seconds", 8) != 0) {
        fail_msg("%.*s: not in a base unit", (int)len, name);
    }
    for (size_t i = 0; i < len; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyz_", name[i]) == NULL) {
            fail_msg("%.*s: not snake case", (int)len, name);
        }
    }
}

static void names_follow_the_rules_of_prometheus(void **state)
{
    const char *text = scrape(*state);
    size_t families = 0;

    for (const char *at = strstr(text, "# TYPE "); at != NULL; at = strstr(at + 1, "# TYPE ")) {
        const char *name = at + strlen("# TYPE ");
        size_t len = strcspn(name, " ");

        check_family(name, len, name + len + 1);
        families++;
    }
    assert_int_equal(families, 36);
}

/* Twenty faults over two seconds open a type; nothing else is touched. */
static void break_type(struct health *health, size_t destination, const char *event)
{
    size_t cell = health_cell(health, destination, span_of(event), 1000);
    struct ticket ticket = health_ticket(health, destination, cell);

    for (uint64_t i = 0; i < 20; i++) {
        (void)told(health, destination, cell, ended(1000 + i * 100, CALL_APP, ticket));
    }
}

static void what_health_sees_is_in_a_scrape(void **state)
{
    static const char *const lines[] = {
        "detour_cell_state{destination=\"tiktok\",event=\"A\\\"B\"} 1",
        "detour_cell_state{destination=\"tiktok\",event=\"Lead\"} 0",
        "detour_destination_state{destination=\"tiktok\"} 0",
        "detour_blackout_scope{destination=\"tiktok\"} 1",
        "detour_blackout_scope{destination=\"a\\\"b\\\\c\\nd\"} 0",
        "detour_transitions_total{destination=\"tiktok\",event=\"A\\\"B\",state=\"open\"} 1",
        "detour_transitions_total{destination=\"tiktok\",event=\"A\\\"B\",state=\"closed\"} 0",
        "detour_transitions_total{destination=\"tiktok\",event=\"Lead\",state=\"ramp\"} 0",
        "detour_transitions_total{destination=\"tiktok\",event=\"\",state=\"half_open\"} 0",
        "detour_destination_throttled{destination=\"tiktok\"} 2",
        "detour_destination_held{destination=\"tiktok\"} 2",
    };
    struct scene *scene = *state;
    struct health *health = health_new(&config, 1, 1);
    struct pause_state before;
    const char *text;

    metrics_watch(scene->metrics, health);
    break_type(health, TIKTOK, "A\"B");
    (void)health_cell(health, TIKTOK, SPAN("Lead"), 1000);
    (void)pause_throttled(health_pause(health, TIKTOK), 5, 1000);
    (void)pause_refused(health_pause(health, TIKTOK), 6, 6);
    (void)pause_refused(health_pause(health, TIKTOK), 7, 7);
    text = scrape(scene);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        check_line(text, lines[i]);
    }
    check_absent(text, "detour_destination_state{destination=\"utm\"}");
    check_absent(text, "detour_transitions_total{destination=\"dead-letter\"");
    assert_true(pause_accepted(health_pause(health, TIKTOK), 8, &before));
    text = scrape(scene);
    check_line(text, "detour_destination_throttled{destination=\"tiktok\"} 0");
    check_line(text, "detour_destination_held{destination=\"tiktok\"} 0");
    metrics_watch(scene->metrics, NULL);
    check_absent(scrape(scene), "detour_cell_state{");
    health_free(health);
}

static void lag_is_added_up_once_a_partition(void **state)
{
    struct scene *scene = *state;

    metrics_lag(scene->first, "a", 0, 5);
    metrics_lag(scene->second, "a", 0, 7);
    metrics_lag(scene->second, "a", 1, 100);
    metrics_lag(scene->second, "b", 0, -1);
    assert_int_equal(metrics_lag_total(scene->metrics), 107);
}

static char *read_document(void)
{
    const char *root = getenv("DETOUR_ROOT");
    char path[4096];
    char *text = calloc(1, 1 << 16);
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/docs/metrics.md", root == NULL ? "." : root);
    file = fopen(path, "re");
    if (file == NULL || text == NULL) {
        free(text);
        fail_msg("%s cannot be read; set DETOUR_ROOT to the repository", path);
        return NULL;
    }
    (void)!fread(text, 1, (1 << 16) - 1, file);
    (void)fclose(file);
    return text;
}

static void every_row_of_the_table_stands_in_the_document(void **state)
{
    struct buf table;
    char *document = read_document();
    char *rest = NULL;
    char *rows;

    (void)state;
    buf_init(&table, 1 << 16);
    metrics_document(&table);
    rows = strdup(buf_text(&table));
    for (char *row = strtok_r(rows, "\n", &rest); row != NULL; row = strtok_r(NULL, "\n", &rest)) {
        if (!has_line(document, row)) {
            fail_msg("docs/metrics.md lacks this line:\n%s", row);
        }
    }
    free(rows);
    free(document);
    buf_fini(&table);
}

enum { BUMPS = 20000 };

static void *bump(void *context)
{
    struct metrics_worker *worker = context;

    for (int i = 0; i < BUMPS; i++) {
        char name[4] = {'A', (char)('A' + i % 20), (char)('A' + i % 7), '\0'};

        metrics_consumed(worker, 1);
        metrics_diverted(worker, TIKTOK, span_of(name), UTM, REASON_OUTAGE);
        metrics_value_diverted(worker, 1, span_of(name));
        metrics_lag(worker, "conversions", i % 50, i);
    }
    return NULL;
}

static void a_scrape_among_writers_sees_whole_numbers(void **state)
{
    struct scene *scene = *state;
    pthread_t threads[2];
    struct metrics_totals totals;

    assert_int_equal(pthread_create(&threads[0], NULL, bump, scene->first), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, bump, scene->second), 0);
    for (int i = 0; i < 20; i++) {
        (void)scrape(scene);
    }
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    metrics_totals(scene->metrics, &totals);
    assert_int_equal(totals.consumed, 2 * BUMPS);
    assert_int_equal(totals.diverted, 2 * BUMPS);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(known_series_stand_at_zero_from_the_start),
        CASE(workers_are_added_up),
        CASE(totals_agree_with_the_series),
        CASE(an_alternate_of_no_chain_is_other),
        CASE(events_no_route_takes_have_a_rule_of_their_own),
        CASE(label_values_are_escaped),
        cmocka_unit_test(values_go_by_currency),
        CASE(values_are_added_up_exactly),
        CASE(answers_are_counted_by_code),
        CASE(expected_types_stand_at_zero),
        CASE(junk_types_keep_no_real_one_out),
        CASE(currencies_are_bounded),
        cmocka_unit_test(durations_fall_into_their_buckets),
        CASE(sums_are_in_seconds),
        CASE(a_partition_has_one_lag_wherever_it_is),
        CASE(lags_are_bounded),
        CASE(names_follow_the_rules_of_prometheus),
        CASE(what_health_sees_is_in_a_scrape),
        CASE(lag_is_added_up_once_a_partition),
        cmocka_unit_test(every_row_of_the_table_stands_in_the_document),
        CASE(a_scrape_among_writers_sees_whole_numbers),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
