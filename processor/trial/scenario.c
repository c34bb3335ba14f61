#include "trial/scenario.h"

#include <string.h>

/* what has to be seen */

static uint64_t diverted_since(const struct scenario *scenario,
                               const struct scenario_moment *moment)
{
    uint64_t diverted = moment->watch->diverted;

    return diverted - MIN_OF(scenario->diverted_before, diverted);
}

static uint64_t delivered_since(const struct scenario *scenario,
                                const struct scenario_moment *moment)
{
    return moment->delivered - MIN_OF(scenario->delivered_before, moment->delivered);
}

static const char *nothing_delivered(struct scenario *scenario,
                                     const struct scenario_moment *moment)
{
    return delivered_since(scenario, moment) > 0 ? NULL : "nothing was delivered";
}

static const char *no_partial_outage(struct scenario *scenario,
                                     const struct scenario_moment *moment)
{
    const struct watch_part *cell = watch_cell(moment->watch, SCENARIO_EVENT);

    scenario->was_seen |= cell != NULL && cell->state != BREAKER_CLOSED;
    if (!scenario->was_seen) {
        return SCENARIO_EVENT " never opened";
    }
    return diverted_since(scenario, moment) > 0 ? NULL : "nothing was diverted";
}

static const char *no_global_outage(struct scenario *scenario, const struct scenario_moment *moment)
{
    scenario->was_seen |= moment->watch->self.state != BREAKER_CLOSED &&
                          strcmp(moment->watch->scope, scope_word(SCOPE_GLOBAL)) == 0;
    if (!scenario->was_seen) {
        return "the destination never opened as a whole";
    }
    return diverted_since(scenario, moment) > 0 ? NULL : "nothing was diverted";
}

static const char *no_return(struct scenario *scenario, const struct scenario_moment *moment)
{
    if (!watch_is_closed(moment->watch)) {
        return "not everything is closed again";
    }
    return nothing_delivered(scenario, moment);
}

static const char *no_throttling(struct scenario *scenario, const struct scenario_moment *moment)
{
    scenario->was_seen |= moment->watch->is_throttled;
    return scenario->was_seen ? NULL : "the destination was never throttled";
}

static const char *no_recovery(struct scenario *scenario, const struct scenario_moment *moment)
{
    if (moment->watch->is_throttled) {
        return "the destination is still throttled";
    }
    return delivered_since(scenario, moment) > scenario->in_flight_before
               ? NULL
               : "what had waited was not delivered";
}

/* what must not be seen */

static const char *something_open(struct scenario *scenario, const struct scenario_moment *moment)
{
    if (!watch_is_closed(moment->watch)) {
        return "something opened although nothing is broken";
    }
    return diverted_since(scenario, moment) == 0 ? NULL : "events were diverted";
}

static const char *others_open(struct scenario *scenario, const struct scenario_moment *moment)
{
    const struct watch *watch = moment->watch;

    (void)scenario;
    if (watch->self.state != BREAKER_CLOSED) {
        return "the destination opened as a whole although one event type fails";
    }
    for (size_t i = 0; i < watch->cell_count; i++) {
        if (watch->cells[i].state != BREAKER_CLOSED &&
            strcmp(watch->cells[i].name, SCENARIO_EVENT) != 0) {
            return "another event type than " SCENARIO_EVENT " opened";
        }
    }
    return NULL;
}

