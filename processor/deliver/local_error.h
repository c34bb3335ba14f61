/**
 * local_error - a request that could not be made for want of a resource of this machine: a
 * descriptor, memory, a file that cannot be read.
 *
 * Local resource errors never count against a destination. Its events wait a second and are sent
 * again; one line in ten seconds says how many requests it was. Owned by one sender. Pure.
 */
#ifndef DELIVER_LOCAL_ERROR_H
#define DELIVER_LOCAL_ERROR_H

#include "base/base.h"

struct local_error {
    uint64_t until_ms;  /* no request before */
    uint64_t logged_ms; /* 0: never */
    uint64_t unlogged;  /* requests since then */
};

/** One more. Returns how many are to be logged now; 0: they were just told. */
uint64_t local_error_count(struct local_error *error, uint64_t now_ms);

#endif /* DELIVER_LOCAL_ERROR_H */
