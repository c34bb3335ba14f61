/* Destinations of type kafka: a topic that gets the source's records as they are, or a UTM record
 * of each. */
#include "destinations/driver.h"

#include <stdlib.h>

#include "base/embedded.h"
#include "base/mem.h"
#include "destinations/topic/utm.h"
#include "schema/catalog.h"

enum { FRAMING_BYTES_MAX = 16 };

/* Of `format: utm` only; the original needs nothing. */
struct topic {
    struct utm_map *map; /* owned */
    struct buf framing;  /* what stands before each record; written by connect() */
};

static const struct utm_map *map_of(const struct destination *to)
{
    return ((const struct topic *)to->own)->map;
}

/* the section */

static bool is_complete(const struct config_destination *config)
{
    return config->topic.ptr != NULL;
}

static bool compile(struct destination *to, struct diags *diags)
{
    size_t errors_before = diags->error_count;
    struct topic *topic;

    to->topic = mem_text(to->config->topic);
    to->sends_original = to->config->format != KAFKA_UTM;
    if (to->sends_original) {
        return true;
    }
    topic = mem_new(struct topic);
    to->own = topic;
    buf_init(&topic->framing, FRAMING_BYTES_MAX);
    topic->map = utm_map_compile(to->config, to->readers, diags);
    return diags->error_count == errors_before;
}

static void free_own(void *own)
{
    struct topic *topic = own;

    utm_map_free(topic->map);
    buf_fini(&topic->framing);
    free(topic);
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

/* Magic and the registry's id of the schema. */
static enum err_code frame_confluent(struct catalog *catalog, const char *topic, struct buf *out,
                                     struct err *err)
{
    char *subject = mem_format("%s-value", topic);
    uint8_t header[5] = {0};
    uint32_t id = 0;
    enum err_code rc = catalog_register(catalog, span_of(subject),
                                        span_of(embedded_utm_attribution_avsc), &id, err);

    free(subject);
    if (rc != ERR_OK) {
        return rc;
    }
    for (size_t i = 0; i < 4; i++) {
        header[1 + i] = (uint8_t)(id >> (24 - 8 * i));
    }
    buf_add(out, header, sizeof(header));
    return ERR_OK;
}

static enum err_code connect_registry(struct destination *to, struct catalog *catalog,
                                      bool has_registry, struct err *err)
{
    struct topic *topic = to->own;

    if (to->sends_original || topic->framing.len > 0) {
        return ERR_OK;
    }
    return has_registry ? frame_confluent(catalog, to->topic, &topic->framing, err)
                        : frame_single_object(&topic->framing, err);
}

static void review(const struct destination *to, const struct review *with, struct field_list *out,
                   struct diags *diags)
{
    if (to->sends_original) {
        field_list_add(out, SPAN("record"), SPAN("the record as it is"));
        return;
    }
    utm_map_list(map_of(to), to->config, with->paths, out);
    utm_map_review(map_of(to), to->config, diags);
}

/* an event */

static enum err_code render(const struct destination *to, struct rendering *event, struct buf *out,
                            struct err *err)
{
    PRE(!to->sends_original);

    const struct topic *topic = to->own;
    size_t start = out->len;

    utm_write(topic->map, event, buf_span(&topic->framing), out);
    if (out->is_overflowed) {
        buf_truncate(out, start);
        return FAIL(err, ERR_LIMIT, "no UTM record can be made of it");
    }
    return ERR_OK;
}

const struct driver topic_driver = {
    .section = {.name = "kafka", .is_topic = true},
    .is_complete = is_complete,
    .compile = compile,
    .free = free_own,
    .connect = connect_registry,
    .review = review,
    .render = render,
};
