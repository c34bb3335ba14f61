/* destinations: the map of named places, and the values only they have. */
#include "config/loader.h"

enum { DESTINATIONS_MAX = 1000 };

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
static void choose_types(struct loader *loader, const struct yaml_node *node)
{
    const struct yaml_node *written = yaml_get(node, "type");
    const struct config_types *types = loader->types;

    INVARIANT(types->count > 0 && types->count <= TYPES_MAX);
    loader->active_count = 0;
    for (size_t i = 0; i < types->count; i++) {
        if (written != NULL && written->kind == YAML_SCALAR &&
            span_is(written->text, types->items[i]->name)) {
            loader->active[loader->active_count++] = types->items[i];
        }
    }
    for (size_t i = 0; loader->active_count == 0 && i < types->count; i++) {
        loader->active[i] = types->items[i];
    }
    loader->active_count = loader->active_count == 0 ? types->count : loader->active_count;
    for (size_t i = 0; i < loader->active_count; i++) {
        loader->own[i] = loader_keep(loader, 1, loader->active[i]->own_bytes);
    }
}

/* The first stands for a type that nobody knows. Secrets of the others were only looked at. */
static void leave_types(struct loader *loader)
{
    for (size_t i = 1; i < loader->active_count; i++) {
        if (loader->active[i]->free != NULL) {
            loader->active[i]->free(loader->own[i]);
        }
    }
    loader->active_count = 0;
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
        choose_types(loader, pair->value);
        destination->type = loader->active[0];
        destination->own = loader->own[0];
        read_section(loader, option->section, yaml_is_null(pair->value) ? NULL : pair->value,
                     pair->place, destination);
        leave_types(loader);
    }
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
