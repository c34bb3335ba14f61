/*
 * The virtual world's small parts: the event queue, which fault is in force, and that what
 * simulated destinations say is read by the real readers as it is meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "deliver/pipeline.h"
#include "destinations/table.h"
#include "rehearse/event_queue.h"
#include "rehearse/service.h"

/* the event queue */

static void nothing(void *context, struct world *world)
{
    (void)context;
    (void)world;
}

static void event_queue_keeps_time_and_order(void **state)
{
    struct event_queue queue = {0};
    struct rng rng = {.state = 5};
    struct event_queue_item item;
    uint64_t before_ms = 0;
    uint64_t before_order = 0;
    size_t taken = 0;

    (void)state;
    assert_true(event_queue_next_ms(&queue) == UINT64_MAX);
    assert_false(event_queue_take(&queue, UINT64_MAX, &item));
    for (size_t i = 0; i < 1000; i++) {
        event_queue_add(&queue, rng_below(&rng, 50), nothing, NULL);
    }
    while (event_queue_take(&queue, 24, &item)) {
        assert_true(item.at_ms > before_ms || taken == 0 ||
                    (item.at_ms == before_ms && item.order > before_order));
        before_ms = item.at_ms;
        before_order = item.order;
        taken++;
    }
    assert_true(taken > 400 && taken < 600);
    assert_int_equal(event_queue_next_ms(&queue), 25);
    assert_int_equal(queue.count, 1000 - taken);
    event_queue_fini(&queue);
}

/* faults */

static const struct span purchase[] = {{"Purchase", 8}};

static struct fault rules[] = {
    {.destination = 1, .from_ms = 10, .until_ms = 20, .share = 1, .kind = FAULT_HANG},
    {.destination = 0,
     .from_ms = 10,
     .until_ms = 20,
     .share = 1,
     .kind = FAULT_RESET,
     .events = purchase,
     .event_count = 1},
    {.destination = 0, .from_ms = 15, .until_ms = 30, .share = 1, .kind = FAULT_REFUSED},
};

static const struct {
    const char *name;
    size_t destination;
    const char *event;
    uint64_t at_ms;
    int want; /* enum fault_kind; -1: well */
} fault_cases[] = {
    {"before it begins", 1, "Purchase", 9, -1},
    {"as it begins", 1, "Purchase", 10, FAULT_HANG},
    {"up to its end", 1, "Purchase", 19, FAULT_HANG},
    {"at its end it is over", 1, "Purchase", 20, -1},
    {"only the type it names", 0, "View", 12, -1},
    {"the type it names", 0, "Purchase", 12, FAULT_RESET},
    {"the first rule that fits", 0, "Purchase", 16, FAULT_RESET},
    {"the next one for others", 0, "View", 16, FAULT_REFUSED},
    {"the next one in time", 0, "Purchase", 25, FAULT_REFUSED},
    {"another destination", 2, "Purchase", 16, -1},
};

static void the_first_rule_that_fits_is_in_force(void **state)
{
    struct faults faults = {rules, COUNT_OF(rules)};
    struct rng rng = {.state = 1};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(fault_cases); i++) {
        const struct span type = span_of(fault_cases[i].event);
        const struct fault_request request = {fault_cases[i].destination, &type, 1,
                                              fault_cases[i].at_ms};
        const struct fault *fault = faults_find(&faults, &request, &rng);
        int got = fault == NULL ? -1 : (int)fault->kind;

        if (got != fault_cases[i].want) {
            fail_msg("%s: %d", fault_cases[i].name, got);
        }
    }
}

static void a_share_is_drawn(void **state)
{
    struct fault rule = {.until_ms = 10, .share = 0.35, .kind = FAULT_HANG};
    struct faults faults = {&rule, 1};
    const struct fault_request request = {.at_ms = 5};
    struct rng rng = {.state = 1};
    unsigned hit = 0;

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        hit += faults_find(&faults, &request, &rng) != NULL;
    }
    assert_in_range(hit, 3300, 3700);
}

/* answers */

struct answer_case {
    const char *name;
    const char *destination;
    struct fault fault;
    size_t count;
    enum verdict verdict;
    enum answer_scope scope;
    const char *taken; /* of the events, one digit each */
    bool tells;
};

