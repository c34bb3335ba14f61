/**
 * parts - a dead letter that is larger than its topic takes, in several records.
 *
 * It has three pieces: the original's headers, its key, its value. As a rule only the value is
 * cut, and every record has the headers and the key. Where these are what is too large, they
 * become pieces as well, cut as the value is, and stand in front of it. Pure arithmetic.
 */
#ifndef DELIVER_PARTS_H
#define DELIVER_PARTS_H

#include "base/base.h"

enum piece { PIECE_HEADERS, PIECE_KEY, PIECE_VALUE, PIECE_COUNT };

struct parts {
    uint32_t bytes;                /* of a part at most; 0: all is in one record */
    bool is_apart[PIECE_COUNT];    /* not in every record; the value always is, once it is cut */
    size_t piece_len[PIECE_COUNT]; /* of those that are apart, as they are written */
};

/* One of them. */
struct part {
    enum piece piece;
    size_t from, to;
};

/** Smaller parts, or fewer bytes beside them. @lens: what headers, key and value take. False: none
 * are smaller. The caller then sets piece_len of what has come apart. */
bool parts_shrink(struct parts *parts, const size_t lens[PIECE_COUNT]);
/** How many there are; 0: all is in one record. */
uint32_t parts_count(const struct parts *parts);
/** The one at @index < parts_count(). */
struct part parts_at(const struct parts *parts, uint32_t index);
/** "headers", "key", "value". */
const char *piece_word(enum piece piece);

#endif /* DELIVER_PARTS_H */
