/**
 * answer - what TikTok's answer to a batch means for each of its events.
 *
 * The body's integer `code` outranks the HTTP status; only 0 is delivered. The whole
 * code table (reference 4.3) is data with defaults; `codes:` in the configuration
 * changes single entries. 40002 naming an item index is that item's fault; a 40002
 * about the request itself (event_source, event_source_id, number of items) is nobody's:
 * hold, or split. 20001 settles each event by its own result where the body has an
 * unambiguous list of indexes or event ids; an event that cannot be told is resent alone.
 * The body is as long as batch.answer_bytes allows, parsed by jansson with duplicates refused;
 * anything hostile in it is VERDICT_RETRY by status, never delivered.
 */
#ifndef DESTINATIONS_TIKTOK_ANSWER_H
#define DESTINATIONS_TIKTOK_ANSWER_H

#include "destinations/tiktok/options.h"
#include "event/answer.h"

struct tiktok_codes;
struct tiktok_codes *tiktok_codes_compile(const struct config_destination *destination,
                                          struct diags *diags);
void tiktok_codes_free(struct tiktok_codes *codes);

/** @status 0: no HTTP answer at all (then RETRY). */
void tiktok_answer_read(const struct tiktok_codes *codes, int status, struct span body,
                        const struct answer_batch *batch, struct answer *out);
/** An answer that was longer than we read, by its @beginning: nothing is delivered by it. */
void tiktok_answer_read_cut(const struct tiktok_codes *codes, int status, struct span beginning,
                            struct answer *out);

#endif /* DESTINATIONS_TIKTOK_ANSWER_H */
