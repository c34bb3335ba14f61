/**
 * producer_inside - what producer.c (the requests), producer_search.c (which record of a batch is
 * refused) and producer_client.c (the handle of the library, its end and its replacement) share.
 * Nobody else includes this. Ownership, threads and errors are those of producer.h.
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
    REQUEST_REFUSED,
    REQUEST_CANCELLED,
    REQUEST_STATE_MASK = 0x0f,
    REQUEST_IS_TRIAL = 0x40, /* on its way in a search, none but its group beside it */
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
    PRE((list->count == 0) == (list->first == NULL));
    PRE((list->first == NULL) == (list->last == NULL));
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
    PRE(list->count > 0);
    PRE(request->previous != NULL || list->first == request);
    PRE(request->next != NULL || list->last == request);
    *(request->previous == NULL ? &list->first : &request->previous->next) = request->next;
    *(request->next == NULL ? &list->last : &request->next->previous) = request->previous;
    request->next = NULL;
    request->previous = NULL;
    list->count--;
}

/* One topic. What waits for one does not hold up the others. */
struct topic_line {
    char *name;            /* owned */
    rd_kafka_topic_t *rkt; /* owned; NULL: the client has none yet */
    struct request_list ready, suspects;
    size_t sent;           /* on their way */
    size_t trials;         /* of them: the group of a search */
    bool is_culprit_found; /* in the present search */
    bool is_too_large;     /* it is about size */
};

struct producer {
    const struct config *config;
    unsigned worker_index;
    int fd;                   /* owned */
    rd_kafka_t *rk;           /* owned; NULL while a new one cannot be made */
    rd_kafka_queue_t *queue;  /* owned */
    struct topic_line *lines; /* owned; for good, so that requests can say which */
    size_t line_count;
    size_t line_next; /* who is first in the next turn */
    size_t unsent;    /* ready ones and suspects of all lines */
    struct request_list delayed, sent, finished;
    uint64_t batch_bytes; /* of the client */
    uint64_t looked_at_ms;
    uint64_t reopen_at_ms;
    uint32_t reopenings; /* since one was last acknowledged */
    struct active_errors errors;
    bool is_fatal;
    bool is_queue_full;
    bool is_cancelling;
    bool is_batch_smaller; /* the batch size was taken down, and waits for a new client */
    bool has_gap;          /* of records given back by the library: likewise */
};

static inline struct topic_line *request_line(const struct producer *producer,
                                              const struct produce_request *request)
{
    PRE(request->line < producer->line_count);
    return &producer->lines[request->line];
}
static inline enum request_state request_state(const struct produce_request *request)
{
    return (enum request_state)(request->state & REQUEST_STATE_MASK);
}
/** Into another state and its list. */
void request_move(struct producer *producer, struct produce_request *request,
                  enum request_state state);
/** Give it to the library. False: no more can be sent just now. */
bool request_send(struct producer *producer, struct produce_request *request);
/** It is finished so, or waits when it must go. */
void request_refuse(struct producer *producer, struct produce_request *request);
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
/** Hand one request to the library. */
rd_kafka_resp_err_t client_produce(const struct producer *producer,
                                   struct produce_request *request);

/** @request was in a batch that was refused for the sake of some record. */
void search_suspect(struct producer *producer, struct produce_request *request,
                    rd_kafka_resp_err_t error);
/** Send the next group of suspects; nothing else of @line is on its way. False: no more can be sent
 * just now. */
bool search_send(struct producer *producer, struct topic_line *line);
/** A group is reported: is the search over? */
void search_end(struct producer *producer, struct topic_line *line);

#endif /* KAFKA_PRODUCER_INSIDE_H */
