#include "destinations/http/webhook.h"

#include <stdlib.h>

#include "base/mem.h"
#include "destinations/http/gzip.h"
#include "destinations/http/identity.h"
#include "destinations/http/signature.h"
#include "destinations/http/template.h"
#include "destinations/http/verdicts.h"
#include "schema/decoder.h"

struct webhook {
    const struct config_destination *config;
    const struct readers *readers;
    struct template *body;     /* owned; NULL: the whole event */
    struct verdicts *verdicts; /* owned */
    struct secret **secrets;   /* owned array */
    size_t secret_count;
    bool has_content_type; /* among the configured headers */
};

static void list_secrets(struct webhook *webhook)
{
    const struct config_destination *config = webhook->config;
    struct secret *auth[] = {config->auth.bearer, config->auth.hmac.secret,
                             config->auth.basic.password, config->auth.basic.username};

    webhook->secrets = mem_array(COUNT_OF(auth) + config->header_count, struct secret *);
    for (size_t i = 0; i < COUNT_OF(auth); i++) {
        if (auth[i] != NULL) {
            webhook->secrets[webhook->secret_count++] = auth[i];
        }
    }
    for (size_t i = 0; i < config->header_count; i++) {
        const struct http_header *header = &config->headers[i];

        webhook->secrets[webhook->secret_count++] = header->value;
        webhook->has_content_type =
            webhook->has_content_type || span_eq_nocase(header->name, SPAN("content-type"));
    }
}

struct webhook *webhook_compile(const struct config_destination *destination,
                                const struct readers *readers, struct diags *diags)
{
    PRE(destination != NULL);
    PRE(readers != NULL);

    struct webhook *webhook = mem_new(struct webhook);
    bool is_good = true;
    size_t errors_before = diags->error_count;

    webhook->config = destination;
    webhook->readers = readers;
    list_secrets(webhook);
    if (destination->body != NULL) {
        webhook->body = template_compile(destination->body, readers, diags);
        is_good = webhook->body != NULL;
    }
    webhook->verdicts = verdicts_compile(destination, diags);
    is_good = is_good && webhook->verdicts != NULL;
    identity_check(destination, diags);
    if (!is_good || diags->error_count > errors_before) {
        webhook_free(webhook);
        return NULL;
    }
    return webhook;
}

void webhook_free(struct webhook *webhook)
{
    if (webhook == NULL) {
        return;
    }
    template_free(webhook->body);
    verdicts_free(webhook->verdicts);
    free(webhook->secrets);
    free(webhook);
}

void webhook_list(const struct webhook *webhook, struct field_list *out)
{
    if (webhook->body == NULL) {
        field_list_add(out, SPAN("body"), SPAN("the whole event"));
    } else {
        template_list(webhook->body, out);
    }
}

/* bodies */

enum err_code webhook_item_write(const struct webhook *webhook, const struct event_view *view,
                                 struct arena *arena, struct buf *out, uint32_t *fields_left_out,
                                 struct err *err)
{
    size_t start = out->len;
    bool is_written = true;
    bool is_full;

    *fields_left_out = 0;
    if (webhook->body != NULL) {
        is_written = template_write(webhook->body, view, arena, out, fields_left_out);
    } else {
        value_to_plain_json(view->root, webhook->readers->schemas[view->reader]->root, out);
    }
    is_full = out->is_overflowed;
    if (is_written && !is_full) {
        return ERR_OK;
    }
    buf_truncate(out, start);
    if (is_full) {
        return FAIL(err, ERR_LIMIT, "as JSON the event is larger than %zu bytes", out->max);
    }
    return FAIL(err, ERR_DATA, "the event has nothing of what body: names");
}

void webhook_body_begin(const struct webhook *webhook, struct buf *out)
{
    if (webhook->config->body_format == BODY_ARRAY) {
        buf_add_char(out, '[');
    }
}

void webhook_body_separate(const struct webhook *webhook, struct buf *out)
{
    buf_add_char(out, webhook->config->body_format == BODY_NDJSON ? '\n' : ',');
}

