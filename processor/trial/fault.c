#include "trial/fault.h"

static bool names_one(const struct fault *fault, const struct fault_request *request)
{
    for (size_t i = 0; i < fault->event_count; i++) {
        for (size_t j = 0; j < request->type_count; j++) {
            if (span_eq(fault->events[i], request->types[j])) {
                return true;
            }
        }
    }
    return fault->event_count == 0;
}

const struct fault *faults_find(struct faults *faults, const struct fault_request *request,
                                struct rng *rng)
{
    for (size_t i = 0; i < faults->count; i++) {
        struct fault *fault = &faults->items[i];
        bool is_used_up = fault->count > 0 && fault->answered >= (uint64_t)fault->count;

        if (fault->destination == request->destination && request->at_ms >= fault->from_ms &&
            request->at_ms < fault->until_ms && !is_used_up && names_one(fault, request) &&
            (fault->share >= 1 || rng_unit(rng) < fault->share)) {
            fault->answered++;
            return fault;
        }
    }
    return NULL;
}

uint64_t fault_latency(const struct fault *fault, struct rng *rng)
{
    uint64_t range_ms = fault->latency_max_ms - fault->latency_min_ms;

    return fault->latency_min_ms + (range_ms == 0 ? 0 : rng_below(rng, range_ms + 1));
}

size_t fault_items_refused(const struct fault *fault, size_t count)
{
    if (!fault->has_items) {
        return count / 2;
    }
    return MIN_OF(count, MAX_OF((size_t)1, (size_t)((double)count * fault->items + 0.5)));
}

bool fault_refuses_item(const struct fault *fault, size_t index, size_t count, size_t shift)
{
    size_t refused = fault_items_refused(fault, count);
    size_t at = (index + shift) % count;

    return at * refused / count != (at + 1) * refused / count;
}
