#include "app/check_destinations.h"

#include <stdlib.h>
#include <string.h>

#include "base/columns.h"
#include "base/mem.h"
#include "destinations/tiktok/review.h"

enum { PRINT_BYTES_MAX = 256 * 1024, PRINT_COLUMNS = 80 };

struct examination {
    const struct readers *readers;
    const struct event_paths *paths;
    const struct type_names *types;
    struct diags *diags;
};

/* A destination with an error of its own may lack what its map needs. */
static bool is_compilable(const struct config_destination *destination)
{
    const struct yaml_node *type = yaml_get(destination->node, "type");

    if (type == NULL || type->kind != YAML_SCALAR) {
        return false;
    }
    if (destination->type == DESTINATION_TIKTOK) {
        return span_is(type->text, "tiktok") && (destination->event_source_id.ptr != NULL ||
                                                 destination->event_source_path.ptr != NULL);
    }
    if (destination->type == DESTINATION_HTTP) {
        return span_is(type->text, "http");
    }
    return destination->type == DESTINATION_KAFKA && destination->topic.ptr != NULL;
}

static void examine_tiktok(const struct examination *with,
                           const struct config_destination *destination, struct field_list *out)
{
    struct tiktok_map *map = tiktok_map_compile(destination, with->readers, with->diags);

    if (map != NULL) {
        tiktok_map_list(map, destination, with->paths, out);
        tiktok_map_review(map, destination, with->types, with->diags);
    }
    tiktok_map_free(map);
    tiktok_codes_free(tiktok_codes_compile(destination, with->diags));
}

static void examine_http(const struct examination *with,
                         const struct config_destination *destination, struct field_list *out)
{
    struct webhook *webhook = webhook_compile(destination, with->readers, with->diags);

    if (webhook != NULL) {
        webhook_list(webhook, out);
    }
    webhook_free(webhook);
}

static void examine_kafka(const struct examination *with,
                          const struct config_destination *destination, struct field_list *out)
{
    struct utm_map *map;

    if (destination->format != KAFKA_UTM) {
        field_list_add(out, SPAN("record"), SPAN("the record as it is"));
        return;
    }
    map = utm_map_compile(destination, with->readers, with->diags);
    if (map != NULL) {
        utm_map_list(map, destination, with->paths, out);
        utm_map_review(map, destination, with->diags);
    }
    utm_map_free(map);
}

void check_destinations(const struct config *config, const struct readers *readers,
                        const struct event_paths *paths, const struct type_names *types,
                        struct check_destinations *out, struct diags *diags)
{
    static const char *const type_words[] = {[DESTINATION_TIKTOK] = "tiktok",
                                             [DESTINATION_HTTP] = "http",
                                             [DESTINATION_KAFKA] = "kafka"};
    const struct examination with = {readers, paths, types, diags};

    out->items = mem_array(config->destination_count + 1, struct destination_fields);
    for (size_t i = 0; i < config->destination_count; i++) {
        const struct config_destination *destination = &config->destinations[i];
        struct destination_fields *item = &out->items[out->count];

        if (!is_compilable(destination)) {
            continue;
        }
        *item = (struct destination_fields){destination->name, type_words[destination->type], {0}};
        if (destination->type == DESTINATION_TIKTOK) {
            examine_tiktok(&with, destination, &item->fields);
        } else if (destination->type == DESTINATION_HTTP) {
            examine_http(&with, destination, &item->fields);
        } else {
            examine_kafka(&with, destination, &item->fields);
        }
        out->count++;
    }
}

/* Lines as people read them, however many fields there are. */
static void print_folded(const struct buf *line, FILE *out)
{
    struct buf folded;

    buf_init(&folded, PRINT_BYTES_MAX);
    columns_fold(&folded, buf_span(line), PRINT_COLUMNS, 6);
    fputs(buf_text(&folded), out);
    buf_fini(&folded);
}

/* By far most are fields that the schema does not have under the default's name. */
static void print_missing(const struct field_list *fields, FILE *out)
{
    struct buf line;
    size_t shown = 0;

    buf_init(&line, PRINT_BYTES_MAX);
    for (size_t i = 0; i < fields->missing_count; i++) {
        if (strstr(fields->missing[i].text, "not in the schema") != NULL) {
            buf_printf(&line, "%s%s",
                       shown++ == 0 ? "  not sent, since the schema has none: " : ", ",
                       fields->missing[i].field);
        }
    }
    for (size_t i = 0; i < fields->missing_count; i++) {
        if (strstr(fields->missing[i].text, "not in the schema") == NULL) {
            buf_printf(&line, "%s  not sent: %s: %s", shown++ == 0 ? "" : "\n",
                       fields->missing[i].field, fields->missing[i].text);
        }
    }
    if (shown > 0) {
        buf_add_char(&line, '\n');
        print_folded(&line, out);
    }
    buf_fini(&line);
}

void check_destinations_print(const struct check_destinations *report, FILE *out)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct destination_fields *item = &report->items[i];

        if (item->fields.sent_count == 0) {
            continue; /* it could not be compiled, which was said */
        }
        fprintf(out, "\n" SPAN_FMT " (%s) is sent:\n", SPAN_ARG(item->name), item->type);
        for (size_t k = 0; k < item->fields.sent_count; k++) {
            fprintf(out, "  %s <- %s\n", item->fields.sent[k].field, item->fields.sent[k].text);
        }
        print_missing(&item->fields, out);
    }
}

static json_t *list_json(const struct field_use *items, size_t count, const char *key)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(array,
                              json_pack("{s:s, s:s}", "field", items[i].field, key, items[i].text));
    }
    return array;
}

json_t *check_destinations_json(const struct check_destinations *report)
{
    json_t *array = json_array();

    for (size_t i = 0; i < report->count; i++) {
        const struct destination_fields *item = &report->items[i];
        const struct field_list *fields = &item->fields;

        json_array_append_new(
            array,
            json_pack("{s:s%, s:s, s:o, s:o}", "name", item->name.ptr, item->name.len, "type",
                      item->type, "fields", list_json(fields->sent, fields->sent_count, "from"),
                      "missing", list_json(fields->missing, fields->missing_count, "why")));
    }
    return array;
}

void check_destinations_fini(struct check_destinations *report)
{
    for (size_t i = 0; i < report->count; i++) {
        field_list_fini(&report->items[i].fields);
    }
    free(report->items);
    *report = (struct check_destinations){0};
}
