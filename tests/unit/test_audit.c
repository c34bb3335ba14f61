/* The sandbox's audit: each event is looked for by itself, and what does not fit is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "trial/audit.h"

/* What happened, in letters: g, n, b: produced, good, without consent, bad; d: delivered; u: on the
 * alternate topic; x: on the dead-letter topic; ?: something foreign. The number is the event. */
struct step {
    char act;
    int number;
};

enum { STEPS_MAX = 12 };

static const struct {
    const char *name;
    struct step steps[STEPS_MAX];
    struct audit_told told;
    struct audit_balance want;
} cases[] = {
    {"nothing", {{0, 0}}, {0}, {.is_balanced = true}},
    {"one each",
     {{'g', 0}, {'g', 1}, {'b', 2}, {'n', 3}, {'d', 0}, {'u', 1}, {'x', 2}},
     {.dropped = 1},
     {.produced = 4,
      .delivered = 1,
      .diverted = 1,
      .dead_lettered = 1,
      .dropped = 1,
      .is_balanced = true}},
    {"records before the delivery report",
     {{'u', 1}, {'d', 0}, {'x', 2}, {'g', 0}, {'g', 1}, {'b', 2}},
     {0},
     {.produced = 3, .delivered = 1, .diverted = 1, .dead_lettered = 1, .is_balanced = true}},
    {"a good event as a dead letter is not lost",
     {{'g', 0}, {'x', 0}},
     {0},
     {.produced = 1, .dead_lettered = 1, .is_balanced = true}},
    {"a good event nowhere", {{'g', 0}}, {0}, {.produced = 1, .lost = 1}},
    {"a bad event nowhere", {{'b', 0}}, {0}, {.produced = 1, .lost = 1}},
    {"counts that match are not enough",
     {{'g', 0}, {'g', 1}, {'d', 0}, {'u', 0}},
     {0},
     {.produced = 2, .diverted = 1, .backfilled = 1, .lost = 1, .duplicates = 1}},
    {"twice at the same place",
     {{'g', 0}, {'d', 0}, {'d', 0}},
     {0},
     {.produced = 1, .delivered = 1, .duplicates = 1, .is_balanced = true}},
    {"delivered and diverted counts as diverted, as in the books, once more",
     {{'g', 0}, {'d', 0}, {'u', 0}},
     {0},
     {.produced = 1, .diverted = 1, .backfilled = 1, .duplicates = 1, .is_balanced = true}},
    {"diverted, then backfilled",
     {{'g', 0}, {'u', 0}, {'d', 0}, {'g', 1}, {'u', 1}},
     {.backfilled = 1},
     {.produced = 2, .diverted = 2, .backfilled = 1, .is_balanced = true}},
    {"dead letters, replayed: one delivered, one diverted, one not yet",
     {{'g', 0}, {'x', 0}, {'d', 0}, {'g', 1}, {'x', 1}, {'u', 1}, {'g', 2}, {'x', 2}},
     {.replayed = 2},
     {.produced = 3, .dead_lettered = 3, .replayed = 2, .is_balanced = true}},
    {"replayed twice over",
     {{'g', 0}, {'x', 0}, {'d', 0}, {'d', 0}},
     {.replayed = 1},
     {.produced = 1, .dead_lettered = 1, .replayed = 1, .duplicates = 1, .is_balanced = true}},
    {"the ledger says more were replayed than arrived",
     {{'g', 0}, {'x', 0}},
     {.replayed = 1},
     {.produced = 1, .dead_lettered = 1}},
    {"the ledger says more were backfilled than arrived",
     {{'g', 0}, {'u', 0}},
     {.backfilled = 1},
     {.produced = 1, .diverted = 1}},
    {"without consent and delivered", {{'n', 0}, {'d', 0}}, {0}, {.produced = 1, .misplaced = 1}},
    {"without consent and diverted", {{'n', 0}, {'u', 0}}, {0}, {.produced = 1, .misplaced = 1}},
    {"bad and delivered", {{'b', 0}, {'d', 0}}, {0}, {.produced = 1, .misplaced = 1}},
    {"the processor dropped another number",
     {{'n', 0}, {'n', 1}},
     {.dropped = 1},
     {.produced = 2, .dropped = 2}},
    {"an id nobody produced",
     {{'g', 0}, {'d', 0}, {'d', 5}},
     {0},
     {.produced = 1, .delivered = 1, .unknown = 1}},
    {"a record of an offset nobody was told of",
     {{'g', 0}, {'d', 0}, {'u', 9}},
     {0},
     {.produced = 1, .delivered = 1, .unknown = 1}},
    {"a record without a place", {{'?', 0}}, {0}, {.unknown = 1}},
};

