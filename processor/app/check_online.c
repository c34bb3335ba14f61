/*
 * In order: brokers and topics, the registry, then each TikTok credential. A service that
 * does not answer is an error and not the end: the others are still asked.
 */
#include "app/check_online.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/client.h"

enum {
    BROKER_TIMEOUT_MS = 10000,
    BODY_BYTES_MAX = 4096,
    TOKEN_LINE_BYTES = SECRET_BYTES_MAX + 64,
    CODE_PERMISSION = 40001,
    CODE_PARAMETERS = 40002,
};

static struct place place_of_key(const struct config *config, const char *section, const char *key)
{
    const struct yaml_node *root = yaml_root(config->doc);
    const struct yaml_node *node = yaml_get(section == NULL ? root : yaml_get(root, section), key);

    return node == NULL ? root->place : node->place;
}

static struct place place_of_topic(const struct config *config, const struct topic_need *need)
{
    const struct config_destination *destination =
        need->destination.ptr == NULL ? NULL : config_find(config, need->destination);
    const struct yaml_node *topic =
        destination == NULL ? NULL : yaml_get(destination->node, "topic");

    if (topic != NULL) {
        return topic->place;
    }
    return need->role == TOPIC_SOURCE ? place_of_key(config, "kafka", "topics")
                                      : place_of_key(config, NULL, "ledger");
}

/* Compaction removes records with the same key: what ended there would be lost. */
static bool is_compacted(const struct topic_need *need)
{
    return need->role != TOPIC_SOURCE && need->cleanup_policy != NULL &&
           strstr(need->cleanup_policy, "compact") != NULL;
}

static void check_topics_exist(const struct config *config, struct online_report *out,
                               struct diags *diags)
{
    struct err err;

    if (topics_look(config, BROKER_TIMEOUT_MS, &out->topics, &err) != ERR_OK) {
        out->is_unreachable = out->is_unreachable || err.code == ERR_NET;
        diag_error(diags, place_of_key(config, "kafka", "brokers"), "%s", err.text);
        return;
    }
    for (size_t i = 0; i < out->topics.count; i++) {
        const struct topic_need *need = &out->topics.needs[i];

        if (!need->exists && need->is_authorised) {
            diag_error(diags, place_of_topic(config, need),
                       "topic " SPAN_FMT " does not exist: make it with detour topics --create",
                       SPAN_ARG(need->name));
        } else if (!need->is_authorised || is_compacted(need)) {
            diag_error(diags, place_of_topic(config, need), "topic " SPAN_FMT ": %s",
                       SPAN_ARG(need->name), need->remark);
        } else if (need->remark != NULL) {
            diag_warning(diags, place_of_topic(config, need), "topic " SPAN_FMT ": %s",
                         SPAN_ARG(need->name), need->remark);
        }
    }
}

/* One request and its answer. */
struct probe {
    const struct pipeline_destination *destination;
    struct answer answer;
    int status; /* 0: no HTTP answer */
    char error[256];
    bool is_done;
};

static void take_reply(void *context, const struct http_reply *reply)
{
    struct probe *probe = context;
    const struct answer_batch none = {0};

    probe->status = reply->status;
    (void)snprintf(probe->error, sizeof(probe->error), "%s", reply->error);
    tiktok_answer_read(probe->destination->codes, reply->status, reply->body, &none,
                       &probe->answer);
    probe->is_done = true;
}

/* A request without events: it delivers nothing, and is answered only after the token was
 * looked at. */
static enum err_code send_probe(struct http_client *client, struct probe *probe, struct err *err)
{
    const struct config_destination *config = probe->destination->config;
    struct http_target target = {.url = probe->destination->url,
                                 .ca_file = config->ca_file.ptr,
                                 .is_private_allowed = config->is_private_allowed,
                                 .connect_ms = config->timeout.connect_ms,
                                 .first_byte_ms = config->timeout.first_byte_ms,
                                 .total_ms = config->timeout.total_ms,
                                 .connections_max = 1};
    bool has_constant_id = config->event_source_id.ptr != NULL;
    uint64_t give_up_ms = clock_mono_ms() + config->timeout.total_ms + 1000;
    char token_line[TOKEN_LINE_BYTES];
    const char *headers[] = {token_line, "Content-Type: application/json"};
    struct buf token;
    struct buf body;
    enum err_code rc;

