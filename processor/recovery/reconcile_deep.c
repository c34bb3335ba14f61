/*
 * The records of alternate and dead-letter topics against the books, by reason.
 *
 * A record is known by the place of its source record, its leg and its reason, so that one that was
 * written twice counts once. What the topics have more than the books was not committed yet, or was
 * sent again: that is no loss. What they have less is one, unless retention took it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "event/verdict.h"
#include "kafka/headers.h"
#include "kafka/topic_scan.h"
#include "recovery/reconcile.h"

enum { FIRST_SLOTS = 1 << 16 };

/* Hashes of what was seen; 0 is an empty slot. */
struct seen {
    uint64_t *slots; /* owned */
    size_t size, used;
};

struct deep {
    struct reconcile *reconcile;
    struct seen seen;
    uint64_t found[REASON_COUNT]; /* the last also stands for reasons that are not known */
    bool is_truncated;
};

static bool put(struct seen *seen, uint64_t hash)
{
    size_t at = hash & (seen->size - 1);

    while (seen->slots[at] != 0 && seen->slots[at] != hash) {
        at = (at + 1) & (seen->size - 1);
    }
    if (seen->slots[at] == hash) {
        return false;
    }
    seen->slots[at] = hash;
    seen->used++;
    return true;
}

/* True: it was not there. */
static bool seen_add(struct seen *seen, uint64_t hash)
{
    hash = hash == 0 ? 1 : hash;
    if (seen->used * 2 >= seen->size) {
        struct seen larger = {.size = seen->size == 0 ? FIRST_SLOTS : seen->size * 2};

        larger.slots = mem_array(larger.size, uint64_t);
        for (size_t i = 0; i < seen->size; i++) {
            if (seen->slots[i] != 0) {
                (void)put(&larger, seen->slots[i]);
            }
        }
        free(seen->slots);
        *seen = larger;
    }
    return put(seen, hash);
}

static enum reason reason_of(struct span word)
{
    for (unsigned i = REASON_NONE + 1; i < REASON_COUNT; i++) {
        if (span_is(word, reason_word((enum reason)i))) {
            return (enum reason)i;
        }
    }
    return REASON_NONE;
}

static uint64_t hash_of(const rd_kafka_headers_t *headers)
{
    static const enum header_field fields[] = {HEADER_SOURCE_TOPIC,  HEADER_SOURCE_PARTITION,
                                               HEADER_SOURCE_OFFSET, HEADER_ROUTE,
                                               HEADER_LEG,           HEADER_REASON};
    uint64_t hash = 0;

    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        hash = hash * 0x9e3779b97f4a7c15u + span_hash(header_get(headers, header_name(fields[i])));
    }
    return hash;
}

/* A dead letter in parts is one: its first part stands for all. */
static void take(struct deep *deep, const rd_kafka_message_t *message, enum record_class class)
{
    rd_kafka_headers_t *headers = NULL;
    enum reason reason;

    (void)rd_kafka_message_headers(message, &headers);
    if (headers == NULL || header_get(headers, header_name(HEADER_REASON)).ptr == NULL) {
        return; /* a record whose first destination the topic is */
    }
    reason = reason_of(header_get(headers, header_name(HEADER_REASON)));
    if (seen_add(&deep->seen, hash_of(headers) ^ (uint64_t) class)) {
        deep->found[reason]++;
    }
}

static enum err_code read_topic(struct deep *deep, struct span topic, enum record_class class,
                                struct err *err)
{
    struct topic_scan *scan = NULL;
    struct progress progress;
    enum scan_step step = SCAN_WAIT;
    char *name = mem_text(topic);
    enum err_code rc = topic_scan_open(deep->reconcile->config, name, &SCAN_ALL, &scan, err);
    int64_t first;
    int64_t end;

    free(name);
    if (rc != ERR_OK) {
        return rc;
    }
    for (int32_t i = 0; i < topic_scan_partitions(scan); i++) {
        deep->is_truncated =
            deep->is_truncated || (topic_scan_bounds(scan, i, &first, &end) && first > 0);
    }
    progress_begin(&progress, "reading", PROGRESS_COUNT, topic_scan_total(scan));
    while (step == SCAN_WAIT || step == SCAN_RECORD) {
        rd_kafka_message_t *message = NULL;

        step = topic_scan_next(scan, &message, err);
        if (step == SCAN_RECORD) {
            take(deep, message, class);
            rd_kafka_message_destroy(message);
        }
        progress_turn(&progress, topic_scan_done(scan), NULL);
    }
    progress_clear(&progress);
    topic_scan_close(scan);
    return step == SCAN_FAILED ? err->code : ERR_OK;
}

/* Fewer records than the books say. */
static void compare(struct deep *deep, enum record_class class)
{
    struct reconcile *reconcile = deep->reconcile;
    const struct books *books = reconcile->books;
    uint64_t wanted[REASON_COUNT] = {0};

    for (size_t i = 0; i < reconcile->sum.count; i++) {
        const struct books_key *key = books_key_get(&books->words, reconcile->sum.lines[i].key);

        if (key->fate == (uint32_t) class) {
            wanted[reason_of(books_name(books, key->reason))] += reconcile->sum.lines[i].count;
        }
    }
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        struct reconcile_finding finding = {
            .topic = i == REASON_NONE ? SPAN("(no reason)") : span_of(reason_word((enum reason)i)),
            .partition = -1,
            .count = wanted[i] > deep->found[i] ? wanted[i] - deep->found[i] : 0,
            .is_failure = !deep->is_truncated,
            .text = deep->is_truncated
                        ? "fewer records with this reason than in the books; retention took some"
                        : "fewer records with this reason than in the books"};

        if (finding.count > 0) {
            reconcile_add(reconcile, &finding);
            reconcile->is_ok = reconcile->is_ok && !finding.is_failure;
        }
    }
}

/* Topics may be shared by destinations: each is read once. */
static enum err_code read_topics(struct deep *deep, enum record_class class, struct err *err)
{
    const struct config *config = deep->reconcile->config;
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < config->destination_count && rc == ERR_OK; i++) {
        const struct config_destination *at = &config->destinations[i];
        bool is_dead_letter = at == config->dead_letter;
        bool is_repeated = false;

        for (size_t j = 0; j < i; j++) {
            is_repeated = is_repeated || span_eq(config->destinations[j].topic, at->topic);
        }
        if (at->topic.len > 0 && !is_repeated &&
            is_dead_letter == (class == RECORD_DEAD_LETTERED)) {
            rc = read_topic(deep, at->topic, class, err);
        }
    }
    return rc;
}

enum err_code reconcile_deep(struct reconcile *reconcile, struct err *err)
{
    static const enum record_class classes[] = {RECORD_DIVERTED, RECORD_DEAD_LETTERED};
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < COUNT_OF(classes) && rc == ERR_OK; i++) {
        struct deep deep = {.reconcile = reconcile};

        rc = read_topics(&deep, classes[i], err);
        if (rc == ERR_OK) {
            compare(&deep, classes[i]);
        }
        free(deep.seen.slots);
    }
    return rc;
}
