/* Invented ledgers, and what the books must say of them. */
#include "ledger/books.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "ledger_text.h"

enum { LINES_MAX = 12 };

struct ledger_case {
    const char *name;
    const char *lines[LINES_MAX];
    int64_t before, after; /* what the group has committed; -1: nothing */
    const char *settled;   /* "30-40 50-60": what the metadata of the commit says */
    const char *want;      /* as describe() writes it */
};

static struct record_run runs[16];

static size_t read_runs(const char *text)
{
    size_t count = 0;
    long long from;
    long long to;
    int len;

    while (text != NULL && sscanf(text, " %lld-%lld%n", &from, &to, &len) == 2) {
        runs[count++] = (struct record_run){from, to};
        text += len;
    }
    return count;
}

static const char *cause_word(enum book_cause cause)
{
    static const char *const words[] = {"unknown", "moved", "missing", "gap", "settled", "beyond"};

    return words[cause];
}

static void describe(const struct book *book, struct buf *out)
{
    struct books_counts sum = {0};
    struct book_hole *holes;
    struct books_runs open = {0};
    uint64_t untold = 0;
    size_t count = book_holes(book, &holes);

    book_sum(book, &sum, &untold);
    for (unsigned i = 0; i < RECORD_CLASS_COUNT; i++) {
        if (sum.events[i] > 0) {
            buf_printf(out, "%c%llu ", LEDGER_LETTERS[i], (unsigned long long)sum.events[i]);
        }
    }
    buf_printf(out, "head=%lld", (long long)book->head);
    if (untold > 0) {
        buf_printf(out, " untold=%llu", (unsigned long long)untold);
    }
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, " %s=%lld-%lld", cause_word(holes[i].cause), (long long)holes[i].run.from,
                   (long long)holes[i].run.to);
        buf_add_text(out, holes[i].is_old_log ? "(old)" : "");
    }
    for (size_t i = 0; i < book->rewind_count; i++) {
        buf_printf(out, " %s=%lld-%lld", book->rewinds[i].is_forgotten ? "forgotten" : "rewind",
                   (long long)book->rewinds[i].run.from, (long long)book->rewinds[i].run.to);
    }
    if (book->rewound_now.run.from < book->rewound_now.run.to) {
        buf_printf(out, " back=%lld-%lld", (long long)book->rewound_now.run.from,
                   (long long)book->rewound_now.run.to);
    }
    book_in_flight(book, &open);
    for (size_t i = 0; i < open.count; i++) {
        buf_printf(out, " inflight=%lld-%lld", (long long)open.items[i].from,
                   (long long)open.items[i].to);
    }
    books_runs_fini(&open);
    books_counts_fini(&sum);
    free(holes);
}

static struct books *take_lines(const char *const *lines)
{
    struct books *books = books_new(NULL);

    for (size_t i = 0; i < LINES_MAX && lines[i] != NULL; i++) {
        struct buf record;

        buf_init(&record, 1 << 20);
        ledger_tally(&record, lines[i]);
        books_take(books, (struct span){record.ptr, record.len}, 0, (int64_t)i);
        buf_fini(&record);
    }
    return books;
}

