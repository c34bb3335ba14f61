/**
 * producer_inside - what producer.c (the requests) and producer_client.c (the library's
 * handle, its end and its successor) share.
 */
#ifndef KAFKA_PRODUCER_INSIDE_H
#define KAFKA_PRODUCER_INSIDE_H

#include "kafka/producer.h"

enum request_state {
    REQUEST_NEW, /* a zeroed request */
    REQUEST_READY,
    REQUEST_DELAYED,
    REQUEST_SENT,
    REQUEST_SUSPECT,
    REQUEST_ACKNOWLEDGED, /* finished, as the others below */
    REQUEST_TOO_LARGE,
    REQUEST_CANCELLED,
    REQUEST_STATE_MASK = 0x0f,
    REQUEST_IS_ALONE = 0x40, /* no other request shares its batch */
    REQUEST_IS_STUCK = 0x80, /* and that was told */
};

enum { BACKOFF_MS_MIN = 250, BACKOFF_MS_MAX = 5000, BATCH_BYTES_MIN = 16384 };

/* Requests in a row, linked through themselves. */
struct request_list {
    struct produce_request *first;
    struct produce_request *last;
    size_t count;
};

/** Behind @after; NULL: first of all. */
static inline void request_list_insert(struct request_list *list, struct produce_request *after,
                                       struct produce_request *request)
{
    request->previous = after;
    request->next = after == NULL ? list->first : after->next;
    *(request->next == NULL ? &list->last : &request->next->previous) = request;
    *(after == NULL ? &list->first : &after->next) = request;
    list->count++;
}

static inline void request_list_append(struct request_list *list, struct produce_request *request)
{
    request_list_insert(list, list->last, request);
}

static inline void request_list_remove(struct request_list *list, struct produce_request *request)
{
    *(request->previous == NULL ? &list->first : &request->previous->next) = request->next;
    *(request->next == NULL ? &list->last : &request->next->previous) = request->previous;
    request->next = NULL;
    request->previous = NULL;
    list->count--;
}

struct topic_handle {
    char *name;            /* owned */
    rd_kafka_topic_t *rkt; /* owned */
};

struct producer {
    const struct config *config;
    unsigned worker_index;
    int fd;                      /* owned */
    rd_kafka_t *rk;              /* owned; NULL while a new one cannot be made */
    rd_kafka_queue_t *queue;     /* owned */
    struct topic_handle *topics; /* owned */
    size_t topic_count;
    struct request_list ready, delayed, sent, suspects, finished;
    uint64_t batch_bytes; /* of the client */
    uint64_t looked_at_ms;
    uint64_t reopen_at_ms;
    uint32_t reopenings; /* since one was last acknowledged */
    uint64_t failures;   /* since the last line about them */
    uint64_t failure_logged_ms;
    bool is_fatal;
    bool is_queue_full;
    bool is_cancelling;
    bool is_culprit_found; /* among the suspects of a refused batch */
    bool is_batch_smaller; /* the batch size was taken down, and waits for a new client */
    bool has_gap;          /* of records given back by the library: likewise */
};

/** Into another state and its list. */
void request_move(struct producer *producer, struct produce_request *request,
                  enum request_state state);
/** The delivery report of one request (runs inside rd_kafka_poll()). */
void request_report(struct producer *producer, struct produce_request *request,
                    rd_kafka_resp_err_t error);

NODISCARD enum err_code client_open(struct producer *producer, struct err *err);
void client_close(struct producer *producer);
/** Have every SENT request reported, whatever its fate. False when the library did not. */
bool client_purge(struct producer *producer);
/** A new client where one is needed and due. */
void client_reopen(struct producer *producer, uint64_t now_ms);
/** Say once that the client has failed for good. */
void client_fatal(struct producer *producer);
/** The library's handle of a topic; NULL when it refuses the name (rd_kafka_last_error()). */
rd_kafka_topic_t *client_topic(struct producer *producer, const char *name);

#endif /* KAFKA_PRODUCER_INSIDE_H */
