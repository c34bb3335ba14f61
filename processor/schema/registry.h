/**
 * registry - schemas by id from a Confluent-compatible schema registry.
 *
 * Calls block. One thread at a time uses a registry; only registry_abort() may come from another
 * thread. Answers are not trusted: their size, the nesting of JSON, and the number and depth of
 * references have limits, circular references are refused, and the schema is checked like any other
 * (schema/schema.h).
 *
 * Errors
 *    ERR_NET, ERR_CONFIG - it is down, busy or refuses the credential: ask again later
 *    ERR_BUSY            - its answer cannot be used: ask again later
 *    ERR_ABSENT          - it has no such id: 404 with its own error_code 404xx. A plain 404 may
 *                          come from any server on the way
 *    ERR_DATA            - the schema exists and can never be read
 *    ERR_STATE           - aborted
 */
#ifndef SCHEMA_REGISTRY_H
#define SCHEMA_REGISTRY_H

#include "config/config.h"
#include "schema/schema.h"

enum { REGISTRY_REFERENCES_MAX = 64, REGISTRY_REFERENCE_DEPTH_MAX = 16 };

struct registry;

/** Keeps @config, which has at least one URL. Reads schemas of at most @schema_bytes_max. */
struct registry *registry_new(const struct config_registry *config, size_t schema_bytes_max);
void registry_free(struct registry *registry);
void registry_abort(struct registry *registry);

/** One of the URLs answers as a schema registry and accepts the credential. ERR_BUSY: the server
 * answers, but not as a registry; the text has its answer. */
NODISCARD enum err_code registry_probe(struct registry *registry, struct err *err);
/* Why a request ended with ERR_NET, ERR_CONFIG or ERR_BUSY. */
enum registry_failure_kind {
    REGISTRY_NO_ANSWER,  /* no URL gave an answer */
    REGISTRY_BAD_ANSWER, /* an answer that may change: 5xx, 401, a page, invalid JSON */
    REGISTRY_REFUSED,    /* an answer about this id: any other 4xx, or too large */
    REGISTRY_BUSY,       /* it throttles: 429, or 503 with Retry-After */
};

struct registry_failure {
    enum registry_failure_kind kind;
    unsigned status;         /* of the last answer; 0: none */
    uint64_t retry_after_ms; /* BUSY: as it was asked for; 0: not said */
    uint64_t cause;          /* the same number for the same cause, to tell a new one */
    bool is_timeout;         /* NO_ANSWER: it accepted the request and did not answer */
};

/** Of the last request. */
const struct registry_failure *registry_last_failure(const struct registry *registry);
/** Copy from @from to @to which URLs answered. */
void registry_learn(struct registry *to, const struct registry *from);
/** The schema @id with all it refers to. */
NODISCARD enum err_code registry_fetch(struct registry *registry, uint32_t id, struct schema **out,
                                       struct err *err);
/** Register @json under @subject (or find it there) and give its id. */
NODISCARD enum err_code registry_register(struct registry *registry, struct span subject,
                                          struct span json, uint32_t *id, struct err *err);

#endif /* SCHEMA_REGISTRY_H */
