#include "trial/field_hint.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "destinations/driver.h"
#include "event/origin.h"

enum { NEST_MAX = 40 }; /* as deep as YAML goes, and a little more */

/* The fields of TikTok's map, without the object they stand in, and the keys of utm:. */
static const struct {
    const char *name;
    enum hint hint;
} names[] = {
    {"email", HINT_EMAIL},
    {"phone", HINT_PHONE},
    {"external_id", HINT_EXTERNAL_ID},
    {"first_name", HINT_FIRST_NAME},
    {"last_name", HINT_LAST_NAME},
    {"city", HINT_CITY},
    {"state", HINT_STATE},
    {"zip_code", HINT_ZIP_CODE},
    {"country", HINT_COUNTRY},
    {"locale", HINT_LOCALE},
    {"ip", HINT_IP},
    {"user_agent", HINT_USER_AGENT},
    {"ttp", HINT_TTP},
    {"ttclid", HINT_TTCLID},
    {"url", HINT_URL},
    {"landing_page", HINT_URL},
    {"referrer", HINT_REFERRER},
    {"source", HINT_UTM_SOURCE},
    {"utm_source", HINT_UTM_SOURCE},
    {"campaign", HINT_UTM_CAMPAIGN},
    {"utm_campaign", HINT_UTM_CAMPAIGN},
    {"order_id", HINT_ORDER_ID},
    {"shop_id", HINT_SHOP_ID},
    {"search_string", HINT_SEARCH},
    {"description", HINT_DESCRIPTION},
    {"value", HINT_VALUE},
    {"currency", HINT_CURRENCY},
    {"num_items", HINT_NUM_ITEMS},
    {"contents", HINT_CONTENTS},
    {"content_id", HINT_CONTENT_ID},
    {"content_name", HINT_CONTENT_NAME},
    {"content_category", HINT_CONTENT_CATEGORY},
    {"brand", HINT_BRAND},
    {"price", HINT_PRICE},
    {"quantity", HINT_QUANTITY},
};

/* One pass over the configuration's maps: first the fields themselves, then the URLs that a
 * parameter is taken out of, which say less. */
struct pass {
    struct field_hints *hints;
    bool is_about_urls;
};

/* `user.email` is an email. */
static enum hint hint_of_name(struct span name)
{
    size_t from = name.len;

    while (from > 0 && name.ptr[from - 1] != '.') {
        from--;
    }
    name = span_sub(name, from, name.len);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (span_eq_nocase(name, span_of(names[i].name))) {
            return names[i].hint;
        }
    }
    return HINT_NONE;
}

/* An element of a list or a key in quotes is no field of every event. */
static bool is_plain(struct span path)
{
    return path.len > 0 && memchr(path.ptr, '[', path.len) == NULL &&
           memchr(path.ptr, '"', path.len) == NULL;
}

static void add(struct field_hints *hints, struct span base, struct span path, enum hint hint)
{
    if (hint == HINT_NONE || !is_plain(path) || (base.len > 0 && !is_plain(base))) {
        return;
    }
    if (hints->count == hints->cap) {
        hints->cap = MAX_OF(hints->cap * 2, (size_t)64);
        hints->items = mem_grow(hints->items, hints->cap, sizeof(struct field_hint));
    }
    hints->items[hints->count++] =
        (struct field_hint){span_of(mem_format(SPAN_FMT "%s" SPAN_FMT, SPAN_ARG(base),
                                               base.len > 0 ? "." : "", SPAN_ARG(path))),
                            hint};
}

static void add_source(const struct pass *pass, struct span base, const struct yaml_node *node,
                       enum hint hint)
{
    struct span path;
    struct span parameter;
    bool is_url;

    if (node->kind != YAML_SCALAR || yaml_is_null(node)) {
        return;
    }
    is_url = origin_split(node->text, &path, &parameter);
    if (is_url == pass->is_about_urls) {
        add(pass->hints, base, path, is_url ? HINT_URL : hint);
    }
}

static void add_origin(const struct pass *pass, struct span base, const struct yaml_node *node,
                       enum hint hint)
{
    const struct yaml_node *each = yaml_get(node, "each");
    const struct yaml_node *fields = yaml_get(node, "fields");

    if (node->kind == YAML_LIST) {
        for (size_t i = 0; i < node->count; i++) {
            add_source(pass, base, node->items[i], hint);
        }
        return;
    }
    add_source(pass, base, node, hint);
    if (each == NULL || each->kind != YAML_SCALAR || base.len > 0) {
        return;
    }
    add_source(pass, base, each, hint);
    for (size_t i = 0; fields != NULL && fields->kind == YAML_MAP && i < fields->count; i++) {
        add_origin(pass, each->text, fields->pairs[i].value, hint_of_name(fields->pairs[i].key));
    }
}

