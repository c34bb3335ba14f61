/**
 * normalise - identifiers as TikTok matches them (reference section 5), before hashing.
 *
 * Each gives the normalised text in @out (cleared first), or false when nothing usable is left:
 * empty, more than 1 KiB, the word null or undefined, another hash (32 hex digits), not of the
 * kind.
 */
#ifndef DESTINATIONS_TIKTOK_NORMALISE_H
#define DESTINATIONS_TIKTOK_NORMALISE_H

#include "base/buf.h"

enum identifier {
    IDENTIFIER_EMAIL,
    IDENTIFIER_PHONE, /* needs a default country for national numbers */
    IDENTIFIER_EXTERNAL_ID,
    IDENTIFIER_NAME,  /* first_name, last_name */
    IDENTIFIER_ZIP,   /* needs the country for the US rule */
    IDENTIFIER_PLACE, /* city, state, country: normalised, not hashed */
    IDENTIFIER_IDFA,
    IDENTIFIER_GAID,
    IDENTIFIER_COUNTRY, /* exactly two letters; not hashed */
};

/** @country: two letters or absent. Already hashed input comes out lower-cased: look with
 * identifier_is_hashed() and do not hash it again. */
bool identifier_normalise(enum identifier kind, struct span raw, struct span country,
                          struct buf *out);
/** Exactly 64 hex digits after trimming: already hashed. */
bool identifier_is_hashed(struct span raw);

struct sha256; /* a reusable context; one per thread */
struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *sha);
/** 64 lower-case hex digits. */
void sha256_hex(struct sha256 *sha, struct span text, char out[64]);

#endif /* DESTINATIONS_TIKTOK_NORMALISE_H */
