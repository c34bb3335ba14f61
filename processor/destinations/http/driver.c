/* Destinations of type http: what is sent of an event, how a request is signed, what an answer
 * means, all as its section says. An event becomes an item (the body, or the line or the element of
 * one); items become a body; a body gets its headers. */
#include "destinations/driver.h"

#include <stdlib.h>

#include "base/mem.h"
#include "destinations/http/gzip.h"
#include "destinations/http/identity.h"
#include "destinations/http/options.h"
#include "destinations/http/section.h"
#include "destinations/http/signature.h"
#include "destinations/http/template.h"
#include "schema/decoder.h"

static const struct http_section *section_of(const struct destination *to)
{
    return to->own;
}

/* the section */

static bool has_content_type(const struct http_options *options)
{
    for (size_t i = 0; i < options->header_count; i++) {
        if (span_eq_nocase(options->headers[i].name, SPAN("content-type"))) {
            return true;
        }
    }
    return false;
}

static bool compile(struct destination *to, struct diags *diags)
{
    const struct http_options *options = http_options_of(to->config);
    struct http_section *section = mem_new(struct http_section);
    size_t errors_before = diags->error_count;

    to->own = section;
    to->url = mem_text(to->config->url);
    section->has_content_type = has_content_type(options);
    if (options->body != NULL) {
        section->body = template_compile(options->body, to->readers, diags);
    }
    section->verdicts = verdicts_compile(options, diags);
    identity_check(to->config, diags);
    return diags->error_count == errors_before;
}

static void free_own(void *own)
{
    struct http_section *section = own;

    template_free(section->body);
    verdicts_free(section->verdicts);
    free(section);
}

static void review(const struct destination *to, const struct review *with, struct field_list *out,
                   struct diags *diags)
{
    (void)with;
    (void)diags;
    if (section_of(to)->body == NULL) {
        field_list_add(out, SPAN("body"), SPAN("the whole event"));
    } else {
        template_list(section_of(to)->body, out);
    }
}

/* an event */

/* The whole record, or what `body:` makes of it. What is missing or empty in the event is left out;
 * what is there but has no JSON form is left out and counted. */
static enum err_code render(const struct destination *to, struct rendering *event, struct buf *out,
                            struct err *err)
{
    const struct http_section *section = section_of(to);
    const struct event_view *view = event->view;
    size_t start = out->len;
    bool is_written = true;
    bool is_full;

