#include "schema/decoder.h"

#include <stdlib.h>

#include "base/mem.h"
#include "schema/compile.h"

/* Function 0 is the whole message; its block begins with the root value. Which writer goes with
 * which reader is the configuration's choice, so the names of two root records need not agree. */
static void compile_root(struct compiler *c, const struct type *writer, const struct type *reader)
{
    struct block block = {.slots = 1, .scratch = NONE, .can_extend = true};
    struct record_pair root = {.function = NONE};

    (void)add_function(c, &root);
    c->block = &block;
    if (writer->kind == TYPE_RECORD && reader->kind == TYPE_RECORD) {
        compile_record(c, writer, reader, 0, 0);
    } else {
        compile_type(c, writer, reader, 0, 0);
    }
    (void)emit(c, OP_HALT, 0, 0);
    c->decoder->root_slots = block.slots;
    c->decoder->key_head = value_head(VALUE_STRING, 0);
}

static void compile_function(struct compiler *c, uint32_t index)
{
    struct function_plan plan = c->plans[index];
    struct block block = {.scratch = NONE, .can_extend = true, .is_sink = plan.reader == NULL};
    struct function function = {.entry = emit_here(c)};

    c->function = index;
    c->level = 0;
    c->block = &block;
    block.slots = plan.reader == NULL ? 0 : (uint32_t)plan.reader->field_count;
    path_pop(c, 0);
    (void)path_push(c, plan.writer->name);
    compile_fields(c, plan.writer, plan.reader, 0);
    (void)emit(c, OP_RETURN, 0, 0);
    function.is_skipped = plan.reader == NULL;
    function.slots = block.slots;
    function.field_count = plan.reader == NULL ? 0 : (uint32_t)plan.reader->field_count;
    c->decoder->functions[index] = function;
}

/* A failure that no data can avoid: in the root, or in what is called whatever the data. */
static const char *certain_failure(struct compiler *c)
{
    bool is_changed = true;

    c->plans[0].is_certain = true;
    while (is_changed) {
        is_changed = false;
        for (size_t i = 0; i < c->edge_count; i++) {
            struct call_edge edge = c->edges[i];

            if (c->plans[edge.caller].is_certain && !c->plans[edge.callee].is_certain) {
                c->plans[edge.callee].is_certain = true;
                is_changed = true;
            }
        }
    }
    for (size_t i = 0; i < c->plan_count; i++) {
        if (c->plans[i].is_certain && c->plans[i].failure != NONE) {
            return c->decoder->texts[c->plans[i].failure];
        }
    }
    return NULL;
}

enum err_code decoder_compile(const struct schema *writer, const struct schema *reader,
                              struct decoder **out, struct err *err)
{
    PRE(writer != NULL);
    PRE(reader != NULL);

    struct compiler c = {.path_text = NONE, .rc = ERR_OK};
    const char *failure = NULL;

    c.decoder = mem_new(struct decoder);
    buf_init(&c.path, COMPILE_PATH_BYTES_MAX);
    compile_root(&c, writer->root, reader->root);
    for (uint32_t i = 1; i < c.plan_count && c.rc == ERR_OK; i++) {
        compile_function(&c, i);
    }
    if (c.rc == ERR_LIMIT) {
        (void)FAIL(err, ERR_LIMIT, "the schemas need a program of more than %d steps", OPS_MAX);
    } else {
        failure = certain_failure(&c);
    }
    if (failure != NULL) {
        c.rc = FAIL(err, ERR_DATA, "%s", failure);
    }
    compiler_fini(&c);
    if (c.rc != ERR_OK) {
        decoder_free(c.decoder);
        return c.rc;
    }
    *out = c.decoder;
    return ERR_OK;
}

void decoder_free(struct decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    for (size_t i = 0; i < decoder->text_count; i++) {
        free(decoder->texts[i]);
    }
    free(decoder->texts);
    free(decoder->ops);
    free(decoder->loops);
    free(decoder->functions);
    free(decoder->targets);
    free(decoder->symbols);
    free(decoder->constants);
    free(decoder);
}
