#include "app/backfill.h"

#include <stdlib.h>

#include "base/mem.h"

enum { OPEN_AGAIN_MS = 10000, EVENTS_LEAST = 100, BYTES_LEAST = 4 * 1024 * 1024 };

/* Of one destination. */
struct backfill {
    struct config config;     /* the process's, but for what is its own */
    struct pipeline pipeline; /* likewise */
    struct span topics[1];
    char *group; /* owned */
    size_t destination;
    unsigned index;           /* as a worker of the process */
    struct backfill_job *job; /* owned; NULL: not running, as the next */
    struct worker *worker;    /* owned */
    uint64_t open_ms;         /* it is to be opened from then on */
};

struct backfills {
    struct worker_shared shared;
    struct backfill_orders *orders; /* owned */
    struct backfill *items;         /* owned; they stay where they are */
    size_t count;
};

static void make_own(struct backfill *backfill, const struct pipeline *pipeline)
{
    const struct config *config = pipeline->config;
    const struct config_destination *to = &config->destinations[backfill->destination];
    double rate = to->backfill.rate;
    struct config *own = &backfill->config;

    *own = *config;
    backfill->topics[0] = config_find(config, to->backfill.from)->topic;
    backfill->group = mem_format(SPAN_FMT ".backfill." SPAN_FMT, SPAN_ARG(config->kafka.group),
                                 SPAN_ARG(to->name));
    own->kafka.group = span_of(backfill->group);
    own->kafka.topics = backfill->topics;
    own->kafka.topic_count = 1;
    own->kafka.start_from = START_EARLIEST;
    own->kafka.on_gap =
        GAP_SKIP; /* what retention took of diverted events is nobody's to wait for */
    own->workers = 1;
    own->in_flight.events =
        MAX_OF((uint32_t)(own->in_flight.events * rate), (uint32_t)EVENTS_LEAST);
    own->in_flight.bytes =
        MAX_OF((uint64_t)((double)own->in_flight.bytes * rate), (uint64_t)BYTES_LEAST);
    backfill->pipeline = *pipeline;
    backfill->pipeline.config = own;
    backfill->pipeline.source_partitions = 0; /* of the alternate: not known */
}

enum err_code backfills_new(const struct worker_shared *shared, struct backfills **out,
                            struct err *err)
{
    struct backfills *backfills = mem_new(struct backfills);
    const struct config *config = shared->pipeline->config;

    enum err_code rc = backfill_orders_new(config, shared->ledger != NULL, &backfills->orders, err);

    if (rc != ERR_OK) {
        free(backfills);
        return rc;
    }
    backfills->shared = *shared;
    backfills->items = mem_array(config_backfills(config), struct backfill);
    for (size_t i = 0; i < config->destination_count; i++) {
        struct backfill *backfill = &backfills->items[backfills->count];

        if (config->destinations[i].backfill.from.ptr != NULL) {
            backfill->destination = i;
            backfill->index = config->workers + (unsigned)backfills->count;
            make_own(backfill, shared->pipeline);
            backfills->count++;
        }
    }
    *out = backfills;
    return ERR_OK;
}

static void close_one(struct backfill *backfill)
{
    worker_free(backfill->worker);
    backfill_job_free(backfill->job);
    backfill->worker = NULL;
    backfill->job = NULL;
}

static struct span name_of(const struct backfill *backfill)
{
    return backfill->config.destinations[backfill->destination].name;
}

static void open_one(const struct backfills *backfills, struct backfill *backfill, uint64_t now_ms)
{
    struct worker_shared shared = backfills->shared;
    struct err err;

    backfill->open_ms = now_ms + OPEN_AGAIN_MS;
    backfill->job = backfill_job_new(&(struct backfill_parts){.pipeline = &backfill->pipeline,
                                                              .destination = backfill->destination,
                                                              .health = shared.health,
                                                              .metrics = shared.metrics,
                                                              .orders = backfills->orders});
    shared.pipeline = &backfill->pipeline;
    shared.job = backfill_job_worker(backfill->job);
    if (worker_start(&shared, backfill->index, &backfill->worker, &err) == ERR_OK) {
        LOG_INFO("backfill.started", "destination=%s topic=%s group=%s", LOG_S(name_of(backfill)),
                 LOG_S(backfill->topics[0]), LOG_S(backfill->config.kafka.group));
        return;
    }
    LOG_ERROR("backfill.failed",
              "destination=%s why=%s next=\"opened anew in 10 s; live events go on\"",
              LOG_S(name_of(backfill)), LOG_Q(err.text));
    close_one(backfill);
}

void backfills_turn(struct backfills *backfills, uint64_t now_ms)
{
    for (size_t i = 0; i < backfills->count; i++) {
        struct backfill *backfill = &backfills->items[i];
        struct err err;

        if (backfill->worker != NULL && worker_is_done(backfill->worker)) {
            if (worker_failed(backfill->worker, &err)) {
                LOG_ERROR("backfill.failed",
                          "destination=%s why=%s next=\"opened anew in 10 s; live events go on\"",
                          LOG_S(name_of(backfill)), LOG_Q(err.text));
            }
            close_one(backfill);
            backfill->open_ms = now_ms + OPEN_AGAIN_MS;
        }
        if (backfill->worker == NULL && now_ms >= backfill->open_ms) {
            open_one(backfills, backfill, now_ms);
        }
    }
}

void backfills_stop(struct backfills *backfills, uint64_t deadline_ms)
{
    for (size_t i = 0; i < backfills->count; i++) {
        if (backfills->items[i].worker != NULL) {
            worker_stop(backfills->items[i].worker, deadline_ms);
        }
    }
}

bool backfills_are_done(const struct backfills *backfills)
{
    for (size_t i = 0; i < backfills->count; i++) {
        if (backfills->items[i].worker != NULL && !worker_is_done(backfills->items[i].worker)) {
            return false;
        }
    }
    return true;
}

void backfills_free(struct backfills *backfills)
{
    if (backfills == NULL) {
        return;
    }
    for (size_t i = 0; i < backfills->count; i++) {
        close_one(&backfills->items[i]);
        free(backfills->items[i].group);
    }
    backfill_orders_free(backfills->orders);
    free(backfills->items);
    free(backfills);
}
