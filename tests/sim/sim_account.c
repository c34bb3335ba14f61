#include "sim_account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "offsets/metadata.h"
#include "sim_inside.h"

enum { PARTITIONS = 8, LINE_TEXT_BYTES = 160, LINES_MAX = 256, NEW_LOGS_MAX = 64 };

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

/* One partition. */
struct account_part {
    struct known *places; /* owned; by offset */
    size_t count;
    struct lines old_logs; /* what was committed of the logs before */
    struct new_log {
        struct sim_session session;
        bool is_first;
    } new_logs[NEW_LOGS_MAX]; /* sessions that began one, and committed nothing */
    size_t new_log_count;
    bool has_commit;          /* of this log; then also ... */
    struct sim_session first; /* ... who sent the first one ... */
    int64_t first_from;
    bool is_sure;            /* ... and whether another tally has told of it */
    int64_t committed;       /* the last offset ... */
    struct sim_session last; /* ... and who committed it */
};

struct sim_account {
    const struct config *config;
    struct account_part parts[PARTITIONS];
};

/* What the ledger says, compared with the account. */
enum bound { BOUND_EQUAL, BOUND_AT_LEAST, BOUND_AT_MOST };

struct sim_account *sim_account_new(const struct config *config)
{
    struct sim_account *account = mem_new(struct sim_account);

    account->config = config;
    return account;
}

void sim_account_free(struct sim_account *account)
{
    for (size_t p = 0; p < PARTITIONS; p++) {
        struct account_part *part = &account->parts[p];

        for (size_t i = 0; i < part->count; i++) {
            free(part->places[i].told);
        }
        free(part->places);
    }
    free(account);
}

static struct known *place_at(struct sim_account *account, int32_t partition, int64_t offset)
{
    struct account_part *part = &account->parts[partition];

    if ((size_t)offset >= part->count) {
        size_t grown = MAX_OF((size_t)offset + 1, part->count * 2 + 64);

        part->places = mem_grow(part->places, grown, sizeof(struct known));
        memset(part->places + part->count, 0, (grown - part->count) * sizeof(struct known));
        part->count = grown;
    }
    return &part->places[offset];
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

/* lines */

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

/* other logs */

void sim_account_new_log(struct sim_account *account, const struct sim_session *session,
                         bool is_first)
{
    struct account_part *part = &account->parts[session->partition];

    INVARIANT(part->new_log_count < NEW_LOGS_MAX);
    part->new_logs[part->new_log_count++] = (struct new_log){*session, is_first};
}

static bool is_same(const struct sim_session *one, const struct sim_session *other)
{
    return one->life == other->life && one->epoch == other->epoch;
}

static void add_counted(const struct sim_account *account, const struct account_part *part,
                        struct lines *lines)
{
    for (size_t i = 0; i < part->count; i++) {
        const struct known *place = &part->places[i];

        if (place->counted > 0) {
            add_told(account, lines, &place->told[place->counted - 1]);
        }
    }
}

static void close_log(struct sim_account *account, struct account_part *part)
{
    add_counted(account, part, &part->old_logs);
    for (size_t i = 0; i < part->count; i++) {
        part->places[i].counted = 0;
    }
    part->has_commit = false;
    part->is_sure = false;
    part->committed = 0;
}

/* What was committed before is of another log, if the session began one and commits the first time.
 * A group without an offset may never have had one. */
static void begin_log(struct sim_account *account, const struct sim_session *session)
{
    struct account_part *part = &account->parts[session->partition];

    for (size_t i = 0; i < part->new_log_count; i++) {
        bool is_first = part->new_logs[i].is_first;

        if (is_same(&part->new_logs[i].session, session)) {
            part->new_logs[i] = part->new_logs[--part->new_log_count];
            if (!is_first || part->is_sure) {
                close_log(account, part);
            }
        }
    }
}

static void note_commit(struct account_part *part, const struct sim_session *session, int64_t from)
{
    if (part->has_commit) {
        part->is_sure |= from != part->first_from || !is_same(&part->first, session);
    } else {
        part->has_commit = true;
        part->first = *session;
        part->first_from = from;
    }
}

/* What a commit before this one kept beyond @offset, and this one does not, is sent again. */
static void forget_beyond(struct account_part *part, int64_t offset, const struct metadata *kept)
{
    size_t run = 0;

    for (size_t at = (size_t)MAX_OF(offset, (int64_t)0); at < part->count; at++) {
        while (run < kept->run_count && kept->runs[run].to <= (int64_t)at) {
            run++;
        }
        if (run == kept->run_count || kept->runs[run].from > (int64_t)at) {
            part->places[at].counted = 0;
        }
    }
}

/* The offset went back, and what lies there was read again, as far as it is there. */
static void forget_again(struct sim_account *account, const struct sim_session *session,
                         int64_t from, int64_t to)
{
    for (int64_t offset = from; offset < to; offset++) {
        place_at(account, session->partition, offset)->counted = 0;
    }
}

void sim_account_committed(struct sim_account *account, const struct sim_session *session,
                           int64_t from, int64_t offset, struct span metadata)
{
    const struct metadata_place place = {account->config->kafka.topics[0], session->partition,
                                         offset};
    struct account_part *part = &account->parts[session->partition];
    struct metadata out;

    begin_log(account, session);
    note_commit(part, session, from);
    if (!is_same(&part->last, session)) { /* else the answer to its last commit was lost */
        forget_again(account, session, from, MIN_OF(offset, part->committed));
    }
    count_run(account, session, 0, offset);
    (void)metadata_read(metadata, &place, &out);
    forget_beyond(part, offset, &out);
    for (size_t i = 0; i < out.run_count; i++) {
        count_run(account, session, out.runs[i].from, out.runs[i].to);
    }
    part->committed = offset;
    part->last = *session;
    free(out.runs);
}

/* comparing */

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

static bool is_wrong(__int128 missing, enum bound bound)
{
    return bound == BOUND_EQUAL      ? missing != 0
           : bound == BOUND_AT_LEAST ? missing > 0
                                     : missing < 0;
}

static void judge_lines(const struct lines *lines, int32_t partition, enum bound bound,
                        struct ledger *ledger)
{
    static const char *const words[] = {"", ", at least", ", at most"};

