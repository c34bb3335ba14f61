#include "kafka/utm.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

/* What `utm:` can say, in the record's order of the two URLs last. */
enum utm_field {
    UTM_SOURCE,
    UTM_MEDIUM,
    UTM_CAMPAIGN,
    UTM_TERM,
    UTM_CONTENT,
    UTM_ID,
    UTM_QUERY_COUNT, /* those above come from the landing page's query when nothing is said */
    UTM_LANDING_PAGE = UTM_QUERY_COUNT,
    UTM_REFERRER,
    UTM_TTCLID,
    UTM_FIELD_COUNT,
};

static const struct {
    const char *key;
    struct span long_key;     /* the record's own name, taken as well; absent: none */
    struct span default_path; /* absent: the query */
} fields[UTM_FIELD_COUNT] = {
    [UTM_SOURCE] = {"source", {"utm_source", 10}, {NULL, 0}},
    [UTM_MEDIUM] = {"medium", {"utm_medium", 10}, {NULL, 0}},
    [UTM_CAMPAIGN] = {"campaign", {"utm_campaign", 12}, {NULL, 0}},
    [UTM_TERM] = {"term", {"utm_term", 8}, {NULL, 0}},
    [UTM_CONTENT] = {"content", {"utm_content", 11}, {NULL, 0}},
    [UTM_ID] = {"id", {"utm_id", 6}, {NULL, 0}},
    [UTM_LANDING_PAGE] = {"landing_page", {NULL, 0}, {"page.url", 8}},
    [UTM_REFERRER] = {"referrer", {NULL, 0}, {"page.referrer", 13}},
    [UTM_TTCLID] = {"ttclid", {NULL, 0}, {"user.ttclid", 11}},
};

/* Click ids as platforms append them to landing pages, and their key in click_ids. */
enum { CLICK_TTCLID = 0 };
static const struct {
    struct span parameter;
    struct span key;
} clicks[] = {
    [CLICK_TTCLID] = {{"ttclid", 6}, {"ttclid", 6}}, /* TikTok */
    {{"gclid", 5}, {"gclid", 5}},                    /* Google: web, app to web, web to app */
    {{"gbraid", 6}, {"gbraid", 6}},
    {{"wbraid", 6}, {"wbraid", 6}},
    {{"dclid", 5}, {"dclid", 5}},         /* Google display */
    {{"fbclid", 6}, {"fbclid", 6}},       /* Meta */
    {{"msclkid", 7}, {"msclkid", 7}},     /* Microsoft */
    {{"twclid", 6}, {"twclid", 6}},       /* X */
    {{"li_fat_id", 9}, {"li_fat_id", 9}}, /* LinkedIn */
    {{"ScCid", 5}, {"sccid", 5}},         /* Snap, in both spellings */
    {{"sccid", 5}, {"sccid", 5}},
    {{"epik", 4}, {"epik", 4}},           /* Pinterest */
    {{"rdt_cid", 7}, {"rdt_cid", 7}},     /* Reddit */
    {{"irclickid", 9}, {"irclickid", 9}}, /* Impact */
    {{"yclid", 5}, {"yclid", 5}},         /* Yandex */
};

enum { CLICK_COUNT = COUNT_OF(clicks) };

struct utm_map {
    struct {
        struct origin *origin; /* owned; NULL: the query, where it is one of those */
        bool is_off;           /* FIELD: null */
        bool is_default;
    } fields[UTM_FIELD_COUNT];
};

/* What one pass over the landing page's query found; the first of equal names counts. */
struct query {
    bool is_seen[UTM_QUERY_COUNT];
    struct span utm[UTM_QUERY_COUNT];
    bool is_click_seen[CLICK_COUNT];
    struct span clicks[CLICK_COUNT];
};

/* compiling */

static int field_of(struct span key)
{
    for (int i = 0; i < UTM_FIELD_COUNT; i++) {
        if (span_is(key, fields[i].key) ||
            (fields[i].long_key.ptr != NULL && span_eq(key, fields[i].long_key))) {
            return i;
        }
    }
    return -1;
}

static void report_key(const struct yaml_pair *pair, struct diags *diags)
{
    const char *names[UTM_FIELD_COUNT];
    const char *near;

    for (size_t i = 0; i < UTM_FIELD_COUNT; i++) {
        names[i] = fields[i].key;
    }
    near = suggest(pair->key, names, UTM_FIELD_COUNT);
    diag_error(diags, pair->place,
               "'" SPAN_FMT "' is not a field of utm: landing_page, referrer, source, medium, "
               "campaign, term, content, id or ttclid%s%s%s",
               SPAN_ARG(pair->key), near == NULL ? "" : "; did you mean '",
               near == NULL ? "" : near, near == NULL ? "" : "'?");
}

