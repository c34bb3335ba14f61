#include "deliver/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/embedded.h"
#include "base/mem.h"

#define TIKTOK_PATH "/open_api/v1.3/event/track/"

enum { FRAMING_BYTES_MAX = 16 };

/* The path is ours unless the configured URL already has one (a proxy, an older API version). */
static char *request_url(struct span url)
{
    size_t from = 0;
    size_t slash;

    for (size_t i = 0; i + 3 <= url.len && from == 0; i++) {
        if (memcmp(url.ptr + i, "://", 3) == 0) {
            from = i + 3;
        }
    }
    slash = span_find(url, '/', from);
    if (slash + 1 < url.len) {
        return mem_text(url);
    }
    return mem_format("%.*s%s", (int)slash, url.ptr, TIKTOK_PATH);
}

static void compile_destination(const struct pipeline *pipeline,
                                const struct config_destination *config,
                                struct pipeline_destination *out, struct diags *diags)
{
    out->config = config;
    buf_init(&out->utm_framing, FRAMING_BYTES_MAX);
    switch (config->type) {
    case DESTINATION_TIKTOK:
        out->map = tiktok_map_compile(config, pipeline->readers, diags);
        out->codes = tiktok_codes_compile(config, diags);
        out->url = request_url(config->url);
        break;
    case DESTINATION_KAFKA:
        out->topic = mem_text(config->topic);
        if (config->format == KAFKA_UTM) {
            out->utm = utm_map_compile(config, pipeline->readers, diags);
        }
        break;
    case DESTINATION_HTTP:
        out->webhook = webhook_compile(config, pipeline->readers, diags);
        out->url = mem_text(config->url);
        break;
    }
}

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
    pipeline->destinations = mem_array(config->destination_count, struct pipeline_destination);
    pipeline->catalog = catalog_load(config, diags);
    if (pipeline->catalog != NULL) {
        pipeline->readers = catalog_readers(pipeline->catalog);
        event_paths_compile(config, pipeline->readers, &pipeline->paths, diags);
        pipeline->routes = route_table_compile(config, pipeline->readers, diags);
        for (size_t i = 0; i < config->destination_count; i++) {
            compile_destination(pipeline, &config->destinations[i], &pipeline->destinations[i],
                                diags);
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
        struct pipeline_destination *destination = &pipeline->destinations[i];

        tiktok_map_free(destination->map);
        tiktok_codes_free(destination->codes);
        webhook_free(destination->webhook);
        utm_map_free(destination->utm);
        if (destination->config != NULL) {
            buf_fini(&destination->utm_framing);
        }
        free(destination->topic);
        free(destination->url);
    }
    free(pipeline->destinations);
    route_table_free(pipeline->routes);
    event_paths_fini(&pipeline->paths);
    catalog_free(pipeline->catalog);
    free(pipeline);
}

/* Magic and fingerprint of single-object encoding. */
static enum err_code frame_single_object(struct buf *out, struct err *err)
{
    struct schema *schema = NULL;
    uint8_t header[10] = {0xc3, 0x01};
    enum err_code rc = schema_parse(span_of(embedded_utm_attribution_avsc), NULL, 0, &schema, err);

    if (rc != ERR_OK) {
        return rc;
    }
    for (size_t i = 0; i < 8; i++) {
        header[2 + i] = (uint8_t)(schema->fingerprint >> (8 * i));
    }
    buf_add(out, header, sizeof(header));
    schema_free(schema);
    return ERR_OK;
}

static enum err_code frame_confluent(struct pipeline *pipeline,
                                     struct pipeline_destination *destination, struct err *err)
{
    char *subject = mem_format("%s-value", destination->topic);
    uint8_t header[5] = {0};
    uint32_t id = 0;
    enum err_code rc = catalog_register(pipeline->catalog, span_of(subject),
                                        span_of(embedded_utm_attribution_avsc), &id, err);

    free(subject);
    if (rc != ERR_OK) {
        return rc;
    }
    for (size_t i = 0; i < 4; i++) {
        header[1 + i] = (uint8_t)(id >> (24 - 8 * i));
    }
    buf_add(&destination->utm_framing, header, sizeof(header));
    return ERR_OK;
}

enum err_code pipeline_connect(struct pipeline *pipeline, struct err *err)
{
    bool has_registry = pipeline->config->schemas.registry.url_count > 0;
    enum err_code rc = catalog_start(pipeline->catalog, err);

    for (size_t i = 0; rc == ERR_OK && i < pipeline->config->destination_count; i++) {
        struct pipeline_destination *destination = &pipeline->destinations[i];

        if (destination->utm == NULL || destination->utm_framing.len > 0) {
            continue;
        }
        rc = has_registry ? frame_confluent(pipeline, destination, err)
                          : frame_single_object(&destination->utm_framing, err);
    }
    return rc;
}

size_t pipeline_index(const struct pipeline *pipeline, const struct config_destination *destination)
{
    size_t index = (size_t)(destination - pipeline->config->destinations);

    INVARIANT(index < pipeline->config->destination_count);
    return index;
}
