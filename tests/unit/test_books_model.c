/* Seeded: a small model of workers, commits and kills writes ledgers and knows the truth; the books
 * must say the same. MODEL_SEEDS=100000 for more; MODEL_SEED=n plays one and
 * prints its ledger, MODEL_STEPS=n no more of it than that. */
#include "ledger/books.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/rng.h"
#include "ledger_text.h"

enum { OFFSETS = 300, STEPS = 60, TEXT_MAX = 8192, NO_CLASS = -1 };

/* One assignment of the partition. */
struct worker {
    int number;
    int start, acked, taken;
    bool has_written;
    bool settled[OFFSETS]; /* by this worker */
    bool exempt[OFFSETS];  /* before it */
    int class[OFFSETS];
    char first[TEXT_MAX]; /* what its first tally says of its start */
};

struct model {
    struct rng rng;
    struct books *books;
    bool is_event[OFFSETS];
    int committed;
    bool kept[OFFSETS]; /* in the commit's metadata */
    int truth[OFFSETS];
    bool is_hole[OFFSETS];
    struct worker now, zombie;
    bool has_zombie;
    bool last_is_committed; /* the last tally on the ledger */
    int furthest;           /* any tally's end */
    int sessions, records;
};

static unsigned draw(struct model *m, unsigned bound)
{
    return (unsigned)rng_below(&m->rng, bound);
}

static void begin_worker(struct model *m)
{
    struct worker *w = &m->now;
    size_t len;

    memset(w, 0, sizeof(*w));
    w->number = m->sessions++;
    w->start = w->acked = w->taken = m->committed;
    len = (size_t)snprintf(w->first, sizeof(w->first), " start=%d%s", w->start,
                           m->records == 0 ? " first" : "");
    for (int o = m->committed; o < OFFSETS; o++) {
        w->exempt[o] = m->kept[o];
        if (m->kept[o] && (o == m->committed || !m->kept[o - 1])) {
            int end = o;

            while (end < OFFSETS && m->kept[end]) {
                end++;
            }
            len +=
                (size_t)snprintf(w->first + len, sizeof(w->first) - len, " settled=%d-%d", o, end);
        }
    }
}

static bool is_done(const struct model *m, const struct worker *w, int o)
{
    return w->settled[o] || w->exempt[o] || !m->is_event[o];
}

static void work(struct model *m, struct worker *w)
{
    unsigned share = draw(m, 3) == 0 ? 100 : 60;

    w->taken += (int)draw(m, 30);
    w->taken = MIN_OF(w->taken, OFFSETS);
    for (int o = w->acked; o < w->taken; o++) {
        if (!is_done(m, w, o) && draw(m, 100) < share) {
            w->settled[o] = true;
            w->class[o] = (int)draw(m, 4);
        }
    }
}

static int first_unsettled(const struct model *m, const struct worker *w)
{
    int o = w->acked;

    while (o < w->taken && is_done(m, w, o)) {
        o++;
    }
    return o;
}

static size_t add_counts(const struct model *m, const struct worker *w, struct record_run run,
                         char *out, size_t size)
{
    size_t len = 0;
    char between = run.from == w->acked ? ' ' : ':';
    unsigned counts[RECORD_CLASS_COUNT] = {0};

    for (int64_t o = run.from; o < run.to; o++) {
        if (m->is_event[o] && w->settled[o] && !w->exempt[o]) {
            counts[w->class[o]]++;
        }
    }
    for (int i = 0; i < RECORD_CLASS_COUNT; i++) {
        if (counts[i] > 0) {
            len += (size_t)snprintf(out + len, size - len, "%c%c%u", between, LEDGER_LETTERS[i],
                                    counts[i]);
        }
    }
    return len;
}

/* Write the tally of what @w settled; returns its end. */
static int write_tally(struct model *m, struct worker *w)
{
    static char text[2 * TEXT_MAX];
    int to = first_unsettled(m, w);
    size_t len = (size_t)snprintf(text, sizeof(text), "S%d %d-%d", w->number, w->acked, to);
    struct buf record;

    len += add_counts(m, w, (struct record_run){w->acked, to}, text + len, sizeof(text) - len);
    for (int o = to; o < w->taken; o++) {
        int end = o;

        while (end < w->taken && is_done(m, w, end)) {
            end++;
        }
        if (end > o) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, " ahead=%d-%d", o, end);
            len += add_counts(m, w, (struct record_run){o, end}, text + len, sizeof(text) - len);
            o = end - 1;
        }
    }
    if (!w->has_written) {
        (void)snprintf(text + len, sizeof(text) - len, "%s", w->first);
        w->has_written = true;
    }
    if (getenv("MODEL_SEED") != NULL) {
        printf("%s\n", text);
    }
    buf_init(&record, 1 << 20);
    ledger_tally(&record, text);
    books_take(m->books, (struct span){record.ptr, record.len}, 0, m->records++);
    buf_fini(&record);
    m->furthest = MAX_OF(m->furthest, to);
    return to;
}

/* The broker takes the commit of what was written. */
static void commit(struct model *m, const struct worker *w, int to)
{
    memset(m->kept, 0, sizeof(m->kept));
    for (int o = w->acked; o < w->taken; o++) {
        if (m->is_event[o] && w->settled[o] && !w->exempt[o] && is_done(m, w, o)) {
            m->truth[o] = w->class[o];
        }
        m->kept[o] = o >= to && is_done(m, w, o);
    }
    for (int o = w->taken; o < OFFSETS; o++) {
        m->kept[o] = w->exempt[o]; /* not taken yet, and settled all the same */
    }
    m->committed = to;
    m->last_is_committed = true;
}

