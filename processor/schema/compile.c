#include "schema/compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "schema/memory.h"
#include "schema/resolve.h"

static struct op *op_at(struct compiler *c, uint32_t index)
{
    return &c->decoder->ops[index];
}

static enum value_kind value_kind_of(const struct type *type)
{
    static const uint8_t kinds[] = {
        [TYPE_NULL] = VALUE_NULL,     [TYPE_BOOL] = VALUE_BOOL,   [TYPE_INT] = VALUE_INT,
        [TYPE_LONG] = VALUE_LONG,     [TYPE_FLOAT] = VALUE_FLOAT, [TYPE_DOUBLE] = VALUE_DOUBLE,
        [TYPE_STRING] = VALUE_STRING, [TYPE_BYTES] = VALUE_BYTES, [TYPE_FIXED] = VALUE_FIXED,
        [TYPE_ENUM] = VALUE_ENUM,     [TYPE_ARRAY] = VALUE_ARRAY, [TYPE_MAP] = VALUE_MAP,
        [TYPE_RECORD] = VALUE_RECORD, [TYPE_UNION] = VALUE_NULL,
    };

    return (enum value_kind)kinds[type->kind];
}

/* Data that gets here cannot be read. Where all data gets here, the schemas do not fit at all. */
static void emit_fail(struct compiler *c, const char *text)
{
    uint32_t at = emit(c, OP_FAIL, 0, 0);
    uint32_t why = add_text(c, text);
    struct function_plan *plan = &c->plans[c->function];

    if (c->rc != ERR_OK) {
        return;
    }
    op_at(c, at)->a = why;
    if (c->optionality == 0 && plan->failure == NONE) {
        char whole[ERR_TEXT_BYTES];

        (void)snprintf(whole, sizeof(whole), "%.200s%s%.300s", buf_text(&c->path),
                       c->path.len == 0 ? "" : ": ", text);
        plan->failure = add_text(c, whole);
    }
}

/* The branch that was probably meant, so that what is told is why it does not fit. */
static const struct type *meant_branch(const struct type *writer, const struct type *reader)
{
    for (size_t i = 0; reader->kind == TYPE_UNION && i < reader->branch_count; i++) {
        if (reader->branches[i]->kind == writer->kind &&
            !resolve_logical(writer, reader->branches[i])) {
            return reader->branches[i];
        }
    }
    return reader;
}

static const char *mismatch_reason(const struct type *writer, const struct type *reader)
{
    if (writer->logical == LOGICAL_DECIMAL && reader->logical == LOGICAL_DECIMAL &&
        !resolve_logical(writer, reader)) {
        return ": a decimal keeps its scale, and its precision may only grow";
    }
    if (writer->kind == TYPE_FIXED && reader->kind == TYPE_FIXED &&
        writer->fixed_bytes != reader->fixed_bytes && resolve_names(writer, reader)) {
        return ": their sizes differ";
    }
    return reader->kind == TYPE_UNION ? ": it is none of its branches" : "";
}

static void emit_mismatch(struct compiler *c, const struct type *writer, const struct type *reader)
{
    char text[ERR_TEXT_BYTES];
    char from[TYPE_TEXT_BYTES];
    char to[TYPE_TEXT_BYTES];

    reader = meant_branch(writer, reader);
    type_describe(writer, from);
    type_describe(reader, to);
    (void)snprintf(text, sizeof(text), "the writer's %s cannot be read as the reader's %s%s", from,
                   to, mismatch_reason(writer, reader));
    emit_fail(c, text);
}

static enum op_code integer_code(const struct type *writer, const struct type *to)
{
    bool is_int = writer->kind == TYPE_INT;

    switch (resolve_time(writer, to)) {
    case TIME_TO_MICROS:
        return is_int ? OP_INT_TO_MICROS : OP_LONG_TO_MICROS;
    case TIME_TO_MILLIS:
        return OP_LONG_TO_MILLIS;
    case TIME_AS_IS:
        break;
    }
    if (to->kind == TYPE_FLOAT) {
        return is_int ? OP_INT_TO_FLOAT : OP_LONG_TO_FLOAT;
    }
    if (to->kind == TYPE_DOUBLE) {
        return is_int ? OP_INT_TO_DOUBLE : OP_LONG_TO_DOUBLE;
    }
    return is_int ? OP_INT : OP_LONG;
}

/* The step for a type that is neither a container nor a union. */
static enum op_code plain_code(const struct type *writer, const struct type *reader)
{
    const struct type *to = reader == NULL ? writer : reader;

