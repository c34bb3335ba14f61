/*
 * What is on its way. A request's: posted -> at the destination, which has its events or
 * not -> back with the answer -> heard in courier_answers(). A record's: produced -> at the
 * topic, which has it, refuses it or lets it wait -> reported in courier_reports().
 *
 * When its member ends, a parcel goes on to the destination, but nobody hears of it.
 */
#include "rehearse/world_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct parcel {
    struct parcel *next, *previous; /* its member's list */
    struct member *member;          /* NULL: it ended */
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

/* parcels */

static struct parcel *take_parcel(struct member *member, size_t destination)
{
    struct world *world = member->world;
    struct parcel *parcel = world->spare;

    if (parcel == NULL) {
        parcel = mem_new(struct parcel);
        service_answer_init(&parcel->answer);
    } else {
        struct service_answer answer = parcel->answer;
        struct world_leg *legs = parcel->legs;
        size_t cap = parcel->leg_cap;

        world->spare = parcel->next;
        *parcel = (struct parcel){.answer = answer, .legs = legs, .leg_cap = cap};
    }
    parcel->member = member;
    parcel->destination = destination;
    return parcel;
}

static void give_back(struct world *world, struct parcel *parcel)
{
    parcel->next = world->spare;
    world->spare = parcel;
}

static void append(struct parcels *list, struct parcel *parcel)
{
    parcel->next = NULL;
    parcel->previous = list->last;
    *(list->last == NULL ? &list->first : &list->last->next) = parcel;
    list->last = parcel;
}

static void remove_from(struct parcels *list, struct parcel *parcel)
{
    *(parcel->previous == NULL ? &list->first : &parcel->previous->next) = parcel->next;
    *(parcel->next == NULL ? &list->last : &parcel->next->previous) = parcel->previous;
}

