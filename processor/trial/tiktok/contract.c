#include "trial/tiktok/contract.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "destinations/tiktok/fields.h"

#define CODE_PARAM 40002
#define TIME_OLDEST_S ((json_int_t)28 * 86400)
#define TIME_AHEAD_S ((json_int_t)600)

enum { ITEMS_MAX = 1000, PIXEL_ITEMS_MAX = 50, OFFLINE_ITEMS_MAX = 80, HASH_CHARS = 64 };

static const struct {
    const char *paths[2];
    const char *source_key; /* where the source id stands */
    const char *items_key;  /* NULL: the body is the event */
    size_t items_max;
} apis[API_COUNT] = {
    [API_EVENT_TRACK] = {{"/open_api/v1.3/event/track/", NULL},
                         "event_source_id",
                         "data",
                         ITEMS_MAX},
    [API_PIXEL_TRACK] = {{"/open_api/v1.3/pixel/track/", "/open_api/v1.2/pixel/track/"},
                         "pixel_code",
                         NULL,
                         1},
    [API_PIXEL_BATCH] = {{"/open_api/v1.3/pixel/batch/", "/open_api/v1.2/pixel/batch/"},
                         "pixel_code",
                         "batch",
                         PIXEL_ITEMS_MAX},
    [API_OFFLINE_TRACK] = {{"/open_api/v1.3/offline/track/", NULL}, "event_set_id", NULL, 1},
    [API_OFFLINE_BATCH] = {{"/open_api/v1.3/offline/batch/", NULL},
                           "event_set_id",
                           "batch",
                           OFFLINE_ITEMS_MAX},
};

static const char *const warning_words[WARNING_COUNT] = {
    [WARNING_NO_PAGE_URL] = "web event without page.url",
    [WARNING_NOT_HASHED] = "identifier that is not 64 lower-case hex digits",
    [WARNING_NULL] = "member that is null",
    [WARNING_TIME] = "event_time older than 28 days or more than 10 minutes ahead",
    [WARNING_IP] = "ip that is not a public address",
    [WARNING_CURRENCY] = "currency that is not supported",
    [WARNING_NO_EVENT_ID] = "event without event_id",
    [WARNING_TEST_CODE] = "request with test_event_code",
};

/* What a member of an event has to be, in the order in which it is looked at. Where @list is given,
 * each of @object's list has it. */
enum rule_type { STRING, NUMBER, HASH, HASHES };

static const struct rule {
    const char *object, *list, *name;
    enum rule_type type;
} rules[] = {
    {NULL, NULL, "event_id", STRING},
    {"properties", "contents", "content_id", STRING},
    {"properties", "contents", "price", NUMBER},
    {"properties", NULL, "order_id", STRING},
    {"properties", NULL, "shop_id", STRING},
    {"properties", NULL, "value", NUMBER},
    /* from here on Events 2.0 alone */
    {"user", NULL, "email", HASHES},
    {"user", NULL, "phone", HASHES},
    {"user", NULL, "external_id", HASHES},
    {"user", NULL, "first_name", HASH},
    {"user", NULL, "last_name", HASH},
    {"user", NULL, "zip_code", HASH},
};

/* An item being checked and where it stands. */
struct item {
    const struct contract_check *check;
    struct contract_result *result;
    size_t index;
    const json_t *json;
};

const char *warning_word(enum warning warning)
{
    PRE((unsigned)warning < WARNING_COUNT);
    return warning_words[warning];
}

struct span json_span(const json_t *string)
{
    if (!json_is_string(string)) {
        return SPAN_NONE;
    }
    return (struct span){json_string_value(string), json_string_length(string)};
}

enum track_api contract_api(struct span path)
{
    for (size_t i = 0; i < API_COUNT; i++) {
        for (size_t j = 0; j < COUNT_OF(apis[i].paths); j++) {
            if (apis[i].paths[j] != NULL && span_is(path, apis[i].paths[j])) {
                return (enum track_api)i;
            }
        }
    }
    return API_COUNT;
}

void contract_look(enum track_api api, const json_t *root, struct contract_result *out)
{
    PRE((unsigned)api < API_COUNT);
    memset(out, 0, sizeof(*out));
    out->source_id = json_span(json_object_get(root, apis[api].source_key));
    if (apis[api].items_key != NULL) {
        out->items = json_object_get(root, apis[api].items_key);
    }
}

const json_t *contract_item(const struct contract_result *result, const json_t *root, size_t index)
{
    if (result->items != NULL) {
        return json_array_get(result->items, index);
    }
    return index == 0 && json_is_object(root) && json_object_get(root, "event") != NULL ? root
                                                                                        : NULL;
}

size_t contract_item_count(const struct contract_result *result, const json_t *root)
{
    if (result->items != NULL) {
        return json_array_size(result->items);
    }
    return contract_item(result, root, 0) == NULL ? 0 : 1;
}

