/* The sandbox's story: how long a phase lasts, and what makes it a failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/yaml.h"
#include "trial/scenario.h"
#include "trial/tiktok/simulator.h"

enum { LOOKS_MAX = 6 };

/* What is seen: o, p, r, c: the dark type's cell open, probed, in its ramp, closed; x: another
 * type's cell open; g: the destination open; t: throttled; j: an event was rejected; d: the
 * commands have ended well; b: all is backfilled; empty: all is well, nothing has ended. */
struct sight {
    uint64_t at_ms; /* in the phase */
    const char *states;
    uint64_t delivered, diverted, in_flight;
};

static void see(const struct sight *sight, struct watch *watch, struct scenario_moment *out)
{
    uint64_t rejected = 0;

    watch_init(watch, "tiktok");
    watch->cell_count = 2;
    (void)snprintf(watch->cells[0].name, WATCH_NAME_BYTES, "%s", SCENARIO_EVENT);
    (void)snprintf(watch->cells[1].name, WATCH_NAME_BYTES, "Signed Up");
    for (const char *at = sight->states; *at != '\0'; at++) {
        watch->cells[0].state = *at == 'o'   ? BREAKER_OPEN
                                : *at == 'p' ? BREAKER_HALF_OPEN
                                : *at == 'r' ? BREAKER_RAMP
                                             : watch->cells[0].state;
        watch->cells[1].state = *at == 'x' ? BREAKER_OPEN : watch->cells[1].state;
        watch->self.state = *at == 'g' ? BREAKER_OPEN : watch->self.state;
        watch->is_throttled |= *at == 't';
        rejected += *at == 'j';
    }
    if (watch->self.state != BREAKER_CLOSED) {
        (void)snprintf(watch->scope, WATCH_WORD_BYTES, "global");
    } else if (!watch_is_closed(watch)) {
        (void)snprintf(watch->scope, WATCH_WORD_BYTES, "partial");
    }
    watch->diverted = sight->diverted;
    watch->in_flight = sight->in_flight;
    *out = (struct scenario_moment){.at_ms = 1000 + sight->at_ms,
                                    .watch = watch,
                                    .delivered = sight->delivered,
                                    .rejected = rejected,
                                    .is_done = strchr(sight->states, 'd') != NULL,
                                    .is_backfilled = strchr(sight->states, 'b') != NULL};
}

