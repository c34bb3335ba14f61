/**
 * decoder - (writer, reader) compiled into one flat program; wire bytes in, a value out.
 *
 * Full Avro resolution: field order, missing fields by default, skipping, promotions
 * (int->long->float->double, string<->bytes), aliases, enum by name with the reader's
 * default, unions on either side. The interpreter is a loop with its own bounded stack:
 * no recursion, no allocation but from @arena. Refused with ERR_DATA: anything cut,
 * trailing bytes, bad UTF-8, bool not 0/1, varints too long or out of range, enum or
 * union index out of range, negative lengths, block sizes that lie, unresolvable enum
 * symbol or union branch. Refused with ERR_LIMIT: depth > 64, > 100,000 items in all
 * (counted also for zero-size items), value > 16 MiB, arena exhausted.
 *
 * Named types match by their names without namespace, or by an alias of the reader's; the
 * names of two root records need not agree, because which reader goes with which writer is
 * the configuration's choice. Of a union of the reader the very same type is taken before
 * the first that is a promotion. A writer's branch or symbol that the reader cannot take
 * is an error only in the message that has it. A map keeps its entries in the order of
 * the wire, a key that stands twice included.
 *
 * A decoder is immutable after compile and shared by all workers.
 */
#ifndef SCHEMA_DECODER_H
#define SCHEMA_DECODER_H

#include "base/arena.h"
#include "schema/schema.h"

enum { DECODE_DEPTH_MAX = 64, DECODE_ITEMS_MAX = 100000 };

struct decoder;

/** ERR_DATA with the path and the reason when the writer cannot be read as the reader. Keeps
 * neither schema's memory except what values point to (symbols, defaults): the reader must outlive
 * the decoder's values. */
NODISCARD enum err_code decoder_compile(const struct schema *writer, const struct schema *reader,
                                        struct decoder **out, struct err *err);
void decoder_free(struct decoder *decoder);

/** Decode all of @bytes. On failure err says what and at which byte, with no payload text. */
NODISCARD enum err_code decoder_run(const struct decoder *decoder, struct span bytes,
                                    struct arena *arena, struct value *out, struct err *err);

/** The value as JSON, for people (explain, dlq show) and the generic HTTP body. Bytes and fixed as
 * latin-1 escapes as Avro's JSON encoding does; unions without the branch wrapper. */
void value_to_json(const struct value *value, const struct type *type, struct buf *out);
/** The same for those who know no schema: decimals are numbers. */
void value_to_plain_json(const struct value *value, const struct type *type, struct buf *out);
/* What is not to be shown of a value. */
struct json_mask {
    /** Append JSON that stands for the value at @path, or for the key @text of a map there; false:
     * it is shown. @path: the names from the root on, "" for that itself and for elements of
     * arrays. @text: of texts and bytes, else absent. */
    bool (*replace)(const void *context, const struct span *path, size_t depth, struct span text,
                    struct buf *out);
    const void *context;
};
/** As value_to_plain_json(), without what @mask hides (NULL: nothing). */
void value_to_masked_json(const struct value *value, const struct type *type,
                          const struct json_mask *mask, struct buf *out);
/** Build a value of @type from JSON text: unions take the first branch that fits; fields left out
 * get their default. ERR_DATA says where and what was wanted. A key that holds a NUL cannot be
 * written in JSON here. */
NODISCARD enum err_code value_from_json(struct span json, const struct type *type,
                                        struct arena *arena, struct value *out, struct err *err);
/** The same from what people write, in route tests: decimals as numbers, or as text where they have
 * more digits than a double; dates and timestamps as ISO 8601 text or as the number that is stored.
 */
NODISCARD enum err_code value_from_handwriting(struct span json, const struct type *type,
                                               struct arena *arena, struct value *out,
                                               struct err *err);
/** Avro binary of @value under @type (generator, tests). */
void value_encode(const struct value *value, const struct type *type, struct buf *out);

#endif /* SCHEMA_DECODER_H */
