#include "schema/registry.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "schema/registry_http.h"
#include "schema/vet.h"

enum {
    ANSWER_NESTING_MAX = 64,
    ANSWER_BYTES_MORE = 64 * 1024, /* than the schema itself */
    NOT_THERE = 404, /* what a registry's own error codes begin with: 40401, 40402, 40403 */
    PATH_BYTES_MAX = 16 * 1024,
    MESSAGE_BYTES_SHOWN = 200,
    REQUEST_BYTES_MAX = 4 * 1024 * 1024,
};

/* One schema text and how far its references have been followed. */
struct reference_node {
    char *name;    /* owned: the name it is referred to by; NULL for the one asked for */
    char *subject; /* owned */
    int64_t version;
    json_t *answer; /* owned */
    size_t next;    /* of its references */
    bool is_open;   /* on the way from the one asked for to where we are */
};

/* All that one schema needs, gathered depth first; each before whoever refers to it in `order`. */
struct gathering {
    struct registry *registry;
    struct reference_node nodes[REGISTRY_REFERENCES_MAX + 1];
    size_t count;
    size_t stack[REGISTRY_REFERENCE_DEPTH_MAX + 1];
    size_t depth;
    size_t order[REGISTRY_REFERENCES_MAX + 1];
    size_t ordered;
};

struct registry {
    struct registry_http *http; /* owned */
    struct registry_answer answer;
    size_t schema_bytes_max;
    size_t url_count;
    bool *has_answered;              /* owned; by URL: it is a schema registry that stands there */
    struct registry_failure failure; /* the last */
};

struct registry *registry_new(const struct config_registry *config, size_t schema_bytes_max)
{
    struct registry *registry = mem_new(struct registry);

    registry->http = registry_http_new(config);
    registry->url_count = config->url_count;
    registry->has_answered = mem_array(config->url_count, bool);
    registry->schema_bytes_max = schema_bytes_max;
    /* as a JSON text a schema's quotes and line ends take two bytes each */
    buf_init(&registry->answer.body, 2 * schema_bytes_max + ANSWER_BYTES_MORE);
    return registry;
}

void registry_free(struct registry *registry)
{
    if (registry == NULL) {
        return;
    }
    registry_http_free(registry->http);
    buf_fini(&registry->answer.body);
    free(registry->has_answered);
    free(registry);
}

void registry_abort(struct registry *registry)
{
    registry_http_abort(registry->http);
}

const struct registry_failure *registry_last_failure(const struct registry *registry)
{
    return &registry->failure;
}

void registry_learn(struct registry *to, const struct registry *from)
{
    memcpy(to->has_answered, from->has_answered, from->url_count * sizeof(bool));
}

static bool is_ok(const struct registry_answer *answer)
{
    return answer->status >= 200 && answer->status < 300;
}

/* The answer's JSON, or NULL when it is none. */
static json_t *read_answer(struct registry *registry)
{
    json_t *json = NULL;

    return json_load_bounded(buf_span(&registry->answer.body), registry->answer.body.max,
                             ANSWER_NESTING_MAX, "answer", &json, NULL) == ERR_OK
               ? json
               : NULL;
}

/* The answer is none that a registry gives; @what follows "URL answered 200 (text/html), ". The
 * hint is for a URL at which no registry has been met: there it is most likely the URL itself. */
static enum err_code make_no_sense(struct registry *registry, struct err *err, const char *what)
{
    const struct registry_answer *answer = &registry->answer;
    struct buf described;

    buf_init(&described, ERR_TEXT_BYTES);
    registry_http_describe(registry->http, answer, &described);
    FAIL(err, ERR_BUSY, "the schema registry's answer makes no sense: %s, %s%s",
         buf_text(&described), what,
         registry->has_answered[answer->url]
             ? ""
             : "; is there a Confluent-compatible API at this URL? Apicurio has it below "
               "/apis/ccompat/v7");
    buf_fini(&described);
    registry->failure = (struct registry_failure){
        .kind = is_ok(answer) || answer->status == 404 ? REGISTRY_BAD_ANSWER : REGISTRY_REFUSED,
        .status = answer->status,
        .cause = span_hash(span_of(what)) ^ (uint64_t)answer->status << 8 ^ answer->url,
    };
    registry_http_distrust(registry->http);
    return ERR_BUSY;
}