static const struct {
    const char *name;
    enum scenario_phase phase;
    struct sight looks[LOOKS_MAX]; /* the first when the phase begins; states NULL: no more */
    bool is_played, has_shown;
    const char *why; /* part of it; NULL: none */
} cases[] = {
    {"healthy lasts its time",
     SCENARIO_HEALTHY,
     {{0, "", 0, 0, 0}, {6900, "", 50, 0, 0}},
     false,
     true,
     NULL},
    {"healthy", SCENARIO_HEALTHY, {{0, "", 0, 0, 0}, {7000, "", 50, 0, 0}}, true, true, NULL},
    {"healthy waits for what is delivered",
     SCENARIO_HEALTHY,
     {{0, "", 0, 0, 0}, {16000, "", 0, 0, 0}},
     false,
     false,
     "nothing was delivered"},
    {"healthy does not wait for ever",
     SCENARIO_HEALTHY,
     {{0, "", 0, 0, 0}, {17000, "", 0, 0, 0}},
     true,
     false,
     "nothing was delivered"},
    {"healthy, but something opened for a moment",
     SCENARIO_HEALTHY,
     {{0, "", 0, 0, 0}, {2000, "x", 20, 0, 0}, {7000, "", 50, 0, 0}},
     true,
     false,
     "opened"},
    {"healthy, but diverted",
     SCENARIO_HEALTHY,
     {{0, "", 0, 3, 0}, {7000, "", 50, 4, 0}},
     true,
     false,
     "diverted"},
    {"partial outage",
     SCENARIO_PARTIAL,
     {{0, "", 50, 0, 0}, {4000, "o", 60, 3, 0}, {9000, "p", 70, 9, 0}},
     true,
     true,
     NULL},
    {"the type never opened, though some ran out of retries",
     SCENARIO_PARTIAL,
     {{0, "", 50, 0, 0}, {9000, "", 60, 9, 0}, {19000, "", 70, 20, 0}},
     true,
     false,
     "never opened"},
    {"it opened, but nothing was diverted",
     SCENARIO_PARTIAL,
     {{0, "", 50, 7, 0}, {4000, "o", 60, 7, 0}, {19000, "o", 70, 7, 0}},
     true,
     false,
     "diverted"},
    {"another type opened as well",
     SCENARIO_PARTIAL,
     {{0, "", 50, 0, 0}, {4000, "ox", 60, 3, 0}, {9000, "o", 70, 9, 0}},
     true,
     false,
     "another event type"},
    {"one dark type took the destination down",
     SCENARIO_PARTIAL,
     {{0, "", 50, 0, 0}, {4000, "o", 60, 3, 0}, {9000, "og", 70, 9, 0}},
     true,
     false,
     "as a whole"},
    {"return, as soon as it is closed",
     SCENARIO_PARTIAL_RETURN,
     {{0, "o", 50, 9, 0}, {9000, "r", 60, 12, 0}, {16000, "c", 70, 14, 0}},
     true,
     true,
     NULL},
    {"return is waited for",
     SCENARIO_PARTIAL_RETURN,
     {{0, "o", 50, 9, 0}, {30000, "r", 60, 12, 0}},
     false,
     false,
     "not everything is closed"},
    {"no return",
     SCENARIO_PARTIAL_RETURN,
     {{0, "o", 50, 9, 0}, {31000, "p", 60, 12, 0}},
     true,
     false,
     "not everything is closed"},
    {"global outage",
     SCENARIO_GLOBAL,
     {{0, "", 50, 9, 0}, {2000, "ox", 50, 12, 0}, {3000, "g", 50, 40, 0}, {9000, "g", 50, 99, 0}},
     true,
     true,
     NULL},
    {"each type for itself is no global outage",
     SCENARIO_GLOBAL,
     {{0, "", 50, 9, 0}, {3000, "ox", 50, 40, 0}, {19000, "ox", 50, 99, 0}},
     true,
     false,
     "as a whole"},
    {"return of all",
     SCENARIO_GLOBAL_RETURN,
     {{0, "g", 50, 9, 0}, {17000, "d", 90, 40, 0}},
     true,
     true,
     NULL},
    {"the destination returned, one type did not",
     SCENARIO_GLOBAL_RETURN,
     {{0, "g", 50, 9, 0}, {31000, "od", 90, 40, 0}},
     true,
     false,
     "not everything is closed"},
    {"throttling",
     SCENARIO_THROTTLING,
     {{0, "", 50, 9, 5}, {300, "t", 50, 9, 40}, {5000, "t", 50, 9, 500}},
     true,
     true,
     NULL},
    {"throttling diverts nothing",
     SCENARIO_THROTTLING,
     {{0, "", 50, 9, 5}, {300, "t", 50, 9, 40}, {5000, "t", 50, 10, 500}},
     true,
     false,
     "diverted"},
    {"throttling opens nothing",
     SCENARIO_THROTTLING,
     {{0, "", 50, 9, 5}, {300, "to", 50, 9, 40}, {5000, "t", 50, 9, 500}},
     true,
     false,
     "opened"},
    {"never throttled",
     SCENARIO_THROTTLING,
     {{0, "", 50, 9, 5}, {10000, "", 90, 9, 5}},
     true,
     false,
     "never throttled"},
    {"recovery delivers what waited",
     SCENARIO_RECOVERY,
     {{0, "t", 50, 9, 500}, {4000, "", 551, 9, 20}},
     true,
     true,
     NULL},
    {"recovery, with what waited still there",
     SCENARIO_RECOVERY,
     {{0, "t", 50, 9, 500}, {4000, "", 550, 9, 400}},
     false,
     false,
     "waited"},
    {"still throttled",
     SCENARIO_RECOVERY,
     {{0, "t", 50, 9, 500}, {14000, "t", 51, 9, 900}},
     true,
     false,
     "still throttled"},
    {"backfill ends when all is delivered",
     SCENARIO_BACKFILL,
     {{0, "", 50, 9, 0}, {1000, "", 60, 9, 0}, {9000, "b", 90, 9, 0}},
     true,
     true,
     NULL},
    {"backfill that diverts once more",
     SCENARIO_BACKFILL,
     {{0, "", 50, 9, 0}, {9000, "b", 90, 10, 0}},
     true,
     false,
     "diverted"},
    {"backfill that does not end",
     SCENARIO_BACKFILL,
     {{0, "", 50, 9, 0}, {31000, "", 90, 9, 0}},
     true,
     false,
     "not everything that was diverted"},
    {"refusal: dead letters, and nothing opens",
     SCENARIO_REFUSAL,
     {{0, "j", 50, 9, 0}, {2000, "jj", 60, 9, 0}, {4000, "jj", 70, 9, 0}},
     true,
     true,
     NULL},
    {"refusal, but those were there before",
     SCENARIO_REFUSAL,
     {{0, "j", 50, 9, 0}, {14000, "j", 70, 9, 0}},
     true,
     false,
     "no event became a dead letter"},
    {"replay is waited for",
     SCENARIO_REPLAY,
     {{0, "j", 50, 9, 0}, {20000, "j", 70, 9, 0}},
     false,
     false,
     "not every command"},
    {"replay ends when the commands have",
     SCENARIO_REPLAY,
     {{0, "j", 50, 9, 0}, {6000, "jd", 70, 9, 0}},
     true,
     true,
     NULL},
    {"replay, and a command failed",
     SCENARIO_REPLAY,
     {{0, "j", 50, 9, 0}, {31000, "j", 70, 9, 0}},
     true,
     false,
     "not every command"},
};