    switch (writer->kind) {
    case TYPE_BOOL:
        return OP_BOOL;
    case TYPE_INT:
    case TYPE_LONG:
        return integer_code(writer, to);
    case TYPE_FLOAT:
        return OP_FLOAT;
    case TYPE_DOUBLE:
        return OP_DOUBLE;
    case TYPE_STRING:
        return OP_TEXT; /* as bytes too: what it says to be text must be */
    case TYPE_BYTES:
        return to->kind == TYPE_STRING ? OP_TEXT : OP_BYTES;
    case TYPE_FIXED:
        return OP_FIXED;
    case TYPE_NULL:
    case TYPE_ENUM:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_RECORD:
    case TYPE_UNION:
        break;
    }
    return OP_NULL;
}

static int32_t find_symbol(const struct type *type, struct span symbol, size_t hint)
{
    if (hint < type->symbol_count && span_eq(type->symbols[hint], symbol)) {
        return (int32_t)hint;
    }
    for (size_t i = 0; i < type->symbol_count; i++) {
        if (span_eq(type->symbols[i], symbol)) {
            return (int32_t)i;
        }
    }
    return type->symbol_fallback;
}

static void compile_enum(struct compiler *c, const struct type *writer, const struct type *reader,
                         uint32_t slot, size_t branch)
{
    const struct type *to = reader == NULL ? writer : reader;
    struct value *values = mem_array(writer->symbol_count, struct value);
    uint32_t at = emit(c, OP_ENUM, slot, 0);

    for (size_t i = 0; i < writer->symbol_count; i++) {
        int32_t index = find_symbol(to, writer->symbols[i], i);

        if (index >= 0) {
            values[i] = (struct value){.kind = VALUE_ENUM,
                                       .branch = (uint8_t)branch,
                                       .aux = (uint16_t)index,
                                       .len = (uint32_t)to->symbols[index].len,
                                       .p = to->symbols[index].ptr};
        }
    }
    op_at(c, at)->a = add_symbols(c, values, (uint32_t)writer->symbol_count);
    op_at(c, at)->b = (uint32_t)writer->symbol_count;
    free(values);
}

static uint32_t scratch_slot(struct compiler *c)
{
    if (c->block->is_sink) {
        return 0;
    }
    if (c->block->scratch == NONE) {
        c->block->scratch = c->block->slots++;
    }
    return c->block->scratch;
}

/* Fields the writer does not have get the reader's default. */
static void compile_missing(struct compiler *c, const struct type *reader, const bool *is_given,
                            uint32_t first)
{
    for (size_t i = 0; i < reader->field_count; i++) {
        const struct field *field = &reader->fields[i];
        size_t path_len;

        if (is_given[i]) {
            continue;
        }
        path_len = path_push(c, field->name);
        if (field->fallback == NULL) {
            emit_fail(c, "the writer has no such field, and the reader has no default for it");
        } else {
            uint32_t at = emit(c, OP_CONST, first + (uint32_t)i, 0);

            op_at(c, at)->a = add_constant(c, *field->fallback);
        }
        path_pop(c, path_len);
    }
}

/* The reader's field for one of the writer's, unless another has the better right to it. */
static const struct field *choose_field(const struct type *writer, const struct type *reader,
                                        size_t i, const bool *is_given, size_t *index)
{
    struct span name = writer->fields[i].name;
    const struct field *field = resolve_field(reader, name, i, index);

    if (field == NULL || is_given[*index]) {
        return NULL;
    }
    if (!span_eq(field->name, name) && type_field(writer, field->name, NULL) != NULL) {
        return NULL; /* found by alias, but the writer has the name itself, too */
    }
    return field;
}

/* All fields of a record, the reader's going to the slots from @first on. */
void compile_fields(struct compiler *c, const struct type *writer, const struct type *reader,
                    uint32_t first)
{
    bool *is_given = mem_array((reader == NULL ? 0 : reader->field_count) + 1, bool);

    for (size_t i = 0; i < writer->field_count && c->rc == ERR_OK; i++) {
        const struct field *from = &writer->fields[i];
        const struct field *to = NULL;
        size_t path_len = path_push(c, from->name);
        size_t index;

        if (reader != NULL) {
            to = choose_field(writer, reader, i, is_given, &index);
        }
        if (to != NULL) {
            is_given[index] = true;
            compile_type(c, from->type, to->type, first + (uint32_t)index, 0);
        } else {
            compile_type(c, from->type, NULL, scratch_slot(c), 0);
        }
        path_pop(c, path_len);
    }
    if (reader != NULL && c->rc == ERR_OK) {
        compile_missing(c, reader, is_given, first);
    }
    free(is_given);
}

