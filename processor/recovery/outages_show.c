#include "recovery/outages_show.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/columns.h"
#include "base/mem.h"

enum { TEXT_BYTES_MAX = 4 << 20, ID_COLUMNS = 24, WHAT_COLUMNS = 17, LASTED_COLUMNS = 7 };
enum { COUNT_COLUMNS = 8, MINUTE_CHARACTERS = 16, LINE_COLUMNS = 80 };

static int64_t lasted_ms(const struct outage *outage)
{
    return (outage->ended_ms < 0 ? clock_wall_ms() : outage->ended_ms) - outage->started_ms;
}

static size_t column_of(const struct buf *out)
{
    const char *line = out->len == 0 ? NULL : memrchr(out->ptr, '\n', out->len);

    return line == NULL ? out->len : (size_t)(out->ptr + out->len - line) - 1;
}

/* Further lines begin @indent columns from the left. */
static void add_values(struct buf *out, const struct outage_sums *sums, int indent)
{
    for (size_t i = 0; i < sums->value_count; i++) {
        char text[MONEY_TEXT_BYTES];
        size_t columns;

        (void)money_text(sums->values[i].sum, text);
        columns = strlen(text) + sums->values[i].currency.len + 3; /* with blanks and a comma */
        if (i > 0 && column_of(out) + columns + 1 > LINE_COLUMNS) {
            buf_printf(out, ",\n%*s", indent, "");
        } else {
            buf_add_text(out, i == 0 ? "" : ", ");
        }
        buf_printf(out, "%s " SPAN_FMT, text, SPAN_ARG(sums->values[i].currency));
    }
    if (sums->unsummed > 0) {
        buf_printf(out, "%s%llu without a usable value", sums->value_count == 0 ? "" : ", ",
                   (unsigned long long)sums->unsummed);
    }
}

/* the table */

static void add_row(struct buf *out, const struct outage *outage)
{
    const struct books_outage *first = outage->parts[0];
    char iso[CLOCK_ISO_BYTES];
    char lasted[COLUMNS_DURATION_BYTES];

    (void)clock_iso(outage->started_ms, iso);
    columns_left(out, first->id, ID_COLUMNS);
    buf_add_char(out, ' ');
    if (first->event.ptr == NULL) {
        columns_left(out, first->destination, WHAT_COLUMNS);
    } else {
        struct buf what;

        buf_init(&what, TEXT_BYTES_MAX);
        columns_pair(&what, first->destination, first->event, WHAT_COLUMNS);
        columns_left(out, (struct span){what.ptr, what.len}, WHAT_COLUMNS);
        buf_fini(&what);
    }
    buf_printf(out, " %.5s %.5s   ", iso + 5, iso + 11); /* the id has the year */
    columns_right(out,
                  outage->ended_ms < 0 ? SPAN("open")
                                       : span_of(columns_duration(lasted_ms(outage), lasted)),
                  LASTED_COLUMNS);
    buf_add_char(out, ' ');
    columns_number(out, outage->sums.diverted, COUNT_COLUMNS);
    buf_printf(out, " %5llu\n", (unsigned long long)outage->sums.dead_lettered);
}

static struct span cause_of(const struct outage *outage)
{
    struct span cause = outage->parts[0]->cause;

    return cause.ptr == NULL ? SPAN("cause not told") : cause;
}

void outages_print(FILE *out, const struct outage_list *list)
{
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    buf_printf(&text, "%-24s %-17s %-13s %7s %8s  dead\n", "id", "destination/event",
               "started (UTC)", "lasted", "diverted");
    for (size_t i = 0; i < list->count; i++) {
        const struct outage *outage = &list->items[i];

        add_row(&text, outage);
        buf_printf(&text, "%*s" SPAN_FMT, ID_COLUMNS + 1, "", SPAN_ARG(cause_of(outage)));
        buf_add_text(&text, outage->sums.value_count > 0 ? ": " : "");
        add_values(&text, &outage->sums, ID_COLUMNS + 1);
        buf_add_char(&text, '\n');
    }
    fputs(buf_text(&text), out);
    buf_fini(&text);
}

/* one outage */

static void add_line(struct buf *out, const char *name, struct span text)
{
    buf_printf(out, "%-14s ", name);
    buf_add_span(out, text);
    buf_add_char(out, '\n');
}

static void add_time(struct buf *out, const char *name, int64_t ms, const char *more)
{
    char iso[CLOCK_ISO_BYTES];

    buf_printf(out, "%-14s %s%s\n", name, clock_iso(ms, iso), more);
}