static void refuse(struct contract_result *result, const char *field, const char *reason)
{
    result->code = CODE_PARAM;
    snprintf(result->message, sizeof(result->message), "Invalid value for %s: %s.", field, reason);
}

/* The text as the API of the request words it; @path is inside the item. */
static void refuse_item(const struct item *item, const char *path, const char *reason)
{
    struct contract_result *result = item->result;
    const char *dot = strrchr(path, '.');

    result->code = CODE_PARAM;
    if (item->check->api == API_EVENT_TRACK && !item->check->is_index_named) {
        refuse(result, dot == NULL ? path : dot + 1, reason);
    } else if (item->check->api == API_EVENT_TRACK) {
        snprintf(result->message, sizeof(result->message), "Invalid value for data.%zu.%s: %s.",
                 item->index, path, reason);
    } else if (apis[item->check->api].items_key != NULL) {
        snprintf(result->message, sizeof(result->message), "Batch.%zu.%s: %c%s", item->index, path,
                 toupper((unsigned char)reason[0]), reason + 1);
    } else {
        snprintf(result->message, sizeof(result->message), "%s: %c%s", path,
                 toupper((unsigned char)reason[0]), reason + 1);
    }
}

/* What the service swallows: counted, or in strict mode refused. */
static void find_fault(const struct item *item, enum warning warning, const char *path,
                       const char *reason)
{
    item->result->warnings[warning]++;
    if (item->check->is_strict && item->result->code == 0) {
        refuse_item(item, path, reason);
    }
}

/* Pixel codes have letters, the ids of the other sources are digits. */
static bool fits_source(struct span source, struct span source_id)
{
    bool is_digits = source_id.len > 0;

    for (size_t i = 0; i < source_id.len; i++) {
        is_digits = is_digits && isdigit((unsigned char)source_id.ptr[i]) != 0;
    }
    return source_id.len > 0 && (span_is(source, "web") || is_digits);
}

void contract_check_head(const struct contract_check *check, const json_t *root,
                         struct contract_result *result)
{
    struct span source = json_span(json_object_get(root, "event_source"));

    if (!json_is_object(root)) {
        result->code = CODE_PARAM;
        snprintf(result->message, sizeof(result->message), "Invalid JSON: not a valid object.");
    } else if (check->api == API_EVENT_TRACK && !span_is(source, "web") &&
               !span_is(source, "app") && !span_is(source, "offline") && !span_is(source, "crm")) {
        refuse(result, "event_source", "must be web, app or offline");
    } else if (result->source_id.len == 0 ||
               (check->api == API_EVENT_TRACK && !fits_source(source, result->source_id))) {
        refuse(result, apis[check->api].source_key, "not a valid string");
    } else if (json_object_get(root, "test_event_code") != NULL) {
        result->warnings[WARNING_TEST_CODE]++;
    }
}

static bool is_hash(const json_t *value)
{
    return json_string_length(value) == HASH_CHARS &&
           strspn(json_string_value(value), "0123456789abcdef") == HASH_CHARS;
}

static void check_value(const struct item *item, enum rule_type type, const json_t *value,
                        const char *path)
{
    if (type == NUMBER && !json_is_number(value)) {
        refuse_item(item, path, "not a valid number");
    } else if (type != NUMBER && !json_is_string(value)) {
        refuse_item(item, path, "not a valid string");
    } else if ((type == HASH || type == HASHES) && !is_hash(value)) {
        find_fault(item, WARNING_NOT_HASHED, path, "must be a SHA-256 in lower-case hex");
    }
}

/* The member of @object, or of the @index-th of its list. */
static void check_member(const struct item *item, const struct rule *rule, const json_t *object,
                         size_t index)
{
    const json_t *value = json_object_get(object, rule->name);
    bool is_list = rule->type == HASHES && json_is_array(value);
    size_t count = is_list ? json_array_size(value) : 1;
    char path[96];

    if (rule->list != NULL) {
        snprintf(path, sizeof(path), "%s.%s.%zu.%s", rule->object, rule->list, index, rule->name);
    } else {
        snprintf(path, sizeof(path), "%s%s%s", rule->object == NULL ? "" : rule->object,
                 rule->object == NULL ? "" : ".", rule->name);
    }
    for (size_t i = 0; value != NULL && i < count && item->result->code == 0; i++) {
        check_value(item, rule->type, is_list ? json_array_get(value, i) : value, path);
    }
}

static void check_rules(const struct item *item)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        const struct rule *rule = &rules[i];
        const json_t *object =
            rule->object == NULL ? item->json : json_object_get(item->json, rule->object);
        const json_t *list = rule->list == NULL ? NULL : json_object_get(object, rule->list);

        if (rule->type >= HASH && item->check->api != API_EVENT_TRACK) {
            return;
        }
        if (rule->list == NULL) {
            check_member(item, rule, object, 0);
        }
        for (size_t j = 0; j < json_array_size(list); j++) {
            check_member(item, rule, json_array_get(list, j), j);
        }
    }
}

