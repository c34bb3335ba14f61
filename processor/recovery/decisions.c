/*
 * Taking: a job's runs wait in its list; `ended` makes them final. Sealing: the final runs of all
 * jobs become stretches that do not overlap, each with its latest decision, so that asking is a
 * binary search.
 */
#include "recovery/decisions.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/topic_scan.h"
#include "ledger/record.h"

enum { RUNS_MAX = 1000000, JOBS_MAX = 16384, CLOCKS_MS = 60 * 1000 };

struct decision_run {
    int32_t partition;
    uint32_t job; /* index */
    int64_t from, to;
};

struct decision_job {
    struct decision decision;  /* its texts are owned */
    struct decision_run *runs; /* owned */
    size_t count, final;       /* the first @final ones count */
};

/* A stretch that is being covered: runs that reach over it, the latest decision on top. */
struct cover {
    const struct decisions *decisions;
    const struct decision_run **heap; /* owned */
    size_t count;
};

struct decisions {
    char *group, *topic;       /* owned, as all below */
    struct decision_job *jobs; /* in the order of their first records */
    size_t job_count;
    size_t runs;                 /* of all jobs */
    struct decision_run *sealed; /* sorted, no two overlap */
    size_t sealed_count;
    bool is_full;
};

const char *decision_word(enum decision_type type)
{
    static const char *const words[DECISION_TYPES] = {"skipped", "exported"};

    PRE(type < DECISION_TYPES);
    return words[type];
}

struct decisions *decisions_new(struct span group, struct span topic)
{
    struct decisions *decisions = mem_new(struct decisions);

    decisions->group = mem_text(group);
    decisions->topic = mem_text(topic);
    return decisions;
}

static void free_texts(struct decision *decision)
{
    free((char *)(uintptr_t)decision->job.ptr);
    free((char *)(uintptr_t)decision->by.ptr);
    free((char *)(uintptr_t)decision->because.ptr);
}

void decisions_free(struct decisions *decisions)
{
    if (decisions == NULL) {
        return;
    }
    for (size_t i = 0; i < decisions->job_count; i++) {
        free_texts(&decisions->jobs[i].decision);
        free(decisions->jobs[i].runs);
    }
    free(decisions->jobs);
    free(decisions->sealed);
    free(decisions->group);
    free(decisions->topic);
    free(decisions);
}

/* taking */

static struct decision_job *job_of(struct decisions *decisions, struct span name)
{
    struct decision_job *job;

    for (size_t i = decisions->job_count; i-- > 0;) { /* its last record was not long ago */
        if (span_eq(decisions->jobs[i].decision.job, name)) {
            return &decisions->jobs[i];
        }
    }
    if (decisions->job_count == JOBS_MAX) {
        decisions->is_full = true;
        return NULL;
    }
    if ((decisions->job_count & (decisions->job_count - 1)) == 0) { /* it doubles */
        decisions->jobs = mem_grow(decisions->jobs, MAX_OF(2 * decisions->job_count, (size_t)1),
                                   sizeof(*decisions->jobs));
    }
    job = &decisions->jobs[decisions->job_count++];
    *job = (struct decision_job){.decision.job = span_of(mem_text(name))};
    return job;
}

static void forget_runs(struct decisions *decisions, struct decision_job *job, size_t kept)
{
    decisions->runs -= job->count - kept;
    job->count = kept;
    job->final = MIN_OF(job->final, kept);
}

static void add_run(struct decisions *decisions, struct decision_job *job, int64_t partition,
                    const json_t *bounds)
{
    const json_t *from = json_array_get(bounds, 0);
    const json_t *to = json_array_get(bounds, 1);

    if (!json_is_integer(from) || !json_is_integer(to) || json_integer_value(from) < 0 ||
        json_integer_value(to) <= json_integer_value(from)) {
        return;
    }
    if (decisions->runs == RUNS_MAX) {
        decisions->is_full = true;
        return;
    }
    if ((job->count & (job->count - 1)) == 0) { /* it doubles */
        job->runs = mem_grow(job->runs, MAX_OF(2 * job->count, (size_t)1), sizeof(*job->runs));
    }
    job->runs[job->count++] = (struct decision_run){.partition = (int32_t)partition,
                                                    .job = (uint32_t)(job - decisions->jobs),
                                                    .from = json_integer_value(from),
                                                    .to = json_integer_value(to)};
    decisions->runs++;
}

static void add_runs(struct decisions *decisions, struct decision_job *job, json_t *records)
{
    const char *name;
    json_t *runs;

    json_object_foreach(records, name, runs)
    {
        const json_t *bounds;
        int64_t partition;
        size_t i;

        if (span_to_i64(span_of(name), &partition) && partition >= 0 && partition <= INT32_MAX) {
            json_array_foreach(runs, i, bounds)
            {
                add_run(decisions, job, partition, bounds);
            }
        }
    }
}

