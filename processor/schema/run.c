/*
 * The interpreter. One loop over the program's steps; every step takes the place in the message
 * and gives the place behind what it read, or NULL when the message is refused.
 *
 * The happy path: root block from the arena; each step writes its slot; a loop step opens a frame,
 * takes a block's count, and the body runs once for each item with the block or the item itself as
 * its base; a call opens a frame with a block of its own; at OP_HALT nothing may be left.
 *
 * Ways to fail: the message ends too early or goes on too long; a number, length, count, branch or
 * symbol is out of its range; text is not UTF-8; the writer's branch means nothing to the reader;
 * depth, items or memory reach their bound. All of them end in fail(), which notes where.
 */
#include <endian.h>
#include <string.h>

#include "base/utf8.h"
#include "schema/program.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { MESSAGE_BYTES_MAX = 16 * 1024 * 1024, VARINT_BYTES_MAX = 10, INT_BYTES_MAX = 5 };

typedef const unsigned char *place; /* in the message; NULL: refused */

struct frame {
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

struct run {
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
    struct frame frames[DECODE_DEPTH_MAX];
};

struct number {
    place p;
    int64_t n;
};

static __attribute__((noinline, cold)) place fail(struct run *r, const struct op *op, place p,
                                                  enum err_code rc, const char *why)
{
    r->rc = rc;
    r->why = why;
    r->failed = op;
    r->failed_at = p;
    return NULL;
}

static inline int64_t unzigzag(uint64_t n)
{
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

static __attribute__((noinline)) struct number take_long_slow(struct run *r, const struct op *op,
                                                              place p)
{
    place at = p;
    uint64_t n = 0;

    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++, at++) {
        if (at == r->end) {
            return (struct number){.p = fail(r, op, at, ERR_DATA, "the message ends too early")};
        }
        n |= (uint64_t)(*at & 0x7f) << (7 * i);
        if (*at < 0x80) {
            if (i == VARINT_BYTES_MAX - 1 && *at > 1) {
                break;
            }
            return (struct number){.p = at + 1, .n = unzigzag(n)};
        }
    }
    return (struct number){.p = fail(r, op, p, ERR_DATA, "a number has more than 64 bits")};
}

static inline struct number take_long(struct run *r, const struct op *op, place p)
{
    if (LIKELY(p < r->end && *p < 0x80)) {
        return (struct number){.p = p + 1, .n = unzigzag(*p)};
    }
    return take_long_slow(r, op, p);
}

static inline struct number take_int(struct run *r, const struct op *op, place p)
{
    struct number number;

    if (LIKELY(p < r->end && *p < 0x80)) {
        return (struct number){.p = p + 1, .n = unzigzag(*p)};
    }
    number = take_long_slow(r, op, p);
    if (number.p != NULL && (number.p - p > INT_BYTES_MAX || number.n != (int32_t)number.n)) {
        number.p = fail(r, op, p, ERR_DATA, "an int has more than 32 bits");
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

static inline place read_bytes(struct run *r, const struct op *op, place p, struct value *v)
{
    struct number len = take_long(r, op, p);

    if (UNLIKELY(len.p == NULL)) {
        return NULL;
    }
    if (UNLIKELY((uint64_t)len.n > (uint64_t)(r->end - len.p))) {
        return fail(r, op, p, ERR_DATA,
                    len.n < 0 ? "a length is negative" : "a length goes past the end");
    }
    put_head(v, op->head);
    v->len = (uint32_t)len.n;
    v->p = (const char *)len.p;
    return len.p + len.n;
}

static inline place read_text(struct run *r, const struct op *op, place p, struct value *v)
{
    place behind = read_bytes(r, op, p, v);

    if (UNLIKELY(behind == NULL)) {
        return NULL;
    }
    if (UNLIKELY(!is_ascii((place)(const void *)v->p, v->len)) && !utf8_is_valid(v->p, v->len)) {
        return fail(r, op, p, ERR_DATA, "text is not UTF-8");
    }
    return behind;
}

static inline place read_bool(struct run *r, const struct op *op, place p, struct value *v)
{
    if (UNLIKELY(p == r->end)) {
        return fail(r, op, p, ERR_DATA, "the message ends before a boolean");
    }
    if (UNLIKELY(*p > 1)) {
        return fail(r, op, p, ERR_DATA, "a boolean is neither 0 nor 1");
    }
    put_head(v, op->head);
    v->i = *p;
    return p + 1;
}

static inline place read_int(struct run *r, const struct op *op, place p, struct value *v)
{
    struct number number = take_int(r, op, p);

    put_head(v, op->head);
    v->i = number.n;
    return number.p;
}

static inline place read_long(struct run *r, const struct op *op, place p, struct value *v)
{
    struct number number = take_long(r, op, p);

    put_head(v, op->head);
    v->i = number.n;
    return number.p;
}

/* An int or long where the reader has float or double. An int's range is checked first. */
static place read_promoted(struct run *r, const struct op *op, place p, struct value *v)
{
    struct number number = op->code == OP_INT_TO_DOUBLE || op->code == OP_INT_TO_FLOAT
                               ? take_int(r, op, p)
                               : take_long(r, op, p);
    bool is_single = op->code == OP_INT_TO_FLOAT || op->code == OP_LONG_TO_FLOAT;

    put_head(v, op->head);
    v->d = is_single ? (double)(float)number.n : (double)number.n;
    return number.p;
}

static place read_float(struct run *r, const struct op *op, place p, struct value *v)
{
    uint32_t bits;
    float number;

    if (r->end - p < (ptrdiff_t)sizeof(bits)) {
        return fail(r, op, p, ERR_DATA, "the message ends in a float");
    }
    memcpy(&bits, p, sizeof(bits));
    bits = le32toh(bits);
    memcpy(&number, &bits, sizeof(number));
    put_head(v, op->head);
    v->d = (double)number;
    return p + sizeof(bits);
}

static inline place read_double(struct run *r, const struct op *op, place p, struct value *v)
{
    uint64_t bits;

    if (UNLIKELY(r->end - p < (ptrdiff_t)sizeof(bits))) {
        return fail(r, op, p, ERR_DATA, "the message ends in a double");
    }
    bits = le64toh(load64(p));
    put_head(v, op->head);
    memcpy(&v->d, &bits, sizeof(bits));
    return p + sizeof(bits);
}

static place read_fixed(struct run *r, const struct op *op, place p, struct value *v)
{
    if ((uint64_t)(r->end - p) < op->a) {
        return fail(r, op, p, ERR_DATA, "the message ends in a fixed");
    }
    put_head(v, op->head);
    v->len = op->a;
    v->p = (const char *)p;
    return p + op->a;
}

static place read_enum(struct run *r, const struct op *op, place p, struct value *v)
{
    struct number index = take_int(r, op, p);

    if (index.p == NULL) {
        return NULL;
    }
    if ((uint64_t)index.n >= op->b) {
        return fail(r, op, p, ERR_DATA, "an enum has no such symbol");
    }
    *v = r->decoder->symbols[op->a + (uint64_t)index.n];
    if (v->kind != VALUE_ENUM) {
        return fail(r, op, p, ERR_DATA,
                    "the reader's enum lacks the writer's symbol and has no default");
    }
    return index.p;
}

/* The step to go on with after a union's index: its branch's first. */
static place read_union(struct run *r, const struct op *op, place p)
{
    struct number index = take_long(r, op, p);

    if (index.p == NULL) {
        return NULL;
    }
    if ((uint64_t)index.n >= op->b) {
        return fail(r, op, p, ERR_DATA, "a union has no such branch");
    }
    r->next = r->decoder->ops + r->decoder->targets[op->a + (uint64_t)index.n] - 1;
    return index.p;
}

/* Of two branches: 0, 1, or -1 with p NULL. Kept apart from read_union() for the usual byte. */
static inline struct number take_branch(struct run *r, const struct op *op, place p)
{
    struct number index = take_long(r, op, p);

    if (UNLIKELY((uint64_t)index.n > 1) && index.p != NULL) {
        index.p = fail(r, op, p, ERR_DATA, "a union has no such branch");
    }
    return index;
}

static inline place read_optional_text(struct run *r, const struct op *op, place p, struct value *v)
{
    struct number index = take_branch(r, op, p);

    if (UNLIKELY(index.p == NULL)) {
        return NULL;
    }
    if (index.n == op->x) {
        put_head(v, op->a);
        v->len = 0;
        return index.p;
    }
    return read_text(r, op, index.p, v);
}

static place no_memory(struct run *r, const struct op *op, place p)
{
    return fail(r, op, p, ERR_LIMIT, "the event needs more memory than one may");
}

/* One level deeper than the step's own says it is. */
static inline bool is_too_deep(const struct run *r, const struct op *op, uint32_t more)
{
    return r->depth + op->x + more > DECODE_DEPTH_MAX;
}

static inline place open_record(struct run *r, const struct op *op, place p, struct value *base,
                                struct value *v)
{
    if (UNLIKELY(is_too_deep(r, op, 0))) {
        return fail(r, op, p, ERR_LIMIT, "the event is nested too deep");
    }
    put_head(v, op->head);
    v->len = op->a;
    v->items = base + op->b;
    return p;
}

static struct frame *push(struct run *r, const struct op *op, struct value *base)
{
    struct frame *f = &r->frames[r->frame_count];

    INVARIANT(r->frame_count < DECODE_DEPTH_MAX); /* each frame is a level of depth at least */
    r->frame_count++;
    *f = (struct frame){.op = op, .base = base, .depth = r->depth};
    return f;
}

/* Room for @count more items in a row. Doubling, so that many small blocks cost no more than twice
 * one large block. */
static bool reserve_items(struct run *r, struct frame *f, uint32_t count)
{
    size_t values_each = f->loop->is_map ? 2 : 1;
    uint32_t need = f->len + count; /* both at most DECODE_ITEMS_MAX */
    struct value *items;

    if (need > f->cap) {
        f->cap = f->len == 0 ? need : MAX_OF(need, 2 * f->cap);
        items = arena_alloc(r->arena, f->cap * values_each * sizeof(*items));
        if (items == NULL) {
            return false;
        }
        if (f->len > 0) {
            memcpy(items, f->items, f->len * values_each * sizeof(*items));
        }
        f->items = items;
    }
    if (f->loop->stride > 0) {
        f->block = arena_alloc(r->arena, (size_t)count * f->loop->stride * sizeof(*items));
    }
    return f->loop->stride == 0 || f->block != NULL;
}

/* A negative count says the block's size in bytes as well; it must be true. */
static place read_block_size(struct run *r, struct frame *f, place p, int64_t *count)
{
    struct number size = take_long(r, f->op, p);

    if (size.p == NULL) {
        return NULL;
    }
    if (*count == INT64_MIN || (uint64_t)size.n > (uint64_t)(r->end - size.p)) {
        return fail(r, f->op, p, ERR_DATA, "a block's size goes past the end");
    }
    *count = -*count;
    f->block_end = size.p + size.n;
    return size.p;
}

/* The next block's count into f->left: 0 at the end. */
static place begin_block(struct run *r, struct frame *f, place p)
{
    struct number count = take_long(r, f->op, p);
    const struct loop *loop = f->loop;

    if (count.p == NULL) {
        return NULL;
    }
    f->block_end = NULL;
    if (count.n < 0) {
        count.p = read_block_size(r, f, count.p, &count.n);
        if (count.p == NULL) {
            return NULL;
        }
    }
    if (loop->min_bytes > 0 && (uint64_t)count.n > (uint64_t)(r->end - count.p) / loop->min_bytes) {
        return fail(r, f->op, p, ERR_DATA, "a block has more items than the message has room for");
    }
    if (count.n > (int64_t)r->items_left) {
        return fail(r, f->op, p, ERR_LIMIT, "the event has too many items");
    }
    if (count.n > 0 && loop->stride > 0 && is_too_deep(r, f->op, 1)) {
        return fail(r, f->op, p, ERR_LIMIT, "the event is nested too deep");
    }
    r->items_left -= (uint32_t)count.n;
    f->left = (uint32_t)count.n;
    if (!loop->is_skipped && count.n > 0 && !reserve_items(r, f, f->left)) {
        return no_memory(r, f->op, p);
    }
    return count.p;
}

static place end_loop(struct run *r, struct frame *f, place p)
{
    struct value *v = f->base + f->op->slot;

    put_head(v, f->op->head);
    v->len = f->len;
    v->items = f->items;
    r->base = f->base;
    r->next = r->decoder->ops + f->loop->end - 1;
    r->frame_count--;
    return p;
}

/* The key, and where the body shall write. */
static place begin_item(struct run *r, struct frame *f, place p)
{
    const struct loop *loop = f->loop;
    struct value *item = loop->is_skipped ? r->sink : &f->items[loop->is_map ? 2 * f->len : f->len];

    if (loop->is_map) {
        p = read_text(r, f->op, p, item); /* leaves the loop's head there ... */
        if (p == NULL) {
            return NULL;
        }
        put_head(item++, r->decoder->key_head); /* ... and a key is text */
    }
    if (loop->stride > 0) {
        put_head(item, loop->element_head);
        item->len = loop->field_count;
        item->items = f->block;
        r->base = f->block;
        f->block += loop->stride;
    } else {
        r->base = item;
    }
    f->len++;
    f->left--;
    r->next = f->op;
    return p;
}

static place next_item(struct run *r, place p)
{
    struct frame *f = &r->frames[r->frame_count - 1];

    while (f->left == 0) {
        if (f->block_end != NULL && p != f->block_end) {
            return fail(r, f->op, p, ERR_DATA, "a block's size is not true");
        }
        p = begin_block(r, f, p);
        if (p == NULL) {
            return NULL;
        }
        if (f->left == 0) {
            return end_loop(r, f, p);
        }
    }
    return begin_item(r, f, p);
}

static place begin_loop(struct run *r, const struct op *op, place p, struct value *base)
{
    if (is_too_deep(r, op, 0)) {
        return fail(r, op, p, ERR_LIMIT, "the event is nested too deep");
    }
    push(r, op, base)->loop = &r->decoder->loops[op->a];
    return next_item(r, p);
}

static place call(struct run *r, const struct op *op, place p, struct value *base)
{
    const struct function *function = &r->decoder->functions[op->a];
    struct value *v = base + op->slot;

    if (is_too_deep(r, op, 0)) {
        return fail(r, op, p, ERR_LIMIT, "the event is nested too deep");
    }
    (void)push(r, op, base);
    r->depth += op->x;
    r->next = r->decoder->ops + function->entry - 1;
    if (function->is_skipped) {
        r->base = r->sink;
        return p;
    }
    r->base = arena_alloc(r->arena, function->slots * sizeof(struct value));
    if (r->base == NULL) {
        return no_memory(r, op, p);
    }
    put_head(v, op->head);
    v->len = function->field_count;
    v->items = r->base;
    return p;
}

static void leave(struct run *r)
{
    const struct frame *f = &r->frames[--r->frame_count];

    r->base = f->base;
    r->depth = f->depth;
    r->next = f->op;
}

/* One step that only reads a value. */
static inline place read_plain(struct run *r, const struct op *op, place p, struct value *v)
{
    switch (op->code) {
    case OP_OPTIONAL_TEXT:
        return read_optional_text(r, op, p, v);
    case OP_TEXT:
        return read_text(r, op, p, v);
    case OP_NULL:
        put_head(v, op->head);
        return p;
    case OP_BOOL:
        return read_bool(r, op, p, v);
    case OP_INT:
        return read_int(r, op, p, v);
    case OP_LONG:
        return read_long(r, op, p, v);
    case OP_FLOAT:
        return read_float(r, op, p, v);
    case OP_DOUBLE:
        return read_double(r, op, p, v);
    case OP_BYTES:
        return read_bytes(r, op, p, v);
    case OP_FIXED:
        return read_fixed(r, op, p, v);
    case OP_ENUM:
        return read_enum(r, op, p, v);
    case OP_CONST:
        *v = r->decoder->constants[op->a];
        return p;
    case OP_FAIL:
        return fail(r, op, p, ERR_DATA, r->decoder->texts[op->a]);
    default:
        return read_promoted(r, op, p, v);
    }
}

/* From the first step to OP_HALT; the place behind, or NULL. */
static place run(struct run *r, place p, struct value *base)
{
    const struct op *const ops = r->decoder->ops;

    for (const struct op *op = ops;; op++) {
        switch (op->code) {
        case OP_OPTIONAL: {
            struct number index = take_branch(r, op, p);

            p = index.p;
            if (p != NULL && index.n == op->x) {
                put_head(base + op->slot, op->head);
                op = ops + op->a - 1;
            }
            break;
        }
        case OP_RECORD:
            p = open_record(r, op, p, base, base + op->slot);
            break;
        case OP_UNION:
            p = read_union(r, op, p);
            op = r->next;
            break;
        case OP_LOOP:
            p = begin_loop(r, op, p, base);
            op = r->next;
            base = r->base;
            break;
        case OP_NEXT:
            p = next_item(r, p);
            op = r->next;
            base = r->base;
            break;
        case OP_CALL:
            p = call(r, op, p, base);
            op = r->next;
            base = r->base;
            break;
        case OP_RETURN:
            leave(r);
            op = r->next;
            base = r->base;
            break;
        case OP_JUMP:
            op = ops + op->a - 1;
            break;
        case OP_HALT:
            return p == r->end ? p : fail(r, op, p, ERR_DATA, "bytes are left over at the end");
        default:
            p = read_plain(r, op, p, base + op->slot);
            break;
        }
        if (UNLIKELY(p == NULL)) {
            return NULL;
        }
    }
}

enum err_code decoder_run(const struct decoder *decoder, struct span bytes, struct arena *arena,
                          struct value *out, struct err *err)
{
    PRE(decoder != NULL);

    place start = (place)(const void *)(bytes.ptr == NULL ? "" : bytes.ptr);
    struct value *root;
    struct run r; /* not zeroed: the frames are large, and each is set when it is opened */
    const char *path;

    if (bytes.len > MESSAGE_BYTES_MAX) {
        return FAIL(err, ERR_LIMIT, "the event has %zu bytes; at most %d are read", bytes.len,
                    MESSAGE_BYTES_MAX);
    }
    root = arena_alloc(arena, decoder->root_slots * sizeof(*root));
    if (root == NULL) {
        return FAIL(err, ERR_LIMIT, "the event needs more memory than one may");
    }
    r.decoder = decoder;
    r.arena = arena;
    r.end = start + bytes.len;
    r.next = decoder->ops;
    r.base = root;
    r.depth = 0;
    r.items_left = DECODE_ITEMS_MAX;
    r.frame_count = 0;
    if (run(&r, start, root) != NULL) {
        *out = root[0];
        return ERR_OK;
    }
    path = decoder->texts[r.failed->path];
    return FAIL(err, r.rc, "%.300s%s%s (byte %zu)", path, path[0] == '\0' ? "" : ": ", r.why,
                (size_t)(r.failed_at - start));
}
