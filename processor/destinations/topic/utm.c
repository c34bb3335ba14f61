#include "destinations/topic/utm_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

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

/* What was found under one name. */
struct slot {
    enum name_match match; /* NAME_OTHER: nothing yet */
    struct span text;
};

/* What one pass over the landing page's query found. */
struct query {
    struct slot utm[UTM_QUERY_COUNT];
    struct slot clicks[CLICK_COUNT];
};

/* compiling */

/* What people search for and what they call an ad is free text; the rest are words of a campaign's
 * URL, or ids. */
static enum text_kind kind_of(int field)
{
    return field == UTM_TERM || field == UTM_CONTENT ? TEXT_FREE : TEXT_CODE;
}

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
               "campaign, term, content, id or ttclid%s",
               SPAN_ARG(pair->key), did_you_mean(near).text);
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
    if (map->fields[field].origin != NULL) {
        origin_set_kind(map->fields[field].origin, kind_of(field));
    }
}

static void compile_defaults(struct utm_map *map, const struct readers *readers,
                             struct diags *diags)
{
    for (size_t i = 0; i < UTM_FIELD_COUNT; i++) {
        const struct yaml_node node = {.kind = YAML_SCALAR, .text = fields[i].default_path};

        if (node.text.ptr != NULL && map->fields[i].origin == NULL && !map->fields[i].is_off) {
            map->fields[i].origin = origin_compile(&node, readers, true, diags);
            map->fields[i].is_default = true;
            if (map->fields[i].origin != NULL) {
                origin_set_kind(map->fields[i].origin, kind_of((int)i));
            }
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

/* Control characters and the separators of lines and paragraphs: a reader of lines, or a
 * spreadsheet, would see the end of a record. */
static size_t control_at(struct span text, size_t at)
{
    unsigned char c = (unsigned char)text.ptr[at];
    unsigned char next = at + 1 < text.len ? (unsigned char)text.ptr[at + 1] : 0;
    unsigned char third = at + 2 < text.len ? (unsigned char)text.ptr[at + 2] : 0;

    if (c < ' ' || c == 0x7f) {
        return 1;
    }
    if (c == 0xc2 && next >= 0x80 && next <= 0x9f) {
        return 2;
    }
    return c == 0xe2 && next == 0x80 && (third == 0xa8 || third == 0xa9) ? 3 : 0;
}

/* @text without control characters; a run of them between words is one space, in a URL or an id,
 * which have none, nothing. SPAN_NONE when there is no room. */
static struct span without_controls(struct span text, bool has_words, struct arena *arena)
{
    size_t first = 0;
    size_t len = 0;
    char *out;

    while (first < text.len && control_at(text, first) == 0) {
        first++;
    }
    if (first == text.len) {
        return text;
    }
    out = arena_alloc(arena, text.len);
    if (out == NULL) {
        return SPAN_NONE;
    }
    for (size_t i = 0; i < text.len;) {
        size_t control = control_at(text, i);

        if (control == 0) {
            out[len++] = text.ptr[i++];
            continue;
        }
        if (has_words && len > 0 && out[len - 1] != ' ') {
            out[len++] = ' ';
        }
        i += control;
    }
    return span_trim((struct span){out, len});
}

/* @text as @field takes it, or absent when it is not UTF-8 or nothing but a missing value. */
static struct span usable(struct span text, int field, struct arena *arena)
{
    bool has_words = field < UTM_QUERY_COUNT;

    if (text_is_absent(text, kind_of(field)) || !utf8_is_valid(text.ptr, text.len)) {
        return SPAN_NONE;
    }
    text = without_controls(text, has_words, arena);
    return text_is_absent(text, kind_of(field)) ? SPAN_NONE : text;
}

/* Keep @value in @slot when @written is @name: the first usable one, the exact name before others
 * that differ in case. */
static void take(struct slot *slot, struct span name, int field, struct span written,
                 struct span value, struct arena *arena)
{
    enum name_match match = span_eq(written, name)          ? NAME_EXACT
                            : span_eq_nocase(written, name) ? NAME_NOCASE
                                                            : NAME_OTHER;

    if (match <= slot->match) {
        return;
    }
    value = usable(url_decode(value, arena), field, arena);
    if (value.ptr != NULL) {
        *slot = (struct slot){match, value};
    }
}

static void read_query(struct span url, struct query *query, struct arena *arena)
{
    struct url_query parameters = url_query_open(url);
    struct span name;
    struct span value;

    memset(query, 0, sizeof(*query));
    while (url_query_next(&parameters, &name, &value)) {
        name = url_decode(name, arena);
        for (int i = 0; i < UTM_QUERY_COUNT; i++) {
            take(&query->utm[i], fields[i].long_key, i, name, value, arena);
        }
        for (size_t i = 0; i < CLICK_COUNT; i++) {
            take(&query->clicks[i], clicks[i].parameter, UTM_TTCLID, name, value, arena);
        }
    }
}

/* The first that is usable: a macro nobody filled in is as good as missing. */
static struct span text_of(const struct utm_map *map, enum utm_field field,
                           const struct event_view *view, struct arena *arena)
{
    const struct origin *origin = map->fields[field].origin;
    struct span text = SPAN_NONE;
    struct origin_value value;
    size_t i = 0;

    while (origin != NULL && text.ptr == NULL &&
           origin_next(origin, &i, view->reader, view->root, arena, &value)) {
        text = origin_text(&value, arena);
        if (!value.is_constant) {
            text = usable(text, (int)field, arena);
        }
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

        is_written[i] = query->clicks[i].text.ptr != NULL && is_first;
        count += is_written[i] ? 1 : 0;
    }
    if (count > 0) {
        put_long(out, count);
    }
    for (size_t i = 0; i < CLICK_COUNT; i++) {
        if (is_written[i]) {
            put_bytes(out, clicks[i].key);
            put_bytes(out, query->clicks[i].text);
        }
    }
    put_long(out, 0);
}

void utm_write(const struct utm_map *map, const struct rendering *event, struct span framing,
               struct buf *out)
{
    const struct event_view *view = event->view;
    struct arena *arena = event->arena;
    struct span landing_page = text_of(map, UTM_LANDING_PAGE, view, arena);
    struct query query;

    read_query(landing_page, &query, arena);
    query.clicks[CLICK_TTCLID].text =
        pick_ttclid(map, view, query.clicks[CLICK_TTCLID].text, arena);

    buf_add_span(out, framing); /* and now the fields in the schema's order */
    put_bytes(out, event->event_id);
    put_bytes(out, view->facts.type);
    put_long(out, view->facts.time_ms);
    put_value(out, &view->facts);
    put_nullable(out, view->facts.currency);
    for (size_t i = 0; i < UTM_QUERY_COUNT; i++) {
        bool is_said = map->fields[i].origin != NULL || map->fields[i].is_off;

        put_nullable(out,
                     is_said ? text_of(map, (enum utm_field)i, view, arena) : query.utm[i].text);
    }
    put_nullable(out, landing_page);
    put_nullable(out, text_of(map, UTM_REFERRER, view, arena));
    put_nullable(out, event->outage);
    put_clicks(out, &query);
    put_bytes(out, event->first);
    put_bytes(out, event->reason);
    put_bytes(out, view->message->value);
}
