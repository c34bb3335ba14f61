#include "base/stop.h"

enum stop_request stop_asked(struct stop *stop, uint64_t now_ms)
{
    if (!stop->is_asked) {
        stop->is_asked = true;
        stop->first_ms = now_ms;
        return STOP_BEGIN;
    }
    return now_ms >= stop->first_ms + STOP_AGAIN_MS ? STOP_AT_ONCE : STOP_SAME;
}
