#include "trial/session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { USERS = 5000, ZIPF_MAX = 256 };

const char *const session_types[] = {
    "Product Viewed",       "Products Searched", "Product Added",
    "Checkout Started",     "Order Completed",   "Product Added to Wishlist",
    "Payment Info Entered", "Signed Up",         "Subscription Created",
    "Form Submitted",
};
const size_t session_type_count = COUNT_OF(session_types);

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

static void set_text(struct session *session, enum hint hint, const char *text)
{
    session->texts[hint] = text == NULL || text[0] == '\0' ? SPAN_NONE : span_of(text);
}

static void set_number(struct session *session, enum hint hint, double number)
{
    session->numbers[hint] = number;
    session->has_number[hint] = true;
}

static void draw_identifiers(struct session *session, struct rng *person, const char *mailbox,
                             const char *phone_prefix, int phone_digits)
{
    static const char *const domains[] = {"mail.example", "example.org", "post.example"};
    bool has_email = rng_below(person, 100) < 85;
    bool has_phone = rng_below(person, 100) < 60;

    snprintf(session->external_id, sizeof(session->external_id), "cust-%05llu",
             (unsigned long long)session->user);
    snprintf(session->email, sizeof(session->email), "%s.%llu@%s", mailbox,
             (unsigned long long)session->user, PICK(person, domains));
    snprintf(session->phone, sizeof(session->phone), "%s%0*llu", phone_prefix, phone_digits,
             (unsigned long long)rng_below(person, phone_digits == 1 ? 10 : 1000));
    snprintf(session->ip, sizeof(session->ip), "%s.%llu",
             rng_below(person, 2) == 0 ? "203.0.113" : "198.51.100",
             (unsigned long long)(1 + rng_below(person, 254)));
    snprintf(session->ttp, sizeof(session->ttp), "2%016llx", (unsigned long long)rng_next(person));
    set_text(session, HINT_EXTERNAL_ID, session->external_id);
    set_number(session, HINT_EXTERNAL_ID, (double)session->user);
    set_text(session, HINT_EMAIL, has_email ? session->email : NULL);
    set_text(session, HINT_PHONE, has_phone ? session->phone : NULL);
    set_text(session, HINT_IP, session->ip);
    set_text(session, HINT_TTP, session->ttp);
}