static void free_parcel(struct parcel *parcel)
{
    service_answer_fini(&parcel->answer);
    free(parcel->legs);
    free(parcel);
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

static void add_leg(struct parcel *parcel, const struct leg *leg)
{
    if (parcel->leg_count == parcel->leg_cap) {
        parcel->leg_cap = MAX_OF(parcel->leg_cap * 2, (size_t)8);
        parcel->legs = mem_grow(parcel->legs, parcel->leg_cap, sizeof(struct world_leg));
    }
    parcel->legs[parcel->leg_count++] = describe(leg, parcel->destination);
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
    struct parcel *parcel = what;
    struct member *member = parcel->member;

    if (member == NULL) {
        give_back(world, parcel);
        return;
    }
    remove_from(&member->posted, parcel);
    append(&member->answered, parcel);
    member_wake(member);
}

static void arrive(void *context, void *what)
{
    struct world *world = context;
    struct parcel *parcel = what;

    for (size_t i = 0; i < parcel->leg_count; i++) {
        if (service_answer_takes(&parcel->answer, i)) {
            tell_held(world, &parcel->legs[i], parcel->answer.tells);
        }
    }
    agenda_add(&world->agenda, parcel->answer_ms, come_back, world, parcel);
}

enum err_code courier_post(void *context, const struct http_target *target,
                           const char *const *headers, size_t header_count, struct span body,
                           http_reply_fn *done, void *done_context, struct err *err)
{
    struct member *member = context;
    struct world *world = member->world;
    const struct batch *batch = done_context;
    size_t destination = find_url(world, target->url);
    struct parcel *parcel = take_parcel(member, destination);
    const struct world_options *options = &world->options;
    struct service_request request = {.driver = world->pipeline->destinations[destination].driver,
                                      .count = batch->count,
                                      .target = target,
                                      .latency_ms = draw_ms(world, options->answer_ms)};

    (void)headers;
    (void)header_count;
    (void)err;
    INVARIANT(body.len > 0);
    parcel->done = done;
    parcel->context = done_context;
    parcel->posted_ms = world->now_ms;
    for (size_t i = 0; i < batch->count; i++) {
        add_leg(parcel, batch->legs[i]);
    }
    request.healthy = options->healthy == NULL ? NULL : &options->healthy[destination];
    request.fault = find_fault(world, destination, &batch->legs[0]->event->type);
    service_answer_write(&parcel->answer, &request, &world->rng);
    if (options->hooks.answered != NULL) {
        options->hooks.answered(options->hooks.context, parcel->legs, &parcel->answer);
    }
    parcel->answer_ms = world->now_ms + parcel->answer.latency_ms;
    append(&member->posted, parcel);
    if (options->watch.requested != NULL) {
        options->watch.requested(options->watch.context, destination, batch->count,
                                 request.fault != NULL);
    }
    agenda_add(&world->agenda, world->now_ms + parcel->answer.latency_ms / 2, arrive, world,
               parcel);
    return ERR_OK;
}

/* The core's own reading of the answer, which is what it will act on in a moment. */
static void read_settled(const struct world *world, const struct parcel *parcel)
{
    const struct destination *to = &world->pipeline->destinations[parcel->destination];
    const struct batch *batch = parcel->context;
    struct span *ids = mem_array(batch->count, struct span);
    struct item_result *each = mem_array(batch->count, struct item_result);
    const struct answer_batch described = {ids, batch->count, each};
    struct answer answer = {0};

    INVARIANT(batch->count == parcel->leg_count);
    for (size_t i = 0; i < batch->count; i++) {
        ids[i] = batch->legs[i]->event->id;
        each[i] = (struct item_result){.verdict = VERDICT_RETRY};
    }
    to->driver->read(to, &parcel->answer.reply, &described, &answer);
    for (size_t i = 0; i < parcel->leg_count; i++) {
        enum verdict verdict = answer.scope == SCOPE_EACH ? each[i].verdict : answer.verdict;

        if (verdict == VERDICT_DELIVERED) {
            tell_settled(world, &parcel->legs[i]);
        }
    }
    free(each);
    free(ids);
}

void courier_answers(void *context)
{
    struct member *member = context;
    struct world *world = member->world;

    while (member->answered.first != NULL) {
        struct parcel *parcel = member->answered.first;

        remove_from(&member->answered, parcel);
        for (size_t i = 0; parcel->answer.tells && i < parcel->leg_count; i++) {
            if (service_answer_takes(&parcel->answer, i)) {
                tell_heard(world, &parcel->legs[i]);
            }
        }
        if (world->options.watch.settled != NULL) {
            read_settled(world, parcel);
        }
        parcel->done(parcel->context, &parcel->answer.reply);
        give_back(world, parcel);
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
    struct parcel *parcel = what;
    struct member *member = parcel->member;

    if (member == NULL) {
        give_back(world, parcel);
        return;
    }
    remove_from(&member->produced, parcel);
    append(&member->reported, parcel);
    member_wake(member);
}

static void reach_topic(void *context, void *what);

static void wait_for_topic(struct world *world, struct parcel *parcel)
{
    parcel->is_stuck = true;
    member_wake(parcel->member);
    agenda_add(&world->agenda, world->now_ms + UNWRITABLE_RETRY_MS, reach_topic, world, parcel);
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
    struct parcel *parcel = what;
    const struct world_leg *leg = &parcel->legs[0];
    const struct fault *fault;
    uint64_t back_ms = world->now_ms + MAX_OF(world->options.acknowledge_ms / 2, (uint64_t)1);

    if (parcel->is_recalled) {
        give_back(world, parcel);
        return;
    }
    if (parcel->refusal != 0 && parcel->member != NULL && parcel->request->must_go) {
        parcel->refusal = 0; /* somebody changes the topic */
        wait_for_topic(world, parcel);
        return;
    }
    fault = find_fault(world, parcel->destination, parcel->context);
    if (fault != NULL && fault->kind == FAULT_UNWRITABLE) {
        if (parcel->member == NULL) {
            give_back(world, parcel);
            return;
        }
        wait_for_topic(world, parcel);
        return;
    }
    parcel->is_stuck = false;
    parcel->result = result_of(parcel->refusal);
    if (parcel->member != NULL) {
        parcel->request->error = parcel->refusal;
    }
    if (parcel->refusal == 0) {
        tell_held(world, leg, true);
    }
    agenda_add(&world->agenda, back_ms, report, world, parcel);
}

void courier_produce(void *context, struct produce_request *request)
{
    struct member *member = context;
    struct world *world = member->world;
    const struct leg *leg = CONTAINER_OF(request, struct leg, request);
    const struct world_record *record = (const void *)leg->event->message;
    const struct world_hooks *hooks = &world->options.hooks;
    struct parcel *parcel = take_parcel(member, find_topic(world, request->topic));

    INVARIANT(request->value.ptr != NULL || leg->event->message->payload == NULL);
    parcel->request = request;
    parcel->refusal = hooks->refused == NULL ? 0 : hooks->refused(hooks->context, leg, record->tag);
    parcel->context = leg->event->type.ptr == NULL ? NULL : (void *)(uintptr_t)&leg->event->type;
    add_leg(parcel, leg);
    append(&member->produced, parcel);
    member->records_open++;
    agenda_add(&world->agenda,
               world->now_ms + MAX_OF(draw_ms(world, world->options.acknowledge_ms) / 2, 1u),
               reach_topic, world, parcel);
}

static void tell_stuck(struct parcel *parcel, bool is_stuck)
{
    if (parcel->is_stuck_told != is_stuck) {
        parcel->is_stuck_told = is_stuck;
        parcel->request->stuck(parcel->request, is_stuck, "the topic takes no records");
    }
}

static void finish(struct member *member, struct parcel *parcel, enum produce_result result)
{
    struct produce_request *request = parcel->request;

    member->records_open--;
    tell_stuck(parcel, false);
    if (result == PRODUCE_ACKNOWLEDGED) {
        tell_heard(member->world, &parcel->legs[0]);
        tell_settled(member->world, &parcel->legs[0]);
    }
    request->done(request, result);
}

uint64_t courier_reports(void *context, uint64_t now_ms)
{
    struct member *member = context;

    (void)now_ms;
    for (struct parcel *parcel = member->produced.first; parcel != NULL; parcel = parcel->next) {
        if (parcel->is_stuck) {
            tell_stuck(parcel, true);
        }
    }
    while (member->reported.first != NULL) {
        struct parcel *parcel = member->reported.first;

        remove_from(&member->reported, parcel);
        finish(member, parcel, parcel->result);
        give_back(member->world, parcel);
    }
    return UINT64_MAX; /* what happens to records wakes the member */
}

static struct parcel *find_record(const struct member *member,
                                  const struct produce_request *request)
{
    struct parcel *parcel = member->produced.first;

    while (parcel != NULL && parcel->request != request) {
        parcel = parcel->next;
    }
    return parcel;
}

void courier_unsend(void *context)
{
    (void)context; /* what is on its way here arrives; only what its topic does not take waits */
}

bool courier_is_unsent(void *context, const struct produce_request *request)
{
    const struct parcel *parcel = find_record(context, request);

    return parcel != NULL && parcel->is_stuck;
}

void courier_recall(void *context, struct produce_request *request)
{
    struct member *member = context;
    struct parcel *parcel = find_record(member, request);

    INVARIANT(parcel != NULL);
    remove_from(&member->produced, parcel);
    member->records_open--;
    tell_stuck(parcel, false);
    parcel->is_recalled = true; /* its next try at the topic gives it back */
}

/* ends */

static void lose(struct parcels *list)
{
    for (struct parcel *parcel = list->first; parcel != NULL; parcel = parcel->next) {
        parcel->member = NULL;
        parcel->context = NULL;
    }
    *list = (struct parcels){0};
}

static void discard(struct world *world, struct parcels *list)
{
    while (list->first != NULL) {
        struct parcel *parcel = list->first;

        remove_from(list, parcel);
        give_back(world, parcel);
    }
}

void courier_stop(void *context)
{
    struct member *member = context;

    lose(&member->posted);
    discard(member->world, &member->answered);
    for (struct parcel *parcel = member->produced.first; parcel != NULL; parcel = parcel->next) {
        parcel->member = NULL;
        parcel->context = NULL;
        finish(member, parcel, PRODUCE_CANCELLED);
    }
    member->produced = (struct parcels){0};
    while (member->reported.first != NULL) {
        struct parcel *parcel = member->reported.first;

        remove_from(&member->reported, parcel);
        finish(member, parcel, PRODUCE_CANCELLED);
        give_back(member->world, parcel);
    }
}

static void free_item(struct agenda_item *item)
{
    if (item->run == arrive || item->run == come_back || item->run == reach_topic ||
        item->run == report) {
        free_parcel(item->what);
        item->run = NULL;
    }
}

void courier_free(struct world *world)
{
    for (size_t i = 0; i < world->agenda.count; i++) {
        free_item(&world->agenda.items[i]);
    }
    while (world->spare != NULL) {
        struct parcel *parcel = world->spare;

        world->spare = parcel->next;
        free_parcel(parcel);
    }
}
