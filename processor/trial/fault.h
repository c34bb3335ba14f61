/**
 * fault - how a destination misbehaves: from when to when, for which events, how often, and what
 * it answers then. One dialect (docs/simulator.md) and one judgement for both who answer in place
 * of a platform: `detour simulate` over real HTTP and `detour rehearse` on a virtual clock.
 *
 *     - {from: 60s, to: 120s, event: Order Completed, share: 30%, answer: {code: 50000}}
 *
 * Pure: the caller brings time and chance. Not locked.
 */
#ifndef TRIAL_FAULT_H
#define TRIAL_FAULT_H

#include "base/buf.h"
#include "base/rng.h"
#include "config/yaml.h"

enum { FAULTS_MAX = 256, FAULT_EVENTS_MAX = 64 };

enum fault_kind {
    FAULT_SLOW,       /* the healthy answer, after `latency` */
    FAULT_STATUS,     /* an HTTP status, with a body where one is given */
    FAULT_CODE,       /* a code in the body, with HTTP 200 where no status is given */
    FAULT_PARTIAL,    /* a part of the batch is refused, event by event */
    FAULT_THROTTLE,   /* asks for less, with Retry-After where one is given */
    FAULT_CREDENTIAL, /* refuses the credential */
    FAULT_HANG,       /* takes the request and never answers */
    FAULT_RESET,      /* takes the request and resets the connection */
    FAULT_TRUNCATE,   /* the first half of the healthy answer, then a reset */
    FAULT_GATEWAY,    /* HTTP 502 with the HTML page of a proxy */
    FAULT_REFUSED,    /* no connection */
    FAULT_UNWRITABLE, /* a topic that takes no records */
    FAULT_KIND_COUNT,
};
/** As an answer is called in the dialect. */
const char *fault_word(enum fault_kind kind);

/* Who answers; not everybody has every kind. */
enum fault_answerer {
    ANSWERER_SIMULATOR = 1 << 0,
    ANSWERER_CODES = 1 << 1, /* a service whose answers carry codes of its own */
    ANSWERER_HTTP = 1 << 2,  /* any other */
    ANSWERER_TOPIC = 1 << 3,
};

struct fault {
    size_t destination;         /* its index in the configuration; the simulator has one: 0 */
    uint64_t from_ms, until_ms; /* until_ms is exclusive */
    const struct span *events;  /* owned; a request with one of them; NULL: every type */
    size_t event_count;
    double share;  /* of the requests that would fit; 1: all */
    int64_t count; /* how often at most; 0: no bound */
    enum fault_kind kind;
    int64_t status; /* HTTP; 0: the kind's own */
    int64_t code;
    bool has_code;
    double items;   /* PARTIAL: the share of a batch's events that is refused, but one at least */
    bool has_items; /* else every other event */
    struct span body;
    bool has_retry_after, has_latency;
    uint64_t retry_after_ms;
    uint64_t latency_min_ms, latency_max_ms;
    bool is_recorded; /* the events are taken although the answer does not say so */
    uint64_t answered;
};

struct faults {
    struct fault *items; /* owned, as far as they were read */
    size_t count;
};

/* What a list of rules is read for. */
struct fault_reader {
    enum fault_answerer answerer;
    const char *type; /* of the destination; NULL: the simulator */
    size_t destination;
    const struct span *events; /* the only ones a rule may name; NULL: any */
    size_t event_count;
    uint64_t end_ms; /* rules begin before it; UINT64_MAX: open */
    struct diags *diags;
};

/** Append the rules of @list. Texts stay the document's, which lives as long as @out. What is
 * wrong is in the reader's diags, all at once. */
void faults_read(const struct fault_reader *reader, const struct yaml_node *list,
                 struct faults *out);
void faults_fini(struct faults *faults);
/** Report at @map when @what ("these events") end before they begin, or begin at @end_ms or later.
 */
void fault_check_stretch(const struct yaml_node *map, const char *what, uint64_t from_ms,
                         uint64_t until_ms, uint64_t end_ms, struct diags *diags);

/* What a request is, for the choice of its answer. */
struct fault_request {
    size_t destination;
    const struct span *types; /* of its events */
    size_t type_count;
    uint64_t at_ms; /* since the rules' clock began */
};

/** The first rule that fits the request and whose share is drawn, counted; NULL: the
 * destination is well. */
const struct fault *faults_find(struct faults *faults, const struct fault_request *request,
                                struct rng *rng);
/** How late its answer comes, drawn from its range. */
uint64_t fault_latency(const struct fault *fault, struct rng *rng);
/** How many of @count events a partial answer refuses, and whether the one at @index is among
 * them; they are spread evenly from @shift on. */
size_t fault_items_refused(const struct fault *fault, size_t count);
bool fault_refuses_item(const struct fault *fault, size_t index, size_t count, size_t shift);

#endif /* TRIAL_FAULT_H */