static void keep_text(struct span *kept, struct span told)
{
    free((char *)(uintptr_t)kept->ptr);
    *kept = told.ptr == NULL ? SPAN_NONE : span_of(mem_text(told));
}

static void take_job(struct decisions *decisions, const struct ledger_record *record,
                     enum decision_type type)
{
    struct decision_job *job = job_of(decisions, record->job.name);
    const json_t *because = json_object_get(record->document, "because");

    if (job == NULL) {
        return;
    }
    if (record->job.state == STATE_CANCELLED) {
        forget_runs(decisions, job, 0);
        return;
    }
    if (record->job.state == STATE_STARTED || record->job.state == STATE_STOPPED) {
        forget_runs(decisions, job, job->final);
    }
    add_runs(decisions, job, json_object_get(record->document, "records"));
    if (record->job.state == STATE_ENDED) {
        job->final = job->count;
        job->decision.type = type;
        job->decision.at_ms = record->at_ms;
        keep_text(&job->decision.by, record->job.by);
        keep_text(&job->decision.because,
                  json_is_string(because) ? span_of(json_string_value(because)) : SPAN_NONE);
    }
}

void decisions_take(struct decisions *decisions, struct span key, struct span value)
{
    struct ledger_record record;
    const char *member;
    enum decision_type type;

    if (!span_starts(key, SPAN("job/"))) {
        return;
    }
    if (record_read(value, &record, &member) == RECORD_FINE && record.kind == RECORD_JOB &&
        span_is(record.group, decisions->group) && span_is(record.job.topic, decisions->topic)) {
        type = span_is(record.job.job, "export") ? DECISION_EXPORTED : DECISION_SKIPPED;
        if (type == DECISION_EXPORTED || span_is(record.job.job, "skip")) {
            take_job(decisions, &record, type);
        }
    }
    record_fini(&record);
}

/* sealing */

static int compare_runs(const void *a, const void *b)
{
    const struct decision_run *x = a;
    const struct decision_run *y = b;

    return x->partition != y->partition
               ? (x->partition > y->partition) - (x->partition < y->partition)
               : (x->from > y->from) - (x->from < y->from);
}

static bool is_later(const struct cover *cover, size_t a, size_t b)
{
    const struct decision_job *jobs = cover->decisions->jobs;

    return jobs[cover->heap[a]->job].decision.at_ms > jobs[cover->heap[b]->job].decision.at_ms;
}

static void swap(struct cover *cover, size_t a, size_t b)
{
    const struct decision_run *kept = cover->heap[a];

    cover->heap[a] = cover->heap[b];
    cover->heap[b] = kept;
}

