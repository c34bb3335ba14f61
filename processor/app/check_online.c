/*
 * In order: brokers and topics, what the principal may do with them, the registry, then each
 * destination's credential. A service that does not answer is an error and not the end: the
 * others are still asked. What cannot be asked is said to be so; it is never ok.
 */
#include "app/check_online.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/topics_command.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/client.h"

enum {
    BROKER_TIMEOUT_MS = 10000,
    BODY_BYTES_MAX = 64 * 1024,
    HEADER_BYTES_MAX = 256 * 1024,
};

static struct place place_of_key(const struct config *config, const char *section, const char *key)
{
    const struct yaml_node *root = yaml_root(config->doc);
    const struct yaml_node *node = yaml_get(section == NULL ? root : yaml_get(root, section), key);

    return node == NULL ? root->place : node->place;
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
            diag_error(diags, topics_place(config, need),
                       "topic " SPAN_FMT " does not exist: make it with detour topics --create",
                       SPAN_ARG(need->name));
        } else if (!need->is_authorised || is_compacted(need)) {
            diag_error(diags, topics_place(config, need), "topic " SPAN_FMT ": %s",
                       SPAN_ARG(need->name), need->remark);
        } else if (need->remark != NULL) {
            diag_warning(diags, topics_place(config, need), "topic " SPAN_FMT ": %s",
                         SPAN_ARG(need->name), need->remark);
        }
    }
}

static const char *right_word(enum right_resource resource)
{
    switch (resource) {
    case RIGHT_TOPIC:
        return "topic";
    case RIGHT_GROUP:
        return "group";
    case RIGHT_CLUSTER:
        return "cluster";
    }
    return "";
}

static struct place place_of_right(const struct config *config, const struct topic_right *right)
{
    if (right->resource == RIGHT_TOPIC) {
        return topics_place(config, right->need);
    }
    return place_of_key(config, "kafka", right->resource == RIGHT_GROUP ? "group" : "brokers");
}

/* What is missing and the way out. Which principal the brokers see is theirs to know. */
static void judge_right(const struct config *config, const struct topic_right *right,
                        struct diags *diags)
{
    const char *word = right_word(right->resource);
    const char *space = right->name.len > 0 ? " " : "";
    const char *implied = right->resource == RIGHT_CLUSTER
                              ? " (from Kafka 2.8 on, Write on any topic is enough)"
                              : "";

    if (right->state == RIGHT_REFUSED) {
        diag_error(diags, place_of_right(config, right),
                   "no permission: %s on %s%s" SPAN_FMT " (%s); grant it: kafka-acls --add "
                   "--allow-principal User:NAME --operation %s --%s%s" SPAN_FMT "%s",
                   right->operation, word, space, SPAN_ARG(right->name), right->why,
                   right->operation, word, space, SPAN_ARG(right->name), implied);
    } else if (right->state == RIGHT_UNKNOWN) {
        diag_warning(diags, place_of_right(config, right),
                     "permission %s on %s%s" SPAN_FMT " could not be asked: %s", right->operation,
                     word, space, SPAN_ARG(right->name), right->why);
    }
}

static void check_rights(const struct config *config, struct online_report *out,
                         struct diags *diags)
{
    struct err err;

    if (topics_rights_ask(config, &out->topics, BROKER_TIMEOUT_MS, &out->rights, &err) != ERR_OK) {
        diag_error(diags, place_of_key(config, "kafka", "brokers"), "%s", err.text);
    }
    for (size_t i = 0; i < out->rights.count; i++) {
        judge_right(config, &out->rights.items[i], diags);
    }
}

/* A registry that answers, but not as one, is wrong and not away. */
static void check_registry(struct pipeline *pipeline, struct online_report *out,
                           struct diags *diags)
{
    struct err err;

    if (catalog_probe(pipeline->catalog, &err) != ERR_OK) {
        out->is_unreachable = out->is_unreachable || err.code == ERR_NET;
        diag_error(diags, pipeline->config->schemas.registry.place, "%s", err.text);
    }
}

/* One request and its answer. */
struct probe {
    const struct destination *to;
    struct probe_result result;
    int status;      /* 0: no HTTP answer */
    char error[256]; /* why not */
};

static void take_reply(void *context, const struct http_reply *reply)
{
    struct probe *probe = context;

    probe->status = reply->status;
    (void)snprintf(probe->error, sizeof(probe->error), "%s", reply->error);
    if (reply->status != 0) {
        probe->to->driver->read_probe(probe->to, reply, &probe->result);
    }
}

static enum err_code send_probe(struct http_client *client, struct probe *probe, struct err *err)
{
    struct http_target target = destination_target(probe->to);
    const char *headers[DESTINATION_HEADERS_MAX];
    struct http_request request;
    struct buf body;
    struct buf lines;
    size_t count;
    enum err_code rc;

    target.connections_max = 1;
    buf_init(&body, BODY_BYTES_MAX);
    buf_init(&lines, HEADER_BYTES_MAX);
    (void)buf_reserve(&lines,
                      HEADER_BYTES_MAX); /* a copy that grows would leave the token behind */
    probe->to->driver->probe(probe->to, &body);
    count = destination_headers(probe->to, buf_span(&body), clock_wall_ms(), &lines, headers);
    request = (struct http_request){&target, headers, count, buf_span(&body), take_reply, probe};
    rc = http_post(client, &request, err);
    if (rc == ERR_OK) {
        (void)http_finish(client, -1); /* its time-outs end it */
    }
    mem_wipe(lines.ptr, lines.cap);
    buf_fini(&lines);
    buf_fini(&body);
    return rc;
}

