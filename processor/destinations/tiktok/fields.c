#include "destinations/tiktok/fields.h"

#include <stdlib.h>
#include <string.h>

enum {
    WEB = 1 << SOURCE_WEB,
    APP = 1 << SOURCE_APP,
    OFFLINE = 1 << SOURCE_OFFLINE,
    CRM = 1 << SOURCE_CRM,
    ALL = WEB | APP | OFFLINE | CRM,
};

static const char *const content_types[] = {"product", "product_group", NULL};
static const char *const customer_types[] = {"new", "returning", NULL};
static const char *const deliveries[] = {"in_store", "curbside", "home_delivery", NULL};
static const char *const att_statuses[] = {"AUTHORIZED", "DENIED",         "NOT_DETERMINED",
                                           "RESTRICTED", "NOT_APPLICABLE", NULL};

#define USER_HASHED(field_name, field_sources, field_identifier, list)                             \
    {                                                                                              \
        .name = "user." field_name, .group = GROUP_USER, .kind = FIELD_IDENTIFIER,                 \
        .sources = (field_sources), .identifier = (field_identifier), .is_list = (list)            \
    }
#define FIELD(field_name, field_group, field_kind, field_sources)                                  \
    {                                                                                              \
        .name = (field_name), .group = (field_group), .kind = (field_kind),                        \
        .sources = (field_sources)                                                                 \
    }
#define WORD(field_name, field_group, field_words, field_sources)                                  \
    {                                                                                              \
        .name = (field_name), .group = (field_group), .kind = FIELD_WORD,                          \
        .sources = (field_sources), .words = (field_words)                                         \
    }
#define PROPERTY(field_name, field_kind)                                                           \
    FIELD("properties." field_name, GROUP_PROPERTIES, field_kind, ALL)
#define AD(field_name, field_kind) FIELD("ad." field_name, GROUP_AD, field_kind, APP)

