/*
 * What is on its way. A request's: posted -> at the destination, which has its events or
 * not -> back with the answer -> heard in transport_answers(). A record's: produced -> at the
 * topic, which has it, refuses it or lets it wait -> reported in transport_reports().
 *
 * When its member ends, a message goes on to the destination, but nobody hears of it.
 */
#include "rehearse/world_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct transport_message {
    struct transport_message *next, *previous; /* its member's list */
    struct member *member;                     /* NULL: it ended */
    size_t destination;
    /* a request */
    http_reply_fn *done;
    void *context;
    struct service_answer answer;
    uint64_t posted_ms, answer_ms;
    struct world_leg *legs; /* owned */
    size_t leg_count, leg_cap;
    /* a record: one leg */
    struct produce_request *request;
    rd_kafka_resp_err_t refusal; /* by its topic; 0: it takes the record */
    bool is_stuck, is_stuck_told, is_recalled;
    enum produce_result result;
};

/* messages */

static struct transport_message *take_message(struct member *member, size_t destination)
{
    struct world *world = member->world;
    struct transport_message *message = world->spare;

    if (message == NULL) {
        message = mem_new(struct transport_message);
        service_answer_init(&message->answer);
    } else {
        struct service_answer answer = message->answer;
        struct world_leg *legs = message->legs;
        size_t cap = message->leg_cap;

        world->spare = message->next;
        *message = (struct transport_message){.answer = answer, .legs = legs, .leg_cap = cap};
    }
    message->member = member;
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

static void free_message(struct transport_message *message)
{
    service_answer_fini(&message->answer);
    free(message->legs);
    free(message);
}

static struct world_leg describe(const struct leg *leg, size_t destination)
{
    const struct event *event = leg->event;
    const struct world_record *record = (const void *)event->message;

