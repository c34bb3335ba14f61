/**
 * visit - one invented visitor at one invented shop, doing one thing.
 *
 * All fields of an event are drawn from the same visit, so that they fit together: the
 * total is the sum of the products, the currency is the country's, the landing page
 * carries the click id that stands in the user's record. Everything is invented:
 * reserved domains, telephone numbers set aside for fiction, addresses for documentation.
 */
#ifndef TRIAL_VISIT_H
#define TRIAL_VISIT_H

#include "base/rng.h"
#include "base/span.h"

enum { VISIT_PRODUCTS_MAX = 5, VISIT_TEXT_BYTES = 320 };

struct product {
    const char *sku, *name, *category, *brand;
    double price;
    int quantity;
};

struct visit {
    struct span type; /* the event type, as the schema's owner calls it */
    struct rng rng;   /* for whatever else is wanted of this event */
    uint64_t user;
    const char *first_name, *last_name, *country, *currency, *city, *state, *zip, *locale;
    const char *user_agent;
    char external_id[32];
    char email[96];
    char phone[24];
    char ip[40];
    char ttclid[64]; /* empty: the visitor did not come by a TikTok ad */
    char ttp[40];
    char order_id[24];
    char url[VISIT_TEXT_BYTES];
    char referrer[96];  /* empty: none */
    const char *search; /* NULL unless the event is a search */
    struct product products[VISIT_PRODUCTS_MAX];
    size_t product_count;
    int items;    /* pieces in all */
    double total; /* of the products */
    bool is_order;
    bool has_email, has_phone;
};

/** The names a shop gives its events, most frequent first. */
extern const char *const visit_types[];
extern const size_t visit_type_count;

/** Draw one of @count by Zipf's law: the n-th is 1/n as frequent as the first. */
size_t zipf_draw(struct rng *rng, size_t count);
/** The visit of @rng with the event @type. */
void visit_draw(struct visit *visit, struct rng rng, struct span type);

#endif /* TRIAL_VISIT_H */
