#include "ledger/books_cover.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { NEWEST_KEPT = 16, CAP_FIRST = 32 };

void books_cover_fini(struct books_cover *cover)
{
    for (size_t i = 0; i < cover->count; i++) {
        books_counts_fini(&cover->items[i].counts);
    }
    free(cover->items);
    *cover = (struct books_cover){0};
}

/* The first stretch that ends behind @offset. */
static size_t find(const struct books_cover *cover, int64_t offset)
{
    size_t low = 0;
    size_t high = cover->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cover->items[middle].run.to > offset) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static void insert(struct books_cover *cover, size_t at, struct books_stretch stretch)
{
    if (cover->count == cover->cap) {
        cover->cap = cover->cap == 0 ? CAP_FIRST : cover->cap * 2;
        cover->items = mem_grow(cover->items, cover->cap, sizeof(cover->items[0]));
    }
    memmove(&cover->items[at + 1], &cover->items[at],
            (cover->count - at) * sizeof(cover->items[0]));
    cover->items[at] = stretch;
    cover->count++;
}

static void drop(struct books_cover *cover, size_t at)
{
    books_counts_fini(&cover->items[at].counts);
    cover->count--;
    memmove(&cover->items[at], &cover->items[at + 1],
            (cover->count - at) * sizeof(cover->items[0]));
}

/* What is left of @whole: the number of its events, at most, and nothing about them. */
static struct books_stretch rest_of(const struct books_stretch *whole, struct record_run run)
{
    uint64_t events = books_counts_events(&whole->counts) + whole->untold;
    uint64_t offsets = (uint64_t)(run.to - run.from);

    return (struct books_stretch){.run = run, .untold = MIN_OF(events, offsets)};
}

/* Take @run out of the stretch at @at, which it overlaps; returns where the next one is. */
static size_t cut(struct books_cover *cover, size_t at, struct record_run run)
{
    struct books_stretch *whole = &cover->items[at];
    bool has_left = whole->run.from < run.from;
    bool has_right = whole->run.to > run.to;
    struct books_stretch left = rest_of(whole, (struct record_run){whole->run.from, run.from});
    struct books_stretch right = rest_of(whole, (struct record_run){run.to, whole->run.to});

    drop(cover, at);
    if (has_left) {
        insert(cover, at++, left);
    }
    if (has_right) {
        insert(cover, at, right);
    }
    return at;
}

static bool is_within(struct record_run inner, struct record_run outer)
{
    return outer.from <= inner.from && inner.to <= outer.to;
}

static bool is_exempt(const struct books_runs *exempt, struct record_run run)
{
    for (size_t i = 0; i < exempt->count; i++) {
        if (is_within(run, exempt->items[i])) {
            return true;
        }
    }
    return false;
}

/* Without exempt runs that its ends lie in: they are no part of it yet. */
static struct record_run trim_ends(struct record_run run, const struct books_runs *exempt)
{
    for (size_t i = 0; i < exempt->count; i++) {
        if (exempt->items[i].from < run.from && run.from < exempt->items[i].to) {
            run.from = exempt->items[i].to;
        }
    }
    for (size_t i = exempt->count; i > 0; i--) {
        if (exempt->items[i - 1].from < run.to && run.to < exempt->items[i - 1].to) {
            run.to = exempt->items[i - 1].from;
        }
    }
    return run;
}

void books_cover_put(struct books_cover *cover, struct books_stretch *stretch,
                     const struct books_runs *exempt)
{
    struct record_run run = trim_ends(stretch->run, exempt);
    size_t at = find(cover, run.from);

    if (run.from >= run.to) {
        books_counts_fini(&stretch->counts); /* all of it was settled, and counted, before */
        return;
    }
    while (at < cover->count && cover->items[at].run.from < run.to) {
        struct books_stretch *old = &cover->items[at];

        if (is_exempt(exempt, old->run)) {
            books_counts_add(&stretch->counts, &old->counts);
            stretch->untold += old->untold;
            drop(cover, at);
        } else {
            at = cut(cover, at, run);
        }
    }
    stretch->run = run;
    insert(cover, find(cover, run.from), *stretch);
    stretch->counts = (struct books_counts){0};
}

