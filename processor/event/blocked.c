#include "event/blocked.h"

static const char *const block_words[BLOCK_REASON_COUNT] = {
    [BLOCK_IN_FLIGHT_EVENTS] = "in_flight_events",
    [BLOCK_IN_FLIGHT_BYTES] = "in_flight_bytes",
    [BLOCK_WINDOW] = "window",
    [BLOCK_SCHEMA_REGISTRY] = "schema_registry",
    [BLOCK_DEAD_LETTER] = "dead_letter",
    [BLOCK_ALTERNATE] = "alternate",
    [BLOCK_LEDGER] = "ledger",
    [BLOCK_GAP] = "gap",
    [BLOCK_END] = "end",
    [BLOCK_BACKFILL] = "backfill",
    [BLOCK_UNREADABLE] = "unreadable",
    [BLOCK_AUTHORIZATION] = "authorization",
    [BLOCK_TOPIC] = "topic",
    [BLOCK_CLIENT] = "client_error",
};

const char *block_word(enum block_reason reason)
{
    PRE((size_t)reason < COUNT_OF(block_words));
    return block_words[reason];
}
