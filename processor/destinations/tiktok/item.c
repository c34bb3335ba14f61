/* One event as an item: a pass over the entries, which stand in the order they are written, so
 * that each object is opened once, when its first member turns out to be usable. */
#include "destinations/tiktok/map.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "destinations/tiktok/compiled.h"
#include "destinations/tiktok/member.h"

enum { NORMAL_BYTES_MAX = 8192 };

struct tiktok_scratch *tiktok_scratch_new(void)
{
    struct tiktok_scratch *scratch = mem_new(struct tiktok_scratch);

    scratch->sha = sha256_new();
    buf_init(&scratch->normal, NORMAL_BYTES_MAX);
    return scratch;
}

void tiktok_scratch_free(struct tiktok_scratch *scratch)
{
    if (scratch != NULL) {
        sha256_free(scratch->sha);
        buf_fini(&scratch->normal);
        free(scratch);
    }
}

/* The item being written. */
struct item_writer {
    const struct tiktok_map *map;
    const struct event_view *view;
    struct member_writer member;
    enum field_group open; /* the innermost open object */
    bool has_contents;
    bool has_required;
    bool is_country_known; /* member.country was looked up */
    char country[2];
};

static void close_objects(struct item_writer *w)
{
    while (w->open != GROUP_ITEM) {
        buf_add_char(w->member.out, '}');
        w->open = tiktok_group_parent(w->open);
    }
}

/* Up to the member's value: closes and opens what it takes. */
static void add_prefix(struct item_writer *w, const struct map_entry *entry)
{
    enum field_group group = entry->field->group;
    enum prefix_form form = PREFIX_NEW;

    if (w->open == group) {
        form = PREFIX_SAME;
    } else if (w->open != GROUP_ITEM && tiktok_group_parent(group) == w->open) {
        form = PREFIX_CHILD;
    } else {
        close_objects(w);
    }
    buf_add_span(w->member.out, entry->prefix[form]);
    w->open = group;
}

/* The person's own country where the event has it, else the destination's default. */
static void look_up_country(struct item_writer *w)
{
    const struct origin *origin = w->map->entries.country;
    struct buf *normal = &w->member.scratch->normal;
    struct origin_value value;
    size_t i = 0;

    w->is_country_known = true;
    w->member.country = w->map->default_country;
    while (origin != NULL &&
           origin_next(origin, &i, w->view->reader, w->view->root, w->member.arena, &value)) {
        struct span text = origin_text(&value, w->member.arena);

        if (text.len > 0 && identifier_normalise(IDENTIFIER_COUNTRY, text, SPAN_NONE, normal)) {
            w->country[0] = normal->ptr[0];
            w->country[1] = normal->ptr[1];
            w->member.country = (struct span){w->country, sizeof(w->country)};
            return;
        }
    }
}

static bool needs_country(const struct tiktok_field *field)
{
    return field->kind == FIELD_IDENTIFIER &&
           (field->identifier == IDENTIFIER_PHONE || field->identifier == IDENTIFIER_ZIP);
}

/* Up to the value of a member of the item; a number or zip code needs its country first. */
static void open_member(struct item_writer *w, const struct map_entry *entry)
{
    if (needs_country(entry->field) && !w->is_country_known) {
        look_up_country(w);
    }
    add_prefix(w, entry);
}

/* What a source of a list gives may be present and yet no use: then the next one counts. */
enum attempt { ATTEMPT_ABSENT, ATTEMPT_UNUSABLE, ATTEMPT_WRITTEN };

/* The first usable value of @entry behind @prefix (of an element; absent: what opens the member of
 * an item); @root: where its paths start. What was appended for others is cut off. */
static enum attempt write_first_usable(struct item_writer *w, const struct map_entry *entry,
                                       const struct value *root, struct span prefix,
                                       bool *is_constant)
{
    struct buf *out = w->member.out;
    const size_t before = out->len;
    const enum field_group open = w->open;
    const uint32_t left_out = w->member.left_out;
    enum attempt attempt = ATTEMPT_ABSENT;
    uint32_t left_out_before;
    struct origin_value value;
    size_t i = 0;

    while (origin_next(entry->origin, &i, w->view->reader, root, w->member.arena, &value)) {
        left_out_before = w->member.left_out;
        if (prefix.ptr != NULL) {
            buf_add_span(out, prefix);
        } else {
            open_member(w, entry);
        }
        if (member_write(&w->member, entry->field, &value)) {
            *is_constant = value.is_constant;
            w->member.left_out -= left_out_before - left_out; /* of sources it does without */
            return ATTEMPT_WRITTEN;
        }
        attempt = ATTEMPT_UNUSABLE;
        if (out->is_overflowed) {
            break;
        }
        buf_truncate(out, before);
        w->open = open;
    }
    return attempt;
}

/* One object of contents; nothing is appended when no member of it is the event's own: constants
 * alone would be a product that nobody bought. */
