#include "trial/visit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { USERS = 5000, ZIPF_MAX = 256 };

const char *const visit_types[] = {
    "Product Viewed",       "Products Searched", "Product Added",
    "Checkout Started",     "Order Completed",   "Product Added to Wishlist",
    "Payment Info Entered", "Signed Up",         "Subscription Created",
    "Form Submitted",
};
const size_t visit_type_count = COUNT_OF(visit_types);

static const char *const first_names[] = {"Nora",  "Mila",  "Jonas", "Aisha", "Liam",
                                          "Chloé", "Oskar", "Ines",  "Tomás", "Yuki"};
static const char *const last_names[] = {"Field",  "Müller", "Okafor", "Silva", "Nguyen",
                                         "Larsen", "O'Hara", "Dubois", "Kim",   "Rossi"};

/* Telephone numbers: the ranges regulators keep free for films and books. */
static const struct {
    const char *country, *currency, *city, *state, *zip, *locale, *phone_prefix;
    int phone_digits;
} places[] = {
    {"US", "USD", "Springfield", "IL", "62701", "en-US", "+1202555010", 1},
    {"GB", "GBP", "Ambridge", "", "WD1 9XX", "en-GB", "+447700900", 3},
    {"DE", "EUR", "Musterstadt", "", "12345", "de-DE", "+493023125", 3},
    {"FR", "EUR", "Clochemerle", "", "75000", "fr-FR", "+33639980", 3},
    {"AU", "AUD", "Erinsborough", "VIC", "3999", "en-AU", "+6149157015", 1},
};

static const char *const user_agents[] = {
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Mobile/15E148 musical_ly_38.1.0",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/133.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:135.0) Gecko/20100101 Firefox/135.0",
};

static const struct product catalogue[] = {
    {"SKU-881", "Trail cap", "Hats", "Northpeg", 24.95, 1},
    {"SKU-882", "Merino beanie", "Hats", "Northpeg", 29.5, 1},
    {"SKU-120", "Rain shell", "Jackets", "Fjellvind", 189.0, 1},
    {"SKU-121", "Wind vest", "Jackets", "Fjellvind", 89.9, 1},
    {"SKU-300", "Trail runner", "Shoes", "Kestrel", 129.0, 1},
    {"SKU-301", "Camp sandal", "Shoes", "Kestrel", 59.0, 1},
    {"SKU-477", "Steel bottle", "Gear", "Quelle", 18.0, 1},
    {"SKU-478", "Head torch", "Gear", "Quelle", 44.5, 1},
    {"0042", "Sticker set", "Gear", "Northpeg", 4.25, 1},
    {"SKU-900", "Tent for two", "Tents", "Fjellvind", 349.0, 1},
};

static const char *const searches[] = {"trail cap", "waterproof jacket", "tent", "gift for hiker",
                                       "größe 42 schuhe"};
static const char *const campaigns[] = {"spring", "always-on", "creator_week", "retarget_cart"};

#define PICK(rng, array) ((array)[rng_below((rng), COUNT_OF(array))])

size_t zipf_draw(struct rng *rng, size_t count)
{
    double sum = 0.0;
    double at;

    PRE(count > 0);
    count = MIN_OF(count, (size_t)ZIPF_MAX);
    for (size_t i = 1; i <= count; i++) {
        sum += 1.0 / (double)i;
    }
    at = rng_unit(rng) * sum;
    for (size_t i = 1; i < count; i++) {
        at -= 1.0 / (double)i;
        if (at < 0.0) {
            return i - 1;
        }
    }
    return count - 1;
}

/* Some come often and most now and then; cheaper than Zipf's law over all of them. */
static uint64_t draw_user(struct rng *rng)
{
    double unit = rng_unit(rng);

    return 1 + (uint64_t)(unit * unit * unit * USERS);
}

/* The same user number gives the same person in every event. */
static void draw_person(struct visit *visit)
{
    struct rng person = {.state = visit->user * 0x9e3779b97f4a7c15u};
    size_t place = zipf_draw(&person, COUNT_OF(places));
    size_t first = rng_below(&person, COUNT_OF(first_names));
    size_t last = rng_below(&person, COUNT_OF(last_names));
    int digits = places[place].phone_digits;
    static const char *const mail_first[] = {"nora",  "mila",  "jonas", "aisha", "liam",
                                             "chloe", "oskar", "ines",  "tomas", "yuki"};
    static const char *const domains[] = {"mail.example", "example.org", "post.example"};

    visit->first_name = first_names[first];
    visit->last_name = last_names[last];
    visit->country = places[place].country;
    visit->currency = places[place].currency;
    visit->city = places[place].city;
    visit->state = places[place].state;
    visit->zip = places[place].zip;
    visit->locale = places[place].locale;
    visit->user_agent = PICK(&person, user_agents);
    visit->has_email = rng_below(&person, 100) < 85;
    visit->has_phone = rng_below(&person, 100) < 60;
    snprintf(visit->external_id, sizeof(visit->external_id), "cust-%05llu",
             (unsigned long long)visit->user);
    snprintf(visit->email, sizeof(visit->email), "%s.%llu@%s", mail_first[first],
             (unsigned long long)visit->user, PICK(&person, domains));
    snprintf(visit->phone, sizeof(visit->phone), "%s%0*llu", places[place].phone_prefix, digits,
             (unsigned long long)rng_below(&person, digits == 1 ? 10 : 1000));
    snprintf(visit->ip, sizeof(visit->ip), "%s.%llu",
             rng_below(&person, 2) == 0 ? "203.0.113" : "198.51.100",
             (unsigned long long)(1 + rng_below(&person, 254)));
    snprintf(visit->ttp, sizeof(visit->ttp), "2%016llx", (unsigned long long)rng_next(&person));
}

