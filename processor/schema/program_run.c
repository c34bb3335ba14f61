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
 * depth, items or memory reach their bound. All of them end in wire_fail(), which notes where.
 */
#include "schema/decoder.h"

#include "schema/wire.h"

enum { MESSAGE_BYTES_MAX = 16 * 1024 * 1024 };

/* An int or long where the reader has float or double. An int's range is checked first. */
static place read_promoted(struct decode_run *r, const struct op *op, place p, struct value *v)
{
    struct wire_number number = op->code == OP_INT_TO_DOUBLE || op->code == OP_INT_TO_FLOAT
                                    ? take_int(r, op, p)
                                    : take_long(r, op, p);
    bool is_single = op->code == OP_INT_TO_FLOAT || op->code == OP_LONG_TO_FLOAT;

    put_head(v, op->head);
    v->d = is_single ? (double)(float)number.n : (double)number.n;
    return number.p;
}

/* A time whose unit is another one for the reader. */
static place read_time(struct decode_run *r, const struct op *op, place p, struct value *v)
{
    struct wire_number number =
        op->code == OP_INT_TO_MICROS ? take_int(r, op, p) : take_long(r, op, p);

    put_head(v, op->head);
    if (op->code == OP_LONG_TO_MILLIS) {
        v->i = number.n / 1000 - (number.n % 1000 < 0);
    } else if (__builtin_mul_overflow(number.n, 1000, &v->i) && number.p != NULL) {
        return wire_fail(r, op, p, ERR_DATA, "a time has more microseconds than 64 bits");
    }
    return number.p;
}

static place read_float(struct decode_run *r, const struct op *op, place p, struct value *v)
{
    uint32_t bits;
    float number;

    if (r->end - p < (ptrdiff_t)sizeof(bits)) {
        return wire_fail(r, op, p, ERR_DATA, "the message ends in a float");
    }
    memcpy(&bits, p, sizeof(bits));
    bits = le32toh(bits);
    memcpy(&number, &bits, sizeof(number));
    put_head(v, op->head);
    v->d = (double)number;
    return p + sizeof(bits);
}

static inline place read_double(struct decode_run *r, const struct op *op, place p, struct value *v)
{
    uint64_t bits;

    if (UNLIKELY(r->end - p < (ptrdiff_t)sizeof(bits))) {
        return wire_fail(r, op, p, ERR_DATA, "the message ends in a double");
    }
    bits = le64toh(load64(p));
    put_head(v, op->head);
    memcpy(&v->d, &bits, sizeof(bits));
    return p + sizeof(bits);
}

static place read_fixed(struct decode_run *r, const struct op *op, place p, struct value *v)
{
    if ((uint64_t)(r->end - p) < op->a) {
        return wire_fail(r, op, p, ERR_DATA, "the message ends in a fixed");
    }
    put_head(v, op->head);
    v->len = op->a;
    v->p = (const char *)p;
    return p + op->a;
}

static place read_enum(struct decode_run *r, const struct op *op, place p, struct value *v)
{
    struct wire_number index = take_int(r, op, p);

    if (index.p == NULL) {
        return NULL;
    }
    if ((uint64_t)index.n >= op->b) {
        return wire_fail(r, op, p, ERR_DATA, "an enum has no such symbol");
    }
    *v = r->decoder->symbols[op->a + (uint64_t)index.n];
    if (v->kind != VALUE_ENUM) {
        return wire_fail(r, op, p, ERR_DATA,
                         "the reader's enum lacks the writer's symbol and has no default");
    }
    return index.p;
}

/* The step to go on with after a union's index: its branch's first. */
static place read_union(struct decode_run *r, const struct op *op, place p)
{
    struct wire_number index = take_long(r, op, p);

    if (index.p == NULL) {
        return NULL;
    }
    if ((uint64_t)index.n >= op->b) {
        return wire_fail(r, op, p, ERR_DATA, "a union has no such branch");
    }
    r->next = r->decoder->ops + r->decoder->targets[op->a + (uint64_t)index.n] - 1;
    return index.p;
}

/* Of two branches: 0, 1, or -1 with p NULL. Kept apart from read_union() for the usual byte. */
static inline struct wire_number take_branch(struct decode_run *r, const struct op *op, place p)
{
    struct wire_number index = take_long(r, op, p);

    if (UNLIKELY((uint64_t)index.n > 1) && index.p != NULL) {
        index.p = wire_fail(r, op, p, ERR_DATA, "a union has no such branch");
    }
    return index;
}

static inline place read_optional_text(struct decode_run *r, const struct op *op, place p,
                                       struct value *v)
{
    struct wire_number index = take_branch(r, op, p);

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

static inline place open_record(struct decode_run *r, const struct op *op, place p,
                                struct value *base, struct value *v)
{
    if (UNLIKELY(is_too_deep(r, op, 0))) {
        return wire_fail(r, op, p, ERR_LIMIT, "the event is nested too deep");
    }
    put_head(v, op->head);
    v->len = op->a;
    v->items = base + op->b;
    return p;
}

/* One step that only reads a value. */
static inline place read_plain(struct decode_run *r, const struct op *op, place p, struct value *v)
{
    switch (op->code) {
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
    case OP_INT_TO_MICROS:
    case OP_LONG_TO_MICROS:
    case OP_LONG_TO_MILLIS:
        return read_time(r, op, p, v);
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
        return wire_fail(r, op, p, ERR_DATA, r->decoder->texts[op->a]);
    default:
        return read_promoted(r, op, p, v);
    }
}

/* From the first step to OP_HALT; the place behind, or NULL. */
static place run(struct decode_run *r, place p, struct value *base)
{
    const struct op *const ops = r->decoder->ops;

    for (const struct op *op = ops;; op++) {
        switch (op->code) {
        case OP_OPTIONAL_TEXT: /* here because most steps are this one */
            p = read_optional_text(r, op, p, base + op->slot);
            break;
        case OP_OPTIONAL: {
            struct wire_number index = take_branch(r, op, p);

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
            p = loop_begin(r, op, p, base);
            op = r->next;
            base = r->base;
            break;
        case OP_NEXT:
            p = loop_next(r, p);
            op = r->next;
            base = r->base;
            break;
        case OP_CALL:
            p = call_begin(r, op, p, base);
            op = r->next;
            base = r->base;
            break;
        case OP_RETURN:
            call_end(r);
            op = r->next;
            base = r->base;
            break;
        case OP_JUMP:
            op = ops + op->a - 1;
            break;
        case OP_HALT:
            return p == r->end ? p
                               : wire_fail(r, op, p, ERR_DATA, "bytes are left over at the end");
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
    struct decode_run r; /* not zeroed: the frames are large, and each is set when it is opened */
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
