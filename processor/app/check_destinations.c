#include "app/check_destinations.h"

#include <stdlib.h>
#include <string.h>

#include "base/columns.h"
#include "base/mem.h"
#include "destinations/driver.h"

enum { PRINT_BYTES_MAX = 256 * 1024, PRINT_COLUMNS = 80 };

/* A destination with an error of its own may lack what its driver needs. */
static bool is_compilable(const struct config_destination *config)
{
    const struct yaml_node *type = yaml_get(config->node, "type");
    const struct driver *driver = driver_of(config);

    return type != NULL && type->kind == YAML_SCALAR && span_is(type->text, config->type->name) &&
           (driver->is_complete == NULL || driver->is_complete(config));
}

void check_destinations(const struct config *config, const struct readers *readers,
                        const struct review *with, struct check_destinations *out,
                        struct diags *diags)
{
    out->items = mem_array(config->destination_count + 1, struct destination_fields);
    for (size_t i = 0; i < config->destination_count; i++) {
        const struct config_destination *section = &config->destinations[i];
        struct destination_fields *item = &out->items[out->count];
        struct destination to;

        if (!is_compilable(section)) {
            continue;
        }
        *item = (struct destination_fields){section->name, section->type->name, {0}};
        if (destination_compile(section, readers, &to, diags)) {
            to.driver->review(&to, with, &item->fields, diags);
        }
        destination_fini(&to);
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
