/*
 * detour rehearse: what a trace may say, what the examples show, and that a seed repeats itself.
 * The table of the examples is routes/detour.yaml; nothing is sent anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/columns.h"
#include "base/log.h"
#include "base/mem.h"
#include "destinations/table.h"
#include "rehearsal_fixture.h"

static const char *const table = "routes/detour.yaml";

/* errors of a trace */

static const struct {
    const char *name;
    const char *text;
    const char *want; /* "line:column: message", or a part of it; NULL: it is a good one */
} traces[] = {
    {"the least a trace says", "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n", NULL},
    {"no destinations to speak of",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\ndestinations: {}\n", NULL},
    {"an unknown key of the trace", "for: 1m\ntrafic: []\n",
     "2:1: unknown key \"trafic\" in a "
     "trace; did you mean traffic?"},
    {"no length", "traffic: [{event: Purchase, rate: 1/s}]\n", "how long it is"},
    {"a length that is none", "for: soon\ntraffic: [{event: Purchase, rate: 1/s}]\n",
     "1:6: for wants a duration"},
    {"no traffic", "for: 1m\n", "traffic wants a list"},
    {"traffic that is no list", "for: 1m\ntraffic: 5\n", "2:10: traffic wants a list"},
    {"an event without a rate", "for: 1m\ntraffic: [{event: Purchase}]\n",
     "2:11: a line of traffic wants a rate"},
    {"an event without a name", "for: 1m\ntraffic: [{rate: 1/s}]\n",
     "2:11: a line of traffic wants an event type"},
    {"a rate of nothing", "for: 1m\ntraffic: [{event: Purchase, rate: 0/s}]\n",
     "2:35: rate wants a rate above none"},
    {"an unknown key of an event", "for: 1m\ntraffic: [{event: Purchase, rate: 1/s, vale: 5}]\n",
     "unknown key \"vale\" in a line of traffic; did you mean value?"},
    {"a value that is no number", "for: 1m\ntraffic: [{event: Purchase, rate: 1/s, value: much}]\n",
     "value wants a number"},
    {"a currency that is none",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s, value: 1, currency: euro}]\n",
     "currency wants three letters"},
    {"more events than anybody waits for", "for: 1d\ntraffic: [{event: Purchase, rate: 1000/s}]\n",
     "2:10: that is 86400000 events in all; at most 10000000"},
    {"a destination nobody has",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\ndestinations: {tictok: []}\n",
     "3:16: the configuration has no destination \"tictok\"; did you mean tiktok?"},
    {"a rule that is no list",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\ndestinations: {tiktok: hang}\n",
     "a destination wants a list of rules"},
    {"a rule without an answer",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\ndestinations: {tiktok: [{from: 1s}]}\n",
     "a rule wants an answer"},
    {"a rule that ends before it begins",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{from: 20s, to: 10s, answer: hang}]}\n",
     "3:25: this rule's answers end before they begin"},
    {"a rule after the end",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{from: 2m, to: 3m, answer: hang}]}\n",
     "3:25: this rule's answers begin when the trace is over"},
    {"a rule after the end that has none",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{from: 60s, answer: hang}]}\n",
     "this rule's answers begin when the trace is over"},
    {"events that end before they begin",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s, from: 50s, to: 10s}]\n",
     "2:11: these events end before they begin"},
    {"events after the end", "for: 1m\ntraffic: [{event: Purchase, rate: 1/s, from: 2m}]\n",
     "these events begin when the trace is over"},
    {"a reader that is a list", "for: 1m\ntraffic: [{event: Purchase, rate: 1/s, reader: [a]}]\n",
     "2:48: reader wants the name of a reader schema"},
    {"a wrong length does not hide the rest", "for: 1w\ntraffic: [{event: Purchase, rate: 0/s}]\n",
     "a rate above none"},
    {"nor does a wrong latency",
     "for: 1m\nlatency: fast\ntraffic: [{event: Purchase, rate: 0/s}]\n", "a rate above none"},
    {"nor does none", "traffic: [{event: Purchase, rate: 0/s}]\n", "a rate above none"},
    {"a rule for an event nobody sends",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{event: Purchsae, answer: hang}]}\n",
     "no event \"Purchsae\" in traffic; did you mean Purchase?"},
    {"an unknown key of a rule",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{form: 1s, answer: hang}]}\n",
     "unknown key \"form\" in a rule; did you mean from?"},
    {"an answer that is none",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{answer: hangs}]}\n",
     "no answer is called \"hangs\"; did you mean hang?"},
    {"an unknown key of an answer",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{answer: {staus: 503}}]}\n",
     "unknown key \"staus\" in an answer; did you mean status?"},
    {"two answers in one",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{answer: {status: 503, hang: true}}]}\n",
     "an answer is one of status and hang, not both"},
    {"a map without an answer",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{answer: {share: 5%}}]}\n",
     "an answer wants one of status, code"},
    {"a status that is none",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{answer: {status: 5030}}]}\n",
     "status wants an HTTP status"},
    {"a share of nothing",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{share: 0%, answer: hang}]}\n",
     "share wants a percentage above 0%"},
    {"a topic does not answer",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {utm: [{answer: {status: 503}}]}\n",
     "status is nothing that a destination of type kafka (unwritable is) answers"},
    {"a service has no topic",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{answer: unwritable}]}\n",
     "unwritable is nothing that a destination of type tiktok answers"},
    {"a body without a status",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\n"
     "destinations: {tiktok: [{answer: {hang: true, body: x}}]}\n",
     "body wants a text beside a status"},
    {"a healthy answer of a topic",
     "for: 1m\ntraffic: [{event: Purchase, rate: 1/s}]\nhealthy: {utm: {status: 200}}\n",
     "3:11: only a destination of type http has a healthy answer"},
    {"every way to answer",
     "for: 1m\nlatency: 80ms\ntraffic:\n  - {event: Purchase, rate: 60/m, value: 5, currency: "
     "EUR}\n"
     "  - {event: View, rate: 2/s, from: 10s, to: 20s}\n"
     "destinations:\n  tiktok:\n"
     "    - {answer: {share: 35%, code: 50000}}\n"
     "    - {answer: {throttle: {retry_after: 5s}}}\n"
     "    - {event: [Purchase, View], answer: {latency: 3s}}\n"
     "    - {from: 1s, to: 2s, event: View, share: 10%, answer: {status: 503, retry_after: 2s,"
     " body: down}}\n"
     "    - {answer: credential}\n    - {answer: {partial: true}}\n    - {answer: reset}\n"
     "    - {answer: refused}\n    - {answer: hang}\n    - {answer: throttle}\n"
     "  utm: [{from: 5s, to: 6s, answer: unwritable}]\n",
     NULL},
};

