/* Values of options.h whose form is their own: schemas, the event type, ledger, admin, alerts. */
#include "config/loader.h"

#include <string.h>

enum { IDS_MAX = 10000 };

void read_schema_ids(struct loader *loader, const struct config_option *option,
                     const struct yaml_node *node, struct place place, void *base)
{
    struct config_schemas *schemas = &loader->config->schemas;

    (void)option;
    (void)place;
    (void)base;
    if (node == NULL || !is_map(loader, node, "schemas.ids")) {
        return;
    }
    if (node->count > IDS_MAX) {
        diag_error(loader->diags, node->place, "schemas.ids holds more than %d ids: use a registry",
                   IDS_MAX);
        return;
    }
    schemas->ids = loader_keep(loader, node->count, sizeof(schemas->ids[0]));
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct schema_id *id = &schemas->ids[schemas->id_count];
        int64_t number;
        struct span file;

        if (!span_to_i64(pair->key, &number) || number < 0 || number > INT32_MAX) {
            diag_error(loader->diags, pair->place, "%s is not a registry id: a number up to %d",
                       LOG_S(pair->key), INT32_MAX);
            continue;
        }
        for (size_t k = 0; k < schemas->id_count; k++) { /* "1" and "01" */
            if (schemas->ids[k].id == (uint32_t)number) {
                diag_error(loader->diags, pair->place, "registry id %u is listed twice",
                           (unsigned)number);
                break;
            }
        }
        if (read_text(loader, pair->value, "an entry of schemas.ids", "a file in the directory",
                      &file)) {
            *id = (struct schema_id){(uint32_t)number, file, pair->value->place};
            schemas->id_count++;
        }
    }
}

/* ids: files are relative to schemas.directory, which may be read later than they are. */
static void place_schema_files(struct loader *loader)
{
    struct config_schemas *schemas = &loader->config->schemas;

    for (size_t i = 0; i < schemas->id_count; i++) {
        struct span file = schemas->ids[i].file;
        char *path;

        if (file.ptr[0] == '/' || schemas->directory.ptr == NULL) {
            continue;
        }
        path = loader_keep(loader, schemas->directory.len + file.len + 2, 1);
        memcpy(path, schemas->directory.ptr, schemas->directory.len);
        path[schemas->directory.len] = '/';
        memcpy(path + schemas->directory.len + 1, file.ptr, file.len);
        schemas->ids[i].file = (struct span){path, schemas->directory.len + 1 + file.len};
    }
}

void read_schema_reader(struct loader *loader, const struct config_option *option,
                        const struct yaml_node *node, struct place place, void *base)
{
    struct config_schemas *schemas = &loader->config->schemas;

    (void)option;
    (void)place;
    (void)base;
    place_schema_files(loader);
    if (node == NULL) {
        return;
    }
    schemas->reader_place = node->place;
    if (node->kind != YAML_MAP) {
        (void)read_text(loader, node, "schemas.reader",
                        "a record's full name, or a map of writer to reader names",
                        &schemas->reader);
        return;
    }
    if (node->count == 0) {
        diag_error(loader->diags, node->place,
                   "schemas.reader is empty: list at least one writer and its reader");
    }
    schemas->readers = loader_keep(loader, node->count, sizeof(schemas->readers[0]));
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct name_pair *reader = &schemas->readers[schemas->reader_count];

        if (read_text(loader, pair->value, "an entry of schemas.reader", "a record's full name",
                      &reader->value)) {
            reader->name = pair->key;
            reader->place = pair->value->place;
            schemas->reader_count++;
        }
    }
}