static const struct ledger_case cases[] = {
    {"one session",
     {"A 0-10 d8:v2 start=0 first", "A 10-30 d18:x1:r1"},
     30,
     30,
     NULL,
     "d26 v2 x1 r1 head=30"},
    {"the last tally was not committed: killed between tally and commit",
     {"A 0-10 d10 start=0 first", "A 10-30 d20"},
     10,
     10,
     NULL,
     "d10 head=10"},
    {"killed after the commit, before its answer",
     {"A 0-10 d10 start=0 first", "A 10-30 d20", "B 30-40 d10 start=30"},
     40,
     40,
     NULL,
     "d40 head=40"},
    {"killed before the commit: sent again, and counted that time",
     {"A 0-10 d10 start=0 first", "A 10-30 d20", "B 10-40 v30 start=10"},
     40,
     40,
     NULL,
     "d10 v30 head=40"},
    {"the same, in two steps",
     {"A 0-10 d10 start=0 first", "A 10-30 d20", "B 10-20 v10 start=10", "B 20-40 v20"},
     40,
     40,
     NULL,
     "d10 v30 head=40"},
    {"a commit failed and its tally was replaced",
     {"A 0-10 d10 start=0 first", "A 10-20 d10", "A 10-30 d20", "A 30-40 d10"},
     40,
     40,
     NULL,
     "d40 head=40"},
    {"two commits failed",
     {"A 0-10 d10 start=0 first", "A 10-20 d10", "A 10-30 d20", "A 10-40 d29:v1"},
     40,
     40,
     NULL,
     "d39 v1 head=40"},
    {"rebalance: the partition goes to another and comes back",
     {"A 0-10 d10 start=0 first", "B 10-20 v10 start=10", "C 20-30 x10 start=20"},
     30,
     30,
     NULL,
     "d10 v10 x10 head=30"},
    {"a zombie whose late tally comes after the new owner's",
     {"A 0-10 d10 start=0 first", "B 10-15 v5 start=10", "A 10-20 d10", "B 15-25 v10"},
     25,
     25,
     NULL,
     "d10 v15 head=25"},
    {"a zombie that had not written before",
     {"A 0-10 d10 start=0 first", "B 10-15 v5 start=10", "B 15-25 v10", "Z 10-20 d10 start=10",
      "B 25-35 v10"},
     35,
     35,
     NULL,
     "d10 v25 head=35"},
    {"the same at the end of the ledger",
     {"A 0-10 d10 start=0 first", "B 10-15 v5 start=10", "B 15-25 v10", "Z 10-20 d10 start=10"},
     25,
     25,
     NULL,
     "d10 v15 head=25"},
    {"a zombie's tally ends where the owner's commit was",
     {"A 0-10 d10 start=0 first", "B 10-15 v5 start=10", "B 15-20 v5", "B 20-30 v10",
      "Z 10-20 d10 start=10", "C 20-40 x20 start=20"},
     40,
     40,
     NULL,
     "d10 v10 x20 head=40"},
    {"a zombie's first tally comes after the owner's, which committed only runs until then",
     {"A 0-10 d10 start=0 first", "B 10-10 start=10 ahead=15-20:v5", "Z 10-12 d2 start=10",
      "B 10-30 d15:v5"},
     30,
     30,
     NULL,
     "d25 v5 head=30"},
    {"the same, where the owner's next tally came before",
     {"A 0-10 d10 start=0 first", "B 10-10 start=10 ahead=15-20:v5", "B 10-30 d15:v5",
      "Z 10-12 d2 start=10"},
     30,
     30,
     NULL,
     "d25 v5 head=30"},
    {"the same, and the owner goes on",
     {"A 0-10 d10 start=0 first", "B 10-10 start=10 ahead=15-20:v5", "Z 10-12 d2 start=10",
      "Y 10-13 d3 start=10", "B 10-30 d15:v5", "B 30-31 x1"},
     31,
     31,
     NULL,
     "d25 v5 x1 head=31"},
    {"two zombies, and all of them wrote only runs",
     {"A 0-10 d10 start=0 first", "B 10-10 start=10 ahead=15-20:v5",
      "Y 10-10 start=10 ahead=17-18:x1", "Z 10-10 start=10", "B 10-10 ahead=15-20:v5",
      "B 10-30 d15:v5"},
     30,
     30,
     NULL,
     "d25 v5 head=30"},
    {"a session that committed only runs, and was killed",
     {"A 0-10 d10 start=0 first", "B 10-10 start=10 ahead=15-20:v5", "B 10-30 d15:v5",
      "C 10-12 x2 start=10 settled=15-20", "C 12-30 x13"},
     30,
     30,
     NULL,
     "d10 v5 x15 head=30"},
    {"a zombie's first tally ends where the owner's commit was, which kept a run",
     {"A 0-10 d10 start=0 first ahead=15-20:v5", "Z 0-10 d10 start=0 first",
      "B 10-30 d15 start=10 settled=15-20"},
     30,
     30,
     NULL,
     "d25 v5 head=30"},
    {"moved forward by hand by 50 between two sessions",
     {"A 0-10 d10 start=0 first", "A 10-15 d5", "B 65-70 d5 start=65"},
     70,
     70,
     NULL,
     "d20 head=70 moved=15-65"},
    {"moved forward by hand behind the last session",
     {"A 0-10 d10 start=0 first", "A 10-15 d5"},
     65,
     65,
     NULL,
     "d15 head=65 beyond=15-65"},
    {"the group went on while the ledger was read",
     {"A 0-10 d10 start=0 first", "A 10-15 d5"},
     10,
     65,
     NULL,
     "d15 head=15"},
    {"the last tally was committed meanwhile",
     {"A 0-10 d10 start=0 first", "A 10-15 d5"},
     10,
     15,
     NULL,
     "d15 head=15"},
    {"moved back by hand to the beginning of a stretch: delivered again",
     {"A 0-10 d10 start=0 first", "A 10-20 d10", "A 20-30 d10", "B 10-20 v10 start=10",
      "B 20-30 v10"},
     30,
     30,
     NULL,
     "d10 v20 head=30 rewind=10-20"},
    {"moved back by hand, then read to the same end in one tally",
     {"A 0-10 d10 start=0 first", "A 10-30 d20", "B 5-30 v25 start=5"},
     30,
     30,
     NULL,
     "v25 head=30 untold=5 rewind=5-10"},
    {"moved back into the middle of a stretch: what became of the rest cannot be told",
     {"A 0-20 d15:v5 start=0 first", "A 20-40 d20", "B 10-40 x30 start=10"},
     40,
     40,
     NULL,
     "x30 head=40 untold=10 rewind=10-20"},
    {"moved back by hand now",
     {"A 0-20 d20 start=0 first", "A 20-40 d20", "A 40-50 d10"},
     20,
     20,
     NULL,
     "d40 head=40 back=20-40"},
    {"moved back and on again without a session between",
     {"A 0-20 d20 start=0 first", "A 20-40 d20", "B 10-15 d5 start=10", "C 40-50 v10 start=40"},
     50,
     50,
     NULL,
     "d40 v10 head=50"},
    {"the topic was made anew",
     {"A 100-120 d20 start=100 first", "A 120-130 d10", "B 0-7 v7 start=0 newlog", "B 7-9 v2"},
     9,
     9,
     NULL,
     "d30 v9 head=9"},
    {"the topic was made anew, and the newest tally before names runs: they count with it",
     {"A 0-10 d10 start=0 first ahead=15-20:v5", "A 10-10 ahead=15-22:v7",
      "B 0-4 d4 start=0 newlog"},
     4,
     4,
     NULL,
     "d14 v7 head=4"},
    {"another log was found and nothing committed of it: the next goes on in the one before",
     {"A 0-10 d10 start=0 first", "A 10-30 d20 ahead=31-32:v1", "B 25-40 d15 start=25 newlog",
      "C 30-50 d19 start=30 settled=31-32"},
     50,
     50,
     NULL,
     "d49 v1 head=50"},
    {"an earlier owner's tally came late, and then the topic was made anew",
     {"A 0-10 d10 start=0 first", "A 10-24 d14", "B 24-24 start=24 ahead=64-65:x1 at=70",
      "Z 24-49 d23 start=24 at=60", "C 0-2 d2 start=0 newlog"},
     2,
     2,
     NULL,
     "d26 x1 head=2"},
    {"the group's offset went with its topic",
     {"A 0-10 d10 start=0 first", "A 10-30 d20", "B 0-7 v7 start=0 first", "B 7-9 v2"},
     9,
     9,
     NULL,
     "d30 v9 head=9 forgotten=0-30"},
    {"it went, and only runs were committed of the other log",
     {"A 0-8 d8 start=0 first", "A 8-8 ahead=9-13:v4", "B 0-0 start=0 first ahead=1-3:x2",
      "C 0-27 start=0 settled=1-3 gap=0-27"},
     27,
     27,
     NULL,
     "d8 v4 x2 head=27 gap=0-27 forgotten=0-8"},
    {"killed before the first commit: the group never had an offset",
     {"A 0-10 d10 start=0 first", "B 0-15 v15 start=0 first"},
     15,
     15,
     NULL,
     "v15 head=15"},
    {"a hole in the old log is told",
     {"A 0-10 d10 start=0 first", "B 15-20 d5 start=15", "C 0-4 v4 start=0 newlog"},
     4,
     4,
     NULL,
     "d15 v4 head=4 moved=10-15(old)"},
    {"retention took what was to be read",
     {"A 0-10 d10 start=0 first", "B 10-120 d20 start=10 gap=10-100"},
     120,
     120,
     NULL,
     "d30 head=120 gap=10-100"},
    {"the same, where the session begins behind the gap",
     {"A 0-10 d10 start=0 first", "B 100-120 d20 start=100 gap=10-100"},
     120,
     120,
     NULL,
     "d30 head=120 gap=10-100"},
    {"the gap is told again after a kill",
     {"A 0-10 d10 start=0 first", "B 10-110 d10 start=10 gap=10-100",
      "C 10-120 d20 start=10 gap=10-100"},
     120,
     120,
     NULL,
     "d30 head=120 gap=10-100"},
    {"records of the log before that were not read any more",
     {"A 0-10 d10 start=0 first", "B 0-5 d5 start=0 newlog missing=7"},
     5,
     5,
     NULL,
     "d15 head=5 gap=10-17(old)"},
    {"a tally in parts",
     {"A 0-10 d10 start=0 first", "A 10-20 d10 part=0", "A 10-20 part=1", "A 10-20 part=2 last"},
     20,
     20,
     NULL,
     "d20 head=20"},
    {"a tally of which a part is missing",
     {"A 0-10 d10 start=0 first", "A 10-20 d10 part=0", "A 10-20 part=2 last", "A 20-30 d10"},
     30,
     30,
     NULL,
     "d20 head=30 missing=10-20"},
    {"a tally in parts that was not whole when the process was killed",
     {"A 0-10 d10 start=0 first", "A 10-20 d10 part=0", "B 10-20 x10 start=10"},
     20,
     20,
     NULL,
     "d10 x10 head=20"},
    {"a record of the ledger is missing within a session",
     {"A 0-10 d10 start=0 first", "A 30-40 d10", "A 40-50 d10"},
     50,
     50,
     NULL,
     "d30 head=50 missing=10-30"},
    {"the first record of a session is missing",
     {"A 0-10 d10 start=0 first", "B 30-40 d10", "B 40-50 d10"},
     50,
     50,
     NULL,
     "d30 head=50 missing=10-30"},
    {"settled ahead, then killed: the next session does not send them again",
     {"A 0-10 d10 start=0 first ahead=15-20:v5", "B 10-30 d15 start=10 settled=15-20"},
     30,
     30,
     NULL,
     "d25 v5 head=30"},
    {"the run that counts is that of the committed tally, not of the one behind it",
     {"A 0-10 d10 start=0 first ahead=15-20:v5", "A 10-12 d2 ahead=15-25:v10",
      "B 10-30 d15 start=10 settled=15-20"},
     30,
     30,
     NULL,
     "d25 v5 head=30"},
    {"a run at the end of a stretch, and a stretch that ends within one",
     {"A 0-10 d10 start=0 first ahead=12-20:v8", "B 10-15 d2 start=10 settled=12-20",
      "B 15-30 d10"},
     30,
     30,
     NULL,
     "d22 v8 head=30"},
    {"a run that two sessions carry on",
     {"A 0-10 d10 start=0 first ahead=30-40:v10",
      "B 10-20 d10 start=10 settled=30-40 ahead=25-40:x5", "C 20-50 r15 start=20 settled=25-40"},
     50,
     50,
     NULL,
     "d20 v10 x5 r15 head=50"},
    {"the metadata was lost: all is sent again",
     {"A 0-10 d10 start=0 first ahead=15-20:v5", "B 10-30 d20 start=10"},
     30,
     30,
     NULL,
     "d30 head=30"},
    {"runs at the end of the ledger, and what is in flight between them",
     {"A 0-10 d10 start=0 first ahead=15-20:v5 ahead=25-30:x5"},
     10,
     10,
     "15-20 25-30",
     "d10 v5 x5 head=10 inflight=10-15 inflight=20-25"},
    {"the commit kept one run only",
     {"A 0-10 d10 start=0 first ahead=15-20:v5 ahead=25-30:x5"},
     10,
     10,
     "15-20",
     "d10 v5 head=10 inflight=10-15"},
    {"a commit that moves no offset and keeps more runs",
     {"A 0-10 d10 start=0 first ahead=15-20:v5", "A 10-10 ahead=15-20:v5 ahead=25-30:x5",
      "A 10-30 d9:v5:x6"},
     10,
     10,
     "15-20 25-30",
     "d10 v5 x5 head=10 inflight=10-15 inflight=20-25"},
    {"a commit says that something was settled, and no tally does",
     {"A 0-10 d10 start=0 first", "B 10-30 d15 start=10 settled=15-20"},
     30,
     30,
     NULL,
     "d25 head=30 settled=15-20"},
    {"the ledger begins in the middle of a session",
     {"A 100-110 d10", "A 110-120 d10"},
     120,
     120,
     NULL,
     "d20 head=120"},
    {"the group's offset is gone: the newest tally is believed",
     {"A 0-10 d10 start=0 first", "A 10-20 d10"},
     -1,
     -1,
     NULL,
     "d20 head=20"},
    {"compaction and transactions: fewer events than offsets",
     {"A 0-100 d3 start=0 first", "A 100-200"},
     200,
     200,
     NULL,
     "d3 head=200"},
    {"a commit was taken and its answer lost, then killed",
     {"A 0-10 d10 start=0 first", "A 10-20 d10", "A 10-30 d20", "B 20-40 v20 start=20"},
     40,
     40,
     NULL,
     "d20 v20 head=40"},
    {"killed before the commit, moved forward by hand over it: its tally is all there is",
     {"A 0-10 d10 start=0 first", "A 10-20 d10", "B 10-15 v5 start=10", "C 50-60 x10 start=50"},
     60,
     60,
     NULL,
     "d10 v5 x10 head=60 untold=5 moved=20-50"},
};

