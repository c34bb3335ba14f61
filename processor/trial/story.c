#include "trial/story.h"

#include <string.h>

/* Each has to show something; the first look at which it has is enough. Some must not show
 * something else; one look at which they do is enough, too. Both are NULL or a static text. */
typedef const char *story_test(struct story *story, const struct story_moment *moment);

struct story_rule {
    const char *title, *key, *line;
    const char *modes;
    uint64_t least_ms;
    uint64_t slack_ms; /* for what it has to show, past least_ms */
    bool is_stretched; /* longer in a longer play */
    story_test *missing, *mistaken;
};

/* what has to be seen */

static uint64_t diverted_since(const struct story *story, const struct story_moment *moment)
{
    uint64_t diverted = moment->watch->diverted;

    return diverted - MIN_OF(story->diverted_before, diverted);
}

static uint64_t delivered_since(const struct story *story, const struct story_moment *moment)
{
    return moment->delivered - MIN_OF(story->delivered_before, moment->delivered);
}

static const char *nothing_delivered(struct story *story, const struct story_moment *moment)
{
    return delivered_since(story, moment) > 0 ? NULL : "nothing was delivered";
}

static const char *no_partial_outage(struct story *story, const struct story_moment *moment)
{
    const struct watch_part *cell = watch_cell(moment->watch, STORY_EVENT);

    story->was_dark |= cell != NULL && cell->state != BREAKER_CLOSED;
    if (!story->was_dark) {
        return STORY_EVENT " never opened";
    }
    return diverted_since(story, moment) > 0 ? NULL : "nothing was diverted";
}

static const char *no_global_outage(struct story *story, const struct story_moment *moment)
{
    story->was_dark |= moment->watch->self.state != BREAKER_CLOSED &&
                       strcmp(moment->watch->scope, scope_word(SCOPE_GLOBAL)) == 0;
    if (!story->was_dark) {
        return "the destination never opened as a whole";
    }
    return diverted_since(story, moment) > 0 ? NULL : "nothing was diverted";
}

static const char *no_return(struct story *story, const struct story_moment *moment)
{
    if (!watch_is_closed(moment->watch)) {
        return "not everything is closed again";
    }
    return nothing_delivered(story, moment);
}

static const char *no_throttling(struct story *story, const struct story_moment *moment)
{
    story->was_dark |= moment->watch->is_throttled;
    return story->was_dark ? NULL : "the destination was never throttled";
}

static const char *no_recovery(struct story *story, const struct story_moment *moment)
{
    if (moment->watch->is_throttled) {
        return "the destination is still throttled";
    }
    return delivered_since(story, moment) > story->in_flight_before
               ? NULL
               : "what had waited was not delivered";
}

/* what must not be seen */

static const char *something_open(struct story *story, const struct story_moment *moment)
{
    if (!watch_is_closed(moment->watch)) {
        return "something opened although nothing is broken";
    }
    return diverted_since(story, moment) == 0 ? NULL : "events were diverted";
}

static const char *others_open(struct story *story, const struct story_moment *moment)
{
    const struct watch *watch = moment->watch;

    (void)story;
    if (watch->self.state != BREAKER_CLOSED) {
        return "the destination opened as a whole although one event type is dark";
    }
    for (size_t i = 0; i < watch->cell_count; i++) {
        if (watch->cells[i].state != BREAKER_CLOSED &&
            strcmp(watch->cells[i].name, STORY_EVENT) != 0) {
            return "another event type than " STORY_EVENT " opened";
        }
    }
    return NULL;
}

