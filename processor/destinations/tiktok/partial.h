/**
 * partial - the answer 20001: which events of the batch failed, and how.
 *
 * No source shows its layout, so every list that has been seen guessed is looked for; what the
 * answer does not tell beyond doubt is left for a resend.
 */
#ifndef DESTINATIONS_TIKTOK_PARTIAL_H
#define DESTINATIONS_TIKTOK_PARTIAL_H

#include <jansson.h>

#include "destinations/tiktok/codes.h"

/** Fill @batch->each. Gives how many events the answer does not tell (they are VERDICT_RETRY). */
size_t partial_read(const struct tiktok_codes *codes, const json_t *root,
                    const struct answer_batch *batch);

#endif /* DESTINATIONS_TIKTOK_PARTIAL_H */