void webhook_body_end(const struct webhook *webhook, struct buf *out)
{
    if (webhook->config->body_format == BODY_ARRAY) {
        buf_add_char(out, ']');
    } else if (webhook->config->body_format == BODY_NDJSON) {
        buf_add_char(out, '\n');
    }
    if (webhook->config->is_gzip && !out->is_overflowed) {
        gzip_buf(out);
    }
}

/* headers */

static void add_line(struct buf *out, struct span name, struct span value)
{
    buf_add_span(out, name);
    buf_add_text(out, ": ");
    buf_add_span(out, value);
    buf_add_char(out, '\0');
}

static void add_basic(const struct config_destination *config, struct buf *out)
{
    struct buf username;
    struct buf password;

    buf_init(&username, SECRET_BYTES_MAX);
    buf_init(&password, SECRET_BYTES_MAX);
    secret_read(config->auth.basic.username, &username);
    secret_read(config->auth.basic.password, &password);
    buf_add_text(out, "Authorization: Basic ");
    signature_basic(buf_span(&username), buf_span(&password), out);
    buf_add_char(out, '\0');
    mem_wipe(username.ptr, username.len);
    mem_wipe(password.ptr, password.len);
    buf_fini(&username);
    buf_fini(&password);
}

static void add_signature(const struct config_destination *config, struct span body,
                          int64_t wall_ms, struct buf *out)
{
    char hex[SIGNATURE_HEX_BYTES];
    struct buf secret;
    int64_t unix_s = wall_ms / 1000;

    buf_init(&secret, SECRET_BYTES_MAX);
    secret_read(config->auth.hmac.secret, &secret);
    signature_hmac(buf_span(&secret), unix_s, body, hex);
    mem_wipe(secret.ptr, secret.len);
    buf_fini(&secret);
    buf_add_span(out, config->auth.hmac.timestamp_header);
    buf_add_text(out, ": ");
    buf_add_i64(out, unix_s);
    buf_add_char(out, '\0');
    buf_add_span(out, config->auth.hmac.header);
    buf_add_text(out, ": ");
    buf_add_span(out, config->auth.hmac.prefix);
    buf_add(out, hex, sizeof(hex));
    buf_add_char(out, '\0');
}

void webhook_headers(const struct webhook *webhook, struct span body, int64_t wall_ms,
                     struct buf *out)
{
    const struct config_destination *config = webhook->config;

    if (!webhook->has_content_type) {
        add_line(out, SPAN("Content-Type"),
                 config->body_format == BODY_NDJSON ? SPAN("application/x-ndjson")
                                                    : SPAN("application/json"));
    }
    if (config->is_gzip) {
        add_line(out, SPAN("Content-Encoding"), SPAN("gzip"));
    }
    for (size_t i = 0; i < config->header_count; i++) {
        buf_add_span(out, config->headers[i].name);
        buf_add_text(out, ": ");
        secret_read(config->headers[i].value, out);
        buf_add_char(out, '\0');
    }
    if (config->auth.bearer != NULL) {
        buf_add_text(out, "Authorization: Bearer ");
        secret_read(config->auth.bearer, out);
        buf_add_char(out, '\0');
    } else if (config->auth.hmac.secret != NULL) {
        add_signature(config, body, wall_ms, out);
    } else if (config->auth.basic.username != NULL && config->auth.basic.password != NULL) {
        add_basic(config, out);
    }
}

struct secret *webhook_secret(const struct webhook *webhook, size_t index)
{
    return index < webhook->secret_count ? webhook->secrets[index] : NULL;
}

void webhook_aim(const struct webhook *webhook, struct http_target *target)
{
    static const char *const methods[] = {
        [METHOD_POST] = NULL, [METHOD_PUT] = "PUT", [METHOD_PATCH] = "PATCH"};
    const struct config_destination *config = webhook->config;

    target->method = methods[config->method];
    target->certificate = config->tls.certificate.ptr;
    target->key = config->tls.key.ptr;
    target->keeps_headers = verdicts_ask_headers(webhook->verdicts);
}

void webhook_answer_read(const struct webhook *webhook, const struct http_reply *reply,
                         struct answer *out)
{
    verdicts_read(webhook->verdicts, reply, out);
}