static void expect_mark(const char *name, const struct scenario_mark *mark, bool is_played,
                        bool has_shown, const char *why)
{
    const char *got = mark->why;

    if (mark->is_played != is_played || mark->has_shown != has_shown ||
        (got == NULL) != (why == NULL) || (why != NULL && strstr(got, why) == NULL)) {
        fail_msg("%s: played %d, shown %d, why: %s", name, mark->is_played, mark->has_shown,
                 got == NULL ? "-" : got);
    }
}

static void a_phase_is_judged_by_what_is_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct watch *watch = mem_new(struct watch);
        struct scenario scenario;
        struct scenario_moment moment;

        scenario_init(&scenario, SCENARIO_MS / 1000);
        see(&cases[i].looks[0], watch, &moment);
        scenario_enter(&scenario, cases[i].phase, &moment);
        for (size_t j = 1; j < LOOKS_MAX && cases[i].looks[j].states != NULL; j++) {
            see(&cases[i].looks[j], watch, &moment);
            scenario_look(&scenario, &moment);
        }
        expect_mark(cases[i].name, &scenario.marks[cases[i].phase], cases[i].is_played,
                    cases[i].has_shown, cases[i].why);
        if (scenario_has_shown(&scenario) != (cases[i].has_shown || !cases[i].is_played)) {
            fail_msg("%s: the whole story is judged otherwise", cases[i].name);
        }
        free(watch);
    }
}

static void what_was_not_played_is_not_judged(void **state)
{
    struct scenario scenario;

    (void)state;
    scenario_init(&scenario, SCENARIO_MS / 1000);
    assert_true(scenario_has_shown(&scenario));
}

/* The simulator must take every script as it stands; phases that end an outage have none. */
static void every_phase_tells_the_simulator_what_to_do(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SCENARIO_PHASES; i++) {
        const char *faults = scenario_rule((enum scenario_phase)i)->faults;
        bool is_dark = i == SCENARIO_PARTIAL || i == SCENARIO_GLOBAL || i == SCENARIO_THROTTLING ||
                       i == SCENARIO_REFUSAL;
        struct sim_script script;
        struct diags diags;

        assert_true(strlen(scenario_rule((enum scenario_phase)i)->title) > 0);
        assert_true(strlen(scenario_rule((enum scenario_phase)i)->key) > 0);
        assert_true(strlen(scenario_rule((enum scenario_phase)i)->line) > 0);
        assert_int_equal(faults != NULL, is_dark);
        if (faults == NULL) {
            continue;
        }
        diags_init(&diags);
        sim_script_read(yaml_parse("faults", span_of(faults), true, &diags), &script, &diags);
        assert_int_equal(diags.error_count, 0);
        assert_true(script.faults.count > 0);
        sim_script_fini(&script);
        diags_fini(&diags);
    }
}

static uint64_t total_ms(uint64_t seconds)
{
    struct scenario scenario;
    struct watch watch;
    struct scenario_moment moment = {.watch = &watch};
    uint64_t sum = 0;

    watch_init(&watch, "tiktok");
    scenario_init(&scenario, seconds);
    for (unsigned i = 0; i < SCENARIO_PHASES; i++) {
        scenario_enter(&scenario, (enum scenario_phase)i, &moment);
        sum += scenario_phase_ms(&scenario);
    }
    return sum;
}

static void a_longer_play_has_longer_outages(void **state)
{
    uint64_t usual_ms = total_ms(SCENARIO_MS / 1000);

    (void)state;
    assert_true(usual_ms < SCENARIO_MS);
    assert_int_equal(total_ms(1), usual_ms);
    assert_int_equal(total_ms(SCENARIO_MS / 1000 + 40), usual_ms + 40000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phase_is_judged_by_what_is_seen),
        cmocka_unit_test(what_was_not_played_is_not_judged),
        cmocka_unit_test(every_phase_tells_the_simulator_what_to_do),
        cmocka_unit_test(a_longer_play_has_longer_outages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
