/**
 * json_logical - decimals, dates and timestamps as a person writes them: 12.30, 2026-01-31.
 *
 * Avro's own JSON has a decimal as the bytes of its unscaled number, which nobody types, and in
 * which "12.30" would be five bytes of another number. Private to this room.
 *
 * Owns nothing; any thread.
 */
#ifndef SCHEMA_JSON_LOGICAL_H
#define SCHEMA_JSON_LOGICAL_H

#include "base/arena.h"
#include "schema/memory.h"

enum hand_reading {
    HAND_OTHER, /* nothing of this kind: read it as any JSON */
    HAND_READ,
    HAND_WRONG, /* *why says what it is that does not fit */
    HAND_NO_ROOM,
};

enum hand_reading logical_from_json(const json_t *node, const struct type *type,
                                    struct arena *arena, struct value *out, const char **why);

#endif /* SCHEMA_JSON_LOGICAL_H */
