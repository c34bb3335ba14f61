/**
 * answer_text - what a destination says to one batch, as bytes the real readers of answers read.
 *
 * Also which of its events it took, and whether the answer says so.
 */
#ifndef REHEARSE_ANSWER_TEXT_H
#define REHEARSE_ANSWER_TEXT_H

#include "base/buf.h"
#include "config/config.h"
#include "http/client.h"
#include "rehearse/world.h"
#include "trial/fault.h"

/* What is asked. */
struct answer_question {
    const struct config_type *type;
    const struct fault *fault; /* NULL: it is well */
    size_t count;              /* events of the batch */
    enum record_mark mark;     /* of one of them, or NONE */
    size_t culprit;
    const struct trace_healthy
        *healthy;                     /* what type http says when it is well; NULL: a plain 200 */
    const struct http_target *target; /* how long the sender waits */
    uint64_t latency_ms;              /* of a healthy answer */
    double ambiguous;                 /* share of failed requests that were taken all the same */
};

struct answer_text {
    struct http_reply reply; /* its body points into @body */
    struct buf body;
    uint64_t latency_ms;
    bool is_taken;               /* by the destination, but for what @partial refuses */
    const struct fault *partial; /* it refuses some of @count events; NULL: none */
    size_t count;
    bool tells; /* that it took what it took */
};

void answer_text_init(struct answer_text *answer);
void answer_text_fini(struct answer_text *answer);
void answer_text_write(struct answer_text *answer, const struct answer_question *question,
                       struct rng *rng);
bool answer_text_takes(const struct answer_text *answer, size_t index);

#endif /* REHEARSE_ANSWER_TEXT_H */
