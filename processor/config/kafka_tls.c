/* The files and keys that kafka.properties names for TLS. librdkafka opens them when a client is
 * made; here they are tried before, so that a wrong one is a mistake with its place. */
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <string.h>
#include <unistd.h>

#include "config/loader.h"

static const char *const file_names[] = {
    "ssl.ca.location",  "ssl.certificate.location", "ssl.key.location",
    "ssl.crl.location", "ssl.keystore.location",
};

static bool names_file(const struct name_pair *property)
{
    for (size_t i = 0; i < COUNT_OF(file_names); i++) {
        if (span_is(property->name, file_names[i])) {
            /* "probe" looks for the system's authorities */
            return i != 0 || !span_is(property->value, "probe");
        }
    }
    return false;
}

/* A private key, and the certificate that is handed out with it. */
static bool is_identity(const struct name_pair *property)
{
    return span_is(property->name, "ssl.key.location") ||
           span_is(property->name, "ssl.certificate.location") ||
           span_is(property->name, "ssl.keystore.location");
}

bool place_tls_file(struct loader *loader, const struct yaml_node *node, struct name_pair *property,
                    bool is_hidden)
{
    if (!names_file(property)) {
        return true;
    }
    property->value = loader_path(loader, property->value);
    if (access(property->value.ptr, R_OK) == 0) {
        return true;
    }
    if (loader->is_without_secrets && is_identity(property)) {
        loader->is_property_missing = true;
        return false;
    }
    diag_error(loader->diags, node->place, "%s: %s cannot be read: %s", property->name.ptr,
               is_hidden ? "the file" : property->value.ptr, strerror(errno));
    return false;
}

/* Only what TLS needs: with more, making a client could run commands (Kerberos) or connect. */
static rd_kafka_conf_t *tls_conf(const struct config_kafka *kafka)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool is_tls = false;

    rd_kafka_conf_set_log_cb(conf, NULL);
    (void)rd_kafka_conf_set(conf, "security.protocol", "ssl", NULL, 0);
    for (size_t i = 0; i < kafka->property_count; i++) {
        const struct name_pair *property = &kafka->properties[i];

        if (span_is(property->name, "security.protocol")) {
            is_tls = span_eq_nocase(property->value, SPAN("ssl")) ||
                     span_eq_nocase(property->value, SPAN("sasl_ssl"));
        } else if (span_starts(property->name, SPAN("ssl."))) {
            (void)rd_kafka_conf_set(conf, property->name.ptr, property->value.ptr, NULL, 0);
        }
    }
    if (!is_tls) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return conf;
}

/* The property that @why begins with, else all of them. */
static struct place place_of_property(const struct config_kafka *kafka, const char *why,
                                      struct place all)
{
    for (size_t i = 0; i < kafka->property_count; i++) {
        const struct name_pair *property = &kafka->properties[i];

        if (strncmp(why, property->name.ptr, property->name.len) == 0 &&
            strncmp(why + property->name.len, " failed", 7) == 0) {
            return property->place;
        }
    }
    return all;
}

void check_kafka_tls(struct loader *loader, struct place place)
{
    const struct config_kafka *kafka = &loader->config->kafka;
    rd_kafka_conf_t *conf = tls_conf(kafka);
    rd_kafka_t *client;
    char why[256] = "";

    if (conf == NULL) {
        return;
    }
    client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why)); /* no brokers: goes nowhere */
    if (client != NULL) {
        rd_kafka_destroy(client);
        return;
    }
    rd_kafka_conf_destroy(conf);
    diag_error(loader->diags, place_of_property(kafka, why, place),
               "kafka.properties: no TLS with these: %s", why);
}
