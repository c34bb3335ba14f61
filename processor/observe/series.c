#include "observe/series.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { CACHE_SLOTS = 512 };

struct series_slot {
    _Atomic uint64_t hash;       /* of the value; 0: free */
    _Atomic uint32_t generation; /* grows when another value takes it */
    char *name;                  /* owned; under the lock */
    bool is_reserved;
    uint64_t used_before; /* its uses when the present and the last stretch began */
    uint64_t used_then;
};

/* The numbers of one slot at one writer. */
struct series_row {
    _Atomic uint32_t generation; /* of the value they were counted for */
    _Atomic uint64_t uses;
    _Atomic uint64_t numbers[];
};

/* Which slot a value had last. */
struct cached {
    uint64_t hash;    /* 0: empty */
    uint64_t strange; /* uses while it had none, since it last asked for one */
    uint32_t generation;
    uint16_t slot;
};

struct series_writer {
    struct series *series;
    struct series_row *_Atomic *rows; /* owned: by slot; NULL until the first use */
    struct cached cache[CACHE_SLOTS];
};

struct series {
    size_t slots, width;
    pthread_mutex_t lock;
    struct series_slot *taken; /* owned: slots + 1, the last for "other" */
    _Atomic size_t count;      /* of those that have a name */
    uint64_t stretch_ms;       /* when the present stretch began */
    uint64_t (*mono_ms)(void);
    struct series_writer *writers; /* owned */
    unsigned writer_count;
};

struct series *series_new(size_t slots, size_t width, unsigned writers)
{
    struct series *series = mem_new(struct series);

    PRE(slots > 0 && slots < UINT16_MAX);
    series->slots = slots;
    series->width = width;
    (void)pthread_mutex_init(&series->lock, NULL);
    series->taken = mem_array(slots + 1, struct series_slot);
    series->taken[slots].name = mem_text(SPAN("other"));
    series->mono_ms = clock_mono_ms;
    series->stretch_ms = series->mono_ms();
    series->writers = mem_array(writers, struct series_writer);
    series->writer_count = writers;
    for (unsigned i = 0; i < writers; i++) {
        series->writers[i].series = series;
        series->writers[i].rows = mem_array(slots + 1, struct series_row * _Atomic);
    }
    return series;
}

void series_free(struct series *series)
{
    if (series == NULL) {
        return;
    }
    for (unsigned i = 0; i < series->writer_count; i++) {
        for (size_t s = 0; s <= series->slots; s++) {
            free(atomic_load(&series->writers[i].rows[s]));
        }
        free(series->writers[i].rows);
    }
    for (size_t s = 0; s <= series->slots; s++) {
        free(series->taken[s].name);
    }
    free(series->writers);
    free(series->taken);
    (void)pthread_mutex_destroy(&series->lock);
    free(series);
}

void series_use_clock(struct series *series, uint64_t (*mono_ms)(void))
{
    series->mono_ms = mono_ms;
    series->stretch_ms = mono_ms();
}

struct series_writer *series_writer_of(struct series *series, unsigned writer)
{
    PRE(writer < series->writer_count);
    return &series->writers[writer];
}

/* slots */

static uint64_t hash_of(struct span value)
{
    uint64_t hash = span_hash(value);

    return hash == 0 ? 1 : hash;
}

/* Lock-free; the slot count when it has none. */
static size_t find_slot(const struct series *series, uint64_t hash)
{
    size_t count = atomic_load_explicit(&series->count, memory_order_acquire);

    for (size_t s = 0; s < count; s++) {
        if (atomic_load_explicit(&series->taken[s].hash, memory_order_relaxed) == hash) {
            return s;
        }
    }
    return series->slots;
}

/* A label that is no UTF-8 makes a whole scrape invalid, and so does a second "other". */
static bool may_have_slot(struct span value)
{
    return value.len <= SERIES_NAME_BYTES_MAX && utf8_is_valid(value.ptr, value.len) &&
           span_find(value, '\0', 0) == value.len && !span_is(value, "other");
}

/* Under the lock. */
static void give_slot(struct series *series, size_t at, struct span value, uint64_t hash)
{
    struct series_slot *slot = &series->taken[at];

    free(slot->name);
    slot->name = mem_text(value);
    atomic_store_explicit(&slot->hash, hash, memory_order_release); /* first: see row_of_slot() */
    atomic_fetch_add_explicit(&slot->generation, 1, memory_order_release);
}

/* A slot that is free; the slot count when there is none. Under the lock. */
static size_t add_slot(struct series *series, struct span value, uint64_t hash)
{
    size_t at = atomic_load_explicit(&series->count, memory_order_relaxed);

    if (at < series->slots) {
        give_slot(series, at, value, hash);
        atomic_store_explicit(&series->count, at + 1, memory_order_release);
    }
    return at;
}

