#include "recovery/filter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { CANONICAL_BYTES_MAX = 16 * 1024 * 1024, NAMES_MAX = 64, MATCH_BYTES_MAX = 1024 * 1024 };

/* lists */

static int compare(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

static void list_add(struct filter_list *list, struct span item)
{
    if (item.len > 0) {
        list->items = mem_grow(list->items, list->count + 1, sizeof(*list->items));
        list->items[list->count++] = item;
    }
}

static void list_sort(struct filter_list *list)
{
    size_t kept = 0;

    if (list->count > 0) {
        qsort(list->items, list->count, sizeof(*list->items), compare);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (kept == 0 || !span_eq(list->items[kept - 1], list->items[i])) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

static void list_fill(struct filter_list *list, const struct command_texts *texts, bool has_commas)
{
    for (size_t i = 0; i < texts->count; i++) {
        struct span text = span_of(texts->items[i]);

        for (size_t from = 0; from <= text.len;) {
            size_t to = has_commas ? span_find(text, ',', from) : text.len;

            list_add(list, span_sub(text, from, to));
            from = to + 1;
        }
    }
    list_sort(list);
}

static bool list_has(const struct filter_list *list, struct span item)
{
    return item.ptr != NULL && list->count > 0 &&
           bsearch(&item, list->items, list->count, sizeof(*list->items), compare) != NULL;
}

static bool list_takes(const struct filter_list *list, struct span item)
{
    return list->count == 0 || list_has(list, item);
}

/* checking what was typed */

/* "a, b, c" */
static void add_names(const char *const *names, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
}

static enum err_code refuse(const char *option, const char *what, struct span word,
                            const char *const *names, size_t count, struct err *err)
{
    struct buf all;
    enum err_code rc;

    buf_init(&all, ERR_TEXT_BYTES);
    add_names(names, count, &all);
    rc = FAIL(err, ERR_USAGE, "%s: no %s '%.*s'%s; there %s %s", option, what,
              (int)MIN_OF(word.len, (size_t)60), word.ptr,
              did_you_mean(suggest(word, names, count)).text, count == 1 ? "is" : "are",
              buf_text(&all));
    buf_fini(&all);
    return rc;
}

/* A class of an exception, which is another program's reason: it has a dot or a capital. */
static bool is_class(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '.' || (word.ptr[i] >= 'A' && word.ptr[i] <= 'Z')) {
            return true;
        }
    }
    return false;
}

static enum err_code check_reasons(const struct filter *filter, struct err *err)
{
    const char *names[REASON_COUNT];
    size_t count = 0;
    enum err_code rc = ERR_OK;

    for (int i = REASON_NONE + 1; i < REASON_COUNT; i++) {
        names[count++] = reason_word((enum reason)i);
    }
    for (size_t i = 0; i < filter->reasons.count && rc == ERR_OK; i++) {
        struct span word = filter->reasons.items[i];
        bool is_known = is_class(word);

        for (size_t k = 0; k < count; k++) {
            is_known = is_known || span_is(word, names[k]);
        }
        if (!is_known) {
            rc = refuse("--reason", "reason", word, names, count, err);
        }
    }
    return rc;
}

static enum err_code check_destinations(const struct filter *filter, const struct config *config,
                                        struct err *err)
{
    const char *names[NAMES_MAX];
    size_t count = MIN_OF(config->destination_count, (size_t)NAMES_MAX);
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < count; i++) {
        names[i] = mem_text(config->destinations[i].name);
    }
    for (size_t i = 0; i < filter->destinations.count && rc == ERR_OK; i++) {
        if (config_find(config, filter->destinations.items[i]) == NULL) {
            rc = refuse("--destination", "destination", filter->destinations.items[i], names, count,
                        err);
        }
    }
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)names[i]);
    }
    return rc;
}

/* A moment as people type it: ISO 8601, or a duration back from @now_ms. */
static bool read_moment(const char *text, int64_t now_ms, int64_t *out)
{
    uint64_t back_ms;

    if (value_duration(span_of(text), &back_ms)) {
        *out = back_ms < (uint64_t)now_ms ? now_ms - (int64_t)back_ms : 0;
        return true;
    }
    return clock_parse_iso(text, strlen(text), out) && *out >= 0;
}

static enum err_code read_time(const char *option, const char *text, int64_t now_ms, int64_t *out,
                               struct err *err)
{
    *out = -1;
    return text == NULL || read_moment(text, now_ms, out)
               ? ERR_OK
               : FAIL(err, ERR_USAGE,
                      "%s wants a time such as 2026-03-11T10:00:00Z or a duration back such as 2h, "
                      "not %.60s",
                      option, text);
}

