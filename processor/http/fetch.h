/**
 * fetch - one question over HTTP for a command that has nothing else to do: an admin endpoint, the
 * simulator.
 *
 * Blocks until the answer is there or its time is over. Plain HTTP and HTTPS, private addresses
 * included. Any thread; nothing is kept between two questions.
 *
 * The buffer is the caller's.
 */
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include "base/buf.h"
#include "base/err.h"

/** @method GET, POST or DELETE; @body may be NULL. Any status but 200 is ERR_NET. @out is cleared
 * first. */
NODISCARD enum err_code http_fetch(const char *method, const char *url, const char *body,
                                   uint64_t timeout_ms, struct buf *out, struct err *err);

#endif /* HTTP_FETCH_H */
