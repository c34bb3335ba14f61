/* What a UTM record says of an event, and where that comes from: for `check`. */
#include "destinations/topic/utm_inside.h"

enum { TEXT_BYTES_MAX = 64 * 1024 };

static const char *const names[UTM_FIELD_COUNT] = {
    [UTM_SOURCE] = "utm_source",         [UTM_MEDIUM] = "utm_medium",
    [UTM_CAMPAIGN] = "utm_campaign",     [UTM_TERM] = "utm_term",
    [UTM_CONTENT] = "utm_content",       [UTM_ID] = "utm_id",
    [UTM_LANDING_PAGE] = "landing_page", [UTM_REFERRER] = "referrer",
    [UTM_TTCLID] = "click_ids.ttclid",
};

static void list_fact(const struct path *path, struct span written, const char *name,
                      const char *otherwise, struct field_list *out)
{
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    if (path != NULL) {
        buf_add_span(&text, written);
        buf_add_text(&text, otherwise != NULL ? ", else " : "");
    }
    buf_add_text(&text, otherwise != NULL ? otherwise : "");
    if (text.len > 0) {
        field_list_add(out, span_of(name), buf_span(&text));
    } else {
        buf_printf(&text, "'" SPAN_FMT "' is not in the schema", SPAN_ARG(written));
        field_list_miss(out, span_of(name), buf_span(&text));
    }
    buf_fini(&text);
}

static void list_field(const struct utm_map *map, int field, struct field_list *out)
{
    const struct origin *origin = map->fields[field].origin;
    bool has_query = field < UTM_QUERY_COUNT || field == UTM_TTCLID;
    bool has_page = map->fields[UTM_LANDING_PAGE].origin != NULL;
    struct buf text;

    if (map->fields[field].is_off) {
        return;
    }
    buf_init(&text, TEXT_BYTES_MAX);
    if (has_query && has_page && (origin == NULL || map->fields[field].is_default)) {
        buf_printf(&text, "the query of landing_page%s", origin != NULL ? ", else " : "");
    }
    if (origin != NULL) {
        origin_describe(origin, &text);
    }
    if (text.len > 0) {
        field_list_add(out, span_of(names[field]), buf_span(&text));
    } else {
        field_list_miss(out, span_of(names[field]),
                        has_query ? SPAN("there is no landing_page") : SPAN("not in the schema"));
    }
    buf_fini(&text);
}

void utm_map_list(const struct utm_map *map, const struct config_destination *destination,
                  const struct event_paths *paths, struct field_list *out)
{
    const struct config_event *event = destination->event;

    if (event != NULL) {
        list_fact(paths->id, event->id, "event_id", "topic, partition and offset", out);
        list_fact(paths->type, event->type, "event_type",
                  paths->is_type_record_name ? "the record's name" : NULL, out);
        list_fact(paths->time, event->time, "event_time", "the record's timestamp", out);
        list_fact(paths->value, event->value, "value", NULL, out);
        list_fact(paths->currency, event->currency, "currency", NULL, out);
    }
    for (int i = 0; i < UTM_FIELD_COUNT; i++) {
        list_field(map, i, out);
    }
}

void utm_map_review(const struct utm_map *map, const struct config_destination *destination,
                    struct diags *diags)
{
    for (int i = 0; i < UTM_QUERY_COUNT; i++) {
        if (map->fields[i].origin != NULL) {
            return; /* somebody has said where campaigns come from */
        }
    }
    if (map->fields[UTM_LANDING_PAGE].origin == NULL && !map->fields[UTM_LANDING_PAGE].is_off) {
        diag_warning(diags, destination->place,
                     "no record says where a visitor came from: utm_* and click ids are read from "
                     "the landing page, and the schema has no '" SPAN_FMT
                     "'; write 'utm: {landing_page: PATH}', or 'utm: {landing_page: null}' when it "
                     "is meant",
                     SPAN_ARG(SPAN("page.url")));
    }
}