static void kill_worker(struct model *m)
{
    if (m->now.has_written && !m->has_zombie && draw(m, 100) < 30) {
        m->zombie = m->now;
        m->has_zombie = true;
    }
    begin_worker(m);
}

/* By hand, where nothing beyond the commit is settled: what was would be known in part. */
static void move_forward(struct model *m)
{
    int to = m->committed + 1 + (int)draw(m, 20);

    to = MIN_OF(to, OFFSETS);
    if (!m->last_is_committed || m->has_zombie || m->records == 0 || m->furthest > m->committed ||
        memchr(m->kept, true, OFFSETS) != NULL) {
        return;
    }
    for (int o = m->committed; o < to; o++) {
        m->is_hole[o] = true;
        m->truth[o] = NO_CLASS;
    }
    memset(m->kept, 0, sizeof(m->kept));
    m->committed = to;
    begin_worker(m);
    if (getenv("MODEL_SEED") != NULL) {
        printf("moved to %d\n", to);
    }
}

static void one_step(struct model *m)
{
    struct worker *w = &m->now;
    unsigned chance = draw(m, 100);
    int to;

    work(m, w);
    if (m->has_zombie && draw(m, 100) < 20) {
        work(m, &m->zombie);
        (void)write_tally(m, &m->zombie);
        m->has_zombie = false;
        m->last_is_committed = false;
    }
    if (chance < 5) {
        kill_worker(m);
        return;
    }
    if (chance < 8) {
        move_forward(m);
        return;
    }
    to = write_tally(m, w);
    m->last_is_committed = false;
    if (chance < 16) {
        kill_worker(m); /* between tally and commit */
    } else if (chance < 24) {
        return; /* the commit failed */
    } else if (chance < 32) {
        commit(m, w, to); /* its answer was lost */
    } else if (chance < 40) {
        commit(m, w, to);
        kill_worker(m);
    } else {
        commit(m, w, to);
        w->acked = to;
    }
}

static void check(struct model *m, unsigned seed)
{
    struct record_run runs[OFFSETS];
    struct book_commit end = {m->committed, m->committed, runs, 0};
    uint64_t want[RECORD_CLASS_COUNT] = {0};
    struct books_counts sum = {0};
    struct book_hole *holes = NULL;
    uint64_t untold = 0;
    uint64_t hole_offsets = 0;
    uint64_t want_holes = 0;
    size_t count;

    if (m->books->count == 0) {
        return;
    }
    for (int o = 0; o < OFFSETS; o++) {
        if ((o < m->committed || m->kept[o]) && m->truth[o] != NO_CLASS) {
            want[m->truth[o]]++;
        }
        want_holes += m->is_hole[o] && o < m->committed;
        if (o >= m->committed && m->kept[o]) {
            if (o == m->committed || !m->kept[o - 1]) {
                runs[end.run_count++] = (struct record_run){o, o};
            }
            runs[end.run_count - 1].to = o + 1;
        }
    }
    book_finish(m->books->items[0], &end);
    book_sum(m->books->items[0], &sum, &untold);
    count = book_holes(m->books->items[0], &holes);
    for (size_t i = 0; i < count; i++) {
        hole_offsets += (uint64_t)(holes[i].run.to - holes[i].run.from);
    }
    for (unsigned i = 0; i < RECORD_CLASS_COUNT; i++) {
        if (sum.events[i] != want[i]) {
            fail_msg("seed %u: %llu %s, want %llu", seed, (unsigned long long)sum.events[i],
                     record_class_word((enum record_class)i), (unsigned long long)want[i]);
        }
    }
    if (untold > 0 || hole_offsets != want_holes) {
        fail_msg("seed %u: untold %llu, holes %llu, want %llu", seed, (unsigned long long)untold,
                 (unsigned long long)hole_offsets, (unsigned long long)want_holes);
    }
    assert_int_equal(m->books->items[0]->head, m->committed);
    free(holes);
    books_counts_fini(&sum);
}

static void play(unsigned seed)
{
    static struct model m;
    const char *text = getenv("MODEL_STEPS");
    int steps = text == NULL ? STEPS : atoi(text);

    memset(&m, 0, sizeof(m));
    m.rng.state = seed;
    m.books = books_new(NULL);
    m.last_is_committed = true;
    for (int o = 0; o < OFFSETS; o++) {
        m.is_event[o] = draw(&m, 100) < 90;
        m.truth[o] = NO_CLASS;
    }
    begin_worker(&m);
    for (int step = 0; step < steps; step++) {
        one_step(&m);
    }
    check(&m, seed);
    books_free(m.books);
}

static void the_books_equal_the_truth(void **state)
{
    const char *seeds = getenv("MODEL_SEEDS");
    const char *one = getenv("MODEL_SEED");

    (void)state;
    for (unsigned seed = 1; one == NULL && seed <= (seeds == NULL ? 500 : strtoul(seeds, NULL, 10));
         seed++) {
        play(seed);
    }
    if (one != NULL) {
        play((unsigned)strtoul(one, NULL, 10));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_books_equal_the_truth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
