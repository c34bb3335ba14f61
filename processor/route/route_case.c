/* One case of a `tests:` file: its keys, and its event as JSON. */
#include "route/route_tests.h"

#include "base/json.h"
#include "event/scalar.h"

/* The text at a key, absent when the key is; false when it is not a text. */
static bool read_text(const struct yaml_node *map, const char *key, struct diags *diags,
                      struct span *out)
{
    const struct yaml_node *node = yaml_get(map, key);

    *out = SPAN_NONE;
    if (node == NULL || node->is_broken) {
        return node == NULL;
    }
    if (node->kind != YAML_SCALAR || yaml_is_null(node)) {
        diag_error(diags, node->place, "%s: a text is expected", key);
        return false;
    }
    *out = node->text;
    return true;
}

static bool read_age(const struct yaml_node *map, struct diags *diags, uint64_t *out)
{
    enum { AGE_DAYS_MAX = 36500 };
    const struct yaml_node *node = yaml_get(map, "age");

    *out = 0;
    if (node == NULL || node->is_broken) {
        return node == NULL;
    }
    if (node->kind != YAML_SCALAR || !value_duration(node->text, out) ||
        *out > (uint64_t)AGE_DAYS_MAX * 86400000) {
        diag_error(diags, node->place, "age: a duration is expected, for example 30s, 2h or 6d");
        return false;
    }
    return true;
}

static bool check_keys(const struct yaml_node *map, const char *const *keys, size_t count,
                       struct diags *diags)
{
    bool is_good = true;

    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_pair *pair = &map->pairs[i];
        const char *near;
        bool is_known = false;

        for (size_t j = 0; j < count; j++) {
            is_known = is_known || span_is(pair->key, keys[j]);
        }
        if (is_known) {
            continue;
        }
        near = suggest(pair->key, keys, count);
        diag_error(diags, pair->place, "unknown key '" SPAN_FMT "'%s", SPAN_ARG(pair->key),
                   did_you_mean(near).text);
        is_good = false;
    }
    return is_good;
}

/* @node is a list of texts, each a name of something that @is_known. */
static bool check_names(const struct yaml_node *node, const struct config *config, const char *what,
                        bool (*is_known)(const struct config *, struct span), struct diags *diags)
{
    if (node->kind != YAML_LIST) {
        diag_error(diags, node->place, "a list of the names of %ss is expected", what);
        return false;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = node->items[i];

        if (item->is_broken) {
            return false;
        }
        if (item->kind != YAML_SCALAR || !is_known(config, item->text)) {
            diag_error(diags, item->place, "there is no %s '" SPAN_FMT "'", what,
                       SPAN_ARG(item->text));
            return false;
        }
    }
    return true;
}