static void compile_call(struct compiler *c, struct record_pair *pair, uint32_t slot, size_t branch)
{
    uint32_t function = add_function(c, pair);
    uint32_t at = emit(c, OP_CALL, slot, value_head(VALUE_RECORD, branch));

    op_at(c, at)->a = function;
    op_at(c, at)->x = (uint16_t)(c->level + 1);
    if (c->optionality == 0) {
        add_edge(c, function);
    }
}

/* Whether a record of @count fields may lie in the block around it. */
static bool fits_block(struct compiler *c, size_t count)
{
    struct block *block = c->block;

    if (c->level >= INLINE_LEVELS_MAX) {
        return false;
    }
    if (block->is_sink) {
        return true;
    }
    if (!block->can_extend || block->slots + count > BLOCK_SLOTS_MAX) {
        return false;
    }
    if (c->optionality > 0) {
        if (block->optional_slots + count > OPTIONAL_SLOTS_MAX) {
            return false;
        }
        block->optional_slots += (uint32_t)count;
    }
    return true;
}

void compile_record(struct compiler *c, const struct type *writer, const struct type *reader,
                    uint32_t slot, size_t branch)
{
    struct record_pair *pair = find_pair(c, writer, reader);
    size_t count = reader == NULL ? 0 : reader->field_count;
    uint32_t first;
    uint32_t at;

    if (pair != NULL || !fits_block(c, count)) {
        compile_call(c, pair == NULL ? add_pair(c, writer, reader) : pair, slot, branch);
        return;
    }
    (void)add_pair(c, writer, reader);
    first = reader == NULL ? slot : c->block->slots;
    c->block->slots += (uint32_t)count;
    at = emit(c, OP_RECORD, slot, value_head(VALUE_RECORD, branch));
    c->level++;
    op_at(c, at)->a = (uint32_t)count;
    op_at(c, at)->b = first;
    op_at(c, at)->x = (uint16_t)c->level;
    compile_fields(c, writer, reader, first);
    c->level--;
}

/* The body of a loop whose items are records: each item has a block of its own. */
static bool compile_record_items(struct compiler *c, const struct type *writer,
                                 const struct type *reader, struct loop *loop)
{
    struct block block = {.scratch = NONE, .can_extend = true};

    if (reader == NULL || writer->kind != TYPE_RECORD || reader->kind != TYPE_RECORD ||
        !resolve_top(writer, reader) || find_pair(c, writer, reader) != NULL ||
        c->level >= INLINE_LEVELS_MAX || reader->field_count > BLOCK_SLOTS_MAX) {
        return false;
    }
    (void)add_pair(c, writer, reader);
    block.slots = (uint32_t)reader->field_count;
    c->block = &block;
    c->level++;
    compile_fields(c, writer, reader, 0);
    c->level--;
    loop->stride = MAX_OF(block.slots, 1u);
    loop->field_count = (uint32_t)reader->field_count;
    loop->element_head = value_head(VALUE_RECORD, 0);
    return true;
}

static void compile_loop(struct compiler *c, const struct type *writer, const struct type *reader,
                         uint32_t slot, size_t branch)
{
    struct block *outer = c->block;
    struct block inner = {.slots = 1, .scratch = NONE, .is_sink = reader == NULL};
    struct loop loop = {.is_map = writer->kind == TYPE_MAP, .is_skipped = reader == NULL};
    const struct type *items = reader == NULL ? NULL : reader->items;
    uint32_t index = add_loop(c, loop);
    uint32_t at = emit(c, OP_LOOP, slot, value_head(value_kind_of(writer), branch));
    size_t path_len = path_push(c, SPAN("[]"));

    c->level++;
    op_at(c, at)->a = index;
    op_at(c, at)->x = (uint16_t)c->level;
    loop.min_bytes = type_min_bytes(writer->items) + (loop.is_map ? 1 : 0);
    if (!compile_record_items(c, writer->items, items, &loop)) {
        c->block = &inner;
        compile_type(c, writer->items, items, 0, 0);
    }
    c->block = outer;
    c->level--;
    (void)emit(c, OP_NEXT, 0, 0);
    loop.end = emit_here(c);
    c->decoder->loops[index] = loop;
    path_pop(c, path_len);
}

