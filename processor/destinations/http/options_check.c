/* What only destinations of type http can have wrong: auth, TLS, headers that are not theirs to
 * set, a format that does not go with the batch. */
#include "destinations/http/options.h"

#include <sys/stat.h>

#include "config/loader.h"

enum { HEADERS_MAX = 32 };

void check_header_name(struct loader *loader, const struct yaml_node *node)
{
    if (!is_header_name(node->text)) {
        diag_error(loader->diags, node->place,
                   "%s cannot be a header's name: letters, digits, - and _", LOG_S(node->text));
    }
}

/* Where options of a section of a section stand. */
static const struct yaml_node *node_in(const struct config_destination *destination,
                                       const char *section, const char *key)
{
    const struct yaml_node *map = yaml_get(destination->node, section);

    return map == NULL || map->kind != YAML_MAP ? NULL : yaml_get(map, key);
}

/* @part of the auth, given as @node, needs @value. */
static void require(struct loader *loader, const struct yaml_node *node, const struct secret *value,
                    const char *part, const char *key)
{
    if (value == NULL && node->kind == YAML_MAP && !is_written(yaml_get(node, key))) {
        diag_error(loader->diags, node->place, "auth.%s.%s is missing", part, key);
    }
}

static void check_user(struct loader *loader, const struct config_destination *destination)
{
    const struct http_options *options = http_options_of(destination);
    const struct yaml_node *basic = node_in(destination, "auth", "basic");
    struct buf name;

    require(loader, basic, options->auth.basic.username, "basic", "username");
    require(loader, basic, options->auth.basic.password, "basic", "password");
    if (options->auth.basic.username == NULL) {
        return;
    }
    buf_init(&name, SECRET_BYTES_MAX);
    secret_read(options->auth.basic.username, &name);
    if (span_find(buf_span(&name), ':', 0) < name.len) {
        diag_error(loader->diags, basic->place,
                   "auth.basic.username holds a colon: basic authentication has no way to send it");
    }
    buf_fini(&name);
}

static void check_auth(struct loader *loader, const struct config_destination *destination)
{
    const struct http_options *options = http_options_of(destination);
    static const char *const parts[] = {"basic", "bearer", "hmac"};
    const struct yaml_node *auth = yaml_get(destination->node, "auth");
    size_t count = 0;

    if (!is_written(auth) || auth->kind != YAML_MAP) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        count += is_written(yaml_get(auth, parts[i]));
    }
    if (count != 1) {
        diag_error(loader->diags, auth->place, "auth wants exactly one of basic, bearer and hmac");
        return;
    }
    if (is_written(yaml_get(auth, "basic"))) {
        check_user(loader, destination);
    } else if (is_written(yaml_get(auth, "hmac"))) {
        const struct yaml_node *hmac = yaml_get(auth, "hmac");

        require(loader, hmac, options->auth.hmac.secret, "hmac", "secret");
        if (span_eq_nocase(options->auth.hmac.header, options->auth.hmac.timestamp_header)) {
            diag_error(loader->diags, hmac->place,
                       "auth.hmac: the signature and its time cannot share one header");
        }
    }
}

/* The header comes from elsewhere; says from where, or NULL. */
static const char *owner_of(const struct config_destination *destination, struct span name)
{
    const struct http_options *options = http_options_of(destination);
    static const char *const connection[] = {
        "host", "content-length", "transfer-encoding", "connection",      "expect",
        "te",   "trailer",        "upgrade",           "accept-encoding", "keep-alive",
    };
    bool is_authorization = span_eq_nocase(name, SPAN("authorization"));
    bool has_hmac = options->auth.hmac.secret != NULL;

    for (size_t i = 0; i < COUNT_OF(connection); i++) {
        if (span_eq_nocase(name, span_of(connection[i]))) {
            return "it belongs to the connection";
        }
    }
    if (span_eq_nocase(name, SPAN("user-agent"))) {
        return "it names detour and its version";
    }
    if (span_eq_nocase(name, SPAN("content-encoding"))) {
        return "it comes from gzip";
    }
    if ((is_authorization &&
         (options->auth.bearer != NULL || options->auth.basic.username != NULL)) ||
        (has_hmac && (span_eq_nocase(name, options->auth.hmac.header) ||
                      span_eq_nocase(name, options->auth.hmac.timestamp_header)))) {
        return "it comes from auth";
    }
    return NULL;
}

static void check_headers(struct loader *loader, const struct config_destination *destination)
{
    const struct http_options *options = http_options_of(destination);
    if (options->header_count > HEADERS_MAX) {
        diag_error(loader->diags, options->headers[HEADERS_MAX].place, "headers holds more than %d",
                   HEADERS_MAX);
        return;
    }
    for (size_t i = 0; i < options->header_count; i++) {
        const struct http_header *header = &options->headers[i];
        const char *owner = owner_of(destination, header->name);

        if (owner != NULL) {
            diag_error(loader->diags, header->place, "header %s cannot be set here: %s",
                       LOG_S(header->name), owner);
        }
        for (size_t k = 0; k < i; k++) {
            if (span_eq_nocase(header->name, options->headers[k].name)) {
                diag_error(loader->diags, header->place, "header %s is listed twice",
                           LOG_S(header->name));
                break;
            }
        }
    }
}

static bool is_https(struct span url)
{
    struct span scheme = SPAN("https://");

    return url.len > scheme.len && span_eq_nocase(span_sub(url, 0, scheme.len), scheme);
}

static void check_tls(struct loader *loader, struct config_destination *destination)
{
    const struct http_options *options = http_options_of(destination);
    struct place place = place_in(destination, NULL, "tls");
    const struct yaml_node *key = node_in(destination, "tls", "key");
    struct stat status;

    if (options->tls.ca_file.ptr != NULL && destination->ca_file.ptr != NULL) {
        diag_error(loader->diags, place,
                   "ca_file and tls.ca_file are the same option: write one of them");
    } else if (options->tls.ca_file.ptr != NULL) {
        destination->ca_file = options->tls.ca_file;
    }
    if ((options->tls.certificate.ptr == NULL) != (options->tls.key.ptr == NULL)) {
        diag_error(loader->diags, place, "tls wants certificate and key, or neither");
    }
    if (options->tls.certificate.ptr != NULL && !is_https(destination->url)) {
        diag_error(loader->diags, place, "tls.certificate has no meaning without https in url");
    }
    if (key != NULL && options->tls.key.ptr != NULL && stat(options->tls.key.ptr, &status) == 0 &&
        (status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        diag_warning(loader->diags, key->place,
                     "the private key %s can be %s by everybody on this machine: chmod 0400 it",
                     options->tls.key.ptr, (status.st_mode & S_IWOTH) != 0 ? "written" : "read");
    }
}

void http_options_check(struct loader *loader, struct config_destination *destination)
{
    const struct http_options *options = http_options_of(destination);

    check_auth(loader, destination);
    check_token(loader, options->auth.bearer, place_in(destination, "auth", "bearer"),
                "auth.bearer");
    check_headers(loader, destination);
    check_tls(loader, destination);
    if (options->body_format == BODY_JSON && destination->batch.events > 1) {
        diag_error(loader->diags, place_in(destination, "batch", "events"),
                   "batch.events is %u, but format: json sends one event a request; write format: "
                   "ndjson or array",
                   destination->batch.events);
    }
}
