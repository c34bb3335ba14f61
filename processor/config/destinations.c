/* destinations: the map of named places, and the values only they have. */
#include "config/loader.h"

enum { DESTINATIONS_MAX = 1000, VERDICTS_MAX = 100 };

struct place place_in(const struct config_destination *destination, const char *section,
                      const char *key)
{
    const struct yaml_node *map =
        section == NULL ? destination->node : yaml_get(destination->node, section);
    const struct yaml_node *node = yaml_get(map, key);

    return node != NULL ? node->place : map != NULL ? map->place : destination->place;
}

/* The type decides which rows count; without a known one all do, so that typing errors in the
 * rest are still found. */
static unsigned kinds_by_type(const struct yaml_node *node)
{
    const struct yaml_node *type = yaml_get(node, "type");

    if (type != NULL && type->kind == YAML_SCALAR) {
        if (span_is(type->text, "tiktok")) {
            return FOR_TIKTOK;
        }
        if (span_is(type->text, "http")) {
            return FOR_HTTP;
        }
        if (span_is(type->text, "kafka")) {
            return FOR_KAFKA;
        }
    }
    return FOR_ALL;
}

/* Names stand in metrics, headers and on the command line as DESTINATION/EVENT. */
static void check_destination_name(struct loader *loader, const struct yaml_pair *pair)
{
    struct span name = pair->key;
    bool is_good = name.len > 0 && name.len <= 64;

    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];

        is_good = is_good && c > ' ' && c != 0x7f && c != '/' && c != '"' && c != '\\';
    }
    if (!is_good) {
        diag_error(loader->diags, pair->place,
                   "%s cannot be a destination's name: up to 64 characters, no spaces, slashes or "
                   "quotes",
                   LOG_S(name));
    }
}

void read_destinations(struct loader *loader, const struct config_option *option,
                       const struct yaml_node *node, struct place place, void *base)
{
    struct config *config = loader->config;

    (void)place;
    (void)base;
    if (node == NULL || !is_map(loader, node, "destinations")) {
        return;
    }
    if (node->count == 0 || node->count > DESTINATIONS_MAX) {
        diag_error(loader->diags, node->place, "destinations holds %zu entries; it wants 1 to %d",
                   node->count, DESTINATIONS_MAX);
        return;
    }
    config->destinations = loader_keep(loader, node->count, sizeof(config->destinations[0]));
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct config_destination *destination = &config->destinations[config->destination_count++];

        check_destination_name(loader, pair);
        destination->name = pair->key;
        destination->place = pair->place;
        destination->node = pair->value;
        destination->event = &config->event;
        read_section(loader, option->section, yaml_is_null(pair->value) ? NULL : pair->value,
                     pair->place, destination, kinds_by_type(pair->value));
    }
}

void read_source_id(struct loader *loader, const struct config_option *option,
                    const struct yaml_node *node, struct place place, void *base)
{
    struct config_destination *destination = base;
    const struct yaml_node *path;

    (void)place;
    if (node == NULL) {
        return;
    }
    destination->event_source_place = node->place;
    if (node->kind != YAML_MAP) {
        (void)read_text(loader, node, "event_source_id", option->form,
                        &destination->event_source_id);
        return;
    }
    path = yaml_get(node, "path");
    if (path == NULL || node->count != 1) {
        diag_error(loader->diags, node->place, "event_source_id wants %s", option->form);
        return;
    }
    (void)read_text(loader, path, "event_source_id", "a path into the record",
                    &destination->event_source_path);
    destination->event_source_place = path->place;
}

void read_event_names(struct loader *loader, const struct config_option *option,
                      const struct yaml_node *node, struct place place, void *base)
{
    struct config_destination *destination = base;

    (void)option;
    (void)place;
    if (node == NULL || !is_map(loader, node, "events")) {
        return;
    }
    destination->events = loader_keep(loader, node->count, sizeof(destination->events[0]));
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct name_pair *event = &destination->events[destination->event_count];

        if (read_text(loader, pair->value, "an entry of events", "their event's name",
                      &event->value)) {
            event->name = pair->key;
            event->place = pair->value->place;
            destination->event_count++;
        }
    }
}

void read_kafka_headers(struct loader *loader, const struct config_option *option,
                        const struct yaml_node *node, struct place place, void *base)
{
    struct config_destination *destination = base;

    (void)option;
    (void)place;
    if (node == NULL || node->is_broken) {
        return;
    }
    if (node->kind != YAML_SCALAR || !span_is(node->text, "connect")) {
        diag_error(loader->diags, node->place,
                   "headers of a kafka destination can only be `connect`");
        return;
    }
    destination->is_connect_headers = true;
}

bool is_header_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_')) {
            return false;
        }
    }
    return name.len > 0 && name.len <= 128;
}

/* Headers may be plain: a Content-Type is no secret. */
static bool may_hold_secret(struct span name)
{
    static const char *const words[] = {"authorization", "proxy-authorization", "cookie",
                                        "x-api-key", "access-token"};

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (span_eq_nocase(name, span_of(words[i]))) {
            return true;
        }
    }
    return false;
}

void read_http_headers(struct loader *loader, const struct config_option *option,
                       const struct yaml_node *node, struct place place, void *base)
{
    struct config_destination *destination = base;

    (void)option;
    (void)place;
    if (node == NULL || !is_map(loader, node, "headers")) {
        return;
    }
    destination->headers = loader_keep(loader, node->count, sizeof(destination->headers[0]));
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct http_header *header = &destination->headers[destination->header_count];
        struct yaml_node plain = *pair->value;

        if (!is_header_name(pair->key)) {
            diag_error(loader->diags, pair->place,
                       "%s cannot be a header's name: letters, digits, - and _", LOG_S(pair->key));
            continue;
        }
        plain.is_replaced = plain.is_replaced || !may_hold_secret(pair->key);
        header->name = pair->key;
        header->place = pair->place;
        header->value = read_secret(loader, &plain, "a header");
        destination->header_count += header->value != NULL;
    }
}

void read_node(struct loader *loader, const struct config_option *option,
               const struct yaml_node *node, struct place place, void *base)
{
    (void)loader;
    (void)place;
    *(const struct yaml_node **)(void *)((char *)base + option->offset) = node;
}

void read_verdicts(struct loader *loader, const struct config_option *option,
                   const struct yaml_node *node, struct place place, void *base)
{
    struct config_destination *destination = base;

    (void)place;
    if (node == NULL || !is_list(loader, node, "verdicts")) {
        return;
    }
    if (node->count > VERDICTS_MAX) {
        diag_error(loader->diags, node->items[VERDICTS_MAX]->place,
                   "verdicts holds more than %d rules", VERDICTS_MAX);
        return;
    }
    destination->verdicts = loader_keep(loader, node->count, sizeof(destination->verdicts[0]));
    for (size_t i = 0; i < node->count; i++) {
        struct config_verdict *verdict = &destination->verdicts[destination->verdict_count++];

        verdict->place = node->items[i]->place;
        read_section(loader, option->section, node->items[i], verdict->place, verdict, FOR_HTTP);
    }
}
