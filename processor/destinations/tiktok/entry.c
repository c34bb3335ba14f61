#include "destinations/tiktok/entry.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "destinations/tiktok/fit.h"

enum { CUSTOM_KEY_BYTES_MAX = 128, FIELDS_MAX = 256 };

/* While compiling: what stands where, and for whom. */
struct compiler {
    const struct readers *readers;
    enum event_source source;
    struct diags *diags;
    struct map_entries *out;
};

/* The pair of the user's map, or of the default map, that a field comes from. */
struct choice {
    const struct yaml_pair *pair; /* NULL: nothing */
    bool is_default;
};

static void add_opening(struct buf *buf, enum field_group group)
{
    struct span name = tiktok_group_name(group);
    size_t dot = span_find(name, '.', 0);

    buf_add_json_string(buf, dot < name.len ? span_sub(name, dot + 1, name.len) : name);
    buf_add_span(buf, SPAN(":{"));
}

static void write_prefix(struct buf *buf, const struct tiktok_field *field, enum prefix_form form)
{
    enum field_group parent = tiktok_group_parent(field->group);

    buf_clear(buf);
    buf_add_char(buf, ',');
    if (form == PREFIX_NEW && parent != GROUP_ITEM) {
        add_opening(buf, parent);
    }
    if (form != PREFIX_SAME && field->group != GROUP_ITEM) {
        add_opening(buf, field->group);
    }
    buf_add_json_string(buf, tiktok_field_key(field));
    buf_add_char(buf, ':');
}

static void set_prefixes(struct map_entry *entry, bool is_element)
{
    struct buf buf;

    buf_init(&buf, 4096);
    for (int form = 0; form < PREFIX_COUNT; form++) {
        write_prefix(&buf, entry->field, (enum prefix_form)form);
        entry->prefix_texts[form] = mem_text(buf_span(&buf));
        if (is_element && form == PREFIX_NEW) {
            entry->prefix_texts[form][0] = '{';
        }
        entry->prefix[form] = span_of(entry->prefix_texts[form]);
    }
    buf_fini(&buf);
}

static void free_entry(struct map_entry *entry);

static void free_each(struct map_each *each)
{
    if (each == NULL) {
        return;
    }
    for (size_t i = 0; i < each->count; i++) {
        free_entry(&each->entries[i]); /* contents have no contents: one level deep */
    }
    free(each->entries);
    elements_fini(&each->elements);
    free(each);
}

static void free_entry(struct map_entry *entry)
{
    for (int form = 0; form < PREFIX_COUNT; form++) {
        free(entry->prefix_texts[form]);
    }
    origin_free(entry->origin);
    free_each(entry->each);
    free(entry->custom);
}

static void add_element_field(const struct compiler *c, const struct yaml_pair *pair,
                              struct map_each *each, bool is_default)
{
    const struct tiktok_field *field = tiktok_content_field_find(pair->key);
    const struct fit_base base = {.types = each->elements.types, .count = c->readers->count};
    struct origin *origin = NULL;
    struct diags probe;

    if (field == NULL) {
        const char *near = tiktok_content_field_suggest(pair->key);

        diag_error(c->diags, pair->place, "properties.contents has no member '" SPAN_FMT "'%s",
                   SPAN_ARG(pair->key), did_you_mean(near).text);
        return;
    }
    if (yaml_is_null(pair->value)) {
        return;
    }
    diags_init(&probe); /* a default that this schema has not is no error */
    if (fit_check(field, pair->value, &base, is_default ? &probe : c->diags)) {
        origin = origin_compile_from(pair->value, each->elements.types, c->readers->count,
                                     is_default ? &probe : c->diags);
    }
    diags_fini(&probe);
    if (origin != NULL) {
        struct map_entry *entry = &each->entries[each->count++];

        origin_set_kind(origin, tiktok_field_text_kind(field));
        *entry = (struct map_entry){.field = field, .origin = origin};
        set_prefixes(entry, true);
    }
}

