/**
 * generator - invented events of the configured schemas, good and bad, framed and ready
 * to be produced.
 *
 * The n-th event depends on the seed and n alone (and the time it is given), so a seed
 * repeats a run and a run can be continued; the ways of being bad go round in turn. A good
 * event decodes with the configuration's own catalog; a bad one does not, which is checked
 * for each.
 */
#ifndef TRIAL_GENERATOR_H
#define TRIAL_GENERATOR_H

#include "schema/catalog.h"
#include "trial/corrupt.h"

struct generator;

struct generator_options {
    uint64_t seed;
    uint64_t start_index;
    double bad;         /* share of records that do not decode */
    double no_consent;  /* share of events whose user did not consent */
    size_t huge_bytes;  /* size of a huge bad record */
    struct span topic;  /* names the subject TOPIC-value at a registry */
    struct span schema; /* only this reader, by full name; absent: all in turn */
};

/* One record; valid until the next. */
struct generated {
    uint64_t index;
    enum bad_kind bad;
    bool has_consent;  /* also where the event has no field that could say otherwise */
    struct span key;   /* the user's id */
    struct span value; /* ptr NULL: none */
    struct span event_type;
    struct span event_id;
    const struct value *root; /* what was encoded (before a bad record was corrupted) */
    const struct type *type;
};

enum { GENERATOR_HUGE_BYTES = 900 * 1024 };

/** Keeps @config and @catalog, which is started. ERR_CONFIG when no schema can be written. */
NODISCARD enum err_code generator_open(const struct config *config, struct catalog *catalog,
                                       const struct generator_options *options,
                                       struct generator **out, struct err *err);
void generator_close(struct generator *generator);
NODISCARD enum err_code generator_next(struct generator *generator, int64_t now_ms,
                                       struct generated *out, struct err *err);
/** Has any event so far had a field about consent? */
bool generator_knows_consent(const struct generator *generator);
/** The id of the event @index: how somebody who saw the id finds the event again. */
void generator_event_id(uint64_t seed, uint64_t index, char out[40]);
/** The other way round; false when the id is not of this seed. */
bool generator_event_index(uint64_t seed, struct span event_id, uint64_t *index);

#endif /* TRIAL_GENERATOR_H */
