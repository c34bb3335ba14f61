/* What workers share of health: one clock that never goes back, gates without the lock, cells by
 * name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "health/health.h"

static struct config_destination destination = {
    .type = DESTINATION_TIKTOK,
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
        health_result(health, 0, cell, now_ms, CALL_APP, true, &ticket, 0, 0);
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
    assert_int_equal(health_admit(health, 0, cell, now_ms, 1, PRIORITY_NORMAL, &ticket),
                     GATE_CANARY);
    health_result(health, 0, cell, now_ms, CALL_OK, true, &ticket, 0, 0);
    assert_int_equal(health_admit(health, 0, cell, now_ms - 1, 2, PRIORITY_NORMAL, &ticket),
                     GATE_DIVERT);
    assert_int_equal(health_admit(health, 0, cell, now_ms + 999, 2, PRIORITY_NORMAL, &ticket),
                     GATE_DIVERT);
    assert_int_equal(health_admit(health, 0, cell, now_ms + 1000, 2, PRIORITY_NORMAL, &ticket),
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
        assert_int_equal(health_admit(health, 0, cell, now_ms, 1, PRIORITY_NORMAL, &ticket),
                         GATE_CANARY);
        health_result(health, 0, cell, now_ms, CALL_OK, true, &ticket, 0, 0);
        now_ms += 1000;
    }
    health_tick(health, now_ms);
    health_tick(health, now_ms - 1);
    (void)health_admit(health, 0, cell, now_ms - 1, UINT64_MAX, PRIORITY_NORMAL, &ticket);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_behind_gets_no_second_canary),
        cmocka_unit_test(a_worker_behind_does_not_hurry_the_ramp),
        cmocka_unit_test(cells_are_found_by_name),
        cmocka_unit_test(an_outage_has_an_id_from_open_to_close),
    };

    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
