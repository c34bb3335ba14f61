/* What workers share of health: one clock that never goes back, gates without the lock, cells by
 * name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "destinations/table.h"
#include "health_fixture.h"

static struct config_destination destination = {
    .type = &tiktok_driver.section,
    .name = {"tiktok", 6},
    .timeout = {.total_ms = 10000},
    .health = {.window_ms = 30000,
               .minimum = 20,
               .failures = 0.5,
               .slow_ms = 5000,
               .open_min_ms = 5000,
               .open_max_ms = 60000},
};
static struct config config = {.destinations = &destination, .destination_count = 1, .workers = 2};

/* Twenty faults in two seconds open the cell; the time after the last. */
static uint64_t break_cell(struct health *health, size_t cell, uint64_t now_ms)
{
    for (int i = 0; i < 40 && health_is_clear(health, 0, cell); i++) {
        struct ticket ticket = health_ticket(health, 0, cell);

        now_ms += 100;
        (void)told(health, 0, cell, ended(now_ms, CALL_APP, ticket));
    }
    assert_false(health_is_clear(health, 0, cell));
    return now_ms;
}

static void a_worker_behind_gets_no_second_canary(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    size_t cell = health_cell(health, 0, SPAN("Purchase"), 1000);
    uint64_t now_ms = break_cell(health, cell, 1000) + 6000;
    struct ticket ticket;

    (void)state;
    assert_int_equal(health_admit(health, 0, cell,
                                  &(struct admission){now_ms, 1, PRIORITY_NORMAL, false}, &ticket),
                     GATE_CANARY);
    (void)told(health, 0, cell, ended(now_ms, CALL_OK, ticket));
    assert_int_equal(health_admit(health, 0, cell,
                                  &(struct admission){now_ms - 1, 2, PRIORITY_NORMAL, false},
                                  &ticket),
                     GATE_DIVERT);
    assert_int_equal(health_admit(health, 0, cell,
                                  &(struct admission){now_ms + 999, 2, PRIORITY_NORMAL, false},
                                  &ticket),
                     GATE_DIVERT);
    assert_int_equal(health_admit(health, 0, cell,
                                  &(struct admission){now_ms + 1000, 2, PRIORITY_NORMAL, false},
                                  &ticket),
                     GATE_CANARY);
    health_free(health);
}

static void a_worker_behind_does_not_hurry_the_ramp(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    size_t cell = health_cell(health, 0, SPAN("Purchase"), 1000);
    uint64_t now_ms = break_cell(health, cell, 1000) + 6000;
    struct destination_view *view = calloc(1, sizeof(*view));
    struct ticket ticket;

    (void)state;
    assert_non_null(view);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(health_admit(health, 0, cell,
                                      &(struct admission){now_ms, 1, PRIORITY_NORMAL, false},
                                      &ticket),
                         GATE_CANARY);
        (void)told(health, 0, cell, ended(now_ms, CALL_OK, ticket));
        now_ms += 1000;
    }
    health_tick(health, now_ms);
    health_tick(health, now_ms - 1);
    (void)health_admit(health, 0, cell,
                       &(struct admission){now_ms - 1, UINT64_MAX, PRIORITY_NORMAL, false},
                       &ticket);
    health_look(health, 0, now_ms, view);
    assert_int_equal(view->cells[0].state, BREAKER_RAMP);
    assert_true(view->cells[0].share < 0.11);
    free(view);
    health_free(health);
}

static void cells_are_found_by_name(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    size_t purchase = health_cell(health, 0, SPAN("Purchase"), 1000);
    size_t lead = health_cell(health, 0, SPAN("Lead"), 1000);

    (void)state;
    assert_int_not_equal(purchase, lead);
    assert_int_equal(health_cell(health, 0, SPAN("Purchase"), 2000), purchase);
    (void)break_cell(health, purchase, 1000);
    assert_true(health_is_clear(health, 0, lead));
    health_free(health);
}

static void an_outage_has_an_id_from_open_to_close(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    size_t cell = health_cell(health, 0, SPAN("Purchase"), 1000);
    char id[OUTAGE_ID_BYTES];
    char again[OUTAGE_ID_BYTES];

    (void)state;
    (void)break_cell(health, cell, 1000);
    assert_int_equal(health_outage(health, 0, cell, id), REASON_OUTAGE);
    assert_true(id[0] != '\0');
    (void)health_outage(health, 0, cell, again);
    assert_string_equal(id, again);
    health_free(health);
}

