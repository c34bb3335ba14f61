/**
 * world_inside - what the parts of the virtual world share: the clock (world.c), a worker
 * (worker.c), what answers it (transport.c) and where its events come from (source_topic.c).
 *
 * The world owns its workers; who opened a worker brings the functions of its source. All of it on
 * one thread.
 */
#ifndef REHEARSE_WORLD_INSIDE_H
#define REHEARSE_WORLD_INSIDE_H

#include "deliver/batch.h"
#include "rehearse/world.h"

enum {
    WORLD_START_MS = 1000000, /* of the monotonic clock */
};

/* A record of the source topic. The message comes first: it is what the core sees. */
struct world_record {
    rd_kafka_message_t message;
    uint64_t produced_ms;
    int64_t timestamp_ms;
    struct span topic;
    uint32_t tag;
};

/* A request or a record on its way: transport.c. */
struct transport_message {
    struct transport_message *next, *previous; /* its worker's list */
    struct worker *worker;                     /* NULL: it ended, nobody hears of the message */
    size_t destination;
    struct world_leg *legs; /* owned */
    size_t leg_count, leg_cap;
    /* a request */
    http_reply_fn *done;
    void *context;
    struct service_answer answer;
    uint64_t answer_ms;
    /* a record: one leg */
    struct produce_request *request; /* NULL: it is a request */
    const struct span *type;         /* of its event, or NULL */
    rd_kafka_resp_err_t refusal;     /* by its topic; 0: it takes the record */
    bool is_stuck, is_stuck_told, is_recalled;
};

struct message_list {
    struct transport_message *first, *last;
};

/* Messages of one worker: on their way, and back with what came of them. */
struct transport {
    struct message_list sent, back;
};

struct worker {
    struct world *world;
    uint32_t index;
    bool is_open;
    bool is_busy;     /* in a turn; or it does not turn for another reason */
    uint64_t wake_ms; /* the next turn */
    struct io io;
    struct deliverer deliverer;
    struct intake intake;
    struct turn turn;
    void *source; /* of whoever opened it */
    struct transport requests, records;
    size_t records_open;
};

struct world {
    const struct pipeline *pipeline;
    struct world_options options;
    uint64_t now_ms; /* monotonic */
    struct rng rng;
    struct event_queue queue;
    struct worker *workers; /* owned; some may be closed */
    struct transport_message *spare;
};

/* world.c */

int64_t world_wall_ms(const struct world *world);

/* worker.c */

struct worker_parts {
    const struct io *source; /* its functions of the source, which get the worker as context */
    void *context;           /* theirs: worker->source */
    struct health *health;
    struct metrics_worker *metrics;
    struct fates *fates; /* NULL: nobody keeps books */
    unsigned number;     /* among those who share the health */
};

void worker_open(struct worker *worker, const struct worker_parts *parts);
/** Nothing is finished, nothing committed. */
void worker_close(struct worker *worker);
/** Not before this turn's time is over. */
void worker_wake(struct worker *worker);
void worker_turn(struct worker *worker);

/* transport.c: functions of struct io, @context is the worker */

enum err_code transport_post(void *context, const struct http_request *post, struct err *err);
void transport_answers(void *context);
void transport_produce(void *context, struct produce_request *request);
bool transport_is_full(void *context);
uint64_t transport_reports(void *context, uint64_t now_ms);
/** The worker ends: what is on its way arrives or not, but nobody hears of it. */
void transport_stop(void *context);
void transport_free(struct world *world);

#endif /* REHEARSE_WORLD_INSIDE_H */
