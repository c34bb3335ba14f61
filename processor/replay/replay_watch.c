#include "replay/replay_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/topic_scan.h"
#include "ledger/record.h"

enum { RECORDS_MAX = 1000, AGAIN_MS = 30000, CLOCKS_MS = 60000 };

struct replay_watch {
    const struct config *config;
    char *topic, *key;       /* owned */
    struct topic_scan *scan; /* owned; NULL: it failed */
    int64_t began_ms;        /* wall */
    uint64_t failed_ms;      /* monotonic */
    bool has_begun;          /* the job's own record came */
};

enum err_code watch_open(const struct config *config, struct span group, const char *name,
                         struct replay_watch **out, struct err *err)
{
    struct replay_watch *watch = mem_new(struct replay_watch);
    struct scan_range range = SCAN_ALL;
    enum err_code rc;

    range.is_following = true;
    watch->config = config;
    watch->topic = mem_text(config->ledger.topic);
    watch->key = mem_format("job/" SPAN_FMT "/%s", SPAN_ARG(group), name);
    watch->began_ms = clock_wall_ms();
    rc = topic_scan_open(config, watch->topic, &range, &watch->scan, err);
    if (rc != ERR_OK) {
        watch_close(watch);
        return rc;
    }
    *out = watch;
    return ERR_OK;
}

void watch_close(struct replay_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    topic_scan_close(watch->scan);
    free(watch->topic);
    free(watch->key);
    free(watch);
}

static bool take(struct replay_watch *watch, const rd_kafka_message_t *message,
                 char by[WATCH_BY_BYTES])
{
    struct ledger_record record;
    const char *member;
    bool is_cancelled = false;

    if (message->key_len != strlen(watch->key) ||
        memcmp(message->key, watch->key, message->key_len) != 0) {
        return false;
    }
    if (record_read((struct span){message->payload, message->len}, &record, &member) ==
            RECORD_FINE &&
        record.kind == RECORD_JOB) {
        watch->has_begun = watch->has_begun || record.job.state == STATE_STARTED;
        is_cancelled = watch->has_begun && record.job.state == STATE_CANCELLED;
        (void)snprintf(by, WATCH_BY_BYTES, "%.*s", (int)MIN_OF(record.job.by.len, (size_t)100),
                       record.job.by.ptr == NULL ? "" : record.job.by.ptr);
    }
    record_fini(&record);
    return is_cancelled;
}

/* From the job's beginning: what was cancelled meanwhile is there. */
static void open_again(struct replay_watch *watch)
{
    struct scan_range range = SCAN_ALL;
    struct err err;

    if (clock_mono_ms() - watch->failed_ms < AGAIN_MS) {
        return;
    }
    range.is_following = true;
    range.since_ms = watch->began_ms - CLOCKS_MS;
    watch->has_begun = false;
    if (topic_scan_open(watch->config, watch->topic, &range, &watch->scan, &err) != ERR_OK) {
        watch->scan = NULL;
        watch->failed_ms = clock_mono_ms();
    }
}

bool watch_is_cancelled(struct replay_watch *watch, char by[WATCH_BY_BYTES])
{
    bool is_cancelled = false;
    enum scan_step step = SCAN_RECORD;

    if (watch->scan == NULL) {
        open_again(watch);
        return false;
    }
    for (int i = 0; i < RECORDS_MAX && step == SCAN_RECORD && !is_cancelled; i++) {
        rd_kafka_message_t *message = NULL;
        struct err err;

        step = topic_scan_next(watch->scan, &message, &err);
        if (step == SCAN_RECORD) {
            is_cancelled = take(watch, message, by);
            rd_kafka_message_destroy(message);
        }
    }
    if (step == SCAN_FAILED || step == SCAN_END) {
        topic_scan_close(watch->scan);
        watch->scan = NULL;
        watch->failed_ms = clock_mono_ms();
    }
    return is_cancelled;
}
