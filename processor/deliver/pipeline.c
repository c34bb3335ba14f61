#include "deliver/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static void name_instance(struct pipeline *pipeline)
{
    char host[64] = "";

    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(pipeline->instance, sizeof(pipeline->instance), "%s:%ld",
                   host[0] == '\0' ? "localhost" : host, (long)getpid());
}

struct pipeline *pipeline_compile(const struct config *config, struct diags *diags)
{
    size_t errors_before = diags->error_count;
    struct pipeline *pipeline = mem_new(struct pipeline);

    pipeline->config = config;
    name_instance(pipeline);
    pipeline->destinations = mem_array(config->destination_count, struct destination);
    pipeline->catalog = catalog_load(config, diags);
    if (pipeline->catalog != NULL) {
        pipeline->readers = catalog_readers(pipeline->catalog);
        event_paths_compile(config, pipeline->readers, &pipeline->paths, diags);
        pipeline->routes = route_table_compile(config, pipeline->readers, diags);
        for (size_t i = 0; i < config->destination_count; i++) {
            (void)destination_compile(&config->destinations[i], pipeline->readers,
                                      &pipeline->destinations[i], diags);
        }
    }
    if (diags->error_count > errors_before) {
        pipeline_free(pipeline);
        return NULL;
    }
    return pipeline;
}

static void expect(void *context, struct span type)
{
    metrics_expect(context, type);
}

void pipeline_expect(const struct pipeline *pipeline, struct metrics *metrics)
{
    route_table_types(pipeline->routes, expect, metrics);
}

void pipeline_free(struct pipeline *pipeline)
{
    if (pipeline == NULL) {
        return;
    }
    for (size_t i = 0; i < pipeline->config->destination_count; i++) {
        destination_fini(&pipeline->destinations[i]);
    }
    free(pipeline->destinations);
    route_table_free(pipeline->routes);
    event_paths_fini(&pipeline->paths);
    catalog_free(pipeline->catalog);
    free(pipeline);
}

enum err_code pipeline_connect(struct pipeline *pipeline, struct err *err)
{
    bool has_registry = pipeline->config->schemas.registry.url_count > 0;
    enum err_code rc = catalog_start(pipeline->catalog, err);

    for (size_t i = 0; rc == ERR_OK && i < pipeline->config->destination_count; i++) {
        struct destination *to = &pipeline->destinations[i];

        if (to->driver->connect != NULL) {
            rc = to->driver->connect(to, pipeline->catalog, has_registry, err);
        }
    }
    return rc;
}

size_t pipeline_index(const struct pipeline *pipeline, const struct config_destination *destination)
{
    size_t index = (size_t)(destination - pipeline->config->destinations);

    INVARIANT(index < pipeline->config->destination_count);
    return index;
}
