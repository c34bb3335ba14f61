/* kafka.properties: librdkafka's own options, but for those that detour must decide by itself
 * (else offsets are wrong or events get lost) and those that would open the process. */
#include <librdkafka/rdkafka.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/loader.h"

static const struct {
    const char *name;
    const char *value; /* NULL: whatever the value */
    const char *reason;
} refused[] = {
    {"bootstrap.servers", NULL, "kafka.brokers says it"},
    {"metadata.broker.list", NULL, "kafka.brokers says it"},
    {"group.id", NULL, "kafka.group says it"},
    {"group.instance.id", NULL, "the workers of one process would fence each other"},
    {"client.id", NULL, "detour names its clients itself, so that workers can be told apart"},
    {"enable.auto.commit", NULL, "only settled offsets may be committed, and detour does that"},
    {"auto.commit.interval.ms", NULL, "detour commits by itself"},
    {"auto.commit.enable", NULL, "detour commits by itself"},
    {"enable.auto.offset.store", NULL,
     "only settled offsets may be committed, and detour does that"},
    {"auto.offset.reset", NULL,
     "kafka.start_from and kafka.on_gap say it; a silent reset is loss or a flood"},
    {"offset.store.method", NULL, "offsets live in the group"},
    {"partition.assignment.strategy", NULL,
     "the cooperative one loses commits in this version of librdkafka"},
    {"enable.partition.eof", NULL, "detour needs the ends of partitions told"},
    {"isolation.level", "read_uncommitted", "events of aborted transactions would be delivered"},
    {"acks", NULL, "an alternate counts only when all replicas have it"},
    {"request.required.acks", NULL, "an alternate counts only when all replicas have it"},
    {"enable.idempotence", NULL, "the producer is always idempotent"},
    {"enable.gapless.guarantee", NULL, "it would make every failure fatal"},
    {"transactional.id", NULL, "detour does not use transactions"},
    {"transaction.timeout.ms", NULL, "detour does not use transactions"},
    {"message.timeout.ms", NULL, "a short one makes the outcome of a record unknown"},
    {"delivery.timeout.ms", NULL, "a short one makes the outcome of a record unknown"},
    {"retries", NULL, "detour retries by itself, for ever"},
    {"message.send.max.retries", NULL, "detour retries by itself, for ever"},
    {"max.in.flight", NULL, "the idempotent producer sets it"},
    {"max.in.flight.requests.per.connection", NULL, "the idempotent producer sets it"},
    {"allow.auto.create.topics", NULL,
     "a misspelled topic would come into being; `detour topics --create` makes them"},
    {"builtin.features", NULL, "it is what librdkafka was built with"},
    {"plugin.library.paths", NULL, "it loads foreign code into the process"},
    {"ssl.engine.location", NULL, "it loads foreign code into the process"},
    {"ssl.engine.id", NULL, "it loads foreign code into the process"},
    {"enable.ssl.certificate.verification", "false",
     "anybody could pretend to be the broker; name your authority in ssl.ca.location"},
    {"ssl.endpoint.identification.algorithm", "none",
     "anybody with any certificate could pretend to be the broker"},
    {"enable.sasl.oauthbearer.unsecure.jwt", "true", "its tokens are not signed"},
    {"test.mock.num.brokers", NULL, "the brokers would be imaginary; `detour sandbox` has some"},
};

static const char *const secret_names[] = {
    "sasl.password",
    "ssl.key.password",
    "ssl.keystore.password",
    "ssl.key.pem",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
};

static bool is_secret(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(secret_names); i++) {
        if (span_is(name, secret_names[i])) {
            return true;
        }
    }
    return false;
}

static bool is_refused(struct loader *loader, const struct name_pair *property)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        if (span_is(property->name, refused[i].name) &&
            (refused[i].value == NULL ||
             span_eq_nocase(property->value, span_of(refused[i].value)))) {
            diag_error(loader->diags, property->place, "kafka.properties cannot set %s%s%s: %s",
                       refused[i].name, refused[i].value == NULL ? "" : " to ",
                       refused[i].value == NULL ? "" : refused[i].value, refused[i].reason);
            return true;
        }
    }
    return false;
}

