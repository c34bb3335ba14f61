/**
 * registry - schemas by id from a Confluent-compatible schema registry.
 *
 * Blocking, for one thread at a time (the catalog's own); registry_abort() alone may
 * come from another. What a registry says is foreign: answers are capped, JSON nesting
 * and the number and depth of references are bounded, circles among references are
 * refused, and the schema itself is vetted like any other (schema/schema.h).
 *
 * Errors, so that the caller knows what to do next
 *    ERR_NET, ERR_CONFIG - it is down, busy or refuses the credential: ask again later
 *    ERR_BUSY            - it answered, but nothing that makes sense: ask again later
 *    ERR_ABSENT          - it says for certain, in a registry's own words (error_code 404xx),
 *                          that it has no such id; a plain 404 is anybody's
 *    ERR_DATA            - the schema is there and can never be read
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

/** One of the URLs answers as a schema registry does and accepts the credential. ERR_BUSY: what
 * stands there answers, but not so (not now, or never: the text says what it answered). */
NODISCARD enum err_code registry_probe(struct registry *registry, struct err *err);
/* Why a question came to ERR_NET, ERR_CONFIG or ERR_BUSY. */
enum registry_trouble_kind {
    REGISTRY_SILENT,   /* no URL gave an answer */
    REGISTRY_TROUBLED, /* an answer that may be another one tomorrow: 5xx, 401, a page, nonsense */
    REGISTRY_REFUSED,  /* one about this very question: any other 4xx, or larger than may be */
    REGISTRY_BUSY,     /* it asks for patience: 429, or 503 with Retry-After */
};

struct registry_trouble {
    enum registry_trouble_kind kind;
    unsigned status;         /* of the last answer; 0: none */
    uint64_t retry_after_ms; /* BUSY: as it was asked for; 0: not said */
    uint64_t cause;          /* the same number for the same cause, to tell a new one */
    bool is_timeout;         /* SILENT: it took the question and never answered */
};

/** The trouble of the last question. */
const struct registry_trouble *registry_trouble(const struct registry *registry);
/** What @from knows of the URLs, @to knows, too. */
void registry_learn(struct registry *to, const struct registry *from);
/** The schema @id with all it refers to. */
NODISCARD enum err_code registry_fetch(struct registry *registry, uint32_t id, struct schema **out,
                                       struct err *err);
/** Register @json under @subject (or find it there) and give its id. */
NODISCARD enum err_code registry_register(struct registry *registry, struct span subject,
                                          struct span json, uint32_t *id, struct err *err);

#endif /* SCHEMA_REGISTRY_H */