static bool is_told(const struct diags *diags, const char *want)
{
    for (size_t i = 0; i < diags->count; i++) {
        const struct diag *diag = &diags->items[i];
        char *line = mem_format("%u:%u: %s", diag->place.line, diag->place.column, diag->message);
        bool is_it = strstr(line, want) != NULL;

        free(line);
        if (is_it) {
            return true;
        }
    }
    return false;
}

/* The warehouse of the contract: an answer is delivered when its JSON says so. */
static const char warehouse_table[] =
    "kafka: {brokers: \"127.0.0.1:1\", group: g, topics: [t]}\n"
    "schemas: {directory: %s/schemas, reader: com.example.ConversionEvent}\n"
    "destinations:\n"
    "  warehouse:\n"
    "    type: http\n"
    "    url: https://collector.example/events\n"
    "    verdicts:\n"
    "      - {status: 2xx, json: {/ok: %s}, is: delivered}\n"
    "      - {status: 2xx, json: {/error: quota}, is: throttled}\n"
    "  dl: {type: kafka, topic: t.dead}\n"
    "routes: [{name: a, match: {}, legs: [[warehouse]]}]\n"
    "dead_letter: dl\n"
    "ledger: off\n";

static struct config *load_warehouse(const char *ok, struct diags *diags)
{
    char folder[512];
    char *text;
    const char *path;
    struct config *config;

