/*
 * The records of alternate and dead-letter topics against the books, by outage and reason.
 *
 * A record is known by the place of its source record, its leg, its reason and its outage, so that
 * one that was written twice counts once. What the topics have more than the books was not
 * committed yet, or was sent again: that is no loss. What they have less is one, unless retention
 * took it.
 *
 * Memory does not grow with the number of records (distinct.h).
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "event/verdict.h"
#include "kafka/headers.h"
#include "kafka/topic_scan.h"
#include "recovery/distinct.h"
#include "recovery/reconcile.h"

/* What the books have of one reason in one outage, and what the topics have. */
struct expected {
    enum reason reason; /* NONE: none that is known */
    struct span outage; /* the books'; absent: of none */
    uint64_t wanted, found;
};

struct deep {
    struct reconcile *reconcile;
    enum record_class class;
    struct distinct *distinct; /* owned */
    struct expected *expected; /* owned; sorted, each once */
    size_t count;
    bool is_truncated;
};

static enum reason reason_of(struct span word)
{
    for (unsigned i = REASON_NONE + 1; i < REASON_COUNT; i++) {
        if (span_is(word, reason_word((enum reason)i))) {
            return (enum reason)i;
        }
    }
    return REASON_NONE;
}

/* what the books have */

static int compare(const void *a, const void *b)
{
    const struct expected *one = a;
    const struct expected *other = b;

    return one->reason != other->reason ? (one->reason > other->reason ? 1 : -1)
                                        : span_cmp(one->outage, other->outage);
}

static void expect(struct deep *deep)
{
    const struct reconcile *reconcile = deep->reconcile;
    const struct books *books = reconcile->books;
    size_t kept = 0;

    deep->expected = mem_array(reconcile->sum.count + 1, struct expected);
    for (size_t i = 0; i < reconcile->sum.count; i++) {
        const struct books_key *key = books_key_get(&books->words, reconcile->sum.lines[i].key);

        if (key->fate == (uint32_t)deep->class && reconcile->sum.lines[i].count > 0) {
            deep->expected[deep->count++] =
                (struct expected){.reason = reason_of(books_name(books, key->reason)),
                                  .outage = books_name(books, key->outage),
                                  .wanted = reconcile->sum.lines[i].count};
        }
    }
    qsort(deep->expected, deep->count, sizeof(*deep->expected), compare);
    for (size_t i = 0; i < deep->count; i++) {
        if (kept > 0 && compare(&deep->expected[kept - 1], &deep->expected[i]) == 0) {
            deep->expected[kept - 1].wanted += deep->expected[i].wanted;
        } else {
            deep->expected[kept++] = deep->expected[i];
        }
    }
    deep->count = kept;
}

/* what the topics have */

static uint64_t hash_of(const rd_kafka_headers_t *headers)
{
    static const enum header_field fields[] = {
        HEADER_SOURCE_TOPIC, HEADER_SOURCE_PARTITION, HEADER_SOURCE_OFFSET, HEADER_ROUTE,
        HEADER_LEG,          HEADER_REASON,           HEADER_OUTAGE};
    uint64_t hash = 0;

    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        hash = hash * 0x9e3779b97f4a7c15u + span_hash(header_get(headers, header_name(fields[i])));
    }
    return hash;
}

/* A dead letter in parts is one: its first part stands for all. What the books do not have is not
 * looked at: it cannot be missing. */
static void take(struct deep *deep, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    struct expected wanted;
    struct expected *at;

    (void)rd_kafka_message_headers(message, &headers);
    if (headers == NULL || header_get(headers, header_name(HEADER_REASON)).ptr == NULL) {
        return; /* a record whose first destination the topic is */
    }
    wanted = (struct expected){
        .reason = reason_of(header_get(headers, header_name(HEADER_REASON))),
        .outage = header_get(headers, header_name(HEADER_OUTAGE)),
    };
    at = deep->count == 0
             ? NULL
             : bsearch(&wanted, deep->expected, deep->count, sizeof(*deep->expected), compare);
    if (at != NULL && distinct_add(deep->distinct, hash_of(headers))) {
        at->found++;
    }
}