static enum err_code read_times(const struct filter_arguments *arguments, int64_t now_ms,
                                struct filter *out, struct err *err)
{
    enum err_code rc = read_time("--since", arguments->since, now_ms, &out->since_ms, err);

    if (rc == ERR_OK) {
        rc = read_time("--until", arguments->until, now_ms, &out->until_ms, err);
    }
    if (rc == ERR_OK && out->since_ms >= 0 && out->until_ms >= 0 &&
        out->since_ms >= out->until_ms) {
        rc = FAIL(err, ERR_USAGE, "--since %.60s is not before --until %.60s", arguments->since,
                  arguments->until);
    }
    return rc;
}

static enum err_code compile_where(const char *text, const struct config *config,
                                   const struct pipeline *pipeline, struct filter *out,
                                   struct err *err)
{
    const struct yaml_node *root;
    struct diags diags;
    enum err_code rc = ERR_OK;

    PRE(pipeline != NULL);
    diags_init(&diags);
    subjects_init(&out->subjects, config, pipeline->readers);
    out->has_where = true;
    out->doc = yaml_parse("--where", span_of(text), true, &diags);
    root = out->doc == NULL ? NULL : yaml_root(out->doc);
    if (root != NULL && root->kind != YAML_MAP) {
        rc = FAIL(err, ERR_USAGE, "--where wants a map such as '{properties.value: \">= 100\"}'");
    } else if (root == NULL || !match_compile(root, &out->subjects, &diags, &out->where)) {
        rc = FAIL(err, ERR_USAGE, "--where: %.400s",
                  diags.count == 0 ? "it cannot be read" : diags.items[0].message);
    }
    diags_fini(&diags);
    return rc;
}

/* the canonical text */

static void write_list(struct buf *out, const char *name, const struct filter_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, "%s %zu ", name, list->items[i].len);
        buf_add_span(out, list->items[i]);
        buf_add_char(out, '\n');
    }
}

static void write_time(struct buf *out, const char *name, const char *text, int64_t at_ms)
{
    uint64_t back_ms;

    if (text != NULL && value_duration(span_of(text), &back_ms)) {
        buf_printf(out, "%s -%" PRIu64 "\n", name, back_ms);
    } else if (text != NULL) {
        buf_printf(out, "%s %" PRId64 "\n", name, at_ms);
    }
}

static void write_canonical(const struct filter_arguments *arguments, struct filter *filter)
{
    struct buf *out = &filter->canonical;

    write_list(out, "reason", &filter->reasons);
    write_list(out, "event", &filter->events);
    write_list(out, "event-id", &filter->ids);
    write_list(out, "destination", &filter->destinations);
    write_list(out, "route", &filter->routes);
    write_list(out, "outage", &filter->outages);
    write_list(out, "key", &filter->keys);
    write_time(out, "since", arguments->since, filter->since_ms);
    write_time(out, "until", arguments->until, filter->until_ms);
    if (arguments->where != NULL) {
        struct span where = span_trim(span_of(arguments->where));

        buf_printf(out, "where " SPAN_FMT "\n", SPAN_ARG(where));
    }
    if (filter->limit > 0) {
        buf_printf(out, "limit %" PRIu64 "\n", filter->limit);
    }
}

void filter_digest(const struct filter *filter, struct span topic, char out[DIGEST_SHORT_BYTES])
{
    struct buf all;

    buf_init(&all, 2 * CANONICAL_BYTES_MAX);
    buf_printf(&all, "topic " SPAN_FMT "\n", SPAN_ARG(topic));
    buf_add_span(&all, buf_span(&filter->canonical));
    digest_short(buf_span(&all), out);
    buf_fini(&all);
}

/* compiling */

bool filter_needs_events(const struct filter_arguments *arguments)
{
    return arguments->where != NULL || arguments->events.count > 0 || arguments->ids.count > 0;
}

bool filter_is_bounded(const struct filter_arguments *arguments)
{
    return arguments->reasons.count + arguments->events.count + arguments->ids.count +
                   arguments->destinations.count + arguments->routes.count +
                   arguments->outages.count + arguments->keys.count >
               0 ||
           arguments->since != NULL || arguments->until != NULL || arguments->where != NULL ||
           arguments->limit > 0;
}

enum err_code filter_compile(const struct filter_arguments *arguments, const struct config *config,
                             const struct pipeline *pipeline, int64_t now_ms, struct filter *out,
                             struct err *err)
{
    enum err_code rc;