    if (section->body != NULL) {
        is_written =
            template_write(section->body, view, event->arena, out, &event->fields_left_out);
    } else {
        value_to_plain_json(view->root, to->readers->schemas[view->reader]->root, out);
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

/* a request */

static void begin(const struct destination *to, struct span group, struct buf *out)
{
    (void)group;
    if (http_options_of(to->config)->body_format == BODY_ARRAY) {
        buf_add_char(out, '[');
    }
}

static void separate(const struct destination *to, struct buf *out)
{
    buf_add_char(out, http_options_of(to->config)->body_format == BODY_NDJSON ? '\n' : ',');
}

/* Nothing but this body may be in @out: all of it is compressed. */
static void end(const struct destination *to, struct buf *out)
{
    const struct http_options *options = http_options_of(to->config);

    if (options->body_format == BODY_ARRAY) {
        buf_add_char(out, ']');
    } else if (options->body_format == BODY_NDJSON) {
        buf_add_char(out, '\n');
    }
    if (options->is_gzip && !out->is_overflowed) {
        gzip_buf(out);
    }
}

static void add_line(struct buf *out, struct span name, struct span value)
{
    buf_add_span(out, name);
    buf_add_text(out, ": ");
    buf_add_span(out, value);
    buf_add_char(out, '\0');
}

static void add_basic(const struct http_options *options, struct buf *out)
{
    struct buf username;
    struct buf password;

    buf_init(&username, SECRET_BYTES_MAX);
    buf_init(&password, SECRET_BYTES_MAX);
    secret_read(options->auth.basic.username, &username);
    secret_read(options->auth.basic.password, &password);
    buf_add_text(out, "Authorization: Basic ");
    signature_basic(buf_span(&username), buf_span(&password), out);
    buf_add_char(out, '\0');
    mem_wipe(username.ptr, username.len);
    mem_wipe(password.ptr, password.len);
    buf_fini(&username);
    buf_fini(&password);
}

static void add_signature(const struct http_options *options, struct span body, int64_t wall_ms,
                          struct buf *out)
{
    char hex[SIGNATURE_HEX_BYTES];
    struct buf secret;
    int64_t unix_s = wall_ms / 1000;

    buf_init(&secret, SECRET_BYTES_MAX);
    secret_read(options->auth.hmac.secret, &secret);
    signature_hmac(buf_span(&secret), unix_s, body, hex);
    mem_wipe(secret.ptr, secret.len);
    buf_fini(&secret);
    buf_add_span(out, options->auth.hmac.timestamp_header);
    buf_add_text(out, ": ");
    buf_add_i64(out, unix_s);
    buf_add_char(out, '\0');
    buf_add_span(out, options->auth.hmac.header);
    buf_add_text(out, ": ");
    buf_add_span(out, options->auth.hmac.prefix);
    buf_add(out, hex, sizeof(hex));
    buf_add_char(out, '\0');
}

static void headers(const struct destination *to, struct span body, int64_t wall_ms,
                    struct buf *out)
{
    const struct http_options *options = http_options_of(to->config);

    if (!section_of(to)->has_content_type) {
        add_line(out, SPAN("Content-Type"),
                 options->body_format == BODY_NDJSON ? SPAN("application/x-ndjson")
                                                     : SPAN("application/json"));
    }
    if (options->is_gzip) {
        add_line(out, SPAN("Content-Encoding"), SPAN("gzip"));
    }
    for (size_t i = 0; i < options->header_count; i++) {
        buf_add_span(out, options->headers[i].name);
        buf_add_text(out, ": ");
        secret_read(options->headers[i].value, out);
        buf_add_char(out, '\0');
    }
    if (options->auth.bearer != NULL) {
        buf_add_text(out, "Authorization: Bearer ");
        secret_read(options->auth.bearer, out);
        buf_add_char(out, '\0');
    } else if (options->auth.hmac.secret != NULL) {
        add_signature(options, body, wall_ms, out);
    } else if (options->auth.basic.username != NULL && options->auth.basic.password != NULL) {
        add_basic(options, out);
    }
}

/* The credentials first, then every header, of which most are no secret. */
static struct secret *secret(const struct config_destination *config, size_t index)
{
    const struct http_options *options = http_options_of(config);
    struct secret *auth[] = {options->auth.bearer, options->auth.hmac.secret,
                             options->auth.basic.username, options->auth.basic.password};

    for (size_t i = 0; i < COUNT_OF(auth); i++) {
        if (auth[i] != NULL && index-- == 0) {
            return auth[i];
        }
    }
    return index < options->header_count ? options->headers[index].value : NULL;
}

static void aim(const struct destination *to, struct http_target *target)
{
    static const char *const methods[] = {
        [METHOD_POST] = NULL, [METHOD_PUT] = "PUT", [METHOD_PATCH] = "PATCH"};
    const struct http_options *options = http_options_of(to->config);

    target->method = methods[options->method];
    target->certificate = options->tls.certificate.ptr;
    target->key = options->tls.key.ptr;
    target->keeps_headers = verdicts_ask_headers(section_of(to)->verdicts);
}

/* an answer */

static void read_answer(const struct destination *to, const struct http_reply *reply,
                        const struct answer_batch *batch, struct answer *out)
{
    (void)batch; /* one verdict for all of them */
    verdicts_read(section_of(to)->verdicts, reply, out);
}

/* in place of the service: what any HTTP server says */

static int say(const struct saying *saying, struct buf *out)
{
    (void)out;
    return saying->kind == SAYS_TAKEN ? 200 : saying->kind == SAYS_THROTTLED ? 429 : 401;
}

/* There is no probe: whatever is sent to such a destination is a delivery. */
const struct driver http_driver = {
    .section = {.name = "http",
                .sections = http_sections,
                .section_count = HTTP_SECTIONS,
                .own_bytes = sizeof(struct http_options),
                .check = http_options_check,
                .free = http_options_free},
    .compile = compile,
    .free = free_own,
    .review = review,
    .render = render,
    .begin = begin,
    .separate = separate,
    .end = end,
    .headers = headers,
    .secret = secret,
    .aim = aim,
    .read = read_answer,
    .say = say,
};
