/**
 * conf - what consumer and producer share below source.h's kafka_conf() (kafka room only).
 */
#ifndef KAFKA_CONF_H
#define KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "base/err.h"

struct conf_pair {
    const char *name;
    const char *value;
};

/** Set what is ours to decide; a refusal is a bug in our table, told as ERR_CONFIG. */
NODISCARD enum err_code conf_set(rd_kafka_conf_t *conf, const struct conf_pair *pairs, size_t count,
                                 struct err *err);
/** A number that librdkafka holds for @name, or @fallback. */
int64_t conf_number(const rd_kafka_conf_t *conf, const char *name, int64_t fallback);

/** Log an error that the library retries by itself, within the bound that its own lines share. */
void client_report(const rd_kafka_t *rk, rd_kafka_resp_err_t error, const char *reason);
/** Destroy @rk, which is known to hang at times: in a thread of its own, waited for until
 * @deadline_ms (monotonic). False: it is still at it, and is left to the end of the process. */
bool client_destroy(rd_kafka_t *rk, uint64_t deadline_ms);

#endif /* KAFKA_CONF_H */
