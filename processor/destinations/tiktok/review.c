#include "destinations/tiktok/review.h"

#include "base/absent.h"
#include "destinations/tiktok/compiled.h"
#include "destinations/tiktok/options.h"

enum { TEXT_BYTES_MAX = 64 * 1024 };

/* listing */

static void describe_each(const struct map_each *each, struct buf *out)
{
    buf_add_text(out, "{each: ");
    buf_add_span(out, each->text);
    buf_add_text(out, ", fields: {");
    for (size_t i = 0; i < each->count; i++) {
        buf_printf(out, "%s%s: ", i == 0 ? "" : ", ", each->entries[i].field->name);
        origin_describe(each->entries[i].origin, out);
    }
    buf_add_text(out, "}}");
}

static void list_entries(const struct tiktok_map *map, struct buf *text, struct field_list *out)
{
    for (size_t i = 0; i < map->entries.count; i++) {
        const struct map_entry *entry = &map->entries.items[i];

        buf_clear(text);
        if (entry->each != NULL) {
            describe_each(entry->each, text);
        } else {
            origin_describe(entry->origin, text);
        }
        buf_add_text(text, entry->is_with_contents ? ", where there are contents" : "");
        field_list_add(out, span_of(entry->field->name), buf_span(text));
    }
    for (size_t i = 0; i < map->entries.missing_count; i++) {
        const struct map_missing *missing = &map->entries.missing[i];

        field_list_miss(out, span_of(missing->field->name), span_of(missing->why));
    }
}

static void list_event(const struct config_destination *destination,
                       const struct event_paths *paths, struct buf *text, struct field_list *out)
{
    const struct config_event *event = destination->event;

    buf_clear(text);
    if (paths->is_type_record_name) {
        buf_add_text(text, "the record's name");
    } else {
        buf_add_span(text, event->type);
    }
    for (size_t i = 0; i < destination->event_count; i++) {
        buf_printf(text, "%s" SPAN_FMT " as " SPAN_FMT, i == 0 ? "; " : ", ",
                   SPAN_ARG(destination->events[i].name), SPAN_ARG(destination->events[i].value));
    }
    field_list_add(out, SPAN("event"), buf_span(text));
    buf_clear(text);
    if (paths->time != NULL) {
        buf_printf(text, SPAN_FMT ", else ", SPAN_ARG(event->time));
    }
    buf_add_text(text, "the record's timestamp");
    field_list_add(out, SPAN("event_time"), buf_span(text));
    buf_clear(text);
    if (paths->id != NULL) {
        buf_printf(text, SPAN_FMT ", else ", SPAN_ARG(event->id));
    }
    buf_add_text(text, "topic, partition and offset");
    field_list_add(out, SPAN("event_id"), buf_span(text));
}

void tiktok_map_list(const struct tiktok_map *map, const struct config_destination *destination,
                     const struct event_paths *paths, struct field_list *out)
{
    const struct tiktok_options *options = tiktok_options_of(destination);
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    if (options->event_source_path.ptr != NULL) {
        buf_add_span(&text, options->event_source_path);
    } else {
        buf_printf(&text, "{value: " SPAN_FMT "}", SPAN_ARG(options->event_source_id));
    }
    field_list_add(out, SPAN("event_source_id"), buf_span(&text));
    if (destination->event != NULL) {
        list_event(destination, paths, &text, out);
    }
    list_entries(map, &text, out);
    buf_fini(&text);
}

/* reviewing */

struct map_review {
    const struct tiktok_map *map;
    const struct config_destination *destination;
    const struct type_names *types;
    struct diags *diags;
};

enum { WEB = 1 << SOURCE_WEB, APP = 1 << SOURCE_APP, OFFLINE = 1 << SOURCE_OFFLINE };

static const char *const purchases[] = {"Purchase", "CompletePayment", "PlaceAnOrder", NULL};
static const char *const shopping[] = {"ViewContent",  "AddToCart",     "InitiateCheckout",
                                       "Checkout",     "Purchase",      "CompletePayment",
                                       "PlaceAnOrder", "AddToWishlist", NULL};
static const char *const searches[] = {"Search", NULL};

/* What TikTok can do little without. */
static const struct {
    const char *field;
    const char *const *events; /* NULL: all */
    unsigned sources;          /* 0: all */
    const char *why;
    const char *line; /* to write into map: */
} recommended[] = {
    {"properties.value", purchases, 0, "what it is worth", "properties.value: PATH"},
    {"properties.currency", purchases, 0, "in which currency", "properties.currency: PATH"},
    {"properties.contents", shopping, 0, "which products",
     "properties.contents: {each: PATH, fields: {content_id: PATH, price: PATH, quantity: PATH}}"},
    {"properties.search_string", searches, 0, "what was searched for",
     "properties.search_string: PATH"},
    {"page.url", NULL, WEB, "on which page", "page.url: PATH"},
};

/* One of these says who it was; the last two only together. */
static const char *const identifiers[] = {
    "user.email", "user.phone", "user.external_id", "user.ttclid",  "user.ttp",
    "user.idfa",  "user.gaid",  "user.idfv",        "user.lead_id", "lead.lead_id"};

static const struct map_entry *find_entry(const struct map_review *review, const char *field)
{
    for (size_t i = 0; i < review->map->entries.count; i++) {
        if (span_is(span_of(review->map->entries.items[i].field->name), field)) {
            return &review->map->entries.items[i];
        }
    }
    return NULL;
}