/* error_code of an error's body; 0 when it has none. */
static int64_t error_code(struct registry *registry)
{
    json_t *json = read_answer(registry);
    int64_t code = json_integer_value(json_object_get(json, "error_code"));

    json_decref(json);
    return code;
}

/* An answer that only a registry gives: it is the right URL. */
static void trust(struct registry *registry)
{
    registry->has_answered[registry->answer.url] = true;
}

static void set_failure(struct registry *registry)
{
    const struct registry_answer *answer = &registry->answer;

    registry->failure = (struct registry_failure){
        .kind = !answer->is_answered   ? REGISTRY_NO_ANSWER
                : answer->is_busy      ? REGISTRY_BUSY
                : answer->is_too_large ? REGISTRY_REFUSED
                                       : REGISTRY_BAD_ANSWER,
        .status = answer->status,
        .retry_after_ms = answer->retry_after_ms,
        .cause = answer->cause,
        .is_timeout = answer->is_timeout,
    };
}

static enum err_code ask(struct registry *registry, const char *path, struct span body,
                         struct err *err)
{
    enum err_code rc = registry_http_ask(registry->http, path, body, &registry->answer, err);

    if (rc != ERR_OK) {
        set_failure(registry);
    }
    return rc;
}

/* The list of types came with Confluent's 5.5; what is older still lists its subjects. */
static enum err_code ask_for_a_list(struct registry *registry, struct err *err)
{
    enum err_code rc = ask(registry, "/schemas/types", SPAN_NONE, err);

    if (rc == ERR_OK && registry->answer.status == 404) {
        rc = ask(registry, "/subjects", SPAN_NONE, err);
    }
    return rc;
}

enum err_code registry_probe(struct registry *registry, struct err *err)
{
    enum err_code rc = ask_for_a_list(registry, err);
    json_t *json = NULL;

    if (rc == ERR_NET && registry->answer.is_there) { /* a redirect, or a server that fails */
        rc = ERR_BUSY;
        if (err != NULL) {
            err->code = rc;
        }
    }
    if (rc != ERR_OK) {
        return rc;
    }
    json = is_ok(&registry->answer) ? read_answer(registry) : NULL;
    if (json_is_array(json)) {
        trust(registry);
    } else {
        rc = make_no_sense(registry, err, "no list of the schema types or subjects it knows");
    }
    json_decref(json);
    return rc;
}

/* A 404 is certain when a registry's own words say so. A plain one comes from whatever stands
 * before it, an ingress during a rollout for one, and may be gone in a minute. */
static enum err_code read_absence(struct registry *registry, struct err *err)
{
    if (error_code(registry) / 100 != NOT_THERE) {
        return make_no_sense(registry, err, "without a registry's error code");
    }
    trust(registry);
    return FAIL(err, ERR_ABSENT, "the schema registry has no such schema");
}

/* What an answer that is about something else says it is about. */
static bool is_about(const json_t *json, const char *key, int64_t number)
{
    const json_t *said = json_object_get(json, key);

    return !json_is_integer(said) || json_integer_value(said) == number;
}

/* Why @json is no schema of what was asked for (its @key is @number); NULL when it is one. */
static const char *find_nonsense(const json_t *json, const char *key, int64_t number)
{
    const json_t *schema = json_object_get(json, "schema");
    struct span text = {json_string_value(schema), json_string_length(schema)};

    return json == NULL                   ? "no JSON"
           : !json_is_string(schema)      ? "no schema in it"
           : span_trim(text).len == 0     ? "an empty schema in it"
           : !is_about(json, key, number) ? "another one's schema in it"
                                          : NULL;
}

/* 200 with an object that holds a schema, or why not. */
static enum err_code read_schema(struct registry *registry, const char *key, int64_t number,
                                 json_t **out, struct err *err)
{
    json_t *json = read_answer(registry);
    const json_t *type = json_object_get(json, "schemaType");
    const char *nonsense = find_nonsense(json, key, number);

    if (nonsense != NULL) {
        json_decref(json);
        return make_no_sense(registry, err, nonsense);
    }
    trust(registry);
    if (json_is_string(type) && strcmp(json_string_value(type), "AVRO") != 0) {
        FAIL(err, ERR_DATA, "its type is %.32s; only AVRO is read", json_string_value(type));
        json_decref(json);
        return ERR_DATA;
    }
    *out = json;
    return ERR_OK;
}

