/**
 * catalog - which decoder reads this message: framing, writer schemas, the registry.
 *
 * Shared by all workers. Readers come from schemas.directory. Writers: by registry id
 * (Confluent framing; `ids:` first, then the registry), by fingerprint (single-object;
 * every schema of the directory), or the reader itself (raw). A worker keeps its own
 * small table id -> writer so that the hot path takes no lock; a miss asks here.
 *
 * The registry is spoken to by threads of the catalog's own (libcurl; several URLs in
 * turn, basic auth, TLS verified, references followed, answers capped), up to
 * registry.requests at once. An unknown id is WRITER_PENDING until the registry answers;
 * retried with backoff for as long as it is down or answers nonsense; WRITER_UNKNOWN on its
 * definite 404 (error_code 404xx in its JSON), which is remembered for 60 s, and when its
 * answers about this id were of no use for registry.give_up while it gave other schemas.
 * At most 65,536 ids wait at once; more are PENDING without being asked for until there is
 * room. At most 131,072 ids are known.
 *
 * Which reader takes a writer: `reader:` names one record of the directory (or one file,
 * "order.avsc", where several define the same record), or maps the writer's record name to
 * that. Without it the directory must hold a single schema. The two are resolved by Avro's
 * rules with one relaxation: the top-level record's own name need not match, since the
 * configuration has said who reads whom. Names of records inside it must.
 */
#ifndef SCHEMA_CATALOG_H
#define SCHEMA_CATALOG_H

#include "config/config.h"
#include "schema/decoder.h"
#include "schema/path.h"

struct catalog;

enum writer_state {
    WRITER_READY,        /* decoder and reader are set */
    WRITER_PENDING,      /* ask again later; the event waits */
    WRITER_UNKNOWN,      /* dead letter schema_unknown */
    WRITER_INCOMPATIBLE, /* dead letter schema_incompatible: text says why */
};

/* Immutable. READY and INCOMPATIBLE live as long as the catalog and may be kept. PENDING and
 * UNKNOWN are how things stand now: an UNKNOWN may be read for a minute, then catalog_writer() is
 * asked again. */
struct writer {
    enum writer_state state;
    uint32_t reader;               /* index in catalog_readers() */
    const struct decoder *decoder; /* READY only */
    struct span record_name;       /* the writer's own record name (full) */
    const char *text;              /* why UNKNOWN or INCOMPATIBLE */
};

/* What the framing of a message says. */
struct frame {
    uint64_t key;        /* registry id or fingerprint; 0 for raw */
    struct span payload; /* Avro bytes behind the framing */
};

/** Loads the directory, parses and vets everything, checks ids: and reader:. All errors into
 * @diags; NULL then. No network. A broken .avsc is an error even if nobody needs it. Keeps @config.
 */
struct catalog *catalog_load(const struct config *config, struct diags *diags);
/** For `check`: what there is in spite of errors, so that paths and matches are looked at as well;
 * NULL when there is no reader at all. Never to be started. */
struct catalog *catalog_load_partial(const struct config *config, struct diags *diags);
/** Whether every reader that the configuration names was found. */
bool catalog_has_all_readers(const struct catalog *catalog);
void catalog_free(struct catalog *catalog); /* stops the registry thread first */
const struct readers *catalog_readers(const struct catalog *catalog);
/** Ask a configured registry whether it is one. ERR_NET when none of its URLs answers within its
 * timeout, ERR_CONFIG when it refuses the credential, ERR_BUSY when what answers does not do so as
 * a registry does. Before catalog_start(). */
NODISCARD enum err_code catalog_probe(struct catalog *catalog, struct err *err);
/** Start the registry thread. ERR_NET and ERR_CONFIG as above; ERR_BUSY is only logged. */
NODISCARD enum err_code catalog_start(struct catalog *catalog, struct err *err);

/** Take the framing off. ERR_DATA (decode_failed) when it is not there. Hot: no allocation. */
NODISCARD enum err_code catalog_unframe(const struct catalog *catalog, struct span value,
                                        struct frame *out, struct err *err);
/** The writer for @key; never blocks on the network. The returned state is a snapshot: PENDING may
 * be asked again, and @wake_fd (an eventfd of the worker, or -1) is written when it changes; a
 * copy of it is kept until then, so it may be closed. One writing answers all who wait: ask again.
 */
const struct writer *catalog_writer(struct catalog *catalog, uint64_t key, int wake_fd);

/** @key was PENDING, and more than one event waits for it: it is asked for before others. */
void catalog_want(struct catalog *catalog, uint64_t key);
/** The keys answered since *@seen (0 at first), for a worker whose events wait: into @keys, which
 * has room for CATALOG_ANSWERS. SIZE_MAX: so many were that each has to be asked for again. The
 * next answer writes to @wake_fd. */
enum { CATALOG_ANSWERS = 4096 };
size_t catalog_answers(struct catalog *catalog, uint64_t *seen, uint64_t keys[CATALOG_ANSWERS],
                       int wake_fd);

/** How the registry is doing, for metrics and the status page. An idle one is asked for the list of
 * its types every half minute. Without a registry all of it is 0. */
struct registry_state {
    bool is_configured;
    bool is_up;                 /* it answers, and not only with errors */
    uint64_t since_ms;          /* monotonic: since when it is up, or down */
    size_t waiting;             /* ids it has not answered */
    char error[ERR_TEXT_BYTES]; /* why it is down; "" while it is up */
};
void catalog_registry_state(struct catalog *catalog, struct registry_state *out);

/** Ids waiting for the registry just now, and how long the registry has not answered (0: it does).
 */
void catalog_waiting(struct catalog *catalog, size_t *ids, uint64_t *down_ms);

/** Register @json under @subject and give its id: at start (blocking, bounded by the registry's
 * timeout). */
NODISCARD enum err_code catalog_register(struct catalog *catalog, struct span subject,
                                         struct span json, uint32_t *id, struct err *err);
/** The framing header for a value written with reader @reader: Confluent needs an id (from `ids:`
 * whose file is that schema, or registered under @subject), single-object its fingerprint, raw
 * nothing. For generate and tests. */
NODISCARD enum err_code catalog_frame_header(struct catalog *catalog, size_t reader,
                                             struct span subject, struct buf *out, struct err *err);

#endif /* SCHEMA_CATALOG_H */
