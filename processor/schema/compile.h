/**
 * compile - emitting the program of a (writer, reader) pair. Private to this room.
 *
 * The parts: emit.c owns the growing tables, compile.c decides what is emitted, decoder.c
 * puts root and functions together.
 *
 * Used while a decoder is compiled, by one thread, which owns the tables. ERR_DATA says why the
 * reader cannot read the writer, ERR_LIMIT which bound is reached.
 */
#ifndef SCHEMA_COMPILE_H
#define SCHEMA_COMPILE_H

#include "base/buf.h"
#include "schema/hash.h"
#include "schema/program.h"

enum {
    OPS_MAX = 200000,
    BLOCK_SLOTS_MAX = 4096,  /* a larger record is called */
    OPTIONAL_SLOTS_MAX = 64, /* of a block, for records that may be absent */
    INLINE_LEVELS_MAX = 24,  /* deeper records are called, so that compiling stays shallow */
    COMPILE_PATH_BYTES_MAX = 2048,
};

#define NONE UINT32_MAX

/* A record of the writer read as one of the reader's, or skipped (reader NULL). Its steps are
 * emitted in place once; wherever it is met again it is called. */
struct record_pair {
    struct {
        const struct type *writer;
        const struct type *reader;
    } key;
    uint32_t function; /* NONE until it is first called */
    UT_hash_handle hh;
};

/* What the program needs to know about a function only while it is compiled. */
struct function_plan {
    const struct type *writer;
    const struct type *reader;
    uint32_t failure; /* text of the first failure no data can avoid, or NONE */
    bool is_certain;  /* reached from the root whatever the data */
};

struct call_edge {
    uint32_t caller, callee; /* made whatever the data */
};

/* Where values go just now. */
struct block {
    uint32_t slots;
    uint32_t optional_slots;
    uint32_t scratch; /* slot for what is skipped, or NONE */
    bool can_extend;  /* records may lie in it */
    bool is_sink;     /* nothing is kept: all goes to slot 0 */
};

struct compiler {
    struct decoder *decoder;
    struct record_pair *pairs; /* owned hash */
    struct function_plan *plans;
    size_t plan_count;
    struct call_edge *edges;
    size_t edge_count;
    struct block *block;
    struct buf path;
    uint32_t path_text;   /* the text of path, or NONE when it must be made */
    uint32_t function;    /* the plan being compiled */
    uint32_t level;       /* containers around, within the function */
    unsigned optionality; /* branches of the writer's unions around */
    enum err_code rc;     /* sticky */
};

/** The index of a fresh step at the end, its path noted. */
uint32_t emit(struct compiler *c, enum op_code code, uint32_t slot, uint32_t head);
uint32_t emit_here(const struct compiler *c); /* the index the next step will have */
uint32_t add_text(struct compiler *c, const char *text);
uint32_t add_loop(struct compiler *c, struct loop loop);
uint32_t add_targets(struct compiler *c, uint32_t count);
uint32_t add_constant(struct compiler *c, struct value value);
uint32_t add_symbols(struct compiler *c, const struct value *values, uint32_t count);
/** The function of @pair, planned if it was not. */
uint32_t add_function(struct compiler *c, struct record_pair *pair);
void add_edge(struct compiler *c, uint32_t callee);
struct record_pair *find_pair(struct compiler *c, const struct type *writer,
                              const struct type *reader);
struct record_pair *add_pair(struct compiler *c, const struct type *writer,
                             const struct type *reader);
/** Go into a field (".name", or "name" at the start) and back. */
size_t path_push(struct compiler *c, struct span name);
void path_pop(struct compiler *c, size_t len);
void compiler_fini(struct compiler *c);

/** One type of the writer to @slot, as @reader or for nothing (NULL); @branch of the reader's
 * union, where it was one. */
void compile_type(struct compiler *c, const struct type *writer, const struct type *reader,
                  uint32_t slot, size_t branch);
void compile_record(struct compiler *c, const struct type *writer, const struct type *reader,
                    uint32_t slot, size_t branch);
/** All fields of a record, the reader's going to the slots from @first on. */
void compile_fields(struct compiler *c, const struct type *writer, const struct type *reader,
                    uint32_t first);

/** Kind and branch as a value's first four bytes. */
uint32_t value_head(enum value_kind kind, size_t branch);
/** The fewest bytes a value of @type has on the wire (a lower bound; looking is bounded). */
uint32_t type_min_bytes(const struct type *type);

#endif /* SCHEMA_COMPILE_H */
