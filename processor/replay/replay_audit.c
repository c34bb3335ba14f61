#include "replay/replay_audit.h"

#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/conf.h"
#include "kafka/source.h"
#include "kafka/topic_scan.h"

enum { WAIT_MS = 15000, TURN_MS = 20, ASK_MS = 10000, CLOSE_MS = 3000, BY_BYTES = 384 };

/* Who runs it: the name of the account, and the host. */
static const char *by_text(char out[BY_BYTES])
{
    const struct passwd *account = getpwuid(geteuid());
    char host[256] = "";

    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(out, BY_BYTES, "%.96s@%.255s", account == NULL ? "?" : account->pw_name, host);
    return out;
}

static json_t *ends_json(const struct audit_job *job)
{
    json_t *ends = json_object();

    for (size_t i = 0; i < job->partitions; i++) {
        char number[24];

        (void)snprintf(number, sizeof(number), "%zu", i);
        json_object_set_new(ends, number, json_integer((json_int_t)job->ends[i]));
    }
    return ends;
}

static enum err_code wait_written(const struct ledger_sink *sink, struct ledger_ticket *ticket,
                                  struct err *err)
{
    uint64_t until_ms = clock_mono_ms() + WAIT_MS;
    enum tally_state state = sink->state(sink->context, ticket);

    while (state == TALLY_WRITING && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, TURN_MS);
        state = sink->state(sink->context, ticket);
    }
    sink->drop(sink->context, ticket);
    return state == TALLY_WRITTEN ? ERR_OK
                                  : FAIL(err, ERR_NET,
                                         "the ledger does not take the record of this job: nothing "
                                         "is sent without one");
}

enum err_code audit_write(struct ledger *ledger, const struct audit_job *job, const char *state,
                          json_t *counts, struct err *err)
{
    struct ledger_sink sink = ledger_sink(ledger);
    char at[CLOCK_ISO_BYTES];
    char by[BY_BYTES];
    json_t *record = json_pack(
        "{s:i, s:s, s:s, s:s, s:s%, s:s, s:s, s:s, s:s, s:s, s:O, s:o, s:o}", "v", 1, "kind", "job",
        "at", clock_iso(clock_wall_ms(), at), "instance", job->instance, "group", job->group.ptr,
        job->group.len, "job", job->job, "name", job->name, "state", state, "by", by_text(by),
        "topic", job->topic, "selection", job->selection, "ends", ends_json(job), "counts", counts);
    char *text = record == NULL ? NULL : json_dumps(record, JSON_COMPACT);
    char *key = mem_format("job/" SPAN_FMT "/%s", SPAN_ARG(job->group), job->name);
    struct span span = span_of(text);
    enum err_code rc;

    if (text == NULL) {
        rc = FAIL(err, ERR_DATA, "the selection is no text that the ledger can hold (UTF-8)");
    } else {
        rc = wait_written(&sink, sink.send(sink.context, span_of(key), &span, 1, -1), err);
    }
    free(key);
    free(text);
    json_decref(record);
    return rc;
}

/* what was begun */

/* True: @message is a record of the job; then *is_begun and @ends are as it says. */
static void take_job(const rd_kafka_message_t *message, const char *key, int64_t *ends,
                     size_t partitions, bool *is_begun)
{
    json_t *record;
    const char *state;

    if (message->key_len != strlen(key) || memcmp(message->key, key, message->key_len) != 0) {
        return;
    }
    record = json_loadb(message->payload, message->len, 0, NULL);
    state = json_string_value(json_object_get(record, "state"));
    *is_begun = state != NULL && strcmp(state, "ended") != 0;
    for (size_t i = 0; i < partitions; i++) {
        char number[24];
        const json_t *end;

        (void)snprintf(number, sizeof(number), "%zu", i);
        end = json_object_get(json_object_get(record, "ends"), number);
        ends[i] = json_is_integer(end) ? json_integer_value(end) : 0;
    }
    json_decref(record);
}

bool audit_unfinished(const struct config *config, const struct audit_job *job, int64_t *ends,
                      enum err_code *rc, struct err *err)
{
    const struct scan_range range = SCAN_ALL;
    char *topic = mem_text(config->ledger.topic);
    char *key = mem_format("job/" SPAN_FMT "/%s", SPAN_ARG(job->group), job->name);
    int64_t *found = mem_array(job->partitions, int64_t);
    struct topic_scan *scan = NULL;
    rd_kafka_message_t *message = NULL;
    enum scan_step step = SCAN_WAIT;
    bool is_begun = false;

    *rc = topic_scan_open(config, topic, &range, &scan, err);
    while (*rc == ERR_OK && step != SCAN_END) {
        step = topic_scan_next(scan, &message, err);
        if (step == SCAN_RECORD) {
            take_job(message, key, found, job->partitions, &is_begun);
            rd_kafka_message_destroy(message);
        }
        *rc = step == SCAN_FAILED ? err->code : ERR_OK;
    }
    if (*rc == ERR_OK && is_begun) {
        memcpy(ends, found, job->partitions * sizeof(*ends));
    }
    *rc = *rc == ERR_ABSENT ? ERR_OK : *rc; /* there is no ledger yet, and so no job */
    topic_scan_close(scan);
    free(found);
    free(key);
    free(topic);
    return is_begun && *rc == ERR_OK;
}

/* members */

static void add_members(const rd_kafka_DescribeConsumerGroups_result_t *result, struct buf *who)
{
    size_t count = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        rd_kafka_DescribeConsumerGroups_result_groups(result, &count);

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rd_kafka_ConsumerGroupDescription_member_count(groups[i]); k++) {
            const rd_kafka_MemberDescription_t *member =
                rd_kafka_ConsumerGroupDescription_member(groups[i], k);

            buf_printf(who, "%s%s on %s", who->len == 0 ? "" : ", ",
                       rd_kafka_MemberDescription_client_id(member),
                       rd_kafka_MemberDescription_host(member));
        }
    }
}

static enum err_code ask(rd_kafka_t *rk, const char *group, struct buf *who, struct err *err)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    const char *groups[] = {group};
    const rd_kafka_DescribeConsumerGroups_result_t *result = NULL;
    rd_kafka_event_t *event;
    enum err_code rc = ERR_OK;

    rd_kafka_DescribeConsumerGroups(rk, groups, 1, options, queue);
    event = rd_kafka_queue_poll(queue, ASK_MS);
    result = event == NULL ? NULL : rd_kafka_event_DescribeConsumerGroups_result(event);
    if (result == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = FAIL(err, ERR_NET, "the brokers do not say who is in group %s: %s", group,
                  event == NULL ? "no answer" : rd_kafka_event_error_string(event));
    } else {
        add_members(result, who);
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return rc;
}

enum err_code audit_members(const struct config *config, struct span group, struct buf *who,
                            struct err *err)
{
    static const struct conf_pair owned[] = {{"enable.idempotence", "false"}};
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *rk = NULL;
    char *name;
    enum err_code rc = kafka_conf(config, false, &conf, err);

    if (rc == ERR_OK) {
        rc = conf_open(RD_KAFKA_PRODUCER, conf, owned, COUNT_OF(owned), &rk, err);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    name = mem_text(group);
    rc = ask(rk, name, who, err);
    free(name);
    (void)client_destroy(rk, clock_mono_ms() + CLOSE_MS);
    return rc;
}