/* The value of a {env} or {file} into the config's memory, where config_free() wipes it. */
static bool read_hidden(struct loader *loader, const struct yaml_node *node, struct span *out)
{
    struct secret *secret = read_secret(loader, node, "a property");
    struct buf text;
    char *copy;

    if (secret == NULL) {
        return false;
    }
    buf_init(&text, SECRET_BYTES_MAX);
    (void)buf_reserve(&text, SECRET_BYTES_MAX);
    secret_read(secret, &text);
    if (span_eq(buf_span(&text), secret_stand_in)) {
        loader->is_property_missing = true;
    }
    copy = loader_keep(loader, text.len + 1, 1);
    memcpy(copy, text.ptr, text.len);
    *out = (struct span){copy, text.len};
    mem_wipe(text.ptr, text.len);
    buf_fini(&text);
    secret_free(secret);
    return true;
}

/* librdkafka knows its names and values best; but it repeats values, and a hidden one is told to
 * nobody. */
static bool check_by_library(struct loader *loader, rd_kafka_conf_t *conf,
                             const struct name_pair *property, bool is_hidden)
{
    char why[256];

    if (rd_kafka_conf_set(conf, property->name.ptr, property->value.ptr, why, sizeof(why)) ==
        RD_KAFKA_CONF_OK) {
        return true;
    }
    if (is_hidden) {
        diag_error(loader->diags, property->place,
                   "kafka.properties: the value of %s is not accepted (a secret's is not shown)",
                   LOG_S(property->name));
    } else {
        diag_error(loader->diags, property->place, "kafka.properties: %s", why);
    }
    return false;
}

/* A secret that is not here cannot be tried; its name can. */
static void check_property_name(struct loader *loader, rd_kafka_conf_t *conf,
                                const struct name_pair *property)
{
    char why[256];

    if (rd_kafka_conf_set(conf, property->name.ptr, secret_stand_in.ptr, why, sizeof(why)) ==
        RD_KAFKA_CONF_UNKNOWN) {
        diag_error(loader->diags, property->place, "kafka.properties: %s", why);
    }
}

static void read_property(struct loader *loader, const struct yaml_pair *pair,
                          rd_kafka_conf_t *conf)
{
    struct config_kafka *kafka = &loader->config->kafka;
    bool is_hidden = pair->value->kind == YAML_MAP || is_secret(pair->key);
    struct name_pair property = {.name = pair->key, .place = pair->place};

    if (is_hidden ? !read_hidden(loader, pair->value, &property.value)
                  : !read_text(loader, pair->value, "a property", "a text", &property.value)) {
        return;
    }
    if (is_hidden && loader->is_without_secrets && span_eq(property.value, secret_stand_in)) {
        if (!is_refused(loader, &property)) {
            check_property_name(loader, conf, &property);
        }
        return;
    }
    if (!is_refused(loader, &property) &&
        place_tls_file(loader, pair->value, &property, is_hidden) &&
        check_by_library(loader, conf, &property, is_hidden)) {
        kafka->properties[kafka->property_count++] = property;
    }
}

void read_properties(struct loader *loader, const struct config_option *option,
                     const struct yaml_node *node, struct place place, void *base)
{
    struct config_kafka *kafka = &loader->config->kafka;
    size_t errors_before;
    rd_kafka_conf_t *conf;

    (void)option;
    (void)place;
    (void)base;
    if (node == NULL || !is_map(loader, node, "kafka.properties")) {
        return;
    }
    conf = rd_kafka_conf_new();
    kafka->properties = loader_keep(loader, node->count, sizeof(kafka->properties[0]));
    errors_before = loader->diags->error_count;
    for (size_t i = 0; i < node->count; i++) {
        read_property(loader, &node->pairs[i], conf);
    }
    if (loader->diags->error_count == errors_before &&
        !loader->is_property_missing) { /* what is missing has been told */
        check_kafka_tls(loader, node->place);
    }
    rd_kafka_conf_destroy(conf);
}
