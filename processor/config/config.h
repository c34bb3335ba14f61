/**
 * config - one YAML file as a checked, immutable struct.
 *
 * Every scalar option stands in one table (config/options.c) that parses it, checks
 * its type and bounds, holds its default and documents it; docs/configuration.md is
 * checked against the same table. What needs the reader schema to be understood
 * (match, map, event paths, utm paths) stays a yaml_node here and is compiled by
 * route/ and destinations/, which add to the same diags.
 *
 * Units are in the names: *_ms, *_bytes; rates are per second; percentages fractions.
 * Paths of files are absolute or made relative to the configuration file's folder.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/log.h"
#include "config/secret.h"
#include "config/yaml.h"

enum start_from { START_EARLIEST, START_LATEST };
enum on_gap { GAP_HALT, GAP_SKIP };
enum past_end { PAST_END_END, PAST_END_FIRST };
enum framing { FRAMING_CONFLUENT, FRAMING_SINGLE_OBJECT, FRAMING_RAW };
enum kafka_format { KAFKA_ORIGINAL, KAFKA_UTM };
enum throttle_then { THEN_DIVERT, THEN_WAIT };
enum priority { PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW };
enum unmatched { UNMATCHED_DEAD_LETTER, UNMATCHED_DROP };

struct name_pair {
    struct span name;
    struct span value;
    struct place place;
};

struct config_kafka {
    struct span brokers;
    struct span group;
    struct span *topics;
    size_t topic_count;
    enum start_from start_from;
    enum on_gap on_gap;
    enum past_end past_end;
    struct name_pair
        *properties; /* librdkafka, verbatim; dangerous or owned ones already refused */
    size_t property_count;
};

struct config_registry {
    struct span *urls; /* url: one, or a list tried in turn; none: count 0 */
    size_t url_count;
    struct secret *username; /* may be NULL */
    struct secret *password;
    uint64_t timeout_ms;
    uint32_t requests; /* at once */
    uint64_t give_up_ms;
    uint64_t waiting_bytes; /* of events, per worker */
    struct span ca_file;    /* may be absent */
    struct place place;
};

struct config_schemas {
    struct span directory; /* absolute path */
    struct place directory_place;
    enum framing framing;
    uint64_t bytes_max; /* of one schema */
    struct config_registry registry;
    struct schema_id { /* writer schemas by registry id: number and file */
        uint32_t id;
        struct span file; /* absolute path */
        struct place place;
    } * ids;
    size_t id_count;
    struct span reader; /* one name, or absent when readers is used */
    struct place reader_place;
    struct name_pair *readers; /* writer name -> reader name */
    size_t reader_count;
};

/* Paths as written; the place says where, line 0 when it is the default. */
struct config_event {
    const struct yaml_node *type_node; /* a path scalar, or {record: name} */
    struct span type, id, time, value, currency;
    struct place type_place, id_place, time_place, value_place, currency_place;
    bool is_type_record_name; /* {record: name} */
};

struct config_destination;
struct config_section;
struct loader;

/* A type of destination, as its driver (destinations/) declares it to the configuration. */
struct config_type {
    const char *name; /* of `type:` */
    bool is_topic;    /* it gets records on a Kafka topic; else requests over HTTP */
    /* Rows that only this type has (options.h), by the name of the section they belong to. Those
     * with is_own count their offsets from a zeroed struct of own_bytes, config_destination.own. */
    const struct config_section *sections;
    size_t section_count;
    size_t own_bytes;
    /** What only shows when the whole section is read; or NULL. */
    void (*check)(struct loader *loader, struct config_destination *destination);
    /** Free the secrets of @own; or NULL: it has none. */
    void (*free)(void *own);
};

/* The types that there are, in the order in which people read of them. */
struct config_types {
    const struct config_type *const *items;
    size_t count;
};

/* A destination of any type; only the part of its type is filled. */
struct config_destination {
    struct span name;
    struct place place;
    const struct config_type *type;
    void *own;                        /* what the type's own rows fill in */
    const struct yaml_node *node;     /* the whole mapping, for map:, utm:, places */
    const struct config_event *event; /* the configuration's: defaults follow it; NULL: none */

