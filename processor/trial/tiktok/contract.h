/**
 * contract - is this body what the Events API takes?
 *
 * The checks of an Events API 2.0 body and of the four Events 1.0 bodies, in the
 * service's order and with its texts where they are known (docs/simulator.md says which
 * are). What the service swallows silently is collected as warnings; strict mode
 * refuses it, for tests of the sender.
 */
#ifndef TRIAL_TIKTOK_CONTRACT_H
#define TRIAL_TIKTOK_CONTRACT_H

#include <jansson.h>

#include "base/span.h"

enum track_api {
    API_EVENT_TRACK, /* 2.0 */
    API_PIXEL_TRACK, /* 1.0, one event */
    API_PIXEL_BATCH,
    API_OFFLINE_TRACK,
    API_OFFLINE_BATCH,
    API_COUNT,
};

enum warning {
    WARNING_NO_PAGE_URL, /* web without page.url */
    WARNING_NOT_HASHED,  /* not 64 lower-case hex digits where a hash belongs */
    WARNING_NULL,        /* a member that is null */
    WARNING_TIME,        /* event_time outside [now - 28 days, now + 10 minutes] */
    WARNING_IP,          /* not a public address */
    WARNING_CURRENCY,    /* not in the list of currencies */
    WARNING_NO_EVENT_ID, /* cannot be deduplicated */
    WARNING_TEST_CODE,   /* test_event_code: the event goes to the test tab */
    WARNING_COUNT,
};
const char *warning_word(enum warning warning);

struct contract_check {
    enum track_api api;
    bool is_strict;
    bool is_index_named; /* the text of a refused item names its position */
    int64_t wall_ms;
};

struct contract_result {
    int32_t code; /* 0: fine */
    char message[256];
    struct span source_id; /* in the body; ptr NULL when it has none */
    const json_t *items;   /* the array of events; NULL for a 1.0 body that is one event itself */
    uint64_t warnings[WARNING_COUNT];
};

/** The API of @path, or API_COUNT when it is none. */
enum track_api contract_api(struct span path);
/** What is needed before the checks: source id, items. @root may be NULL (not JSON). */
void contract_look(enum track_api api, const json_t *root, struct contract_result *out);
/** Checks before the one whether the token may use the source id. */
void contract_check_head(const struct contract_check *check, const json_t *root,
                         struct contract_result *result);
/** Checks after it: the items. */
void contract_check_items(const struct contract_check *check, const json_t *root,
                          struct contract_result *result);
/** The @index-th event of a body; NULL past the end. */
const json_t *contract_item(const struct contract_result *result, const json_t *root, size_t index);
size_t contract_item_count(const struct contract_result *result, const json_t *root);
struct span json_span(const json_t *string); /* SPAN_NONE when it is no string */

#endif /* TRIAL_TIKTOK_CONTRACT_H */