/* In the order they are written: grouped, and contents before what depends on it. */
static const struct tiktok_field fields[] = {
    FIELD("limited_data_use", GROUP_ITEM, FIELD_BOOLEAN, WEB | APP),

    USER_HASHED("email", ALL, IDENTIFIER_EMAIL, true),
    USER_HASHED("phone", ALL, IDENTIFIER_PHONE, true),
    USER_HASHED("external_id", WEB | CRM, IDENTIFIER_EXTERNAL_ID, true),
    USER_HASHED("first_name", WEB, IDENTIFIER_NAME, false),
    USER_HASHED("last_name", WEB, IDENTIFIER_NAME, false),
    USER_HASHED("zip_code", WEB, IDENTIFIER_ZIP, false),
    USER_HASHED("city", WEB, IDENTIFIER_PLACE, false),
    USER_HASHED("state", WEB, IDENTIFIER_PLACE, false),
    USER_HASHED("country", WEB, IDENTIFIER_COUNTRY, false),
    USER_HASHED("idfa", APP, IDENTIFIER_IDFA, false),
    USER_HASHED("gaid", APP, IDENTIFIER_GAID, false),
    FIELD("user.idfv", GROUP_USER, FIELD_TEXT, APP),
    WORD("user.att_status", GROUP_USER, att_statuses, APP),
    FIELD("user.ttclid", GROUP_USER, FIELD_TEXT, WEB),
    FIELD("user.ttp", GROUP_USER, FIELD_TEXT, WEB),
    FIELD("user.ip", GROUP_USER, FIELD_ADDRESS, WEB | APP),
    FIELD("user.user_agent", GROUP_USER, FIELD_TEXT, WEB | APP),
    FIELD("user.locale", GROUP_USER, FIELD_TEXT, WEB | APP),
    FIELD("user.lead_id", GROUP_USER, FIELD_ID, OFFLINE),

    PROPERTY("contents", FIELD_CONTENTS),
    WORD("properties.content_type", GROUP_PROPERTIES, content_types, ALL),
    PROPERTY("content_ids", FIELD_IDS),
    PROPERTY("value", FIELD_NUMBER),
    PROPERTY("currency", FIELD_CURRENCY),
    PROPERTY("num_items", FIELD_INTEGER),
    PROPERTY("order_id", FIELD_ID),
    PROPERTY("shop_id", FIELD_ID),
    PROPERTY("search_string", FIELD_TEXT),
    PROPERTY("description", FIELD_TEXT),
    WORD("properties.customer_type", GROUP_PROPERTIES, customer_types, WEB | APP),
    PROPERTY("query", FIELD_TEXT),
    WORD("properties.delivery_category", GROUP_PROPERTIES, deliveries, ALL),
    PROPERTY("predicted_ltv", FIELD_NUMBER),
    PROPERTY("event_channel", FIELD_TEXT),
    PROPERTY("checkin_date", FIELD_TEXT),
    PROPERTY("checkout_date", FIELD_TEXT),
    PROPERTY("num_adults", FIELD_INTEGER),
    PROPERTY("num_children", FIELD_INTEGER),
    PROPERTY("num_infants", FIELD_INTEGER),
    PROPERTY("origin_airport", FIELD_TEXT),
    PROPERTY("destination_airport", FIELD_TEXT),
    PROPERTY("destination_ids", FIELD_IDS),
    PROPERTY("travel_class", FIELD_TEXT),
    PROPERTY("travel_start", FIELD_TEXT),
    PROPERTY("travel_end", FIELD_TEXT),
    PROPERTY("city", FIELD_TEXT),
    PROPERTY("region", FIELD_TEXT),
    PROPERTY("country", FIELD_TEXT),
    PROPERTY("postal_code", FIELD_ID),
    PROPERTY("make", FIELD_TEXT),
    PROPERTY("model", FIELD_TEXT),
    PROPERTY("year", FIELD_INTEGER),
    PROPERTY("vin", FIELD_ID),
    PROPERTY("body_style", FIELD_TEXT),
    PROPERTY("condition_of_vehicle", FIELD_TEXT),
    PROPERTY("drivetrain", FIELD_TEXT),
    PROPERTY("exterior_color", FIELD_TEXT),
    PROPERTY("interior_color", FIELD_TEXT),
    PROPERTY("fuel_type", FIELD_TEXT),
    PROPERTY("transmission", FIELD_TEXT),
    PROPERTY("trim", FIELD_TEXT),
    PROPERTY("preferred_price_range", FIELD_NUMBERS),
    FIELD("properties.mileage.value", GROUP_MILEAGE, FIELD_NUMBER, ALL),
    FIELD("properties.mileage.unit", GROUP_MILEAGE, FIELD_TEXT, ALL),

    FIELD("page.url", GROUP_PAGE, FIELD_URL, WEB),
    FIELD("page.referrer", GROUP_PAGE, FIELD_URL, WEB),

    FIELD("app.app_id", GROUP_APP, FIELD_ID, APP),
    FIELD("app.app_name", GROUP_APP, FIELD_TEXT, APP),
    FIELD("app.app_version", GROUP_APP, FIELD_TEXT, APP),

    AD("callback", FIELD_TEXT),
    AD("campaign_id", FIELD_ID),
    AD("ad_id", FIELD_ID),
    AD("creative_id", FIELD_ID),
    AD("is_retargeting", FIELD_BOOLEAN),
    AD("attributed", FIELD_BOOLEAN),
    AD("attribution_type", FIELD_TEXT),
    AD("attribution_provider", FIELD_TEXT),
    FIELD("ad.attribution_share", GROUP_AD, FIELD_NUMBER, WEB | APP),
    AD("attribution_value", FIELD_NUMBER),
    AD("attribution_model", FIELD_TEXT),
    AD("attribution_method", FIELD_TEXT),
    AD("attribution_window_hr_click", FIELD_NUMBER),
    AD("attribution_window_hr_view", FIELD_NUMBER),
    AD("touchpoint_type", FIELD_TEXT),
    AD("touchpoint_ts", FIELD_INTEGER),
    AD("touchpoint_url", FIELD_URL),
    AD("decline_reason", FIELD_TEXT),
    AD("utm_id", FIELD_ID),
    AD("utm_source", FIELD_TEXT),
    AD("utm_medium", FIELD_TEXT),
    AD("utm_campaign", FIELD_TEXT),

    FIELD("lead.lead_id", GROUP_LEAD, FIELD_ID, CRM),
    FIELD("lead.lead_event_source", GROUP_LEAD, FIELD_TEXT, CRM),

    FIELD("device.architecture", GROUP_DEVICE, FIELD_TEXT, WEB),
    FIELD("device.bitness", GROUP_DEVICE, FIELD_TEXT, WEB),
    FIELD("device.browser_version_list", GROUP_DEVICE, FIELD_TEXT, WEB),
    FIELD("device.mobile", GROUP_DEVICE, FIELD_FREE, WEB),
    FIELD("device.model", GROUP_DEVICE, FIELD_TEXT, WEB),
    FIELD("device.platform", GROUP_DEVICE, FIELD_TEXT, WEB),
    FIELD("device.platform_version", GROUP_DEVICE, FIELD_TEXT, WEB),
};

