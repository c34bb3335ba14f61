/**
 * session - one invented visitor of one invented shop, doing one thing.
 *
 * All fields of an event are drawn from the same session, so that they fit together: the total is
 * the sum of the products, the currency is the country's, the landing page carries the click id
 * that stands in the user's record. Everything is invented: reserved domains, telephone numbers
 * set aside for fiction, addresses for documentation.
 *
 * Its values are found by what a field is about (field_hint.h). Texts belong to the session or to
 * whoever set them; no lock, no allocation.
 */
#ifndef TRIAL_SESSION_H
#define TRIAL_SESSION_H

#include "base/clock.h"
#include "base/rng.h"
#include "trial/field_hint.h"

enum { SESSION_PRODUCTS_MAX = 5, SESSION_TEXT_BYTES = 320 };

struct product {
    const char *sku, *name, *category, *brand;
    double price;
    int quantity;
};

struct session {
    struct span type; /* the event type, as the schema's owner calls it */
    int64_t now_ms;
    struct rng rng; /* for whatever else is wanted of this event */
    uint64_t user;
    bool has_consent;
    bool was_asked;                /* a field about consent was filled */
    bool is_value_set;             /* the event's value was given, so it has to be there */
    const struct product *product; /* the one at hand in the list of products; else NULL */
    struct product products[SESSION_PRODUCTS_MAX];
    size_t product_count;
    struct span currency;          /* of the country */
    struct span texts[HINT_COUNT]; /* ptr NULL: this session has none */
    double numbers[HINT_COUNT];
    bool has_number[HINT_COUNT];
    /* what texts point to */
    char external_id[32], email[96], phone[24], ip[40], ttclid[64], ttp[40], order_id[24];
    char description[96], url[SESSION_TEXT_BYTES], time[CLOCK_ISO_BYTES];
};

/** The names a shop gives its events, most frequent first. */
extern const char *const session_types[];
extern const size_t session_type_count;

/** Draw one of @count by Zipf's law: the n-th is 1/n as frequent as the first. */
size_t zipf_draw(struct rng *rng, size_t count);
/** The session of @rng with the event @type. */
void session_draw(struct session *session, struct rng rng, struct span type);
/** What detour reads of the event. Borrows @id. An id that has to be a number is the event's. */
void session_set_event(struct session *session, struct span id, uint64_t index, int64_t now_ms);
/** Another value than that of the products. @currency absent: the country's. */
void session_set_value(struct session *session, double value, struct span currency);
/** ptr NULL: this session has none (an e-mail address not given). */
struct span session_text(const struct session *session, enum hint hint);
/** False: this session has none (a total without products). */
bool session_number(const struct session *session, enum hint hint, double *out);

#endif /* TRIAL_SESSION_H */