static void the_books_say_what_happened(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct ledger_case *at = &cases[i];
        struct books *books = take_lines(at->lines);
        struct book_commit commit = {at->before, at->after, runs, read_runs(at->settled)};
        struct buf got;

        buf_init(&got, 1 << 16);
        assert_int_equal(books->count, 1);
        book_finish(books->items[0], &commit);
        describe(books->items[0], &got);
        if (strcmp(buf_text(&got), at->want) != 0) {
            fail_msg("%s:\n got  %s\n want %s", at->name, buf_text(&got), at->want);
        }
        buf_fini(&got);
        books_free(books);
    }
}

/* whole ledgers */

static void take_text(struct books *books, const char *text)
{
    static int64_t offset;

    books_take(books, span_of(text), 0, offset++);
}

static void take_line(struct books *books, const char *line)
{
    struct buf record;

    buf_init(&record, 1 << 20);
    ledger_tally(&record, line);
    take_text(books, buf_text(&record));
    buf_fini(&record);
}

static void finish_all(struct books *books, int64_t committed)
{
    struct book_commit commit = {committed, committed, NULL, 0};

    for (size_t i = 0; i < books->count; i++) {
        book_finish(books->items[i], &commit);
    }
}

static void groups_topics_and_partitions_have_books_of_their_own(void **state)
{
    struct books *books = books_new(NULL);
    struct books_counts sum = {0};
    uint64_t untold = 0;

    (void)state;
    take_line(books, "A 0-10 d10 start=0 first");
    take_line(books, "A 0-10 d7:v3 start=0 first group=other");
    take_line(books, "A 0-10 d9:v1 start=0 first partition=1");
    take_line(books, "A 0-10 x10 start=0 first topic=more");
    finish_all(books, 10);
    assert_int_equal(books->count, 4);
    books_sum(books, SPAN("detour"), &sum, &untold);
    assert_int_equal(sum.events[RECORD_DELIVERED], 19);
    assert_int_equal(sum.events[RECORD_DIVERTED], 1);
    assert_int_equal(sum.events[RECORD_DEAD_LETTERED], 10);
    books_counts_fini(&sum);
    books_sum(books, SPAN("nobody"), &sum, &untold);
    assert_int_equal(books_counts_events(&sum), 0);
    books_free(books);
}

