/**
 * keys - read a YAML map by a table of its keys: what traces and fault rules are written in.
 *
 * One row for each key: its name, the type of its value, and where in the caller's struct it
 * goes. A key that is not in the table and a value that is not of the row's type are errors with
 * their place; all come at once. No memory: texts and nodes stay the document's.
 */
#ifndef TRIAL_KEYS_H
#define TRIAL_KEYS_H

#include <stddef.h>

#include "config/yaml.h"

enum key_type {
    KEY_DURATION, /* uint64_t ms */
    KEY_RANGE,  /* two uint64_t ms, at offset and offset_more: a range, or one duration for both */
    KEY_SHARE,  /* double, 0 to 1: a percentage */
    KEY_RATE,   /* double, a second; above 0 */
    KEY_REAL,   /* double */
    KEY_NUMBER, /* int64_t within min..max */
    KEY_BOOL,   /* bool */
    KEY_TEXT,   /* struct span of at least min bytes */
    KEY_NODE,   /* const struct yaml_node *: the caller reads it */
};

struct key {
    const char *name;
    enum key_type type;
    unsigned where; /* bit set: the maps that may have it */
    size_t offset, offset_more;
    size_t offset_has; /* a bool that is set when the key is there; 0: none */
    int64_t min, max;
    const char *wanted; /* NULL: the words for its type */
};

struct keys {
    const struct key *rows;
    size_t count;
};

/** Read @map, called @what in messages, onto @out by the rows that share a bit with @where. What
 * is absent or wrong leaves @out as it is. False: something was wrong, and is in @diags. */
bool keys_read(const struct keys *keys, unsigned where, const struct yaml_node *map,
               const char *what, void *out, struct diags *diags);
/** "@what wants @wanted" at @node, unless its text could not be read, which is already reported. */
void keys_complain(struct diags *diags, const struct yaml_node *node, const char *what,
                   const char *wanted);

#endif /* TRIAL_KEYS_H */
