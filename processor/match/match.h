/**
 * match - the `match:` of one route: a tree as written, and the same as flat code.
 *
 *     {event: Purchase, properties.value: ">= 100"}       both must hold
 *     {user.country: [US, CA, missing]}                   any of these
 *     {any: [{...}, {...}], all: [{...}, {...}]}          nested
 *
 * The tree explains and is analysed (route/reachability.h); the code decides: a step tests one
 * condition and says where to go on true and on false, so that deciding is a loop
 * without a stack. The tree is as deep as the YAML allows (32), which bounds the
 * recursion over it.
 *
 * Made at the start, then immutable: all workers share it. The routing table owns it. Errors of
 * a match are diags with their place; deciding never fails.
 */
#ifndef MATCH_MATCH_H
#define MATCH_MATCH_H

#include "match/condition.h"

/* The subjects of a table, each once. */
struct subjects {
    struct subject_entry *by_name; /* owned; uthash */
    const struct config *config;
    const struct readers *readers;
};

void subjects_init(struct subjects *subjects, const struct config *config,
                   const struct readers *readers);
void subjects_fini(struct subjects *subjects);

enum node_kind { NODE_ALL, NODE_ANY, NODE_TEST };

struct match_node {
    enum node_kind kind;
    struct condition condition; /* NODE_TEST */
    struct match_node *nodes;   /* owned; the others */
    size_t count;
};

enum { STEP_TAKES = -1, STEP_REFUSES = -2 };

struct match_step {
    const struct condition *condition;
    int32_t on_true, on_false; /* a step, or one of the above */
};

struct match {
    struct match_node root;   /* NODE_ALL */
    struct match_step *steps; /* owned */
    int32_t step_count;
    int32_t entry;
    const struct condition *types; /* event = one of these, which every event must satisfy; NULL */
    const struct condition *key;   /* by which route/equality_index.h finds it; NULL: by none */
};

/** @node may be NULL: everything. False with errors in @diags; @out is to be freed all the same. */
bool match_compile(const struct yaml_node *node, struct subjects *subjects, struct diags *diags,
                   struct match *out);
void match_fini(struct match *match);

/** @is_key_known: the index has compared the key already. *conditions counts tests. */
bool match_run(const struct match *match, bool is_key_known, const struct event_view *view,
               struct arena *arena, uint64_t *conditions);
/** The same by the tree; when it refuses, why is added to @out. */
bool match_explain(const struct match *match, const struct event_view *view, struct arena *arena,
                   struct buf *out);

#endif /* MATCH_MATCH_H */
