#include "deliver/fate.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/money.h"

static struct fate_leg *room_for(struct deliverer *d, size_t count)
{
    if (count > d->fate_leg_cap) {
        d->fate_leg_cap = count;
        d->fate_legs = mem_grow(d->fate_legs, count, sizeof(*d->fate_legs));
    }
    return d->fate_legs;
}

/* How much, and in which currency. */
static int64_t value_of(struct fates *fates, bool has_value, double value, const char code[4],
                        char currency[4])
{
    struct money money = {0};

    memset(currency, 0, 4);
    if (has_value && money_of_double(value, &money)) {
        fates_currency(fates, code, currency);
    } else if (has_value) {
        memcpy(currency, FATE_UNSUMMED, 2);
    }
    return (int64_t)money.micros; /* at most 9 * 10^18: money_of_double() */
}

static void describe(struct deliverer *d, const struct leg *leg, struct fate_leg *out)
{
    *out = (struct fate_leg){.route = leg->route, .leg = leg->plan, .fate = FATE_DELIVERED};
    if (leg->is_dead_letter) {
        out->fate = FATE_DEAD_LETTERED;
    } else if (leg->position > 0) {
        out->fate = FATE_DIVERTED;
        out->to = leg_destination(leg);
    }
    out->outage = fates_outage(d->fates, leg->outage);
    if (out->fate != FATE_DELIVERED) {
        out->reason = leg->reason;
        out->event = fates_event(d->fates, leg->event->type);
    }
}

struct settled fate_of_event(struct deliverer *d, const struct event *event)
{
    const struct fate *dropped =
        d->fates == NULL || event->dropped == NO_FATE ? NULL : fates_get(d->fates, event->dropped);
    size_t dropped_count = dropped == NULL ? 0 : dropped->leg_count;
    size_t count = event->leg_count + dropped_count;
    struct fate_leg *legs;
    char currency[4];
    int64_t micros;

    if (d->fates == NULL) {
        return (struct settled){NO_FATE, 0};
    }
    legs = room_for(d, count);
    for (size_t i = 0; i < event->leg_count; i++) {
        describe(d, &event->legs[i], &legs[i]);
    }
    for (size_t i = 0; i < dropped_count; i++) {
        legs[event->leg_count + i] = dropped->legs[i];
    }
    micros = value_of(d->fates, event->has_value, event->value, event->currency, currency);
    return (struct settled){fates_find(d->fates, legs, count, currency), micros};
}

/* The rules of @routes that drop. */
static size_t describe_drops(struct deliverer *d, const struct route_result *routes)
{
    struct fate_leg *legs = room_for(d, MAX_OF((size_t)routes->count, (size_t)1));
    size_t count = 0;

    for (uint32_t i = 0; i < routes->count; i++) {
        const struct config_route *route = &d->pipeline->config->routes[routes->routes[i]];

        if (route->drop.ptr != NULL) {
            legs[count++] = (struct fate_leg){.route = route, .fate = FATE_DROPPED};
        }
    }
    return count;
}

struct settled fate_of_dropped(struct deliverer *d, const struct facts *facts,
                               const struct route_result *routes)
{
    char code[4] = "";
    char currency[4];
    size_t count;
    int64_t micros;

    if (d->fates == NULL) {
        return (struct settled){NO_FATE, 0};
    }
    count = describe_drops(d, routes);
    if (count == 0) {
        d->fate_legs[count++] = (struct fate_leg){.fate = FATE_DROPPED};
    }
    if (facts->currency.len == sizeof(code) - 1) {
        memcpy(code, facts->currency.ptr, facts->currency.len);
    }
    micros = value_of(d->fates, facts->has_value, facts->value, code, currency);
    return (struct settled){fates_find(d->fates, d->fate_legs, count, currency), micros};
}

uint32_t fate_of_drops(struct deliverer *d, const struct route_result *routes)
{
    size_t count = d->fates == NULL ? 0 : describe_drops(d, routes);

    return count == 0 ? NO_FATE : fates_find(d->fates, d->fate_legs, count, "\0\0\0");
}