/* The schema at @path, which is that of the @key with this @number. */
static enum err_code get_schema(struct registry *registry, const char *path, const char *key,
                                int64_t number, json_t **out, struct err *err)
{
    enum err_code rc = ask(registry, path, SPAN_NONE, err);

    if (rc != ERR_OK) {
        return rc;
    }
    if (is_ok(&registry->answer)) {
        return read_schema(registry, key, number, out, err);
    }
    if (registry->answer.status == 404) {
        return read_absence(registry, err);
    }
    return make_no_sense(registry, err, "nothing about the schema");
}

static json_t *references_of(const struct reference_node *node)
{
    return json_object_get(node->answer, "references");
}

static struct reference_node *find_node(struct gathering *g, const char *subject, int64_t version)
{
    for (size_t i = 1; i < g->count; i++) {
        if (g->nodes[i].version == version && strcmp(g->nodes[i].subject, subject) == 0) {
            return &g->nodes[i];
        }
    }
    return NULL;
}

static void enter(struct gathering *g, const char *name, const char *subject, int64_t version,
                  json_t *answer)
{
    struct reference_node *node = &g->nodes[g->count];

    *node = (struct reference_node){.version = version, .answer = answer, .is_open = true};
    node->name = name == NULL ? NULL : mem_text(span_of(name));
    node->subject = subject == NULL ? NULL : mem_text(span_of(subject));
    g->stack[g->depth++] = g->count++;
}

static enum err_code get_reference(struct gathering *g, const char *name, const char *subject,
                                   int64_t version, struct err *err)
{
    json_t *answer = NULL;
    enum err_code rc;
    struct buf path;

    buf_init(&path, PATH_BYTES_MAX);
    buf_add_text(&path, "/subjects/");
    registry_http_escape(&path, span_of(subject));
    /* what refers to a deleted version is still to be read */
    buf_printf(&path, "/versions/%lld?deleted=true", (long long)version);
    rc = path.is_overflowed
             ? FAIL(err, ERR_DATA, "a subject's name is too long")
             : get_schema(g->registry, buf_text(&path), "version", version, &answer, err);
    buf_fini(&path);
    if (rc == ERR_ABSENT) {
        rc = FAIL(err, ERR_DATA,
                  "it refers to '%.100s', which the schema registry does not have (subject %.100s, "
                  "version %lld)",
                  name, subject, (long long)version);
    }
    if (rc == ERR_OK) {
        enter(g, name, subject, version, answer);
    }
    return rc;
}

/* One of the references of the node on top of the stack. */
static enum err_code follow(struct gathering *g, const json_t *reference, struct err *err)
{
    const char *name = json_string_value(json_object_get(reference, "name"));
    const char *subject = json_string_value(json_object_get(reference, "subject"));
    int64_t version = json_integer_value(json_object_get(reference, "version"));
    const struct reference_node *known;

    if (name == NULL || subject == NULL || version <= 0) {
        return make_no_sense(g->registry, err, "a reference without name, subject or version");
    }
    known = find_node(g, subject, version);
    if (known != NULL) {
        return !known->is_open
                   ? ERR_OK
                   : FAIL(err, ERR_DATA, "its references go in a circle at '%.100s'", name);
    }
    if (g->count > REGISTRY_REFERENCES_MAX) {
        return FAIL(err, ERR_DATA, "it has more than %d references", REGISTRY_REFERENCES_MAX);
    }
    if (g->depth > REGISTRY_REFERENCE_DEPTH_MAX) {
        return FAIL(err, ERR_DATA, "its references are more than %d deep",
                    REGISTRY_REFERENCE_DEPTH_MAX);
    }
    return get_reference(g, name, subject, version, err);
}

/* Depth first, without recursion: what a registry says must not reach our stack. */
static enum err_code gather(struct gathering *g, struct err *err)
{
    enum err_code rc = ERR_OK;