static void judge(const struct probe *probe, struct credential_check *check,
                  struct online_report *out, struct diags *diags)
{
    const struct config_destination *config = probe->to->config;

    if (probe->status == 0) {
        out->is_unreachable = true;
        (void)snprintf(check->text, sizeof(check->text), "%s does not answer: %.120s",
                       probe->to->url, probe->error);
        diag_error(diags, config->place, "%s", check->text);
        return;
    }
    (void)snprintf(check->text, sizeof(check->text), "%s", probe->result.text);
    switch (probe->result.state) {
    case PROBE_ACCEPTED:
        check->state = CREDENTIAL_ACCEPTED;
        break;
    case PROBE_REFUSED:
        diag_error(diags, probe->result.place, "credential %s", check->text);
        break;
    case PROBE_STRANGE:
        diag_error(diags, config->place, "%s", check->text);
        break;
    }
}

static void check_credential(struct http_client *client, const struct destination *to,
                             struct online_report *out, struct diags *diags)
{
    struct credential_check *check;
    struct probe probe = {.to = to};
    struct err err;

    if (to->config->type->is_topic) {
        return; /* it has the rights instead */
    }
    check = &out->credentials[out->credential_count++];
    check->destination = to->config->name;
    if (to->driver->probe == NULL) {
        check->state = CREDENTIAL_UNASKED;
        (void)snprintf(check->text, sizeof(check->text),
                       "not asked: whatever is sent to a destination of type %s is a delivery",
                       to->config->type->name);
        return;
    }
    if (send_probe(client, &probe, &err) != ERR_OK) {
        (void)snprintf(probe.error, sizeof(probe.error), "%.127s", err.text);
    }
    judge(&probe, check, out, diags);
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
        check_credential(client, &pipeline->destinations[i], out, diags);
    }
    http_client_free(client);
}

void check_online(struct pipeline *pipeline, struct online_report *out, struct diags *diags)
{
    *out = (struct online_report){0};
    check_topics_exist(pipeline->config, out, diags);
    if (out->topics.count > 0) { /* the brokers answer */
        check_rights(pipeline->config, out, diags);
    }
    check_registry(pipeline, out, diags);
    check_credentials(pipeline, out, diags);
}

static const char *state_word(enum right_state state)
{
    switch (state) {
    case RIGHT_UNKNOWN:
        return "could not be asked";
    case RIGHT_GRANTED:
        return "granted";
    case RIGHT_REFUSED:
        return "refused";
    }
    return "";
}

void online_report_print(FILE *out, const struct online_report *report)
{
    if (report->topics.count > 0) {
        fputc('\n', out);
        topics_print(out, &report->topics);
    }
    for (size_t i = 0; i < report->rights.count; i++) {
        const struct topic_right *right = &report->rights.items[i];

        fprintf(out, "%spermission %s on %s%s" SPAN_FMT ": %s\n", i == 0 ? "\n" : "",
                right->operation, right_word(right->resource), right->name.len > 0 ? " " : "",
                SPAN_ARG(right->name), state_word(right->state));
    }
    for (size_t i = 0; i < report->credential_count; i++) {
        const struct credential_check *credential = &report->credentials[i];

        fprintf(out, "%scredential of " SPAN_FMT ": %s\n", i == 0 ? "\n" : "",
                SPAN_ARG(credential->destination), credential->text);
    }
}

static json_t *right_json(const struct topic_right *right)
{
    json_t *name =
        right->name.len == 0 ? json_null() : json_stringn(right->name.ptr, right->name.len);
    json_t *ok =
        right->state == RIGHT_UNKNOWN ? json_null() : json_boolean(right->state == RIGHT_GRANTED);

    return json_pack("{s:s, s:s, s:o, s:o, s:s}", "operation", right->operation, "resource",
                     right_word(right->resource), "name", name, "ok", ok, "message", right->why);
}

static json_t *credential_json(const struct credential_check *credential)
{
    json_t *ok = credential->state == CREDENTIAL_UNASKED
                     ? json_null()
                     : json_boolean(credential->state == CREDENTIAL_ACCEPTED);

    return json_pack("{s:s%, s:o, s:s}", "destination", credential->destination.ptr,
                     credential->destination.len, "ok", ok, "message", credential->text);
}

void online_report_json(const struct online_report *report, json_t *document)
{
    json_t *permissions = json_array();
    json_t *credentials = json_array();

    for (size_t i = 0; i < report->rights.count; i++) {
        json_array_append_new(permissions, right_json(&report->rights.items[i]));
    }
    for (size_t i = 0; i < report->credential_count; i++) {
        json_array_append_new(credentials, credential_json(&report->credentials[i]));
    }
    json_object_set_new(document, "topics", topics_json(&report->topics));
    json_object_set_new(document, "permissions", permissions);
    json_object_set_new(document, "credentials", credentials);
}

void online_report_fini(struct online_report *report)
{
    topic_rights_fini(&report->rights); /* it points into the topics */
    topic_report_fini(&report->topics);
    free(report->credentials);
    *report = (struct online_report){0};
}