static struct last_answer answer(enum verdict verdict, int32_t code, int64_t at_ms)
{
    return (struct last_answer){.at_ms = at_ms,
                                .verdict = verdict,
                                .status = 200,
                                .has_code = true,
                                .code = code,
                                .request_id = "r-1",
                                .text = "code 50000 (INTERNAL)"};
}

static void an_outage_knows_what_was_answered_and_what_it_cost(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    size_t cell = health_cell(health, 0, SPAN("Purchase"), 1000);
    struct destination_view *view = calloc(1, sizeof(*view));
    struct last_answer last_answer = answer(VERDICT_RETRY, 50000, 7);
    enum circuit circuit = CIRCUIT_CLOSED;
    uint64_t now_ms = 1000;
    char id[OUTAGE_ID_BYTES];

    (void)state;
    assert_non_null(view);
    for (int i = 0; i < 20 && health_is_clear(health, 0, cell); i++, now_ms += 200) {
        struct ticket ticket = health_ticket(health, 0, cell);

        struct health_call call = ended(now_ms, CALL_APP, ticket);

        call.last_answer = last_answer;
        call.ticket.sent_ms = now_ms - 50;
        circuit = told(health, 0, cell, call);
    }
    assert_false(health_is_clear(health, 0, cell));
    assert_int_equal(circuit, CIRCUIT_OPEN);
    (void)health_outage(health, 0, cell, id);
    health_outage_settled(health, 0, cell, id, false);
    health_outage_settled(health, 0, cell, id, false);
    health_outage_settled(health, 0, cell, id, true);
    health_outage_settled(health, 0, cell, "another one", true);
    health_look(health, 0, now_ms, view);
    assert_string_equal(view->cells[0].outage.id, id);
    assert_int_equal(view->cells[0].outage.began_ms, 950);
    assert_int_equal(view->cells[0].outage.diverted, 2);
    assert_int_equal(view->cells[0].outage.dead_lettered, 1);
    assert_int_equal(view->cells[0].outage.last_answer.code, 50000);
    assert_string_equal(view->cells[0].refused.request_id, "r-1");
    assert_string_equal(view->self.last.request_id, "r-1");
    assert_true(health_outage_answer(health, 0, cell, id, &last_answer));
    assert_int_equal(last_answer.code, 50000);
    assert_false(health_outage_answer(health, 0, cell, "another one", &last_answer));
    free(view);
    health_free(health);
}

/* Who reports the end of a call learns whether a refusal still speaks of its event. */
static void the_end_of_a_call_says_what_the_breakers_say(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    size_t cell = health_cell(health, 0, SPAN("Purchase"), 1000);
    struct ticket ticket = health_ticket(health, 0, cell);
    enum circuit circuit = CIRCUIT_CLOSED;
    unsigned calls = 0;

    (void)state;
    while (calls < 100 && circuit == CIRCUIT_CLOSED) {
        calls++;
        circuit = told(health, 0, cell, ended(1000 + calls * 30, CALL_REJECT, ticket));
    }
    assert_int_equal(circuit, CIRCUIT_REJECT_STORM);
    assert_int_equal(calls, 50);
    assert_false(health_is_clear(health, 0, cell));
    assert_int_equal(told(health, 0, cell, ended(4000, CALL_OK, ticket)), CIRCUIT_REJECT_STORM);
    health_free(health);
}

static void good_answers_do_not_hide_the_last_bad_one(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    size_t cell = health_cell(health, 0, SPAN("Purchase"), 1000);
    struct destination_view *view = calloc(1, sizeof(*view));
    struct last_answer bad = answer(VERDICT_THROTTLED, 40100, 5);
    struct last_answer good = answer(VERDICT_DELIVERED, 0, 6);
    struct ticket ticket = health_ticket(health, 0, cell);
    struct health_call refused = ended(1000, CALL_NEUTRAL, ticket);
    struct health_call served = ended(1100, CALL_OK, ticket);
    struct last_answer last_answer;

    (void)state;
    assert_non_null(view);
    assert_false(health_last_answer(health, 0, VERDICT_THROTTLED, &last_answer));
    refused.last_answer = bad;
    served.last_answer = good;
    assert_int_equal(told(health, 0, cell, refused), CIRCUIT_CLOSED);
    assert_int_equal(told(health, 0, cell, served), CIRCUIT_CLOSED);
    health_look(health, 0, 1100, view);
    assert_int_equal(view->cells[0].last.code, 0);
    assert_int_equal(view->cells[0].refused.code, 40100);
    assert_true(health_last_answer(health, 0, VERDICT_THROTTLED, &last_answer));
    assert_int_equal(last_answer.at_ms, 5);
    free(view);
    health_free(health);
}

