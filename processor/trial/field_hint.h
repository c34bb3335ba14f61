/**
 * field_hint - what a field of the event holds, as far as the configuration says.
 *
 * Everything that the configuration reads by a path is a hint: with `user.email: customer.mail`
 * the field customer.mail holds an e-mail address, `event.value` names the total, `utm:` and `map:`
 * name URLs, and a boolean by which a route drops events that say false is about consent. Where a
 * destination of type tiktok has no map of its own its default map counts. A field that no path
 * leads to is known by its name, if that is one of the names in the table.
 */
#ifndef TRIAL_FIELD_HINT_H
#define TRIAL_FIELD_HINT_H

#include "config/config.h"

enum hint {
    HINT_NONE,
    /* what detour itself reads */
    HINT_TYPE,
    HINT_ID,
    HINT_TIME,
    HINT_VALUE,
    HINT_CURRENCY,
    HINT_CONSENT,
    /* the person */
    HINT_EMAIL,
    HINT_PHONE,
    HINT_EXTERNAL_ID,
    HINT_FIRST_NAME,
    HINT_LAST_NAME,
    HINT_CITY,
    HINT_STATE,
    HINT_ZIP_CODE,
    HINT_COUNTRY,
    HINT_LOCALE,
    HINT_IP,
    HINT_USER_AGENT,
    HINT_TTP,
    /* how he came */
    HINT_TTCLID,
    HINT_URL,
    HINT_REFERRER,
    HINT_UTM_SOURCE,
    HINT_UTM_CAMPAIGN,
    /* what he did */
    HINT_ORDER_ID,
    HINT_SHOP_ID,
    HINT_SEARCH,
    HINT_DESCRIPTION,
    HINT_NUM_ITEMS,
    HINT_CONTENTS, /* the list of products */
    /* one product */
    HINT_CONTENT_ID,
    HINT_CONTENT_NAME,
    HINT_CONTENT_CATEGORY,
    HINT_BRAND,
    HINT_PRICE,
    HINT_QUANTITY,
    HINT_COUNT,
};

struct field_hints {
    struct field_hint {
        struct span path; /* owned; fields with dots between */
        enum hint hint;
    } * items; /* owned; the first that fits counts */
    size_t count, cap;
    size_t read_count; /* the first of them: what detour itself reads */
};

void field_hints_init(struct field_hints *hints, const struct config *config);
void field_hints_fini(struct field_hints *hints);
/** Of the field at @path. */
enum hint field_hint_of(const struct field_hints *hints, struct span path);
/** Is the field at @path, or when it is a record one below it, among those that detour itself
 * reads? Of value and currency only where @with_value. */
bool field_hint_is_read(const struct field_hints *hints, struct span path, bool with_value);

#endif /* TRIAL_FIELD_HINT_H */
