/**
 * transfer - one request over libcurl: how its easy handle is set up, what comes back, and what a
 * reply is made of.
 *
 * Owned by a client (client.c), which keeps finished ones for the next requests; used on its
 * thread only. For http/client.c alone.
 */
#ifndef HTTP_TRANSFER_H
#define HTTP_TRANSFER_H

#include <curl/curl.h>

#include "http/client.h"
#include "http/head.h"

struct http_transfer {
    struct http_transfer *next, *previous; /* the client's: active, or next of the spare ones */
    CURL *easy;                            /* owned */
    const char *system_ca;                 /* libcurl's own defaults, lent by it */
    const char *system_ca_directory;
    struct curl_slist *headers; /* owned */
    const struct http_target *target;
    http_reply_fn *done;
    void *context;
    struct buf body;    /* of the answer */
    struct head head;   /* of the answer */
    size_t sends_bytes; /* of the request's body */
    uint64_t started_us;
    bool is_oversized;
    bool is_refused;  /* the address policy said no */
    bool is_broken;   /* its kept connection ended after it was sent, before an answer */
    int socket_errno; /* of the last socket that could not be had */
};

/** NULL: libcurl gives no handle. */
struct http_transfer *http_transfer_new(void);
void http_transfer_free(struct http_transfer *transfer);
/** Set up for @request, not yet started. @is_fresh: over a new connection. ERR_LIMIT: no memory. */
NODISCARD enum err_code http_transfer_set(struct http_transfer *transfer,
                                          const struct http_request *request, bool is_fresh,
                                          struct err *err);
/** It ended with @result, or its first byte did not come in time. */
void http_transfer_reply(const struct http_transfer *transfer, CURLcode result,
                         bool is_first_byte_late, struct http_reply *reply);
/** Give back what only this request needed. */
void http_transfer_rest(struct http_transfer *transfer);

#endif /* HTTP_TRANSFER_H */