    /* requests over HTTP */
    struct span url; /* as the driver understands it */
    struct {
        uint32_t events;
        uint64_t bytes;
        uint64_t linger_ms;
        uint64_t answer_bytes; /* 0: as the request's size says */
    } batch;
    struct {
        double requests; /* per second */
        uint32_t burst;
        bool is_shared;
    } rate;
    struct {
        uint32_t initial;
        uint32_t max;
    } concurrency;
    struct {
        uint64_t connect_ms, first_byte_ms, total_ms;
    } timeout;
    struct {
        uint32_t attempts;
        uint64_t backoff_min_ms, backoff_max_ms;
        uint64_t deadline_ms;
        double budget; /* share of requests */
    } retry;
    struct {
        uint64_t wait_ms;
        enum throttle_then then;
    } throttle;
    struct {
        uint64_t window_ms;
        uint32_t minimum;
        double failures;
        uint64_t slow_ms;
        uint64_t open_min_ms, open_max_ms;
    } health;
    uint64_t max_age_ms; /* 0: none */
    struct {
        struct span from; /* a kafka destination's name, or absent */
        double rate;
        uint64_t max_age_ms;
    } backfill;
    struct name_pair *events; /* our name -> theirs; count 0 where the type has no such list */
    size_t event_count;
    struct span ca_file;     /* PEM; absent: the system's */
    bool is_private_allowed; /* allow_private: loopback, link-local and private addresses */

    /* records on a topic */
    struct span topic;
    enum kafka_format format;
    const struct yaml_node *utm; /* NULL: defaults */
    bool is_connect_headers;     /* headers: connect */
    bool is_timestamp_kept;      /* keep_timestamp: the original's, not the time of writing */
};

struct config_leg {
    const struct config_destination **chain; /* primary first */
    size_t count;
    struct place place;
};

struct config_route {
    struct span name;
    struct place place;
    const struct yaml_node *match; /* NULL or an empty map: everything */
    enum priority priority;
    bool is_continued; /* continue: true */
    struct config_leg *legs;
    size_t leg_count;
    struct span drop; /* rule name; absent when the route has legs */
};

struct config_alert {
    struct secret *webhook;
    uint32_t on; /* bit set, see special.c */
};

struct config {
    struct yaml_doc *doc; /* owned */
    char *path;           /* absolute, owned */
    char *directory;      /* of the file, owned */
    struct arena memory;  /* every list below */

    struct config_kafka kafka;
    uint32_t workers;
    struct {
        uint32_t events;
        uint64_t bytes;
    } in_flight; /* per worker */
    struct config_schemas schemas;
    struct config_event event;
    struct config_destination *destinations;
    size_t destination_count;
    struct config_route *routes;
    size_t route_count;
    bool has_broken_routes; /* config_load_partial(): some could not be read as written */
    const struct config_destination *dead_letter;
    enum unmatched unmatched;
    struct {
        bool is_on;
        bool is_named; /* the file says so; else it is the default */
        struct span topic;
    } ledger;
    struct {
        bool is_on;
        struct span host;
        uint16_t port;
        struct secret *token; /* may be NULL: no state-changing calls */
    } admin;
    struct config_alert *alerts;
    size_t alert_count;
    struct {
        enum log_format format;
        enum log_level level;
        uint64_t totals_ms;
    } log;
    struct span *tests; /* globs, absolute */
    size_t test_count;
    struct {
        uint64_t drain_ms; /* shutdown.drain: how long sent work may take to finish, default 20s */
    } shutdown;
};

/** NULL when there are errors; all of them are in @diags. Reads secrets, not the network. Keeps
 * @types. */
struct config *config_load(const char *path, const struct config_types *types, struct diags *diags);
/* With SECRETS_OPTIONAL what {env} and {file} name need not be there, nor a private key and its
 * certificate; nothing else is relaxed. Such a configuration is looked at, never run. */
enum config_secrets { SECRETS_NEEDED, SECRETS_OPTIONAL };
struct config *config_load_with(const char *path, const struct config_types *types,
                                enum config_secrets secrets, struct diags *diags);
/** For `check`: what could be read even when there are errors, so that schemas, maps and matches
 * are looked at as well; NULL when too little is left for that. Defaults stand where values were
 * wrong, names and pointers may be missing: never to be run. */
struct config *config_load_partial(const char *path, const struct config_types *types,
                                   enum config_secrets secrets, struct diags *diags);
void config_free(struct config *config);
const struct config_destination *config_find(const struct config *config, struct span name);
/** Destinations with a backfill. */
size_t config_backfills(const struct config *config);
/** Whether this version writes a ledger and the file does not switch it off. */
bool config_has_ledger(const struct config *config);
/** Markdown of every option: key, type, default, bounds, text (docs/configuration.md). */
void config_document(const struct config_types *types, struct buf *out);

#endif /* CONFIG_CONFIG_H */
