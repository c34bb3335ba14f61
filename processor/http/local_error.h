/**
 * local_error - requests that failed for a resource of this machine, and the way out.
 *
 * A file of certificates that cannot be read, no file descriptor, no memory: none of these says
 * anything about the destination, and none counts against it.
 *
 * Owns nothing; any thread.
 */
#ifndef HTTP_LOCAL_ERROR_H
#define HTTP_LOCAL_ERROR_H

#include <curl/curl.h>

#include "http/client.h"

/* How a request ended. */
struct local_error_signs {
    CURLcode result;
    int socket_errno;      /* of the last socket that could not be had; 0: all could */
    bool is_sent;          /* at least one byte of the request was written */
    const char *system_ca; /* what is verified with where the target names no file; or NULL */
};

/** Whether it was ours; then @text says what is missing and what to do about it. Looks at the
 * files and at what descriptors are left, so it has to be asked at once. */
bool local_error_find(const struct local_error_signs *signs, const struct http_target *target,
                      char *text, size_t bytes);

#endif /* HTTP_LOCAL_ERROR_H */