static void add_head(struct buf *out, const struct outage *outage)
{
    const struct books_outage *first = outage->parts[0];
    char lasted[COLUMNS_DURATION_BYTES];

    add_line(out, "outage", first->id);
    add_line(out, "destination", first->destination);
    add_line(out, "event", first->event.ptr == NULL ? SPAN("all") : first->event);
    add_line(out, "cause", cause_of(outage));
    add_line(out, "scope", first->scope.ptr == NULL ? SPAN("not told") : first->scope);
    add_time(out, "started", outage->started_ms, "");
    if (first->detected_ms >= 0) {
        add_time(out, "detected", first->detected_ms, "");
    }
    if (outage->ended_ms < 0) {
        add_line(out, "ended", SPAN("it is open"));
    } else {
        add_time(out, "ended", outage->ended_ms,
                 outage->is_assumed ? " (its instance was gone then; nobody wrote of the end)"
                                    : "");
    }
    add_line(out, "lasted", span_of(columns_duration(lasted_ms(outage), lasted)));
}

static void add_count(struct buf *out, const char *name, uint64_t count)
{
    buf_printf(out, "%-14s ", name);
    columns_number(out, count, 0);
    buf_add_char(out, '\n');
}

/* When what is waiting begins to be too old; -1: it never is, or nothing waits. */
struct expiry {
    int64_t from_ms;     /* for the destination */
    int64_t backfill_ms; /* for its backfill */
};

/* The first event of an outage is about as old as the outage. */
static struct expiry expiry_of(const struct config *config, const struct outage *outage)
{
    const struct config_destination *to = config_find(config, outage->parts[0]->destination);
    struct expiry expiry = {-1, -1};

    if (to == NULL || outage_waiting(outage) == 0) {
        return expiry;
    }
    if (to->max_age_ms > 0) {
        expiry.from_ms = outage->started_ms + (int64_t)to->max_age_ms;
    }
    if (to->backfill.from.ptr != NULL) {
        expiry.backfill_ms = outage->started_ms + (int64_t)to->backfill.max_age_ms;
    }
    return expiry;
}

static void add_sums(struct buf *out, const struct config *config, const struct outage *outage)
{
    struct expiry expiry = expiry_of(config, outage);

    add_count(out, "diverted", outage->sums.diverted);
    add_count(out, "dead letters", outage->sums.dead_lettered);
    buf_printf(out, "%-14s ", "value");
    add_values(out, &outage->sums, 15);
    buf_add_char(out, '\n');
    add_count(out, "backfilled", outage->sums.backfilled);
    add_count(out, "expired", outage->sums.expired);
    if (outage->sums.skipped > 0) {
        add_count(out, "given up", outage->sums.skipped);
    }
    add_count(out, "exported", outage->exported);
    add_count(out, "waiting", outage_waiting(outage));
    if (expiry.from_ms >= 0) {
        add_time(out, "expire from", expiry.from_ms, " on, by max_age of the destination");
    }
    if (expiry.backfill_ms >= 0) {
        add_time(out, "backfill until", expiry.backfill_ms, ", by backfill.max_age");
    }
}

static void add_parts(struct buf *out, const struct outage *outage)
{
    buf_printf(out, "\n%-20s %-20s %-20s %8s %8s\n", "instance", "id", "ended", "diverted", "dead");
    for (size_t i = 0; i < outage->part_count; i++) {
        const struct books_outage *part = outage->parts[i];
        char iso[CLOCK_ISO_BYTES];

        columns_left(out, part->instance, 20);
        buf_add_char(out, ' ');
        columns_left(out, part->id, 20);
        buf_printf(out, " %-20.19s ",
                   part->ended_ms < 0 ? "not told" : clock_iso(part->ended_ms, iso));
        columns_number(out, part->diverted, COUNT_COLUMNS);
        buf_add_char(out, ' ');
        columns_number(out, part->dead_lettered, COUNT_COLUMNS);
        buf_add_char(out, '\n');
        if (part->last_text.ptr != NULL || part->last_status >= 0) {
            buf_printf(out, "  last answer: status %lld, code %lld: " SPAN_FMT "\n",
                       (long long)part->last_status, (long long)part->last_code,
                       SPAN_ARG(part->last_text));
        }
    }
}

/* by event type */

struct by_event {
    struct span event;
    struct outage_sums sums;
};

static struct by_event *find_event(struct by_event **events, size_t *count, struct span event)
{
    for (size_t i = 0; i < *count; i++) {
        if (span_eq((*events)[i].event, event)) {
            return &(*events)[i];
        }
    }
    *events = mem_grow(*events, *count + 1, sizeof(**events));
    (*events)[*count] = (struct by_event){.event = event};
    return &(*events)[(*count)++];
}

static size_t sum_events(struct books *books, const struct outage *outage, struct by_event **out)
{
    struct books_counts sum = {0};
    uint64_t untold = 0;
    size_t count = 0;

    *out = NULL;
    books_sum(books, outage->parts[0]->group, &sum, &untold);
    for (size_t i = 0; i < sum.count; i++) {
        const struct books_key *key = books_key_get(&books->words, sum.lines[i].key);

        if (outage_has_id(outage, books_name(books, key->outage))) {
            outage_sums_add(&find_event(out, &count, books_name(books, key->event))->sums, books,
                            &sum.lines[i], false);
        }
    }
    books_counts_fini(&sum);
    return count;
}