static bool check_each_keys(const struct compiler *c, const struct yaml_node *node)
{
    static const char *const keys[] = {"each", "fields"};
    const struct yaml_node *fields = yaml_get(node, "fields");
    bool is_good = true;

    for (size_t i = 0; i < node->count; i++) {
        struct span key = node->pairs[i].key;

        if (!span_is(key, keys[0]) && !span_is(key, keys[1])) {
            const char *near = suggest(key, keys, COUNT_OF(keys));

            diag_error(c->diags, node->pairs[i].place, "unknown key '" SPAN_FMT "'%s",
                       SPAN_ARG(key), did_you_mean(near).text);
            is_good = false;
        }
    }
    if (is_good && (yaml_get(node, "each") == NULL || fields == NULL || fields->kind != YAML_MAP ||
                    fields->count == 0)) {
        diag_error(c->diags, node->place,
                   "contents are written {each: PATH, fields: {content_id: PATH, ...}}");
        is_good = false;
    }
    return is_good;
}

/* Of an error that is none, since the path is a default: what it says. */
static void set_missing_reason(struct diags *probe, struct map_missing *missing)
{
    if (probe->count > 0 && missing->why == NULL) {
        missing->why = mem_text(span_of(probe->items[0].message));
        missing->is_misfit = true;
    }
}

static struct map_each *compile_each(const struct compiler *c, const struct yaml_node *node,
                                     bool is_default, struct map_missing *missing)
{
    struct map_each *each;
    const struct yaml_node *fields;
    struct path *path = NULL;
    struct diags probe;
    bool is_found;

    if (node->kind != YAML_MAP) {
        diag_error(c->diags, node->place, "properties.contents takes %s",
                   field_kind_word(FIELD_CONTENTS));
        return NULL;
    }
    if (!check_each_keys(c, node)) {
        return NULL;
    }
    each = mem_new(struct map_each);
    fields = yaml_get(node, "fields");
    each->entries = mem_array(fields->count, struct map_entry);
    diags_init(&probe);
    each->text = yaml_get(node, "each")->text;
    is_found = elements_compile(yaml_get(node, "each"), c->readers, NULL, &each->elements,
                                is_default ? &probe : c->diags);
    if (is_default && path_compile(c->readers, each->text, &path, NULL) == ERR_OK) {
        set_missing_reason(&probe, missing);
    }
    path_free(path);
    diags_fini(&probe);
    for (size_t i = 0; is_found && i < fields->count; i++) {
        add_element_field(c, &fields->pairs[i], each, is_default);
    }
    if (each->count == 0) {
        free_each(each);
        return NULL;
    }
    return each;
}

/* The origin of one field, or NULL: with errors, or because no reader has a default's paths. */
static struct origin *compile_origin(const struct compiler *c, const struct tiktok_field *field,
                                     const struct yaml_node *node, bool is_default,
                                     struct map_missing *missing)
{
    const struct fit_base base = {.readers = c->readers, .count = c->readers->count};
    struct origin *origin = NULL;
    struct diags probe;

    diags_init(&probe);
    if (fit_check(field, node, &base, is_default ? &probe : c->diags)) {
        origin = origin_compile(node, c->readers, is_default, c->diags);
    }
    set_missing_reason(&probe, missing);
    diags_fini(&probe);
    return origin;
}

/* "user.phone is not in the schema" */
static void add_missing(const struct compiler *c, const struct yaml_node *node,
                        struct map_missing *missing)
{
    const struct yaml_node *each = yaml_get(node, "each");
    struct span path = each != NULL ? each->text : node->text;

    if (missing->why == NULL && node->kind == YAML_LIST) {
        missing->why = mem_text(SPAN("its paths are not in the schema"));
    } else if (missing->why == NULL) {
        missing->why = mem_format("'" SPAN_FMT "' is not in the schema", SPAN_ARG(path));
    }
    c->out->missing =
        mem_grow(c->out->missing, c->out->missing_count + 1, sizeof(c->out->missing[0]));
    c->out->missing[c->out->missing_count++] = *missing;
}

