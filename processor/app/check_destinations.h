/**
 * check_destinations - for `check`: what each destination is sent, from what, and what is missing.
 *
 * The caller owns the report. One thread. What does not compile is a diag with its place.
 */
#ifndef APP_CHECK_DESTINATIONS_H
#define APP_CHECK_DESTINATIONS_H

#include <jansson.h>
#include <stdio.h>

#include "deliver/pipeline.h"
#include "event/field_list.h"

/* One destination. */
struct destination_fields {
    struct span name;
    const char *type;
    struct field_list fields;
};

struct check_destinations {
    struct destination_fields *items; /* owned */
    size_t count;
};

/** Compile every destination that can be, errors into @diags; list what they send, and warn of what
 * is recommended and missing. */
void check_destinations(const struct config *config, const struct readers *readers,
                        const struct review *with, struct check_destinations *out,
                        struct diags *diags);
void check_destinations_print(const struct check_destinations *report, FILE *out);
/** An array of {name, type, fields: [{field, from}], missing: [{field, why}]}. */
json_t *check_destinations_json(const struct check_destinations *report);
void check_destinations_fini(struct check_destinations *report);

#endif /* APP_CHECK_DESTINATIONS_H */
