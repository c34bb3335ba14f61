#include "replay/replay_rules.h"

#include <string.h>

/* TikTok keeps event ids for 48 hours: after that a second delivery counts as a second event. */
static const int64_t DEDUPLICATION_MS = 48 * 3600 * 1000ll;

static const struct config_route *find_route(const struct config *config, struct span name,
                                             uint32_t *index)
{
    for (uint32_t i = 0; i < config->route_count; i++) {
        if (span_eq(config->routes[i].name, name)) {
            *index = i;
            return &config->routes[i];
        }
    }
    return NULL;
}

static bool begins_at(const struct config_route *route, struct span destination)
{
    for (size_t i = 0; i < route->leg_count; i++) {
        if (span_eq(route->legs[i].chain[0]->name, destination)) {
            return true;
        }
    }
    return false;
}

static bool any_begins_at(const struct config *config, struct span destination)
{
    for (size_t i = 0; i < config->route_count; i++) {
        if (begins_at(&config->routes[i], destination)) {
            return true;
        }
    }
    return false;
}

/* A destination may have an event whose last answer nobody got. */
static bool is_ambiguous(const struct replay_rules *rules, const struct dead_letter *letter,
                         int64_t now_ms)
{
    return !rules->may_duplicate && letter->dialect == DIALECT_DETOUR &&
           letter->outcome == OUTCOME_AMBIGUOUS && letter->at_ms >= 0 &&
           now_ms - letter->at_ms > DEDUPLICATION_MS;
}

static enum skip_reason judge_leg(const struct replay_rules *rules,
                                  const struct dead_letter *letter)
{
    const struct config_route *route;
    uint32_t index = 0;

    if (letter->leg.ptr == NULL) {
        return SKIP_NONE;
    }
    if (rules->mode == REPLAY_REROUTE) {
        return any_begins_at(rules->config, letter->leg) ? SKIP_NONE : SKIP_LEG_GONE;
    }
    route = letter->route.ptr == NULL ? NULL : find_route(rules->config, letter->route, &index);
    if (route == NULL) {
        return SKIP_ROUTE_GONE;
    }
    return begins_at(route, letter->leg) ? SKIP_NONE : SKIP_LEG_GONE;
}

/* What an operator decided to skip, or has exported, at the start of the replay. */
static enum skip_reason judge_decision(const struct replay_rules *rules,
                                       const struct record *record)
{
    const struct decision_place place = {record->view.partition, record->view.offset,
                                         record_written_ms(record)};
    const struct decision *decision =
        rules->decisions == NULL ? NULL : decisions_find(rules->decisions, &place);

    if (decision == NULL) {
        return SKIP_NONE;
    }
    return decision->type == DECISION_EXPORTED ? SKIP_EXPORTED : SKIP_DECIDED;
}

enum err_code replay_judge(const struct replay_rules *rules, const struct record *record,
                           int64_t now_ms, enum skip_reason *out, struct err *err)
{
    const struct dead_letter *letter = &record->letter;
    enum filter_answer answer = filter_ask(rules->filter, record, rules->reader, err);

    *out = SKIP_NONE;
    if (answer == FILTER_FAILED) {
        return err->code;
    }
    if (answer != FILTER_TAKES) {
        *out = answer == FILTER_UNDECODED ? SKIP_UNDECODED : SKIP_NOT_SELECTED;
        return ERR_OK;
    }
    *out = judge_decision(rules, record);
    if (*out != SKIP_NONE) {
        return ERR_OK;
    }
    if (letter->replays >= (int64_t)rules->replays_max) {
        *out = SKIP_PARKED;
    } else if (is_ambiguous(rules, letter, now_ms)) {
        *out = SKIP_AMBIGUOUS;
    } else if (!rules->is_source) {
        *out = judge_leg(rules, letter);
    }
    return ERR_OK;
}

void replay_route(const struct replay_rules *rules, const struct dead_letter *letter,
                  struct replay_way *way, struct route_result *routes)
{
    uint32_t index = 0;

    *way = (struct replay_way){.route = letter->route, .leg = letter->leg};
    if (rules->is_source || letter->leg.ptr == NULL) {
        *way = (struct replay_way){.leg = rules->is_source ? rules->destination : SPAN_NONE};
    } else if (rules->mode == REPLAY_AS_IT_WAS &&
               find_route(rules->config, letter->route, &index) != NULL) {
        routes->routes[0] = index;
        routes->count = 1;
    }
}

bool replay_takes(const struct replay_rules *rules, const struct replay_way *way,
                  const struct config_route *route, const struct config_leg *leg)
{
    bool is_route =
        way->route.ptr == NULL || rules->mode == REPLAY_REROUTE || span_eq(way->route, route->name);

    return is_route && (way->leg.ptr == NULL || span_eq(way->leg, leg->chain[0]->name));
}
