/*
 * What a topic's settings do to the records that detour writes there, in words with the way out.
 * Settings decide about a copy's fate after it was acknowledged and its offset committed: how long
 * it is kept, whether another with its key takes its place, whether it is taken at all.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/topics_inside.h"

enum { DURATION_BYTES = 32 };

#define MINUTE_MS (60 * 1000ll)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* Advice: what is diverted outlives a long weekend; clocks agree within minutes. */
#define ALTERNATE_RETENTION_MS (3 * DAY_MS)
#define CLOCKS_MS (10 * MINUTE_MS)

static void add_remark(struct topic_need *need, char *remark)
{
    if (need->remark == NULL) {
        need->remark = remark;
        return;
    }
    char *both = mem_format("%s; %s", need->remark, remark);

    free(need->remark);
    free(remark);
    need->remark = both;
}

/* In the largest unit that says it exactly. */
static const char *duration_text(int64_t ms, char out[DURATION_BYTES])
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{DAY_MS, "d"}, {HOUR_MS, "h"}, {MINUTE_MS, "min"}, {1000, "s"}, {1, "ms"}};

    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (ms % units[i].ms == 0) {
            (void)snprintf(out, DURATION_BYTES, "%lld %s", (long long)(ms / units[i].ms),
                           units[i].name);
            break;
        }
    }
    return out;
}

/* How the configuration uses a topic, all its destinations together. */
struct use {
    bool is_in_chain;      /* of some leg */
    bool is_alternate;     /* behind another */
    bool keeps_time;       /* keep_timestamp */
    int64_t floor_ms;      /* records should be kept as long */
    const char *floor_why; /* borrowed */
};

static void raise_floor(struct use *use, int64_t floor_ms, const char *why)
{
    if (floor_ms > use->floor_ms) {
        use->floor_ms = floor_ms;
        use->floor_why = why;
    }
}

/* @alternate stands behind @primary: what is diverted to it may still be wanted there. */
static void use_behind(struct use *use, const struct config_destination *primary,
                       const struct config_destination *alternate)
{
    use->is_alternate = true;
    raise_floor(use, ALTERNATE_RETENTION_MS, "what an outage diverts is wanted afterwards");
    raise_floor(use, (int64_t)primary->max_age_ms,
                "max_age of the destination before it: younger events can still be delivered");
    if (primary->backfill.from.ptr != NULL && span_eq(primary->backfill.from, alternate->name)) {
        raise_floor(use, (int64_t)primary->backfill.max_age_ms,
                    "backfill.max_age of the destination before it");
    }
}

static void use_of_leg(struct use *use, const struct config_leg *leg,
                       const struct config_destination *destination)
{
    for (size_t i = 0; i < leg->count; i++) {
        if (leg->chain[i] != destination) {
            continue;
        }
        use->is_in_chain = true;
        for (size_t before = 0; before < i; before++) {
            use_behind(use, leg->chain[before], destination);
        }
    }
}

static int64_t source_retention_ms(const struct topic_report *report)
{
    int64_t most = 0; /* unlimited counts for nothing: the original is still there */

    for (size_t i = 0; i < report->count; i++) {
        if (report->needs[i].role == TOPIC_SOURCE) {
            most = MAX_OF(most, report->needs[i].retention_ms);
        }
    }
    return most;
}

static struct use use_of(const struct config *config, const struct topic_report *report,
                         const struct topic_need *need)
{
    struct use use = {0};

    for (size_t i = 0; i < config->destination_count; i++) {
        const struct config_destination *destination = &config->destinations[i];

        if (!destination->type->is_topic || !span_eq(destination->topic, need->name)) {
            continue;
        }
        use.keeps_time = use.keeps_time || destination->is_timestamp_kept;
        for (size_t k = 0; k < config->route_count; k++) {
            for (size_t j = 0; j < config->routes[k].leg_count; j++) {
                use_of_leg(&use, &config->routes[k].legs[j], destination);
            }
        }
    }
    if (need->role == TOPIC_LEDGER) {
        raise_floor(&use, LEDGER_RETENTION_MS, "30 days");
        raise_floor(&use, source_retention_ms(report), "as long as the source keeps records");
    }
    if (need->role == TOPIC_DEAD_LETTER) {
        raise_floor(&use, DEAD_LETTER_RETENTION_MS, "14 days");
        raise_floor(&use, source_retention_ms(report), "as long as the source keeps records");
    }
    return use;
}

int64_t topics_floor_ms(const struct config *config, const struct topic_report *report,
                        const struct topic_need *need)
{
    return use_of(config, report, need).floor_ms;
}

bool topics_keep_time(const struct config *config, const struct topic_report *report,
                      const struct topic_need *need)
{
    return use_of(config, report, need).keeps_time;
}

int64_t topics_room_bytes(const struct topic_report *report)
{
    int64_t most = -1;

    for (size_t i = 0; i < report->count; i++) {
        if (report->needs[i].role == TOPIC_SOURCE) {
            most = MAX_OF(most, report->needs[i].max_message_bytes);
        }
    }
    /* the setting is an int at the broker */
    return most < 0 ? -1 : MIN_OF(most + HEADER_ROOM_BYTES, (int64_t)INT32_MAX);
}

