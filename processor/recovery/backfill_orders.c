#include "recovery/backfill_orders.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/topic_scan.h"
#include "recovery/backfill_waiting.h"

enum {
    AGAIN_MS = 10000, /* after the ledger could not be read */
    ASK_MS = 5000,    /* how much waits */
    LOOK_MS = 100,    /* whether it is to end */
    QUIET_MS = 5000,  /* no record for so long: that was the end, whatever the offsets say */
};

/* Of one destination's backfill. */
struct orders_of {
    _Atomic int order;
    bool is_paused;              /* as the records read so far say */
    bool has_news;               /* somebody has exported or skipped records ... */
    uint64_t read_at_ms;         /* ... which is read from then on; monotonic */
    struct decisions *decisions; /* owned; under the lock; NULL: none are known */
    struct backfill_waiting waiting;
    uint64_t ask_at_ms;                /* how much waits; monotonic */
    struct backfill_progress progress; /* under the lock */
};

struct backfill_orders {
    const struct config *config;
    char *topic;             /* owned: the ledger's */
    struct orders_of *items; /* owned; by destination */
    int64_t *ends;           /* owned; of the scan, by partition: its end when it began */
    int32_t partitions;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    _Atomic bool is_ending;
};

char *backfill_orders_name(struct span destination)
{
    return mem_format("backfill." SPAN_FMT, SPAN_ARG(destination));
}

static bool has_backfill(const struct backfill_orders *orders, size_t index)
{
    return orders->config->destinations[index].backfill.from.ptr != NULL;
}

/* records */

static void take_order(struct backfill_orders *orders, const struct record_job *job)
{
    for (size_t i = 0; i < orders->config->destination_count; i++) {
        char *name = backfill_orders_name(orders->config->destinations[i].name);

        if (span_is(job->name, name)) {
            orders->items[i].is_paused = job->state == STATE_STOPPED;
        }
        free(name);
    }
}

static void take_job(struct backfill_orders *orders, const struct record_job *job)
{
    const struct config *config = orders->config;

    if (span_is(job->job, "backfill")) {
        take_order(orders, job);
        return;
    }
    if (!span_is(job->job, "export") && !span_is(job->job, "skip")) {
        return;
    }
    for (size_t i = 0; i < config->destination_count; i++) {
        if (has_backfill(orders, i)) { /* an export may be of several topics */
            orders->items[i].has_news = true;
        }
    }
}

/* Most records are tallies: the key says so, and they are not read. */
static void take(struct backfill_orders *orders, const rd_kafka_message_t *message)
{
    struct span key = {message->key, message->key == NULL ? 0 : message->key_len};
    struct ledger_record record;
    const char *member;

    if (!span_starts(key, SPAN("job/"))) {
        return;
    }
    if (record_read((struct span){message->payload, message->len}, &record, &member) ==
            RECORD_FINE &&
        record.kind == RECORD_JOB && span_eq(record.group, orders->config->kafka.group)) {
        take_job(orders, &record.job);
    }
    record_fini(&record);
}

/* acting */

/* Read anew as a whole: exports and skips are rare. */
static bool read_decisions(struct backfill_orders *orders, size_t index)
{
    const struct config *config = orders->config;
    char *topic = mem_text(config_find(config, config->destinations[index].backfill.from)->topic);
    struct decisions *decisions = NULL;
    struct decisions *before;
    struct err err;
    bool is_read = clock_mono_ms() >= orders->items[index].read_at_ms &&
                   decisions_read(config, topic, -1, &decisions, &err) == ERR_OK;

    free(topic);
    if (!is_read && clock_mono_ms() < orders->items[index].read_at_ms) {
        return false;
    }
    if (!is_read) {
        orders->items[index].read_at_ms = clock_mono_ms() + AGAIN_MS;
        LOG_WARN("backfill.unread", "destination=%s why=%s",
                 LOG_S(config->destinations[index].name), LOG_Q(err.text));
        return false;
    }
    (void)pthread_mutex_lock(&orders->lock);
    before = orders->items[index].decisions;
    orders->items[index].decisions = decisions;
    (void)pthread_mutex_unlock(&orders->lock);
    decisions_free(before);
    orders->items[index].has_news = false;
    return true;
}

/* Everything up to the end is read. What was exported has to be known before anything goes. */
static void act(struct backfill_orders *orders)
{
    for (size_t i = 0; i < orders->config->destination_count; i++) {
        struct orders_of *item = &orders->items[i];

        if (has_backfill(orders, i) && (!item->has_news || read_decisions(orders, i))) {
            atomic_store(&item->order,
                         (int)(item->is_paused ? BACKFILL_ORDER_PAUSE : BACKFILL_ORDER_GO));
        }
    }
}

/* How much waits, for people. What cannot be asked now is asked later. */
static void ask_waiting(struct backfill_orders *orders)
{
    uint64_t now_ms = clock_mono_ms();

    for (size_t i = 0; i < orders->config->destination_count; i++) {
        struct orders_of *item = &orders->items[i];
        struct err err;

        if (!has_backfill(orders, i) || now_ms < item->ask_at_ms) {
            continue;
        }
        item->ask_at_ms = now_ms + ASK_MS;
        if (backfill_waiting_ask(&item->waiting, orders->config, &orders->config->destinations[i],
                                 &err) != ERR_OK) {
            continue;
        }
        (void)pthread_mutex_lock(&orders->lock);
        item->progress = (struct backfill_progress){
            .is_known = true,
            .waiting = item->waiting.count,
            .left_ms = backfill_waiting_left_ms(&item->waiting),
            .partitions = item->waiting.partitions,
        };
        (void)pthread_mutex_unlock(&orders->lock);
    }
}