static const struct answer_case answers[] = {
    {"TikTok takes it",
     "tiktok",
     {.kind = FAULT_SLOW},
     3,
     VERDICT_DELIVERED,
     SCOPE_BATCH,
     "111",
     true},
    {"a webhook takes it",
     "hook",
     {.kind = FAULT_SLOW},
     3,
     VERDICT_DELIVERED,
     SCOPE_BATCH,
     "111",
     true},
    {"a gateway's error",
     "tiktok",
     {.kind = FAULT_STATUS, .status = 503},
     3,
     VERDICT_RETRY,
     SCOPE_BATCH,
     "000",
     false},
    {"a webhook's error",
     "hook",
     {.kind = FAULT_STATUS, .status = 500},
     3,
     VERDICT_RETRY,
     SCOPE_BATCH,
     "000",
     false},
    {"an error inside HTTP 200",
     "tiktok",
     {.kind = FAULT_CODE, .code = 50000},
     3,
     VERDICT_RETRY,
     SCOPE_BATCH,
     "000",
     false},
    {"every other one",
     "tiktok",
     {.kind = FAULT_PARTIAL},
     3,
     VERDICT_DELIVERED,
     SCOPE_EACH,
     "110",
     true},
    {"every other one of one",
     "tiktok",
     {.kind = FAULT_PARTIAL},
     1,
     VERDICT_DELIVERED,
     SCOPE_BATCH,
     "1",
     true},
    {"throttled by a code",
     "tiktok",
     {.kind = FAULT_THROTTLE},
     3,
     VERDICT_THROTTLED,
     SCOPE_BATCH,
     "000",
     false},
    {"throttled by a status",
     "tiktok",
     {.kind = FAULT_THROTTLE, .has_retry_after = true, .retry_after_ms = 5},
     3,
     VERDICT_THROTTLED,
     SCOPE_BATCH,
     "000",
     false},
    {"throttled by a webhook",
     "hook",
     {.kind = FAULT_THROTTLE},
     3,
     VERDICT_THROTTLED,
     SCOPE_BATCH,
     "000",
     false},
    {"a refused token",
     "tiktok",
     {.kind = FAULT_CREDENTIAL},
     3,
     VERDICT_HOLD,
     SCOPE_BATCH,
     "000",
     false},
    {"a webhook's refused token",
     "hook",
     {.kind = FAULT_CREDENTIAL},
     3,
     VERDICT_HOLD,
     SCOPE_BATCH,
     "000",
     false},
    {"no answer", "tiktok", {.kind = FAULT_HANG}, 3, VERDICT_RETRY, SCOPE_BATCH, "000", false},
    {"a reset connection",
     "hook",
     {.kind = FAULT_RESET},
     3,
     VERDICT_RETRY,
     SCOPE_BATCH,
     "000",
     false},
    {"no connection",
     "tiktok",
     {.kind = FAULT_REFUSED},
     3,
     VERDICT_RETRY,
     SCOPE_BATCH,
     "000",
     false},
    {"taken, but too late to be heard",
     "tiktok",
     {.kind = FAULT_SLOW, .has_latency = true, .latency_min_ms = 9000, .latency_max_ms = 9000},
     3,
     VERDICT_RETRY,
     SCOPE_BATCH,
     "111",
     false},
    {"taken, and nobody was told",
     "tiktok",
     {.kind = FAULT_RESET, .is_recorded = true},
     3,
     VERDICT_RETRY,
     SCOPE_BATCH,
     "111",
     false},
    {"an answer cut off",
     "hook",
     {.kind = FAULT_TRUNCATE, .is_recorded = true},
     3,
     VERDICT_RETRY,
     SCOPE_BATCH,
     "111",
     false},
    {"a proxy's page",
     "hook",
     {.kind = FAULT_GATEWAY},
     3,
     VERDICT_RETRY,
     SCOPE_BATCH,
     "000",
     false},
    {"a code with a status",
     "tiktok",
     {.kind = FAULT_CODE, .code = 40100, .has_code = true, .status = 429},
     3,
     VERDICT_THROTTLED,
     SCOPE_BATCH,
     "000",
     false},
};

static void check_answer(const struct destination *to, const struct answer_case *test)
{
    const struct http_target target = {.first_byte_ms = 2000, .total_ms = 4000};
    const struct span ids[3] = {{"a", 1}, {"b", 1}, {"c", 1}};
    struct item_result each[3] = {
        {.verdict = VERDICT_RETRY}, {.verdict = VERDICT_RETRY}, {.verdict = VERDICT_RETRY}};
    const struct answer_batch batch = {ids, test->count, each};
    const struct service_request request = {.driver = to->driver,
                                            .fault = &test->fault,
                                            .count = test->count,
                                            .target = &target,
                                            .latency_ms = 20};
    struct service_answer text;
    struct answer answer = {0};
    struct rng rng = {.state = 1};
    char taken[4] = "";

    service_answer_init(&text);
    service_answer_write(&text, &request, &rng);
    for (size_t i = 0; i < test->count; i++) {
        taken[i] = service_answer_takes(&text, i) ? '1' : '0';
    }
    to->driver->read(to, &text.reply, &batch, &answer);
    if (answer.verdict != test->verdict || strcmp(taken, test->taken) != 0 ||
        text.tells != test->tells ||
        (test->verdict == VERDICT_REJECTED && answer.scope != test->scope) ||
        (test->scope == SCOPE_EACH && answer.scope != SCOPE_EACH)) {
        fail_msg("%s: verdict %s, scope %d, taken %s, tells %d", test->name,
                 verdict_word(answer.verdict), answer.scope, taken, text.tells);
    }
    for (size_t i = 0; answer.scope == SCOPE_EACH && i < test->count; i++) {
        assert_int_equal(each[i].verdict == VERDICT_DELIVERED, service_answer_takes(&text, i));
    }
    service_answer_fini(&text);
}

static void answers_are_read_as_they_are_meant(void **state)
{
    struct diags diags;
    struct config *config;
    struct pipeline *pipeline;

    (void)state;
    diags_init(&diags);
    config = config_load("tests/data/sim/chain.yaml", driver_types(), &diags);
    assert_non_null(config);
    pipeline = pipeline_compile(config, &diags);
    assert_non_null(pipeline);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        const struct config_destination *destination =
            config_find(config, span_of(answers[i].destination));

        check_answer(&pipeline->destinations[pipeline_index(pipeline, destination)], &answers[i]);
    }
    pipeline_free(pipeline);
    config_free(config);
    diags_fini(&diags);
}

static int set_up(void **state)
{
    (void)state;
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_OFF);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_queue_keeps_time_and_order),
        cmocka_unit_test(the_first_rule_that_fits_is_in_force),
        cmocka_unit_test(a_share_is_drawn),
        cmocka_unit_test(answers_are_read_as_they_are_meant),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