/* How large a record may be. */
static void remark_size(struct topic_need *need, int64_t room_bytes)
{
    if (need->max_message_bytes >= 0 && need->max_message_bytes < room_bytes) {
        add_remark(need, mem_format("max.message.bytes should be at least %lld (the source's and "
                                    "64 KiB for headers)",
                                    (long long)room_bytes));
    }
    if (need->segment_bytes > 0 && need->segment_bytes < need->max_message_bytes) {
        add_remark(need,
                   mem_format("segment.bytes is %lld: records larger than that are refused, "
                              "whatever max.message.bytes says; raise it to %lld",
                              (long long)need->segment_bytes, (long long)need->max_message_bytes));
    }
}

/* How long it is kept. */
static void remark_retention(struct topic_need *need, const struct use *use)
{
    if (need->retention_ms >= 0 && need->retention_ms < use->floor_ms) {
        add_remark(need, mem_format("retention.ms should be at least %lld (%s)",
                                    (long long)use->floor_ms, use->floor_why));
    }
    if (need->retention_bytes > 0) {
        add_remark(need, mem_format("retention.bytes is %lld: the oldest records of a partition "
                                    "are deleted when it grows past that, however young they are; "
                                    "set it to -1",
                                    (long long)need->retention_bytes));
    }
}

static void remark_limit(struct topic_need *need, const char *which, int64_t limit_ms)
{
    char text[DURATION_BYTES];

    add_remark(need, mem_format("message.timestamp.%s.max.ms is %s: an event %s than that is "
                                "written with the time of writing instead",
                                which, duration_text(limit_ms, text),
                                which[0] == 'b' ? "older" : "further ahead"));
}

/* keep_timestamp: the event's age decides about its copy. */
static void remark_kept_time(struct topic_need *need)
{
    char text[DURATION_BYTES];

    if (need->is_append_time) {
        add_remark(need, mem_text(SPAN("keep_timestamp has no effect: message.timestamp.type is "
                                       "LogAppendTime; set it to CreateTime")));
        return;
    }
    if (need->retention_ms >= 0) {
        add_remark(need, mem_format("keep_timestamp: an event older than retention.ms (%s) is "
                                    "deleted as soon as it is written; take keep_timestamp out, or "
                                    "set retention.ms to -1",
                                    duration_text(need->retention_ms, text)));
    }
    if (need->before_max_ms > 0) {
        remark_limit(need, "before", need->before_max_ms);
    }
    if (need->after_max_ms > 0 && need->after_max_ms < HOUR_MS) {
        remark_limit(need, "after", need->after_max_ms);
    }
}

static void remark_clocks(struct topic_need *need, const char *which, int64_t limit_ms)
{
    char text[DURATION_BYTES];

    if (limit_ms > 0 && limit_ms < CLOCKS_MS) {
        add_remark(need, mem_format("message.timestamp.%s.max.ms is %s: when clocks differ by "
                                    "more, no record is taken with its time of writing; set "
                                    "message.timestamp.type to LogAppendTime",
                                    which, duration_text(limit_ms, text)));
    }
}

static void remark_time(struct topic_need *need, const struct use *use)
{
    if (use->keeps_time) {
        remark_kept_time(need);
    } else if (!need->is_append_time) {
        remark_clocks(need, "before", need->before_max_ms);
        remark_clocks(need, "after", need->after_max_ms);
    }
}

static void remark_written(const struct config *config, const struct topic_report *report,
                           struct topic_need *need)
{
    const struct use use = use_of(config, report, need);

    if (need->role == TOPIC_DEAD_LETTER || use.is_in_chain) {
        remark_size(need, topics_room_bytes(report));
        remark_retention(need, &use);
        remark_time(need, &use);
    }
    if (need->role == TOPIC_LEDGER) {
        remark_retention(need, &use);
    }
    if (need->cleanup_policy != NULL && strstr(need->cleanup_policy, "compact") != NULL) {
        add_remark(need, mem_text(SPAN("cleanup.policy must be delete: compaction removes "
                                       "records with the same key, and those without a value")));
    }
}

static void remark_unknown(struct topic_need *need)
{
    bool is_refused = need->settings_error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;

    add_remark(need, mem_format("max.message.bytes, retention.ms and cleanup.policy could not be "
                                "asked (%s)%s",
                                rd_kafka_err2str((rd_kafka_resp_err_t)need->settings_error),
                                is_refused ? ": grant DescribeConfigs" : ""));
}

void topics_remark(const struct config *config, struct topic_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        struct topic_need *need = &report->needs[i];

        free(need->remark);
        need->remark = NULL;
        if (!need->is_authorised) {
            add_remark(need, mem_format("no permission to see it: grant Describe, and %s",
                                        need->role == TOPIC_SOURCE ? "Read" : "Write"));
        }
        if (!need->exists) {
            continue;
        }
        if (need->settings_error != 0) {
            remark_unknown(need);
        }
        if (need->role != TOPIC_SOURCE) {
            remark_written(config, report, need);
        } else if ((uint32_t)need->partitions < config->workers) {
            add_remark(need, mem_format("%d partitions keep only %d of %u workers busy",
                                        need->partitions, need->partitions, config->workers));
        }
    }
}