static void compile_pair(struct utm_map *map, const struct yaml_pair *pair,
                         const struct readers *readers, struct diags *diags)
{
    int field = field_of(pair->key);

    if (field < 0) {
        report_key(pair, diags);
        return;
    }
    if (map->fields[field].origin != NULL || map->fields[field].is_off) {
        diag_error(diags, pair->place, "'%s' is said twice", fields[field].key);
        return;
    }
    if (yaml_is_null(pair->value)) {
        map->fields[field].is_off = true;
        return;
    }
    map->fields[field].origin = origin_compile(pair->value, readers, false, diags);
}

static void compile_defaults(struct utm_map *map, const struct readers *readers,
                             struct diags *diags)
{
    for (size_t i = 0; i < UTM_FIELD_COUNT; i++) {
        const struct yaml_node node = {.kind = YAML_SCALAR, .text = fields[i].default_path};

        if (node.text.ptr != NULL && map->fields[i].origin == NULL && !map->fields[i].is_off) {
            map->fields[i].origin = origin_compile(&node, readers, true, diags);
            map->fields[i].is_default = true;
        }
    }
}

struct utm_map *utm_map_compile(const struct config_destination *destination,
                                const struct readers *readers, struct diags *diags)
{
    const struct yaml_node *node = destination->utm;
    size_t errors_before = diags->error_count;
    struct utm_map *map = mem_new(struct utm_map);

    if (node != NULL && node->kind != YAML_MAP) {
        diag_error(diags, node->place, "utm: is a map of field to path");
    } else if (node != NULL) {
        for (size_t i = 0; i < node->count; i++) {
            compile_pair(map, &node->pairs[i], readers, diags);
        }
    }
    if (diags->error_count > errors_before) {
        utm_map_free(map);
        return NULL;
    }
    compile_defaults(map, readers, diags);
    return map;
}

void utm_map_free(struct utm_map *map)
{
    if (map == NULL) {
        return;
    }
    for (size_t i = 0; i < UTM_FIELD_COUNT; i++) {
        origin_free(map->fields[i].origin);
    }
    free(map);
}

/* reading */

