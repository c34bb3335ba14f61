#include "schema/compile.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Room for @more behind @count items of a table that doubles: its capacity is the power of two
 * at or above its count. */
static void *extend(void *table, size_t count, size_t more, size_t bytes_each)
{
    size_t cap = 16;

    while (cap < count) {
        cap *= 2;
    }
    if (table != NULL && count + more <= cap) {
        return table;
    }
    while (cap < count + more) {
        cap *= 2;
    }
    return mem_grow(table, cap, bytes_each);
}

#define EXTEND(table, count, more) ((table) = extend((table), (count), (more), sizeof(*(table))))

uint32_t value_head(enum value_kind kind, size_t branch)
{
    const uint8_t bytes[4] = {(uint8_t)kind, (uint8_t)branch, 0, 0};
    uint32_t head;

    memcpy(&head, bytes, sizeof(head));
    return head;
}

uint32_t add_text(struct compiler *c, const char *text)
{
    struct decoder *d = c->decoder;

    EXTEND(d->texts, d->text_count, 1);
    d->texts[d->text_count] = mem_text(span_of(text));
    return (uint32_t)d->text_count++;
}

uint32_t emit_here(const struct compiler *c)
{
    return (uint32_t)c->decoder->op_count;
}

uint32_t emit(struct compiler *c, enum op_code code, uint32_t slot, uint32_t head)
{
    struct decoder *d = c->decoder;

    if (d->op_count >= OPS_MAX) {
        c->rc = ERR_LIMIT;
        return 0; /* there is a step 0 by then; nothing more is looked at */
    }
    if (c->path_text == NONE) {
        c->path_text = add_text(c, buf_text(&c->path));
    }
    EXTEND(d->ops, d->op_count, 1);
    d->ops[d->op_count] =
        (struct op){.code = (uint16_t)code, .slot = slot, .head = head, .path = c->path_text};
    return (uint32_t)d->op_count++;
}

uint32_t add_loop(struct compiler *c, struct loop loop)
{
    struct decoder *d = c->decoder;

    EXTEND(d->loops, d->loop_count, 1);
    d->loops[d->loop_count] = loop;
    return (uint32_t)d->loop_count++;
}

uint32_t add_targets(struct compiler *c, uint32_t count)
{
    struct decoder *d = c->decoder;
    uint32_t first = (uint32_t)d->target_count;

    EXTEND(d->targets, d->target_count, count);
    memset(d->targets + first, 0, count * sizeof(*d->targets));
    d->target_count += count;
    return first;
}

uint32_t add_constant(struct compiler *c, struct value value)
{
    struct decoder *d = c->decoder;

    EXTEND(d->constants, d->constant_count, 1);
    d->constants[d->constant_count] = value;
    return (uint32_t)d->constant_count++;
}

uint32_t add_symbols(struct compiler *c, const struct value *values, uint32_t count)
{
    struct decoder *d = c->decoder;
    uint32_t first = (uint32_t)d->symbol_count;

    EXTEND(d->symbols, d->symbol_count, count);
    memcpy(d->symbols + first, values, count * sizeof(*values));
    d->symbol_count += count;
    return first;
}

uint32_t add_function(struct compiler *c, struct record_pair *pair)
{
    struct decoder *d = c->decoder;

    if (pair->function == NONE) {
        EXTEND(d->functions, d->function_count, 1);
        EXTEND(c->plans, c->plan_count, 1);
        d->functions[d->function_count] = (struct function){0};
        c->plans[c->plan_count++] = (struct function_plan){
            .writer = pair->key.writer, .reader = pair->key.reader, .failure = NONE};
        pair->function = (uint32_t)d->function_count++;
    }
    return pair->function;
}

void add_edge(struct compiler *c, uint32_t callee)
{
    EXTEND(c->edges, c->edge_count, 1);
    c->edges[c->edge_count++] = (struct call_edge){.caller = c->function, .callee = callee};
}

struct record_pair *find_pair(struct compiler *c, const struct type *writer,
                              const struct type *reader)
{
    struct record_pair wanted = {.key = {writer, reader}};
    struct record_pair *found = NULL;

    HASH_FIND(hh, c->pairs, &wanted.key, sizeof(wanted.key), found);
    return found;
}

struct record_pair *add_pair(struct compiler *c, const struct type *writer,
                             const struct type *reader)
{
    struct record_pair *pair = mem_new(struct record_pair);

    pair->key.writer = writer;
    pair->key.reader = reader;
    pair->function = NONE;
    HASH_ADD(hh, c->pairs, key, sizeof(pair->key), pair);
    return pair;
}

size_t path_push(struct compiler *c, struct span name)
{
    size_t len = c->path.len;

    if (len > 0 && name.ptr[0] != '[') {
        buf_add_char(&c->path, '.');
    }
    buf_add_span(&c->path, name);
    c->path_text = NONE;
    return len;
}

void path_pop(struct compiler *c, size_t len)
{
    buf_truncate(&c->path, len);
    c->path_text = NONE;
}

void compiler_fini(struct compiler *c)
{
    struct record_pair *one;
    struct record_pair *next;

    HASH_ITER(hh, c->pairs, one, next)
    {
        HASH_DEL(c->pairs, one);
        free(one);
    }
    free(c->plans);
    free(c->edges);
    buf_fini(&c->path);
}

/* Adds up to @enough bytes of @type; @looks bounds the work, as a type may name others again and
 * again. */
static uint32_t min_bytes(const struct type *type, unsigned depth, unsigned *looks)
{
    enum { ENOUGH = 1024, DEPTH_MAX = 16 };
    uint32_t sum = 0;

    if (*looks == 0 || depth > DEPTH_MAX) {
        return 0;
    }
    --*looks;
    switch (type->kind) {
    case TYPE_NULL:
        return 0;
    case TYPE_FLOAT:
        return 4;
    case TYPE_DOUBLE:
        return 8;
    case TYPE_FIXED:
        return type->fixed_bytes;
    case TYPE_RECORD:
        for (size_t i = 0; i < type->field_count && sum < ENOUGH; i++) {
            sum += min_bytes(type->fields[i].type, depth + 1, looks);
        }
        return sum;
    case TYPE_BOOL:
    case TYPE_INT:
    case TYPE_LONG:
    case TYPE_STRING:
    case TYPE_BYTES:
    case TYPE_ENUM:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_UNION:
        break;
    }
    return 1;
}

uint32_t type_min_bytes(const struct type *type)
{
    unsigned looks = 1000;

    return min_bytes(type, 0, &looks);
}
