/*
 * What is on its way. A request: posted -> at the destination, which has its events or not -> back
 * with the answer -> heard in transport_answers(). A record: produced -> at the topic, which has
 * it, refuses it or lets it wait -> back -> reported in transport_reports().
 *
 * When its worker ends, a message goes on to the destination, but nobody hears of it.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "rehearse/world_inside.h"

enum { UNWRITABLE_RETRY_MS = 500 };

/* messages */

static struct transport_message *take_message(struct worker *worker, const char *address)
{
    struct world *world = worker->world;
    struct transport_message *message = world->spare;
    size_t destination = 0;

    while (world->pipeline->destinations[destination].url != address &&
           world->pipeline->destinations[destination].topic != address) {
        destination++;
        INVARIANT(destination < world->pipeline->config->destination_count);
    }
    if (message == NULL) {
        message = mem_new(struct transport_message);
        service_answer_init(&message->answer);
    } else {
        world->spare = message->next;
        *message = (struct transport_message){
            .answer = message->answer, .legs = message->legs, .leg_cap = message->leg_cap};
    }
    message->worker = worker;
    message->destination = destination;
    return message;
}

static void give_back(struct world *world, struct transport_message *message)
{
    message->next = world->spare;
    world->spare = message;
}

static void append(struct message_list *list, struct transport_message *message)
{
    message->next = NULL;
    message->previous = list->last;
    *(list->last == NULL ? &list->first : &list->last->next) = message;
    list->last = message;
}

static void remove_from(struct message_list *list, struct transport_message *message)
{
    *(message->previous == NULL ? &list->first : &message->previous->next) = message->next;
    *(message->next == NULL ? &list->last : &message->next->previous) = message->previous;
}

static struct transport_message *take_first(struct message_list *list)
{
    struct transport_message *message = list->first;

    if (message != NULL) {
        remove_from(list, message);
    }
    return message;
}

static void free_message(struct transport_message *message)
{
    service_answer_fini(&message->answer);
    free(message->legs);
    free(message);
}

static struct world_leg describe(const struct transport_message *message, const struct leg *leg)
{
    const struct event *event = leg->event;
    const struct world_record *record = (const void *)event->message;

    return (struct world_leg){
        .partition = event->message->partition,
        .offset = event->message->offset,
        .produced_ms = record->produced_ms - WORLD_START_MS,
        .tag = record->tag,
        .worker = message->worker->index,
        .epoch = event->epoch,
        .leg = (uint16_t)(leg - event->legs),
        .position = leg->position,
        .route = leg->route,
        .plan = leg->plan,
        .destination = message->destination,
        .reason = (enum reason)leg->reason,
        .is_dead_letter = leg->is_dead_letter,
        .is_part = leg->is_dead_letter && leg->part + 1 < leg->part_count,
    };
}

static void add_leg(struct transport_message *message, const struct leg *leg)
{
    if (message->leg_count == message->leg_cap) {
        message->leg_cap = MAX_OF(message->leg_cap * 2, (size_t)8);
        message->legs = mem_grow(message->legs, message->leg_cap, sizeof(struct world_leg));
    }
    message->legs[message->leg_count++] = describe(message, leg);
}

static void tell_held(const struct world *world, const struct world_leg *leg, bool will_tell)
{
    const struct world_watch *watch = &world->options.watch;

    if (watch->held != NULL) {
        watch->held(watch->context, leg, will_tell);
    }
}

static void tell_settled(const struct world *world, const struct world_leg *leg)
{
    const struct world_watch *watch = &world->options.watch;

    if (watch->settled != NULL) {
        watch->settled(watch->context, leg);
    }
}

/* Log-normal around @median_ms, as real latencies are. */
static uint64_t draw_ms(struct world *world, uint64_t median_ms)
{
    double u = rng_unit(&world->rng);
    double v = rng_unit(&world->rng);
    double normal = sqrt(-2.0 * log(1.0 - u)) * cos(6.283185307179586 * v);
    double ms = (double)median_ms * exp(0.3 * normal);

    return ms < 1 ? 1 : (uint64_t)ms;
}

/* @type: of the events; NULL: they have none. */
static const struct fault *find_fault(struct world *world, size_t destination,
                                      const struct span *type)
{
    const struct fault_request request = {.destination = destination,
                                          .types = type,
                                          .type_count = type != NULL,
                                          .at_ms = world_now(world)};

    return world->options.faults == NULL
               ? NULL
               : faults_find(world->options.faults, &request, &world->rng);
}

