#include "destinations/tiktok/map.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "destinations/tiktok/compiled.h"
#include "destinations/tiktok/defaults.h"
#include "destinations/tiktok/fit.h"
#include "destinations/tiktok/names.h"
#include "destinations/tiktok/options.h"
#include "event/scalar.h"

enum { BODY_HEAD_BYTES_MAX = 16 * 1024, SOURCE_ID_BYTES_MAX = 128 };

static const char *const source_words[] = {
    [SOURCE_WEB] = "web",
    [SOURCE_APP] = "app",
    [SOURCE_OFFLINE] = "offline",
    [SOURCE_CRM] = "crm",
};

static int compare_pair(const void *a, const void *b)
{
    return span_cmp(((const struct name_pair *)a)->name, ((const struct name_pair *)b)->name);
}

static void compile_names(struct tiktok_map *map, const struct config_destination *destination,
                          struct diags *diags)
{
    const struct tiktok_options *options = tiktok_options_of(destination);

    map->events = mem_array(destination->event_count + 1, struct name_pair);
    for (size_t i = 0; i < destination->event_count; i++) {
        map->events[i] = destination->events[i];
        if (span_trim(map->events[i].value).len == 0) {
            diag_error(diags, map->events[i].place, "TikTok's name for this event is missing");
        } else {
            tiktok_name_check(map->events[i].value, options->event_source, map->events[i].place,
                              diags);
        }
    }
    map->event_count = destination->event_count;
    qsort(map->events, map->event_count, sizeof(map->events[0]), compare_pair);
}

static void compile_source_id(struct tiktok_map *map, const struct config_destination *destination,
                              struct diags *diags)
{
    const struct tiktok_options *options = tiktok_options_of(destination);
    struct err err = {0};

    map->source_id = options->event_source_id;
    if (options->event_source_path.len == 0) {
        return;
    }
    if (path_compile(map->readers, options->event_source_path, &map->source_path, &err) != ERR_OK) {
        diag_error(diags, options->event_source_place, "%s", err.text);
        return;
    }
    (void)fit_check_source_id(options->event_source_path, map->readers, options->event_source_place,
                              diags);
}

/* A source that needs a member no event could ever have would dead-letter everything. */
static void require(struct tiktok_map *map, const struct config_destination *destination,
                    const char *name, struct diags *diags)
{
    const struct tiktok_options *options = tiktok_options_of(destination);

    map->required = tiktok_field_find(span_of(name));
    for (size_t i = 0; i < map->entries.count; i++) {
        if (map->entries.items[i].field == map->required) {
            return;
        }
    }
    diag_error(diags, destination->place,
               "event_source %s needs %s: add '%s: PATH' or '%s: {value: X}' to map:",
               source_words[options->event_source], name, name, name);
}

static void write_head(struct tiktok_map *map, const struct config_destination *destination)
{
    const struct tiktok_options *options = tiktok_options_of(destination);

    buf_init(&map->head, BODY_HEAD_BYTES_MAX);
    buf_init(&map->head_end, BODY_HEAD_BYTES_MAX);
    buf_printf(&map->head, "{\"event_source\":\"%s\",\"event_source_id\":",
               source_words[options->event_source]);
    if (options->test_event_code.len > 0) {
        buf_add_span(&map->head_end, SPAN(",\"test_event_code\":"));
        buf_add_json_string(&map->head_end, options->test_event_code);
    }
    if (options->partner_name.len > 0) {
        buf_add_span(&map->head_end, SPAN(",\"partner_name\":"));
        buf_add_json_string(&map->head_end, options->partner_name);
    }
    buf_add_span(&map->head_end, SPAN(",\"data\":["));
}

static void compile_entries(struct tiktok_map *map, const struct config_destination *destination,
                            struct diags *diags)
{
    const struct tiktok_options *options = tiktok_options_of(destination);
    const struct yaml_node *node = options->map;

    if (node != NULL && yaml_is_null(node)) {
        node = NULL;
    }
    if (node != NULL && node->kind != YAML_MAP) {
        diag_error(diags, node->place,
                   "map: is a list of TikTok's fields and where each comes from, such as "
                   "'user.email: user.email'");
        node = NULL;
    }
    map->defaults = map_defaults_make(destination, node, diags);
    map_entries_compile(node, yaml_root(map->defaults), options->event_source, map->readers,
                        &map->entries, diags);
}

struct tiktok_map *tiktok_map_compile(const struct config_destination *destination,
                                      const struct readers *readers, struct diags *diags)
{
    PRE(destination != NULL);
    PRE(readers != NULL);
    PRE(diags != NULL);

    const struct tiktok_options *options = tiktok_options_of(destination);
    struct tiktok_map *map = mem_new(struct tiktok_map);
    size_t errors_before = diags->error_count;

    map->readers = readers;
    map->default_country = options->default_country;
    write_head(map, destination);
    compile_names(map, destination, diags);
    compile_source_id(map, destination, diags);
    compile_entries(map, destination, diags);
    if (options->event_source == SOURCE_APP) {
        require(map, destination, "app.app_id", diags);
    } else if (options->event_source == SOURCE_CRM) {
        require(map, destination, "lead.lead_id", diags);
    }
    if (diags->error_count > errors_before) {
        tiktok_map_free(map);
        return NULL;
    }
    return map;
}

void tiktok_map_free(struct tiktok_map *map)
{
    if (map == NULL) {
        return;
    }
    map_entries_fini(&map->entries);
    yaml_free(map->defaults);
    path_free(map->source_path);
    free(map->events);
    buf_fini(&map->head);
    buf_fini(&map->head_end);
    free(map);
}

struct span tiktok_event_name(const struct tiktok_map *map, struct span type)
{
    const struct name_pair key = {.name = type};
    const struct name_pair *hit =
        bsearch(&key, map->events, map->event_count, sizeof(map->events[0]), compare_pair);

    return hit == NULL ? type : hit->value;
}

/* Of a union the branch may be one that is no id, whatever the others are. */
static bool is_id_kind(const struct value *value)
{
    return value->kind == VALUE_STRING || value->kind == VALUE_ENUM || value->kind == VALUE_INT ||
           value->kind == VALUE_LONG;
}

/* Ids are short words and digits; what is not is some other field, or rubbish. */
static bool is_id_text(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c < ' ' || c == 0x7f) {
            return false;
        }
    }
    return text.len > 0 && text.len <= SOURCE_ID_BYTES_MAX;
}

struct span tiktok_source_id(const struct tiktok_map *map, const struct event_view *view,
                             struct arena *arena)
{
    const struct value *value;
    struct span text;

    if (map->source_path == NULL) {
        return map->source_id;
    }
    value = path_get(map->source_path, view->reader, view->root);
    if (value == NULL || !is_id_kind(value)) {
        return SPAN_NONE;
    }
    text = span_trim(scalar_text(value, path_type(map->source_path, view->reader), arena));
    return is_id_text(text) && !text_is_absent(text, TEXT_CODE) ? text : SPAN_NONE;
}

void tiktok_body_begin(const struct tiktok_map *map, struct span source_id, struct buf *out)
{
    buf_add_span(out, buf_span(&map->head));
    buf_add_json_string(out, source_id);
    buf_add_span(out, buf_span(&map->head_end));
}

void tiktok_body_end(struct buf *out)
{
    buf_add_span(out, SPAN("]}"));
}
