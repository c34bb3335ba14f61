/**
 * answer - what TikTok's answer to a batch means for each of its events.
 *
 * The body's integer `code` outranks the HTTP status; only 0 is delivered. The whole
 * code table (reference 4.3) is data with defaults; `codes:` in the configuration
 * changes single entries. 40002 naming an item index is that item's fault; a 40002
 * about the request itself (event_source, event_source_id, number of items) is nobody's:
 * hold, or split. 20001 settles each event by its own result where the body has an
 * unambiguous list of indexes or event ids; an event that cannot be told is resent alone.
 * The body is at most 64 KiB, parsed by jansson with duplicates refused; anything
 * hostile in it is VERDICT_RETRY by status, never delivered.
 */
#ifndef TIKTOK_ANSWER_H
#define TIKTOK_ANSWER_H

#include "config/config.h"
#include "event/verdict.h"

struct tiktok_codes;
struct tiktok_codes *tiktok_codes_compile(const struct config_destination *destination,
                                          struct diags *diags);
void tiktok_codes_free(struct tiktok_codes *codes);

/* How the rest of the batch goes on. */
enum answer_scope {
    SCOPE_BATCH, /* verdict holds for every event (REJECTED only where a source id that came from
                    the events is refused) */
    SCOPE_ITEM,  /* REJECTED: only `item`; the rest is resent at once */
    SCOPE_SPLIT, /* REJECTED (or UNKNOWN) with no culprit named: halve, unless it is a single event
                  */
    SCOPE_EACH,  /* 20001: see each[]; the verdict is DELIVERED only to say that the answer itself
                    was  in order */
};

struct item_result {
    enum verdict verdict;
    int32_t code; /* 0 when none was given */
};

struct tiktok_answer {
    enum verdict verdict;
    enum answer_scope scope;
    size_t item;         /* SCOPE_ITEM */
    int32_t code;        /* body code; INT32_MIN when there was none */
    bool has_code;       /* a parsed integer code: a life sign */
    char request_id[64]; /* printable ASCII only; empty when none */
    char text[160];      /* our words plus the vendor's field name; no payload, no personal data */
};

/** Event ids of the batch in order, so that 20001 results can be matched. */
struct answer_batch {
    const struct span *event_ids;
    size_t count;
    struct item_result *each; /* count entries, filled for SCOPE_EACH */
};

/** @status 0: no HTTP answer at all (then RETRY). */
void tiktok_answer_read(const struct tiktok_codes *codes, int status, struct span body,
                        const struct answer_batch *batch, struct tiktok_answer *out);

#endif /* TIKTOK_ANSWER_H */
