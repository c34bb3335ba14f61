#include "trial/invent.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { NAME_BYTES = 64, TEXT_BYTES = 384 };

/* What names are known by. An exact name has no star; *x ends so, x* begins so, *x* holds it. */
struct text_rule {
    const char *name;
    struct span (*make)(const struct invention *invention);
};

struct number_rule {
    const char *name;
    bool (*make)(const struct invention *invention, double *out);
};

static struct span keep(const struct invention *invention, const char *text)
{
    struct span copy;

    if (text == NULL || text[0] == '\0') {
        return SPAN_NONE;
    }
    copy = arena_copy(invention->arena, span_of(text));
    return copy;
}

#define FROM_VISIT(function, member)                                                               \
    static struct span function(const struct invention *invention)                                 \
    {                                                                                              \
        return keep(invention, invention->visit->member);                                          \
    }

FROM_VISIT(make_first_name, first_name)
FROM_VISIT(make_last_name, last_name)
FROM_VISIT(make_city, city)
FROM_VISIT(make_state, state)
FROM_VISIT(make_zip, zip)
FROM_VISIT(make_country, country)
FROM_VISIT(make_locale, locale)
FROM_VISIT(make_ttclid, ttclid)
FROM_VISIT(make_ttp, ttp)
FROM_VISIT(make_ip, ip)
FROM_VISIT(make_user_agent, user_agent)
FROM_VISIT(make_url, url)
FROM_VISIT(make_referrer, referrer)
FROM_VISIT(make_order_id, order_id)
FROM_VISIT(make_user_id, external_id)
FROM_VISIT(make_search, search)

static struct span make_email(const struct invention *invention)
{
    return invention->visit->has_email ? keep(invention, invention->visit->email) : SPAN_NONE;
}

static struct span make_phone(const struct invention *invention)
{
    return invention->visit->has_phone ? keep(invention, invention->visit->phone) : SPAN_NONE;
}

static struct span make_currency(const struct invention *invention)
{
    return invention->visit->product_count > 0 ? keep(invention, invention->visit->currency)
                                               : SPAN_NONE;
}

static const struct product *product_of(const struct invention *invention)
{
    return invention->product != NULL            ? invention->product
           : invention->visit->product_count > 0 ? &invention->visit->products[0]
                                                 : NULL;
}

static struct span make_sku(const struct invention *invention)
{
    const struct product *product = product_of(invention);

    return product == NULL ? SPAN_NONE : keep(invention, product->sku);
}

static struct span make_category(const struct invention *invention)
{
    const struct product *product = product_of(invention);

    return product == NULL ? SPAN_NONE : keep(invention, product->category);
}

static struct span make_brand(const struct invention *invention)
{
    const struct product *product = product_of(invention);

    return product == NULL ? SPAN_NONE : keep(invention, product->brand);
}

static struct span make_name(const struct invention *invention)
{
    char text[TEXT_BYTES];

    if (invention->product != NULL) {
        return keep(invention, invention->product->name);
    }
    snprintf(text, sizeof(text), "%s %s", invention->visit->first_name,
             invention->visit->last_name);
    return keep(invention, text);
}

static struct span make_shop(const struct invention *invention)
{
    return keep(invention, rng_below(&invention->visit->rng, 3) == 0 ? "outlet" : "main");
}

static struct span make_event(const struct invention *invention)
{
    return arena_copy(invention->arena, invention->visit->type);
}

static struct span make_time(const struct invention *invention)
{
    char text[CLOCK_ISO_BYTES];

    return keep(invention, clock_iso(invention->now_ms, text));
}

static struct span make_description(const struct invention *invention)
{
    const struct product *product = product_of(invention);
    char text[TEXT_BYTES];

    if (product == NULL) {
        return SPAN_NONE;
    }
    snprintf(text, sizeof(text), "%s by %s", product->name, product->brand);
    return keep(invention, text);
}

static struct span make_price_text(const struct invention *invention)
{
    char text[TEXT_BYTES];
    double number;

    if (!invent_number(invention, &number)) {
        return SPAN_NONE;
    }
    snprintf(text, sizeof(text), "%.2f", number);
    return keep(invention, text);
}

static struct span make_id(const struct invention *invention)
{
    char text[TEXT_BYTES];

    snprintf(text, sizeof(text), SPAN_FMT "-%llu", (int)MIN_OF(invention->field.len, (size_t)40),
             invention->field.ptr, (unsigned long long)rng_below(&invention->visit->rng, 1000000));
    return keep(invention, text);
}

static struct span make_utm_source(const struct invention *invention)
{
    return invention->visit->ttclid[0] != '\0' ? keep(invention, "tiktok") : SPAN_NONE;
}

static struct span make_utm_campaign(const struct invention *invention)
{
    return invention->visit->ttclid[0] != '\0' ? keep(invention, "spring") : SPAN_NONE;
}