/* Of one object in properties.contents. */
static const struct tiktok_field content_fields[] = {
    FIELD("content_id", GROUP_ITEM, FIELD_ID, ALL),
    FIELD("content_name", GROUP_ITEM, FIELD_TEXT, ALL),
    FIELD("content_category", GROUP_ITEM, FIELD_TEXT, ALL),
    FIELD("brand", GROUP_ITEM, FIELD_TEXT, ALL),
    FIELD("price", GROUP_ITEM, FIELD_NUMBER, ALL),
    FIELD("quantity", GROUP_ITEM, FIELD_INTEGER, ALL),
    WORD("content_type", GROUP_ITEM, content_types, ALL),
};

/* Members that are not mapped, and words error texts use for places. */
static const char *const other_words[] = {
    "event",  "event_time",   "event_id",  "event_source", "event_source_id", "pixel_code",
    "data",   "partner_name", "timestamp", "context",      "test_event_code", "batch",
    "events", "event_set_id", "type",      "phone_number",
};

static const struct {
    const char *name;
    enum field_group parent;
} groups[GROUP_COUNT] = {
    [GROUP_ITEM] = {"", GROUP_ITEM},
    [GROUP_USER] = {"user", GROUP_ITEM},
    [GROUP_PROPERTIES] = {"properties", GROUP_ITEM},
    [GROUP_MILEAGE] = {"properties.mileage", GROUP_PROPERTIES},
    [GROUP_PAGE] = {"page", GROUP_ITEM},
    [GROUP_APP] = {"app", GROUP_ITEM},
    [GROUP_AD] = {"ad", GROUP_ITEM},
    [GROUP_LEAD] = {"lead", GROUP_ITEM},
    [GROUP_DEVICE] = {"device", GROUP_ITEM},
};

/* Sorted. */
static const char currencies[][4] = {
    "AED", "ARS", "AUD", "BDT", "BHD", "BIF", "BOB", "BRL", "CAD", "CHF", "CLP", "CNY", "COP",
    "CRC", "CZK", "DKK", "DZD", "EGP", "EUR", "GBP", "GTQ", "HKD", "HNL", "HUF", "IDR", "ILS",
    "INR", "ISK", "JPY", "KES", "KHR", "KRW", "KWD", "KZT", "MAD", "MOP", "MXN", "MYR", "NGN",
    "NIO", "NOK", "NZD", "OMR", "PEN", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RUB", "SAR",
    "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VES", "VND", "ZAR",
};

const char *field_kind_word(enum field_kind kind)
{
    switch (kind) {
    case FIELD_TEXT:
    case FIELD_URL:
        return "a text";
    case FIELD_ID:
        return "an id (text or whole number)";
    case FIELD_NUMBER:
        return "a number";
    case FIELD_INTEGER:
        return "a whole number";
    case FIELD_BOOLEAN:
        return "a boolean";
    case FIELD_WORD:
        return "one of a few words";
    case FIELD_CURRENCY:
        return "a currency code";
    case FIELD_ADDRESS:
        return "an IP address";
    case FIELD_IDENTIFIER:
        return "a text";
    case FIELD_IDS:
        return "an array of texts";
    case FIELD_NUMBERS:
        return "an array of numbers";
    case FIELD_CONTENTS:
        return "{each: PATH, fields: {content_id: PATH, ...}}";
    case FIELD_FREE:
        return "a text, number or boolean";
    }
    return "a value";
}

