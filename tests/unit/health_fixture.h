/* The end of a call, as a sender tells it. */
#ifndef TESTS_HEALTH_FIXTURE_H
#define TESTS_HEALTH_FIXTURE_H

#include "health/health.h"

static inline struct health_call ended(uint64_t now_ms, enum call call, struct ticket ticket)
{
    bool is_good = call == CALL_OK || call == CALL_SLOW;

    ticket.sent_ms = now_ms;
    return (struct health_call){
        .end = {.now_ms = now_ms, .call = call, .is_life_sign = true},
        .ticket = ticket,
        .last_answer = {.verdict = is_good ? VERDICT_DELIVERED : VERDICT_RETRY},
        .calls = 1,
    };
}

static inline enum circuit told(struct health *health, size_t destination, size_t cell,
                                struct health_call call)
{
    return health_ended(health, destination, cell, &call);
}

#endif /* TESTS_HEALTH_FIXTURE_H */