static void check_currency(const struct item *item)
{
    const json_t *currency = json_object_get(json_object_get(item->json, "properties"), "currency");
    struct span code = json_span(currency);

    if (currency != NULL && !(code.len == 3 && tiktok_currency_is_known(code.ptr))) {
        item->result->warnings[WARNING_CURRENCY]++;
    }
}

/* As detour's own guard has it: the ranges for documentation pass, tests need some. */
static void check_ip(const struct item *item)
{
    const json_t *ip = json_object_get(json_object_get(item->json, "user"), "ip");
    struct sockaddr_storage address;

    if (ip != NULL && item->result->code == 0 &&
        (!json_is_string(ip) || !address_read(json_string_value(ip), &address) ||
         address_is_private((const struct sockaddr *)&address, sizeof(address)))) {
        find_fault(item, WARNING_IP, "user.ip", "not a public address");
    }
}

/* The members of @object itself; what lies deeper is looked at by the caller. */
static void check_nulls(const struct item *item, const json_t *object, const char *prefix)
{
    const char *key;
    json_t *value;
    char path[128];

    json_object_foreach((json_t *)object, key, value)
    {
        if (json_is_null(value) && item->result->code == 0) {
            snprintf(path, sizeof(path), "%s%.64s", prefix, key);
            find_fault(item, WARNING_NULL, path, "may not be null");
        }
    }
}

static void check_all_nulls(const struct item *item)
{
    const json_t *contents = json_object_get(json_object_get(item->json, "properties"), "contents");
    const char *key;
    json_t *value;
    char prefix[80];

    check_nulls(item, item->json, "");
    json_object_foreach((json_t *)item->json, key, value)
    {
        snprintf(prefix, sizeof(prefix), "%.64s.", key);
        check_nulls(item, value, prefix);
    }
    for (size_t i = 0; i < json_array_size(contents); i++) {
        check_nulls(item, json_array_get(contents, i), "properties.contents.");
    }
}

static void check_time(const struct item *item)
{
    const json_t *time = json_object_get(item->json, "event_time");
    json_int_t now = (json_int_t)(item->check->wall_ms / 1000);
    json_int_t at = json_integer_value(time);

    if (!json_is_integer(time)) {
        refuse_item(item, "event_time", "not a valid integer");
    } else if (at < now - TIME_OLDEST_S || at > now + TIME_AHEAD_S) {
        find_fault(item, WARNING_TIME, "event_time", "outside the last 28 days");
    }
}

/* Steps 12 and 13: what a source cannot do without. */
static void check_source_needs(const struct item *item, struct span source)
{
    const json_t *lead = json_object_get(item->json, "lead");
    const json_t *app = json_object_get(item->json, "app");
    const json_t *page = json_object_get(item->json, "page");

    if (item->result->code != 0) {
        return;
    }
    if (span_is(source, "crm") && json_span(json_object_get(lead, "lead_id")).len == 0) {
        refuse_item(item, "lead.lead_id", "not a valid string");
    } else if (span_is(source, "app") && json_span(json_object_get(app, "app_id")).len == 0) {
        refuse_item(item, "app.app_id", "not a valid string");
    } else if (span_is(source, "web") && json_span(json_object_get(page, "url")).len == 0) {
        item->result->warnings[WARNING_NO_PAGE_URL]++;
    }
}

static void check_item(const struct item *item, struct span source)
{
    if (!json_is_object(item->json)) {
        refuse_item(item, "data", "not a valid object");
        return;
    }
    if (json_span(json_object_get(item->json, "event")).len == 0) {
        refuse_item(item, "event", "not a valid string");
        return;
    }
    if (item->check->api == API_EVENT_TRACK) {
        check_time(item);
    }
    check_rules(item);
    check_currency(item);
    if (json_object_get(item->json, "event_id") == NULL) {
        item->result->warnings[WARNING_NO_EVENT_ID]++;
    }
    if (item->check->api == API_EVENT_TRACK) {
        check_ip(item);
        check_source_needs(item, source);
        check_all_nulls(item);
    }
}

void contract_check_items(const struct contract_check *check, const json_t *root,
                          struct contract_result *result)
{
    const char *key = apis[check->api].items_key;
    struct span source = json_span(json_object_get(root, "event_source"));
    size_t count = key == NULL ? 1 : json_array_size(result->items);
    char reason[64];

    if (count < 1 || count > apis[check->api].items_max) { /* not an array: 0 */
        snprintf(reason, sizeof(reason), "length must be between 1 and %zu",
                 apis[check->api].items_max);
        refuse(result, key, reason);
        return;
    }
    for (size_t i = 0; i < count && result->code == 0; i++) {
        struct item item = {check, result, i,
                            key == NULL ? root : json_array_get(result->items, i)};

        check_item(&item, source);
    }
}