static bool holds_word(struct span text, const char *word)
{
    size_t bytes = strlen(word);

    for (size_t i = 0; i + bytes <= text.len; i++) {
        if (span_eq_nocase(span_sub(text, i, i + bytes), (struct span){word, bytes})) {
            return true;
        }
    }
    return false;
}

static bool holds_any(struct span text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (holds_word(text, words[i])) {
            return true;
        }
    }
    return false;
}

/* What is in the basket follows from what the event is called. */
static void draw_products(struct visit *visit)
{
    static const char *const several[] = {"order", "purchase", "checkout", "payment", "cart"};
    static const char *const none[] = {"search",  "sign",    "form", "regist",
                                       "subscri", "contact", "lead", "page"};
    static const char *const orders[] = {"order", "purchase", "completepayment"};
    bool is_single = !holds_any(visit->type, several, COUNT_OF(several));
    size_t count = is_single ? 1 : 1 + (size_t)rng_below(&visit->rng, VISIT_PRODUCTS_MAX - 1);

    visit->is_order = holds_any(visit->type, orders, COUNT_OF(orders));
    if (holds_any(visit->type, none, COUNT_OF(none)) && is_single) {
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct product *product = &visit->products[i];

        *product = catalogue[zipf_draw(&visit->rng, COUNT_OF(catalogue))];
        product->quantity = is_single ? 1 : 1 + (int)rng_below(&visit->rng, 3);
        visit->items += product->quantity;
        visit->total += product->price * product->quantity;
    }
    visit->product_count = count;
    visit->total = round(visit->total * 100.0) / 100.0;
    if (visit->is_order) {
        snprintf(visit->order_id, sizeof(visit->order_id), "%llu",
                 (unsigned long long)(100000 + rng_below(&visit->rng, 900000)));
    }
    if (holds_word(visit->type, "search")) {
        visit->search = PICK(&visit->rng, searches);
    }
}

/* Of 100 visits 60 come by a TikTok ad, 3 of them with macros nobody expanded. */
static void draw_landing(struct visit *visit)
{
    struct rng *rng = &visit->rng;
    uint64_t way = rng_below(rng, 100);
    const char *path = visit->product_count > 0 ? visit->products[0].sku : "home";
    const char *campaign = PICK(rng, campaigns);

    if (way < 60) {
        snprintf(visit->ttclid, sizeof(visit->ttclid), "E.C.P.%016llx%016llx",
                 (unsigned long long)rng_next(rng), (unsigned long long)rng_next(rng));
        snprintf(visit->url, sizeof(visit->url),
                 "https://shop.example/p/%s?utm_source=tiktok&utm_medium=paid&utm_campaign=%s"
                 "&utm_content=video%%20%llu&utm_term=%s&utm_id=18%010llu&ttclid=%s",
                 path, way < 3 ? "__CAMPAIGN_NAME__" : campaign,
                 (unsigned long long)rng_below(rng, 20), way < 3 ? "__AID_NAME__" : "broad",
                 (unsigned long long)rng_below(rng, 1000), visit->ttclid);
        snprintf(visit->referrer, sizeof(visit->referrer), "https://www.tiktok.com/");
    } else if (way < 75) {
        snprintf(visit->url, sizeof(visit->url),
                 "https://shop.example/p/%s?utm_source=google&utm_medium=cpc&utm_campaign=%s"
                 "&gclid=Cj0%016llx",
                 path, campaign, (unsigned long long)rng_next(rng));
        snprintf(visit->referrer, sizeof(visit->referrer), "https://www.google.com/");
    } else if (way < 85) {
        snprintf(visit->url, sizeof(visit->url),
                 "https://shop.example/p/%s?utm_source=newsletter&utm_medium=email", path);
    } else {
        snprintf(visit->url, sizeof(visit->url), "https://shop.example/p/%s", path);
    }
}

void visit_draw(struct visit *visit, struct rng rng, struct span type)
{
    memset(visit, 0, sizeof(*visit));
    visit->rng = rng;
    visit->type = type;
    visit->user = draw_user(&visit->rng);
    draw_person(visit);
    draw_products(visit);
    draw_landing(visit);
}