static struct transport *transport_of(struct worker *worker,
                                      const struct transport_message *message)
{
    return message->request == NULL ? &worker->requests : &worker->records;
}

static void send_out(struct transport_message *message, uint64_t at_ms, event_fn *arrive)
{
    struct worker *worker = message->worker;

    append(&transport_of(worker, message)->sent, message);
    event_queue_add(&worker->world->queue, at_ms, arrive, message);
}

static void come_back(void *context, struct world *world)
{
    struct transport_message *message = context;
    struct worker *worker = message->worker;

    if (worker == NULL) {
        give_back(world, message);
        return;
    }
    remove_from(&transport_of(worker, message)->sent, message);
    append(&transport_of(worker, message)->back, message);
    worker_wake(worker);
}

/* requests */

static void reach_service(void *context, struct world *world)
{
    struct transport_message *message = context;

    for (size_t i = 0; i < message->leg_count; i++) {
        if (service_answer_takes(&message->answer, i)) {
            tell_held(world, &message->legs[i], message->answer.tells);
        }
    }
    event_queue_add(&world->queue, message->answer_ms, come_back, message);
}

enum err_code transport_post(void *context, const struct http_request *post, struct err *err)
{
    struct worker *worker = context;
    struct world *world = worker->world;
    const struct world_options *options = &world->options;
    const struct batch *batch = post->context;
    struct transport_message *message = take_message(worker, post->target->url);
    struct service_request request = {
        .driver = world->pipeline->destinations[message->destination].driver,
        .count = batch->count,
        .target = post->target,
        .latency_ms = draw_ms(world, options->answer_ms)};

    (void)err;
    INVARIANT(post->body.len > 0);
    message->done = post->done;
    message->context = post->context;
    for (size_t i = 0; i < batch->count; i++) {
        add_leg(message, batch->legs[i]);
    }
    request.healthy = options->healthy == NULL ? NULL : &options->healthy[message->destination];
    request.fault = find_fault(world, message->destination, &batch->legs[0]->event->type);
    service_answer_write(&message->answer, &request, &world->rng);
    if (options->watch.requested != NULL) {
        options->watch.requested(options->watch.context, message->legs, &message->answer,
                                 request.fault != NULL);
    }
    message->answer_ms = world->now_ms + message->answer.latency_ms;
    send_out(message, world->now_ms + message->answer.latency_ms / 2, reach_service);
    return ERR_OK;
}

/* The core's own reading of the answer, which is what it will act on in a moment. */
static void read_settled(const struct world *world, const struct transport_message *message)
{
    const struct destination *to = &world->pipeline->destinations[message->destination];
    const struct batch *batch = message->context;
    struct span *ids = mem_array(batch->count, struct span);
    struct item_result *each = mem_array(batch->count, struct item_result);
    const struct answer_batch described = {ids, batch->count, each};
    struct answer answer = {0};

    INVARIANT(batch->count == message->leg_count);
    for (size_t i = 0; i < batch->count; i++) {
        ids[i] = batch->legs[i]->event->id;
        each[i] = (struct item_result){.verdict = VERDICT_RETRY};
    }
    to->driver->read(to, &message->answer.reply, &described, &answer);
    for (size_t i = 0; i < message->leg_count; i++) {
        enum verdict verdict = answer.scope == SCOPE_EACH ? each[i].verdict : answer.verdict;

        if (verdict == VERDICT_DELIVERED) {
            tell_settled(world, &message->legs[i]);
        }
    }
    free(each);
    free(ids);
}

void transport_answers(void *context)
{
    struct worker *worker = context;
    struct transport_message *message;

    while ((message = take_first(&worker->requests.back)) != NULL) {
        read_settled(worker->world, message);
        message->done(message->context, &message->answer.reply);
        give_back(worker->world, message);
    }
}

/* records */

static void reach_topic(void *context, struct world *world);

static void wait_for_topic(struct world *world, struct transport_message *message)
{
    if (message->worker == NULL) {
        give_back(world, message);
        return;
    }
    message->is_stuck = true;
    worker_wake(message->worker);
    event_queue_add(&world->queue, world->now_ms + UNWRITABLE_RETRY_MS, reach_topic, message);
}

