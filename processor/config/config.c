#include "config/config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/loader.h"

enum { MEMORY_BYTES_MAX = 512 * 1024 * 1024 }; /* the document's own bounds are far below */

/* Where the file lies; a pipe has no such place, then the working directory counts. */
static void place_file(struct config *config, const char *path)
{
    char *whole = realpath(path, NULL);
    char *slash;

    config->path = whole != NULL ? whole : mem_text(span_of(path));
    slash = strrchr(config->path, '/');
    if (whole != NULL && strncmp(whole, "/proc/", 6) != 0 && slash != NULL) {
        config->directory =
            mem_text((struct span){config->path, (size_t)MAX_OF(slash - config->path, 1)});
    } else {
        char *working = getcwd(NULL, 0);

        config->directory = working != NULL ? working : mem_text(SPAN("/"));
    }
}

static struct config *load(const char *path, const struct config_types *types,
                           enum config_secrets secrets, struct diags *diags)
{
    struct yaml_doc *doc = yaml_open(path, diags);
    struct loader loader = {
        .types = types, .diags = diags, .is_without_secrets = secrets == SECRETS_OPTIONAL};
    struct config *config;

    if (doc == NULL) {
        return NULL;
    }
    config = mem_new(struct config);
    config->doc = doc;
    arena_init(&config->memory, MEMORY_BYTES_MAX);
    place_file(config, path);
    loader.config = config;
    read_section(&loader, "", yaml_root(doc), yaml_root(doc)->place, config);
    check_config(&loader);
    return config;
}

struct config *config_load(const char *path, const struct config_types *types, struct diags *diags)
{
    return config_load_with(path, types, SECRETS_NEEDED, diags);
}

struct config *config_load_with(const char *path, const struct config_types *types,
                                enum config_secrets secrets, struct diags *diags)
{
    size_t errors_before = diags->error_count;
    struct config *config = load(path, types, secrets, diags);

    if (config != NULL && diags->error_count > errors_before) {
        config_free(config);
        return NULL;
    }
    return config;
}

struct config *config_load_partial(const char *path, const struct config_types *types,
                                   enum config_secrets secrets, struct diags *diags)
{
    struct config *config = load(path, types, secrets, diags);

    if (config != NULL &&
        (config->schemas.directory.ptr == NULL ||
         (config->schemas.reader.ptr == NULL && config->schemas.reader_count == 0))) {
        config_free(config);
        return NULL;
    }
    return config;
}

/* Properties may hold passwords; their texts are ours, in the document or the arena. */
static void wipe_properties(struct config_kafka *kafka)
{
    for (size_t i = 0; i < kafka->property_count; i++) {
        mem_wipe((char *)kafka->properties[i].value.ptr, kafka->properties[i].value.len);
    }
}

void config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    wipe_properties(&config->kafka);
    secret_free(config->schemas.registry.username);
    secret_free(config->schemas.registry.password);
    secret_free(config->admin.token);
    for (size_t i = 0; i < config->destination_count; i++) {
        struct config_destination *destination = &config->destinations[i];

        if (destination->type != NULL && destination->type->free != NULL) {
            destination->type->free(destination->own);
        }
    }
    for (size_t i = 0; i < config->alert_count; i++) {
        secret_free(config->alerts[i].webhook);
    }
    arena_fini(&config->memory);
    yaml_free(config->doc);
    free(config->path);
    free(config->directory);
    free(config);
}

size_t config_backfills(const struct config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->destination_count; i++) {
        count += config->destinations[i].backfill.from.ptr != NULL;
    }
    return count;
}

const struct config_destination *config_find(const struct config *config, struct span name)
{
    for (size_t i = 0; i < config->destination_count; i++) {
        if (span_eq(config->destinations[i].name, name)) {
            return &config->destinations[i];
        }
    }
    return NULL;
}