    assert_non_null(getcwd(folder, sizeof(folder)));
    text = mem_format(warehouse_table, folder, ok);
    path = write_file(text);
    config = config_load(path, driver_types(), diags);
    (void)unlink(path);
    free(text);
    assert_non_null(config);
    config->schemas.framing = FRAMING_SINGLE_OBJECT;
    return config;
}

static struct config *load_config(struct diags *diags)
{
    struct config *config = config_load(table, driver_types(), diags);

    assert_non_null(config);
    config->schemas.framing = FRAMING_SINGLE_OBJECT;
    config->schemas.registry.url_count = 0;
    return config;
}

static void traces_are_checked(void **state)
{
    struct diags diags;
    struct config *config;

    (void)state;
    diags_init(&diags);
    config = load_config(&diags);
    diags_fini(&diags);
    for (size_t i = 0; i < COUNT_OF(traces); i++) {
        const char *path = write_file(traces[i].text);
        struct trace trace;
        bool is_good;

        diags_init(&diags);
        is_good = trace_load(path, config, &trace, &diags);
        (void)unlink(path);
        if (is_good != (traces[i].want == NULL) ||
            (traces[i].want != NULL && !is_told(&diags, traces[i].want))) {
            fail_msg("%s: %s", traces[i].name,
                     diags.count == 0 ? "nothing was said" : diags.items[0].message);
        }
        if (is_good) {
            trace_fini(&trace);
        }
        diags_fini(&diags);
    }
    config_free(config);
}

static void what_answers_say_is_kept(void **state)
{
    const struct fault *faults;
    struct diags diags;
    struct config *config;
    struct trace trace;
    const char *path = write_file(traces[COUNT_OF(traces) - 1].text);

    (void)state;
    diags_init(&diags);
    config = load_config(&diags);
    assert_true(trace_load(path, config, &trace, &diags));
    (void)unlink(path);
    faults = trace.faults.items;
    assert_int_equal(trace.faults.count, 11);
    assert_int_equal(trace.latency_ms, 80);
    assert_true(trace.traffic[0].rate == 1.0 && trace.traffic[0].value == 5.0);
    assert_int_equal(trace.traffic[1].until_ms, 20000);
    assert_int_equal(faults[0].kind, FAULT_CODE);
    assert_int_equal(faults[0].code, 50000);
    assert_true(faults[0].share == 0.35);
    assert_int_equal(faults[0].until_ms, 60000); /* the end, where none is given */
    assert_int_equal(faults[1].kind, FAULT_THROTTLE);
    assert_int_equal(faults[1].retry_after_ms, 5000);
    assert_int_equal(faults[2].kind, FAULT_SLOW);
    assert_int_equal(faults[2].latency_max_ms, 3000);
    assert_int_equal(faults[2].event_count, 2);
    assert_true(span_is(faults[2].events[1], "View"));
    assert_int_equal(faults[3].kind, FAULT_STATUS);
    assert_true(faults[3].has_retry_after && faults[3].share == 0.1);
    assert_true(span_is(faults[3].body, "down"));
    assert_true(span_is(faults[3].events[0], "View") && faults[3].event_count == 1);
    assert_int_equal(faults[4].kind, FAULT_CREDENTIAL);
    assert_int_equal(faults[10].kind, FAULT_UNWRITABLE);
    trace_fini(&trace);
    config_free(config);
    diags_fini(&diags);
}

/* the examples */

static void play(struct played *played, const char *path, uint64_t seed)
{
    *played = (struct played){.rehearsal = {.seed = seed}};
    diags_init(&played->diags);
    played->config = load_config(&played->diags);
    assert_true(trace_load(path, played->config, &played->trace, &played->diags));
    assert_true(rehearsal_open(&played->rehearsal, played->config, &played->trace, &played->diags));
    rehearsal_run(&played->rehearsal);
}

