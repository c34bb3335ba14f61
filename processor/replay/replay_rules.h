/**
 * replay_rules - which records of a topic a replay sends, and which leg of each.
 *
 * The same rules make the preview, which reads the topic once, and the replay itself. What is
 * judged from the headers is judged before an event is decoded (replay_judge); what depends on
 * today's routes is known when it is routed (replay_route, replay_takes).
 *
 *    headers say            sent by default                          --reroute    --as-it-was
 *    route and leg          that leg of that route, if today's       that leg of  that leg of that
 *                           routes still take the event there        any route    route, unasked
 *    no leg (decode_failed, all legs of today's routes               the same     the same
 *    unmatched, foreign)
 *
 * Borrows the configuration and the filter. The thread that owns it; no errors of its own.
 */
#ifndef REPLAY_REPLAY_RULES_H
#define REPLAY_REPLAY_RULES_H

#include "recovery/decisions.h"
#include "recovery/filter.h"
#include "route/route_table.h"

enum replay_mode { REPLAY_TODAY, REPLAY_REROUTE, REPLAY_AS_IT_WAS };

struct replay_rules {
    const struct config *config;
    const struct filter *filter;
    struct event_reader *reader;       /* NULL where filter_needs_events() says no */
    const struct decisions *decisions; /* NULL: they are not asked (--decided) */
    enum replay_mode mode;
    struct span destination; /* of a source topic: to whom alone; absent: all */
    uint32_t replays_max;
    bool may_duplicate; /* --allow-duplicates */
    bool is_source;     /* the topic is a source topic: its records are no dead letters */
};

/* Where one record goes. */
struct replay_way {
    struct span route, leg; /* as its headers say; absent: all of today's */
    bool is_routed;         /* some route of today's takes it at that leg */
};

/** From its headers: SKIP_NONE when it is to be sent. FILTER_FAILED of filter_ask() is ERR with
 * @err. */
NODISCARD enum err_code replay_judge(const struct replay_rules *rules, const struct record *record,
                                     int64_t now_ms, enum skip_reason *out, struct err *err);
/** The record is routed: as its headers say where today's routes are not asked. */
void replay_route(const struct replay_rules *rules, const struct dead_letter *letter,
                  struct replay_way *way, struct route_result *routes);
/** Is this leg to be delivered? */
bool replay_takes(const struct replay_rules *rules, const struct replay_way *way,
                  const struct config_route *route, const struct config_leg *leg);

#endif /* REPLAY_REPLAY_RULES_H */
