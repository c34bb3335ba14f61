#include "destinations/tiktok/defaults.h"

#include "base/buf.h"

enum { TEXT_BYTES_MAX = 1 << 20, PATH_BYTES_MAX = 4096, URLS_MAX = 64 };

/* Fits schemas/conversion_event.avsc. What a schema of somebody else's has not is left out. */
static const struct map_default rows[] = {
    {"user.email", "user.email"},
    {"user.phone", "user.phone"},
    {"user.external_id", "user.external_id"},
    {"user.first_name", "user.first_name"},
    {"user.last_name", "user.last_name"},
    {"user.zip_code", "user.zip_code"},
    {"user.city", "user.city"},
    {"user.state", "user.state"},
    {"user.country", "user.country"},
    {"user.ttclid", "[page.url?ttclid, user.ttclid]"},
    {"user.ttp", "user.ttp"},
    {"user.ip", "user.ip"},
    {"user.user_agent", "user.user_agent"},
    {"user.locale", "user.locale"},
    {"page.url", "page.url"},
    {"page.referrer", "page.referrer"},
    {"properties.contents",
     "{each: properties.products, fields: {content_id: sku, content_name: name, content_category: "
     "category, brand: brand, price: price, quantity: quantity}}"},
    {"properties.content_type", "{value: product}"},
    {"properties.value", "properties.value"},
    {"properties.currency", "properties.currency"},
    {"properties.order_id", "properties.order_id"},
    {"properties.shop_id", "properties.shop_id"},
    {"properties.search_string", "properties.search_string"},
    {"properties.description", "properties.description"},
    {"properties.num_items", "properties.num_items"},
};

const struct map_default *map_default_at(size_t index)
{
    return index < COUNT_OF(rows) ? &rows[index] : NULL;
}

/* In single quotes, in which only they themselves are written twice. */
static void add_quoted(struct buf *out, struct span text, const char *suffix)
{
    buf_add_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        buf_add_text(out, text.ptr[i] == '\'' ? "'" : "");
        buf_add_char(out, text.ptr[i]);
    }
    buf_add_text(out, suffix);
    buf_add_char(out, '\'');
}

/* Fit to stand in the text of the map: no path of a schema is longer or holds a line end. */
static bool is_quotable(struct span path)
{
    for (size_t i = 0; i < path.len; i++) {
        if ((unsigned char)path.ptr[i] < ' ') {
            return false;
        }
    }
    return path.len > 0 && path.len <= PATH_BYTES_MAX;
}

/* Is @node a path, to something that can be a URL? */
static bool is_path(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && !node->is_broken && !yaml_is_null(node) &&
           is_quotable(node->text) && span_find(node->text, '?', 0) == node->text.len;
}

/* The click id stands in the URL of the page, wherever the user's map has that from. */
static void add_click_id(struct buf *out, const struct yaml_node *url)
{
    size_t count = url->kind == YAML_LIST ? url->count : 1;

    buf_add_char(out, '[');
    for (size_t i = 0; i < MIN_OF(count, (size_t)URLS_MAX); i++) {
        const struct yaml_node *one = url->kind == YAML_LIST ? url->items[i] : url;

        if (is_path(one)) {
            add_quoted(out, one->text, "?ttclid");
            buf_add_text(out, ", ");
        }
    }
    buf_add_text(out, "user.ttclid]");
}

static void add_row(struct buf *out, const struct map_default *row,
                    const struct config_destination *destination, const struct yaml_node *map)
{
    const struct config_event *event = destination->event;
    struct span field = span_of(row->field);
    const struct yaml_node *url = yaml_get(map, "page.url");

    buf_add_span(out, field);
    buf_add_text(out, ": ");
    if (span_is(field, "properties.value") && event != NULL && is_quotable(event->value)) {
        add_quoted(out, event->value, "");
    } else if (span_is(field, "properties.currency") && event != NULL &&
               is_quotable(event->currency)) {
        add_quoted(out, event->currency, "");
    } else if (span_is(field, "user.ttclid") && url != NULL && !yaml_is_null(url)) {
        add_click_id(out, url);
    } else {
        buf_add_text(out, row->from);
    }
    buf_add_char(out, '\n');
}

struct yaml_doc *map_defaults_make(const struct config_destination *destination,
                                   const struct yaml_node *map, struct diags *diags)
{
    struct yaml_doc *doc;
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        add_row(&text, &rows[i], destination, map);
    }
    INVARIANT(!text.is_overflowed); /* a path has at most some kilobytes, a list 64 of them */
    doc = yaml_parse("the default map", buf_span(&text), true, diags);
    INVARIANT(doc != NULL);
    buf_fini(&text);
    return doc;
}