/* First match wins: the particular before the general. */
static const struct text_rule text_rules[] = {
    {"*email*", make_email},
    {"*phone*", make_phone},
    {"mobile*", make_phone},
    {"first_name", make_first_name},
    {"firstname", make_first_name},
    {"given*", make_first_name},
    {"last_name", make_last_name},
    {"lastname", make_last_name},
    {"surname", make_last_name},
    {"family*", make_last_name},
    {"city", make_city},
    {"state", make_state},
    {"region", make_state},
    {"zip*", make_zip},
    {"post*code", make_zip},
    {"postal*", make_zip},
    {"country*", make_country},
    {"locale", make_locale},
    {"lang*", make_locale},
    {"*currency*", make_currency},
    {"ttclid", make_ttclid},
    {"ttp", make_ttp},
    {"*user_agent*", make_user_agent},
    {"useragent", make_user_agent},
    {"ip", make_ip},
    {"ip_*", make_ip},
    {"*_ip", make_ip},
    {"ipaddress", make_ip},
    {"*referr*", make_referrer},
    {"*referer*", make_referrer},
    {"utm_source", make_utm_source},
    {"utm_campaign", make_utm_campaign},
    {"*url*", make_url},
    {"*uri", make_url},
    {"*link*", make_url},
    {"sku", make_sku},
    {"*product_id", make_sku},
    {"*productid", make_sku},
    {"content_id", make_sku},
    {"item_id", make_sku},
    {"*category*", make_category},
    {"*brand*", make_brand},
    {"order*", make_order_id},
    {"shop*", make_shop},
    {"store*", make_shop},
    {"*search*", make_search},
    {"*query*", make_search},
    {"*description*", make_description},
    {"*price*", make_price_text},
    {"*amount*", make_price_text},
    {"*total*", make_price_text},
    {"value", make_price_text},
    {"*uuid*", invent_uuid},
    {"*guid*", invent_uuid},
    {"external_id", make_user_id},
    {"user", make_user_id},
    {"*user*id", make_user_id},
    {"*customer*", make_user_id},
    {"event", make_event},
    {"event_type", make_event},
    {"event_name", make_event},
    {"*timestamp*", make_time},
    {"*_at", make_time},
    {"time", make_time},
    {"*_time", make_time},
    {"*date*", make_time},
    {"id", make_id},
    {"*_id", make_id},
    {"*name*", make_name},
};

static bool find_total(const struct invention *invention, double *out)
{
    *out = invention->visit->total;
    return invention->visit->product_count > 0;
}

static bool find_price(const struct invention *invention, double *out)
{
    if (invention->product == NULL) {
        return find_total(invention, out);
    }
    *out = invention->product->price;
    return true;
}

static bool find_quantity(const struct invention *invention, double *out)
{
    *out = invention->product != NULL ? invention->product->quantity : invention->visit->items;
    return invention->product != NULL || invention->visit->items > 0;
}

static bool find_year(const struct invention *invention, double *out)
{
    *out = 1990 + (double)rng_below(&invention->visit->rng, 36);
    return true;
}

static bool find_age(const struct invention *invention, double *out)
{
    *out = 18 + (double)rng_below(&invention->visit->rng, 60);
    return true;
}

static bool find_latitude(const struct invention *invention, double *out)
{
    *out = rng_unit(&invention->visit->rng) * 120.0 - 60.0;
    return true;
}

static bool find_longitude(const struct invention *invention, double *out)
{
    *out = rng_unit(&invention->visit->rng) * 360.0 - 180.0;
    return true;
}

static bool find_share(const struct invention *invention, double *out)
{
    *out = round(rng_unit(&invention->visit->rng) * 100.0) / 100.0;
    return true;
}

static bool find_time(const struct invention *invention, double *out)
{
    *out = (double)(invention->now_ms / 1000);
    return true;
}

static bool find_user(const struct invention *invention, double *out)
{
    *out = (double)invention->visit->user;
    return true;
}

static const struct number_rule number_rules[] = {
    {"*price*", find_price},     {"*cost*", find_price},        {"*amount*", find_total},
    {"*total*", find_total},     {"*revenue*", find_total},     {"value", find_total},
    {"*_value", find_total},     {"*quantity*", find_quantity}, {"qty", find_quantity},
    {"num_*", find_quantity},    {"*count*", find_quantity},    {"*year*", find_year},
    {"age", find_age},           {"lat*", find_latitude},       {"lon*", find_longitude},
    {"lng", find_longitude},     {"*rate*", find_share},        {"*score*", find_share},
    {"*percent*", find_share},   {"*timestamp*", find_time},    {"time", find_time},
    {"*_time", find_time},       {"*_at", find_time},           {"*user*id", find_user},
    {"*customer*id", find_user},
};

