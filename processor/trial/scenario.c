#include "trial/scenario.h"

#include <string.h>

/* What can be seen of the processor, a bit each; the first that fails is the reason. */
enum fact {
    EVENT_OPEN = 1 << 0,       /* the breaker of SCENARIO_EVENT */
    OTHER_OPEN = 1 << 1,       /* that of another event type */
    DESTINATION_OPEN = 1 << 2, /* the destination's own */
    ANY_OPEN = 1 << 3,
    ALL_CLOSED = 1 << 4,
    THROTTLED = 1 << 5,
    NOT_THROTTLED = 1 << 6,
    DIVERTED = 1 << 7,  /* since the phase began */
    DELIVERED = 1 << 8, /* likewise */
    CAUGHT_UP = 1 << 9, /* as much delivered as was in flight when it began */
    REJECTED = 1 << 10, /* since the phase began */
    COMMANDS_DONE = 1 << 11,
    BACKFILLED = 1 << 12,
};

/* These have to hold at the end; all others count once seen. */
enum { OF_THE_MOMENT = ALL_CLOSED | NOT_THROTTLED };

static const struct {
    enum fact fact;
    const char *missing, *unwanted; /* what is said where it is not seen, or should not be */
} facts[] = {
    {EVENT_OPEN, SCENARIO_EVENT " never opened", NULL},
    {OTHER_OPEN, NULL, "another event type than " SCENARIO_EVENT " opened"},
    {DESTINATION_OPEN, "the destination never opened as a whole",
     "the destination opened as a whole although one event type fails"},
    {ANY_OPEN, NULL, "something opened although nothing is broken"},
    {ALL_CLOSED, "not everything is closed again", NULL},
    {THROTTLED, "the destination was never throttled", NULL},
    {NOT_THROTTLED, "the destination is still throttled", NULL},
    {DIVERTED, "nothing was diverted", "events were diverted"},
    {DELIVERED, "nothing was delivered", NULL},
    {CAUGHT_UP, "what had waited was not delivered", NULL},
    {REJECTED, "no event became a dead letter", NULL},
    {BACKFILLED, "not everything that was diverted was delivered", NULL},
    {COMMANDS_DONE, "not every command ended well", NULL},
};

/* In the folder of the configuration; the group of the replay is named for its removal. */
#define REPLAY_COMMANDS                                                                            \
    "dlq ls -c detour.yaml --reason rejected --limit 4\n"                                          \
    "replay -c detour.yaml --reason rejected --yes --name " SCENARIO_REPLAY_NAME
#define LAST_COMMANDS                                                                              \
    "outages -c detour.yaml\n"                                                                     \
    "reconcile -c detour.yaml --deep"
/* While the platform is away: what the backfill has delivered is not exported. */
#define EXPORT_COMMAND "export -c detour.yaml --reason outage --mask --out " SCENARIO_EXPORT

/* Thirty refusals are too few for a reject storm, at any rate. */
static const struct scenario_rule rules[SCENARIO_PHASES] = {
    [SCENARIO_HEALTHY] = {"healthy", "healthy", "TikTok takes everything", NULL, NULL, 7000, 10000,
                          true, .wanted = DELIVERED, .unwanted = ANY_OPEN | DIVERTED},
    [SCENARIO_PARTIAL] = {"partial outage", "partial_outage",
                          "TikTok answers " SCENARIO_EVENT_THEIRS " (our " SCENARIO_EVENT
                          ") with code 50000 inside HTTP 200, all else is well",
                          "[{\"event\":\"" SCENARIO_EVENT_THEIRS "\",\"answer\":{\"code\":50000}}]",
                          NULL, 9000, 10000, true, .wanted = EVENT_OPEN | DIVERTED,
                          .unwanted = DESTINATION_OPEN | OTHER_OPEN},
    [SCENARIO_PARTIAL_RETURN] = {"return", "partial_return",
                                 "TikTok answers " SCENARIO_EVENT_THEIRS " again", NULL, NULL, 1000,
                                 30000, false, .wanted = ALL_CLOSED | DELIVERED,
                                 .unwanted = DESTINATION_OPEN | OTHER_OPEN},
    [SCENARIO_GLOBAL] = {"global outage", "global_outage",
                         "TikTok answers everything with HTTP 503, after four seconds with a reset "
                         "of the connection",
                         "[{\"to\":\"4s\",\"answer\":{\"status\":503}},"
                         "{\"from\":\"4s\",\"answer\":\"reset\"}]",
                         NULL, 9000, 10000, true, .wanted = DESTINATION_OPEN | DIVERTED},
    [SCENARIO_GLOBAL_RETURN] = {"return", "global_return", "TikTok answers everything again", NULL,
                                EXPORT_COMMAND, 1000, 30000, false,
                                .wanted = ALL_CLOSED | DELIVERED | COMMANDS_DONE},
    [SCENARIO_THROTTLING] = {"throttling", "throttling",
                             "TikTok answers everything with code 40100, too many requests",
                             "[{\"answer\":{\"throttle\":{\"retry_after\":\"1s\"}}}]", NULL, 5000,
                             5000, false, .wanted = THROTTLED, .unwanted = ANY_OPEN | DIVERTED},
    [SCENARIO_RECOVERY] = {"recovery", "recovery", "TikTok takes everything again", NULL, NULL,
                           4000, 10000, true, .wanted = NOT_THROTTLED | CAUGHT_UP,
                           .unwanted = ANY_OPEN | DIVERTED},
    [SCENARIO_BACKFILL] = {"backfill", "backfill",
                           "TikTok is well: what was diverted goes there, beside the live events",
                           NULL, NULL, 1000, 30000, false, .wanted = BACKFILLED,
                           .unwanted = ANY_OPEN | DIVERTED},
    [SCENARIO_REFUSAL] = {"refusal", "refusal",
                          "TikTok refuses " SCENARIO_EVENT_THEIRS " with code 40002: dead letters",
                          "[{\"event\":\"" SCENARIO_EVENT_THEIRS
                          "\",\"count\":30,\"answer\":{\"code\":40002}}]",
                          NULL, 4000, 10000, false, .wanted = REJECTED,
                          .unwanted = ANY_OPEN | DIVERTED},
    [SCENARIO_REPLAY] = {"replay", "replay",
                         "TikTok takes " SCENARIO_EVENT_THEIRS
                         " again; an operator sends the dead letters once more",
                         NULL, REPLAY_COMMANDS, 1000, 30000, false, .wanted = COMMANDS_DONE,
                         .unwanted = ANY_OPEN | DIVERTED},
};

