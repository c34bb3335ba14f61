/**
 * loader - what the parts of config_load() share: the config being filled, the errors,
 * and the readers of typed values.
 *
 * Readers report what is wrong at its place and leave the default behind, so that
 * everything after them runs on a complete struct and all errors come at once.
 *
 * Used only while one file is loaded, by one thread. The config owns all that is kept.
 */
#ifndef CONFIG_LOADER_H
#define CONFIG_LOADER_H

#include "config/options.h"

enum { TYPES_MAX = 32 }; /* of destinations */

struct loader {
    struct config *config;
    const struct config_types *types;
    /* While a destination is read: those types whose rows count, and where their own rows go. One,
     * or all of them where `type` names none; outside of destinations none. */
    const struct config_type *active[TYPES_MAX];
    void *own[TYPES_MAX];
    size_t active_count;
    struct diags *diags;
    bool is_without_secrets;  /* they need not be there */
    bool is_property_missing; /* a secret one of kafka.properties was not */
};

/** Zeroed memory that lives as long as the config. */
NODISCARD void *loader_keep(struct loader *loader, size_t count, size_t bytes_each);
/** @text, or directory/@text, as a terminated span of the config's memory. */
struct span loader_path(struct loader *loader, struct span text);

/** Read @map (NULL or null: all defaults) by the rows of @section that count for the active types
 * onto @base, or the type's own struct. Unknown keys are errors. @place stands for the whole
 * section. */
void read_section(struct loader *loader, const char *section, const struct yaml_node *map,
                  struct place place, void *base);
/** Whether @node is a text that can be used; says what was wanted when not ("a name"). */
bool read_text(struct loader *loader, const struct yaml_node *node, const char *what,
               const char *wanted, struct span *out);
/** Whether there is a value: neither absent (NULL) nor null. */
bool is_written(const struct yaml_node *node);
/** Whether @node is a map, a list; the same. */
bool is_map(struct loader *loader, const struct yaml_node *node, const char *what);
bool is_list(struct loader *loader, const struct yaml_node *node, const char *what);
/** A text, {env: NAME} or {file: PATH}; NULL (reported) when it is none of these. */
struct secret *read_secret(struct loader *loader, const struct yaml_node *node, const char *what);
/** The text that stands in for a secret that is not there. */
extern const struct span secret_stand_in;
/** Letters, digits, - and _, up to 128. */
bool is_header_name(struct span name);
/** The destination with the nearest name, or NULL. */
const char *suggest_destination(const struct config *config, struct span word);
/** The value of @key of destination's section @section (NULL: its own keys), for its place. */
struct place place_in(const struct config_destination *destination, const char *section,
                      const char *key);

/** Where @property names a file of TLS: its path, relative to the configuration's folder; false
 * (reported) when it cannot be read. @node is its value. kafka_tls.c, as the next. */
bool place_tls_file(struct loader *loader, const struct yaml_node *node, struct name_pair *property,
                    bool is_hidden);
/** Whether clients can speak TLS with the properties read; @place is that of them all. */
void check_kafka_tls(struct loader *loader, struct place place);
/** What only shows when everything is read: checks.c. */
void check_config(struct loader *loader);
/** A token goes into a header by itself: what is more than the token would be refused as one.
 * @what: the option; NULL passes. */
void check_token(struct loader *loader, struct secret *secret, struct place place,
                 const char *what);

#endif /* CONFIG_LOADER_H */