static void act(struct audit *audit, struct step step)
{
    int32_t partition = step.number % 3;
    int64_t offset = 2000 * (step.number / 3); /* past what the tables begin with */

    if (step.act == 'g' || step.act == 'n' || step.act == 'b') {
        assert_true(audit_produced(audit, (uint64_t)step.number,
                                   step.act == 'g'   ? FATE_GOOD
                                   : step.act == 'n' ? FATE_NO_CONSENT
                                                     : FATE_BAD,
                                   partition, offset));
    } else if (step.act == 'd') {
        audit_delivered(audit, (uint64_t)step.number, 1);
    } else if (step.act == '?') {
        audit_record(audit, AUDIT_DIVERTED, -1, 7, SPAN_NONE);
    } else {
        audit_record(audit, step.act == 'u' ? AUDIT_DIVERTED : AUDIT_DEAD_LETTER, partition, offset,
                     SPAN("outage"));
    }
}

static void each_event_is_weighed_by_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct audit *audit = audit_new();
        struct audit_balance got;

        for (size_t j = 0; j < STEPS_MAX && cases[i].steps[j].act != 0; j++) {
            act(audit, cases[i].steps[j]);
        }
        audit_close(audit, &cases[i].told, &got);
        if (memcmp(&got, &cases[i].want, sizeof(got)) != 0) {
            fail_msg(
                "%s: produced %d, delivered %d, diverted %d, dead-lettered %d, dropped %d, "
                "replayed %d, backfilled %d, lost %d, duplicates %d, misplaced %d, unknown %d, "
                "balanced %d",
                cases[i].name, (int)got.produced, (int)got.delivered, (int)got.diverted,
                (int)got.dead_lettered, (int)got.dropped, (int)got.replayed, (int)got.backfilled,
                (int)got.lost, (int)got.duplicates, (int)got.misplaced, (int)got.unknown,
                got.is_balanced);
        }
        audit_free(audit);
    }
}

static void what_cannot_be_kept_is_told(void **state)
{
    struct audit *audit = audit_new();
    struct audit_balance got;

    (void)state;
    assert_false(audit_produced(audit, AUDIT_EVENTS_MAX, FATE_GOOD, 0, 0));
    assert_false(audit_produced(audit, 0, FATE_GOOD, AUDIT_PARTITIONS_MAX, 0));
    assert_false(audit_produced(audit, 0, FATE_GOOD, 0, -1));
    audit_delivered(audit, AUDIT_EVENTS_MAX, 1);
    audit_record(audit, AUDIT_DEAD_LETTER, 0, AUDIT_EVENTS_MAX, SPAN("decode"));
    audit_unknown(audit);
    audit_close(audit, &(struct audit_told){0}, &got);
    assert_int_equal(got.unknown, 3);
    assert_false(got.is_balanced);
    assert_int_equal(audit_records(audit, AUDIT_DEAD_LETTER), 1);
    audit_free(audit);
}

static void records_are_counted_by_reason(void **state)
{
    struct audit *audit = audit_new();
    const struct counts *reasons = audit_reasons(audit, AUDIT_DIVERTED);
    char name[8];

    (void)state;
    for (int i = 0; i < 40; i++) {
        (void)snprintf(name, sizeof(name), "r%d", i);
        audit_record(audit, AUDIT_DIVERTED, 0, i, i == 3 ? SPAN_NONE : span_of(name));
    }
    audit_record(audit, AUDIT_DIVERTED, 0, 0, SPAN("r1"));
    assert_int_equal(reasons->count, 32);
    assert_string_equal(reasons->items[1].name, "r1");
    assert_int_equal(reasons->items[1].count, 2);
    assert_string_equal(reasons->items[3].name, "none");
    assert_string_equal(reasons->items[31].name, "other");
    assert_int_equal(reasons->items[31].count, 9);
    assert_int_equal(audit_reasons(audit, AUDIT_DEAD_LETTER)->count, 0);
    audit_free(audit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_is_weighed_by_itself),
        cmocka_unit_test(what_cannot_be_kept_is_told),
        cmocka_unit_test(records_are_counted_by_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
