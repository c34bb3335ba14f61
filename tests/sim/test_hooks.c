/* What the simulated core's services do beyond the rules of a trace is read by the real readers as
 * it is meant (sim_hooks.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "sim_inside.h"

static struct sim_cast *cast;

/* What the hooks make of a healthy answer, read by the real readers. */
static const struct {
    const char *destination;
    enum sim_mark mark;
    enum verdict verdict;
    enum answer_scope scope;
} refusals[] = {
    {"tiktok", MARK_NAMED, VERDICT_REJECTED, SCOPE_ITEM},
    {"tiktok", MARK_UNNAMED, VERDICT_REJECTED, SCOPE_SPLIT},
    {"hook", MARK_NAMED, VERDICT_REJECTED, SCOPE_SPLIT},
    {"tiktok", MARK_UNKNOWN, VERDICT_UNKNOWN, SCOPE_SPLIT},
};

static void refusals_are_read_as_they_are_meant(void **state)
{
    const struct http_target target = {.first_byte_ms = 2000, .total_ms = 4000};
    const struct destination *destinations = cast->configs[SIM_CHAIN].pipeline->destinations;
    struct sim_hooks hooks = {.destinations = destinations, .rng = {.state = 1}};
    struct service_answer text;

    (void)state;
    service_answer_init(&text);
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        size_t index = sim_destination(cast, SIM_CHAIN, refusals[i].destination);
        const struct world_leg legs[3] = {
            {.destination = index},
            {.destination = index, .tag = (uint32_t)refusals[i].mark << SIM_MARK_SHIFT},
            {.destination = index}};
        const struct service_request request = {
            .driver = destinations[index].driver, .count = 3, .target = &target, .latency_ms = 20};
        const struct span ids[3] = {{"a", 1}, {"b", 1}, {"c", 1}};
        struct item_result each[3] = {{.verdict = VERDICT_RETRY}};
        struct answer answer = {0};

        service_answer_write(&text, &request, &hooks.rng);
        sim_answered(&hooks, legs, &text);
        destinations[index].driver->read(&destinations[index], &text.reply,
                                         &(struct answer_batch){ids, 3, each}, &answer);
        assert_int_equal(answer.verdict, refusals[i].verdict);
        assert_int_equal(answer.scope, refusals[i].scope);
        assert_false(text.is_taken || text.tells);
        if (answer.scope == SCOPE_ITEM) {
            assert_int_equal(answer.item, 1);
        }
    }
    service_answer_fini(&text);
}

static void what_fails_may_be_taken_all_the_same(void **state)
{
    const struct http_target target = {.first_byte_ms = 2000, .total_ms = 4000};
    const struct destination *destinations = cast->configs[SIM_CHAIN].pipeline->destinations;
    static const enum fault_kind kinds[] = {FAULT_HANG, FAULT_RESET, FAULT_STATUS, FAULT_REFUSED};
    struct sim_hooks hooks = {destinations, {.state = 1}, 0.5};
    const struct world_leg leg = {.destination = sim_destination(cast, SIM_CHAIN, "tiktok")};
    struct service_answer text;

    (void)state;
    service_answer_init(&text);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct fault fault = {.kind = kinds[i], .status = kinds[i] == FAULT_STATUS ? 503 : 0};
        const struct service_request request = {.driver = destinations[leg.destination].driver,
                                                .fault = &fault,
                                                .count = 1,
                                                .target = &target,
                                                .latency_ms = 20};
        unsigned taken = 0;

        for (unsigned n = 0; n < 1000; n++) {
            service_answer_write(&text, &request, &hooks.rng);
            sim_answered(&hooks, &leg, &text);
            taken += service_answer_takes(&text, 0);
            assert_false(text.tells);
        }
        if (kinds[i] == FAULT_REFUSED) {
            assert_int_equal(taken, 0); /* no byte of it ever left */
        } else {
            assert_in_range(taken, 400, 600);
        }
    }
    service_answer_fini(&text);
}

static int set_up(void **state)
{
    (void)state;
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_OFF);
    cast = sim_cast_new("tests/data/sim");
    return cast == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    sim_cast_free(cast);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_are_read_as_they_are_meant),
        cmocka_unit_test(what_fails_may_be_taken_all_the_same),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
