#include "app/io_real.h"

#include <string.h>

#include "base/clock.h"
#include "kafka/message.h"

/* time */

static uint64_t mono_ms(void *context)
{
    (void)context;
    return clock_mono_ms();
}

static int64_t wall_ms(void *context)
{
    (void)context;
    return clock_wall_ms();
}

static void wait_for_answers(void *context, uint64_t ms)
{
    struct io_real *real = context;
    int fds[1] = {producer_fd(real->producer)};

    http_wait(real->http, fds, 1, ms);
}

/* HTTP */

static enum err_code post(void *context, const struct http_request *request, struct err *err)
{
    return http_post(((struct io_real *)context)->http, request, err);
}

static void take_answers(void *context)
{
    http_turn(((struct io_real *)context)->http);
}

/* records */

static void produce(void *context, struct produce_request *request)
{
    producer_send(((struct io_real *)context)->producer, request);
}

static uint64_t take_reports(void *context, uint64_t now_ms)
{
    return producer_turn(((struct io_real *)context)->producer, now_ms);
}

static bool is_full(void *context)
{
    return producer_is_full(((const struct io_real *)context)->producer);
}

static void unsend(void *context)
{
    producer_unsend(((struct io_real *)context)->producer);
}

static bool is_unsent(void *context, const struct produce_request *request)
{
    (void)context;
    return producer_is_unsent(request);
}

static void recall(void *context, struct produce_request *request)
{
    producer_recall(((struct io_real *)context)->producer, request);
}

/* the source */

static rd_kafka_message_t *poll_source(void *context, struct source_partition **partition)
{
    return source_poll(((struct io_real *)context)->source, partition);
}

static void serve(void *context)
{
    source_serve(((struct io_real *)context)->source);
}

static void settle(void *context, struct source_partition *partition, uint64_t epoch,
                   int64_t offset, const struct settled *settled)
{
    source_settle(((struct io_real *)context)->source, partition, epoch, offset, settled);
}

static void block(void *context, struct source_partition *partition, enum block_reason reason,
                  bool is_blocked)
{
    struct source *source = ((struct io_real *)context)->source;

    if (source != NULL) { /* closed: there is nothing to pause any more */
        source_block(source, partition, reason, is_blocked);
    }
}

static void commit(void *context, uint64_t now_ms)
{
    source_commit(((struct io_real *)context)->source, now_ms, false);
}

static bool is_fenced(void *context, uint64_t now_ms)
{
    return source_is_fenced(((const struct io_real *)context)->source, now_ms);
}

static bool is_going(void *context, uint64_t *until_ms)
{
    return source_is_going(((const struct io_real *)context)->source, until_ms);
}

static void let_go(void *context)
{
    source_let_go(((struct io_real *)context)->source);
}

/* life */

static void stop(void *context)
{
    struct io_real *real = context;

    http_client_free(real->http); /* aborts without callbacks: batches still own their legs */
    real->http = NULL;
    producer_cancel(real->producer);
}

enum err_code io_real_open(struct io_real *real, const struct config *config, unsigned worker,
                           struct err *err)
{
    enum err_code rc;

    *real = (struct io_real){
        .table =
            {
                .context = real,
                .mono_ms = mono_ms,
                .wall_ms = wall_ms,
                .wait = wait_for_answers,
                .post = post,
                .answers = take_answers,
                .produce = produce,
                .reports = take_reports,
                .is_full = is_full,
                .unsend = unsend,
                .is_unsent = is_unsent,
                .recall = recall,
                .poll = poll_source,
                .serve = serve,
                .settle = settle,
                .block = block,
                .commit = commit,
                .is_fenced = is_fenced,
                .is_going = is_going,
                .let_go = let_go,
                .view = message_view_of,
                .headers = message_headers,
                .release = rd_kafka_message_destroy,
                .stop = stop,
            },
    };
    rc = http_client_new(&real->http, err);
    if (rc == ERR_OK) {
        rc = producer_open(config, worker, &real->producer, err);
    }
    if (rc != ERR_OK) {
        io_real_close(real);
    }
    return rc;
}

void io_real_close(struct io_real *real)
{
    http_client_free(real->http);
    producer_close(real->producer);
    *real = (struct io_real){0};
}