static uint64_t last_return_ms(struct played *played)
{
    size_t count = 0;
    const struct timeline_row *rows = timeline_rows(played->rehearsal.timeline, &count);
    uint64_t last_ms = 0;

    for (size_t i = 0; i < count; i++) {
        last_ms = rows[i].what == TIMELINE_RETURNED ? MAX_OF(last_ms, rows[i].at_ms) : last_ms;
    }
    return last_ms;
}

static void check_sum(struct played *played)
{
    const struct rehearsal *rehearsal = &played->rehearsal;

    assert_int_not_equal(rehearsal->settled_ms, 0);
    assert_int_equal(rehearsal->in_flight, 0);
    assert_int_equal(rehearsal->produced,
                     rehearsal->summary.delivered + rehearsal->summary.diverted +
                         rehearsal->summary.dead_lettered + rehearsal->dropped);
}

static void an_outage_is_gone_round(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct played played;

        play(&played, "routes/rehearsals/outage.yaml", seed);
        check_sum(&played);
        assert_in_range(find_row(&played, TIMELINE_DIVERTED, NULL, NULL, 0), 60000, 65000);
        assert_in_range(last_return_ms(&played), 120000, 195000);
        assert_in_range(find_row(&played, TIMELINE_HEALTH, "closed", NULL, 120000), 120000, 200000);
        assert_in_range(played.rehearsal.summary.asked[0].requests_in_fault, 1, 120);
        put_away(&played);
    }
}

static void one_type_is_one_type(void **state)
{
    struct played played;

    (void)state;
    play(&played, "routes/rehearsals/one-type.yaml", 1);
    check_sum(&played);
    assert_in_range(find_row(&played, TIMELINE_HEALTH, "open", "Order Completed", 0), 60000, 68000);
    assert_int_equal(find_row(&played, TIMELINE_HEALTH, NULL, "Product Viewed", 0), UINT64_MAX);
    for (size_t i = 0; i < played.rehearsal.summary.row_count; i++) {
        const struct summary_row *row = &played.rehearsal.summary.rows[i];
        bool is_dark = span_is(played.trace.traffic[row->line].event, "Order Completed");

        assert_true((summary_diverted(row) > 0) == is_dark);
    }
    put_away(&played);
}

/* destinations of type http whose answers are read */

static void play_warehouse(struct played *played, const char *ok, const char *trace,
                           const char *healthy)
{
    char *text = mem_format("%s%s", trace, healthy);
    const char *path;

    *played = (struct played){.rehearsal = {.seed = 1}};
    diags_init(&played->diags);
    played->config = load_warehouse(ok, &played->diags);
    path = write_file(text);
    free(text);
    assert_true(trace_load(path, played->config, &played->trace, &played->diags));
    (void)unlink(path);
    if (rehearsal_open(&played->rehearsal, played->config, &played->trace, &played->diags)) {
        rehearsal_run(&played->rehearsal);
    }
}

static const char *const ok_is_true = "healthy: {warehouse: {body: '{\"ok\":true}'}}\n";

static void a_healthy_webhook_says_what_the_trace_gives(void **state)
{
    struct played played;

    (void)state;
    play_warehouse(&played, "true", "for: 1m\ntraffic: [{event: Order Completed, rate: 20/s}]\n",
                   ok_is_true);
    check_sum(&played);
    assert_int_equal(played.rehearsal.summary.delivered, played.rehearsal.produced);
    assert_int_equal(find_row(&played, TIMELINE_HEALTH, NULL, NULL, 0), UINT64_MAX);
    put_away(&played);
}

static void delivered_is_what_the_verdicts_say(void **state)
{
    struct played played;

    (void)state;
    play_warehouse(&played, "true",
                   "for: 1m\ntraffic: [{event: Order Completed, rate: 20/s}]\n"
                   "destinations: {warehouse: [{from: 10s, to: 16s, answer: {status: 200, body: "
                   "'{\"error\":\"new\"}'}}]}\n",
                   ok_is_true);
    check_sum(&played); /* the destination took them all, but nobody has a rule for its answer */
    assert_true(played.rehearsal.summary.delivered > 0);
    assert_true(played.rehearsal.summary.dead_lettered > 0);
    put_away(&played);
}

