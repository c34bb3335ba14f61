/**
 * options - what a section of type tiktok says that no other type has: the rows of options.h that
 * fill this struct in. Made when the configuration is loaded, immutable then.
 */
#ifndef DESTINATIONS_TIKTOK_OPTIONS_H
#define DESTINATIONS_TIKTOK_OPTIONS_H

#include "config/options.h"

enum event_source { SOURCE_WEB, SOURCE_APP, SOURCE_OFFLINE, SOURCE_CRM };

struct tiktok_options {
    enum event_source event_source;
    struct span event_source_id;   /* constant, or */
    struct span event_source_path; /* {path: ...} */
    struct place event_source_place;
    struct secret *access_token;   /* owned */
    struct span test_event_code;   /* absent: none */
    struct span partner_name;      /* absent: none */
    struct span default_country;   /* phone without country: ISO two letters, absent: dropped */
    const struct yaml_node *map;   /* NULL: the default map alone */
    const struct yaml_node *codes; /* {50001: retry, ...} over the default table; NULL: none */
};

extern const struct config_section tiktok_sections[];
enum { TIKTOK_SECTIONS = 2 };

static inline const struct tiktok_options *
tiktok_options_of(const struct config_destination *destination)
{
    return destination->own;
}

void tiktok_options_check(struct loader *loader, struct config_destination *destination);
void tiktok_options_free(void *own);

#endif /* DESTINATIONS_TIKTOK_OPTIONS_H */