static void value_is_summed_by_line_and_currency(void **state)
{
    struct books *books = books_new(NULL);
    struct books_counts sum = {0};
    uint64_t untold = 0;
    size_t found = 0;

    (void)state;
    take_line(books, "A 0-10 d8:v2 start=0 first");
    take_line(books, "A 10-30 d17:v3");
    finish_all(books, 30);
    books_sum(books, SPAN("detour"), &sum, &untold);
    for (size_t i = 0; i < sum.count; i++) {
        const struct books_key *key = books_key_get(&books->words, sum.lines[i].key);
        char text[MONEY_TEXT_BYTES];

        (void)money_text(sum.lines[i].sum, text);
        if (key->fate == RECORD_DIVERTED && sum.lines[i].currency != 0) {
            assert_true(span_is(books_name(books, sum.lines[i].currency), "EUR"));
            assert_true(span_is(books_name(books, key->outage), "o-1"));
            assert_string_equal(text, "5.00");
            found++;
        } else if (key->fate == RECORD_DELIVERED && sum.lines[i].currency == 0) {
            assert_int_equal(sum.lines[i].count, 25);
            found++;
        }
    }
    assert_int_equal(found, 2);
    books_counts_fini(&sum);
    books_free(books);
}

static void a_window_counts_what_was_written_in_it(void **state)
{
    struct books_window window = {20000, 40000};
    struct books *books = books_new(&window);
    struct buf got;

    (void)state;
    buf_init(&got, 4096);
    take_line(books, "A 0-10 d10 start=0 first at=10");
    take_line(books, "A 10-20 v10 at=20");
    take_line(books, "A 20-30 x10 at=39");
    take_line(books, "A 30-40 r10 at=40");
    finish_all(books, 40);
    describe(books->items[0], &got);
    assert_string_equal(buf_text(&got), "v10 x10 head=40");
    buf_fini(&got);
    books_free(books);
}

