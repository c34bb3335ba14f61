/* From finished books to what does not balance, and to sums. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/topic_scan.h"
#include "recovery/reconcile.h"

/* Beyond these the records of a stretch are not counted, and its offsets stand for them. */
enum { READ_OFFSETS_MAX = 1000000, READS_MAX = 500 };

void reconcile_add(struct reconcile *reconcile, const struct reconcile_finding *finding)
{
    if (reconcile->finding_count == RECONCILE_FINDINGS_MAX) {
        reconcile->findings_left_out++;
        return;
    }
    reconcile->findings =
        mem_grow(reconcile->findings, reconcile->finding_count + 1, sizeof(reconcile->findings[0]));
    reconcile->findings[reconcile->finding_count++] = *finding;
}

/* Records, not offsets: transactions and compaction leave offsets that hold none. */
static enum err_code count_records(struct reconcile *reconcile, struct reconcile_finding *at,
                                   struct err *err)
{
    struct scan_range range = {
        .since_ms = -1, .partition = at->partition, .from = at->run.from, .to = at->run.to};
    struct topic_scan *scan = NULL;
    enum scan_step step = SCAN_WAIT;
    enum err_code rc;
    char *name;

    at->count = (uint64_t)(at->run.to - at->run.from);
    at->is_offsets = true;
    if (at->count == 0 || at->count > READ_OFFSETS_MAX || reconcile->reads++ >= READS_MAX) {
        return ERR_OK;
    }
    name = mem_text(at->topic);
    rc = topic_scan_open(reconcile->config, name, &range, &scan, err);
    free(name);
    if (rc != ERR_OK) {
        return rc;
    }
    at->count = 0;
    at->is_offsets = false;
    while (step == SCAN_WAIT || step == SCAN_RECORD) {
        rd_kafka_message_t *message = NULL;

        step = topic_scan_next(scan, &message, err);
        if (step == SCAN_RECORD) {
            at->count++;
            rd_kafka_message_destroy(message);
        }
    }
    topic_scan_close(scan);
    return step == SCAN_FAILED ? err->code : ERR_OK;
}

/* The part of @at that retention took cannot be read: its offsets are counted. */
static enum err_code count_above(struct reconcile *reconcile, struct reconcile_finding *at,
                                 int64_t low, struct err *err)
{
    struct reconcile_finding rest = *at;
    uint64_t gone = low > at->run.from ? (uint64_t)(MIN_OF(low, at->run.to) - at->run.from) : 0;
    enum err_code rc = ERR_OK;

    rest.run.from += (int64_t)gone;
    if (low < 0) {
        rest.is_offsets = true;
        rest.count = (uint64_t)(rest.run.to - rest.run.from);
    } else {
        rc = count_records(reconcile, &rest, err);
    }
    at->count = rest.count + gone;
    at->is_offsets = rest.is_offsets || gone > 0;
    return rc;
}

/* one partition */

static const char *hole_text(const struct reconcile_topic *topic, const struct book_hole *hole,
                             int32_t partition)
{
    switch (hole->cause) {
    case BOOK_MOVED:
        return "the committed offset was moved forward by hand, or an instance without ledger "
               "committed them";
    case BOOK_MISSING:
        return "records of the ledger are missing";
    case BOOK_GAP:
        return "retention took them before they were read (kafka.on_gap: skip)";
    case BOOK_SETTLED:
        return "a commit says that they were settled, and no record of the ledger does";
    case BOOK_BEYOND:
        return topic->after[partition].sort == METADATA_OURS
                   ? "committed by an instance without ledger, or records of the ledger are missing"
                   : "the committed offset was moved forward by hand: it has no metadata of detour";
    case BOOK_UNKNOWN:
        break;
    }
    return "the ledger has nothing of them";
}

static bool is_in_window(const struct reconcile *reconcile, int64_t at_ms)
{
    if (at_ms < 0) { /* now */
        return reconcile->window.until_ms == INT64_MAX;
    }
    return at_ms >= reconcile->window.since_ms && at_ms < reconcile->window.until_ms;
}

static enum err_code account_holes(struct reconcile *reconcile, const struct reconcile_topic *topic,
                                   const struct book *book, struct err *err)
{
    struct book_hole *holes = NULL;
    size_t count = book_holes(book, &holes);
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        struct reconcile_finding finding = {.topic = topic->topic,
                                            .partition = book->partition,
                                            .run = holes[i].run,
                                            .is_failure = true,
                                            .text = hole_text(topic, &holes[i], book->partition)};

        if (!is_in_window(reconcile, holes[i].at_ms)) {
            continue;
        }
        rc = count_above(reconcile, &finding,
                         holes[i].is_old_log ? INT64_MAX : topic->low[book->partition], err);
        if (finding.count > 0) {
            reconcile->unaccounted += finding.count;
            reconcile_add(reconcile, &finding);
        }
    }
    free(holes);
    return rc;
}

