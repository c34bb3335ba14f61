/* The rows that only sections of type http have. */
#include "destinations/http/options.h"

#include "config/loader.h"

#define AT(field) .offset = offsetof(struct config_destination, field)
#define OWN(field) .is_own = true, .offset = offsetof(struct http_options, field)

enum { DAY_MS = 24 * 3600 * 1000, VERDICTS_MAX = 100 };

/* Headers may be plain: a Content-Type is no secret. */
static bool may_hold_secret(struct span name)
{
    static const char *const words[] = {"authorization", "proxy-authorization", "cookie",
                                        "x-api-key", "access-token"};

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (span_eq_nocase(name, span_of(words[i]))) {
            return true;
        }
    }
    return false;
}

static void read_http_headers(struct loader *loader, const struct config_option *option,
                              const struct yaml_node *node, struct place place, void *base)
{
    struct http_options *options = base;

    (void)option;
    (void)place;
    if (node == NULL || !is_map(loader, node, "headers")) {
        return;
    }
    options->headers = loader_keep(loader, node->count, sizeof(options->headers[0]));
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct http_header *header = &options->headers[options->header_count];
        struct yaml_node plain = *pair->value;

        if (!is_header_name(pair->key)) {
            diag_error(loader->diags, pair->place,
                       "%s cannot be a header's name: letters, digits, - and _", LOG_S(pair->key));
            continue;
        }
        plain.is_replaced = plain.is_replaced || !may_hold_secret(pair->key);
        header->name = pair->key;
        header->place = pair->place;
        header->value = read_secret(loader, &plain, "a header");
        options->header_count += header->value != NULL;
    }
}

static void read_node(struct loader *loader, const struct config_option *option,
                      const struct yaml_node *node, struct place place, void *base)
{
    (void)loader;
    (void)place;
    *(const struct yaml_node **)(void *)((char *)base + option->offset) = node;
}

static void read_verdicts(struct loader *loader, const struct config_option *option,
                          const struct yaml_node *node, struct place place, void *base)
{
    struct http_options *options = base;

    (void)place;
    if (node == NULL || !is_list(loader, node, "verdicts")) {
        return;
    }
    if (node->count > VERDICTS_MAX) {
        diag_error(loader->diags, node->items[VERDICTS_MAX]->place,
                   "verdicts holds more than %d rules", VERDICTS_MAX);
        return;
    }
    options->verdicts = loader_keep(loader, node->count, sizeof(options->verdicts[0]));
    for (size_t i = 0; i < node->count; i++) {
        struct http_verdict *verdict = &options->verdicts[options->verdict_count++];

        verdict->place = node->items[i]->place;
        read_section(loader, option->section, node->items[i], verdict->place, verdict);
    }
}

static const char *const method_words[] = {"POST", "PUT", "PATCH", NULL};
static const char *const body_words[] = {"json", "ndjson", "array", NULL};
/* in the order of enum verdict */
static const char *const verdict_words[] = {"delivered", "rejected", "retry", "throttled",
                                            "hold",      "unknown",  NULL};

static const struct config_option section[] = {
    {"url", "Where requests go.", OPTION_TEXT, 0, true, AT(url)},
    {"method", "The request's method.", OPTION_CHOICE, 0, OWN(method), .choices = method_words,
     .fallback = "POST"},
    {"headers", "Request headers; a value is a text, {env: NAME} or {file: PATH}.", OPTION_SPECIAL,
     0, .is_own = true, .form = "map: name to value", .read = read_http_headers},
    {"auth", "How requests show who sends them: one of basic, bearer and hmac.", OPTION_SECTION, 0,
     .section = "destinations.*.auth", .is_null_refused = true},
    {"tls", "Certificates of its own for this destination.", OPTION_SECTION, 0,
     .section = "destinations.*.tls"},
    {"body",
     "What is sent of an event: a JSON object whose members are written as in `map`, nested as "
     "they should be; without it the whole event.",
     OPTION_MAP, 0, OWN(body), .is_null_refused = true},
    {"format",
     "json: one event is one request; ndjson: one line each; array: one JSON array of all.",
     OPTION_CHOICE, 0, OWN(body_format), .choices = body_words, .fallback = "json"},
    {"gzip", "Whether bodies are sent compressed.", OPTION_BOOL, 0, OWN(is_gzip),
     .fallback = "false"},
    {"verdicts",
     "What an answer means; the first that fits wins, the rules of docs/delivery.md follow.",
     OPTION_SPECIAL, 0, .is_own = true, .form = "list", .section = "destinations.*.verdicts[]",
     .read = read_verdicts},

    {"max_age", "Older events take the next destination in the chain; 0s: no limit.",
     OPTION_DURATION, 0, AT(max_age_ms), .fallback = "0s", .max = 3650ull * DAY_MS},
};