static enum err_code open_topic(struct deep *deep, struct span topic, struct topic_scan **scan,
                                struct err *err)
{
    char *name = mem_text(topic);
    enum err_code rc = topic_scan_open(deep->reconcile->config, name, &SCAN_ALL, scan, err);

    free(name);
    return rc;
}

static enum err_code read_topic(struct deep *deep, struct span topic, struct err *err)
{
    struct topic_scan *scan = NULL;
    struct progress progress;
    enum scan_step step = SCAN_WAIT;
    enum err_code rc = open_topic(deep, topic, &scan, err);

    if (rc != ERR_OK) {
        return rc;
    }
    progress_begin(&progress, "reading", PROGRESS_COUNT, topic_scan_total(scan));
    while (step == SCAN_WAIT || step == SCAN_RECORD) {
        rd_kafka_message_t *message = NULL;

        step = topic_scan_next(scan, &message, err);
        if (step == SCAN_RECORD) {
            take(deep, message);
            rd_kafka_message_destroy(message);
        }
        progress_turn(&progress, topic_scan_done(scan), NULL);
    }
    progress_clear(&progress);
    topic_scan_close(scan);
    return step == SCAN_FAILED ? err->code : ERR_OK;
}

static enum err_code measure_topic(struct deep *deep, struct span topic, uint64_t *records,
                                   struct err *err)
{
    struct topic_scan *scan = NULL;
    enum err_code rc = open_topic(deep, topic, &scan, err);
    int64_t first;
    int64_t end;

    for (int32_t i = 0; rc == ERR_OK && i < topic_scan_partitions(scan); i++) {
        deep->is_truncated =
            deep->is_truncated || (topic_scan_bounds(scan, i, &first, &end) && first > 0);
    }
    *records += rc == ERR_OK ? topic_scan_total(scan) : 0;
    topic_scan_close(scan);
    return rc;
}

/* Topics may be shared by destinations: each is read once. */
static bool is_read(const struct deep *deep, size_t index)
{
    const struct config *config = deep->reconcile->config;
    const struct config_destination *at = &config->destinations[index];

    for (size_t i = 0; i < index; i++) {
        if (span_eq(config->destinations[i].topic, at->topic)) {
            return false;
        }
    }
    return at->topic.len > 0 &&
           (at == config->dead_letter) == (deep->class == RECORD_DEAD_LETTERED);
}

static enum err_code read_topics(struct deep *deep, struct err *err)
{
    const struct config *config = deep->reconcile->config;
    uint64_t records = 0;
    unsigned passes = 0;
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < config->destination_count && rc == ERR_OK; i++) {
        if (is_read(deep, i)) {
            rc = measure_topic(deep, config->destinations[i].topic, &records, err);
        }
    }
    passes = distinct_passes(deep->distinct, records);
    for (unsigned pass = 0; pass < passes && rc == ERR_OK; pass++) {
        distinct_begin(deep->distinct, pass, passes);
        for (size_t i = 0; i < config->destination_count && rc == ERR_OK; i++) {
            if (is_read(deep, i)) {
                rc = read_topic(deep, config->destinations[i].topic, err);
            }
        }
    }
    return rc == ERR_OK ? distinct_end(deep->distinct, err) : rc;
}

/* Fewer records than the books say. */
static void tell_missing(const struct deep *deep)
{
    struct reconcile *reconcile = deep->reconcile;

    for (size_t i = 0; i < deep->count; i++) {
        const struct expected *at = &deep->expected[i];
        struct reconcile_finding finding = {
            .topic =
                at->reason == REASON_NONE ? SPAN("(no reason)") : span_of(reason_word(at->reason)),
            .outage = at->outage,
            .partition = -1,
            .count = at->wanted > at->found ? at->wanted - at->found : 0,
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

enum err_code reconcile_deep(struct reconcile *reconcile, struct err *err)
{
    static const enum record_class classes[] = {RECORD_DIVERTED, RECORD_DEAD_LETTERED};
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < COUNT_OF(classes) && rc == ERR_OK; i++) {
        struct deep deep = {.reconcile = reconcile, .class = classes[i]};

        deep.distinct = distinct_new(0);
        expect(&deep);
        rc = read_topics(&deep, err);
        if (rc == ERR_OK) {
            tell_missing(&deep);
        }
        free(deep.expected);
        distinct_free(deep.distinct);
    }
    return rc;
}
