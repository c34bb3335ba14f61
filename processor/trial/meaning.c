#include "trial/meaning.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "event/origin.h"

enum { NEST_MAX = 40 }; /* as deep as YAML goes, and a little more */

/* One pass over the configuration's origins: first the fields themselves, then the URLs that
 * something is taken out of, which say less. */
struct pass {
    struct meanings *meanings;
    bool is_about_urls;
};

static bool is_plain(struct span path)
{
    return path.len > 0 && memchr(path.ptr, '[', path.len) == NULL &&
           memchr(path.ptr, '"', path.len) == NULL;
}

static void add(struct meanings *meanings, struct span base, struct span path, struct span name)
{
    if (!is_plain(path) || (base.len > 0 && !is_plain(base))) {
        return;
    }
    if (meanings->count == meanings->cap) {
        meanings->cap = MAX_OF(meanings->cap * 2, (size_t)16);
        meanings->items = mem_grow(meanings->items, meanings->cap, sizeof(struct meaning));
    }
    meanings->items[meanings->count++] = (struct meaning){
        mem_format(SPAN_FMT "%s" SPAN_FMT, SPAN_ARG(base), base.len > 0 ? "." : "", SPAN_ARG(path)),
        name};
}

/* `user.email` is an email. */
static struct span last_part(struct span name)
{
    size_t from = 0;

    for (size_t at = span_find(name, '.', 0); at < name.len; at = span_find(name, '.', from)) {
        from = at + 1;
    }
    return span_sub(name, from, name.len);
}

static void add_source(const struct pass *pass, struct span base, const struct yaml_node *node,
                       struct span name)
{
    struct span path;
    struct span parameter;
    bool is_url;

    if (node->kind != YAML_SCALAR || yaml_is_null(node)) {
        return;
    }
    is_url = origin_split(node->text, &path, &parameter);
    if (is_url == pass->is_about_urls) {
        add(pass->meanings, base, path, is_url ? SPAN("url") : name);
    }
}

static void add_origin(const struct pass *pass, struct span base, const struct yaml_node *node,
                       struct span name)
{
    const struct yaml_node *each = yaml_get(node, "each");
    const struct yaml_node *fields = yaml_get(node, "fields");

    if (node->kind == YAML_LIST) {
        for (size_t i = 0; i < node->count; i++) {
            add_source(pass, base, node->items[i], name);
        }
        return;
    }
    add_source(pass, base, node, name);
    if (each == NULL || each->kind != YAML_SCALAR || base.len > 0) {
        return;
    }
    add_source(pass, base, each, name);
    for (size_t i = 0; fields != NULL && fields->kind == YAML_MAP && i < fields->count; i++) {
        add_origin(pass, each->text, fields->pairs[i].value, fields->pairs[i].key);
    }
}

static struct span utm_name(struct span key)
{
    return span_is(key, "source")         ? SPAN("utm_source")
           : span_is(key, "campaign")     ? SPAN("utm_campaign")
           : span_is(key, "landing_page") ? SPAN("url")
                                          : key;
}

static void add_map(const struct pass *pass, const struct yaml_node *map, bool is_utm)
{
    for (size_t i = 0; map != NULL && map->kind == YAML_MAP && i < map->count; i++) {
        struct span key = map->pairs[i].key;

        add_origin(pass, SPAN_NONE, map->pairs[i].value, is_utm ? utm_name(key) : last_part(key));
    }
}

static void add_destinations(struct meanings *meanings, const struct config *config)
{
    for (int is_about_urls = 0; is_about_urls <= 1; is_about_urls++) {
        const struct pass pass = {meanings, is_about_urls != 0};

        for (size_t i = 0; i < config->destination_count; i++) {
            add_map(&pass, yaml_get(config->destinations[i].node, "map"), false);
            add_map(&pass, yaml_get(config->destinations[i].node, "utm"), true);
        }
    }
}

/* consent */

static void add_consent(struct meanings *meanings, struct span path)
{
    if (!is_plain(path)) {
        return;
    }
    if (meanings->consent_count == meanings->consent_cap) {
        meanings->consent_cap = MAX_OF(meanings->consent_cap * 2, (size_t)4);
        meanings->consents =
            mem_grow(meanings->consents, meanings->consent_cap, sizeof(*meanings->consents));
    }
    meanings->consents[meanings->consent_count++] = mem_text(path);
}

/* "!= true" */
static bool is_not_true(struct span text)
{
    return span_starts(text, SPAN("!=")) && span_is(span_trim(span_sub(text, 2, text.len)), "true");
}

static bool is_false(const struct yaml_node *node)
{
    bool value = true;

    if (node->kind == YAML_LIST) {
        for (size_t i = 0; i < node->count; i++) {
            if (is_false(node->items[i])) {
                return true;
            }
        }
        return false;
    }
    return node->kind == YAML_SCALAR &&
           ((yaml_as_bool(node, &value) && !value) || is_not_true(node->text));
}

/* {consent.ads: "!= true"} or false, also inside any: and all:. */
static void find_consents(struct meanings *meanings, const struct yaml_node *match, unsigned depth)
{
    if (match->kind == YAML_LIST && depth < NEST_MAX) {
        for (size_t i = 0; i < match->count; i++) {
            find_consents(meanings, match->items[i], depth + 1);
        }
    }
    for (size_t i = 0; match->kind == YAML_MAP && i < match->count; i++) {
        const struct yaml_pair *pair = &match->pairs[i];

        if ((span_is(pair->key, "any") || span_is(pair->key, "all")) && depth < NEST_MAX) {
            find_consents(meanings, pair->value, depth + 1);
        } else if (is_false(pair->value)) {
            add_consent(meanings, pair->key);
        }
    }
}

void meanings_init(struct meanings *meanings, const struct config *config)
{
    *meanings = (struct meanings){0};
    add(meanings, SPAN_NONE, config->event.value, SPAN("value"));
    add(meanings, SPAN_NONE, config->event.currency, SPAN("currency"));
    add_destinations(meanings, config);
    for (size_t i = 0; i < config->route_count; i++) {
        if (config->routes[i].drop.ptr != NULL && config->routes[i].match != NULL) {
            find_consents(meanings, config->routes[i].match, 0);
        }
    }
}

void meanings_fini(struct meanings *meanings)
{
    for (size_t i = 0; i < meanings->count; i++) {
        free(meanings->items[i].path);
    }
    for (size_t i = 0; i < meanings->consent_count; i++) {
        free(meanings->consents[i]);
    }
    free(meanings->items);
    free(meanings->consents);
    *meanings = (struct meanings){0};
}

struct span meanings_find(const struct meanings *meanings, struct span path)
{
    for (size_t i = 0; i < meanings->count; i++) {
        if (span_is(path, meanings->items[i].path)) {
            return meanings->items[i].name;
        }
    }
    return SPAN_NONE;
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

bool meanings_is_consent(const struct meanings *meanings, struct span path, bool is_above)
{
    for (size_t i = 0; i < meanings->consent_count; i++) {
        const char *consent = meanings->consents[i];

        if (span_is(path, consent) ||
            (is_above && span_starts(span_of(consent), path) && consent[path.len] == '.')) {
            return true;
        }
    }
    return sounds_like_consent(path);
}