static void add_map(const struct pass *pass, const struct yaml_node *map)
{
    for (size_t i = 0; map != NULL && map->kind == YAML_MAP && i < map->count; i++) {
        add_origin(pass, SPAN_NONE, map->pairs[i].value, hint_of_name(map->pairs[i].key));
    }
}

static void add_destination(const struct pass *pass, const struct config_destination *destination)
{
    const struct yaml_node *map = yaml_get(destination->node, "map");

    add_map(pass, map);
    add_map(pass, yaml_get(destination->node, "utm"));
    if (driver_of(destination)->default_map != NULL) {
        struct diags ignored; /* what is wrong with a map `detour check` tells */
        struct yaml_doc *defaults;

        diags_init(&ignored);
        defaults = driver_of(destination)->default_map(destination, &ignored);
        add_map(pass, yaml_root(defaults));
        yaml_free(defaults);
        diags_fini(&ignored);
    }
}

/* consent */

/* "!= true" */
static bool is_not_true(struct span text)
{
    return span_starts(text, SPAN("!=")) && span_is(span_trim(span_sub(text, 2, text.len)), "true");
}

static bool is_false(const struct yaml_node *node)
{
    bool value = true;

    for (size_t i = 0; node->kind == YAML_LIST && i < node->count; i++) {
        if (is_false(node->items[i])) {
            return true;
        }
    }
    return node->kind == YAML_SCALAR &&
           ((yaml_as_bool(node, &value) && !value) || is_not_true(node->text));
}

/* {consent.ads: "!= true"} or false, also inside any: and all:. */
static void add_consents(struct field_hints *hints, const struct yaml_node *match, unsigned depth)
{
    for (size_t i = 0; match->kind == YAML_LIST && depth < NEST_MAX && i < match->count; i++) {
        add_consents(hints, match->items[i], depth + 1);
    }
    for (size_t i = 0; match->kind == YAML_MAP && i < match->count; i++) {
        const struct yaml_pair *pair = &match->pairs[i];

        if ((span_is(pair->key, "any") || span_is(pair->key, "all")) && depth < NEST_MAX) {
            add_consents(hints, pair->value, depth + 1);
        } else if (is_false(pair->value)) {
            add(hints, SPAN_NONE, pair->key, HINT_CONSENT);
        }
    }
}

/* consent, adsConsent, CONSENT_ADS */
static bool sounds_like_consent(struct span path)
{
    static const struct span word = {"consent", 7};

    for (size_t i = 0; i + word.len <= path.len; i++) {
        if (span_eq_nocase(span_sub(path, i, i + word.len), word)) {
            return true;
        }
    }
    return false;
}

void field_hints_init(struct field_hints *hints, const struct config *config)
{
    *hints = (struct field_hints){0};
    if (!config->event.is_type_record_name) {
        add(hints, SPAN_NONE, config->event.type, HINT_TYPE);
    }
    add(hints, SPAN_NONE, config->event.id, HINT_ID);
    add(hints, SPAN_NONE, config->event.time, HINT_TIME);
    add(hints, SPAN_NONE, config->event.value, HINT_VALUE);
    add(hints, SPAN_NONE, config->event.currency, HINT_CURRENCY);
    for (size_t i = 0; i < config->route_count; i++) {
        if (config->routes[i].drop.ptr != NULL && config->routes[i].match != NULL) {
            add_consents(hints, config->routes[i].match, 0);
        }
    }
    hints->read_count = hints->count;
    for (int is_about_urls = 0; is_about_urls <= 1; is_about_urls++) {
        const struct pass pass = {hints, is_about_urls != 0};

        for (size_t i = 0; i < config->destination_count; i++) {
            add_destination(&pass, &config->destinations[i]);
        }
    }
}

void field_hints_fini(struct field_hints *hints)
{
    for (size_t i = 0; i < hints->count; i++) {
        free((char *)(uintptr_t)hints->items[i].path.ptr);
    }
    free(hints->items);
    *hints = (struct field_hints){0};
}

enum hint field_hint_of(const struct field_hints *hints, struct span path)
{
    for (size_t i = 0; i < hints->count; i++) {
        if (span_eq(path, hints->items[i].path)) {
            return hints->items[i].hint;
        }
    }
    return sounds_like_consent(path) ? HINT_CONSENT : hint_of_name(path);
}

bool field_hint_is_read(const struct field_hints *hints, struct span path, bool with_value)
{
    for (size_t i = 0; i < hints->read_count; i++) {
        const struct field_hint *to = &hints->items[i];
        bool is_value = to->hint == HINT_VALUE || to->hint == HINT_CURRENCY;

        if ((with_value || !is_value) && span_starts(to->path, path) &&
            (to->path.len == path.len || to->path.ptr[path.len] == '.')) {
            return true;
        }
    }
    return sounds_like_consent(path);
}
