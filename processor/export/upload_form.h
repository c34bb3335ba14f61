/**
 * upload_form - the tables that TikTok's Events Manager takes as files: offline and CRM event sets.
 *
 * A row is made from the item that the Events API would get (destinations/tiktok/map.h), so that
 * names, times, amounts and hashes are those of the API. One event is one row. A column that
 * belongs to one product is filled where the event has exactly one; of several products the columns
 * stay empty, because a second row of the same event id would count as a duplicate.
 *
 * Forms are constant. Pure, any thread, no errors but those of the answer.
 */
#ifndef EXPORT_UPLOAD_FORM_H
#define EXPORT_UPLOAD_FORM_H

#include <jansson.h>

#include "export/csv.h"

struct upload_form;

/** "offline" or "crm"; NULL: it is none. */
const struct upload_form *upload_form_find(struct span name);
const char *upload_form_name(const struct upload_form *form);
/** The row with the columns' names. */
void upload_form_head(const struct upload_form *form, struct csv_row *row);

enum upload_answer {
    UPLOAD_ROW,           /* it is written, its end too */
    UPLOAD_NO_NAME,       /* the form has no such event */
    UPLOAD_NO_IDENTIFIER, /* nothing says whose event it is */
};

struct upload_row {
    struct csv_row *row;
    bool is_masked;    /* identifiers are hidden */
    bool has_products; /* set: several products had no column */
};

/** On any other answer than UPLOAD_ROW nothing is written. */
enum upload_answer upload_form_write(const struct upload_form *form, const json_t *item,
                                     struct upload_row *out);

#endif /* EXPORT_UPLOAD_FORM_H */