static const struct story_rule rules[STORY_PHASES] = {
    [STORY_HEALTHY] = {.title = "healthy",
                       .key = "healthy",
                       .line = "healthy: TikTok takes everything",
                       .least_ms = 7000,
                       .slack_ms = 10000,
                       .is_stretched = true,
                       .missing = nothing_delivered,
                       .mistaken = something_open},
    [STORY_PARTIAL] = {.title = "partial outage",
                       .key = "partial_outage",
                       .line = "partial outage: TikTok answers " STORY_EVENT_THEIRS
                               " (our " STORY_EVENT ") with code 50000 inside HTTP 200, "
                               "all else is well",
                       .modes = "{\"modes\":[{\"event\":\"" STORY_EVENT_THEIRS "\","
                                "\"mode\":\"code\",\"code\":50000}]}",
                       .least_ms = 9000,
                       .slack_ms = 10000,
                       .is_stretched = true,
                       .missing = no_partial_outage,
                       .mistaken = others_open},
    [STORY_PARTIAL_RETURN] = {.title = "return",
                              .key = "partial_return",
                              .line = "return: TikTok answers " STORY_EVENT_THEIRS " again",
                              .least_ms = 1000,
                              .slack_ms = 30000,
                              .missing = no_return,
                              .mistaken = others_open},
    [STORY_GLOBAL] = {.title = "global outage",
                      .key = "global_outage",
                      .line = "global outage: TikTok answers everything with HTTP 503, after "
                              "four seconds with a reset of the connection",
                      .modes = "{\"modes\":[{\"to\":\"4s\",\"mode\":\"status\",\"status\":503},"
                               "{\"from\":\"4s\",\"mode\":\"reset\"}]}",
                      .least_ms = 9000,
                      .slack_ms = 10000,
                      .is_stretched = true,
                      .missing = no_global_outage},
    [STORY_GLOBAL_RETURN] = {.title = "return",
                             .key = "global_return",
                             .line = "return: TikTok answers everything again",
                             .least_ms = 1000,
                             .slack_ms = 30000,
                             .missing = no_return},
    [STORY_THROTTLING] = {.title = "throttling",
                          .key = "throttling",
                          .line = "throttling: TikTok answers everything with code 40100, too "
                                  "many requests",
                          .modes = "{\"modes\":[{\"mode\":\"throttle\",\"retry_after\":\"1s\"}]}",
                          .least_ms = 5000,
                          .slack_ms = 5000,
                          .missing = no_throttling,
                          .mistaken = something_open},
    [STORY_RECOVERY] = {.title = "recovery",
                        .key = "recovery",
                        .line = "recovery: TikTok takes everything again",
                        .least_ms = 4000,
                        .slack_ms = 10000,
                        .is_stretched = true,
                        .missing = no_recovery,
                        .mistaken = something_open},
};

static const struct story_rule *rule_of(enum story_phase phase)
{
    PRE((unsigned)phase < STORY_PHASES);
    return &rules[phase];
}

const char *story_title(enum story_phase phase)
{
    return rule_of(phase)->title;
}

const char *story_key(enum story_phase phase)
{
    return rule_of(phase)->key;
}

const char *story_line(enum story_phase phase)
{
    return rule_of(phase)->line;
}

const char *story_modes(enum story_phase phase)
{
    return rule_of(phase)->modes;
}

void story_init(struct story *story, uint64_t seconds)
{
    uint64_t ms = seconds * 1000;
    size_t stretched = 0;

    *story = (struct story){0};
    for (size_t i = 0; i < STORY_PHASES; i++) {
        stretched += rules[i].is_stretched;
    }
    story->extra_ms = (ms - MIN_OF(ms, (uint64_t)STORY_MS)) / stretched;
}

void story_enter(struct story *story, enum story_phase phase, const struct story_moment *moment)
{
    PRE((unsigned)phase < STORY_PHASES);
    story->phase = phase;
    story->from_ms = moment->at_ms;
    story->diverted_before = moment->watch->diverted;
    story->delivered_before = moment->delivered;
    story->in_flight_before = moment->watch->in_flight;
    story->was_dark = false;
    story->marks[phase] = (struct story_mark){0};
}

uint64_t story_phase_ms(const struct story *story)
{
    const struct story_rule *rule = rule_of(story->phase);

    return rule->least_ms + (rule->is_stretched ? story->extra_ms : 0);
}

void story_look(struct story *story, const struct story_moment *moment)
{
    const struct story_rule *rule = rule_of(story->phase);
    struct story_mark *mark = &story->marks[story->phase];
    uint64_t elapsed_ms = moment->at_ms - MIN_OF(story->from_ms, moment->at_ms);
    uint64_t phase_ms = story_phase_ms(story);

    mark->missing = rule->missing(story, moment);
    if (rule->mistaken != NULL && mark->mistaken == NULL) {
        mark->mistaken = rule->mistaken(story, moment);
    }
    mark->has_shown = mark->missing == NULL && mark->mistaken == NULL;
    mark->duration_ms = elapsed_ms;
    mark->is_played = elapsed_ms >= phase_ms + rule->slack_ms ||
                      (elapsed_ms >= phase_ms && mark->missing == NULL);
}

bool story_has_shown(const struct story *story)
{
    for (size_t i = 0; i < STORY_PHASES; i++) {
        if (story->marks[i].is_played && !story->marks[i].has_shown) {
            return false;
        }
    }
    return true;
}