static enum err_code account_open(struct reconcile *reconcile, const struct reconcile_topic *topic,
                                  const struct book *book, struct err *err)
{
    int64_t high = topic->high[book->partition];
    struct reconcile_finding waiting = {.topic = topic->topic,
                                        .partition = book->partition,
                                        .run = {MAX_OF(book->head, book->ahead_end), high}};
    struct books_runs runs = {0};
    enum err_code rc = ERR_OK;

    if (reconcile->window.until_ms != INT64_MAX || high < 0) {
        return ERR_OK;
    }
    book_in_flight(book, &runs);
    for (size_t i = 0; i < runs.count && rc == ERR_OK; i++) {
        struct reconcile_finding open = waiting;

        open.run = runs.items[i];
        rc = count_above(reconcile, &open, topic->low[book->partition], err);
        reconcile->in_flight += open.count;
    }
    books_runs_fini(&runs);
    if (rc == ERR_OK && waiting.run.to > waiting.run.from) {
        waiting.run.from = MAX_OF(waiting.run.from, topic->low[book->partition]);
        rc = count_records(reconcile, &waiting, err);
        reconcile->waiting += waiting.count;
    }
    return rc;
}

static void add_text(struct reconcile *reconcile, const struct reconcile_topic *topic,
                     const struct book *book, struct record_run run, const char *text)
{
    struct reconcile_finding finding = {.topic = topic->topic,
                                        .partition = book->partition,
                                        .run = run,
                                        .count = (uint64_t)(run.to - run.from),
                                        .is_offsets = true,
                                        .text = text};

    reconcile_add(reconcile, &finding);
}

/* What is worth knowing of a partition, and what spoils the proof. */
static void account_remarks(struct reconcile *reconcile, const struct reconcile_topic *topic,
                            const struct book *book)
{
    struct record_run nowhere = {book->begin, book->begin};

    for (size_t i = 0; i < book->rewind_count; i++) {
        if (is_in_window(reconcile, book->rewinds[i].at_ms)) {
            add_text(reconcile, topic, book, book->rewinds[i].run,
                     book->rewinds[i].is_forgotten
                         ? "the group had no offset any more (its topic was made anew, or the "
                           "offset expired or was deleted): what came from there on counts besides "
                           "what was counted before"
                         : "the committed offset was moved back by hand: these were delivered "
                           "again, and count as the last time");
        }
    }
    if (book->rewound_now.run.from < book->rewound_now.run.to) {
        add_text(reconcile, topic, book, book->rewound_now.run,
                 "the committed offset was moved back by hand: these will be delivered again");
    }
    if (book->is_scattered) {
        add_text(reconcile, topic, book, nowhere,
                 "its records stand in several partitions of the ledger, which got more: their "
                 "order is lost");
        reconcile->findings[reconcile->finding_count - 1].is_failure = true;
    }
    if (book->begins_amid && !reconcile->reader.is_truncated) {
        add_text(reconcile, topic, book, nowhere,
                 "the ledger begins here in the middle of a session: what was before is missing, "
                 "and retention has not taken it");
        reconcile->findings[reconcile->finding_count - 1].is_failure = true;
    }
}

static void account_untold(struct reconcile *reconcile, const struct reconcile_topic *topic,
                           const struct book *book)
{
    for (size_t i = 0; i < book->cover.count; i++) {
        const struct books_stretch *stretch = &book->cover.items[i];
        struct reconcile_finding finding = {
            .topic = topic->topic,
            .partition = book->partition,
            .run = stretch->run,
            .count = stretch->untold,
            .is_failure = true,
            .text = "settled, but the books cannot tell how: the stretch was cut where the "
                    "committed offset was moved"};

        if (stretch->untold > 0) {
            reconcile_add(reconcile, &finding);
        }
    }
}

/* The group has committed something, and the ledger has nothing. */
static void account_absent(struct reconcile *reconcile, const struct reconcile_topic *topic,
                           int32_t partition)
{
    int64_t offset = topic->after[partition].offset;
    struct reconcile_finding finding = {
        .topic = topic->topic,
        .partition = partition,
        .run = {MAX_OF(topic->low[partition], 0), offset},
        .is_offsets = true,
        .is_failure = true,
        .text = "committed, and the ledger has nothing of this partition"};

    if (finding.run.to > finding.run.from && reconcile->window.since_ms == INT64_MIN) {
        finding.count = (uint64_t)(finding.run.to - finding.run.from);
        reconcile->unaccounted += finding.count;
        reconcile_add(reconcile, &finding);
    }
    if (topic->high[partition] > MAX_OF(offset, topic->low[partition])) {
        reconcile->waiting +=
            (uint64_t)(topic->high[partition] - MAX_OF(offset, topic->low[partition]));
    }
}

static enum err_code account_topic(struct reconcile *reconcile, const struct reconcile_topic *topic,
                                   struct err *err)
{
    enum err_code rc = ERR_OK;

