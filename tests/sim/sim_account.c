#include "sim_account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "offsets/metadata.h"
#include "sim_inside.h"

enum { PARTITIONS = 8, LINE_TEXT_BYTES = 160, LINES_MAX = 256 };

/* How a leg ended. */
struct leg_end {
    bool is_there;
    struct world_leg leg;
};

/* One event as one session saw it. */
struct told {
    uint64_t life, epoch;
    uint32_t tag;
    bool is_settled;
    struct leg_end ends[LEDGER_LEGS]; /* the last: the event as a whole */
};

/* What is known of one offset. */
struct known {
    struct told *told; /* owned; by each session that read it */
    size_t count;
    size_t counted; /* index + 1 of the one that counts; 0: none does */
};

struct sim_account {
    const struct config *config;
    struct known *places[PARTITIONS]; /* owned */
    size_t counts[PARTITIONS];
};

/* Lines of both sides: what the ledger says is taken away from what is so. */
struct line {
    char text[LINE_TEXT_BYTES];
    int64_t count;
    __int128 micros;
};

struct lines {
    struct line items[LINES_MAX];
    size_t count;
    int64_t events[RECORD_CLASS_COUNT];
};

struct sim_account *sim_account_new(const struct config *config)
{
    struct sim_account *account = mem_new(struct sim_account);

    account->config = config;
    return account;
}

void sim_account_free(struct sim_account *account)
{
    for (size_t p = 0; p < PARTITIONS; p++) {
        for (size_t i = 0; i < account->counts[p]; i++) {
            free(account->places[p][i].told);
        }
        free(account->places[p]);
    }
    free(account);
}

static struct known *place_at(struct sim_account *account, int32_t partition, int64_t offset)
{
    size_t *count = &account->counts[partition];

    if ((size_t)offset >= *count) {
        size_t grown = MAX_OF((size_t)offset + 1, *count * 2 + 64);

        account->places[partition] =
            mem_grow(account->places[partition], grown, sizeof(struct known));
        memset(account->places[partition] + *count, 0, (grown - *count) * sizeof(struct known));
        *count = grown;
    }
    return &account->places[partition][offset];
}

static size_t find(const struct known *place, const struct sim_session *session)
{
    size_t i = 0;

    while (i < place->count &&
           (place->told[i].life != session->life || place->told[i].epoch != session->epoch)) {
        i++;
    }
    return i;
}

static struct told *told_at(struct sim_account *account, const struct sim_session *session,
                            int64_t offset)
{
    struct known *place = place_at(account, session->partition, offset);
    size_t at = find(place, session);

    if (at == place->count) {
        place->told = mem_grow(place->told, place->count + 1, sizeof(struct told));
        place->told[place->count++] = (struct told){.life = session->life, .epoch = session->epoch};
    }
    return &place->told[at];
}

void sim_account_leg(struct sim_account *account, uint64_t life, const struct world_leg *leg)
{
    const struct sim_session session = {life, leg->partition, leg->epoch};
    struct told *told = told_at(account, &session, leg->offset);

    if (!leg->is_part) {
        told->ends[leg->plan == NULL ? LEDGER_LEGS - 1 : leg->leg] = (struct leg_end){true, *leg};
    }
}

void sim_account_taken(struct sim_account *account, const struct sim_session *session,
                       int64_t offset, uint32_t tag)
{
    told_at(account, session, offset)->tag = tag;
}

void sim_account_settled(struct sim_account *account, const struct sim_session *session,
                         int64_t offset)
{
    told_at(account, session, offset)->is_settled = true;
}

static void count_run(struct sim_account *account, const struct sim_session *session, int64_t from,
                      int64_t to)
{
    for (int64_t offset = from; offset < to; offset++) {
        struct known *place = place_at(account, session->partition, offset);
        size_t at = find(place, session);

        if (at < place->count && place->told[at].is_settled) {
            place->counted = at + 1;
        }
    }
}

void sim_account_committed(struct sim_account *account, const struct sim_session *session,
                           int64_t offset, struct span metadata)
{
    const struct metadata_place place = {account->config->kafka.topics[0], session->partition,
                                         offset};
    struct metadata out;

    count_run(account, session, 0, offset);
    (void)metadata_read(metadata, &place, &out);
    for (size_t i = 0; i < out.run_count; i++) {
        count_run(account, session, out.runs[i].from, out.runs[i].to);
    }
    free(out.runs);
}

/* comparing */

static struct line *line_of(struct lines *lines, const char *text)
{
    size_t i = 0;

    while (i < lines->count && strcmp(lines->items[i].text, text) != 0) {
        i++;
    }
    INVARIANT(i < LINES_MAX);
    if (i == lines->count) {
        (void)snprintf(lines->items[lines->count++].text, LINE_TEXT_BYTES, "%s", text);
    }
    return &lines->items[i];
}

static const char *text_of(struct span span)
{
    static char texts[5][48];
    static unsigned at;
    char *text = texts[at++ % 5];

    (void)snprintf(text, sizeof(texts[0]), SPAN_FMT,
                   SPAN_ARG(span.ptr == NULL ? SPAN("none") : span));
    return text;
}

static void add_line(struct lines *lines, const char *text, int64_t count, int64_t micros)
{
    struct line *line = line_of(lines, text);

    line->count += count;
    line->micros += micros;
}

static enum record_class class_of(const struct world_leg *leg)
{
    return leg->is_dead_letter ? RECORD_DEAD_LETTERED
           : leg->position > 0 ? RECORD_DIVERTED
                               : RECORD_DELIVERED;
}

