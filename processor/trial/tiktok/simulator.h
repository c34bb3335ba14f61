/**
 * simulator - the simulated Events API without its sockets: a request in, an answer out.
 *
 * Plays the script, then the service's own checks in their order, and keeps the account
 * of what was accepted. Thread-safe; the caller brings the time, so a test can play any
 * schedule. What the answer does to the connection (hang, reset, cut) is told as an
 * action and done by server.c.
 */
#ifndef TRIAL_TIKTOK_SIMULATOR_H
#define TRIAL_TIKTOK_SIMULATOR_H

#include "base/buf.h"
#include "trial/fault.h"
#include "trial/tiktok/contract.h"

enum { SIM_BODY_BYTES_MAX = 8 << 20, SIM_IDS_MAX = 4000000 };

struct simulator_options {
    bool is_strict;
    bool is_index_named;
    bool is_clock_first;       /* script times count from the first event request */
    const char *const *tokens; /* none: any token that is not empty */
    size_t token_count;
    const char *const *expired;
    size_t expired_count;
    const char *const *allows; /* "TOKEN=SOURCE_ID"; none: every token may use every source */
    size_t allow_count;
    double rate; /* requests a second and token; 0: no limit */
    uint64_t latency_min_ms, latency_max_ms;
    uint64_t seed;
    size_t ids_max;
};

struct sim_request {
    struct span method;
    struct span path;         /* without the query */
    struct span query;        /* behind the question mark; may be absent */
    struct span token;        /* Access-Token; ptr NULL: not there */
    struct span content_type; /* ptr NULL: not there */
    struct span body;
    uint64_t now_ms; /* monotonic */
    int64_t wall_ms;
};

enum sim_action {
    SIM_ANSWER,
    SIM_HANG,     /* keep the connection, answer nothing */
    SIM_RESET,    /* reset the connection */
    SIM_TRUNCATE, /* send the first half of the body, then reset */
};

enum { REQUEST_ID_BYTES = 40 };

struct sim_answer {
    enum sim_action action;
    int status;
    const char *content_type;
    struct buf body; /* the caller inits and finis */
    uint64_t delay_ms;
    uint64_t retry_after_s;
    bool has_retry_after;
    char request_id[REQUEST_ID_BYTES];
};

/* The failure modes to play, with the document that their texts are in. */
struct sim_script {
    struct yaml_doc *doc; /* owned */
    struct faults faults;
};

/** @doc (taken) is the list of rules, or a map with the list under `modes`; NULL: it could not be
 * read. All errors into @diags. */
void sim_script_read(struct yaml_doc *doc, struct sim_script *out, struct diags *diags);
void sim_script_fini(struct sim_script *script);

struct simulator;

/** Keeps the texts of @options; takes @script. */
struct simulator *simulator_new(const struct simulator_options *options, struct sim_script script,
                                uint64_t now_ms);
void simulator_free(struct simulator *simulator);
void simulator_handle(struct simulator *simulator, const struct sim_request *request,
                      struct sim_answer *out);
/** The account as JSON, as GET /_simulate/account gives it. */
void simulator_account(struct simulator *simulator, struct buf *out);

#endif /* TRIAL_TIKTOK_SIMULATOR_H */
