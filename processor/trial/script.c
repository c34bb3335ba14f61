#include "trial/script.h"

#include <stdlib.h>

#include "base/mem.h"

enum { MODES_MAX = 256, EVENTS_MAX = 64 };

static const char *const mode_words[MODE_KIND_COUNT] = {
    [MODE_STATUS] = "status",   [MODE_CODE] = "code",       [MODE_HANG] = "hang",
    [MODE_SLOW] = "slow",       [MODE_RESET] = "reset",     [MODE_THROTTLE] = "throttle",
    [MODE_PARTIAL] = "partial", [MODE_GATEWAY] = "gateway", [MODE_TRUNCATE] = "truncate",
    [MODE_TOKEN] = "token",
};

const char *mode_word(enum mode_kind kind)
{
    PRE((unsigned)kind < MODE_KIND_COUNT);
    return mode_words[kind];
}

/* One key of a mode: reads @node into @mode, or says what it should have been. */
struct key_rule {
    const char *key;
    bool (*read)(const struct yaml_node *node, struct script_mode *mode);
    const char *wanted;
};

static bool read_number(const struct yaml_node *node, int64_t low, int64_t high, int64_t *out)
{
    return node->kind == YAML_SCALAR && span_to_i64(node->text, out) && *out >= low && *out <= high;
}

static bool read_from(const struct yaml_node *node, struct script_mode *mode)
{
    return value_duration(node->text, &mode->from_ms);
}

static bool read_to(const struct yaml_node *node, struct script_mode *mode)
{
    return value_duration(node->text, &mode->to_ms);
}

static bool read_mode(const struct yaml_node *node, struct script_mode *mode)
{
    for (size_t i = 0; i < MODE_KIND_COUNT; i++) {
        if (span_is(node->text, mode_words[i])) {
            mode->kind = (enum mode_kind)i;
            return true;
        }
    }
    return false;
}

static bool read_status(const struct yaml_node *node, struct script_mode *mode)
{
    int64_t number;

    if (!read_number(node, 200, 599, &number)) {
        return false;
    }
    mode->status = (int)number;
    return true;
}

static bool read_code(const struct yaml_node *node, struct script_mode *mode)
{
    int64_t number;

    if (!read_number(node, INT32_MIN, INT32_MAX, &number)) {
        return false;
    }
    mode->code = (int32_t)number;
    mode->has_code = true;
    return true;
}

static bool read_share(const struct yaml_node *node, struct script_mode *mode)
{
    return value_percent(node->text, &mode->share) && mode->share <= 1.0;
}

static bool read_items(const struct yaml_node *node, struct script_mode *mode)
{
    return value_percent(node->text, &mode->items) && mode->items <= 1.0;
}

static bool read_retry_after(const struct yaml_node *node, struct script_mode *mode)
{
    uint64_t ms;

    if (!value_duration(node->text, &ms)) {
        return false;
    }
    mode->retry_after_s = (ms + 999) / 1000;
    mode->has_retry_after = true;
    return true;
}

static bool read_count(const struct yaml_node *node, struct script_mode *mode)
{
    int64_t number;

    if (!read_number(node, 1, INT64_MAX, &number)) {
        return false;
    }
    mode->count = (uint64_t)number;
    return true;
}

static bool read_delay(const struct yaml_node *node, struct script_mode *mode)
{
    if (value_duration(node->text, &mode->delay_min_ms)) {
        mode->delay_max_ms = mode->delay_min_ms;
        return true;
    }
    return value_duration_range(node->text, &mode->delay_min_ms, &mode->delay_max_ms);
}

static bool read_record(const struct yaml_node *node, struct script_mode *mode)
{
    return yaml_as_bool(node, &mode->is_recorded);
}

static bool read_event(const struct yaml_node *node, struct script_mode *mode)
{
    bool is_list = node->kind == YAML_LIST;
    size_t count = is_list ? node->count : 1;

    if (node->kind == YAML_MAP || count == 0 || count > EVENTS_MAX) {
        return false;
    }
    mode->events = mem_array(count, char *);
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *item = is_list ? node->items[i] : node;

        if (item->kind != YAML_SCALAR || item->text.len == 0) {
            return false;
        }
        mode->events[mode->event_count++] = mem_text(item->text);
    }
    return true;
}

static const struct key_rule key_rules[] = {
    {"from", read_from, "a duration such as 10s"},
    {"to", read_to, "a duration such as 25s"},
    {"event", read_event, "an event type or a list of at most 64"},
    {"mode", read_mode,
     "one of status, code, hang, slow, reset, throttle, partial, gateway, truncate, token"},
    {"status", read_status, "an HTTP status, 200 to 599"},
    {"code", read_code, "an integer"},
    {"share", read_share, "a percentage such as 30%"},
    {"items", read_items, "a percentage such as 10%"},
    {"retry_after", read_retry_after, "a duration such as 5s"},
    {"count", read_count, "a whole number from 1 on"},
    {"delay", read_delay, "a duration or a range such as 1s..3s"},
    {"record", read_record, "true or false"},
};

