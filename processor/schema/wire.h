/**
 * wire - the interpreter's state, and reading one number or text off the message.
 *
 * Private to this room, shared by program_run.c (the steps) and loop.c (what has a frame). Inline,
 * because these few lines are most of what decoding costs. Every reader takes the place
 * in the message and gives the place behind what it read, or NULL when it is refused.
 */
#ifndef SCHEMA_WIRE_H
#define SCHEMA_WIRE_H

#include <endian.h>
#include <string.h>

#include "base/utf8.h"
#include "schema/program.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { VARINT_BYTES_MAX = 10, INT_BYTES_MAX = 5 };

typedef const unsigned char *place; /* in the message; NULL: refused */

struct decode_frame {
    const struct op *op;     /* the loop or call that opened it */
    const struct loop *loop; /* NULL for a call */
    struct value *base;      /* to go back to */
    struct value *items;
    struct value *block; /* of the next item, when items are records */
    place block_end;     /* what the wire says, or NULL */
    uint32_t len, cap;   /* items so far, room */
    uint32_t left;       /* of the wire's block */
    uint32_t depth;      /* to go back to */
};

struct decode_run {
    const struct decoder *decoder;
    struct arena *arena;
    place end;
    const struct op *next; /* a step that goes elsewhere: the step before the next one ... */
    struct value *base;    /* ... and its base */
    uint32_t depth;        /* containers around the function that runs */
    uint32_t items_left;
    uint32_t frame_count;
    enum err_code rc; /* why it was refused: code, text, step and place */
    const char *why;
    const struct op *failed;
    place failed_at;
    struct value sink[2];
    struct decode_frame frames[DECODE_DEPTH_MAX];
};

struct wire_number {
    place p;
    int64_t n;
};

/** Note why and where, and give NULL. */
place wire_fail(struct decode_run *r, const struct op *op, place p, enum err_code rc,
                const char *why) __attribute__((cold));
/** A number of more than one byte, or none. */
struct wire_number wire_long(struct decode_run *r, const struct op *op, place p);

static inline int64_t unzigzag(uint64_t n)
{
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

static inline struct wire_number take_long(struct decode_run *r, const struct op *op, place p)
{
    if (LIKELY(p < r->end && *p < 0x80)) {
        return (struct wire_number){.p = p + 1, .n = unzigzag(*p)};
    }
    return wire_long(r, op, p);
}

static inline struct wire_number take_int(struct decode_run *r, const struct op *op, place p)
{
    struct wire_number number;

    if (LIKELY(p < r->end && *p < 0x80)) {
        return (struct wire_number){.p = p + 1, .n = unzigzag(*p)};
    }
    number = wire_long(r, op, p);
    if (number.p != NULL && (number.p - p > INT_BYTES_MAX || number.n != (int32_t)number.n)) {
        number.p = wire_fail(r, op, p, ERR_DATA, "an int has more than 32 bits");
    }
    return number;
}

static inline uint64_t load64(place p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

/* Most text is short and ASCII. The last load overlaps the one before, so that nothing behind the
 * text is read. */
static inline bool is_ascii(place p, size_t len)
{
    const uint64_t high = 0x8080808080808080u;

    if (len >= 16) {
#ifdef __SSE2__
        __m128i all = _mm_loadu_si128((const __m128i *)(const void *)(p + len - 16));

        for (size_t i = 0; i + 16 < len; i += 16) {
            all = _mm_or_si128(all, _mm_loadu_si128((const __m128i *)(const void *)(p + i)));
        }
        return _mm_movemask_epi8(all) == 0;
#else
        uint64_t all = load64(p + len - 8);

        for (size_t i = 0; i + 8 < len; i += 8) {
            all |= load64(p + i);
        }
        return (all & high) == 0;
#endif
    }
    if (len >= 8) {
        return ((load64(p) | load64(p + len - 8)) & high) == 0;
    }
    if (len >= 4) {
        uint32_t first;
        uint32_t last;

        memcpy(&first, p, 4);
        memcpy(&last, p + len - 4, 4);
        return ((first | last) & (uint32_t)high) == 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static inline void put_head(struct value *v, uint32_t head)
{
    memcpy(v, &head, sizeof(head));
}

static inline place read_bytes(struct decode_run *r, const struct op *op, place p, struct value *v)
{
    struct wire_number len = take_long(r, op, p);

    if (UNLIKELY(len.p == NULL)) {
        return NULL;
    }
    if (UNLIKELY((uint64_t)len.n > (uint64_t)(r->end - len.p))) {
        return wire_fail(r, op, p, ERR_DATA,
                         len.n < 0 ? "a length is negative" : "a length goes past the end");
    }
    put_head(v, op->head);
    v->len = (uint32_t)len.n;
    v->p = (const char *)len.p;
    return len.p + len.n;
}

static inline __attribute__((always_inline)) place
read_text(struct decode_run *r, const struct op *op, place p, struct value *v)
{
    place behind = read_bytes(r, op, p, v);

    if (UNLIKELY(behind == NULL)) {
        return NULL;
    }
    if (UNLIKELY(!is_ascii((place)(const void *)v->p, v->len)) && !utf8_is_valid(v->p, v->len)) {
        return wire_fail(r, op, p, ERR_DATA, "text is not UTF-8");
    }
    return behind;
}

static inline place read_bool(struct decode_run *r, const struct op *op, place p, struct value *v)
{
    if (UNLIKELY(p == r->end)) {
        return wire_fail(r, op, p, ERR_DATA, "the message ends before a boolean");
    }
    if (UNLIKELY(*p > 1)) {
        return wire_fail(r, op, p, ERR_DATA, "a boolean is neither 0 nor 1");
    }
    put_head(v, op->head);
    v->i = *p;
    return p + 1;
}

static inline place read_int(struct decode_run *r, const struct op *op, place p, struct value *v)
{
    struct wire_number number = take_int(r, op, p);

    put_head(v, op->head);
    v->i = number.n;
    return number.p;
}

static inline place read_long(struct decode_run *r, const struct op *op, place p, struct value *v)
{
    struct wire_number number = take_long(r, op, p);

    put_head(v, op->head);
    v->i = number.n;
    return number.p;
}

/** Steps that open a frame, or go on in one. Each sets run->next and run->base. */
place loop_begin(struct decode_run *r, const struct op *op, place p, struct value *base);
place loop_next(struct decode_run *r, place p);
place call_begin(struct decode_run *r, const struct op *op, place p, struct value *base);
void call_end(struct decode_run *r);

/** One level deeper than the step's own (and @more) is past the bound. */
static inline bool is_too_deep(const struct decode_run *r, const struct op *op, uint32_t more)
{
    return r->depth + op->x + more > DECODE_DEPTH_MAX;
}

#endif /* SCHEMA_WIRE_H */
