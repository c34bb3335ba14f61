/**
 * yaml - a bounded YAML document as nodes that know their file, line and column.
 *
 * Read with libyaml's event API (its tree builder is quadratic in nesting and has
 * no bounds): file <= 1 MiB, depth <= 32, one document; anchors, aliases, tags,
 * merge keys and duplicate keys are errors with their place. ${NAME} and
 * ${NAME:-default} inside scalars are replaced from the environment here, also
 * within a longer text; $${ is a literal ${. An unset NAME without default is an error.
 *
 * The document owns all nodes and texts; nobody changes them after yaml_doc_open(), so any
 * thread may read. All errors go to the diags; a broken part of the file does not hide the
 * errors after it.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "base/diag.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    struct place place;
    struct span text; /* scalar: after ${} replacement; terminated behind len */
    bool is_quoted;   /* scalar written in quotes or as a block: never null, bool or number */
    bool is_replaced; /* some of the text came from the environment */
    bool is_broken;   /* the text could not be read; already reported: say no more about it */
    struct yaml_pair *pairs;  /* map, in file order */
    struct yaml_node **items; /* list */
    size_t count;             /* pairs or items */
};

struct yaml_pair {
    struct span key;
    struct place place; /* of the key */
    struct yaml_node *value;
};

struct yaml_doc; /* owns all nodes, texts and the file name */

/** NULL when the file cannot be read or is not YAML; why is in @diags. Errors that do not hide
 * the rest (a duplicate key, a bad ${}) are only added to @diags, so that all come at once. */
struct yaml_doc *yaml_open(const char *path, struct diags *diags);
/** The same from memory; @name stands in messages. Text is not replaced from the environment if
 * @is_literal. */
struct yaml_doc *yaml_parse(const char *name, struct span text, bool is_literal,
                            struct diags *diags);
/* Hidden, because libyaml exports a function of its own with this name and would call ours. */
__attribute__((visibility("hidden"))) void yaml_free(struct yaml_doc *doc);
const struct yaml_node *yaml_root(const struct yaml_doc *doc);
/** The SHA-256 of the bytes as they were read, the first twelve digits as `sha256sum` prints them.
 */
const char *yaml_digest(const struct yaml_doc *doc);

const struct yaml_node *yaml_get(const struct yaml_node *map,
                                 const char *key);          /* NULL when absent */
bool yaml_is_null(const struct yaml_node *node);            /* unquoted null, ~ or nothing */
bool yaml_as_bool(const struct yaml_node *node, bool *out); /* unquoted true/false/yes/no/on/off */

/* Typed values as the contract writes them; false when the text is not one. */
bool value_duration(struct span text, uint64_t *ms);    /* 200ms 30s 5m 2h 6d */
bool value_size(struct span text, uint64_t *bytes);     /* 64KiB 1MiB 10MB 512 */
bool value_percent(struct span text, double *fraction); /* 20% -> 0.2 */
bool value_rate(struct span text, double *per_second);  /* 10/s 600/m */
bool value_duration_range(struct span text, uint64_t *from_ms, uint64_t *to_ms); /* 5s..5m */
/** A range that runs forwards, or one duration for both. */
bool value_durations(struct span text, uint64_t *from_ms, uint64_t *to_ms);
/** HOST:PORT or [::1]:PORT; the host without brackets. */
bool value_listen(struct span text, struct span *host, uint16_t *port);

#endif /* CONFIG_YAML_H */