void read_event_type(struct loader *loader, const struct config_option *option,
                     const struct yaml_node *node, struct place place, void *base)
{
    struct config *config = loader->config;
    const struct yaml_node *record;

    (void)place;
    (void)base;
    config->event.type = span_of(option->fallback);
    config->event.type_place.file = yaml_root(config->doc)->place.file;
    if (node == NULL) {
        return;
    }
    config->event.type_node = node;
    config->event.type_place = node->place;
    config->event.type = SPAN_NONE; /* what cannot be read is not looked for under another name */
    if (node->kind != YAML_MAP) {
        (void)read_text(loader, node, "event.type", option->form, &config->event.type);
        return;
    }
    record = yaml_get(node, "record");
    if (record == NULL || node->count != 1 || record->kind != YAML_SCALAR ||
        !span_is(record->text, "name")) {
        diag_error(loader->diags, node->place, "event.type wants %s", option->form);
        return;
    }
    config->event.is_type_record_name = true;
}

/* A section that may also be `off` (or `on`: all defaults). */
static bool read_switch(struct loader *loader, const char *name, const struct yaml_node *node,
                        struct place place)
{
    bool is_on = true;
    bool is_word = node != NULL && yaml_as_bool(node, &is_on);

    if (node != NULL && !is_word && node->kind != YAML_MAP && !node->is_broken) {
        diag_error(loader->diags, node->place, "%s wants a map of its options, or off", name);
        node = NULL;
    }
    read_section(loader, name, is_word ? NULL : node, place, loader->config);
    return is_on;
}

void read_ledger(struct loader *loader, const struct config_option *option,
                 const struct yaml_node *node, struct place place, void *base)
{
    (void)base;
    loader->config->ledger.is_on = read_switch(loader, option->section, node, place);
    loader->config->ledger.is_named = node != NULL && loader->config->ledger.is_on;
}

void read_admin(struct loader *loader, const struct config_option *option,
                const struct yaml_node *node, struct place place, void *base)
{
    (void)base;
    loader->config->admin.is_on = read_switch(loader, option->section, node, place);
}

void read_listen(struct loader *loader, const struct config_option *option,
                 const struct yaml_node *node, struct place place, void *base)
{
    struct config *config = loader->config;
    struct span text = span_of(option->fallback);

    (void)place;
    (void)base;
    if (node != NULL && !read_text(loader, node, "admin.listen", "HOST:PORT", &text)) {
        text = span_of(option->fallback);
        node = NULL;
    }
    if (!value_listen(text, &config->admin.host, &config->admin.port)) {
        INVARIANT(node != NULL); /* the default is good */
        diag_error(loader->diags, node->place,
                   "admin.listen wants HOST:PORT such as 127.0.0.1:8080 or [::1]:8080, not %s",
                   LOG_S(text));
    }
}

/* bit numbers of config_alert.on */
static const char *const alert_words[] = {"outage_opened", "outage_closed", "credential", "gap"};

void read_alert_events(struct loader *loader, const struct config_option *option,
                       const struct yaml_node *node, struct place place, void *base)
{
    struct config_alert *alert = base;

    (void)option;
    (void)place;
    if (node == NULL || !is_list(loader, node, "on")) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        struct span word;
        size_t bit = 0;

        if (!read_text(loader, node->items[i], "on", "a word", &word)) {
            continue;
        }
        while (bit < COUNT_OF(alert_words) && !span_is(word, alert_words[bit])) {
            bit++;
        }
        if (bit == COUNT_OF(alert_words)) {
            diag_error(loader->diags, node->items[i]->place,
                       "nobody is told of %s; there is outage_opened, outage_closed, credential, "
                       "gap%s",
                       LOG_S(word),
                       did_you_mean(suggest(word, alert_words, COUNT_OF(alert_words))).text);
            continue;
        }
        alert->on |= 1u << bit;
    }
}

void read_alerts(struct loader *loader, const struct config_option *option,
                 const struct yaml_node *node, struct place place, void *base)
{
    struct config *config = loader->config;

    (void)place;
    (void)base;
    if (node == NULL || !is_list(loader, node, "alerts")) {
        return;
    }
    config->alerts = loader_keep(loader, node->count, sizeof(config->alerts[0]));
    for (size_t i = 0; i < node->count; i++) {
        read_section(loader, option->section, node->items[i], node->items[i]->place,
                     &config->alerts[config->alert_count++]);
    }
}