    for (size_t i = 0; i < RECORD_CLASS_COUNT; i++) {
        if (is_wrong(lines->events[i], bound)) {
            ledger_fail(ledger, "ledger, partition %d%s: %+" PRId64 " events %s", (int)partition,
                        words[bound], -lines->events[i], record_class_word((enum record_class)i));
        }
    }
    for (size_t i = 0; i < lines->count; i++) {
        const struct line *line = &lines->items[i];

        if (is_wrong(line->count, bound) || is_wrong(line->micros, bound)) {
            ledger_fail(ledger, "ledger, partition %d%s: %+" PRId64 " legs, value %+lld micros: %s",
                        (int)partition, words[bound], -line->count, -(long long)line->micros,
                        line->text);
        }
    }
}

/* Everything that any session settled. */
static void add_settled(const struct sim_account *account, const struct account_part *part,
                        struct lines *lines)
{
    for (size_t i = 0; i < part->count; i++) {
        for (size_t k = 0; k < part->places[i].count; k++) {
            if (part->places[i].told[k].is_settled) {
                add_told(account, lines, &part->places[i].told[k]);
            }
        }
    }
}

static void compare(const struct books *books, const struct book *book, struct lines *lines,
                    enum bound bound, struct ledger *ledger)
{
    struct books_counts sum = {0};
    uint64_t untold = 0;

    book_sum(book, &sum, &untold);
    if (untold > 0 && bound == BOUND_EQUAL) {
        ledger_fail(ledger, "ledger, partition %d: %" PRIu64 " events are untold",
                    (int)book->partition, untold);
    }
    take_book(books, &sum, lines);
    if (bound != BOUND_AT_LEAST || untold == 0) { /* else it was read again from amid a stretch */
        judge_lines(lines, book->partition, bound, ledger);
    }
    books_counts_fini(&sum);
}

void sim_account_compare(struct sim_account *account, const struct books *books,
                         const struct book *book, bool is_changed, struct ledger *ledger)
{
    struct account_part *part = &account->parts[book->partition];
    struct lines *most = mem_new(struct lines);

    add_settled(account, part, most);
    add_counted(account, part, &part->old_logs);
    compare(books, book, &part->old_logs, is_changed ? BOUND_AT_LEAST : BOUND_EQUAL, ledger);
    if (is_changed) {
        compare(books, book, most, BOUND_AT_MOST, ledger);
    }
    sim_judge_holes(book, ledger);
    free(most);
}