/* The same user number gives the same person in every event. */
static void draw_person(struct session *session)
{
    static const char *const mailboxes[] = {"nora",  "mila",  "jonas", "aisha", "liam",
                                            "chloe", "oskar", "ines",  "tomas", "yuki"};
    struct rng person = {.state = session->user * 0x9e3779b97f4a7c15u};
    size_t place = zipf_draw(&person, COUNT_OF(places));
    size_t first = rng_below(&person, COUNT_OF(first_names));

    set_text(session, HINT_FIRST_NAME, first_names[first]);
    set_text(session, HINT_LAST_NAME, PICK(&person, last_names));
    set_text(session, HINT_COUNTRY, places[place].country);
    set_text(session, HINT_CITY, places[place].city);
    set_text(session, HINT_STATE, places[place].state);
    set_text(session, HINT_ZIP_CODE, places[place].zip);
    set_text(session, HINT_LOCALE, places[place].locale);
    set_text(session, HINT_USER_AGENT, PICK(&person, user_agents));
    session->currency = span_of(places[place].currency);
    draw_identifiers(session, &person, mailboxes[first], places[place].phone_prefix,
                     places[place].phone_digits);
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
static void draw_products(struct session *session)
{
    static const char *const several[] = {"order", "purchase", "checkout", "payment", "cart"};
    static const char *const none[] = {"search",  "sign",    "form", "regist",
                                       "subscri", "contact", "lead", "page"};
    bool is_single = !holds_any(session->type, several, COUNT_OF(several));
    size_t count = is_single ? 1 : 1 + (size_t)rng_below(&session->rng, SESSION_PRODUCTS_MAX - 1);
    double total = 0.0;
    int items = 0;

    if (is_single && holds_any(session->type, none, COUNT_OF(none))) {
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct product *product = &session->products[i];

        *product = catalogue[zipf_draw(&session->rng, COUNT_OF(catalogue))];
        product->quantity = is_single ? 1 : 1 + (int)rng_below(&session->rng, 3);
        items += product->quantity;
        total += product->price * product->quantity;
    }
    session->product_count = count;
    if (count > 0) {
        set_number(session, HINT_VALUE, round(total * 100.0) / 100.0);
        set_number(session, HINT_NUM_ITEMS, items);
        session->texts[HINT_CURRENCY] = session->currency;
        snprintf(session->description, sizeof(session->description), "%s by %s",
                 session->products[0].name, session->products[0].brand);
        set_text(session, HINT_DESCRIPTION, session->description);
    }
}

static void draw_order(struct session *session)
{
    static const char *const orders[] = {"order", "purchase", "completepayment"};

    if (holds_any(session->type, orders, COUNT_OF(orders))) {
        uint64_t number = 100000 + rng_below(&session->rng, 900000);

        snprintf(session->order_id, sizeof(session->order_id), "%llu", (unsigned long long)number);
        set_text(session, HINT_ORDER_ID, session->order_id);
        set_number(session, HINT_ORDER_ID, (double)number);
    }
    if (holds_word(session->type, "search")) {
        set_text(session, HINT_SEARCH, PICK(&session->rng, searches));
    }
    set_text(session, HINT_SHOP_ID, rng_below(&session->rng, 3) == 0 ? "outlet" : "main");
}

/* Of 100 sessions 60 come by a TikTok ad, 3 of them with macros nobody expanded. */
static void draw_landing(struct session *session)
{
    struct rng *rng = &session->rng;
    uint64_t way = rng_below(rng, 100);
    const char *path = session->product_count > 0 ? session->products[0].sku : "home";
    const char *campaign = PICK(rng, campaigns);
    int bytes = snprintf(session->url, sizeof(session->url), "https://shop.example/p/%s", path);
    char *query = session->url + bytes;
    size_t room = sizeof(session->url) - (size_t)bytes;

    if (way < 60) {
        snprintf(session->ttclid, sizeof(session->ttclid), "E.C.P.%016llx%016llx",
                 (unsigned long long)rng_next(rng), (unsigned long long)rng_next(rng));
        snprintf(query, room,
                 "?utm_source=tiktok&utm_medium=paid&utm_campaign=%s&utm_content=video%%20%llu"
                 "&utm_term=%s&utm_id=18%010llu&ttclid=%s",
                 way < 3 ? "__CAMPAIGN_NAME__" : campaign, (unsigned long long)rng_below(rng, 20),
                 way < 3 ? "__AID_NAME__" : "broad", (unsigned long long)rng_below(rng, 1000),
                 session->ttclid);
        set_text(session, HINT_REFERRER, "https://www.tiktok.com/");
        set_text(session, HINT_UTM_SOURCE, "tiktok");
    } else if (way < 75) {
        snprintf(query, room, "?utm_source=google&utm_medium=cpc&utm_campaign=%s&gclid=Cj0%016llx",
                 campaign, (unsigned long long)rng_next(rng));
        set_text(session, HINT_REFERRER, "https://www.google.com/");
        set_text(session, HINT_UTM_SOURCE, "google");
    } else if (way < 85) {
        snprintf(query, room, "?utm_source=newsletter&utm_medium=email");
        set_text(session, HINT_UTM_SOURCE, "newsletter");
    }
    set_text(session, HINT_UTM_CAMPAIGN, way < 75 ? campaign : NULL);
    set_text(session, HINT_TTCLID, session->ttclid);
    set_text(session, HINT_URL, session->url);
}

void session_draw(struct session *session, struct rng rng, struct span type)
{
    memset(session, 0, sizeof(*session));
    session->rng = rng;
    session->type = type;
    session->texts[HINT_TYPE] = type;
    session->user = draw_user(&session->rng);
    draw_person(session);
    draw_products(session);
    draw_order(session);
    draw_landing(session);
}

void session_set_event(struct session *session, struct span id, uint64_t index, int64_t now_ms)
{
    session->now_ms = now_ms;
    session->texts[HINT_ID] = id;
    session->texts[HINT_TIME] = span_of(clock_iso(now_ms, session->time));
    set_number(session, HINT_ID, (double)(index + 1));
    set_number(session, HINT_TIME, (double)now_ms / 1000.0);
}

void session_set_value(struct session *session, double value, struct span currency)
{
    session->is_value_set = true;
    set_number(session, HINT_VALUE, value);
    if (currency.ptr != NULL) {
        session->texts[HINT_CURRENCY] = currency;
    }
}

/* Outside of the list of products a field of one is about the first. */
static const struct product *product_at(const struct session *session)
{
    return session->product != NULL     ? session->product
           : session->product_count > 0 ? &session->products[0]
                                        : NULL;
}

struct span session_text(const struct session *session, enum hint hint)
{
    const struct product *product = product_at(session);

    if (product != NULL && hint >= HINT_CONTENT_ID) {
        return hint == HINT_CONTENT_ID         ? span_of(product->sku)
               : hint == HINT_CONTENT_NAME     ? span_of(product->name)
               : hint == HINT_CONTENT_CATEGORY ? span_of(product->category)
               : hint == HINT_BRAND            ? span_of(product->brand)
                                               : SPAN_NONE;
    }
    return session->texts[hint];
}

bool session_number(const struct session *session, enum hint hint, double *out)
{
    const struct product *product = product_at(session);

    if (product != NULL && (hint == HINT_PRICE || hint == HINT_QUANTITY)) {
        *out = hint == HINT_PRICE ? product->price : product->quantity;
        return true;
    }
    *out = session->numbers[hint];
    return session->has_number[hint];
}