    return (struct world_leg){
        .partition = event->message->partition,
        .offset = event->message->offset,
        .produced_ms = record->produced_ms - WORLD_START_MS,
        .tag = record->tag,
        .leg = (uint16_t)(leg - event->legs),
        .position = leg->position,
        .route = leg->route,
        .plan = leg->plan,
        .destination = destination,
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
    message->legs[message->leg_count++] = describe(leg, message->destination);
}

static void tell_held(const struct world *world, const struct world_leg *leg, bool will_tell)
{
    const struct world_watch *watch = &world->options.watch;

    if (watch->held != NULL) {
        watch->held(watch->context, leg, will_tell);
    }
}

static void tell_heard(const struct world *world, const struct world_leg *leg)
{
    const struct world_watch *watch = &world->options.watch;

    if (watch->heard != NULL) {
        watch->heard(watch->context, leg);
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

static uint64_t since_start_ms(const struct world *world)
{
    return world->now_ms - WORLD_START_MS;
}

/* @type: of the events; NULL: they have none. */
static const struct fault *find_fault(struct world *world, size_t destination,
                                      const struct span *type)
{
    const struct fault_request request = {.destination = destination,
                                          .types = type,
                                          .type_count = type != NULL,
                                          .at_ms = since_start_ms(world)};

    return world->options.faults == NULL
               ? NULL
               : faults_find(world->options.faults, &request, &world->rng);
}

/* requests */

static size_t find_url(const struct world *world, const char *url)
{
    size_t index = 0;

    while (world->pipeline->destinations[index].url != url) {
        index++;
        INVARIANT(index < world->pipeline->config->destination_count);
    }
    return index;
}

static void come_back(void *context, void *what)
{
    struct world *world = context;
    struct transport_message *message = what;
    struct member *member = message->member;

    if (member == NULL) {
        give_back(world, message);
        return;
    }
    remove_from(&member->posted, message);
    append(&member->answered, message);
    member_wake(member);
}

static void arrive(void *context, void *what)
{
    struct world *world = context;
    struct transport_message *message = what;

    for (size_t i = 0; i < message->leg_count; i++) {
        if (service_answer_takes(&message->answer, i)) {
            tell_held(world, &message->legs[i], message->answer.tells);
        }
    }
    event_queue_add(&world->queue, message->answer_ms, come_back, world, message);
}

enum err_code transport_post(void *context, const struct http_target *target,
                             const char *const *headers, size_t header_count, struct span body,
                             http_reply_fn *done, void *done_context, struct err *err)
{
    struct member *member = context;
    struct world *world = member->world;
    const struct batch *batch = done_context;
    size_t destination = find_url(world, target->url);
    struct transport_message *message = take_message(member, destination);
    const struct world_options *options = &world->options;
    struct service_request request = {.driver = world->pipeline->destinations[destination].driver,
                                      .count = batch->count,
                                      .target = target,
                                      .latency_ms = draw_ms(world, options->answer_ms)};

    (void)headers;
    (void)header_count;
    (void)err;
    INVARIANT(body.len > 0);
    message->done = done;
    message->context = done_context;
    message->posted_ms = world->now_ms;
    for (size_t i = 0; i < batch->count; i++) {
        add_leg(message, batch->legs[i]);
    }
    request.healthy = options->healthy == NULL ? NULL : &options->healthy[destination];
    request.fault = find_fault(world, destination, &batch->legs[0]->event->type);
    service_answer_write(&message->answer, &request, &world->rng);
    if (options->hooks.answered != NULL) {
        options->hooks.answered(options->hooks.context, message->legs, &message->answer);
    }
    message->answer_ms = world->now_ms + message->answer.latency_ms;
    append(&member->posted, message);
    if (options->watch.requested != NULL) {
        options->watch.requested(options->watch.context, destination, batch->count,
                                 request.fault != NULL);
    }
    event_queue_add(&world->queue, world->now_ms + message->answer.latency_ms / 2, arrive, world,
                    message);
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
    struct member *member = context;
    struct world *world = member->world;

    while (member->answered.first != NULL) {
        struct transport_message *message = member->answered.first;

        remove_from(&member->answered, message);
        for (size_t i = 0; message->answer.tells && i < message->leg_count; i++) {
            if (service_answer_takes(&message->answer, i)) {
                tell_heard(world, &message->legs[i]);
            }
        }
        if (world->options.watch.settled != NULL) {
            read_settled(world, message);
        }
        message->done(message->context, &message->answer.reply);
        give_back(world, message);
    }
}

/* records */

static size_t find_topic(const struct world *world, const char *topic)
{
    size_t index = 0;

    while (world->pipeline->destinations[index].topic != topic) {
        index++;
        INVARIANT(index < world->pipeline->config->destination_count);
    }
    return index;
}

static void report(void *context, void *what)
{
    struct world *world = context;
    struct transport_message *message = what;
    struct member *member = message->member;

    if (member == NULL) {
        give_back(world, message);
        return;
    }
    remove_from(&member->produced, message);
    append(&member->reported, message);
    member_wake(member);
}

static void reach_topic(void *context, void *what);

static void wait_for_topic(struct world *world, struct transport_message *message)
{
    message->is_stuck = true;
    member_wake(message->member);
    event_queue_add(&world->queue, world->now_ms + UNWRITABLE_RETRY_MS, reach_topic, world,
                    message);
}

static enum produce_result result_of(rd_kafka_resp_err_t refusal)
{
    switch ((int)refusal) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return PRODUCE_ACKNOWLEDGED;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return PRODUCE_TOO_LARGE;
    default:
        return PRODUCE_REFUSED;
    }
}

/* The topic has it, refuses it, or it waits for the topic. */
static void reach_topic(void *context, void *what)
{
    struct world *world = context;
    struct transport_message *message = what;
    const struct world_leg *leg = &message->legs[0];
    const struct fault *fault;
    uint64_t back_ms = world->now_ms + MAX_OF(world->options.acknowledge_ms / 2, (uint64_t)1);

    if (message->is_recalled) {
        give_back(world, message);
        return;
    }
    if (message->refusal != 0 && message->member != NULL && message->request->must_go) {
        message->refusal = 0; /* somebody changes the topic */
        wait_for_topic(world, message);
        return;
    }
    fault = find_fault(world, message->destination, message->context);
    if (fault != NULL && fault->kind == FAULT_UNWRITABLE) {
        if (message->member == NULL) {
            give_back(world, message);
            return;
        }
        wait_for_topic(world, message);
        return;
    }
    message->is_stuck = false;
    message->result = result_of(message->refusal);
    if (message->member != NULL) {
        message->request->error = message->refusal;
    }
    if (message->refusal == 0) {
        tell_held(world, leg, true);
    }
    event_queue_add(&world->queue, back_ms, report, world, message);
}

void transport_produce(void *context, struct produce_request *request)
{
    struct member *member = context;
    struct world *world = member->world;
    const struct leg *leg = CONTAINER_OF(request, struct leg, request);
    const struct world_record *record = (const void *)leg->event->message;
    const struct world_hooks *hooks = &world->options.hooks;
    struct transport_message *message = take_message(member, find_topic(world, request->topic));

    INVARIANT(request->value.ptr != NULL || leg->event->message->payload == NULL);
    message->request = request;
    message->refusal =
        hooks->refused == NULL ? 0 : hooks->refused(hooks->context, leg, record->tag);
    message->context = leg->event->type.ptr == NULL ? NULL : (void *)(uintptr_t)&leg->event->type;
    add_leg(message, leg);
    append(&member->produced, message);
    member->records_open++;
    event_queue_add(&world->queue,
                    world->now_ms + MAX_OF(draw_ms(world, world->options.acknowledge_ms) / 2, 1u),
                    reach_topic, world, message);
}

static void tell_stuck(struct transport_message *message, bool is_stuck)
{
    if (message->is_stuck_told != is_stuck) {
        message->is_stuck_told = is_stuck;
        message->request->stuck(message->request, is_stuck, "the topic takes no records");
    }
}

static void finish(struct member *member, struct transport_message *message,
                   enum produce_result result)
{
    struct produce_request *request = message->request;

    member->records_open--;
    tell_stuck(message, false);
    if (result == PRODUCE_ACKNOWLEDGED) {
        tell_heard(member->world, &message->legs[0]);
        tell_settled(member->world, &message->legs[0]);
    }
    request->done(request, result);
}

uint64_t transport_reports(void *context, uint64_t now_ms)
{
    struct member *member = context;

    (void)now_ms;
    for (struct transport_message *message = member->produced.first; message != NULL;
         message = message->next) {
        if (message->is_stuck) {
            tell_stuck(message, true);
        }
    }
    while (member->reported.first != NULL) {
        struct transport_message *message = member->reported.first;

        remove_from(&member->reported, message);
        finish(member, message, message->result);
        give_back(member->world, message);
    }
    return UINT64_MAX; /* what happens to records wakes the member */
}

static struct transport_message *find_record(const struct member *member,
                                             const struct produce_request *request)
{
    struct transport_message *message = member->produced.first;

    while (message != NULL && message->request != request) {
        message = message->next;
    }
    return message;
}

void transport_unsend(void *context)
{
    (void)context; /* what is on its way here arrives; only what its topic does not take waits */
}

bool transport_is_unsent(void *context, const struct produce_request *request)
{
    const struct transport_message *message = find_record(context, request);

    return message != NULL && message->is_stuck;
}

void transport_recall(void *context, struct produce_request *request)
{
    struct member *member = context;
    struct transport_message *message = find_record(member, request);

    INVARIANT(message != NULL);
    remove_from(&member->produced, message);
    member->records_open--;
    tell_stuck(message, false);
    message->is_recalled = true; /* its next try at the topic gives it back */
}

/* ends */

static void lose(struct message_list *list)
{
    for (struct transport_message *message = list->first; message != NULL;
         message = message->next) {
        message->member = NULL;
        message->context = NULL;
    }
    *list = (struct message_list){0};
}

static void discard(struct world *world, struct message_list *list)
{
    while (list->first != NULL) {
        struct transport_message *message = list->first;

        remove_from(list, message);
        give_back(world, message);
    }
}

void transport_stop(void *context)
{
    struct member *member = context;

    lose(&member->posted);
    discard(member->world, &member->answered);
    for (struct transport_message *message = member->produced.first; message != NULL;
         message = message->next) {
        message->member = NULL;
        message->context = NULL;
        finish(member, message, PRODUCE_CANCELLED);
    }
    member->produced = (struct message_list){0};
    while (member->reported.first != NULL) {
        struct transport_message *message = member->reported.first;

        remove_from(&member->reported, message);
        finish(member, message, PRODUCE_CANCELLED);
        give_back(member->world, message);
    }
}

static void free_item(struct event_queue_item *item)
{
    if (item->run == arrive || item->run == come_back || item->run == reach_topic ||
        item->run == report) {
        free_message(item->what);
        item->run = NULL;
    }
}

void transport_free(struct world *world)
{
    for (size_t i = 0; i < world->queue.count; i++) {
        free_item(&world->queue.items[i]);
    }
    while (world->spare != NULL) {
        struct transport_message *message = world->spare;

        world->spare = message->next;
        free_message(message);
    }
}
