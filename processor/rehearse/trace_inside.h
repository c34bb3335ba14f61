/** trace_inside - what reads the frame of a trace (trace.c) and its answers (trace_answer.c) share.
 */
#ifndef REHEARSE_TRACE_INSIDE_H
#define REHEARSE_TRACE_INSIDE_H

#include "rehearse/trace.h"

struct trace_reader {
    struct trace *trace;
    const struct config *config;
    struct diags *diags;
    bool is_long; /* `for` could not be read: a day stands in, so that the rest is looked at */
};

/** Report every key of @map that is not among @keys. False when @node is no map. */
bool trace_check_keys(struct trace_reader *reader, const struct yaml_node *map, const char *what,
                      const char *const *keys, size_t count);
/** "an answer wants ..." at the node. */
void trace_complain(struct trace_reader *reader, const struct yaml_node *node, const char *what,
                    const char *wanted);
/** False (reported) when the key is there and not a duration; *ms stays when it is not there. */
bool trace_read_duration(struct trace_reader *reader, const struct yaml_node *map, const char *key,
                         uint64_t *ms);
bool trace_read_share(struct trace_reader *reader, const struct yaml_node *map, double *share);

/** What `answer:` says, onto @fault. */
bool trace_read_answer(struct trace_reader *reader, const struct yaml_node *node,
                       struct fault *fault);

/** The destination that the key names; NULL (reported) when the configuration has none. */
const struct config_destination *trace_find_destination(struct trace_reader *reader,
                                                        const struct yaml_pair *pair);
/** `healthy:` of the trace. */
void trace_read_healthy(struct trace_reader *reader, const struct yaml_node *root);

#endif /* REHEARSE_TRACE_INSIDE_H */