    if (topic->is_gone) {
        reconcile_add(reconcile, &(struct reconcile_finding){
                                     .topic = topic->topic,
                                     .partition = -1,
                                     .is_failure = true,
                                     .text = "there is no such topic: nothing can be compared"});
    }
    for (size_t i = 0; i < topic->count && rc == ERR_OK; i++) {
        const struct book *book = topic->books[i];

        if (book == NULL) {
            account_absent(reconcile, topic, (int32_t)i);
            continue;
        }
        reconcile->book_count++;
        if (!book->begins_first) {
            reconcile->provable_ms = MAX_OF(reconcile->provable_ms, book->begin_ms);
        }
        account_remarks(reconcile, topic, book);
        account_untold(reconcile, topic, book);
        rc = account_holes(reconcile, topic, book, err);
        if (rc == ERR_OK) {
            rc = account_open(reconcile, topic, book, err);
        }
    }
    return rc;
}

/* jobs */

/* Those that an earlier export has not. */
static uint64_t exported_by(const struct books_job *job)
{
    json_int_t all = json_integer_value(json_object_get(job->counts, "exported"));
    json_int_t again = json_integer_value(json_object_get(job->counts, "again"));

    return all > 0 && again >= 0 && again < all ? (uint64_t)(all - again) : 0;
}

static bool is_backfill(const struct reconcile *reconcile, struct span group)
{
    struct span own = reconcile->config->kafka.group;

    return reconcile_is_ours(reconcile, group) &&
           span_starts(span_sub(group, own.len, group.len), SPAN(".backfill."));
}

static void follow(struct reconcile *reconcile)
{
    struct reconcile_followed *followed = &reconcile->followed;
    const struct books *books = reconcile->books;
    struct books_counts sum = {0};
    uint64_t untold = 0;
    uint64_t diverted = 0;

    for (size_t i = 0; i < books->count; i++) {
        if (is_backfill(reconcile, books_name(books, books->items[i]->group))) {
            book_sum(books->items[i], &sum, &untold);
        }
    }
    for (size_t i = 0; i < sum.count; i++) {
        const struct books_key *key = books_key_get(&books->words, sum.lines[i].key);
        struct span reason = books_name(books, key->reason);
        uint64_t count = sum.lines[i].count;

        if (key->fate == RECORD_DELIVERED) {
            followed->backfilled += count;
        } else if (key->fate == RECORD_SKIPPED &&
                   (span_is(reason, "too_old") || span_is(reason, "expired"))) {
            followed->expired += count;
        } else if ((key->fate == RECORD_SKIPPED && !span_is(reason, "not_selected")) ||
                   key->fate == RECORD_DEAD_LETTERED) {
            followed->skipped += count;
        }
    }
    books_counts_fini(&sum);
    for (size_t i = 0; i < books->job_count; i++) {
        if (span_is(books->jobs[i].job, "export") && books->jobs[i].state == STATE_ENDED &&
            reconcile_is_main(reconcile, books->jobs[i].group)) {
            followed->exported += exported_by(&books->jobs[i]);
        }
    }
    for (size_t i = 0; i < reconcile->sum.count; i++) {
        const struct books_key *key = books_key_get(&books->words, reconcile->sum.lines[i].key);

        diverted += key->fate == RECORD_DIVERTED ? reconcile->sum.lines[i].count : 0;
    }
    followed->decided = decisions_count(reconcile->decisions, DECISION_SKIPPED,
                                        reconcile->window.since_ms, reconcile->window.until_ms);
    diverted -= MIN_OF(diverted, followed->backfilled + followed->expired + followed->skipped);
    followed->waiting = diverted;
}

/* the whole */

uint64_t reconcile_consumed(const struct reconcile *reconcile)
{
    return books_counts_events(&reconcile->sum) + reconcile->in_flight + reconcile->untold +
           reconcile->unaccounted;
}

enum err_code reconcile_account(struct reconcile *reconcile, struct err *err)
{
    enum err_code rc = ERR_OK;
    bool is_failure = false;

    books_sum(reconcile->books, reconcile->config->kafka.group, &reconcile->sum,
              &reconcile->untold);
    for (size_t i = 0; i < reconcile->topic_count && rc == ERR_OK; i++) {
        if (reconcile_is_main(reconcile, reconcile->topics[i].group)) {
            rc = account_topic(reconcile, &reconcile->topics[i], err);
        }
    }
    follow(reconcile);
    for (size_t i = 0; i < reconcile->finding_count; i++) {
        is_failure = is_failure || reconcile->findings[i].is_failure;
    }
    reconcile->is_ok = !is_failure && reconcile->findings_left_out == 0 &&
                       reconcile->unaccounted == 0 && reconcile->untold == 0 &&
                       reconcile->book_count > 0 &&
                       (reconcile->window.since_ms == INT64_MIN ||
                        reconcile->window.since_ms >= reconcile->provable_ms);
    return rc;
}