static bool add_element(struct item_writer *w, const struct map_each *each,
                        const struct value *element, bool is_first)
{
    struct buf *out = w->member.out;
    size_t start = out->len;
    bool is_open = false;
    bool has_own = false;

    if (!is_first) {
        buf_add_char(out, ',');
    }
    for (size_t i = 0; i < each->count; i++) {
        const struct map_entry *entry = &each->entries[i];
        bool is_constant = false;
        enum attempt attempt = write_first_usable(
            w, entry, element, entry->prefix[is_open ? PREFIX_SAME : PREFIX_NEW], &is_constant);

        if (out->is_overflowed) {
            return false;
        }
        is_open = is_open || attempt == ATTEMPT_WRITTEN;
        has_own = has_own || (attempt == ATTEMPT_WRITTEN && !is_constant);
        w->member.left_out += attempt == ATTEMPT_UNUSABLE;
    }
    if (has_own) {
        buf_add_char(out, '}');
    } else if (!out->is_overflowed) {
        buf_truncate(out, start);
    }
    return has_own;
}

static bool add_contents(struct item_writer *w, const struct map_each *each,
                         const struct value *array)
{
    size_t written = 0;

    buf_add_char(w->member.out, '[');
    for (size_t i = 0; i < array->len; i++) {
        if (array->items[i].kind != VALUE_NULL) {
            written += add_element(w, each, &array->items[i], written == 0);
        }
        if (w->member.out->is_overflowed) {
            return false;
        }
    }
    buf_add_char(w->member.out, ']');
    return written > 0;
}

/* What the array at the path is; NULL when there is none or it is empty. */
static const struct value *get_array(const struct item_writer *w, const struct map_each *each)
{
    const struct value *value = path_get(each->elements.path, w->view->reader, w->view->root);

    return value != NULL && value->kind == VALUE_ARRAY && value->len > 0 ? value : NULL;
}

/* Remember where we were, to take back a member that turns out unusable. */
struct mark {
    size_t len;
    enum field_group open;
};

static bool finish_member(struct item_writer *w, const struct mark *mark, bool is_written)
{
    struct buf *out = w->member.out;

    if (!is_written && !out->is_overflowed) {
        buf_truncate(out, mark->len);
        w->open = mark->open;
    }
    return is_written;
}

static void write_contents(struct item_writer *w, const struct map_entry *entry)
{
    const struct mark mark = {w->member.out->len, w->open};
    const struct value *array = get_array(w, entry->each);

    if (array == NULL) {
        return;
    }
    /* An element without any member is missing; unusable members were counted one by one. */
    add_prefix(w, entry);
    w->has_contents = finish_member(w, &mark, add_contents(w, entry->each, array));
}

static void write_entry(struct item_writer *w, const struct map_entry *entry)
{
    enum attempt attempt;
    bool ignored;

    if (entry->each != NULL) {
        write_contents(w, entry);
        return;
    }
    if (entry->is_with_contents && !w->has_contents) {
        return;
    }
    attempt = write_first_usable(w, entry, w->view->root, SPAN_NONE, &ignored);
    w->member.left_out += attempt == ATTEMPT_UNUSABLE;
    if (attempt == ATTEMPT_WRITTEN && entry->field == w->map->required) {
        w->has_required = true;
    }
}

/* Seconds, towards the past: -1 ms is still the second before. */
static int64_t floor_seconds(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

static void write_head(struct item_writer *w, struct span name, struct span event_id)
{
    struct buf *out = w->member.out;

    buf_add_span(out, SPAN("{\"event\":"));
    buf_add_json_string(out, name);
    buf_add_span(out, SPAN(",\"event_time\":"));
    buf_add_i64(out, floor_seconds(w->view->facts.time_ms));
    buf_add_span(out, SPAN(",\"event_id\":"));
    buf_add_json_string(out, event_id);
}

enum err_code tiktok_item_write(const struct tiktok_map *map, struct rendering *event,
                                struct buf *out, struct err *err)
{
    PRE(event->event_id.len > 0);
    PRE(event->scratch != NULL);
    PRE(!out->is_overflowed);

    struct item_writer w = {
        .map = map,
        .view = event->view,
        .member = {.scratch = event->scratch, .arena = event->arena, .out = out},
    };
    size_t start = out->len;

    if (tiktok_source_id(map, event->view, event->arena).len == 0) {
        return FAIL(err, ERR_DATA, "event_source_id is missing in the event");
    }
    write_head(&w, tiktok_event_name(map, event->view->facts.type), event->event_id);
    for (size_t i = 0; i < map->entries.count && !out->is_overflowed; i++) {
        write_entry(&w, &map->entries.items[i]);
    }
    close_objects(&w);
    buf_add_char(out, '}');
    event->fields_left_out = w.member.left_out;
    if (out->is_overflowed) {
        buf_truncate(out, start);
        return FAIL(err, ERR_LIMIT, "as a TikTok item the event is larger than %zu bytes",
                    out->max);
    }
    if (map->required != NULL && !w.has_required) {
        buf_truncate(out, start);
        return FAIL(err, ERR_DATA, "%s is missing", map->required->name);
    }
    return ERR_OK;
}