/* bounds */

static void join(struct books_cover *cover, size_t at)
{
    struct books_stretch *one = &cover->items[at];
    struct books_stretch *next = one + 1;

    books_counts_add(&one->counts, &next->counts);
    one->untold += next->untold;
    cover->unplaced += (uint64_t)(next->run.from - one->run.to);
    one->run.to = next->run.to;
    drop(cover, at + 1);
}

/* The neighbours that cost least to know apart no longer; SIZE_MAX: none that touch. */
static size_t cheapest(const struct books_cover *cover, size_t end, bool may_leave_hole)
{
    size_t best = SIZE_MAX;
    int64_t best_cost = INT64_MAX;

    for (size_t i = 0; i + 1 < end; i++) {
        const struct books_stretch *one = &cover->items[i];
        const struct books_stretch *next = one + 1;
        int64_t hole = next->run.from - one->run.to;
        bool is_alike = (one->untold > 0) == (next->untold > 0);
        int64_t cost = may_leave_hole ? hole : next->run.to - one->run.from;

        if ((may_leave_hole || (hole == 0 && is_alike)) && cost < best_cost) {
            best = i;
            best_cost = cost;
        }
    }
    return best;
}

void books_cover_shrink(struct books_cover *cover, size_t count_max)
{
    while (cover->count > MAX_OF(count_max, (size_t)2)) {
        size_t end = cover->count > 2 * NEWEST_KEPT ? cover->count - NEWEST_KEPT : cover->count;
        size_t at = cheapest(cover, end, false);

        if (at == SIZE_MAX) {
            at = cheapest(cover, cover->count, true);
        }
        join(cover, at);
    }
}

void books_runs_add(struct books_runs *runs, struct record_run run)
{
    if ((runs->count & (runs->count - 1)) == 0) { /* 0, or a power of two: full */
        runs->items =
            mem_grow(runs->items, runs->count == 0 ? 1 : runs->count * 2, sizeof(runs->items[0]));
    }
    runs->items[runs->count++] = run;
}

void books_cover_holes(const struct books_cover *cover, struct record_run within,
                       struct books_runs *out)
{
    int64_t from = within.from;

    for (size_t at = find(cover, from); at < cover->count && from < within.to; at++) {
        const struct books_stretch *stretch = &cover->items[at];

        if (stretch->run.from > from) {
            books_runs_add(out, (struct record_run){from, MIN_OF(stretch->run.from, within.to)});
        }
        from = MAX_OF(from, stretch->run.to);
    }
    if (from < within.to) {
        books_runs_add(out, (struct record_run){from, within.to});
    }
}

struct record_run books_cover_around(const struct books_cover *cover, int64_t offset)
{
    size_t at = find(cover, offset);

    return at < cover->count && cover->items[at].run.from <= offset
               ? cover->items[at].run
               : (struct record_run){offset, offset};
}

bool books_cover_has(const struct books_cover *cover, struct record_run run)
{
    struct books_runs holes = {0};
    bool has_all;

    books_cover_holes(cover, run, &holes);
    has_all = holes.count == 0;
    books_runs_fini(&holes);
    return has_all;
}

/* runs */

void books_runs_fini(struct books_runs *runs)
{
    free(runs->items);
    *runs = (struct books_runs){0};
}

void books_runs_copy(struct books_runs *out, const struct record_run *items, size_t count)
{
    *out = (struct books_runs){0};
    for (size_t i = 0; i < count; i++) {
        if (items[i].from < items[i].to) {
            books_runs_add(out, items[i]);
        }
    }
}

void books_runs_cut(struct books_runs *runs, struct record_run run)
{
    struct books_runs kept = {0};

    for (size_t i = 0; i < runs->count; i++) {
        struct record_run old = runs->items[i];
        struct record_run left = {old.from, MIN_OF(old.to, run.from)};
        struct record_run right = {MAX_OF(old.from, run.to), old.to};

        if (left.from < left.to) {
            books_runs_add(&kept, left);
        }
        if (right.from < right.to) {
            books_runs_add(&kept, right);
        }
    }
    books_runs_fini(runs);
    *runs = kept;
}