static void a_healthy_answer_that_is_not_delivered_is_asked_for(void **state)
{
    static const char *const head = "for: 10s\ntraffic: [{event: Order Completed, rate: 20/s}]\n";
    struct played played;

    (void)state;
    play_warehouse(&played, "true", head, "");
    assert_true(is_told(&played.diags, "4:3: the verdicts of warehouse call a plain 200 unknown, "
                                       "not delivered: say in the trace what it answers"));
    put_away(&played);

    play_warehouse(&played, "'=~ ^y'", head,
                   "healthy: {warehouse: {status: 201, body: '{\"ok\":\"no\"}'}}\n");
    assert_true(
        is_told(&played.diags, "3:11: the verdicts of warehouse call this healthy answer unknown"));
    put_away(&played);

    play_warehouse(&played, "'=~ ^y'", head,
                   "healthy: {warehouse: {body: '{\"ok\":\"yes\"}', headers: {X: y}}}\n");
    check_sum(&played);
    assert_int_equal(played.rehearsal.summary.delivered, played.rehearsal.produced);
    put_away(&played);
}

static void throttling_waits_and_then_diverts(void **state)
{
    struct played played;

    (void)state;
    play(&played, "routes/rehearsals/throttle.yaml", 1);
    check_sum(&played);
    assert_in_range(find_row(&played, TIMELINE_FLOW, "throttled", NULL, 0), 30000, 31000);
    assert_in_range(find_row(&played, TIMELINE_FLOW, "open", NULL, 0), 40000, 50000);
    assert_in_range(find_row(&played, TIMELINE_DIVERTED, NULL, NULL, 0), 119000, 125000);
    assert_int_equal(find_row(&played, TIMELINE_HEALTH, NULL, NULL, 0), UINT64_MAX);
    put_away(&played);
}

static void flapping_is_damped(void **state)
{
    struct played played;

    (void)state;
    play(&played, "routes/rehearsals/flapping.yaml", 1);
    check_sum(&played);
    assert_in_range(last_return_ms(&played), 40000, 400000);
    put_away(&played);
}

/* determinism */

static char *print(const char *path, uint64_t seed, bool is_json)
{
    struct played played;
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    play(&played, path, seed);
    if (is_json) {
        rehearsal_print_json(&played.rehearsal, out);
    } else {
        rehearsal_print(&played.rehearsal, out, false);
    }
    fclose(out);
    put_away(&played);
    return text;
}

static void a_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    for (int is_json = 0; is_json <= 1; is_json++) {
        char *first = print("routes/rehearsals/one-type.yaml", 7, is_json != 0);
        char *again = print("routes/rehearsals/one-type.yaml", 7, is_json != 0);
        char *other = print("routes/rehearsals/one-type.yaml", 8, is_json != 0);

        assert_string_equal(first, again);
        assert_string_not_equal(first, other);
        free(first);
        free(again);
        free(other);
    }
}

/* tables */

static const struct {
    const char *name;
    const char *route, *leg;
    size_t width;
    const char *want;
} leg_cells[] = {
    {"short", "a", "b", 10, "a/b"},
    {"the route is cut", "everything-else-there-is", "tiktok", 16, "everyth../tiktok"},
    {"a long leg keeps four of the route", "orders-of-all-kinds", "warehouse-in-the-north", 20,
     "or../warehouse-in-.."},
    {"characters, not bytes", "Größenänderungen", "müller", 14, "Größe../müller"},
};

static void legs_are_told_apart(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1024);
    for (size_t i = 0; i < COUNT_OF(leg_cells); i++) {
        buf_clear(&out);
        columns_pair(&out, span_of(leg_cells[i].route), span_of(leg_cells[i].leg),
                     leg_cells[i].width);
        if (strcmp(buf_text(&out), leg_cells[i].want) != 0 ||
            columns_of(buf_span(&out)) > leg_cells[i].width) {
            fail_msg("%s: \"%s\"", leg_cells[i].name, buf_text(&out));
        }
    }
    buf_clear(&out);
    columns_left(&out, SPAN("größe"), 7);
    columns_right(&out, SPAN("größe"), 7);
    assert_string_equal(buf_text(&out), "größe    größe");
    buf_fini(&out);
}

