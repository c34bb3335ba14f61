#include "recovery/outage_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* when they ended */

/* The last tally of @group. */
static int64_t last_tally_ms(const struct books *books, struct span group)
{
    int64_t last_ms = -1;

    for (size_t i = 0; i < books->count; i++) {
        if (span_eq(books_name(books, books->items[i]->group), group)) {
            last_ms = MAX_OF(last_ms, books->items[i]->last_ms);
        }
    }
    return last_ms;
}

/* An open outage whose instance is known to be gone: it began again since, or the group went on
 * without it for a minute. */
static bool is_left_behind(struct books *books, const struct books_outage *part)
{
    const struct books_instance *instance = books_instance(books, part->group, part->instance);

    if (instance == NULL) {
        return false;
    }
    return instance->start_ms > part->last_ms ||
           (instance->last_ms == part->last_ms &&
            last_tally_ms(books, part->group) - part->last_ms > OUTAGE_JOIN_MS);
}

static int64_t end_of(struct books *books, const struct books_outage *part, bool *is_assumed)
{
    *is_assumed = false;
    if (part->ended_ms >= 0) {
        return part->ended_ms;
    }
    *is_assumed = is_left_behind(books, part);
    return *is_assumed ? part->last_ms : -1;
}

/* joining */

static int by_place(const void *a, const void *b)
{
    const struct books_outage *one = *(const struct books_outage *const *)a;
    const struct books_outage *other = *(const struct books_outage *const *)b;
    int order = span_cmp(one->destination, other->destination);

    order = order != 0 ? order : span_cmp(one->event, other->event);
    if (order != 0) {
        return order;
    }
    return one->started_ms < other->started_ms ? -1 : one->started_ms > other->started_ms;
}

static int by_start(const void *a, const void *b)
{
    const struct outage *one = a;
    const struct outage *other = b;

    return one->started_ms < other->started_ms ? -1 : one->started_ms > other->started_ms;
}

static bool goes_on(const struct outage *outage, const struct books_outage *part)
{
    const struct books_outage *first = outage->parts[0];

    return span_eq(first->destination, part->destination) && span_eq(first->event, part->event) &&
           (outage->ended_ms < 0 ||
            part->started_ms <= outage->ended_ms + (outage->is_assumed ? OUTAGE_JOIN_MS : 0));
}

static void add_part(struct outage *outage, const struct books_outage *part, int64_t ended_ms,
                     bool is_assumed)
{
    outage->parts = (const struct books_outage **)mem_grow(
        (void *)outage->parts, outage->part_count + 1, sizeof(outage->parts[0]));
    outage->parts[outage->part_count++] = part;
    if (ended_ms < 0 || outage->ended_ms < 0) {
        outage->ended_ms = -1;
        outage->is_assumed = false;
    } else if (ended_ms >= outage->ended_ms) {
        outage->ended_ms = ended_ms;
        outage->is_assumed = is_assumed;
    }
}

static void join(struct books *books, const struct books_outage *const *parts, size_t count,
                 struct outage_list *out)
{
    for (size_t i = 0; i < count; i++) {
        bool is_assumed;
        int64_t ended_ms = end_of(books, parts[i], &is_assumed);
        struct outage *last = out->count == 0 ? NULL : &out->items[out->count - 1];

        if (last == NULL || !goes_on(last, parts[i])) {
            out->items = mem_grow(out->items, out->count + 1, sizeof(out->items[0]));
            last = &out->items[out->count++];
            *last = (struct outage){.started_ms = parts[i]->started_ms, .ended_ms = 0};
        }
        add_part(last, parts[i], ended_ms, is_assumed);
    }
}

/* what the tallies say */

bool outage_has_id(const struct outage *outage, struct span id)
{
    for (size_t i = 0; i < outage->part_count; i++) {
        if (span_eq(outage->parts[i]->id, id)) {
            return true;
        }
    }
    return false;
}

static void add_value(struct outage_sums *sums, struct span currency, struct money sum)
{
    size_t at = 0;

    while (at < sums->value_count && !span_eq(sums->values[at].currency, currency)) {
        at++;
    }
    if (at == OUTAGE_CURRENCIES_MAX) {
        sums->unsummed++;
        return;
    }
    if (at == sums->value_count) {
        sums->values[sums->value_count++] = (struct outage_value){.currency = currency};
    }
    if (!money_add(&sums->values[at].sum, sum)) {
        sums->unsummed++;
    }
}

static void add_backfilled(struct outage_sums *sums, const struct books *books,
                           const struct books_line *line, const struct books_key *key)
{
    struct span reason = books_name(books, key->reason);

    if (key->fate == RECORD_DELIVERED) {
        sums->backfilled += line->count;
    } else if (key->fate == RECORD_SKIPPED &&
               (span_is(reason, "too_old") || span_is(reason, "expired"))) {
        sums->expired += line->count;
    } else if (span_is(reason, "exported")) {
        sums->passed_over += line->count;
    } else if (!span_is(reason,
                        "not_selected")) { /* those were diverted from another destination */
        sums->skipped += line->count;
    }
}