static const struct key_rule *find_rule(struct span key)
{
    for (size_t i = 0; i < COUNT_OF(key_rules); i++) {
        if (span_is(key, key_rules[i].key)) {
            return &key_rules[i];
        }
    }
    return NULL;
}

static void name_unknown(const struct yaml_pair *pair, struct diags *diags)
{
    const char *names[COUNT_OF(key_rules)];
    const char *near = NULL;

    for (size_t i = 0; i < COUNT_OF(key_rules); i++) {
        names[i] = key_rules[i].key;
    }
    near = suggest(pair->key, names, COUNT_OF(key_rules));
    diag_error(diags, pair->place, "unknown key " SPAN_FMT "%s", SPAN_ARG(pair->key),
               did_you_mean(near).text);
}

static void set_defaults(struct script_mode *mode)
{
    *mode = (struct script_mode){
        .kind = MODE_KIND_COUNT,
        .to_ms = UINT64_MAX,
        .share = 1.0,
        .items = 0.1,
        .count = UINT64_MAX,
        .delay_min_ms = 5000,
        .delay_max_ms = 5000,
    };
}

static void check_whole(const struct yaml_node *node, const struct script_mode *mode,
                        struct diags *diags)
{
    if (yaml_get(node, "mode") == NULL) {
        diag_error(diags, node->place, "a mode needs the key mode, for example mode: status");
        return;
    }
    if (mode->from_ms >= mode->to_ms) {
        diag_error(diags, node->place, "from must be before to");
    }
    if (mode->kind == MODE_CODE && !mode->has_code) {
        diag_error(diags, node->place, "mode: code needs the key code, for example code: 50000");
    }
    if (mode->kind == MODE_STATUS && mode->status == 0) {
        diag_error(diags, node->place, "mode: status needs the key status, for example 503");
    }
}

static void read_one(const struct yaml_node *node, struct script_mode *mode, struct diags *diags)
{
    set_defaults(mode);
    if (node->kind != YAML_MAP) {
        diag_error(diags, node->place, "a mode is a map, for example {mode: status, status: 503}");
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        const struct key_rule *rule = find_rule(pair->key);

        if (rule == NULL) {
            name_unknown(pair, diags);
        } else if ((pair->value->kind != YAML_SCALAR && rule->read != read_event) ||
                   !rule->read(pair->value, mode)) {
            diag_error(diags, pair->value->place, "%s must be %s", rule->key, rule->wanted);
        }
    }
    if (yaml_get(node, "record") == NULL) { /* these two answer as if healthy */
        mode->is_recorded = mode->kind == MODE_SLOW || mode->kind == MODE_TRUNCATE;
    }
    check_whole(node, mode, diags);
}

void script_read(const struct yaml_node *root, struct script *out, struct diags *diags)
{
    const struct yaml_node *list = root;

    PRE(root != NULL);
    *out = (struct script){0};
    if (root->kind == YAML_MAP) {
        list = yaml_get(root, "modes");
        for (size_t i = 0; i < root->count; i++) {
            if (!span_is(root->pairs[i].key, "modes")) {
                diag_error(diags, root->pairs[i].place, "unknown key, only modes is known here");
            }
        }
    }
    if (list == NULL || list->kind != YAML_LIST || list->count > MODES_MAX) {
        diag_error(diags, root->place, "a script is a list of at most %d modes, or has it as modes",
                   MODES_MAX);
        return;
    }
    out->modes = mem_array(list->count, struct script_mode);
    out->count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        read_one(list->items[i], &out->modes[i], diags);
    }
}

void script_fini(struct script *script)
{
    for (size_t i = 0; i < script->count; i++) {
        for (size_t j = 0; j < script->modes[i].event_count; j++) {
            free(script->modes[i].events[j]);
        }
        free(script->modes[i].events);
    }
    free(script->modes);
    *script = (struct script){0};
}

static bool names_one(const struct script_mode *mode, const struct span *types, size_t type_count)
{
    for (size_t i = 0; i < mode->event_count; i++) {
        for (size_t j = 0; j < type_count; j++) {
            if (span_is(types[j], mode->events[i])) {
                return true;
            }
        }
    }
    return mode->event_count == 0;
}

const struct script_mode *script_play(struct script *script, uint64_t at_ms,
                                      const struct span *types, size_t type_count, struct rng *rng)
{
    for (size_t i = 0; i < script->count; i++) {
        struct script_mode *mode = &script->modes[i];

        if (at_ms < mode->from_ms || at_ms >= mode->to_ms || mode->played >= mode->count ||
            !names_one(mode, types, type_count) ||
            (mode->share < 1.0 && rng_unit(rng) >= mode->share)) {
            continue;
        }
        mode->played++;
        return mode;
    }
    return NULL;
}

void script_json(const struct script *script, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < script->count; i++) {
        buf_printf(out, "%s{\"mode\":\"%s\",\"played\":%llu}", i == 0 ? "" : ",",
                   mode_word(script->modes[i].kind), (unsigned long long)script->modes[i].played);
    }
    buf_add_char(out, ']');
}