static bool is_route(const struct config *config, struct span name)
{
    for (size_t i = 0; i < config->route_count; i++) {
        if (span_eq(config->routes[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool is_destination(const struct config *config, struct span name)
{
    return config_find(config, name) != NULL;
}

static bool is_rule(const struct config *config, struct span name)
{
    for (size_t i = 0; i < config->route_count; i++) {
        if (config->routes[i].drop.ptr != NULL && span_eq(config->routes[i].drop, name)) {
            return true;
        }
    }
    return false;
}

static bool check_legs(const struct yaml_node *legs, const struct config *config,
                       struct diags *diags)
{
    if (legs->kind != YAML_LIST) {
        diag_error(diags, legs->place, "legs: a list of chains is expected, as in a route");
        return false;
    }
    for (size_t i = 0; i < legs->count; i++) {
        if (!check_names(legs->items[i], config, "destination", is_destination, diags)) {
            return false;
        }
    }
    return true;
}

static bool check_drop(const struct yaml_node *drop, const struct config *config,
                       struct diags *diags)
{
    if (drop->kind != YAML_SCALAR || !is_rule(config, drop->text)) {
        diag_error(diags, drop->place,
                   "drop: the rule of a route that drops is expected%s" SPAN_FMT,
                   drop->kind == YAML_SCALAR ? "; no route has " : "", SPAN_ARG(drop->text));
        return false;
    }
    return true;
}

static bool read_expect(const struct yaml_node *expect, const struct config *config,
                        struct diags *diags, struct route_case *out)
{
    static const char *const keys[] = {"routes", "legs", "drop", "unmatched"};
    bool wants_unmatched;

    if (expect->kind != YAML_MAP || expect->count == 0) {
        diag_error(diags, expect->place,
                   "expect: write {routes: [NAME]}, {legs: [[NAME]]}, {drop: RULE} or {unmatched: "
                   "true}");
        return false;
    }
    out->expect_place = expect->place;
    out->routes = yaml_get(expect, "routes");
    out->legs = yaml_get(expect, "legs");
    out->drop = yaml_get(expect, "drop");
    out->unmatched = yaml_get(expect, "unmatched");
    if (!check_keys(expect, keys, COUNT_OF(keys), diags)) {
        return false;
    }
    if (out->unmatched != NULL && (!yaml_as_bool(out->unmatched, &wants_unmatched) ||
                                   (wants_unmatched && expect->count > 1))) {
        diag_error(diags, out->unmatched->place,
                   "unmatched: true stands alone, since an unmatched event has no route");
        return false;
    }
    return (out->routes == NULL || check_names(out->routes, config, "route", is_route, diags)) &&
           (out->legs == NULL || check_legs(out->legs, config, diags)) &&
           (out->drop == NULL || check_drop(out->drop, config, diags));
}

static bool read_headers(const struct yaml_node *headers, struct diags *diags)
{
    if (headers->kind != YAML_MAP) {
        diag_error(diags, headers->place, "headers: a mapping is expected, NAME: text");
        return false;
    }
    for (size_t i = 0; i < headers->count; i++) {
        if (headers->pairs[i].value->kind != YAML_SCALAR) {
            diag_error(diags, headers->pairs[i].place, "a header is a text");
            return false;
        }
    }
    return true;
}

bool route_case_read(const struct yaml_node *node, const struct config *config, struct diags *diags,
                     struct route_case *out)
{
    static const char *const keys[] = {"name",    "event", "key",    "topic",
                                       "headers", "age",   "reader", "expect"};
    const struct yaml_node *expect;

    *out = (struct route_case){.place = node->place};
    if (node->kind != YAML_MAP) {
        diag_error(diags, node->place,
                   "a test is a mapping: {name: ..., event: {...}, expect: {...}}");
        return false;
    }
    if (!check_keys(node, keys, COUNT_OF(keys), diags)) {
        return false;
    }
    expect = yaml_get(node, "expect");
    out->event = yaml_get(node, "event");
    out->headers = yaml_get(node, "headers");
    if (!read_text(node, "name", diags, &out->name) || !read_text(node, "key", diags, &out->key) ||
        !read_text(node, "topic", diags, &out->topic) ||
        !read_text(node, "reader", diags, &out->reader) || !read_age(node, diags, &out->age_ms) ||
        (out->headers != NULL && !read_headers(out->headers, diags))) {
        return false;
    }
    if (out->name.len == 0 || expect == NULL || out->event == NULL ||
        out->event->kind != YAML_MAP) {
        diag_error(diags, node->place,
                   "a test needs a name, an event (a mapping of the record's fields) and expect");
        return false;
    }
    return read_expect(expect, config, diags, out);
}

static void write_scalar(const struct yaml_node *node, struct buf *out)
{
    if (yaml_is_null(node)) {
        buf_add_text(out, "null");
    } else if (!node->is_quoted && (span_is(node->text, "true") || span_is(node->text, "false") ||
                                    scalar_is_json_number(node->text))) {
        buf_add_span(out, node->text);
    } else {
        buf_add_json_string(out, node->text);
    }
}

/* Recursion: as deep as the YAML document may be, 32. */
void route_case_json(const struct yaml_node *node, struct buf *out)
{
    switch (node->kind) {
    case YAML_SCALAR:
        write_scalar(node, out);
        return;
    case YAML_LIST:
        buf_add_char(out, '[');
        for (size_t i = 0; i < node->count; i++) {
            buf_add_text(out, i == 0 ? "" : ",");
            route_case_json(node->items[i], out);
        }
        buf_add_char(out, ']');
        return;
    case YAML_MAP:
        buf_add_char(out, '{');
        for (size_t i = 0; i < node->count; i++) {
            buf_add_text(out, i == 0 ? "" : ",");
            buf_add_json_string(out, node->pairs[i].key);
            buf_add_char(out, ':');
            route_case_json(node->pairs[i].value, out);
        }
        buf_add_char(out, '}');
        return;
    }
}
