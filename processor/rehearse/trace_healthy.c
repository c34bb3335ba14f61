/* `healthy:` of a trace: what a destination of type http says when it is well. */
#include "rehearse/trace_inside.h"

#include "base/mem.h"

static bool read_status(struct trace_reader *reader, const struct yaml_node *node, int *out)
{
    int64_t status = 200;

    if (node != NULL && (node->kind != YAML_SCALAR || !span_to_i64(node->text, &status) ||
                         status < 100 || status > 599)) {
        trace_complain(reader, node, "status", "an HTTP status");
        return false;
    }
    *out = (int)status;
    return true;
}

static bool read_headers(struct trace_reader *reader, const struct yaml_node *node,
                         struct trace_healthy *out)
{
    if (node == NULL) {
        return true;
    }
    if (node->kind != YAML_MAP || node->count > TRACE_HEADERS_MAX) {
        trace_complain(reader, node, "headers", "a map of at most 16 names and values");
        return false;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (node->pairs[i].value->kind != YAML_SCALAR) {
            trace_complain(reader, node->pairs[i].value, "a header", "a text");
            return false;
        }
        out->headers[out->header_count++] =
            (struct name_pair){node->pairs[i].key, node->pairs[i].value->text, node->place};
    }
    return true;
}

static void read_one(struct trace_reader *reader, const struct yaml_pair *pair)
{
    static const char *const keys[] = {"status", "body", "headers"};
    struct trace *trace = reader->trace;
    struct trace_healthy *out = &trace->healthy[trace->healthy_count];
    const struct config_destination *destination = trace_find_destination(reader, pair);
    const struct yaml_node *body;

    if (destination == NULL ||
        !trace_check_keys(reader, pair->value, "a healthy answer", keys, COUNT_OF(keys))) {
        return;
    }
    if (destination->type != DESTINATION_HTTP) {
        diag_error(reader->diags, pair->place,
                   "only a destination of type http has a healthy answer of its own");
        return;
    }
    *out = (struct trace_healthy){
        .destination = (size_t)(destination - reader->config->destinations), .place = pair->place};
    body = yaml_get(pair->value, "body");
    if (body != NULL && body->kind != YAML_SCALAR) {
        trace_complain(reader, body, "body", "a text: '{\"ok\": true}'");
        return;
    }
    out->body = body == NULL ? SPAN_NONE : body->text;
    if (read_status(reader, yaml_get(pair->value, "status"), &out->status) &&
        read_headers(reader, yaml_get(pair->value, "headers"), out)) {
        trace->healthy_count++;
    }
}

void trace_read_healthy(struct trace_reader *reader, const struct yaml_node *root)
{
    const struct yaml_node *map = yaml_get(root, "healthy");

    if (map == NULL) {
        return;
    }
    if (map->kind != YAML_MAP) {
        trace_complain(reader, map, "healthy",
                       "a map: a destination's name to {status, body, headers}");
        return;
    }
    reader->trace->healthy = mem_array(map->count, struct trace_healthy);
    for (size_t i = 0; i < map->count; i++) {
        read_one(reader, &map->pairs[i]);
    }
}