static void add_entry(const struct compiler *c, const struct tiktok_field *field,
                      const struct choice *choice)
{
    const struct yaml_node *node = choice->pair->value;
    struct map_entry entry = {.field = field};
    struct map_missing missing = {.field = field};

    if (field->kind == FIELD_CONTENTS) {
        entry.each = compile_each(c, node, choice->is_default, &missing);
    } else {
        entry.origin = compile_origin(c, field, node, choice->is_default, &missing);
        /* The default constant describes contents; alone it would say something about nothing. */
        entry.is_with_contents = choice->is_default && yaml_get(node, "value") != NULL;
    }
    if (entry.origin != NULL) {
        origin_set_kind(entry.origin, tiktok_field_text_kind(field));
    }
    if (entry.each != NULL || entry.origin != NULL) {
        set_prefixes(&entry, false);
        c->out->items[c->out->count++] = entry;
        free(missing.why);
    } else if (choice->is_default) {
        add_missing(c, node, &missing);
    } else {
        free(missing.why);
    }
}

/* Near a known property it is more likely a slip than a member of one's own. */
static void warn_of_slip(const struct compiler *c, const struct yaml_pair *pair, struct span key)
{
    const char *names[FIELDS_MAX];
    size_t count = 0;
    const char *near;

    for (size_t i = 0; tiktok_field_at(i) != NULL && count < FIELDS_MAX; i++) {
        if (tiktok_field_at(i)->group == GROUP_PROPERTIES) {
            names[count++] = tiktok_field_key(tiktok_field_at(i)).ptr;
        }
    }
    near = suggest(key, names, count);
    if (near != NULL) {
        diag_warning(c->diags, pair->place,
                     "'" SPAN_FMT "' is not a field of TikTok's and is sent as a custom one; did "
                     "you mean properties.%s?",
                     SPAN_ARG(pair->key), near);
    }
}

/* The name stands behind the field, in the same allocation. */
static struct tiktok_field *custom_field(struct span name)
{
    struct tiktok_field *field = mem_zero(1, sizeof(*field) + name.len + 1);

    memcpy(field + 1, name.ptr, name.len);
    field->name = (const char *)(field + 1);
    field->group = GROUP_PROPERTIES;
    field->kind = FIELD_FREE;
    return field;
}

static void add_custom(const struct compiler *c, const struct yaml_pair *pair)
{
    const struct choice choice = {.pair = pair};
    struct span prefix = SPAN("properties.");
    struct span key = span_sub(pair->key, prefix.len, pair->key.len);
    struct tiktok_field *field;
    size_t before = c->out->count;

    warn_of_slip(c, pair, key);
    field = custom_field(pair->key);
    add_entry(c, field, &choice);
    if (c->out->count > before) {
        c->out->items[before].custom = field;
    } else {
        free(field);
    }
}

static bool is_custom(struct span name)
{
    struct span prefix = SPAN("properties.");

    return span_starts(name, prefix) && name.len > prefix.len &&
           name.len <= prefix.len + CUSTOM_KEY_BYTES_MAX &&
           span_find(name, '.', prefix.len) == name.len;
}

static void refuse_name(const struct compiler *c, const struct yaml_pair *pair)
{
    static const char *const ours[] = {"event",        "event_time",      "event_id",
                                       "event_source", "event_source_id", "test_event_code",
                                       "partner_name"};
    const char *near = tiktok_field_suggest(pair->key);

    for (size_t i = 0; i < COUNT_OF(ours); i++) {
        if (span_is(pair->key, ours[i])) {
            diag_error(c->diags, pair->place, "'%s' is not mapped here: it comes from %s", ours[i],
                       i < 3 ? "the paths under event: (type, time, id)"
                             : "the destination's own options");
            return;
        }
    }
    for (int group = GROUP_USER; group < GROUP_COUNT; group++) {
        if (span_eq(pair->key, tiktok_group_name((enum field_group)group))) {
            diag_error(c->diags, pair->place,
                       "fields stand here by their full name: write '" SPAN_FMT
                       ".NAME: PATH', one line each",
                       SPAN_ARG(pair->key));
            return;
        }
    }
    if (span_starts(pair->key, SPAN("properties."))) {
        diag_error(c->diags, pair->place,
                   "a custom property is properties.NAME: one level, at most %d bytes",
                   CUSTOM_KEY_BYTES_MAX);
        return;
    }
    diag_error(c->diags, pair->place, "TikTok has no field '" SPAN_FMT "'%s", SPAN_ARG(pair->key),
               did_you_mean(near).text);
}