size_t series_reserve(struct series *series, struct span value)
{
    uint64_t hash = hash_of(value);
    size_t at = find_slot(series, hash);

    if (at == series->slots) {
        at = add_slot(series, value, hash);
    }
    if (at < series->slots) {
        series->taken[at].is_reserved = true;
    }
    return at;
}

static struct series_row *row_at(const struct series *series, unsigned writer, size_t slot)
{
    return atomic_load_explicit(&series->writers[writer].rows[slot], memory_order_acquire);
}

static uint64_t uses_of(const struct series *series, size_t slot)
{
    uint32_t generation = atomic_load(&series->taken[slot].generation);
    uint64_t uses = 0;

    for (unsigned i = 0; i < series->writer_count; i++) {
        const struct series_row *row = row_at(series, i, slot);

        if (row != NULL && atomic_load(&row->generation) == generation) {
            uses += atomic_load_explicit(&row->uses, memory_order_relaxed);
        }
    }
    return uses;
}

/* A new stretch begins: what was used before the last one no longer counts. */
static void turn_stretch(struct series *series)
{
    uint64_t now_ms = series->mono_ms();
    bool is_long = now_ms - series->stretch_ms >= 2 * (uint64_t)SERIES_LATE_MS;

    if (now_ms - series->stretch_ms < SERIES_LATE_MS) {
        return;
    }
    series->stretch_ms = now_ms;
    for (size_t s = 0; s < series->slots; s++) {
        struct series_slot *slot = &series->taken[s];
        uint64_t uses = uses_of(series, s);

        slot->used_before = is_long ? uses : slot->used_then;
        slot->used_then = uses;
    }
}

/* The slot of whoever came least of late, and less than SERIES_CLAIM times; the slot count when
 * there is none. Under the lock. */
static size_t weakest(struct series *series)
{
    uint64_t least = SERIES_CLAIM;
    size_t found = series->slots;

    turn_stretch(series);
    for (size_t s = 0; s < series->slots; s++) {
        const struct series_slot *slot = &series->taken[s];
        uint64_t uses = slot->is_reserved ? least : uses_of(series, s) - slot->used_before;

        if (uses < least) {
            least = uses;
            found = s;
        }
    }
    return found;
}

/* @value has earned a slot, if there is one to be had. */
static size_t claim_slot(struct series *series, struct span value, uint64_t hash)
{
    size_t at;

    (void)pthread_mutex_lock(&series->lock);
    at = find_slot(series, hash); /* another worker may have been first */
    if (at == series->slots) {
        at = weakest(series);
        if (at < series->slots) {
            series->taken[at].used_before = 0 - (uint64_t)SERIES_CLAIM; /* what it came with */
            series->taken[at].used_then = 0 - (uint64_t)SERIES_CLAIM;
            give_slot(series, at, value, hash);
        }
    }
    (void)pthread_mutex_unlock(&series->lock);
    return at;
}

static size_t look_for_slot(struct series *series, struct span value, uint64_t hash)
{
    size_t at = find_slot(series, hash);

    if (at == series->slots && may_have_slot(value) &&
        atomic_load_explicit(&series->count, memory_order_relaxed) < series->slots) {
        (void)pthread_mutex_lock(&series->lock);
        at = find_slot(series, hash);
        if (at == series->slots) {
            at = add_slot(series, value, hash);
        }
        (void)pthread_mutex_unlock(&series->lock);
    }
    return at;
}

/* rows */

static void add_to(_Atomic uint64_t *number, uint64_t count)
{
    uint64_t now = atomic_load_explicit(number, memory_order_relaxed);

    atomic_store_explicit(number, now + count, memory_order_relaxed);
}

static struct series_row *get_row(struct series_writer *writer, size_t slot, uint32_t generation)
{
    size_t width = writer->series->width;
    struct series_row *row = atomic_load_explicit(&writer->rows[slot], memory_order_relaxed);

    if (row == NULL) {
        row = mem_zero(1, sizeof(*row) + width * sizeof(row->numbers[0]));
        atomic_store(&row->generation, generation);
        atomic_store_explicit(&writer->rows[slot], row, memory_order_release);
    }
    return row;
}

/* The slot was given to another value since: what was counted before is of "other" now. The lock
 * keeps a look from seeing it twice or not at all. */
static void empty_row(struct series_writer *writer, struct series_row *row, uint32_t generation)
{
    struct series *series = writer->series;
    struct series_row *other = get_row(writer, series->slots, 0);

    (void)pthread_mutex_lock(&series->lock);
    for (size_t i = 0; i < series->width; i++) {
        add_to(&other->numbers[i], atomic_load_explicit(&row->numbers[i], memory_order_relaxed));
        atomic_store_explicit(&row->numbers[i], 0, memory_order_relaxed);
    }
    atomic_store_explicit(&row->uses, 0, memory_order_relaxed);
    atomic_store(&row->generation, generation);
    (void)pthread_mutex_unlock(&series->lock);
}