    *out = (struct filter){.limit = arguments->limit};
    buf_init(&out->canonical, CANONICAL_BYTES_MAX);
    list_fill(&out->reasons, &arguments->reasons, true);
    list_fill(&out->destinations, &arguments->destinations, true);
    list_fill(&out->events, &arguments->events, false);
    list_fill(&out->ids, &arguments->ids, false);
    list_fill(&out->routes, &arguments->routes, false);
    list_fill(&out->outages, &arguments->outages, false);
    list_fill(&out->keys, &arguments->keys, false);
    rc = check_reasons(out, err);
    if (rc == ERR_OK) {
        rc = check_destinations(out, config, err);
    }
    if (rc == ERR_OK) {
        rc = read_times(arguments, now_ms, out, err);
    }
    if (rc == ERR_OK && arguments->where != NULL) {
        rc = compile_where(arguments->where, config, pipeline, out, err);
    }
    write_canonical(arguments, out);
    return rc;
}

void filter_add_outage(struct filter *filter, struct span id)
{
    list_add(&filter->outages, id);
    list_sort(&filter->outages);
}

void filter_fini(struct filter *filter)
{
    struct filter_list *lists[] = {&filter->reasons,      &filter->events, &filter->ids,
                                   &filter->destinations, &filter->routes, &filter->outages,
                                   &filter->keys};

    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        free(lists[i]->items);
    }
    if (filter->has_where) {
        match_fini(&filter->where);
        subjects_fini(&filter->subjects);
        yaml_free(filter->doc);
    }
    buf_fini(&filter->canonical);
}

/* applying */

/* A class may be given whole or by its last name. */
static bool takes_reason(const struct filter *filter, const struct dead_letter *letter)
{
    struct span name = letter->reason;
    size_t dot = 0;

    if (filter->reasons.count == 0 || list_has(&filter->reasons, name)) {
        return true;
    }
    if (letter->dialect == DIALECT_DETOUR || name.ptr == NULL) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        dot = name.ptr[i] == '.' || name.ptr[i] == '$' ? i + 1 : dot;
    }
    return list_has(&filter->reasons, span_sub(name, dot, name.len));
}

static bool takes_headers(const struct filter *filter, const struct record *record)
{
    const struct dead_letter *letter = &record->letter;
    int64_t at_ms = record->view.timestamp_ms;

    return (filter->since_ms < 0 || at_ms >= filter->since_ms) &&
           (filter->until_ms < 0 || (at_ms >= 0 && at_ms < filter->until_ms)) &&
           takes_reason(filter, letter) && list_takes(&filter->destinations, letter->destination) &&
           list_takes(&filter->routes, letter->route) &&
           list_takes(&filter->outages, letter->outage) &&
           list_takes(&filter->keys, record->view.key);
}

/* Whether an event type or id that no header tells is asked for. */
static bool must_decode(const struct filter *filter, const struct dead_letter *letter)
{
    return filter->has_where || (filter->events.count > 0 && letter->event_type.ptr == NULL) ||
           (filter->ids.count > 0 && letter->event_id.ptr == NULL);
}

static bool takes_event(const struct filter *filter, const struct dead_letter *letter,
                        const struct event_view *view)
{
    bool takes =
        (letter->event_type.ptr != NULL || list_takes(&filter->events, view->facts.type)) &&
        (letter->event_id.ptr != NULL || list_takes(&filter->ids, view->facts.id));
    struct arena arena;

    if (takes && filter->has_where) {
        arena_init(&arena, MATCH_BYTES_MAX);
        takes = match_run(&filter->where, false, view, &arena, &(uint64_t){0});
        arena_fini(&arena);
    }
    return takes;
}

enum filter_answer filter_ask(const struct filter *filter, const struct record *record,
                              struct event_reader *reader, struct err *err)
{
    const struct dead_letter *letter = &record->letter;
    struct read_event event;
    enum err_code rc;

    if (!takes_headers(filter, record) ||
        (letter->event_type.ptr != NULL && !list_takes(&filter->events, letter->event_type)) ||
        (letter->event_id.ptr != NULL && !list_takes(&filter->ids, letter->event_id))) {
        return FILTER_LEAVES;
    }
    if (!must_decode(filter, letter)) {
        return FILTER_TAKES;
    }
    PRE(reader != NULL);
    rc = event_reader_read(reader, &record->view, record->view.value, &event, err);
    if (rc == ERR_NET || rc == ERR_CONFIG) {
        return FILTER_FAILED;
    }
    if (!event.has_facts) {
        return FILTER_UNDECODED;
    }
    return takes_event(filter, letter, &event.decoded.view) ? FILTER_TAKES : FILTER_LEAVES;
}