/* An ad platform's placeholder that nobody filled in: __CAMPAIGN_NAME__. */
static bool is_macro(struct span text)
{
    if (text.len < 5 || !span_starts(text, SPAN("__")) || !span_ends(text, SPAN("__"))) {
        return false;
    }
    for (size_t i = 2; i < text.len - 2; i++) {
        char c = text.ptr[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return true;
}

/* @text, or absent when it is blank, a macro or not UTF-8. */
static struct span usable(struct span text)
{
    if (text.ptr == NULL || span_trim(text).len == 0 || is_macro(text) ||
        !utf8_is_valid(text.ptr, text.len)) {
        return SPAN_NONE;
    }
    return text;
}

static bool is_encoded(struct span text)
{
    return span_find(text, '%', 0) < text.len || span_find(text, '+', 0) < text.len;
}

/* name=value */
struct item {
    struct span text;
    struct span name;
    struct span value;
    bool is_encoded;
    bool is_name_encoded;
};

static struct item split_item(struct span text)
{
    size_t equals = span_find(text, '=', 0);
    struct item item = {.text = text,
                        .name = span_sub(text, 0, equals),
                        .value = span_sub(text, MIN_OF(equals + 1, text.len), text.len)};

    item.is_encoded = is_encoded(text);
    item.is_name_encoded = item.is_encoded && is_encoded(item.name);
    return item;
}

/* The value of @item when it is called @name; decoded as every query is. */
static struct span decode_item(const struct item *item, struct span name, struct arena *arena)
{
    char *url = arena_alloc(arena, item->text.len + 1);

    if (url == NULL) {
        return SPAN_NONE;
    }
    url[0] = '?';
    memcpy(url + 1, item->text.ptr, item->text.len);
    return url_query_get((struct span){url, item->text.len + 1}, name, arena);
}

/* True when @item is called @name; then its value, if any is usable, is in @out. */
static bool match_item(const struct item *item, struct span name, struct arena *arena,
                       struct span *out)
{
    struct span value = SPAN_NONE;

    if (span_eq(item->name, name)) {
        *out = usable(item->is_encoded ? decode_item(item, name, arena) : item->value);
        return true;
    }
    if (item->is_name_encoded) { /* perhaps the name in disguise */
        value = decode_item(item, name, arena);
        *out = usable(value);
    }
    return value.ptr != NULL;
}

static void take_item(const struct item *item, struct query *query, struct arena *arena)
{
    for (size_t i = 0; i < UTM_QUERY_COUNT; i++) {
        if (!query->is_seen[i] && match_item(item, fields[i].long_key, arena, &query->utm[i])) {
            query->is_seen[i] = true;
            return;
        }
    }
    for (size_t i = 0; i < CLICK_COUNT; i++) {
        if (!query->is_click_seen[i] &&
            match_item(item, clicks[i].parameter, arena, &query->clicks[i])) {
            query->is_click_seen[i] = true;
            return;
        }
    }
}

static void read_query(struct span url, struct query *query, struct arena *arena)
{
    size_t end = url.ptr == NULL ? 0 : span_find(url, '#', 0);
    size_t at = url.ptr == NULL ? 0 : span_find(url, '?', 0);

    memset(query, 0, sizeof(*query));
    while (at < end) {
        size_t stop = MIN_OF(span_find(url, '&', at + 1), end);

        if (stop > at + 1) {
            struct item item = split_item(span_sub(url, at + 1, stop));

            take_item(&item, query, arena);
        }
        at = stop;
    }
}

/* The first that is usable: a macro nobody filled in is as good as missing. */
static struct span text_of(const struct utm_map *map, enum utm_field field,
                           const struct event_view *view, struct arena *arena)
{
    const struct origin *origin = map->fields[field].origin;
    size_t count = origin == NULL ? 0 : origin_count(origin);
    struct span text = SPAN_NONE;

    for (size_t i = 0; i < count && text.ptr == NULL; i++) {
        struct origin_value value = origin_get_at(origin, i, view->reader, view->root, arena);

        text = usable(origin_text(&value, arena));
    }
    return text;
}

/* What `utm:` says about TikTok's click id goes before the query, its default behind. */
static struct span pick_ttclid(const struct utm_map *map, const struct event_view *view,
                               struct span of_query, struct arena *arena)
{
    if (map->fields[UTM_TTCLID].is_off) {
        return SPAN_NONE;
    }
    if (map->fields[UTM_TTCLID].is_default && of_query.ptr != NULL) {
        return of_query;
    }
    return text_of(map, UTM_TTCLID, view, arena);
}

/* writing */

static void put_long(struct buf *out, int64_t number)
{
    uint64_t doubled = (uint64_t)number << 1;
    uint64_t bits = number < 0 ? ~doubled : doubled;
    char bytes[10];
    size_t len = 0;

    while (bits >= 0x80) {
        bytes[len++] = (char)(bits | 0x80);
        bits >>= 7;
    }
    bytes[len++] = (char)bits;
    buf_add(out, bytes, len);
}

static void put_bytes(struct buf *out, struct span bytes)
{
    put_long(out, (int64_t)bytes.len);
    buf_add_span(out, bytes);
}

/* ["null", "string"] */
static void put_nullable(struct buf *out, struct span text)
{
    put_long(out, text.ptr == NULL ? 0 : 1);
    if (text.ptr != NULL) {
        put_bytes(out, text);
    }
}

/* ["null", "double"] */
static void put_value(struct buf *out, const struct facts *facts)
{
    uint64_t bits;
    char bytes[8];

    put_long(out, facts->has_value ? 1 : 0);
    if (facts->has_value) {
        memcpy(&bits, &facts->value, sizeof(bits));
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (char)(bits >> (8 * i));
        }
        buf_add(out, bytes, sizeof(bytes));
    }
}

/* One block of a map, and its end. A key that two parameters share is written once. */
static void put_clicks(struct buf *out, const struct query *query)
{
    bool is_written[CLICK_COUNT] = {false};
    int64_t count = 0;

    for (size_t i = 0; i < CLICK_COUNT; i++) {
        bool is_first = i == 0 || !is_written[i - 1] || !span_eq(clicks[i].key, clicks[i - 1].key);

        is_written[i] = query->clicks[i].ptr != NULL && is_first;
        count += is_written[i] ? 1 : 0;
    }
    if (count > 0) {
        put_long(out, count);
    }
    for (size_t i = 0; i < CLICK_COUNT; i++) {
        if (is_written[i]) {
            put_bytes(out, clicks[i].key);
            put_bytes(out, query->clicks[i]);
        }
    }
    put_long(out, 0);
}

void utm_write(const struct utm_map *map, const struct event_view *view, struct span event_id,
               struct span destination, struct span reason, struct span outage_id,
               struct span framing, struct arena *arena, struct buf *out)
{
    struct span landing_page = text_of(map, UTM_LANDING_PAGE, view, arena);
    struct query query;

    read_query(landing_page, &query, arena);
    query.clicks[CLICK_TTCLID] = pick_ttclid(map, view, query.clicks[CLICK_TTCLID], arena);

    buf_add_span(out, framing); /* and now the fields in the schema's order */
    put_bytes(out, event_id);
    put_bytes(out, view->facts.type);
    put_long(out, view->facts.time_ms);
    put_value(out, &view->facts);
    put_nullable(out, view->facts.currency);
    for (size_t i = 0; i < UTM_QUERY_COUNT; i++) {
        bool is_said = map->fields[i].origin != NULL || map->fields[i].is_off;

        put_nullable(out, is_said ? text_of(map, (enum utm_field)i, view, arena) : query.utm[i]);
    }
    put_nullable(out, landing_page);
    put_nullable(out, text_of(map, UTM_REFERRER, view, arena));
    put_nullable(out, outage_id);
    put_clicks(out, &query);
    put_bytes(out, destination);
    put_bytes(out, reason);
    put_bytes(out, view->message->value);
}
