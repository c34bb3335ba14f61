/**
 * active_errors - errors of one Kafka client that last: told once, then once a minute with their
 * count, and once more when they are over.
 *
 * One thread writes; others get copies (cluster.h).
 *
 * No allocation; the struct belongs to the client's owner. Nothing here fails.
 */
#ifndef KAFKA_ACTIVE_ERRORS_H
#define KAFKA_ACTIVE_ERRORS_H

#include "kafka/client_errors.h"

enum { ACTIVE_ERRORS_MAX = 8, ACTIVE_ERROR_TEXT_BYTES = 256 };

/* Whose errors: the word in logs and in the status. */
enum client_role { CLIENT_IS_CONSUMER, CLIENT_IS_PRODUCER, CLIENT_IS_CLUSTER };

struct active_error {
    rd_kafka_resp_err_t code;
    char resource[ACTIVE_ERROR_TEXT_BYTES]; /* a topic or group; "" when it is about neither */
    char text[ACTIVE_ERROR_TEXT_BYTES];     /* the library's words, the latest */
    uint64_t since_ms, last_ms, told_ms;    /* monotonic */
    uint64_t count, untold;
};

struct active_errors {
    enum client_role owner;
    unsigned worker; /* for the log */
    struct active_error items[ACTIVE_ERRORS_MAX];
    size_t count;
};

/** The error was met (again). A ninth error replaces the one that was met longest ago. The end of a
 * client (_DESTROY) is no error. */
void active_error_add(struct active_errors *errors, rd_kafka_resp_err_t code, const char *resource,
                      const char *text, uint64_t now_ms);
/** Those about @resource (NULL: all) are over. */
void active_error_clear(struct active_errors *errors, const char *resource, uint64_t now_ms);
/** Remove errors that were not met for a minute, if no event ends them: those that pass by
 * themselves, those of a topic, and those without a rule. */
void active_error_expire(struct active_errors *errors, uint64_t now_ms);
/** One that does not pass by itself; NULL when there is none. */
const struct active_error *active_error_worst(const struct active_errors *errors);
const char *client_role_word(enum client_role owner);

#endif /* KAFKA_ACTIVE_ERRORS_H */
