/* The words that leave the program: headers, metrics and scripts rely on each one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/blocked.h"
#include "event/verdict.h"

static const struct {
    enum reason reason;
    const char *word;
} reason_rows[] = {
    {REASON_SCHEMA_UNKNOWN, "schema_unknown"},
    {REASON_SCHEMA_INCOMPATIBLE, "schema_incompatible"},
    {REASON_DECODE_FAILED, "decode_failed"},
    {REASON_CONTRACT, "contract"},
    {REASON_UNMATCHED, "unmatched"},
    {REASON_REJECTED, "rejected"},
    {REASON_RETRIES_EXHAUSTED, "retries_exhausted"},
    {REASON_EXPIRED, "expired"},
    {REASON_UNKNOWN_VERDICT, "unknown_verdict"},
    {REASON_TOO_LARGE, "too_large"},
    {REASON_OUTAGE, "outage"},
    {REASON_THROTTLED, "throttled"},
    {REASON_CREDENTIAL, "credential"},
    {REASON_REJECT_STORM, "reject_storm"},
    {REASON_TOO_OLD, "too_old"},
};

static void every_reason_has_a_word_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(COUNT_OF(reason_rows), REASON_COUNT - 1);
    for (size_t i = 0; i < COUNT_OF(reason_rows); i++) {
        assert_string_equal(reason_word(reason_rows[i].reason), reason_rows[i].word);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(reason_rows[i].word, reason_rows[j].word);
        }
    }
}

static void verdicts_outcomes_and_blocks_have_the_words_of_the_contract(void **state)
{
    static const char *const verdicts[] = {"delivered", "rejected", "retry",
                                           "throttled", "hold",     "unknown"};
    static const char *const outcomes[] = {"never_sent", "rejected", "ambiguous"};
    static const char *const blocks[] = {"in_flight_events",
                                         "in_flight_bytes",
                                         "window",
                                         "schema_registry",
                                         "dead_letter",
                                         "alternate",
                                         "ledger",
                                         "gap",
                                         "end",
                                         "backfill",
                                         "unreadable",
                                         "authorization",
                                         "topic",
                                         "client_error"};

    (void)state;
    assert_int_equal(COUNT_OF(verdicts), VERDICT_COUNT);
    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        assert_string_equal(verdict_word((enum verdict)i), verdicts[i]);
    }
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        assert_string_equal(outcome_word((enum outcome)i), outcomes[i]);
    }
    assert_int_equal(COUNT_OF(blocks), BLOCK_REASON_COUNT);
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        assert_string_equal(block_word((enum block_reason)i), blocks[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_a_word_of_its_own),
        cmocka_unit_test(verdicts_outcomes_and_blocks_have_the_words_of_the_contract),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
