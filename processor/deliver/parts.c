#include "deliver/parts.h"

enum {
    BYTES_FIRST = 512 * 1024,
    BYTES_LEAST = 512,
    BESIDE_MANY =
        16 * 1024,     /* headers and key that are worth to be put apart before anything else */
    APART_LEAST = 256, /* less than that of a piece makes no difference */
};

static const char *const words[PIECE_COUNT] = {"headers", "key", "value"};

const char *piece_word(enum piece piece)
{
    PRE(piece < PIECE_COUNT);
    return words[piece];
}

/* Headers and key, where each record still has them. */
static size_t beside(const struct parts *parts, const size_t lens[PIECE_COUNT])
{
    size_t bytes = 0;

    for (size_t i = 0; i < PIECE_VALUE; i++) {
        bytes += parts->is_apart[i] || lens[i] < APART_LEAST ? 0 : lens[i];
    }
    return bytes;
}

static void put_apart(struct parts *parts, const size_t lens[PIECE_COUNT])
{
    for (size_t i = 0; i < PIECE_VALUE; i++) {
        parts->is_apart[i] = parts->is_apart[i] || lens[i] >= APART_LEAST;
    }
}

bool parts_shrink(struct parts *parts, const size_t lens[PIECE_COUNT])
{
    bool is_first = parts->bytes == 0;

    if (beside(parts, lens) >= BESIDE_MANY ||
        (parts->bytes == BYTES_LEAST && beside(parts, lens) > 0)) {
        put_apart(parts, lens);
        parts->bytes = is_first ? BYTES_FIRST : parts->bytes;
        return true;
    }
    if (parts->bytes == BYTES_LEAST) {
        return false;
    }
    if (is_first) {
        parts->bytes = (uint32_t)MIN_OF(lens[PIECE_VALUE] / 2 + 1, (size_t)BYTES_FIRST);
    } else {
        parts->bytes /= 2;
    }
    parts->bytes = MAX_OF(parts->bytes, (uint32_t)BYTES_LEAST);
    return true;
}

/* An empty value has a part as well: it is not the same as none. */
static uint32_t count_of(const struct parts *parts, enum piece piece)
{
    size_t count = (parts->piece_len[piece] + parts->bytes - 1) / parts->bytes;

    if (piece != PIECE_VALUE && !parts->is_apart[piece]) {
        return 0;
    }
    return (uint32_t)MAX_OF(count, (size_t)1);
}

uint32_t parts_count(const struct parts *parts)
{
    uint32_t count = 0;

    for (size_t i = 0; i < PIECE_COUNT && parts->bytes > 0; i++) {
        count += count_of(parts, (enum piece)i);
    }
    return count;
}

struct part parts_at(const struct parts *parts, uint32_t index)
{
    struct part part = {.piece = PIECE_HEADERS};
    size_t len;

    PRE(index < parts_count(parts));
    while (index >= count_of(parts, part.piece)) {
        index -= count_of(parts, part.piece);
        part.piece = (enum piece)(part.piece + 1);
    }
    len = parts->piece_len[part.piece];
    part.from = MIN_OF((size_t)index * parts->bytes, len);
    part.to = MIN_OF(part.from + parts->bytes, len);
    return part;
}