/* Where null, as a branch of the writer's union, goes: false when the reader cannot take it. */
static bool null_branch(const struct type *reader, size_t *branch)
{
    static const struct type null_type = {.kind = TYPE_NULL};

    *branch = 0;
    if (reader == NULL || reader->kind == TYPE_NULL) {
        return true;
    }
    return reader->kind == TYPE_UNION && resolve_branch(&null_type, reader, branch);
}

/* [null, X] or [X, null]: null in one step, X right behind it. */
static bool compile_optional(struct compiler *c, const struct type *writer,
                             const struct type *reader, uint32_t slot)
{
    size_t null_index = writer->branches[0]->kind == TYPE_NULL ? 0 : 1;
    const struct type *other = writer->branches[1 - null_index];
    size_t branch = 0;
    uint32_t null_head;
    uint32_t at;

    if (writer->branch_count != 2 || writer->branches[null_index]->kind != TYPE_NULL ||
        !null_branch(reader, &branch)) {
        return false;
    }
    null_head = value_head(VALUE_NULL, branch);
    at = emit(c, OP_OPTIONAL, slot, null_head);
    op_at(c, at)->x = (uint16_t)null_index;
    c->optionality++;
    compile_type(c, other, reader, slot, 0);
    c->optionality--;
    op_at(c, at)->a = emit_here(c);
    if (emit_here(c) == at + 2 && op_at(c, at + 1)->code == OP_TEXT) {
        struct op text = *op_at(c, at + 1);

        text.code = OP_OPTIONAL_TEXT;
        text.x = (uint16_t)null_index;
        text.a = null_head;
        *op_at(c, at) = text;
        c->decoder->op_count--;
    }
    return true;
}

static void compile_union(struct compiler *c, const struct type *writer, const struct type *reader,
                          uint32_t slot)
{
    uint32_t count = (uint32_t)writer->branch_count;
    uint32_t first;
    uint32_t at;

    if (count == 2 && compile_optional(c, writer, reader, slot)) {
        return;
    }
    at = emit(c, OP_UNION, slot, 0);
    first = add_targets(c, 2 * count); /* where each branch begins; then its jump to the end */
    op_at(c, at)->a = first;
    op_at(c, at)->b = count;
    c->optionality++;
    for (uint32_t i = 0; i < count && c->rc == ERR_OK; i++) {
        c->decoder->targets[first + i] = emit_here(c);
        compile_type(c, writer->branches[i], reader, slot, 0);
        c->decoder->targets[first + count + i] = emit(c, OP_JUMP, 0, 0);
    }
    c->optionality--;
    for (uint32_t i = 0; i < count && c->rc == ERR_OK; i++) {
        op_at(c, c->decoder->targets[first + count + i])->a = emit_here(c);
    }
}

/* @reader is no union any more, or NULL to skip; the tops agree. */
static void compile_plain(struct compiler *c, const struct type *writer, const struct type *reader,
                          uint32_t slot, size_t branch)
{
    const struct type *to = reader == NULL ? writer : reader;
    uint32_t at;

    switch (writer->kind) {
    case TYPE_RECORD:
        compile_record(c, writer, reader, slot, branch);
        return;
    case TYPE_ARRAY:
    case TYPE_MAP:
        compile_loop(c, writer, reader, slot, branch);
        return;
    case TYPE_ENUM:
        compile_enum(c, writer, reader, slot, branch);
        return;
    case TYPE_NULL:
    case TYPE_BOOL:
    case TYPE_INT:
    case TYPE_LONG:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_STRING:
    case TYPE_BYTES:
    case TYPE_FIXED:
    case TYPE_UNION:
        break;
    }
    at = emit(c, plain_code(writer, reader), slot, value_head(value_kind_of(to), branch));
    op_at(c, at)->a = writer->fixed_bytes;
}

/* One type of the writer to @slot, as @reader or for nothing (NULL). Recursion is bounded by
 * INLINE_LEVELS_MAX and the nesting of unnamed types. */
void compile_type(struct compiler *c, const struct type *writer, const struct type *reader,
                  uint32_t slot, size_t branch)
{
    if (c->rc != ERR_OK) {
        return;
    }
    if (writer->kind == TYPE_UNION) {
        compile_union(c, writer, reader, slot);
        return;
    }
    if (reader != NULL && reader->kind == TYPE_UNION) {
        if (!resolve_branch(writer, reader, &branch)) {
            emit_mismatch(c, writer, reader);
            return;
        }
        reader = reader->branches[branch];
    } else if (reader != NULL && !resolve_top(writer, reader)) {
        emit_mismatch(c, writer, reader);
        return;
    }
    compile_plain(c, writer, reader, slot, branch);
}
