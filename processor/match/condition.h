/**
 * condition - one test of one subject: an operator and what it compares with.
 *
 * Reading one (condition_read.c) checks the literals against what the reader schemas
 * say the subject can hold; an error names the place, the type and the way out.
 * Testing one (condition.c) neither allocates nor fails.
 *
 * What a missing subject satisfies: missing, !=, !~. What a text satisfies that a
 * pattern could not decide (match/pattern.h): !~ only, as if it were missing.
 *
 * A condition is made at the start and does not change: all workers share it. The table that it
 * belongs to owns it.
 */
#ifndef MATCH_CONDITION_H
#define MATCH_CONDITION_H

#include "match/pattern.h"
#include "match/subject.h"

enum operation {
    OP_EXISTS,
    OP_MISSING,
    OP_IN,  /* equal to one of the literals */
    OP_NOT, /* != */
    OP_AT_LEAST,
    OP_MORE,
    OP_AT_MOST,
    OP_LESS,
    OP_BETWEEN, /* both ends belong to it */
    OP_FIND,    /* =~ */
    OP_NOT_FIND,
};

/* How a literal may be understood; what is seen decides. */
enum {
    MEANS_TEXT = 1u << 0,
    MEANS_NUMBER = 1u << 1, /* also a duration, in milliseconds */
    MEANS_TIME = 1u << 2,
    MEANS_BOOL = 1u << 3,
};

struct literal {
    unsigned means;
    bool boolean;
    struct span text; /* as written; borrowed from the YAML document */
    struct numeric number;
    int64_t time_us;
};

struct condition {
    const struct subject *subject; /* the table's */
    enum operation op;
    struct literal *literals; /* owned; OP_IN: any number, OP_BETWEEN: two, a pattern: none */
    size_t count;
    bool is_sorted;          /* texts only, in order */
    struct pattern *pattern; /* owned */
    struct span pattern_text;
    struct place place;
    uint64_t digest; /* equal conditions have equal digests */
};

/** Read the scalar @node, an operator or a plain value. False with an error in @diags. */
bool condition_read(const struct subject *subject, const struct yaml_node *node,
                    const struct readers *readers, struct diags *diags, struct condition *out);
/** Read those @nodes of a list that are plain values as one "any of these". */
bool condition_read_list(const struct subject *subject, const struct yaml_node *const *nodes,
                         size_t count, const struct readers *readers, struct diags *diags,
                         struct condition *out);
/** Is @node a plain value, not an operator? */
bool condition_is_plain(const struct yaml_node *node);
void condition_fini(struct condition *condition);

bool condition_holds(const struct condition *condition, const struct seen *seen);
/** "wants" in words: >= 100, one of [a, b]. */
void condition_write(const struct condition *condition, struct buf *out);
/** What was seen, in words; texts from the event are not shown, they may be personal. */
void condition_write_seen(const struct condition *condition, const struct seen *seen,
                          struct buf *out);

#endif /* MATCH_CONDITION_H */