static const struct {
    const char *name;
    const char *text;
    enum record_fault fault;
    const char *member;
} odd_cases[] = {
    {"no JSON", "nonsense", RECORD_NOT_JSON, NULL},
    {"an array", "[1]", RECORD_NOT_JSON, NULL},
    {"cut off", "{\"v\": 1, \"kind\":", RECORD_NOT_JSON, NULL},
    {"no version", "{\"kind\": \"tally\"}", RECORD_NO_VERSION, NULL},
    {"a version that is a text", "{\"v\": \"1\"}", RECORD_NO_VERSION, NULL},
    {"a later version", "{\"v\": 2, \"kind\": \"tally\"}", RECORD_NEWER_VERSION, NULL},
    {"no kind", "{\"v\": 1}", RECORD_BAD_MEMBER, "kind"},
    {"no group", "{\"v\": 1, \"kind\": \"x\", \"at\": \"2026-11-30T14:02:11.250Z\"}",
     RECORD_BAD_MEMBER, "group"},
    {"a time that is none", "{\"v\": 1, \"kind\": \"x\", \"at\": \"soon\", \"group\": \"g\"}",
     RECORD_BAD_MEMBER, "at"},
    {"a kind that is not known",
     "{\"v\": 1, \"kind\": \"x\", \"at\": \"2026-11-30T14:02:11.250Z\", \"group\": \"g\"}",
     RECORD_FINE, NULL},
    {"an outage without id",
     "{\"v\": 1, \"kind\": \"outage\", \"at\": \"2026-11-30T14:02:11.250Z\", \"group\": "
     "\"g\", \"destination\": \"t\", \"state\": \"opened\", \"started\": "
     "\"2026-11-30T14:02:11.250Z\"}",
     RECORD_BAD_MEMBER, "id"},
    {"a tally that ends before it begins",
     "{\"v\": 1, \"kind\": \"tally\", \"at\": \"2026-11-30T14:02:11.250Z\", \"group\": "
     "\"g\", \"session\": \"s\", \"topic\": \"t\", \"partition\": 0, \"from\": 9, \"to\": 3, "
     "\"events\": {}, \"legs\": []}",
     RECORD_BAD_MEMBER, "to"},
    {"a count below zero",
     "{\"v\": 1, \"kind\": \"tally\", \"at\": \"2026-11-30T14:02:11.250Z\", \"group\": "
     "\"g\", \"session\": \"s\", \"topic\": \"t\", \"partition\": 0, \"from\": 1, \"to\": 3, "
     "\"events\": {\"delivered\": -1}, \"legs\": []}",
     RECORD_BAD_MEMBER, "delivered"},
    {"an amount that is a number",
     "{\"v\": 1, \"kind\": \"tally\", \"at\": \"2026-11-30T14:02:11.250Z\", \"group\": "
     "\"g\", \"session\": \"s\", \"topic\": \"t\", \"partition\": 0, \"from\": 1, \"to\": 3, "
     "\"events\": {}, \"legs\": [{\"fate\": \"delivered\", \"count\": 1, \"value\": "
     "{\"EUR\": 1.5}}]}",
     RECORD_BAD_MEMBER, "value"},
    {"a fate that is none",
     "{\"v\": 1, \"kind\": \"tally\", \"at\": \"2026-11-30T14:02:11.250Z\", \"group\": "
     "\"g\", \"session\": \"s\", \"topic\": \"t\", \"partition\": 0, \"from\": 1, \"to\": 3, "
     "\"events\": {}, \"legs\": [{\"fate\": \"lost\", \"count\": 1}]}",
     RECORD_BAD_MEMBER, "fate"},
};

