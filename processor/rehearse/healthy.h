/**
 * healthy - what each destination of type http says when it is well, so that its own rules
 * call it delivered: what the trace gives, or else what can be made up from `verdicts:`.
 */
#ifndef REHEARSE_HEALTHY_H
#define REHEARSE_HEALTHY_H

#include "deliver/pipeline.h"
#include "destinations/http/example.h"
#include "rehearse/trace.h"

struct healthy {
    struct example *answers; /* owned; by destination, those of other types are not used */
    size_t count;
};

/** False: some answer is not delivered, or none could be made up; all such in @diags. */
bool healthy_init(struct healthy *healthy, const struct pipeline *pipeline,
                  const struct trace *trace, struct diags *diags);
void healthy_fini(struct healthy *healthy);

#endif /* REHEARSE_HEALTHY_H */
