#include "rehearse/fault.h"

static const char *const words[FAULT_KIND_COUNT] = {
    [FAULT_NONE] = "latency",      [FAULT_STATUS] = "status",
    [FAULT_CODE] = "code",         [FAULT_PARTIAL] = "partial",
    [FAULT_THROTTLE] = "throttle", [FAULT_CREDENTIAL] = "credential",
    [FAULT_HANG] = "hang",         [FAULT_RESET] = "reset",
    [FAULT_REFUSED] = "refused",   [FAULT_UNWRITABLE] = "unwritable",
};

const char *fault_word(enum fault_kind kind)
{
    return words[kind];
}

static bool fits(const struct fault *fault, struct span event)
{
    if (fault->event_count == 0) {
        return true;
    }
    for (size_t i = 0; i < fault->event_count; i++) {
        if (span_eq(fault->events[i], event)) {
            return true;
        }
    }
    return false;
}

const struct fault *faults_find(const struct faults *faults, size_t destination, struct span event,
                                uint64_t at_ms, struct rng *rng)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->items[i];

        if (fault->destination == destination && at_ms >= fault->from_ms &&
            at_ms < fault->until_ms && fits(fault, event) &&
            (fault->share >= 1 || rng_unit(rng) < fault->share)) {
            return fault;
        }
    }
    return NULL;
}
