/* Where an outage really began, and the memory of those that are over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "health/outage.h"

/* Calls are a second apart, each sent 100 ms before it ended: + good, s slow, f a fault, c no
 * connection, r refused, n neutral, . none for a while */
static const struct {
    const char *name;
    const char *calls;
    enum breaker_cause cause;
    int want; /* the call it began with; -1: there is no run */
} onset_rows[] = {
    {"the first fault after good calls", "++++ffff", CAUSE_BURST, 4},
    {"one fault among good ones is forgotten", "+f+++fff", CAUSE_BURST, 5},
    {"background faults do not make it older", "f++f+f+++f+ffff", CAUSE_RATIO, 11},
    {"good calls in between do not make it younger", "+ffff+fff+fff", CAUSE_RATIO, 1},
    {"no connection is a fault", "++ccc", CAUSE_TRANSPORT, 2},
    {"what says nothing changes nothing", "++fnnnf", CAUSE_BURST, 2},
    {"a refusal is an answer to a fault's run", "ffrrff", CAUSE_THIN, 4},
    {"and the run of a storm", "++rrrr", CAUSE_REJECT_STORM, 2},
    {"faults say nothing of a storm", "++rfrr", CAUSE_REJECT_STORM, 2},
    {"slow calls are good ones to faults", "ssss", CAUSE_BURST, -1},
    {"and a run of their own", "++ssss", CAUSE_SLOW, 2},
    {"after a long silence it is another run", "ff.ff", CAUSE_THIN, 3},
    {"nothing at all", "", CAUSE_OPERATOR, -1},
};

static enum call call_of(char c)
{
    switch (c) {
    case 's':
        return CALL_SLOW;
    case 'f':
        return CALL_APP;
    case 'c':
        return CALL_CONNECT;
    case 'r':
        return CALL_REJECT;
    case 'n':
        return CALL_NEUTRAL;
    default:
        return CALL_OK;
    }
}

static void the_start_is_the_first_call_of_the_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(onset_rows); i++) {
        struct onsets onsets = {0};
        uint64_t now_ms = 1000000;
        uint64_t want_ms = 0;
        uint64_t got_ms;

        for (int k = 0; onset_rows[i].calls[k] != '\0'; k++) {
            char c = onset_rows[i].calls[k];

            now_ms += c == '.' ? 3600000 : 1000;
            if (k == onset_rows[i].want) {
                want_ms = now_ms - 100;
            }
            if (c != '.') {
                onsets_count(&onsets, now_ms, now_ms - 100, call_of(c));
            }
        }
        want_ms = onset_rows[i].want < 0 ? now_ms : want_ms;
        got_ms = onsets_began_ms(&onsets, onset_rows[i].cause, now_ms);
        if (got_ms != want_ms) {
            fail_msg("%s: %lld ms from there", onset_rows[i].name, (long long)(got_ms - want_ms));
        }
    }
}

static void the_last_ones_are_kept(void **state)
{
    struct outages outages = {0};
    struct outage outage = {.destination = 1};
    char id[OUTAGE_ID_BYTES];

    (void)state;
    for (int i = 0; i < OUTAGES_KEPT + 10; i++) {
        (void)snprintf(outage.id, sizeof(outage.id), "o-%d", i);
        outages_keep(&outages, &outage, i % 2 == 0 ? NULL : mem_text(SPAN("Purchase")));
    }
    assert_int_equal(outages.count, OUTAGES_KEPT);
    assert_null(outages_find(&outages, 1, "o-9"));
    assert_null(outages_find(&outages, 0, "o-10"));
    for (size_t i = 0; i < outages.count; i++) {
        (void)snprintf(id, sizeof(id), "o-%zu", i + 10);
        assert_string_equal(outages_at(&outages, i)->id, id);
        assert_ptr_equal(outages_find(&outages, 1, id), outages_at(&outages, i));
    }
    outages_fini(&outages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_start_is_the_first_call_of_the_run),
        cmocka_unit_test(the_last_ones_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
