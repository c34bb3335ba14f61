/**
 * canonical - the parsing canonical form of Avro and its fingerprint. Private to this room.
 *
 * Pure: the buffer is the caller's, any thread, nothing fails but the maximum of the buffer.
 */
#ifndef SCHEMA_CANONICAL_H
#define SCHEMA_CANONICAL_H

#include "base/buf.h"
#include "schema/schema.h"

void schema_canonical(const struct type *root, struct buf *out);
/** CRC-64-AVRO (the Rabin fingerprint of the specification) of @bytes. */
uint64_t crc64_avro(struct span bytes);

#endif /* SCHEMA_CANONICAL_H */