/* `FIELD: null`: somebody has thought of it. */
static bool is_taken_out(const struct map_review *review, const char *field)
{
    const struct yaml_node *node = yaml_get(tiktok_options_of(review->destination)->map, field);

    return node != NULL && yaml_is_null(node);
}

/* Products may be named by their ids alone. */
static bool is_sent(const struct map_review *review, const char *field)
{
    return find_entry(review, field) != NULL ||
           (span_is(span_of(field), "properties.contents") &&
            find_entry(review, "properties.content_ids") != NULL);
}

static bool is_among(struct span name, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (span_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* The first event of @names that this destination may be sent; NULL when none can be. */
static const char *find_event(const struct map_review *review, const char *const *names)
{
    const struct config_destination *destination = review->destination;

    for (size_t i = 0; review->types != NULL && i < review->types->count; i++) {
        struct span theirs = tiktok_event_name(review->map, span_of(review->types->items[i]));

        if (is_among(theirs, names)) {
            return review->types->items[i];
        }
    }
    if (review->types != NULL) {
        return NULL;
    }
    for (size_t i = 0; i < destination->event_count; i++) {
        if (is_among(destination->events[i].value, names)) {
            return destination->events[i].name.ptr;
        }
    }
    /* Whatever comes goes by its own name; that there are purchases is all that can be guessed. */
    return destination->event_count == 0 && names == purchases ? names[0] : NULL;
}

static void review_field(const struct map_review *review, size_t row)
{
    const struct config_destination *destination = review->destination;
    const char *field = recommended[row].field;
    unsigned source = 1u << tiktok_options_of(destination)->event_source;
    const char *event = "no event";

    if ((recommended[row].sources != 0 && (recommended[row].sources & source) == 0) ||
        is_sent(review, field) || is_taken_out(review, field)) {
        return;
    }
    if (recommended[row].events != NULL) {
        event = find_event(review, recommended[row].events);
        if (event == NULL) {
            return;
        }
    }
    diag_warning(review->diags, destination->place,
                 "%s is sent %s%s: TikTok does not learn %s; write '%s' into map:%s, or '%s: null' "
                 "when it is meant",
                 recommended[row].events == NULL ? "no event" : event,
                 recommended[row].events == NULL ? "with " : "without ", field,
                 recommended[row].why, recommended[row].line,
                 row == 0   ? " or 'value: PATH' under event:"
                 : row == 1 ? " or 'currency: PATH' under event:"
                            : "",
                 field);
}

static void review_identifiers(const struct map_review *review)
{
    bool is_any_taken_out = false;

    for (size_t i = 0; i < COUNT_OF(identifiers); i++) {
        if (find_entry(review, identifiers[i]) != NULL) {
            return;
        }
        is_any_taken_out = is_any_taken_out || is_taken_out(review, identifiers[i]);
    }
    if (is_any_taken_out ||
        (find_entry(review, "user.ip") != NULL && find_entry(review, "user.user_agent") != NULL)) {
        return;
    }
    diag_warning(review->diags, review->destination->place,
                 "no event is sent with any identifier, so TikTok can match none of them; write "
                 "one of 'user.email: PATH', 'user.phone: PATH', 'user.external_id: PATH', "
                 "'user.ttclid: PATH', 'user.ttp: PATH', or 'user.ip: PATH' and "
                 "'user.user_agent: PATH' into map:");
}

static void review_contents(const struct map_review *review)
{
    const struct map_entry *contents = find_entry(review, "properties.contents");

    for (size_t i = 0; contents != NULL && i < contents->each->count; i++) {
        if (span_is(span_of(contents->each->entries[i].field->name), "content_id")) {
            return;
        }
    }
    if (contents != NULL && find_entry(review, "properties.content_ids") == NULL) {
        diag_warning(review->diags, review->destination->place,
                     "properties.contents is sent without content_id: TikTok does not learn which "
                     "products; write 'content_id: PATH' into its fields:");
    }
}

/* The field is there under the default's name, but could never be used. */
static void review_misfits(const struct map_review *review)
{
    for (size_t i = 0; i < review->map->entries.missing_count; i++) {
        const struct map_missing *missing = &review->map->entries.missing[i];

        if (missing->is_misfit) {
            diag_warning(review->diags, review->destination->place,
                         "the default of %s is no use with this schema: %s; write '%s: PATH' into "
                         "map:, or '%s: null' when it is meant",
                         missing->field->name, missing->why, missing->field->name,
                         missing->field->name);
        }
    }
}

/* TikTok takes any text as an id, and only its refusals would tell. */
static void review_constant(const struct map_review *review, const char *key, struct span value)
{
    if (value.ptr != NULL && text_is_absent(value, TEXT_CODE)) {
        diag_warning(review->diags, review->destination->place,
                     "%s is \"%.*s\": a placeholder that nobody has filled in", key, (int)value.len,
                     value.ptr);
    }
}

void tiktok_map_review(const struct tiktok_map *map, const struct config_destination *destination,
                       const struct type_names *types, struct diags *diags)
{
    const struct tiktok_options *options = tiktok_options_of(destination);
    const struct map_review review = {map, destination, types, diags};

    for (size_t i = 0; i < COUNT_OF(recommended); i++) {
        review_field(&review, i);
    }
    review_contents(&review);
    review_identifiers(&review);
    review_constant(&review, "event_source_id", options->event_source_id);
    review_constant(&review, "test_event_code", options->test_event_code);
    review_misfits(&review);
}
