/**
 * sim_core - one run of the whole core from one seed: a configuration, traffic, faults of
 * destinations and topics, workers that come and go; then all faults stop and it must drain.
 */
#ifndef SIM_CORE_H
#define SIM_CORE_H

#include "sim_world.h"

/* What was seen over a suite: bit sets by enum. */
struct sim_seen {
    unsigned reasons, blocks;
    unsigned cell_states, destination_states, causes, scopes;
    unsigned moves; /* of cells and destinations: 1 << (from * 4 + to) */
    bool is_throttled, is_held, is_flapping;
    bool has_skipped, has_ambiguous, has_duplicate, has_outage;
    bool has_late_commit, has_removed, has_changed;
    uint64_t runs, events, requests;
};

/* The configurations of tests/data/sim, compiled once. */
struct sim_cast;
/** NULL (reported on stderr) when one cannot be compiled. @directory: of the files. */
struct sim_cast *sim_cast_new(const char *directory);
void sim_cast_free(struct sim_cast *cast);

enum sim_event {
    SIM_PURCHASE,
    SIM_VIEW,
    SIM_SIGNUP,
    SIM_DROPPED,
    SIM_NOBODYS, /* no route takes it */
    SIM_GARBAGE,
    SIM_TOMBSTONE,
    SIM_STRANGE,      /* its schema is unknown */
    SIM_INCOMPATIBLE, /* its schema cannot be read as ours */
    SIM_UNTYPED,      /* no event type */
    SIM_OLD,          /* a purchase of ten days ago */
    SIM_EVENT_COUNT,
};

/* What is wrong with a record, for whoever is to take it. */
enum sim_mark {
    MARK_NONE,
    MARK_NAMED,   /* its batch is refused, the answer names it */
    MARK_UNNAMED, /* its batch is refused, the answer does not say for whom */
    MARK_UNKNOWN, /* its batch is answered in a way nobody has a rule for */
    MARK_LARGE,   /* topics refuse it as too large, until somebody raises their limit */
    MARK_REFUSED, /* topics refuse it without a key; at odd offsets with one as well, until somebody
                     changes them */
};

enum { SIM_FAULTS_MAX = 32, SIM_CHANGES_MAX = 8 };

/* What happens in one run. */
struct sim_script {
    size_t config;
    struct sim_world_options options; /* without watch and metrics */
    struct fault faults[SIM_FAULTS_MAX];
    size_t fault_count;
    double rate;        /* events a second */
    uint64_t until_ms;  /* traffic and faults */
    unsigned odd;       /* one in so many events is not an ordinary one; 0: none */
    unsigned marked;    /* one in so many is refused by those who are to take it; 0: none */
    enum sim_mark mark; /* in this way; NONE: in any */
    double ambiguous;   /* share of failed requests that the destination took all the same */
    struct sim_change {
        uint64_t at_ms;
        enum {
            CHANGE_REBALANCE,
            CHANGE_KILL,
            CHANGE_STOP,
            CHANGE_SLEEP,
            CHANGE_REMOVE, /* of a log */
            CHANGE_TRUNCATE,
            CHANGE_REPLACE,
        } kind;
        uint32_t worker;
        int32_t partition;
        uint64_t records;  /* TRUNCATE: how many are lost */
        bool is_forgotten; /* REPLACE: and the group's offset with it */
    } changes[SIM_CHANGES_MAX];
    size_t change_count;
    bool is_calm; /* no fault, no change, no odd event: then there may be no duplicate either */
};

enum sim_config { SIM_ONE, SIM_CHAIN, SIM_FAN, SIM_PRIORITY, SIM_WAIT, SIM_CONFIG_COUNT };

/** Draw the whole of it from @seed. */
void sim_draw(struct sim_cast *cast, uint64_t seed, struct sim_script *out);
/** Scenes that chance would hardly set: their number, and one of them with its name. */
size_t sim_plight_count(void);
const char *sim_plight(struct sim_cast *cast, size_t number, struct sim_script *out);
/** @rate events a second for a minute, one in a hundred of them refused as @mark says. */
void sim_poison(enum sim_mark mark, double rate, struct sim_script *out);
/** Two legs, of which one is served late, and dead letters that cannot be written, while workers
 * stop, come back and share anew. */
void sim_handovers(struct sim_cast *cast, struct sim_script *out);
/** The index of a destination of @config by its name. */
size_t sim_destination(const struct sim_cast *cast, size_t config, const char *name);
/** Play it. The ledger's failure says what is wrong; the caller ends it. @digest: of all that was
 * seen outside, for comparing runs. */
void sim_play(struct sim_cast *cast, const struct sim_script *script, struct sim_seen *seen,
              struct ledger *ledger, uint64_t *digest);

#endif /* SIM_CORE_H */
