#include "trial/corrupt.h"

#include <string.h>

static const char *const bad_words[BAD_KIND_COUNT] = {
    [BAD_NONE] = "good",           [BAD_TRUNCATED] = "truncated", [BAD_MAGIC] = "magic",
    [BAD_SCHEMA_ID] = "schema_id", [BAD_TRAILING] = "trailing",   [BAD_UTF8] = "utf8",
    [BAD_INDEX] = "index",         [BAD_EMPTY] = "empty",         [BAD_NULL] = "null",
    [BAD_RANDOM] = "random",       [BAD_HUGE] = "huge",
};

const char *bad_word(enum bad_kind kind)
{
    PRE((unsigned)kind < BAD_KIND_COUNT);
    return bad_words[kind];
}

/* A record's bytes are its fields' bytes one after another, so one part can be written wrong and
 * the rest right. Records nest as deep as the schema says, at most 64. */
static void write_bad_index(const struct value *value, const struct type *type, bool *is_done,
                            struct buf *out)
{
    if (!*is_done && (type->kind == TYPE_UNION || type->kind == TYPE_ENUM)) {
        buf_add(out, "\xfe\x03", 2); /* 255: more than a union or our enums have */
        *is_done = true;
    } else if (!*is_done && type->kind == TYPE_RECORD) {
        for (size_t i = 0; i < type->field_count; i++) {
            write_bad_index(&value->items[i], type->fields[i].type, is_done, out);
        }
    } else {
        value_encode(value, type, out);
    }
}

/* The first text that is not empty gets a byte no UTF-8 text has. */
static void write_bad_text(const struct value *value, const struct type *type, struct arena *arena,
                           bool *is_done, struct buf *out)
{
    struct value bad = *value;
    struct span copy = SPAN_NONE;

    if (!*is_done && type->kind == TYPE_RECORD) {
        for (size_t i = 0; i < type->field_count; i++) {
            write_bad_text(&value->items[i], type->fields[i].type, arena, is_done, out);
        }
        return;
    }
    if (!*is_done && value->kind == VALUE_STRING && value->len > 0) {
        copy = arena_copy(arena, value_text(value));
    }
    if (copy.ptr != NULL) {
        bad.p = copy.ptr;
        *(char *)(uintptr_t)copy.ptr = (char)0xff; /* the copy is ours */
        *is_done = true;
    }
    value_encode(&bad, type, out);
}

static void write_random(const struct corrupt *corrupt, struct rng *rng, struct buf *out)
{
    size_t bytes = 16 + (size_t)rng_below(rng, 240);

    for (size_t i = 0; i < bytes; i++) {
        buf_add_char(out, (char)rng_next(rng));
    }
    if (corrupt->framing == FRAMING_CONFLUENT && out->ptr[0] == 0) {
        out->ptr[0] = 1;
    }
}

static void write_good(const struct corrupt *corrupt, struct buf *out)
{
    buf_add_span(out, corrupt->header);
    value_encode(corrupt->root, corrupt->type, out);
}

static bool truncate(const struct corrupt *corrupt, struct rng *rng, struct buf *out)
{
    size_t payload;

    write_good(corrupt, out);
    payload = out->len - corrupt->header.len;
    if (payload == 0) {
        return false;
    }
    buf_truncate(out, corrupt->header.len + (size_t)rng_below(rng, payload));
    return out->len > 0;
}

bool corrupt_write(const struct corrupt *corrupt, enum bad_kind kind, struct rng *rng,
                   struct buf *out)
{
    bool is_done = false;

    buf_clear(out);
    switch (kind) {
    case BAD_TRUNCATED:
        return truncate(corrupt, rng, out);
    case BAD_MAGIC:
        write_good(corrupt, out);
        out->ptr[0] = (char)(corrupt->framing == FRAMING_CONFLUENT ? 0x7b : 0x00);
        return corrupt->header.len > 0;
    case BAD_SCHEMA_ID:
        write_good(corrupt, out);
        if (corrupt->header.len > 4) { /* 1 + 4 bytes of id, or 2 + 8 of fingerprint */
            memset(out->ptr + corrupt->header.len - 4, 0x7f, 4);
        }
        return corrupt->header.len > 4;
    case BAD_TRAILING:
        write_good(corrupt, out);
        buf_add(out, "tail", 1 + (size_t)rng_below(rng, 4));
        return true;
    case BAD_UTF8:
        buf_add_span(out, corrupt->header);
        write_bad_text(corrupt->root, corrupt->type, corrupt->arena, &is_done, out);
        return is_done;
    case BAD_INDEX:
        buf_add_span(out, corrupt->header);
        write_bad_index(corrupt->root, corrupt->type, &is_done, out);
        return is_done;
    case BAD_EMPTY:
    case BAD_NULL:
        return true;
    case BAD_RANDOM:
        write_random(corrupt, rng, out);
        return true;
    case BAD_HUGE:
        write_good(corrupt, out);
        while (out->len < corrupt->huge_bytes) {
            buf_add(out, "detour sends huge records as well", 33);
        }
        return true;
    case BAD_NONE:
    case BAD_KIND_COUNT:
        break;
    }
    return false;
}
