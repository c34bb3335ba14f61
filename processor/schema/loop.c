/*
 * Arrays, maps and calls: what opens a frame.
 *
 * The happy path of a loop: the frame; a block's count; room for its items; for each item the key,
 * then the body with the item, or the item's own block, as its base; at the end of the block the
 * next count; at 0 the value itself.
 */
#include "schema/wire.h"

static place no_memory(struct decode_run *r, const struct op *op, place p)
{
    return wire_fail(r, op, p, ERR_LIMIT, "the event needs more memory than one may");
}

static struct decode_frame *push(struct decode_run *r, const struct op *op, struct value *base)
{
    struct decode_frame *f = &r->frames[r->frame_count];

    INVARIANT(r->frame_count < DECODE_DEPTH_MAX); /* each frame is a level of depth at least */
    r->frame_count++;
    *f = (struct decode_frame){.op = op, .base = base, .depth = r->depth};
    return f;
}

/* Room for @count more items in a row. Doubling, so that many small blocks cost no more than twice
 * one large block. */
static bool reserve_items(struct decode_run *r, struct decode_frame *f, uint32_t count)
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
static place read_block_size(struct decode_run *r, struct decode_frame *f, place p, int64_t *count)
{
    struct wire_number size = take_long(r, f->op, p);

    if (size.p == NULL) {
        return NULL;
    }
    if (*count == INT64_MIN || (uint64_t)size.n > (uint64_t)(r->end - size.p)) {
        return wire_fail(r, f->op, p, ERR_DATA, "a block's size goes past the end");
    }
    *count = -*count;
    f->block_end = size.p + size.n;
    return size.p;
}

/* The next block's count into f->left: 0 at the end. */
static place begin_block(struct decode_run *r, struct decode_frame *f, place p)
{
    struct wire_number count = take_long(r, f->op, p);
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
        return wire_fail(r, f->op, p, ERR_DATA,
                         "a block has more items than the message has room for");
    }
    if (count.n > (int64_t)r->items_left) {
        return wire_fail(r, f->op, p, ERR_LIMIT, "the event has too many items");
    }
    if (count.n > 0 && loop->stride > 0 && is_too_deep(r, f->op, 1)) {
        return wire_fail(r, f->op, p, ERR_LIMIT, "the event is nested too deep");
    }
    r->items_left -= (uint32_t)count.n;
    f->left = (uint32_t)count.n;
    if (!loop->is_skipped && count.n > 0 && !reserve_items(r, f, f->left)) {
        return no_memory(r, f->op, p);
    }
    return count.p;
}

static place end_loop(struct decode_run *r, struct decode_frame *f, place p)
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
static place begin_item(struct decode_run *r, struct decode_frame *f, place p)
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

place loop_next(struct decode_run *r, place p)
{
    struct decode_frame *f = &r->frames[r->frame_count - 1];

    while (f->left == 0) {
        if (f->block_end != NULL && p != f->block_end) {
            return wire_fail(r, f->op, p, ERR_DATA, "a block's size is not true");
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

place loop_begin(struct decode_run *r, const struct op *op, place p, struct value *base)
{
    if (is_too_deep(r, op, 0)) {
        return wire_fail(r, op, p, ERR_LIMIT, "the event is nested too deep");
    }
    push(r, op, base)->loop = &r->decoder->loops[op->a];
    return loop_next(r, p);
}

place call_begin(struct decode_run *r, const struct op *op, place p, struct value *base)
{
    const struct function *function = &r->decoder->functions[op->a];
    struct value *v = base + op->slot;

    if (is_too_deep(r, op, 0)) {
        return wire_fail(r, op, p, ERR_LIMIT, "the event is nested too deep");
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

void call_end(struct decode_run *r)
{
    const struct decode_frame *f = &r->frames[--r->frame_count];

    r->base = f->base;
    r->depth = f->depth;
    r->next = f->op;
}
