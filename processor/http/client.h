/**
 * client - HTTP requests of one worker over one curl multi handle.
 *
 * HTTP/1.1, keep-alive, TLS verified always (>= 1.2), redirects off, no proxy from the
 * environment, no Accept-Encoding, no Expect. An answer may cost answer_bytes of body and 32 KiB
 * of headers; more aborts it. An answer whose framing can be read in two ways is none (head.h).
 * Never blocks but in http_wait().
 *
 * Ownership: the request body is borrowed until the reply callback returns; header
 * values are copied. Replies are given from http_turn(), on the worker's thread.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

enum { HTTP_ANSWER_BYTES = 64 * 1024 };

struct http_client;

/* One place requests go: URL, TLS, limits. Shared by its requests, owned by the worker. */
struct http_target {
    const char *url;         /* whole, terminated */
    const char *method;      /* or NULL: POST */
    const char *ca_file;     /* or NULL */
    const char *certificate; /* of our own, PEM file; or NULL */
    const char *key;         /* its private key, PEM file, not encrypted; or NULL */
    const char *username;    /* sent with the password as Basic credential; or NULL: none */
    const char *password;
    bool is_path_as_is; /* `..` in the path stays */
    bool keeps_headers; /* replies carry the header lines of the answer */
    bool is_private_allowed;
    uint64_t connect_ms, first_byte_ms, total_ms;
    uint32_t connections_max; /* kept alive */
    size_t answer_bytes;      /* of an answer's body, at most; 0: HTTP_ANSWER_BYTES */
};

struct http_reply {
    int status;          /* 0: no HTTP answer */
    struct span body;    /* what came; of an oversized one its beginning, as much as answer_bytes;
                            borrowed until the callback returns */
    struct span headers; /* "Name: value" lines of the answer, where the target keeps them; borrowed
                            likewise */
    bool is_sent;        /* at least one request byte was written: the outcome may be ambiguous */
    bool is_local;       /* for want of something of our own: says nothing of the destination */
    bool is_timeout;
    bool is_oversized; /* the body, so that status and headers are whole and body is not */
    bool has_retry_after;
    uint64_t retry_after_ms; /* both forms; capped at 15 min; junk and negative ignored */
    char error[256];         /* our words for the transport error; empty when status != 0 */
    char request_id[64];     /* X-Tt-Logid or X-Request-Id, printable ASCII */
    uint64_t duration_us;
};

typedef void http_reply_fn(void *context, const struct http_reply *reply);

/* One request. It is read by http_post() only, but target and body are borrowed until the callback
 * returns. */
struct http_request {
    const struct http_target *target;
    const char *const *headers; /* "Name: value" lines, terminated; copied */
    size_t header_count;
    struct span body; /* with one: a POST; without (ptr NULL): a GET; or what the target says */
    http_reply_fn *done;
    void *context; /* of done */
};

NODISCARD enum err_code http_client_new(struct http_client **out, struct err *err);
void http_client_free(struct http_client *client); /* aborts what is under way, without callbacks */

/** Start a request. ERR_LIMIT, and no callback, when libcurl or memory refuse it. */
NODISCARD enum err_code http_post(struct http_client *client, const struct http_request *request,
                                  struct err *err);
/** Wait until a socket, one of @fds (eventfds) or @timeout_ms is ready. */
void http_wait(struct http_client *client, const int *fds, size_t fd_count, uint64_t timeout_ms);
/** Let requests move on; calls back for the finished ones. */
void http_turn(struct http_client *client);
/** For callers that have nothing else to do: wait and turn until nothing is in flight. False:
 * @stop_fd (an eventfd; -1: none) became ready before. */
bool http_finish(struct http_client *client, int stop_fd);
size_t http_in_flight(const struct http_client *client);

/** The value of the first header @name in the header lines of a reply; SPAN_NONE when there is
 * none.
 */
struct span http_header_find(struct span lines, struct span name);

/** "120" or an HTTP date relative to @now_wall_ms; false for junk, negative or past; capped at 15
 * min. Own code around curl_getdate(), because CURLINFO_RETRY_AFTER is 0 for none and for "0",
 * reads what is no number as one, and is not bounded. */
bool http_retry_after(struct span value, int64_t now_wall_ms, uint64_t *ms);

#endif /* HTTP_CLIENT_H */