/* No line is wider than 80 columns, none ends in blanks; how many hold @part. */
static size_t check_lines(const char *name, char *text, const char *part)
{
    size_t found = 0;
    char *rest = text;
    char *line;

    while ((line = strsep(&rest, "\n")) != NULL) {
        if (columns_of(span_of(line)) > 80 || (line[0] != '\0' && line[strlen(line) - 1] == ' ')) {
            fail_msg("%s: \"%s\"", name, line);
        }
        found += part != NULL && strstr(line, part) != NULL;
    }
    return found;
}

static void many_dead_letters_are_called_that(void **state)
{
    struct played played;
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    (void)state;
    play_warehouse(&played, "true",
                   "for: 1m\ntraffic: [{event: Größe geändert, rate: 400/s}]\n"
                   "destinations: {warehouse: [{answer: {status: 400}}]}\n",
                   ok_is_true);
    check_sum(&played);
    assert_true(played.rehearsal.summary.dead_lettered > 10000);
    assert_int_equal(find_row(&played, TIMELINE_DIVERTED, NULL, NULL, 0), UINT64_MAX);
    assert_int_equal(find_row(&played, TIMELINE_RETURNED, NULL, NULL, 0), UINT64_MAX);
    assert_in_range(find_row(&played, TIMELINE_DEAD, "begins", "Größe geändert", 0), 0, 10000);
    assert_true(find_row(&played, TIMELINE_DEAD, "ends", "Größe geändert", 0) != UINT64_MAX);
    rehearsal_print(&played.rehearsal, out, false);
    fclose(out);
    assert_true(check_lines("dead letters", text, " dead      warehouse/Größe geän..") >= 2);
    free(text);
    put_away(&played);
}

static void only_what_a_rule_answers_is_in_fault(void **state)
{
    struct played played;

    (void)state;
    play_warehouse(&played, "true",
                   "for: 1m\ntraffic: [{event: A, rate: 10/s}, {event: B, rate: 1/s}]\n"
                   "destinations: {warehouse: [{event: B, answer: {latency: 200ms}}]}\n",
                   ok_is_true);
    assert_in_range(played.rehearsal.summary.asked[0].requests_in_fault, 30, 100);
    put_away(&played);
}

static void tables_keep_to_eighty_columns(void **state)
{
    static const char *const paths[] = {
        "routes/rehearsals/outage.yaml", "routes/rehearsals/one-type.yaml",
        "routes/rehearsals/throttle.yaml", "routes/rehearsals/flapping.yaml"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char *text = print(paths[i], 1, false);

        (void)check_lines(paths[i], text, NULL);
        free(text);
    }
}

static int set_up(void **state)
{
    (void)state;
    span_hash_fix(1);
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_OFF);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traces_are_checked),
        cmocka_unit_test(what_answers_say_is_kept),
        cmocka_unit_test(an_outage_is_gone_round),
        cmocka_unit_test(one_type_is_one_type),
        cmocka_unit_test(a_healthy_webhook_says_what_the_trace_gives),
        cmocka_unit_test(delivered_is_what_the_verdicts_say),
        cmocka_unit_test(a_healthy_answer_that_is_not_delivered_is_asked_for),
        cmocka_unit_test(throttling_waits_and_then_diverts),
        cmocka_unit_test(flapping_is_damped),
        cmocka_unit_test(a_seed_gives_the_same_bytes),
        cmocka_unit_test(legs_are_told_apart),
        cmocka_unit_test(many_dead_letters_are_called_that),
        cmocka_unit_test(only_what_a_rule_answers_is_in_fault),
        cmocka_unit_test(tables_keep_to_eighty_columns),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
