/**
 * options - what a section of type http says that no other type has: the rows that fill this struct
 * in, and their checks. Made when the configuration is loaded, immutable then.
 */
#ifndef DESTINATIONS_HTTP_OPTIONS_H
#define DESTINATIONS_HTTP_OPTIONS_H

#include "config/options.h"

enum http_method { METHOD_POST, METHOD_PUT, METHOD_PATCH };
enum body_format { BODY_JSON, BODY_NDJSON, BODY_ARRAY };

struct http_header {
    struct span name;
    struct secret *value; /* owned */
    struct place place;
};

/* What an answer means: a rule as it is written; compiled by verdicts.h. */
struct http_verdict {
    const struct yaml_node *status, *header, *json; /* NULL: not asked */
    int is;                                         /* enum verdict */
    struct place place;
};

struct http_options {
    enum http_method method;
    struct http_header *headers;
    size_t header_count;
    struct { /* one of the three, or none: the secrets of the others are NULL; owned */
        struct {
            struct secret *username, *password;
        } basic;
        struct secret *bearer;
        struct {
            struct secret *secret;
            struct span header, timestamp_header, prefix;
        } hmac;
    } auth;
    struct {
        struct span ca_file;          /* copied to the ca_file of the destination */
        struct span certificate, key; /* PEM files; both or neither */
    } tls;
    const struct yaml_node *body; /* NULL: the whole event */
    enum body_format body_format;
    bool is_gzip;
    struct http_verdict *verdicts;
    size_t verdict_count;
};

enum { HTTP_SECTIONS = 7 };
extern const struct config_section http_sections[HTTP_SECTIONS];

static inline const struct http_options *
http_options_of(const struct config_destination *destination)
{
    return destination->own;
}

option_check_fn check_header_name;
/** What only shows when the whole section is read: auth, TLS, headers that are not theirs to set, a
 * format that does not go with the batch. */
void http_options_check(struct loader *loader, struct config_destination *destination);
void http_options_free(void *own);

#endif /* DESTINATIONS_HTTP_OPTIONS_H */
