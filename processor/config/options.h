/**
 * options - the one table of what may stand in a configuration file.
 *
 * Each section (a YAML map) has its rows; the reader, the unknown-key check, the
 * defaults and docs/configuration.md all come from them. A new option is one row here,
 * one field in config.h, and `make docs` (the unit test says how).
 *
 * A type of destination has rows of its own, which its driver declares (struct config_type): they
 * are read as if they stood in the section of the same name.
 *
 * The structure a row's offset counts from: struct config_destination in the sections
 * "destinations.*" (but the type's own struct in rows with is_own), struct config_route in
 * "routes[]", struct config_alert in "alerts[]", struct config in all others.
 *
 * Constant tables: any thread. A value that cannot be read is an error in the diags, with its
 * place.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "config/config.h"

struct loader;
struct config_option;

enum option_type {
    OPTION_TEXT,     /* struct span */
    OPTION_TEXTS,    /* struct span * and its size_t count: a list, or one text */
    OPTION_FILE,     /* struct span, made absolute */
    OPTION_FILES,    /* as TEXTS, each made absolute */
    OPTION_COUNT,    /* uint32_t */
    OPTION_DURATION, /* uint64_t ms */
    OPTION_RANGE,    /* two uint64_t ms: offset and offset_more */
    OPTION_SIZE,     /* uint64_t bytes */
    OPTION_PERCENT,  /* double fraction; bounds in percent */
    OPTION_RATE,     /* double per second */
    OPTION_BOOL,     /* bool */
    OPTION_CHOICE,   /* an enum, numbered as `choices` */
    OPTION_TYPE,     /* const struct config_type *, by its name */
    OPTION_SECRET,   /* struct secret * */
    OPTION_PATH,     /* struct span and its struct place (offset_more): a path into the record */
    OPTION_MAP,      /* const struct yaml_node *, compiled by another room */
    OPTION_LIST,     /* the same, a list */
    OPTION_SECTION,  /* a map with rows of its own: `section` */
    OPTION_SPECIAL,  /* `read` knows */
};

/* Which destinations have it; rows of other sections, and those of a type alone, are for all. */
enum { FOR_REQUESTS = 1, FOR_TOPICS = 2, FOR_ALL = FOR_REQUESTS | FOR_TOPICS };

/** @node is NULL when the key is absent or null; @place is the key's, or its map's. */
typedef void option_read_fn(struct loader *loader, const struct config_option *option,
                            const struct yaml_node *node, struct place place, void *base);
/** Called with the value just read, when one is written in the file. */
typedef void option_check_fn(struct loader *loader, const struct yaml_node *node);

struct config_option {
    const char *key;
    const char *doc;
    enum option_type type;
    unsigned kinds; /* 0: as FOR_ALL */
    bool is_required;
    bool is_null_refused; /* null would mean what absence means, and nobody writes the key for that
                           */
    bool is_own;          /* offsets count from config_destination.own: rows of a type alone */
    size_t offset, offset_more;
    const char *fallback;       /* the default as it would be written; NULL: none */
    const char *fallback_shown; /* for the document, where it is not `fallback` */
    uint64_t min, max;          /* in ms, bytes, items, percent; max 0: no bound */
    const char *const *choices; /* NULL-terminated */
    const char *section;        /* SECTION: its name; SPECIAL: one its value may hold, or NULL */
    const char *form;           /* SPECIAL: how the value is written, for people */
    option_read_fn *read;
    option_check_fn *check;
};

struct config_section {
    const char *name; /* "" is the top */
    const char *doc;
    const struct config_option *options;
    size_t count;
};

/** Rows that all types share, in the order of the document; NULL past the last. */
const struct config_section *section_at(size_t index);
/** NULL when there is none of this name: the types may have one. */
const struct config_section *section_find(const char *name);
/** The rows that @type alone has in the section of this name, or NULL. */
const struct config_section *section_of_type(const struct config_type *type, const char *name);

/* rows of destinations (options_destination.c), in the order of the document */
extern const struct config_section section_destination, section_batch, section_rate,
    section_concurrency, section_timeout, section_retry, section_throttle, section_health,
    section_backfill;

/** Whether the option is read and checked but does nothing yet (later.c lists them all). */
bool option_is_later(const char *section, const char *key);

/* What OPTION_SPECIAL rows call. */
option_read_fn read_properties; /* properties.c */
option_read_fn read_schema_ids; /* special.c ... */
option_read_fn read_schema_reader;
option_read_fn read_event_type;
option_read_fn read_ledger;
option_read_fn read_admin;
option_read_fn read_listen;
option_read_fn read_alerts;
option_read_fn read_alert_events;
option_read_fn read_destinations; /* destinations.c ... */
option_read_fn read_event_names;  /* `events:`, for types whose services name events themselves */
option_read_fn read_kafka_headers;
option_read_fn read_routes; /* routes.c ... */
option_read_fn read_legs;
option_read_fn read_dead_letter;

/* What single values must be beyond their type: checks.c. */
option_check_fn check_topics;
option_check_fn check_brokers;
option_check_fn check_name;
option_check_fn check_readable;
option_check_fn check_identity;
option_check_fn check_registry_urls;

#endif /* CONFIG_OPTIONS_H */
