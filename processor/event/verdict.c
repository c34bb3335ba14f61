#include "event/verdict.h"

static const char *const verdict_words[VERDICT_COUNT] = {
    [VERDICT_DELIVERED] = "delivered", [VERDICT_REJECTED] = "rejected",
    [VERDICT_RETRY] = "retry",         [VERDICT_THROTTLED] = "throttled",
    [VERDICT_HOLD] = "hold",           [VERDICT_UNKNOWN] = "unknown",
};

static const char *const outcome_words[] = {
    [OUTCOME_NEVER_SENT] = "never_sent",
    [OUTCOME_REJECTED] = "rejected",
    [OUTCOME_AMBIGUOUS] = "ambiguous",
};

/* REASON_NONE has a word for people only. */
static const char *const reason_words[REASON_COUNT] = {
    [REASON_NONE] = "none",
    [REASON_SCHEMA_UNKNOWN] = "schema_unknown",
    [REASON_SCHEMA_INCOMPATIBLE] = "schema_incompatible",
    [REASON_DECODE_FAILED] = "decode_failed",
    [REASON_CONTRACT] = "contract",
    [REASON_UNMATCHED] = "unmatched",
    [REASON_REJECTED] = "rejected",
    [REASON_RETRIES_EXHAUSTED] = "retries_exhausted",
    [REASON_EXPIRED] = "expired",
    [REASON_UNKNOWN_VERDICT] = "unknown_verdict",
    [REASON_TOO_LARGE] = "too_large",
    [REASON_OUTAGE] = "outage",
    [REASON_THROTTLED] = "throttled",
    [REASON_CREDENTIAL] = "credential",
    [REASON_REJECT_STORM] = "reject_storm",
    [REASON_TOO_OLD] = "too_old",
};

const char *verdict_word(enum verdict verdict)
{
    PRE((size_t)verdict < COUNT_OF(verdict_words));
    return verdict_words[verdict];
}

const char *outcome_word(enum outcome outcome)
{
    PRE((size_t)outcome < COUNT_OF(outcome_words));
    return outcome_words[outcome];
}

const char *reason_word(enum reason reason)
{
    PRE((size_t)reason < COUNT_OF(reason_words));
    return reason_words[reason];
}

static const struct {
    const char *word, *text;
} skips[SKIP_COUNT] = {
    [SKIP_NONE] = {"none", ""},
    [SKIP_NOT_SELECTED] = {"not_selected", "not in the selection"},
    [SKIP_ROUTE_GONE] = {"route_gone", "its route is not in the configuration (--reroute)"},
    [SKIP_LEG_GONE] = {"leg_gone", "no leg of its route begins at its destination (--reroute)"},
    [SKIP_ELSEWHERE] = {"elsewhere", "today's routes send it another way (--reroute)"},
    [SKIP_AMBIGUOUS] = {"ambiguous", "may be there already, older than 48 h (--allow-duplicates)"},
    [SKIP_TOO_OLD] = {"too_old", "older than max_age of its destination"},
    [SKIP_UNDECODED] = {"undecoded", "cannot be decoded, so --where or --event cannot judge it"},
    [SKIP_PARKED] = {"parked", "replayed too often, parked (--max-replays)"},
    [SKIP_IN_PARTS] = {"in_parts", "in parts that are not all there"},
    [SKIP_DECIDED] = {"decided", "skipped by an operator's decision (--decided)"},
    [SKIP_EXPORTED] = {"exported", "exported already (--decided)"},
};

const char *skip_word(enum skip_reason skip)
{
    PRE((size_t)skip < SKIP_COUNT);
    return skips[skip].word;
}

const char *skip_text(enum skip_reason skip)
{
    PRE((size_t)skip < SKIP_COUNT);
    return skips[skip].text;
}
