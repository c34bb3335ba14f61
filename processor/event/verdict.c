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