static size_t index_of(const struct tiktok_field *field)
{
    return (size_t)(field - tiktok_field_at(0));
}

/* Which pair each field of the table comes from; names that are none are errors. */
static void choose(const struct compiler *c, const struct yaml_node *map,
                   const struct yaml_node *defaults, struct choice *choices)
{
    for (size_t i = 0; i < defaults->count; i++) {
        const struct tiktok_field *field = tiktok_field_find(defaults->pairs[i].key);

        INVARIANT(field != NULL);
        if ((field->sources & 1u << c->source) != 0) {
            choices[index_of(field)] = (struct choice){&defaults->pairs[i], true};
        }
    }
    for (size_t i = 0; map != NULL && i < map->count; i++) {
        const struct yaml_pair *pair = &map->pairs[i];
        const struct tiktok_field *field = tiktok_field_find(pair->key);

        if (field != NULL) {
            choices[index_of(field)] =
                (struct choice){yaml_is_null(pair->value) ? NULL : pair, false};
        } else if (!is_custom(pair->key)) {
            refuse_name(c, pair);
        }
    }
}

static void add_customs(const struct compiler *c, const struct yaml_node *map)
{
    for (size_t i = 0; map != NULL && i < map->count; i++) {
        const struct yaml_pair *pair = &map->pairs[i];

        if (tiktok_field_find(pair->key) == NULL && is_custom(pair->key) &&
            !yaml_is_null(pair->value)) {
            add_custom(c, pair);
        }
    }
}

/* Also where the source does not send it: a phone number is read by its country. */
static struct origin *compile_country(const struct compiler *c, const struct yaml_node *map,
                                      const struct yaml_node *defaults)
{
    const struct tiktok_field *field = tiktok_field_find(SPAN("user.country"));
    const struct yaml_node *node = yaml_get(map, field->name);
    struct origin *origin = NULL;
    struct diags probe;

    node = node == NULL ? yaml_get(defaults, field->name) : node;
    if (node == NULL || yaml_is_null(node)) {
        return NULL;
    }
    diags_init(&probe); /* what is wrong with it was said where it is written */
    origin = origin_compile(node, c->readers, true, &probe);
    diags_fini(&probe);
    if (origin != NULL) {
        origin_set_kind(origin, tiktok_field_text_kind(field));
    }
    return origin;
}

void map_entries_compile(const struct yaml_node *map, const struct yaml_node *defaults,
                         enum event_source source, const struct readers *readers,
                         struct map_entries *out, struct diags *diags)
{
    const struct compiler c = {readers, source, diags, out};
    struct choice choices[FIELDS_MAX] = {0};
    size_t count = 0;

    *out = (struct map_entries){0};
    while (tiktok_field_at(count) != NULL) {
        count++;
    }
    INVARIANT(count <= FIELDS_MAX);
    out->items = mem_array(count + (map == NULL ? 0 : map->count), struct map_entry);
    choose(&c, map, defaults, choices);
    for (size_t i = 0; i < count; i++) {
        const struct tiktok_field *field = tiktok_field_at(i);

        if (field->group == GROUP_MILEAGE && tiktok_field_at(i - 1)->group == GROUP_PROPERTIES) {
            add_customs(&c, map); /* behind the other properties, before the object inside them */
        }
        if (choices[i].pair != NULL) {
            add_entry(&c, field, &choices[i]);
        }
    }
    out->country = compile_country(&c, map, defaults);
}

void map_entries_fini(struct map_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        free_entry(&entries->items[i]);
    }
    for (size_t i = 0; i < entries->missing_count; i++) {
        free(entries->missing[i].why);
    }
    free(entries->missing);
    free(entries->items);
    origin_free(entries->country);
    *entries = (struct map_entries){0};
}