static const struct config_option batch[] = {
    {"events", "Events of one request.", OPTION_COUNT, 0, AT(batch.events), .fallback = "1",
     .min = 1, .max = 10000},
};

static const struct config_option auth[] = {
    {"basic", "User name and password.", OPTION_SECTION, 0, .section = "destinations.*.auth.basic"},
    {"bearer", "A token, sent as `Authorization: Bearer`.", OPTION_SECRET, 0, OWN(auth.bearer)},
    {"hmac", "A signature of each body.", OPTION_SECTION, 0, .section = "destinations.*.auth.hmac"},
};

static const struct config_option basic[] = {
    {"username", "Who.", OPTION_SECRET, 0, OWN(auth.basic.username)},
    {"password", "And the password.", OPTION_SECRET, 0, OWN(auth.basic.password)},
};

static const struct config_option hmac[] = {
    {"secret",
     "The key. Signed, by HMAC-SHA256, is the time in Unix seconds, a dot, and the body as it is "
     "sent.",
     OPTION_SECRET, 0, OWN(auth.hmac.secret)},
    {"header", "The header with the signature in lower-case hexadecimal.", OPTION_TEXT, 0,
     OWN(auth.hmac.header), .fallback = "X-Signature", .check = check_header_name},
    {"timestamp_header", "The header with that time.", OPTION_TEXT, 0,
     OWN(auth.hmac.timestamp_header), .fallback = "X-Timestamp", .check = check_header_name},
    {"prefix", "What stands before the signature.", OPTION_TEXT, 0, OWN(auth.hmac.prefix),
     .fallback = "sha256=", .check = check_name},
};

static const struct config_option tls[] = {
    {"ca_file", "Certificates (PEM) to verify it with; the same as `ca_file` of the destination.",
     OPTION_FILE, 0, OWN(tls.ca_file), .check = check_readable},
    {"certificate", "Our own certificate (PEM), its chain behind it.", OPTION_FILE, 0,
     OWN(tls.certificate), .check = check_identity},
    {"key", "Its private key (PEM), not encrypted.", OPTION_FILE, 0, OWN(tls.key),
     .check = check_identity},
};

#undef AT
#define AT(field) .offset = offsetof(struct http_verdict, field)

static const struct config_option verdict[] = {
    {"status", "Of the answer: 404, 2xx, 500..599, or a list of these.", OPTION_SPECIAL, 0,
     AT(status), .form = "status, class, range or list", .read = read_node,
     .is_null_refused = true},
    {"header",
     "A header of the answer to what it holds, written as in `match`; all of them have to fit.",
     OPTION_MAP, 0, AT(header), .is_null_refused = true},
    {"json",
     "A JSON pointer (/a/0/b) into the body to what stands there, written as in `match`; texts and "
     "numbers differ, null is missing; all of them have to fit.",
     OPTION_MAP, 0, AT(json), .is_null_refused = true},
    {"is", "What such an answer means.", OPTION_CHOICE, 0, AT(is), .is_required = true,
     .choices = verdict_words},
};

const struct config_section http_sections[HTTP_SECTIONS] = {
    {"destinations.*", NULL, section, COUNT_OF(section)},
    {"destinations.*.batch", NULL, batch, COUNT_OF(batch)},
    {"destinations.*.auth", NULL, auth, COUNT_OF(auth)},
    {"destinations.*.auth.basic", NULL, basic, COUNT_OF(basic)},
    {"destinations.*.auth.hmac", NULL, hmac, COUNT_OF(hmac)},
    {"destinations.*.tls", NULL, tls, COUNT_OF(tls)},
    {"destinations.*.verdicts[]", "One rule.", verdict, COUNT_OF(verdict)},
};

void http_options_free(void *own)
{
    const struct http_options *options = own;

    secret_free(options->auth.basic.username);
    secret_free(options->auth.basic.password);
    secret_free(options->auth.bearer);
    secret_free(options->auth.hmac.secret);
    for (size_t i = 0; i < options->header_count; i++) {
        secret_free(options->headers[i].value);
    }
}
