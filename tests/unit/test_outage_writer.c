/* What of an outage goes onto the ledger, and when: opened, changed, told of again, closed. */
#include "ledger/outage_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "destinations/table.h"
#include "health_fixture.h"

enum { RECORD_BYTES = 2048 };

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
static struct config config = {.destinations = &destination,
                               .destination_count = 1,
                               .workers = 1,
                               .kafka = {.group = {"g", 1}}};

/* A ledger that takes or refuses everything at once. */
struct ledger_ticket {
    enum tally_state state;
};

static struct {
    size_t count;
    char last[RECORD_BYTES];
    enum tally_state answer;
} ledger;

static struct ledger_ticket *take(void *context, struct span key, const struct span *records,
                                  size_t count, int wake_fd)
{
    struct ledger_ticket *ticket = calloc(1, sizeof(*ticket));

    (void)context;
    (void)wake_fd;
    assert_int_equal(count, 1);
    assert_true(span_starts(key, SPAN("outage/")));
    ledger.count++;
    (void)snprintf(ledger.last, sizeof(ledger.last), SPAN_FMT, SPAN_ARG(records[0]));
    assert_non_null(ticket);
    ticket->state = ledger.answer;
    return ticket;
}

static enum tally_state state_of(void *context, const struct ledger_ticket *ticket)
{
    (void)context;
    return ticket->state;
}

static void drop(void *context, struct ledger_ticket *ticket)
{
    (void)context;
    free(ticket);
}

static uint64_t break_cell(struct health *health, size_t cell, uint64_t now_ms)
{
    for (int i = 0; i < 40 && health_is_clear(health, 0, cell); i++) {
        now_ms += 100;
        (void)told(health, 0, cell, ended(now_ms, CALL_APP, health_ticket(health, 0, cell)));
    }
    assert_false(health_is_clear(health, 0, cell));
    return now_ms;
}

static bool says(const char *state)
{
    char wanted[64];

    (void)snprintf(wanted, sizeof(wanted), "\"state\":\"%s\"", state);
    return strstr(ledger.last, wanted) != NULL;
}

static void an_open_outage_is_told_of_every_twenty_seconds(void **state)
{
    struct health *health = health_new(&config, 7, 1000);
    size_t cell = health_cell(health, 0, SPAN("Purchase"), 1000);
    struct outage_writer *writer =
        outage_writer_new(&(struct outage_writer_parts){.sink = {&ledger, take, state_of, drop},
                                                        .config = &config,
                                                        .health = health,
                                                        .instance = SPAN("host:1")});
    uint64_t began_ms = break_cell(health, cell, 1000);
    uint64_t now_ms = began_ms;

    (void)state;
    ledger.answer = TALLY_WRITTEN;
    outage_writer_turn(writer, now_ms, 1000000, false);
    assert_int_equal(ledger.count, 1);
    assert_true(says("opened"));
    for (; now_ms < began_ms + 19000; now_ms += 500) {
        outage_writer_turn(writer, now_ms, 1000000, false);
    }
    assert_int_equal(ledger.count, 1); /* nothing changed */
    for (; now_ms < began_ms + 62000; now_ms += 500) {
        outage_writer_turn(writer, now_ms, 1000000, false);
    }
    assert_int_equal(ledger.count, 4);
    assert_true(says("changed"));
    ledger.answer = TALLY_FAILED; /* what is refused is written again at the next look */
    for (; now_ms < began_ms + 84000; now_ms += 500) {
        outage_writer_turn(writer, now_ms, 1000000, false);
    }
    assert_in_range(ledger.count, 6, 8);
    outage_writer_free(writer);
    health_free(health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_outage_is_told_of_every_twenty_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