void outage_sums_add(struct outage_sums *sums, const struct books *books,
                     const struct books_line *line, bool is_backfill)
{
    const struct books_key *key = books_key_get(&books->words, line->key);

    if (is_backfill) {
        if (line->currency == 0) {
            add_backfilled(sums, books, line, key);
        }
        return;
    }
    if (key->fate != RECORD_DIVERTED && key->fate != RECORD_DEAD_LETTERED) {
        return;
    }
    if (line->currency != 0) {
        add_value(sums, books_name(books, line->currency), line->sum);
        return;
    }
    sums->unsummed += line->unsummed;
    *(key->fate == RECORD_DIVERTED ? &sums->diverted : &sums->dead_lettered) += line->count;
}

static void add_group(struct outage_list *out, struct books *books, struct span group,
                      bool is_backfill)
{
    struct books_counts sum = {0};
    uint64_t untold = 0;

    books_sum(books, group, &sum, &untold);
    for (size_t i = 0; i < sum.count; i++) {
        const struct books_key *key = books_key_get(&books->words, sum.lines[i].key);
        struct span id = books_name(books, key->outage);

        for (size_t o = 0; o < out->count && id.ptr != NULL; o++) {
            if (outage_has_id(&out->items[o], id)) {
                outage_sums_add(&out->items[o].sums, books, &sum.lines[i], is_backfill);
            }
        }
    }
    books_counts_fini(&sum);
}

static bool names_outage(const struct books_job *job, const struct outage *outage)
{
    const json_t *wanted = json_object_get(job->selection, "outage");
    const json_t *at;
    size_t i;

    if (json_is_string(wanted)) {
        return outage_has_id(outage, span_of(json_string_value(wanted)));
    }
    json_array_foreach(wanted, i, at)
    {
        if (json_is_string(at) && outage_has_id(outage, span_of(json_string_value(at)))) {
            return true;
        }
    }
    return false;
}

/* An export tells how many of each outage it has; one that does not is about those it selected. */
static uint64_t exported_by(const struct books_job *job, const struct outage *outage)
{
    json_t *told = json_object_get(job->counts, "outages");
    const json_t *all = json_object_get(job->counts, "exported");
    const char *id;
    json_t *count;
    uint64_t sum = 0;

    if (!json_is_object(told)) {
        return names_outage(job, outage) && json_integer_value(all) > 0
                   ? (uint64_t)json_integer_value(all)
                   : 0;
    }
    json_object_foreach(told, id, count)
    {
        if (outage_has_id(outage, span_of(id)) && json_integer_value(count) > 0) {
            sum += (uint64_t)json_integer_value(count);
        }
    }
    return sum;
}

/* One that did not end exported nothing: its files never got their names. */
static void add_exports(struct outage_list *out, const struct books *books, struct span group)
{
    for (size_t i = 0; i < books->job_count; i++) {
        const struct books_job *job = &books->jobs[i];

        if (!span_is(job->job, "export") || !span_eq(job->group, group) ||
            job->state != STATE_ENDED) {
            continue;
        }
        for (size_t o = 0; o < out->count; o++) {
            out->items[o].exported += exported_by(job, &out->items[o]);
        }
    }
}

/* Each backfill of the group is a group of its own; one may have several partitions. */
static void add_backfills(struct outage_list *out, struct books *books, struct span group)
{
    for (size_t i = 0; i < books->count; i++) {
        struct span own = books_name(books, books->items[i]->group);
        bool is_backfill = span_starts(own, group) &&
                           span_starts(span_sub(own, group.len, own.len), SPAN(".backfill."));

        for (size_t j = 0; j < i && is_backfill; j++) {
            is_backfill = books->items[j]->group != books->items[i]->group;
        }
        if (is_backfill) {
            add_group(out, books, own, true);
        }
    }
}

void outage_list_make(struct books *books, struct span group, struct outage_list *out)
{
    const struct books_outage **parts =
        (const struct books_outage **)mem_zero(books->outage_count, sizeof(parts[0]));
    size_t count = 0;

    *out = (struct outage_list){0};
    for (size_t i = 0; i < books->outage_count; i++) {
        if (span_eq(books->outages[i].group, group)) {
            parts[count++] = &books->outages[i];
        }
    }
    if (count > 1) {
        qsort((void *)parts, count, sizeof(parts[0]), by_place);
    }
    join(books, parts, count, out);
    free((void *)parts);
    if (out->count > 1) {
        qsort(out->items, out->count, sizeof(out->items[0]), by_start);
    }
    add_group(out, books, group, false);
    add_backfills(out, books, group);
    add_exports(out, books, group);
}

void outage_list_fini(struct outage_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free((void *)list->items[i].parts);
    }
    free(list->items);
    *list = (struct outage_list){0};
}

const struct outage *outage_list_find(const struct outage_list *list, struct span id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (outage_has_id(&list->items[i], id)) {
            return &list->items[i];
        }
    }
    return NULL;
}

uint64_t outage_waiting(const struct outage *outage)
{
    const struct outage_sums *sums = &outage->sums;
    uint64_t done = sums->backfilled + sums->expired + sums->skipped + sums->passed_over;

    return sums->diverted > done ? sums->diverted - done : 0;
}