static void push(struct cover *cover, const struct decision_run *run)
{
    size_t at = cover->count++;

    cover->heap[at] = run;
    while (at > 0 && is_later(cover, at, (at - 1) / 2)) {
        swap(cover, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void pop(struct cover *cover)
{
    size_t at = 0;

    cover->heap[0] = cover->heap[--cover->count];
    for (;;) {
        size_t top = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < cover->count; child++) {
            top = is_later(cover, child, top) ? child : top;
        }
        if (top == at) {
            return;
        }
        swap(cover, at, top);
        at = top;
    }
}

static void add_stretch(struct decisions *decisions, const struct decision_run *run, int64_t from,
                        int64_t to)
{
    struct decision_run *last =
        decisions->sealed_count == 0 ? NULL : &decisions->sealed[decisions->sealed_count - 1];

    if (last != NULL && last->partition == run->partition && last->job == run->job &&
        last->to == from) {
        last->to = to;
        return;
    }
    decisions->sealed[decisions->sealed_count++] =
        (struct decision_run){.partition = run->partition, .job = run->job, .from = from, .to = to};
}

/* From the first offset on: what begins there joins, what ends before it goes, and the latest of
 * those that are left has the offsets up to the next change. */
static void cover_partition(struct decisions *decisions, struct cover *cover,
                            const struct decision_run *runs, size_t count)
{
    int64_t at = runs[0].from;
    size_t next = 0;

    while (next < count || cover->count > 0) {
        int64_t to;

        while (next < count && runs[next].from <= at) {
            push(cover, &runs[next++]);
        }
        while (cover->count > 0 && cover->heap[0]->to <= at) {
            pop(cover);
        }
        if (cover->count == 0) {
            at = next < count ? runs[next].from : at;
            continue;
        }
        to = next < count ? MIN_OF(cover->heap[0]->to, runs[next].from) : cover->heap[0]->to;
        add_stretch(decisions, cover->heap[0], at, to);
        at = to;
    }
}

static void cover_all(struct decisions *decisions, const struct decision_run *runs, size_t count)
{
    struct cover cover = {.decisions = decisions,
                          .heap = mem_array(count + 1, const struct decision_run *)};
    size_t from = 0;

    decisions->sealed = mem_array(2 * count + 1, struct decision_run);
    for (size_t i = 1; i <= count; i++) {
        if (i == count || runs[i].partition != runs[from].partition) {
            cover_partition(decisions, &cover, &runs[from], i - from);
            from = i;
        }
    }
    free(cover.heap);
}

enum err_code decisions_seal(struct decisions *decisions, struct err *err)
{
    struct decision_run *runs;
    size_t count = 0;

    PRE(decisions->sealed == NULL);
    if (decisions->is_full) {
        return FAIL(err, ERR_LIMIT,
                    "the ledger holds more decisions about %s than the 1,000,000 runs of records "
                    "that are kept",
                    decisions->topic);
    }
    runs = mem_array(decisions->runs + 1, struct decision_run);
    for (size_t i = 0; i < decisions->job_count; i++) {
        struct decision_job *job = &decisions->jobs[i];

        if (job->final > 0) {
            memcpy(&runs[count], job->runs, job->final * sizeof(*runs));
            count += job->final;
        }
        free(job->runs);
        job->runs = NULL;
    }
    qsort(runs, count, sizeof(*runs), compare_runs);
    cover_all(decisions, runs, count);
    free(runs);
    return ERR_OK;
}

/* asking */

const struct decision *decisions_find(const struct decisions *decisions,
                                      const struct decision_place *place)
{
    size_t low = 0;
    size_t high = decisions->sealed_count;
    const struct decision *decision;

    while (low < high) { /* the first stretch that ends behind the place */
        size_t middle = low + (high - low) / 2;
        const struct decision_run *run = &decisions->sealed[middle];

        if (run->partition < place->partition ||
            (run->partition == place->partition && run->to <= place->offset)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == decisions->sealed_count || decisions->sealed[low].partition != place->partition ||
        decisions->sealed[low].from > place->offset) {
        return NULL;
    }
    decision = &decisions->jobs[decisions->sealed[low].job].decision;
    return place->written_ms > decision->at_ms + CLOCKS_MS ? NULL : decision;
}

uint64_t decisions_count(const struct decisions *decisions, enum decision_type type,
                         int64_t since_ms, int64_t until_ms)
{
    uint64_t count = 0;

    for (size_t i = 0; i < decisions->sealed_count; i++) {
        const struct decision_run *run = &decisions->sealed[i];
        const struct decision *decision = &decisions->jobs[run->job].decision;

        if (decision->type == type && decision->at_ms >= since_ms && decision->at_ms < until_ms) {
            count += (uint64_t)(run->to - run->from);
        }
    }
    return count;
}

/* reading */

static enum err_code take_all(struct decisions *decisions, struct topic_scan *scan, struct err *err)
{
    enum scan_step step = SCAN_WAIT;

    while (step == SCAN_WAIT || step == SCAN_RECORD) {
        rd_kafka_message_t *message = NULL;

        step = topic_scan_next(scan, &message, err);
        if (step == SCAN_RECORD) {
            decisions_take(decisions, (struct span){message->key, message->key_len},
                           (struct span){message->payload, message->len});
            rd_kafka_message_destroy(message);
        }
    }
    return step == SCAN_FAILED ? err->code : ERR_OK;
}

enum err_code decisions_read(const struct config *config, const char *topic, int64_t since_ms,
                             struct decisions **out, struct err *err)
{
    struct decisions *decisions = decisions_new(config->kafka.group, span_of(topic));
    struct scan_range range = SCAN_ALL;
    struct topic_scan *scan = NULL;
    char *ledger = mem_text(config->ledger.topic);
    enum err_code rc = ERR_OK;

    range.since_ms = since_ms > CLOCKS_MS ? since_ms - CLOCKS_MS : -1;
    if (config_has_ledger(config)) {
        rc = topic_scan_open(config, ledger, &range, &scan, err);
        if (rc == ERR_OK) {
            rc = take_all(decisions, scan, err);
        }
        rc = rc == ERR_ABSENT ? ERR_OK : rc;
    }
    rc = rc == ERR_OK ? decisions_seal(decisions, err) : rc;
    topic_scan_close(scan);
    free(ledger);
    if (rc != ERR_OK) {
        decisions_free(decisions);
        decisions = NULL;
    }
    *out = decisions;
    return rc;
}
