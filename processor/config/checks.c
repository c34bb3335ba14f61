/* What a value must be beyond its type, and what only shows when the whole file is read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/duplicates.h"
#include "config/loader.h"
#include "config/url.h"

enum { TOPIC_BYTES_MAX = 249, NAME_BYTES_MAX = 128 };

static bool is_topic(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-')) {
            return false;
        }
    }
    return name.len > 0 && name.len <= TOPIC_BYTES_MAX && !span_is(name, ".") &&
           !span_is(name, "..");
}

void check_topics(struct loader *loader, const struct yaml_node *node)
{
    struct yaml_node *one = (struct yaml_node *)node;
    struct yaml_node *const *items = node->kind == YAML_LIST ? node->items : &one;
    size_t count = node->kind == YAML_LIST ? node->count : 1;

    for (size_t i = 0; i < count; i++) {
        if (!is_topic(items[i]->text)) {
            diag_error(loader->diags, items[i]->place,
                       "%s cannot be a topic's name: letters, digits, . _ - and at most %d of them "
                       "(patterns are not supported)",
                       LOG_S(items[i]->text), TOPIC_BYTES_MAX);
        }
    }
}

/* HOST, HOST:PORT or [V6]:PORT, perhaps behind one of librdkafka's own schemes. */
static bool is_broker(struct span text)
{
    static const char *const schemes[] = {"PLAINTEXT://", "SSL://", "SASL_PLAINTEXT://",
                                          "SASL_SSL://"};
    size_t colon;
    int64_t port;

    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (span_starts(text, span_of(schemes[i]))) {
            text = span_sub(text, strlen(schemes[i]), text.len);
        }
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] == '/' || text.ptr[i] == '@') {
            return false;
        }
    }
    colon = span_find(text, ':', text.len > 0 && text.ptr[0] == '[' ? span_find(text, ']', 0) : 0);
    if (colon >= text.len) {
        return text.len > 0;
    }
    return colon > 0 && span_to_i64(span_sub(text, colon + 1, text.len), &port) && port > 0 &&
           port <= UINT16_MAX;
}

void check_brokers(struct loader *loader, const struct yaml_node *node)
{
    size_t from = 0;

    while (from <= node->text.len) {
        size_t comma = span_find(node->text, ',', from);
        struct span broker = span_trim(span_sub(node->text, from, comma));

        if (!is_broker(broker)) {
            diag_error(loader->diags, node->place,
                       "kafka.brokers: %s is no HOST:PORT; several are separated by commas",
                       LOG_S(broker));
            return;
        }
        from = comma + 1;
    }
}

void check_name(struct loader *loader, const struct yaml_node *node)
{
    bool is_good = node->text.len <= NAME_BYTES_MAX;

    for (size_t i = 0; i < node->text.len; i++) {
        unsigned char c = (unsigned char)node->text.ptr[i];

        is_good = is_good && c >= ' ' && c != 0x7f;
    }
    if (!is_good) {
        diag_error(loader->diags, node->place,
                   "%s cannot be a name: one line of at most %d bytes, no control characters",
                   LOG_S(node->text), NAME_BYTES_MAX);
    }
}

void check_readable(struct loader *loader, const struct yaml_node *node)
{
    struct span path = loader_path(loader, node->text);

    if (access(path.ptr, R_OK) != 0) {
        diag_error(loader->diags, node->place, "%s cannot be read: %s", path.ptr, strerror(errno));
    }
}

void check_identity(struct loader *loader, const struct yaml_node *node)
{
    if (!loader->is_without_secrets || access(loader_path(loader, node->text).ptr, F_OK) == 0) {
        check_readable(loader, node);
    }
}

void check_registry_urls(struct loader *loader, const struct yaml_node *node)
{
    struct yaml_node *one = (struct yaml_node *)node;
    struct yaml_node *const *items = node->kind == YAML_LIST ? node->items : &one;
    size_t count = node->kind == YAML_LIST ? node->count : 1;

    for (size_t i = 0; i < count; i++) {
        struct url url;
        struct err err;

        if (url_read(items[i]->text, &url, &err) != ERR_OK) {
            diag_error(loader->diags, items[i]->place, "schemas.registry.url: %s", err.text);
        }
    }
}

static void check_url(struct loader *loader, struct config_destination *destination)
{
    struct place place = place_in(destination, NULL, "url");
    struct url url;
    struct err err;

    if (destination->url.ptr == NULL) {
        return; /* missing, and reported */
    }
    if (url_read(destination->url, &url, &err) != ERR_OK) {
        diag_error(loader->diags, place, "url: %s", err.text);
        return;
    }
    if (url_is_loopback(&url)) {
        destination->is_private_allowed = true; /* it stands there: nobody was tricked into it */
    } else if (url_is_private(&url) && !destination->is_private_allowed) {
        diag_error(loader->diags, place,
                   "url names %s, which is not an address of the public Internet: if requests are "
                   "to go there, write allow_private: true beside it",
                   LOG_S(span_of(url.host)));
    } else if (!url.is_https && !destination->is_private_allowed) {
        diag_error(loader->diags, place,
                   "url wants https://: personal data does not go over the network in the open "
                   "(http is for loopback hosts, or with allow_private: true)");
    }
}