static const struct {
    const char *name;
    struct last_answer last_answer;
    const char *want;
} last_answer_rows[] = {
    {"all of it",
     {1, VERDICT_RETRY, 200, true, 50000, "r-1", "code 50000 (INTERNAL)"},
     "code 50000 (INTERNAL); HTTP 200, request id r-1, read as retry"},
    {"no answer", {1, VERDICT_RETRY, 0, false, 0, "", "no answer"}, "no answer; read as retry"},
    {"no id", {1, VERDICT_HOLD, 401, false, 0, "", "HTTP 401"}, "HTTP 401; HTTP 401, read as hold"},
    {"a good one",
     {1, VERDICT_DELIVERED, 200, true, 0, "", ""},
     "code 0; HTTP 200, read as delivered"},
};

static void an_answer_is_told_in_words(void **state)
{
    char text[LAST_ANSWER_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(last_answer_rows); i++) {
        if (strcmp(last_answer_text(&last_answer_rows[i].last_answer, text),
                   last_answer_rows[i].want) != 0) {
            fail_msg("%s: %s", last_answer_rows[i].name, text);
        }
    }
}

static size_t cell_of(struct health *health, const char *kind, unsigned i, uint64_t now_ms)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "%s %u", kind, i);
    return health_cell(health, 0, span_of(name), now_ms);
}

/* An answer of the type's, as its traffic has. */
static void serve(struct health *health, size_t cell, uint64_t now_ms)
{
    struct ticket ticket = health_ticket(health, 0, cell);

    (void)told(health, 0, cell, ended(now_ms, CALL_OK, ticket));
}

/* 300 types that nobody sends again, and then one that stays. */
static void a_type_with_traffic_has_a_cell_of_its_own(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    uint64_t now_ms = 1000;
    uint32_t version;
    size_t cell;

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        serve(health, cell_of(health, "junk", i, now_ms), now_ms);
    }
    version = health_cells_version(health, 0);
    cell = health_cell(health, 0, SPAN("Purchase"), now_ms);
    assert_true(health_cell_is_shared(cell)); /* all have had traffic just now */
    for (unsigned i = 0; i < 120; i++) {
        now_ms += 100;
        cell = health_cell(health, 0, SPAN("Purchase"), now_ms);
    }
    assert_false(health_cell_is_shared(cell));
    assert_int_not_equal(health_cells_version(health, 0), version);
    assert_int_equal(health_cell(health, 0, SPAN("Purchase"), now_ms), cell);
    (void)break_cell(health, cell, now_ms);
    assert_true(health_is_clear(health, 0, cell_of(health, "junk", 299, now_ms)));
    health_free(health);
}

/* Any number of types that come once take nothing from those that stay. */
static void strangers_take_no_cell_with_traffic(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    size_t own[3];
    size_t open;
    uint64_t now_ms = 1000;

    (void)state;
    open = health_cell(health, 0, SPAN("Lead"), now_ms);
    now_ms = break_cell(health, open, now_ms); /* nobody comes by any more: it keeps its outage */
    for (unsigned i = 0; i < COUNT_OF(own); i++) {
        own[i] = cell_of(health, "real", i, now_ms);
    }
    for (unsigned i = 0; i < 20000; i++) {
        now_ms += 5;
        serve(health, cell_of(health, "junk", i, now_ms), now_ms);
        serve(health, own[i % COUNT_OF(own)], now_ms);
    }
    for (unsigned i = 0; i < COUNT_OF(own); i++) {
        assert_int_equal(cell_of(health, "real", i, now_ms), own[i]);
    }
    assert_int_equal(health_cell(health, 0, SPAN("Lead"), now_ms), open);
    assert_false(health_is_clear(health, 0, open));
    assert_int_equal(health_cells_version(health, 0),
                     0); /* nor is anybody's index of use no more */
    health_free(health);
}

