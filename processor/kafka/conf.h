/**
 * conf - opening and closing a Kafka client: the settings on top of those of kafka_conf()
 * (source.h), the log of its errors, and its end.
 *
 * Used once for each client, never for an event. Any thread. The caller owns the client that is
 * opened. Settings that the library refuses are ERR_CONFIG with its text.
 */
#ifndef KAFKA_CONF_H
#define KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "base/err.h"

struct conf_pair {
    const char *name;
    const char *value;
};

/** A client of @conf (taken) with @pairs on top. ERR_CONFIG when the library refuses it. */
NODISCARD enum err_code conf_open(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                                  const struct conf_pair *pairs, size_t count, rd_kafka_t **out,
                                  struct err *err);
/** A number that librdkafka holds for @name, or @fallback. */
int64_t conf_number(const rd_kafka_conf_t *conf, const char *name, int64_t fallback);

/** Log an error that the library retries by itself, within the bound that its own lines share. */
void client_report(const rd_kafka_t *rk, rd_kafka_resp_err_t error, const char *reason);
/** Destroy @rk, which is known to hang at times: in a thread of its own, waited for until
 * @deadline_ms (monotonic). False: it is still at it, and is left to the end of the process. */
bool client_destroy(rd_kafka_t *rk, uint64_t deadline_ms);

#endif /* KAFKA_CONF_H */
