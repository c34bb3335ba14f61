/**
 * member - one value as TikTok's field takes it, appended as JSON.
 *
 * Ids become strings, values numbers, identifiers hashes, currencies and words those of the list;
 * what cannot be made so is not written. Direct appends: no allocation but the scratch.
 */
#ifndef DESTINATIONS_TIKTOK_MEMBER_H
#define DESTINATIONS_TIKTOK_MEMBER_H

#include "destinations/tiktok/fields.h"
#include "event/origin.h"

struct tiktok_scratch {
    struct sha256 *sha; /* owned */
    struct buf normal;  /* one identifier, normalised */
};

struct member_writer {
    struct tiktok_scratch *scratch;
    struct arena *arena;
    struct buf *out;
    struct span country; /* two letters or absent: for phone and zip code */
    uint32_t left_out;   /* single elements of lists that were unusable */
};

/** False when @value is unusable for @field: what was appended by then is the caller's to cut off.
 */
NODISCARD bool member_write(struct member_writer *writer, const struct tiktok_field *field,
                            const struct origin_value *value);

/** Would this text, as a constant, ever be written for @field? (identifiers: in any country) */
bool member_takes_text(const struct tiktok_field *field, struct span text);

#endif /* DESTINATIONS_TIKTOK_MEMBER_H */
