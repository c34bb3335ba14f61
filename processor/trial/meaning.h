/**
 * meaning - what the configuration says a field of the event holds.
 *
 * A path in `map:`, `utm:` or `event:` tells more than the field's name does: in
 * `user.email: customer.mail` the field `mail` is an e-mail address. And a boolean that a
 * route drops events by when it is false (or "!= true") is about consent, whatever it is called.
 */
#ifndef TRIAL_MEANING_H
#define TRIAL_MEANING_H

#include "config/config.h"

struct meanings {
    struct meaning {
        char *path;       /* owned; fields with dots between, as fill.c walks them */
        struct span name; /* what trial/invent.c knows it by: email, url, content_id */
    } * items;            /* owned; the more certain first */
    size_t count, cap;
    char **consents; /* owned; paths */
    size_t consent_count, consent_cap;
};

/** Keeps texts of @config. */
void meanings_init(struct meanings *meanings, const struct config *config);
void meanings_fini(struct meanings *meanings);
/** SPAN_NONE: the configuration says nothing about the field at @path. */
struct span meanings_find(const struct meanings *meanings, struct span path);
/** Is a field about consent at @path, or, with @is_above, somewhere below it? */
bool meanings_is_consent(const struct meanings *meanings, struct span path, bool is_above);

#endif /* TRIAL_MEANING_H */