static void odd_records_are_named_and_harm_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(odd_cases); i++) {
        struct ledger_record record;
        const char *member;
        enum record_fault fault = record_read(span_of(odd_cases[i].text), &record, &member);
        const char *want = odd_cases[i].member;

        if (fault != odd_cases[i].fault || (want == NULL) != (member == NULL) ||
            (want != NULL && strcmp(member, want) != 0)) {
            fail_msg("%s: fault %d, member %s", odd_cases[i].name, fault, member);
        }
        record_fini(&record);
    }
}

static void faults_are_counted_with_the_place_of_the_first(void **state)
{
    struct books *books = books_new(NULL);

    (void)state;
    books_take(books, SPAN("{\"v\": 7}"), 3, 41);
    books_take(books, SPAN("{\"v\": 8}"), 3, 42);
    books_take(books, SPAN_NONE, 0, 1);
    assert_int_equal(books->faults[RECORD_NEWER_VERSION].count, 2);
    assert_int_equal(books->faults[RECORD_NEWER_VERSION].partition, 3);
    assert_int_equal(books->faults[RECORD_NEWER_VERSION].offset, 41);
    assert_int_equal(books->faults[RECORD_NOT_JSON].count, 1);
    assert_int_equal(books->count, 0);
    books_free(books);
}

