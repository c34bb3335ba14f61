/**
 * corrupt - good records made bad, in the ways that bytes go bad in real topics.
 */
#ifndef TRIAL_CORRUPT_H
#define TRIAL_CORRUPT_H

#include "base/buf.h"
#include "base/rng.h"
#include "config/config.h"
#include "schema/decoder.h"

enum bad_kind {
    BAD_NONE,
    BAD_TRUNCATED, /* the end is missing */
    BAD_MAGIC,     /* the framing's first byte is wrong */
    BAD_SCHEMA_ID, /* an id or fingerprint nobody knows */
    BAD_TRAILING,  /* bytes behind the end */
    BAD_UTF8,      /* a text that is not UTF-8 */
    BAD_INDEX,     /* a union branch or enum symbol that does not exist */
    BAD_EMPTY,     /* no bytes */
    BAD_NULL,      /* no value (a tombstone) */
    BAD_RANDOM,    /* chance */
    BAD_HUGE,      /* far more bytes than an event has */
    BAD_KIND_COUNT,
};

struct corrupt {
    enum framing framing;
    struct span header; /* the framing in front of the Avro bytes */
    const struct type *type;
    const struct value *root;
    struct arena *arena;
    size_t huge_bytes;
};

const char *bad_word(enum bad_kind kind);
/** A record of @kind into @out, made from corrupt->root; false when this schema or framing cannot
 * be made bad so (raw bytes have no magic byte). BAD_NULL leaves @out empty. */
bool corrupt_write(const struct corrupt *corrupt, enum bad_kind kind, struct rng *rng,
                   struct buf *out);

#endif /* TRIAL_CORRUPT_H */
