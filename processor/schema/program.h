/**
 * program - a compiled (writer, reader) pair: a flat list of steps and their tables.
 *
 * Private to this room. Each step reads one thing from the wire, in the writer's order,
 * and writes it to a slot: an index into the block of values that the step's record
 * belongs to. Records that always exist, or are small, lie in the block of the record
 * around them; an array of records has one block for each element; a record that is met
 * again, or recursive, or large and optional is called and gets a block of its own.
 *
 * What the reader does not want is read all the same, with all checks, into a slot that
 * nobody looks at.
 *
 * Immutable after compiling; all workers share it.
 */
#ifndef SCHEMA_PROGRAM_H
#define SCHEMA_PROGRAM_H

#include "schema/decoder.h"

enum op_code {
    OP_NULL, /* nothing on the wire */
    OP_BOOL,
    OP_INT, /* also int as long */
    OP_LONG,
    OP_INT_TO_DOUBLE,
    OP_INT_TO_FLOAT, /* rounded to single precision */
    OP_LONG_TO_DOUBLE,
    OP_LONG_TO_FLOAT,
    OP_INT_TO_MICROS, /* milliseconds as the reader's microseconds */
    OP_LONG_TO_MICROS,
    OP_LONG_TO_MILLIS, /* and back */
    OP_FLOAT,          /* also float as double */
    OP_DOUBLE,
    OP_TEXT,          /* length, bytes, UTF-8 checked; head says string or bytes */
    OP_BYTES,         /* length, bytes, unchecked */
    OP_FIXED,         /* a: bytes */
    OP_ENUM,          /* a: first of its entries in symbols; b: how many */
    OP_CONST,         /* a: which constant; nothing on the wire */
    OP_UNION,         /* a: first of its entries in targets; b: how many */
    OP_OPTIONAL,      /* null or what follows; x: null's index; a: where to go on after null */
    OP_OPTIONAL_TEXT, /* the same with a text, in one step; a: head of null */
    OP_RECORD,        /* the record's own value; a: fields; b: slot of the first; x: level */
    OP_LOOP,          /* array or map; a: which loop; x: level */
    OP_NEXT,          /* the end of a loop's body */
    OP_CALL,          /* a: which function; x: level */
    OP_RETURN,
    OP_JUMP, /* a: where to */
    OP_FAIL, /* a: which text */
    OP_HALT,
};

struct op {
    uint16_t code;
    uint16_t x;
    uint32_t head; /* kind and branch of the value as its first four bytes */
    uint32_t slot;
    uint32_t a;
    uint32_t b;
    uint32_t path; /* which text says where this is, for errors */
};

struct loop {
    uint32_t stride;       /* slots of an element's block; 0: elements are written in place */
    uint32_t min_bytes;    /* an item has at least so many on the wire */
    uint32_t element_head; /* of the record, with stride > 0 */
    uint32_t field_count;
    uint32_t end; /* the step after OP_NEXT */
    bool is_map;
    bool is_skipped; /* nothing is kept: every item goes to the sink */
};

struct function {
    uint32_t entry;
    uint32_t slots; /* of its block */
    uint32_t field_count;
    bool is_skipped; /* nothing is kept */
};

struct decoder {
    struct op *ops; /* owned, as all below */
    size_t op_count;
    struct loop *loops;
    size_t loop_count;
    struct function *functions;
    size_t function_count;
    uint32_t *targets;
    size_t target_count;
    struct value *symbols; /* VALUE_ENUM ready to be stored; VALUE_NULL: unknown to the reader */
    size_t symbol_count;
    struct value *constants;
    size_t constant_count;
    char **texts; /* each owned */
    size_t text_count;
    uint32_t root_slots; /* slot 0 is the root value */
    uint32_t key_head;   /* of a map's key */
};

#endif /* SCHEMA_PROGRAM_H */