const char *scenario_last_commands(void)
{
    return LAST_COMMANDS;
}

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
    scenario->rejected_before = moment->rejected;
    scenario->seen = 0;
    scenario->marks[phase] = (struct scenario_mark){0};
}

uint64_t scenario_phase_ms(const struct scenario *scenario)
{
    const struct scenario_rule *rule = scenario_rule(scenario->phase);

    return rule->least_ms + (rule->is_stretched ? scenario->extra_ms : 0);
}

static unsigned see_breakers(const struct watch *watch)
{
    unsigned seen = watch->self.state == BREAKER_CLOSED ? 0 : DESTINATION_OPEN;

    for (size_t i = 0; i < watch->cell_count; i++) {
        if (watch->cells[i].state != BREAKER_CLOSED) {
            seen |= strcmp(watch->cells[i].name, SCENARIO_EVENT) == 0 ? EVENT_OPEN : OTHER_OPEN;
        }
    }
    return seen | (seen == 0 ? ALL_CLOSED : ANY_OPEN);
}

static unsigned see(const struct scenario *scenario, const struct scenario_moment *moment)
{
    uint64_t delivered = moment->delivered - MIN_OF(scenario->delivered_before, moment->delivered);

    return see_breakers(moment->watch) | (moment->watch->is_throttled ? THROTTLED : NOT_THROTTLED) |
           (moment->watch->diverted > scenario->diverted_before ? DIVERTED : 0) |
           (delivered > 0 ? DELIVERED : 0) |
           (delivered > scenario->in_flight_before ? CAUGHT_UP : 0) |
           (moment->rejected > scenario->rejected_before ? REJECTED : 0) |
           (moment->is_done ? COMMANDS_DONE : 0) | (moment->is_backfilled ? BACKFILLED : 0);
}

/* What is wrong so far; NULL: nothing. */
static const char *find_why(const struct scenario_rule *rule, unsigned seen)
{
    const char *why = NULL;

    for (size_t i = COUNT_OF(facts); i-- > 0;) {
        why = (rule->wanted & ~seen & facts[i].fact) != 0 ? facts[i].missing : why;
    }
    for (size_t i = COUNT_OF(facts); i-- > 0;) {
        why = (rule->unwanted & seen & facts[i].fact) != 0 ? facts[i].unwanted : why;
    }
    return why;
}

void scenario_look(struct scenario *scenario, const struct scenario_moment *moment)
{
    const struct scenario_rule *rule = scenario_rule(scenario->phase);
    struct scenario_mark *mark = &scenario->marks[scenario->phase];
    uint64_t elapsed_ms = moment->at_ms - MIN_OF(scenario->from_ms, moment->at_ms);
    uint64_t phase_ms = scenario_phase_ms(scenario);

    scenario->seen = (scenario->seen & ~(unsigned)OF_THE_MOMENT) | see(scenario, moment);
    mark->why = find_why(rule, scenario->seen);
    mark->has_shown = mark->why == NULL;
    mark->duration_ms = elapsed_ms;
    mark->is_played = elapsed_ms >= phase_ms + rule->slack_ms ||
                      (elapsed_ms >= phase_ms && (rule->wanted & ~scenario->seen) == 0);
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