/* The topic has it, refuses it, or it waits for the topic. */
static void reach_topic(void *context, struct world *world)
{
    struct transport_message *message = context;
    const struct fault *fault;

    if (message->is_recalled) {
        give_back(world, message);
        return;
    }
    if (message->refusal != 0 && message->worker != NULL && message->request->must_go) {
        message->refusal = 0; /* somebody changes the topic */
        wait_for_topic(world, message);
        return;
    }
    fault = find_fault(world, message->destination, message->type);
    if (fault != NULL && fault->kind == FAULT_UNWRITABLE) {
        wait_for_topic(world, message);
        return;
    }
    message->is_stuck = false;
    if (message->refusal == 0) {
        tell_held(world, &message->legs[0], true);
    }
    event_queue_add(&world->queue,
                    world->now_ms + MAX_OF(world->options.acknowledge_ms / 2, (uint64_t)1),
                    come_back, message);
}

void transport_produce(void *context, struct produce_request *request)
{
    struct worker *worker = context;
    struct world *world = worker->world;
    const struct leg *leg = CONTAINER_OF(request, struct leg, request);
    const struct world_record *record = (const void *)leg->event->message;
    const struct world_watch *watch = &world->options.watch;
    struct transport_message *message = take_message(worker, request->topic);

    INVARIANT(request->value.ptr != NULL || leg->event->message->payload == NULL);
    message->request = request;
    message->type = leg->event->type.ptr == NULL ? NULL : &leg->event->type;
    if (watch->refused != NULL) {
        message->refusal = watch->refused(watch->context, leg, record->tag);
    }
    add_leg(message, leg);
    worker->records_open++;
    send_out(message, world->now_ms + MAX_OF(draw_ms(world, world->options.acknowledge_ms) / 2, 1u),
             reach_topic);
}

bool transport_is_full(void *context)
{
    const struct worker *worker = context;

    return worker->records_open >= worker->world->options.records_max;
}

static void tell_stuck(struct transport_message *message, bool is_stuck)
{
    if (message->is_stuck_told != is_stuck) {
        message->is_stuck_told = is_stuck;
        message->request->stuck(message->request, is_stuck, "the topic takes no records");
    }
}

static enum produce_result result_of(rd_kafka_resp_err_t refusal)
{
    if (refusal == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return PRODUCE_ACKNOWLEDGED;
    }
    return refusal == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? PRODUCE_TOO_LARGE : PRODUCE_REFUSED;
}

static void finish(struct worker *worker, struct transport_message *message,
                   enum produce_result result)
{
    worker->records_open--;
    tell_stuck(message, false);
    if (result == PRODUCE_ACKNOWLEDGED) {
        tell_settled(worker->world, &message->legs[0]);
    }
    message->request->error = message->refusal;
    message->request->done(message->request, result);
}

uint64_t transport_reports(void *context, uint64_t now_ms)
{
    struct worker *worker = context;
    struct transport_message *message;

    (void)now_ms;
    for (message = worker->records.sent.first; message != NULL; message = message->next) {
        if (message->is_stuck) {
            tell_stuck(message, true);
        }
    }
    while ((message = take_first(&worker->records.back)) != NULL) {
        finish(worker, message, result_of(message->refusal));
        give_back(worker->world, message);
    }
    return UINT64_MAX; /* what happens to records wakes the worker */
}

/* ends */

/* Nobody hears of it any more; a record's request is told. */
static void leave(struct worker *worker, struct transport_message *message)
{
    if (message->request != NULL) {
        finish(worker, message, PRODUCE_CANCELLED);
    }
    message->worker = NULL;
    message->context = NULL;
    message->type = NULL;
}

static void stop(struct worker *worker, struct transport *transport)
{
    struct transport_message *message;

    while ((message = take_first(&transport->sent)) != NULL) {
        leave(worker, message); /* and goes on */
    }
    while ((message = take_first(&transport->back)) != NULL) {
        leave(worker, message);
        give_back(worker->world, message);
    }
}

void transport_stop(void *context)
{
    struct worker *worker = context;

    stop(worker, &worker->requests);
    stop(worker, &worker->records);
}

void transport_free(struct world *world)
{
    for (size_t i = 0; i < world->queue.count; i++) {
        struct event_queue_item *item = &world->queue.items[i];

        if (item->run == reach_service || item->run == come_back || item->run == reach_topic) {
            free_message(item->context);
        }
    }
    while (world->spare != NULL) {
        struct transport_message *message = world->spare;

        world->spare = message->next;
        free_message(message);
    }
}