#define OUTAGE(at, state, more)                                                                    \
    "{\"v\": 1, \"kind\": \"outage\", \"at\": \"2026-11-30T14:" at "Z\", \"instance\": \"h\", "    \
    "\"group\": \"detour\", \"id\": \"o-1\", \"state\": \"" state                                  \
    "\", \"destination\": \"tiktok\", \"event\": null, \"scope\": \"destination\", \"cause\": "    \
    "\"faults\", \"started\": \"2026-11-30T14:00:00.000Z\"" more "}"

static void the_last_record_of_an_outage_or_job_says_how_it_is(void **state)
{
    struct books *books = books_new(NULL);

    (void)state;
    take_text(books, OUTAGE("02:00.000", "opened", ""));
    take_text(books, OUTAGE("03:00.000", "changed", ", \"diverted\": 5"));
    assert_int_equal(books->outage_count, 1);
    assert_int_equal(books->outages[0].ended_ms, -1);
    take_text(books, OUTAGE("04:00.000", "closed",
                            ", \"diverted\": 9, \"ended\": \"2026-11-30T14:03:59.000Z\""));
    assert_int_equal(books->outage_count, 1);
    assert_int_equal(books->outages[0].diverted, 9);
    assert_int_equal(books->outages[0].ended_ms - books->outages[0].started_ms, 239000);
    assert_null(books->outages[0].event.ptr);
    for (int i = 0; i < 2; i++) {
        take_text(books, i == 0 ? "{\"v\": 1, \"kind\": \"job\", \"at\": "
                                  "\"2026-11-30T16:40:00.000Z\", \"group\": \"detour\", \"job\": "
                                  "\"replay\", \"name\": \"r\", \"state\": \"started\", "
                                  "\"selection\": {\"reason\": [\"rejected\"]}}"
                                : "{\"v\": 1, \"kind\": \"job\", \"at\": "
                                  "\"2026-11-30T16:41:00.000Z\", \"group\": \"detour\", \"job\": "
                                  "\"replay\", \"name\": \"r\", \"state\": \"ended\", "
                                  "\"counts\": {\"delivered\": 7}}");
    }
    assert_int_equal(books->job_count, 1);
    assert_int_equal(books->jobs[0].state, STATE_ENDED);
    assert_int_equal(books->jobs[0].last_ms - books->jobs[0].started_ms, 60000);
    assert_non_null(books->jobs[0].selection);
    assert_int_equal(json_integer_value(json_object_get(books->jobs[0].counts, "delivered")), 7);
    books_free(books);
}

