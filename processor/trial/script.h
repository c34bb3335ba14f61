/**
 * script - when the simulated Events API fails, for whom, and how.
 *
 * A list of modes, in YAML or JSON (docs/simulator.md). A mode holds between `from` and
 * `to`, counted from a moment the caller chooses; for all event types or the named ones;
 * for a share of the requests; at most `count` times. The first that fits a request is
 * played. Pure: the caller brings time and chance.
 */
#ifndef TRIAL_SCRIPT_H
#define TRIAL_SCRIPT_H

#include "base/buf.h"
#include "base/rng.h"
#include "config/yaml.h"

enum mode_kind {
    MODE_STATUS,   /* an HTTP status; the body holds `code` if one was given */
    MODE_CODE,     /* HTTP 200, `code` in the body */
    MODE_HANG,     /* read the request, never answer */
    MODE_SLOW,     /* answer as if healthy, after `delay` */
    MODE_RESET,    /* reset the connection without an answer */
    MODE_THROTTLE, /* 40100, Retry-After when given */
    MODE_PARTIAL,  /* 20001 with a share of the items failed */
    MODE_GATEWAY,  /* 502 with the HTML page of a proxy */
    MODE_TRUNCATE, /* a healthy answer, cut in the middle by a reset */
    MODE_TOKEN,    /* 40105: as if the credential had been revoked */
    MODE_KIND_COUNT,
};

struct script_mode {
    enum mode_kind kind;
    uint64_t from_ms, to_ms; /* to_ms is exclusive; UINT64_MAX: open */
    char **events;           /* owned; none: every event type */
    size_t event_count;
    int status;   /* HTTP status; 0: the kind's own */
    int32_t code; /* body code */
    bool has_code;
    double share;   /* of the requests */
    double items;   /* partial: of the items of a request */
    uint64_t count; /* how often it may be played; UINT64_MAX: no bound */
    uint64_t delay_min_ms, delay_max_ms;
    uint64_t retry_after_s;
    bool has_retry_after;
    bool is_recorded; /* the events are taken although the answer does not say so */
    uint64_t played;
};

struct script {
    struct script_mode *modes; /* owned */
    size_t count;
};

/** @root is the list of modes, or a map with the list under `modes`. All errors into @diags. */
void script_read(const struct yaml_node *root, struct script *out, struct diags *diags);
void script_fini(struct script *script);
/** The mode to play for a request holding events of these @types, counted; NULL: none. */
const struct script_mode *script_play(struct script *script, uint64_t at_ms,
                                      const struct span *types, size_t type_count, struct rng *rng);
const char *mode_word(enum mode_kind kind);
/** [{"mode":"status","played":12},...] */
void script_json(const struct script *script, struct buf *out);

#endif /* TRIAL_SCRIPT_H */
