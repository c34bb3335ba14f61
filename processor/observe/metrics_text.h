/**
 * metrics_text - one line of the Prometheus text format: name{label="value",...} number.
 *
 * The sample borrows the buffer. One thread for each; nothing fails.
 */
#ifndef OBSERVE_METRICS_TEXT_H
#define OBSERVE_METRICS_TEXT_H

#include "base/buf.h"

/* A line being written. */
struct sample {
    struct buf *out;
    bool has_label;
};

struct sample sample_begin(struct buf *out, const char *name, const char *suffix);
/** @value is escaped as the format asks for. */
void sample_label(struct sample *sample, const char *name, struct span value);
void sample_end_u64(struct sample *sample, uint64_t number);
void sample_end_double(struct sample *sample, double number);

#endif /* OBSERVE_METRICS_TEXT_H */