    while (g->depth > 0 && rc == ERR_OK) {
        size_t index = g->stack[g->depth - 1];
        struct reference_node *node = &g->nodes[index];

        if (node->next < json_array_size(references_of(node))) {
            rc = follow(g, json_array_get(references_of(node), node->next++), err);
        } else {
            node->is_open = false;
            g->order[g->ordered++] = index;
            g->depth--;
        }
    }
    return rc;
}

static struct span schema_of(const struct reference_node *node)
{
    const json_t *schema = json_object_get(node->answer, "schema");

    return (struct span){json_string_value(schema), json_string_length(schema)};
}

static enum err_code parse(const struct gathering *g, struct schema **out, struct err *err)
{
    const struct schema_rules rules = {.is_writer = true,
                                       .bytes_max = g->registry->schema_bytes_max};
    struct schema_reference references[REGISTRY_REFERENCES_MAX];
    size_t count = g->ordered - 1; /* the one asked for is the last */
    enum err_code rc;

    for (size_t i = 0; i < count; i++) {
        const struct reference_node *node = &g->nodes[g->order[i]];

        references[i] = (struct schema_reference){span_of(node->name), schema_of(node)};
    }
    rc = schema_parse_as(&rules, schema_of(&g->nodes[0]), references, count, out, err);
    if (rc != ERR_OK && err != NULL) {
        err->code = ERR_DATA;
        err->retryable = false;
    }
    return rc == ERR_OK ? ERR_OK : ERR_DATA;
}

enum err_code registry_fetch(struct registry *registry, uint32_t id, struct schema **out,
                             struct err *err)
{
    struct gathering *g = mem_new(struct gathering);
    json_t *answer = NULL;
    enum err_code rc;
    char *path = mem_format("/schemas/ids/%u", id);

    g->registry = registry;
    rc = get_schema(registry, path, "id", id, &answer, err);
    if (rc == ERR_OK) {
        enter(g, NULL, NULL, 0, answer);
        rc = gather(g, err);
    }
    if (rc == ERR_OK) {
        rc = parse(g, out, err);
    }
    for (size_t i = 0; i < g->count; i++) {
        free(g->nodes[i].name);
        free(g->nodes[i].subject);
        json_decref(g->nodes[i].answer);
    }
    free(path);
    free(g);
    return rc;
}

/* The registry's own words on why not, cut, for a person. */
static enum err_code tell_refusal(struct registry *registry, struct span subject, struct err *err)
{
    json_t *json = read_answer(registry);
    const char *message = json_string_value(json_object_get(json, "message"));
    enum err_code rc;

    rc = FAIL(err, ERR_CONFIG,
              "the schema registry refuses the schema for subject " SPAN_FMT ": %u %.*s",
              SPAN_ARG(subject), registry->answer.status, (int)MESSAGE_BYTES_SHOWN,
              message == NULL ? "" : message);
    json_decref(json);
    return rc;
}

enum err_code registry_register(struct registry *registry, struct span subject, struct span json,
                                uint32_t *id, struct err *err)
{
    struct buf path;
    struct buf body;
    json_t *answer = NULL;
    int64_t got;
    enum err_code rc;

    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&body, REQUEST_BYTES_MAX);
    buf_add_text(&path, "/subjects/");
    registry_http_escape(&path, subject);
    buf_add_text(&path, "/versions");
    buf_add_text(&body, "{\"schema\":");
    buf_add_json_string(&body, json);
    buf_add_char(&body, '}');
    rc = path.is_overflowed || body.is_overflowed
             ? FAIL(err, ERR_LIMIT, "the schema or its subject is too large to be registered")
             : ask(registry, buf_text(&path), buf_span(&body), err);
    if (rc == ERR_OK && !is_ok(&registry->answer)) {
        rc = tell_refusal(registry, subject, err);
    } else if (rc == ERR_OK) {
        answer = read_answer(registry);
        got = json_integer_value(json_object_get(answer, "id"));
        if (got <= 0 || got > INT32_MAX) {
            rc = make_no_sense(registry, err, answer == NULL ? "no JSON" : "no id in it");
        }
        *id = rc == ERR_OK ? (uint32_t)got : 0;
        json_decref(answer);
    }
    buf_fini(&path);
    buf_fini(&body);
    return rc;
}