static void add_leg(const struct sim_account *account, struct lines *lines,
                    const struct world_leg *leg, int64_t micros)
{
    enum record_class class = class_of(leg);
    bool is_named = leg->route != NULL;
    char text[LINE_TEXT_BYTES];

    (void)snprintf(
        text, sizeof(text), "route %s, leg %s, %s to %s, reason %s",
        text_of(is_named ? leg->route->name : SPAN_NONE),
        text_of(is_named ? leg->plan->chain[0]->name : SPAN_NONE), record_class_word(class),
        text_of(class == RECORD_DIVERTED ? account->config->destinations[leg->destination].name
                                         : SPAN_NONE),
        class == RECORD_DELIVERED ? "none" : reason_word(leg->reason));
    add_line(lines, text, 1, micros);
}

/* An event that nobody was to have. */
static void add_dropped(struct lines *lines, enum sim_event event, int64_t micros)
{
    bool is_ruled = event == SIM_DROPPED;
    char text[LINE_TEXT_BYTES];

    (void)snprintf(text, sizeof(text), "route %s, leg none, dropped to none, reason %s",
                   is_ruled ? "dropped" : "none", is_ruled ? "no_reason" : "unmatched");
    add_line(lines, text, 1, micros);
    lines->events[RECORD_DROPPED]++;
}

static void add_told(const struct sim_account *account, struct lines *lines,
                     const struct told *told)
{
    enum sim_event event = (enum sim_event)(told->tag & ((1u << SIM_MARK_SHIFT) - 1));
    int64_t micros = sim_micros(event);
    enum record_class worst = RECORD_DELIVERED;
    bool has_leg = false;

    for (size_t i = 0; i < LEDGER_LEGS; i++) {
        if (told->ends[i].is_there) {
            has_leg = true;
            worst = MAX_OF(worst, class_of(&told->ends[i].leg));
            add_leg(account, lines, &told->ends[i].leg, micros);
        }
    }
    if (has_leg) {
        lines->events[worst]++;
    } else {
        add_dropped(lines, event, micros);
    }
}

static void take_book(const struct books *books, const struct books_counts *sum,
                      struct lines *lines)
{
    for (size_t i = 0; i < RECORD_CLASS_COUNT; i++) {
        lines->events[i] -= (int64_t)sum->events[i];
    }
    for (size_t i = 0; i < sum->count; i++) {
        const struct books_line *line = &sum->lines[i];
        const struct books_key *key = books_key_get(&books->words, line->key);
        char text[LINE_TEXT_BYTES];

        (void)snprintf(text, sizeof(text), "route %s, leg %s, %s to %s, reason %s",
                       text_of(books_name(books, key->route)), text_of(books_name(books, key->leg)),
                       record_class_word((enum record_class)key->fate),
                       text_of(books_name(books, key->to)),
                       text_of(books_name(books, key->reason)));
        add_line(lines, text, -(int64_t)line->count, -(int64_t)line->sum.micros);
    }
}

static void judge_lines(const struct lines *lines, int32_t partition, struct ledger *ledger)
{
    for (size_t i = 0; i < RECORD_CLASS_COUNT; i++) {
        if (lines->events[i] != 0) {
            ledger_fail(ledger, "ledger, partition %d: %+" PRId64 " events %s", (int)partition,
                        -lines->events[i], record_class_word((enum record_class)i));
        }
    }
    for (size_t i = 0; i < lines->count; i++) {
        const struct line *line = &lines->items[i];

        if (line->count != 0 || line->micros != 0) {
            ledger_fail(ledger, "ledger, partition %d: %+" PRId64 " legs, value %+lld micros: %s",
                        (int)partition, -line->count, -(long long)line->micros, line->text);
        }
    }
}

static bool is_gap(const struct ledger *ledger, int32_t partition, const struct record_run *run)
{
    bool is_gone = true;

    for (int64_t at = run->from; at < run->to && is_gone; at++) {
        is_gone =
            at < (int64_t)ledger->counts[partition] &&
            (ledger->events[partition][at].is_gap || !ledger->events[partition][at].is_record);
    }
    return is_gone;
}

/* The book has every offset below the commit, but for what the core named as gone. */
static void judge_holes(const struct book *book, struct ledger *ledger)
{
    struct book_hole *holes;
    size_t count = book_holes(book, &holes);

    for (size_t i = 0; i < count; i++) {
        if (holes[i].cause != BOOK_GAP || !is_gap(ledger, book->partition, &holes[i].run)) {
            ledger_fail(ledger, "ledger, partition %d: a hole %" PRId64 "..%" PRId64 " of cause %d",
                        (int)book->partition, holes[i].run.from, holes[i].run.to,
                        (int)holes[i].cause);
        }
    }
    free(holes);
    if (book->committed != book->head) {
        ledger_fail(ledger, "ledger, partition %d: committed at %" PRId64 ", told up to %" PRId64,
                    (int)book->partition, book->committed, book->head);
    }
}

void sim_account_compare(struct sim_account *account, const struct books *books,
                         const struct book *book, struct ledger *ledger)
{
    struct lines *lines = mem_new(struct lines);
    struct books_counts sum = {0};
    uint64_t untold = 0;

    for (size_t i = 0; i < account->counts[book->partition]; i++) {
        const struct known *place = &account->places[book->partition][i];

        if (place->counted > 0) {
            add_told(account, lines, &place->told[place->counted - 1]);
        }
    }
    book_sum(book, &sum, &untold);
    if (untold > 0) {
        ledger_fail(ledger, "ledger, partition %d: %" PRIu64 " events are untold",
                    (int)book->partition, untold);
    }
    take_book(books, &sum, lines);
    judge_lines(lines, book->partition, ledger);
    judge_holes(book, ledger);
    books_counts_fini(&sum);
    free(lines);
}