/* @slot, or "other" when it has just been given to another value: its hash changes before its
 * generation does. */
static struct series_row *row_of_slot(struct series_writer *writer, size_t *slot, uint64_t hash,
                                      uint32_t *generation)
{
    struct series *series = writer->series;
    struct series_row *row;

    *generation = atomic_load_explicit(&series->taken[*slot].generation, memory_order_acquire);
    if (*slot < series->slots &&
        atomic_load_explicit(&series->taken[*slot].hash, memory_order_acquire) != hash) {
        *slot = series->slots;
        *generation = 0;
    }
    row = get_row(writer, *slot, *generation);
    if (atomic_load_explicit(&row->generation, memory_order_relaxed) != *generation) {
        empty_row(writer, row, *generation);
    }
    return row;
}

_Atomic uint64_t *series_row(struct series_writer *writer, struct span value, uint64_t count)
{
    struct series *series = writer->series;
    uint64_t hash = hash_of(value);
    struct cached *cached = &writer->cache[(size_t)(hash >> 32) % CACHE_SLOTS];
    size_t slot = cached->slot;
    struct series_row *row;

    if (cached->hash != hash) {
        *cached = (struct cached){.hash = hash};
        slot = look_for_slot(series, value, hash);
    } else if (slot == series->slots ||
               atomic_load_explicit(&series->taken[slot].generation, memory_order_acquire) !=
                   cached->generation) {
        slot = look_for_slot(series, value, hash);
    }
    if (slot == series->slots) {
        cached->strange += count;
        if (cached->strange >= SERIES_CLAIM && may_have_slot(value)) {
            cached->strange = 0;
            slot = claim_slot(series, value, hash);
        }
    }
    row = row_of_slot(writer, &slot, hash, &cached->generation);
    cached->slot = (uint16_t)slot;
    add_to(&row->uses, count);
    return row->numbers;
}

/* looking */

/* Where the numbers of @row, of @slot, belong now. */
static size_t owner_of(const struct series *series, size_t slot, const struct series_row *row)
{
    return atomic_load(&row->generation) == atomic_load(&series->taken[slot].generation)
               ? slot
               : series->slots;
}

/* Only slots that anybody has counted in have sums: the others' are zero and take no memory. */
static void add_row(const struct series *series, uint64_t **sums, size_t slot,
                    const struct series_row *row)
{
    if (sums[slot] == NULL) {
        sums[slot] = mem_array(series->width, uint64_t);
    }
    for (size_t i = 0; i < series->width; i++) {
        sums[slot][i] += atomic_load_explicit(&row->numbers[i], memory_order_relaxed);
    }
}

static void show_slot(const struct series *series, size_t slot, uint64_t *sums,
                      struct series_slot_view *out)
{
    out->name = span_of(mem_text(span_of(series->taken[slot].name)));
    out->is_reserved = series->taken[slot].is_reserved;
    out->sums = sums;
}

void series_look(struct series *series, struct series_view *out)
{
    uint64_t **sums = mem_array(series->slots + 1, uint64_t *);
    size_t count;

    (void)pthread_mutex_lock(&series->lock);
    for (unsigned i = 0; i < series->writer_count; i++) {
        for (size_t s = 0; s <= series->slots; s++) {
            const struct series_row *row = row_at(series, i, s);

            if (row != NULL) {
                add_row(series, sums, owner_of(series, s, row), row);
            }
        }
    }
    count = atomic_load(&series->count);
    *out = (struct series_view){.count = count + 1, .width = series->width};
    out->slots = mem_array(count + 1, struct series_slot_view);
    for (size_t s = 0; s < count; s++) {
        show_slot(series, s, sums[s], &out->slots[s]);
    }
    show_slot(series, series->slots, sums[series->slots], &out->slots[count]);
    (void)pthread_mutex_unlock(&series->lock);
    free(sums);
}

void series_view_fini(struct series_view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        free((void *)(uintptr_t)view->slots[i].name.ptr);
        free((void *)(uintptr_t)view->slots[i].sums);
    }
    free(view->slots);
    *view = (struct series_view){0};
}

uint64_t series_total(struct series *series, size_t index)
{
    uint64_t total = 0;

    (void)pthread_mutex_lock(&series->lock);
    for (unsigned i = 0; i < series->writer_count; i++) {
        for (size_t s = 0; s <= series->slots; s++) {
            const struct series_row *row = row_at(series, i, s);

            total +=
                row == NULL ? 0 : atomic_load_explicit(&row->numbers[index], memory_order_relaxed);
        }
    }
    (void)pthread_mutex_unlock(&series->lock);
    return total;
}