/* A ledger of many tallies needs no more memory than one of few, and counts the same. */
static void long_ledgers_are_joined(void **state)
{
    struct books *books = books_new(NULL);
    struct books_counts sum = {0};
    uint64_t untold = 0;

    (void)state;
    take_line(books, "A 0-10 d10 start=0 first");
    for (int i = 1; i < 3000; i++) {
        char line[64];

        (void)snprintf(line, sizeof(line), "A %d-%d d9:v1", i * 10, i * 10 + 10);
        take_line(books, line);
    }
    finish_all(books, 30000);
    assert_in_range(books->items[0]->cover.count, 2, 257);
    books_sum(books, SPAN("detour"), &sum, &untold);
    assert_int_equal(sum.events[RECORD_DELIVERED], 10 + 2999 * 9);
    assert_int_equal(sum.events[RECORD_DIVERTED], 2999);
    assert_int_equal(untold, 0);
    assert_int_equal(books->items[0]->cover.unplaced, 0);
    books_counts_fini(&sum);
    books_free(books);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_books_say_what_happened),
        cmocka_unit_test(groups_topics_and_partitions_have_books_of_their_own),
        cmocka_unit_test(value_is_summed_by_line_and_currency),
        cmocka_unit_test(a_window_counts_what_was_written_in_it),
        cmocka_unit_test(odd_records_are_named_and_harm_nothing),
        cmocka_unit_test(faults_are_counted_with_the_place_of_the_first),
        cmocka_unit_test(the_last_record_of_an_outage_or_job_says_how_it_is),
        cmocka_unit_test(long_ledgers_are_joined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