/* following */

static void find_ends(struct backfill_orders *orders, const struct topic_scan *scan)
{
    free(orders->ends);
    orders->partitions = topic_scan_partitions(scan);
    orders->ends = mem_array((size_t)MAX_OF(orders->partitions, 1), int64_t);
    for (int32_t i = 0; i < orders->partitions; i++) {
        int64_t first = 0;

        if (!topic_scan_bounds(scan, i, &first, &orders->ends[i]) || first >= orders->ends[i]) {
            orders->ends[i] = 0;
        }
    }
}

static bool is_at_end(const struct backfill_orders *orders)
{
    for (int32_t i = 0; i < orders->partitions; i++) {
        if (orders->ends[i] > 0) {
            return false;
        }
    }
    return true;
}

/* From its start on, until it cannot be read any more. */
static void follow(struct backfill_orders *orders, struct topic_scan *scan)
{
    enum scan_step step = SCAN_WAIT;
    uint64_t came_ms = clock_mono_ms();

    while (step != SCAN_FAILED && step != SCAN_END && !atomic_load(&orders->is_ending)) {
        rd_kafka_message_t *message = NULL;
        struct err err;

        step = topic_scan_next(scan, &message, &err);
        if (step == SCAN_RECORD) {
            came_ms = clock_mono_ms();
            take(orders, message);
            if (message->partition < orders->partitions &&
                message->offset + 1 >= orders->ends[message->partition]) {
                orders->ends[message->partition] = 0;
            }
            rd_kafka_message_destroy(message);
        } else if (step == SCAN_WAIT &&
                   (is_at_end(orders) || clock_mono_ms() - came_ms >= QUIET_MS)) {
            act(orders);
            ask_waiting(orders);
        } else if (step == SCAN_FAILED) {
            LOG_WARN("backfill.unread", "destination=%s why=%s", "", LOG_Q(err.text));
        }
    }
}

static void wait_again(const struct backfill_orders *orders)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};

    for (unsigned i = 0; i < AGAIN_MS / LOOK_MS && !atomic_load(&orders->is_ending); i++) {
        (void)nanosleep(&pause, NULL);
    }
}

static void *serve(void *context)
{
    struct backfill_orders *orders = context;
    struct scan_range range = SCAN_ALL;

    (void)pthread_setname_np(pthread_self(), "detour-orders");
    range.since_ms = 0;
    range.is_following = true;
    while (!atomic_load(&orders->is_ending)) {
        struct topic_scan *scan = NULL;
        struct err err;

        if (topic_scan_open(orders->config, orders->topic, &range, &scan, &err) == ERR_OK) {
            find_ends(orders, scan);
            follow(orders, scan);
        } else {
            LOG_WARN("backfill.unread", "destination=%s why=%s", "", LOG_Q(err.text));
        }
        topic_scan_close(scan);
        wait_again(orders);
    }
    return NULL;
}

/* life */

static bool start_thread(struct backfill_orders *orders)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    orders->has_thread = pthread_create(&orders->thread, NULL, serve, orders) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return orders->has_thread;
}

enum err_code backfill_orders_new(const struct config *config, bool has_ledger,
                                  struct backfill_orders **out, struct err *err)
{
    struct backfill_orders *orders = mem_new(struct backfill_orders);

    orders->config = config;
    orders->topic = mem_text(config->ledger.topic);
    orders->items = mem_array(config->destination_count, struct orders_of);
    (void)pthread_mutex_init(&orders->lock, NULL);
    for (size_t i = 0; i < config->destination_count; i++) {
        atomic_store(&orders->items[i].order,
                     (int)(has_ledger ? BACKFILL_ORDER_UNKNOWN : BACKFILL_ORDER_GO));
    }
    if (has_ledger && config_backfills(config) > 0 && !start_thread(orders)) {
        backfill_orders_free(orders);
        return FAIL(err, ERR_LIMIT, "no thread to follow the ledger");
    }
    *out = orders;
    return ERR_OK;
}

void backfill_orders_free(struct backfill_orders *orders)
{
    if (orders == NULL) {
        return;
    }
    atomic_store(&orders->is_ending, true);
    if (orders->has_thread) {
        (void)pthread_join(orders->thread, NULL);
    }
    for (size_t i = 0; i < orders->config->destination_count; i++) {
        decisions_free(orders->items[i].decisions);
        backfill_waiting_fini(&orders->items[i].waiting);
    }
    (void)pthread_mutex_destroy(&orders->lock);
    free(orders->items);
    free(orders->ends);
    free(orders->topic);
    free(orders);
}

enum backfill_order backfill_orders_of(const struct backfill_orders *orders, size_t index)
{
    PRE(index < orders->config->destination_count);
    return (enum backfill_order)atomic_load(&orders->items[index].order);
}

struct backfill_progress backfill_orders_progress(struct backfill_orders *orders, size_t index)
{
    struct backfill_progress progress;

    PRE(index < orders->config->destination_count);
    (void)pthread_mutex_lock(&orders->lock);
    progress = orders->items[index].progress;
    (void)pthread_mutex_unlock(&orders->lock);
    return progress;
}

bool backfill_orders_decided(struct backfill_orders *orders, size_t index,
                             const struct decision_place *place, enum decision_type *out)
{
    const struct decision *decision = NULL;

    PRE(index < orders->config->destination_count);
    (void)pthread_mutex_lock(&orders->lock);
    if (orders->items[index].decisions != NULL) {
        decision = decisions_find(orders->items[index].decisions, place);
    }
    if (decision != NULL) {
        *out = decision->type;
    }
    (void)pthread_mutex_unlock(&orders->lock);
    return decision != NULL;
}