    buf_init(&token, SECRET_BYTES_MAX);
    buf_init(&body, BODY_BYTES_MAX);
    (void)buf_reserve(&token, SECRET_BYTES_MAX);
    secret_read(config->access_token, &token);
    (void)snprintf(token_line, sizeof(token_line), "Access-Token: %s", buf_text(&token));
    tiktok_body_begin(probe->destination->map,
                      has_constant_id ? config->event_source_id : SPAN("0"), &body);
    tiktok_body_end(&body);
    rc = http_post(client, &target, headers, COUNT_OF(headers), buf_span(&body), take_reply, probe,
                   err);
    while (rc == ERR_OK && !probe->is_done && clock_mono_ms() < give_up_ms) {
        http_wait(client, NULL, 0, 100);
        http_turn(client);
    }
    mem_wipe(token_line, sizeof(token_line));
    mem_wipe(token.ptr, token.cap);
    buf_fini(&token);
    buf_fini(&body);
    return rc;
}

/* Complaints about the empty request show that the token was taken; so does one about a source
 * that only an event can name. */
static bool is_refused(const struct probe *probe)
{
    bool is_source_known = probe->destination->config->event_source_id.ptr != NULL;

    return probe->answer.verdict == VERDICT_HOLD && probe->answer.code != CODE_PARAMETERS &&
           (probe->answer.code != CODE_PERMISSION || is_source_known);
}

static void judge(const struct probe *probe, struct credential_check *check,
                  struct online_report *out, struct diags *diags)
{
    const struct config_destination *config = probe->destination->config;
    const struct yaml_node *token = yaml_get(config->node, "access_token");
    struct place place = token == NULL ? config->place : token->place;

    check->destination = config->name;
    if (!probe->is_done || probe->status == 0) {
        out->is_unreachable = true;
        (void)snprintf(check->text, sizeof(check->text), "%s does not answer: %.120s",
                       probe->destination->url,
                       probe->error[0] == '\0' ? "no answer in time" : probe->error);
        diag_error(diags, config->place, "%s", check->text);
    } else if (!probe->answer.has_code) {
        (void)snprintf(check->text, sizeof(check->text),
                       "answered HTTP %d without a code: is %s the Events API?", probe->status,
                       probe->destination->url);
        diag_error(diags, config->place, "%s", check->text);
    } else if (is_refused(probe)) {
        (void)snprintf(check->text, sizeof(check->text), "refused with code %d (%s): renew %s",
                       (int)probe->answer.code, probe->answer.text,
                       secret_source(config->access_token));
        diag_error(diags, place, "credential %s", check->text);
    } else {
        check->is_accepted = true;
        (void)snprintf(check->text, sizeof(check->text), "accepted");
    }
}

static void check_credentials(const struct pipeline *pipeline, struct online_report *out,
                              struct diags *diags)
{
    size_t count = pipeline->config->destination_count;
    struct http_client *client = NULL;
    struct err err;

    out->credentials = mem_array(count, struct credential_check);
    if (http_client_new(&client, &err) != ERR_OK) {
        diag_error(diags, yaml_root(pipeline->config->doc)->place, "%s", err.text);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct probe probe = {.destination = &pipeline->destinations[i]};

        if (pipeline->config->destinations[i].type != DESTINATION_TIKTOK) {
            continue;
        }
        if (send_probe(client, &probe, &err) != ERR_OK) {
            (void)snprintf(probe.error, sizeof(probe.error), "%.127s", err.text);
        }
        judge(&probe, &out->credentials[out->credential_count++], out, diags);
    }
    http_client_free(client);
}

void check_online(struct pipeline *pipeline, struct online_report *out, struct diags *diags)
{
    const struct config *config = pipeline->config;
    struct err err;

    *out = (struct online_report){0};
    check_topics_exist(config, out, diags);
    if (catalog_start(pipeline->catalog, &err) != ERR_OK) {
        out->is_unreachable = out->is_unreachable || err.code == ERR_NET;
        diag_error(diags, config->schemas.registry.place, "%s", err.text);
    }
    check_credentials(pipeline, out, diags);
}

void online_report_fini(struct online_report *report)
{
    topic_report_fini(&report->topics);
    free(report->credentials);
    *report = (struct online_report){0};
}