enum text_kind tiktok_field_text_kind(const struct tiktok_field *field)
{
    switch (field->kind) {
    case FIELD_FREE:
        return TEXT_FREE;
    case FIELD_TEXT: /* a click id or a user agent; a title or a description */
        return field->group == GROUP_USER || field->group == GROUP_DEVICE ||
                       field->group == GROUP_AD
                   ? TEXT_CODE
                   : TEXT_FREE;
    case FIELD_IDENTIFIER:
        return field->identifier == IDENTIFIER_NAME || field->identifier == IDENTIFIER_PLACE
                   ? TEXT_FREE
                   : TEXT_CODE;
    case FIELD_URL:
    case FIELD_ID:
    case FIELD_NUMBER:
    case FIELD_INTEGER:
    case FIELD_BOOLEAN:
    case FIELD_WORD:
    case FIELD_CURRENCY:
    case FIELD_ADDRESS:
    case FIELD_IDS:
    case FIELD_NUMBERS:
    case FIELD_CONTENTS:
        break;
    }
    return TEXT_CODE;
}

static const struct tiktok_field *find(const struct tiktok_field *table, size_t count,
                                       struct span name)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(name, table[i].name)) {
            return &table[i];
        }
    }
    return NULL;
}

const struct tiktok_field *tiktok_field_find(struct span name)
{
    return find(fields, COUNT_OF(fields), name);
}

const struct tiktok_field *tiktok_content_field_find(struct span key)
{
    return find(content_fields, COUNT_OF(content_fields), key);
}

const struct tiktok_field *tiktok_field_at(size_t index)
{
    return index < COUNT_OF(fields) ? &fields[index] : NULL;
}

const struct tiktok_field *tiktok_content_field_at(size_t index)
{
    return index < COUNT_OF(content_fields) ? &content_fields[index] : NULL;
}

struct span tiktok_field_key(const struct tiktok_field *field)
{
    struct span name = span_of(field->name);
    size_t prefix = strlen(groups[field->group].name);

    return span_sub(name, prefix == 0 ? 0 : prefix + 1, name.len);
}

const char *tiktok_field_suggest(struct span name)
{
    const char *names[COUNT_OF(fields)];

    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (span_eq(name, tiktok_field_key(&fields[i]))) {
            return fields[i].name; /* right but for the object it stands in */
        }
        names[i] = fields[i].name;
    }
    return suggest(name, names, COUNT_OF(names));
}

const char *tiktok_content_field_suggest(struct span key)
{
    const char *names[COUNT_OF(content_fields)];

    for (size_t i = 0; i < COUNT_OF(content_fields); i++) {
        names[i] = content_fields[i].name;
    }
    return suggest(key, names, COUNT_OF(names));
}

struct span tiktok_group_name(enum field_group group)
{
    return span_of(groups[group].name);
}

enum field_group tiktok_group_parent(enum field_group group)
{
    return groups[group].parent;
}

bool tiktok_field_is_word(struct span word)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (span_eq(word, tiktok_field_key(&fields[i]))) {
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(content_fields); i++) {
        if (span_is(word, content_fields[i].name)) {
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(other_words); i++) {
        if (span_is(word, other_words[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        if (word.len > 0 && span_is(word, groups[i].name)) {
            return true;
        }
    }
    return span_is(word, "mileage");
}

static int compare_currency(const void *key, const void *row)
{
    return memcmp(key, row, 3);
}

bool tiktok_currency_is_known(const char code[3])
{
    return bsearch(code, currencies, COUNT_OF(currencies), sizeof(currencies[0]),
                   compare_currency) != NULL;
}