static void check_sender(struct loader *loader, struct config_destination *destination)
{
    check_url(loader, destination);
    if (destination->concurrency.initial > destination->concurrency.max) {
        diag_error(loader->diags, place_in(destination, "concurrency", "initial"),
                   "concurrency.initial (%u) is more than concurrency.max (%u)",
                   destination->concurrency.initial, destination->concurrency.max);
    }
    if (destination->timeout.connect_ms > destination->timeout.total_ms) {
        diag_error(loader->diags, place_in(destination, "timeout", "connect"),
                   "timeout.connect is longer than timeout.total");
    }
    if (destination->timeout.first_byte_ms > destination->timeout.total_ms) {
        diag_error(loader->diags, place_in(destination, "timeout", "first_byte"),
                   "timeout.first_byte is longer than timeout.total");
    }
}

/* Does a leg that begins at @destination divert to @alternate? *is_first: one begins there. */
static bool diverts_to(const struct config *config, const struct config_destination *destination,
                       const struct config_destination *alternate, bool *is_first)
{
    bool is_behind = false;

    *is_first = false;
    for (size_t i = 0; i < config->route_count; i++) {
        for (size_t j = 0; j < config->routes[i].leg_count; j++) {
            const struct config_leg *leg = &config->routes[i].legs[j];

            for (size_t k = 1; k < leg->count && leg->chain[0] == destination; k++) {
                is_behind = is_behind || leg->chain[k] == alternate;
            }
            *is_first = *is_first || leg->chain[0] == destination;
        }
    }
    return is_behind;
}

static void check_backfill(struct loader *loader, const struct config_destination *destination)
{
    struct place place = place_in(destination, "backfill", "from");
    struct span from = destination->backfill.from;
    const struct config_destination *source;
    bool is_first = false;

    if (from.ptr == NULL) {
        if (yaml_get(destination->node, "backfill") != NULL) {
            diag_error(loader->diags, place,
                       "backfill.from is missing: the destination of type kafka that holds the "
                       "diverted events");
        }
        return;
    }
    source = config_find(loader->config, from);
    if (source == NULL) {
        diag_error(loader->diags, place, "there is no destination %s%s", LOG_S(from),
                   did_you_mean(suggest_destination(loader->config, from)).text);
    } else if (!source->type->is_topic) {
        diag_error(loader->diags, place,
                   "backfill.from must be a destination of type kafka (where events were diverted "
                   "to); %s is not",
                   LOG_S(from));
    } else if (source == loader->config->dead_letter) {
        diag_error(loader->diags, place,
                   "backfill.from cannot be the dead letter: what ended there needs a person");
    } else if (!diverts_to(loader->config, destination, source, &is_first) && is_first) {
        diag_error(loader->diags, place,
                   "no leg that begins at %s has %s behind it: nothing of it is diverted there",
                   LOG_S(destination->name), LOG_S(from));
    }
}

static bool is_source_topic(const struct config *config, struct span topic)
{
    for (size_t i = 0; i < config->kafka.topic_count; i++) {
        if (span_eq(config->kafka.topics[i], topic)) {
            return true;
        }
    }
    return false;
}

static void check_kafka(struct loader *loader, const struct config_destination *destination)
{
    if (destination->topic.ptr != NULL && is_source_topic(loader->config, destination->topic)) {
        diag_error(loader->diags, place_in(destination, NULL, "topic"),
                   "topic %s is a source topic as well: events would go round for ever",
                   LOG_S(destination->topic));
    }
    if (destination->utm != NULL && destination->format != KAFKA_UTM) {
        diag_error(loader->diags, place_in(destination, NULL, "utm"),
                   "utm has no meaning with format: original; write format: utm");
    }
}

static void report_duplicate_topic(void *context, const struct named_entry *first,
                                   const struct named_entry *again)
{
    struct loader *loader = context;

    (void)first;
    diag_error(loader->diags, again->place, "topic %s is listed twice", LOG_S(again->name));
}

static void report_duplicate_route(void *context, const struct named_entry *first,
                                   const struct named_entry *again)
{
    struct loader *loader = context;

    diag_error(loader->diags, again->place,
               "route name %s is taken by the route in line %u: names are unique",
               LOG_S(again->name), first->place.line);
}

static void check_duplicates(struct loader *loader)
{
    const struct config *config = loader->config;
    const struct yaml_node *root = yaml_root(config->doc);
    const struct yaml_node *topics = yaml_get(yaml_get(root, "kafka"), "topics");
    size_t most = MAX_OF(config->route_count, config->kafka.topic_count);
    struct named_entry *names = mem_array(most, struct named_entry);
    size_t count = 0;

    for (size_t i = 0; i < config->kafka.topic_count && topics->kind == YAML_LIST; i++) {
        names[count++] = (struct named_entry){config->kafka.topics[i], topics->items[i]->place, i};
    }
    duplicates_find(names, count, report_duplicate_topic, loader);
    count = 0;
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];

        if (route->name.ptr != NULL) {
            names[count++] = (struct named_entry){route->name, route->place, i};
        }
    }
    duplicates_find(names, count, report_duplicate_route, loader);
    free(names);
}

