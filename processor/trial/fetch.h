/** fetch - one HTTP request to a process on this machine, and its answer. */
#ifndef TRIAL_FETCH_H
#define TRIAL_FETCH_H

#include "base/buf.h"
#include "base/err.h"

/** @method GET, POST or DELETE; @body may be NULL. Any status but 200 is ERR_NET. @out is cleared
 * first. */
NODISCARD enum err_code fetch(const char *method, const char *url, const char *body,
                              uint64_t timeout_ms, struct buf *out, struct err *err);

#endif /* TRIAL_FETCH_H */
