#include "trial/keys.h"

#include <string.h>

#include "base/log.h"

enum { KEYS_MAX = 64 };

static const char *const wanted_words[] = {
    [KEY_DURATION] = "a duration: 200ms, 30s, 5m",
    [KEY_RANGE] = "a duration or a range: 3s, 1s..3s",
    [KEY_SHARE] = "a percentage, up to 100%",
    [KEY_RATE] = "a rate above none: 100/s, 6/m",
    [KEY_REAL] = "a number",
    [KEY_NUMBER] = "a number",
    [KEY_BOOL] = "true or false",
    [KEY_TEXT] = "a text",
    [KEY_NODE] = "a value",
};

void keys_complain(struct diags *diags, const struct yaml_node *node, const char *what,
                   const char *wanted)
{
    if (!node->is_broken) {
        diag_error(diags, node->place, "%s wants %s", what, wanted);
    }
}

/* Aligned copies: a row may describe any field of any struct. */
static bool read_double(const struct key *key, struct span text, void *at)
{
    double number;
    bool is_good = key->type == KEY_SHARE  ? value_percent(text, &number) && number <= 1
                   : key->type == KEY_RATE ? value_rate(text, &number) && number > 0
                                           : span_to_double(text, &number);

    if (is_good) {
        memcpy(at, &number, sizeof(number));
    }
    return is_good;
}

static bool read_duration(const struct key *key, struct span text, void *at, void *more)
{
    uint64_t from_ms = 0;
    uint64_t to_ms = 0;
    bool is_good = key->type == KEY_RANGE ? value_durations(text, &from_ms, &to_ms)
                                          : value_duration(text, &from_ms);

    if (is_good) {
        memcpy(at, &from_ms, sizeof(from_ms));
    }
    if (is_good && key->type == KEY_RANGE) {
        memcpy(more, &to_ms, sizeof(to_ms));
    }
    return is_good;
}

static bool read_number(const struct key *key, struct span text, void *at)
{
    int64_t number;

    if (!span_to_i64(text, &number) || number < key->min || number > key->max) {
        return false;
    }
    memcpy(at, &number, sizeof(number));
    return true;
}

static bool read_value(const struct key *key, const struct yaml_node *node, char *out)
{
    void *at = out + key->offset;

    if (key->type == KEY_NODE) {
        memcpy(at, &node, sizeof(struct yaml_node *));
        return true;
    }
    if (node->kind != YAML_SCALAR) {
        return false;
    }
    switch (key->type) {
    case KEY_DURATION:
    case KEY_RANGE:
        return read_duration(key, node->text, at, out + key->offset_more);
    case KEY_SHARE:
    case KEY_RATE:
    case KEY_REAL:
        return read_double(key, node->text, at);
    case KEY_NUMBER:
        return read_number(key, node->text, at);
    case KEY_BOOL:
        return yaml_as_bool(node, at);
    case KEY_TEXT:
        memcpy(at, &node->text, sizeof(struct span));
        return (int64_t)node->text.len >= key->min;
    case KEY_NODE:
        break;
    }
    return false;
}

static const struct key *find_key(const struct keys *keys, unsigned where, struct span name)
{
    for (size_t i = 0; i < keys->count; i++) {
        if ((keys->rows[i].where & where) != 0 && span_is(name, keys->rows[i].name)) {
            return &keys->rows[i];
        }
    }
    return NULL;
}

static void report_unknown(const struct keys *keys, unsigned where, const struct yaml_pair *pair,
                           const char *what, struct diags *diags)
{
    const char *names[KEYS_MAX];
    size_t count = 0;

    INVARIANT(keys->count <= KEYS_MAX);
    for (size_t i = 0; i < keys->count; i++) {
        if ((keys->rows[i].where & where) != 0) {
            names[count++] = keys->rows[i].name;
        }
    }
    diag_error(diags, pair->place, "unknown key %s in %s%s", log_quote(pair->key), what,
               did_you_mean(suggest(pair->key, names, count)).text);
}

bool keys_read(const struct keys *keys, unsigned where, const struct yaml_node *map,
               const char *what, void *out, struct diags *diags)
{
    size_t errors_before = diags->error_count;
    const bool is_there = true;

    if (map->kind != YAML_MAP) {
        keys_complain(diags, map, what, "a map of keys and values");
        return false;
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_pair *pair = &map->pairs[i];
        const struct key *key = find_key(keys, where, pair->key);

        if (key == NULL) {
            report_unknown(keys, where, pair, what, diags);
        } else if (!read_value(key, pair->value, out)) {
            keys_complain(diags, pair->value, key->name,
                          key->wanted != NULL ? key->wanted : wanted_words[key->type]);
        } else if (key->offset_has != 0) {
            memcpy((char *)out + key->offset_has, &is_there, sizeof(is_there));
        }
    }
    return diags->error_count == errors_before;
}