/* Marks the destinations a leg names, and finds the dead letter among them. */
static void check_legs(struct loader *loader, bool *is_used)
{
    const struct config *config = loader->config;

    for (size_t i = 0; i < config->route_count; i++) {
        for (size_t k = 0; k < config->routes[i].leg_count; k++) {
            const struct config_leg *leg = &config->routes[i].legs[k];
            bool has_dead_letter = false;

            for (size_t m = 0; m < leg->count; m++) {
                is_used[leg->chain[m] - config->destinations] = true;
                has_dead_letter = has_dead_letter || leg->chain[m] == config->dead_letter;
            }
            if (has_dead_letter) {
                diag_error(loader->diags, leg->place,
                           "%s is the dead letter, the end of every chain by itself: take it out "
                           "of the leg",
                           LOG_S(config->dead_letter->name));
            }
        }
    }
}

void check_token(struct loader *loader, struct secret *secret, struct place place, const char *what)
{
    struct err err;

    if (secret != NULL && secret_require_token(secret, &err) != ERR_OK) {
        diag_error(loader->diags, place, "%s: %s", what, err.text);
    }
}

static void check_destinations(struct loader *loader)
{
    struct config *config = loader->config;
    bool *is_used = mem_array(config->destination_count, bool);

    check_legs(loader, is_used);
    for (size_t i = 0; i < config->destination_count; i++) {
        struct config_destination *destination = &config->destinations[i];

        if (destination->type->is_topic) {
            check_kafka(loader, destination);
        } else {
            check_sender(loader, destination);
            check_backfill(loader, destination);
        }
        if (destination->type->check != NULL) {
            destination->type->check(loader, destination);
        }
        if (!is_used[i] && destination != config->dead_letter) {
            diag_warning(loader->diags, destination->place, "no route uses destination %s",
                         LOG_S(destination->name));
        }
    }
    free(is_used);
}

/* Basic authentication over http shows the password to the network. */
static void check_registry_credentials(struct loader *loader)
{
    const struct config_registry *registry = &loader->config->schemas.registry;

    for (size_t i = 0; i < registry->url_count && registry->password != NULL; i++) {
        struct url url;

        if (url_read(registry->urls[i], &url, NULL) == ERR_OK && !url.is_https &&
            !url_is_loopback(&url)) {
            diag_warning(loader->diags, registry->place,
                         "the registry's password goes over the network in the open: use https");
            return;
        }
    }
}

static void check_schemas(struct loader *loader)
{
    struct config_schemas *schemas = &loader->config->schemas;
    const struct yaml_node *node = yaml_get(yaml_root(loader->config->doc), "schemas");
    const struct yaml_node *registry = yaml_get(node, "registry");

    if (is_written(registry)) {
        schemas->registry.place = registry->place;
        check_registry_credentials(loader);
    }
    if (is_written(registry) && schemas->registry.url_count == 0 &&
        yaml_get(registry, "url") == NULL) {
        diag_error(loader->diags, registry->place,
                   "schemas.registry.url is missing: write it, or take the registry out");
    }
    if (is_written(yaml_get(registry, "username")) != is_written(yaml_get(registry, "password"))) {
        diag_error(loader->diags, registry->place,
                   "schemas.registry wants username and password, or neither");
    }
    if (node != NULL && schemas->framing == FRAMING_CONFLUENT && !is_written(registry) &&
        schemas->id_count == 0) {
        diag_warning(loader->diags, node->place,
                     "framing confluent without a registry and without ids: every event would be "
                     "schema_unknown");
    }
}

static void check_mode(struct loader *loader)
{
    struct stat status;

    /* A warning only: bind mounts of some container hosts show 0777 for everything. */
    if (stat(loader->config->path, &status) == 0 && S_ISREG(status.st_mode) &&
        (status.st_mode & S_IWOTH) != 0) {
        diag_warning(loader->diags, yaml_root(loader->config->doc)->place,
                     "everybody on this machine can change this file: chmod o-w it");
    }
}

void check_config(struct loader *loader)
{
    const struct config *config = loader->config;
    struct span ledger = config->ledger.topic;
    const struct yaml_node *node = yaml_get(yaml_root(config->doc), "ledger");

    check_mode(loader);
    check_duplicates(loader);
    check_schemas(loader);
    check_destinations(loader);
    if (config->ledger.is_on && ledger.ptr != NULL && is_source_topic(config, ledger)) {
        diag_error(loader->diags, node == NULL ? yaml_root(config->doc)->place : node->place,
                   "ledger topic %s is a source topic as well", LOG_S(ledger));
    }
    for (size_t i = 0; config->ledger.is_on && i < config->destination_count; i++) {
        if (ledger.ptr != NULL && span_eq(config->destinations[i].topic, ledger)) {
            diag_error(loader->diags, node == NULL ? yaml_root(config->doc)->place : node->place,
                       "ledger topic %s is the topic of destination %s as well", LOG_S(ledger),
                       LOG_S(config->destinations[i].name));
        }
    }
}