static const struct scenario_rule rules[SCENARIO_PHASES] = {
    [SCENARIO_HEALTHY] = {.title = "healthy",
                          .key = "healthy",
                          .line = "healthy: TikTok takes everything",
                          .least_ms = 7000,
                          .slack_ms = 10000,
                          .is_stretched = true,
                          .missing = nothing_delivered,
                          .mistaken = something_open},
    [SCENARIO_PARTIAL] = {.title = "partial outage",
                          .key = "partial_outage",
                          .line = "partial outage: TikTok answers " SCENARIO_EVENT_THEIRS
                                  " (our " SCENARIO_EVENT ") with code 50000 inside HTTP 200, "
                                  "all else is well",
                          .modes = "{\"modes\":[{\"event\":\"" SCENARIO_EVENT_THEIRS "\","
                                   "\"mode\":\"code\",\"code\":50000}]}",
                          .least_ms = 9000,
                          .slack_ms = 10000,
                          .is_stretched = true,
                          .missing = no_partial_outage,
                          .mistaken = others_open},
    [SCENARIO_PARTIAL_RETURN] = {.title = "return",
                                 .key = "partial_return",
                                 .line = "return: TikTok answers " SCENARIO_EVENT_THEIRS " again",
                                 .least_ms = 1000,
                                 .slack_ms = 30000,
                                 .missing = no_return,
                                 .mistaken = others_open},
    [SCENARIO_GLOBAL] = {.title = "global outage",
                         .key = "global_outage",
                         .line = "global outage: TikTok answers everything with HTTP 503, after "
                                 "four seconds with a reset of the connection",
                         .modes = "{\"modes\":[{\"to\":\"4s\",\"mode\":\"status\",\"status\":503},"
                                  "{\"from\":\"4s\",\"mode\":\"reset\"}]}",
                         .least_ms = 9000,
                         .slack_ms = 10000,
                         .is_stretched = true,
                         .missing = no_global_outage},
    [SCENARIO_GLOBAL_RETURN] = {.title = "return",
                                .key = "global_return",
                                .line = "return: TikTok answers everything again",
                                .least_ms = 1000,
                                .slack_ms = 30000,
                                .missing = no_return},
    [SCENARIO_THROTTLING] = {.title = "throttling",
                             .key = "throttling",
                             .line = "throttling: TikTok answers everything with code 40100, too "
                                     "many requests",
                             .modes =
                                 "{\"modes\":[{\"mode\":\"throttle\",\"retry_after\":\"1s\"}]}",
                             .least_ms = 5000,
                             .slack_ms = 5000,
                             .missing = no_throttling,
                             .mistaken = something_open},
    [SCENARIO_RECOVERY] = {.title = "recovery",
                           .key = "recovery",
                           .line = "recovery: TikTok takes everything again",
                           .least_ms = 4000,
                           .slack_ms = 10000,
                           .is_stretched = true,
                           .missing = no_recovery,
                           .mistaken = something_open},
};

const struct scenario_rule *scenario_rule(enum scenario_phase phase)
{
    PRE((unsigned)phase < SCENARIO_PHASES);
    return &rules[phase];
}

void scenario_init(struct scenario *scenario, uint64_t seconds)
{
    uint64_t ms = seconds * 1000;
    size_t stretched = 0;

    *scenario = (struct scenario){0};
    for (size_t i = 0; i < SCENARIO_PHASES; i++) {
        stretched += rules[i].is_stretched;
    }
    scenario->extra_ms = (ms - MIN_OF(ms, (uint64_t)SCENARIO_MS)) / stretched;
}

void scenario_enter(struct scenario *scenario, enum scenario_phase phase,
                    const struct scenario_moment *moment)
{
    PRE((unsigned)phase < SCENARIO_PHASES);
    scenario->phase = phase;
    scenario->from_ms = moment->at_ms;
    scenario->diverted_before = moment->watch->diverted;
    scenario->delivered_before = moment->delivered;
    scenario->in_flight_before = moment->watch->in_flight;
    scenario->was_seen = false;
    scenario->marks[phase] = (struct scenario_mark){0};
}

uint64_t scenario_phase_ms(const struct scenario *scenario)
{
    const struct scenario_rule *rule = scenario_rule(scenario->phase);

    return rule->least_ms + (rule->is_stretched ? scenario->extra_ms : 0);
}

void scenario_look(struct scenario *scenario, const struct scenario_moment *moment)
{
    const struct scenario_rule *rule = scenario_rule(scenario->phase);
    struct scenario_mark *mark = &scenario->marks[scenario->phase];
    uint64_t elapsed_ms = moment->at_ms - MIN_OF(scenario->from_ms, moment->at_ms);
    uint64_t phase_ms = scenario_phase_ms(scenario);

    mark->missing = rule->missing(scenario, moment);
    if (rule->mistaken != NULL && mark->mistaken == NULL) {
        mark->mistaken = rule->mistaken(scenario, moment);
    }
    mark->has_shown = mark->missing == NULL && mark->mistaken == NULL;
    mark->duration_ms = elapsed_ms;
    mark->is_played = elapsed_ms >= phase_ms + rule->slack_ms ||
                      (elapsed_ms >= phase_ms && mark->missing == NULL);
}

bool scenario_has_shown(const struct scenario *scenario)
{
    for (size_t i = 0; i < SCENARIO_PHASES; i++) {
        if (scenario->marks[i].is_played && !scenario->marks[i].has_shown) {
            return false;
        }
    }
    return true;
}
