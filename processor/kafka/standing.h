/**
 * standing - errors of one Kafka client that stand: told once, then once a minute with their
 * count, and once more when they are over.
 *
 * One thread writes; others get copies (cluster.h).
 */
#ifndef KAFKA_STANDING_H
#define KAFKA_STANDING_H

#include "kafka/client_errors.h"

enum { STANDINGS_MAX = 8, STANDING_TEXT_BYTES = 256 };

/* Whose errors: the word in logs and in the status. */
enum standing_owner { STANDING_CONSUMER, STANDING_PRODUCER, STANDING_CLUSTER };

struct standing {
    rd_kafka_resp_err_t code;
    char resource[STANDING_TEXT_BYTES];  /* a topic or group; "" when it is about neither */
    char text[STANDING_TEXT_BYTES];      /* the library's words, the latest */
    uint64_t since_ms, last_ms, told_ms; /* monotonic */
    uint64_t count, untold;
};

struct standings {
    enum standing_owner owner;
    unsigned worker; /* for the log */
    struct standing items[STANDINGS_MAX];
    size_t count;
};

/** It was met (again). A ninth one takes the place of the one met longest ago. That a client was
 * ended (_DESTROY) is none. */
void standing_note(struct standings *standings, rd_kafka_resp_err_t code, const char *resource,
                   const char *text, uint64_t now_ms);
/** Those about @resource (NULL: all) are over. */
void standing_over(struct standings *standings, const char *resource, uint64_t now_ms);
/** Forget those of which nothing was heard for a minute, where nobody says that they are over: what
 * passes by itself, what is about a topic, and what has no rule. */
void standing_age(struct standings *standings, uint64_t now_ms);
/** One that does not pass by itself; NULL when there is none. */
const struct standing *standing_worst(const struct standings *standings);
const char *standing_owner_word(enum standing_owner owner);

#endif /* KAFKA_STANDING_H */
