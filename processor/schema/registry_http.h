/**
 * registry_http - one question to the schema registry, over http/client; several URLs in turn.
 *
 * Blocking, for one thread at a time; registry_http_abort() alone may be called from
 * another one and ends a running question at once. No answer, or one of no use (401,
 * 403, 408, 429, 3xx, 5xx, larger than the answer's buffer) makes the next URL be asked;
 * when all have been asked it is ERR_NET, with what each said. Texts name URLs without credentials
 * and secrets by their source.
 *
 * The answer's buffer is the caller's.
 */
#ifndef SCHEMA_REGISTRY_HTTP_H
#define SCHEMA_REGISTRY_HTTP_H

#include "config/config.h"

enum { REGISTRY_CONTENT_TYPE_BYTES = 64 };

struct registry_http;

struct registry_answer {
    unsigned status;
    size_t url;    /* which of the URLs answered */
    bool is_there; /* some URL gave an answer, usable or not, that does not refuse the credential */
    bool is_answered;        /* some URL gave an answer */
    bool is_too_large;       /* one of them was larger than the buffer */
    bool is_busy;            /* one of them asked for patience */
    bool is_timeout;         /* one of them took the question and never answered */
    uint64_t retry_after_ms; /* the longest that was asked for; 0: none */
    char content_type[REGISTRY_CONTENT_TYPE_BYTES]; /* fit for a log; "" when none was said */
    uint64_t cause; /* of ERR_NET and ERR_CONFIG: the same number for the same failure */
    struct buf body;
};

/** Keeps @config. */
struct registry_http *registry_http_new(const struct config_registry *config);
void registry_http_free(struct registry_http *http);
void registry_http_abort(struct registry_http *http);

/** GET @path, or POST @body when it is not absent. @answer is the caller's, initialised. ERR_NET:
 * nobody gave a usable answer. ERR_CONFIG: every URL that answered refused the credential (401 or
 * 403); worth another try, secrets change. ERR_STATE: aborted. */
NODISCARD enum err_code registry_http_ask(struct registry_http *http, const char *path,
                                          struct span body, struct registry_answer *answer,
                                          struct err *err);
/** The last answer made no sense: begin with the next URL next time. */
void registry_http_distrust(struct registry_http *http);
/** "URL answered 200 (text/html)": the answer without a word of its body. */
void registry_http_describe(const struct registry_http *http, const struct registry_answer *answer,
                            struct buf *out);
/** @text for a path: all but unreserved characters percent-encoded. */
void registry_http_escape(struct buf *out, struct span text);

#endif /* SCHEMA_REGISTRY_HTTP_H */
