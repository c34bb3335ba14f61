/**
 * yaml_build - libyaml's events to nodes, with every bound that config/yaml.h promises.
 *
 * No recursion: lists and maps that are still open stand in a fixed array of frames.
 *
 * The document owns what is built. One thread. Errors go to the diags.
 */
#ifndef CONFIG_YAML_BUILD_H
#define CONFIG_YAML_BUILD_H

#include <yaml.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "config/yaml.h"

enum {
    YAML_DEPTH_MAX = 32,
    YAML_TEXT_BYTES_MAX = 256 * 1024, /* one scalar, after ${} */
    YAML_MEMORY_BYTES_MAX = 512 * 1024 * 1024,
    YAML_ERRORS_MAX = 1000, /* per file; past this it is the wrong file */
};

struct yaml_doc {
    struct arena memory;
    char *name; /* owned */
    char digest[DIGEST_SHORT_BYTES];
    struct yaml_node *root;
};

/* A list or map that is still open. */
struct yaml_frame {
    struct yaml_node *node;
    struct yaml_pair *pairs;  /* owned; map */
    struct yaml_node **items; /* owned; list */
    size_t count, cap;
    struct yaml_pair pending; /* map: a key that waits for its value */
    bool has_key;
    bool is_key_broken; /* its value is read and dropped */
};

struct yaml_builder {
    struct yaml_doc *doc;
    struct diags *diags;
    yaml_parser_t parser;
    struct span input;
    struct buf expanded;
    struct yaml_frame frames[YAML_DEPTH_MAX];
    size_t depth;
    size_t nodes;
    size_t errors_before;
    bool is_literal;
    bool has_document;
};

/** False: an error (reported) that leaves nothing sensible to read. */
bool yaml_take_event(struct yaml_builder *builder, const yaml_event_t *event);
struct place yaml_place(const struct yaml_builder *builder, yaml_mark_t mark);
/** Free what is still open. */
void yaml_builder_fini(struct yaml_builder *builder);

#endif /* CONFIG_YAML_BUILD_H */