/* What was under way for a type that lost its cell says nothing of the one that has it now. */
static void answers_of_who_had_the_cell_before_are_dropped(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    size_t first = cell_of(health, "type", 0, 1000);
    struct ticket ticket = health_ticket(health, 0, first);
    uint64_t now_ms = 1000;

    (void)state;
    for (unsigned i = 1; i < 255; i++) {
        serve(health, cell_of(health, "type", i, now_ms), now_ms + 1);
    }
    now_ms += 20000;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(health_cell(health, 0, SPAN("Purchase"), now_ms) == first, i == 2);
    }
    for (unsigned i = 0; i < 40; i++) {
        now_ms += 100;
        (void)told(health, 0, first, ended(now_ms, CALL_APP, ticket));
    }
    assert_true(health_is_clear(health, 0, first));
    health_free(health);
}

static enum gate asks(struct health *health, size_t cell, uint64_t now_ms, bool is_background,
                      struct ticket *ticket)
{
    return health_admit(health, 0, cell,
                        &(struct admission){now_ms, 1, PRIORITY_NORMAL, is_background}, ticket);
}

static void what_is_in_the_background_opens_nothing_while_live_events_come(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    size_t cell = health_cell(health, 0, SPAN("Purchase"), 1000);
    uint64_t now_ms = 1000;

    (void)state;
    for (int i = 0; i < 100; i++, now_ms += 100) {
        struct ticket ticket = health_ticket(health, 0, cell);

        if (i % 20 == 0) {
            (void)told(health, 0, cell, ended(now_ms, CALL_OK, ticket));
        }
        ticket.is_background = true;
        assert_int_equal(told(health, 0, cell, ended(now_ms, CALL_APP, ticket)), CIRCUIT_CLOSED);
    }
    assert_true(health_is_clear(health, 0, cell));
    now_ms += HEALTH_QUIET_MS;
    for (int i = 0; i < 40 && health_is_clear(health, 0, cell); i++, now_ms += 100) {
        struct ticket ticket = health_ticket(health, 0, cell);

        ticket.is_background = true;
        (void)told(health, 0, cell, ended(now_ms, CALL_APP, ticket));
    }
    assert_false(health_is_clear(health, 0, cell)); /* nobody else finds out */
    health_free(health);
}

static void what_is_in_the_background_probes_only_where_no_live_event_does(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    size_t cell = health_cell(health, 0, SPAN("Purchase"), 1000);
    uint64_t now_ms = break_cell(health, cell, 1000) + 6000;
    struct ticket ticket = {0};

    (void)state;
    assert_int_equal(asks(health, cell, now_ms, true, &ticket), GATE_DIVERT);
    now_ms += HEALTH_QUIET_MS;
    assert_int_equal(asks(health, cell, now_ms, true, &ticket), GATE_CANARY);
    assert_true(ticket.is_background);
    (void)told(health, 0, cell, ended(now_ms, CALL_OK, ticket)); /* counts, as any probe */
    for (int i = 0; i < 60 && !health_is_clear(health, 0, cell); i++, now_ms += 1000) {
        enum gate gate = asks(health, cell, now_ms, true, &ticket);

        if (gate != GATE_DIVERT) {
            (void)told(health, 0, cell, ended(now_ms, CALL_OK, ticket));
        }
        health_tick(health, now_ms);
    }
    assert_true(health_is_clear(health, 0, cell));
    health_free(health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_behind_gets_no_second_canary),
        cmocka_unit_test(a_worker_behind_does_not_hurry_the_ramp),
        cmocka_unit_test(cells_are_found_by_name),
        cmocka_unit_test(an_outage_has_an_id_from_open_to_close),
        cmocka_unit_test(an_outage_knows_what_was_answered_and_what_it_cost),
        cmocka_unit_test(the_end_of_a_call_says_what_the_breakers_say),
        cmocka_unit_test(good_answers_do_not_hide_the_last_bad_one),
        cmocka_unit_test(an_answer_is_told_in_words),
        cmocka_unit_test(a_type_with_traffic_has_a_cell_of_its_own),
        cmocka_unit_test(strangers_take_no_cell_with_traffic),
        cmocka_unit_test(answers_of_who_had_the_cell_before_are_dropped),
        cmocka_unit_test(what_is_in_the_background_opens_nothing_while_live_events_come),
        cmocka_unit_test(what_is_in_the_background_probes_only_where_no_live_event_does),
    };

    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