static void add_events(struct buf *out, struct books *books, const struct outage *outage)
{
    struct by_event *events;
    size_t count = sum_events(books, outage, &events);

    buf_printf(out, "\n%-22s %8s %8s value\n", "event", "diverted", "dead");
    for (size_t i = 0; i < count; i++) {
        columns_left(out, events[i].event.ptr == NULL ? SPAN("(none)") : events[i].event, 22);
        buf_add_char(out, ' ');
        columns_number(out, events[i].sums.diverted, COUNT_COLUMNS);
        buf_add_char(out, ' ');
        columns_number(out, events[i].sums.dead_lettered, COUNT_COLUMNS);
        buf_add_char(out, ' ');
        add_values(out, &events[i].sums, 41);
        buf_add_char(out, '\n');
    }
    free(events);
}

void outage_print(FILE *out, struct books *books, const struct config *config,
                  const struct outage *outage)
{
    struct buf text;

    buf_init(&text, TEXT_BYTES_MAX);
    add_head(&text, outage);
    add_sums(&text, config, outage);
    add_events(&text, books, outage);
    add_parts(&text, outage);
    fputs(buf_text(&text), out);
    buf_fini(&text);
}

/* JSON */

static json_t *text_or_null(struct span text)
{
    return text.ptr == NULL ? json_null() : json_stringn(text.ptr, text.len);
}

static json_t *time_or_null(int64_t ms)
{
    char iso[CLOCK_ISO_BYTES];

    return ms < 0 ? json_null() : json_string(clock_iso(ms, iso));
}

static json_t *number(uint64_t count)
{
    return json_integer((json_int_t)MIN_OF(count, (uint64_t)INT64_MAX));
}

static json_t *value_json(const struct outage_sums *sums)
{
    json_t *object = json_object();

    for (size_t i = 0; i < sums->value_count; i++) {
        char text[MONEY_TEXT_BYTES];
        char *currency = mem_text(sums->values[i].currency);

        (void)money_text(sums->values[i].sum, text);
        json_object_set_new(object, currency, json_string(text));
        free(currency);
    }
    return object;
}

static json_t *one_json(const struct config *config, const struct outage *outage)
{
    const struct books_outage *first = outage->parts[0];
    struct expiry expiry = expiry_of(config, outage);
    json_t *ids = json_array();

    for (size_t i = 0; i < outage->part_count; i++) {
        json_array_append_new(ids, text_or_null(outage->parts[i]->id));
    }
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, "
        "s:o, s:o}",
        "id", text_or_null(first->id), "destination", text_or_null(first->destination), "event",
        text_or_null(first->event), "cause", text_or_null(first->cause), "scope",
        text_or_null(first->scope), "started", time_or_null(outage->started_ms), "detected",
        time_or_null(first->detected_ms), "ended", time_or_null(outage->ended_ms), "diverted",
        number(outage->sums.diverted), "dead_lettered", number(outage->sums.dead_lettered),
        "backfilled", number(outage->sums.backfilled), "expired", number(outage->sums.expired),
        "exported", number(outage->exported), "waiting", number(outage_waiting(outage)), "value",
        value_json(&outage->sums), "ids", ids, "is_end_assumed", outage->is_assumed, "expires_from",
        time_or_null(expiry.from_ms), "backfill_until", time_or_null(expiry.backfill_ms));
}

json_t *outages_json(const struct outage_list *list, const struct config *config)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++) {
        json_array_append_new(array, one_json(config, &list->items[i]));
    }
    return array;
}

json_t *outage_json(struct books *books, const struct config *config, const struct outage *outage)
{
    json_t *out = one_json(config, outage);
    json_t *parts = json_array();
    json_t *by_event = json_array();
    struct by_event *events;
    size_t count = sum_events(books, outage, &events);

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(by_event, json_pack("{s:o, s:o, s:o, s:o}", "event",
                                                  text_or_null(events[i].event), "diverted",
                                                  number(events[i].sums.diverted), "dead_lettered",
                                                  number(events[i].sums.dead_lettered), "value",
                                                  value_json(&events[i].sums)));
    }
    for (size_t i = 0; i < outage->part_count; i++) {
        const struct books_outage *part = outage->parts[i];

        json_array_append_new(
            parts,
            json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "id", text_or_null(part->id), "instance",
                      text_or_null(part->instance), "started", time_or_null(part->started_ms),
                      "ended", time_or_null(part->ended_ms), "diverted", number(part->diverted),
                      "dead_lettered", number(part->dead_lettered)));
    }
    json_object_set_new(out, "instances", parts);
    json_object_set_new(out, "events", by_event);
    free(events);
    return out;
}