/* One star at most inside, or one at either end. */
static bool fits(const char *pattern, struct span name)
{
    struct span rest = span_of(pattern);
    bool is_open_start = rest.ptr[0] == '*';
    bool is_open_end = rest.ptr[rest.len - 1] == '*';
    size_t star;

    rest = span_sub(rest, is_open_start ? 1 : 0, rest.len - (is_open_end ? 1 : 0));
    star = span_find(rest, '*', 0);
    if (star < rest.len) {
        struct span tail = span_sub(rest, star + 1, rest.len);

        rest = span_sub(rest, 0, star);
        return name.len >= rest.len + tail.len && span_ends(name, tail) &&
               (is_open_start ? memmem(name.ptr, name.len - tail.len, rest.ptr, rest.len) != NULL
                              : span_starts(name, rest));
    }
    if (is_open_start && is_open_end) {
        return memmem(name.ptr, name.len, rest.ptr, rest.len) != NULL;
    }
    return is_open_start ? span_ends(name, rest)
           : is_open_end ? span_starts(name, rest)
                         : span_eq(name, rest);
}

/* userEmail, UserEmail and user-email are all user_email. */
static struct span plain_name(struct span field, char out[NAME_BYTES])
{
    size_t len = 0;

    for (size_t i = 0; i < field.len && len + 2 < NAME_BYTES; i++) {
        char c = field.ptr[i];

        if (c >= 'A' && c <= 'Z') {
            if (i > 0 && field.ptr[i - 1] >= 'a' && field.ptr[i - 1] <= 'z') {
                out[len++] = '_';
            }
            c = (char)(c - 'A' + 'a');
        }
        out[len++] = c == '-' || c == '.' ? '_' : c;
    }
    return (struct span){out, len};
}

static void look_up(struct span field, struct invent_slot *slot)
{
    char name[NAME_BYTES];
    struct span plain = plain_name(field, name);

    *slot = (struct invent_slot){field.ptr, field.len, -1, -1};
    for (size_t i = COUNT_OF(text_rules); i-- > 0;) {
        slot->text_rule = fits(text_rules[i].name, plain) ? (int16_t)i : slot->text_rule;
    }
    for (size_t i = COUNT_OF(number_rules); i-- > 0;) {
        slot->number_rule = fits(number_rules[i].name, plain) ? (int16_t)i : slot->number_rule;
    }
}

static const struct invent_slot *slot_of(const struct invention *invention, struct span name)
{
    size_t at = ((uintptr_t)name.ptr >> 3 ^ name.len) % COUNT_OF(invention->cache->slots);
    struct invent_slot *slot = &invention->cache->slots[at];

    if (slot->name != name.ptr || slot->name_bytes != name.len) {
        look_up(name, slot);
    }
    return slot;
}

/* By what the configuration says it means; where that is nothing anybody knows, by its name. */
static int16_t rule_of(const struct invention *invention, bool is_text)
{
    const struct span names[] = {invention->meaning, invention->field};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct invent_slot *slot = names[i].len == 0 ? NULL : slot_of(invention, names[i]);
        int16_t rule = slot == NULL ? -1 : is_text ? slot->text_rule : slot->number_rule;

        if (rule >= 0) {
            return rule;
        }
    }
    return -1;
}

struct span invent_text(const struct invention *invention)
{
    static const char *const words[] = {"alpha", "bravo", "delta", "kilo", "lima", "ünïcode"};
    int16_t rule = rule_of(invention, true);

    return rule >= 0 ? text_rules[rule].make(invention)
                     : keep(invention, words[rng_below(&invention->visit->rng, COUNT_OF(words))]);
}

bool invent_number(const struct invention *invention, double *out)
{
    int16_t rule = rule_of(invention, false);

    if (rule >= 0) {
        return number_rules[rule].make(invention, out);
    }
    *out = (double)rng_below(&invention->visit->rng, 1000);
    return true;
}

bool invent_bool(const struct invention *invention)
{
    return rng_below(&invention->visit->rng, 2) == 0;
}

static bool is_products(struct span field)
{
    static const char *const names[] = {"*product*", "*item*",   "*content*",
                                        "*line*",    "*basket*", "*cart*"};
    char name[NAME_BYTES];
    struct span plain = plain_name(field, name);

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (fits(names[i], plain)) {
            return true;
        }
    }
    return false;
}

bool invent_is_products(const struct invention *invention)
{
    return is_products(invention->field) ||
           (invention->meaning.len > 0 && is_products(invention->meaning));
}

struct span invent_uuid(const struct invention *invention)
{
    uint64_t high = rng_next(&invention->visit->rng);
    uint64_t low = rng_next(&invention->visit->rng);
    char text[40];

    snprintf(text, sizeof(text), "%08llx-%04llx-4%03llx-%04llx-%012llx",
             (unsigned long long)(high >> 32), (unsigned long long)(high >> 16 & 0xffff),
             (unsigned long long)(high & 0xfff),
             (unsigned long long)(0x8000 | (low >> 48 & 0x3fff)),
             (unsigned long long)(low & 0xffffffffffff));
    return keep(invention, text);
}
