/**
 * utm_original - the source record's value inside a UTM record (schemas/utm_attribution.avsc), for
 * whoever delivers diverted events or shows them.
 *
 * The bytes are walked over, not decoded: no memory, a few hundred nanoseconds. A value counts as a
 * UTM record when its framing is one of the two that detour writes and its fields fill it exactly;
 * the Confluent framing's id is any, since every registry gives its own.
 *
 * Pure, any thread. The result borrows from @value.
 */
#ifndef EVENT_UTM_ORIGINAL_H
#define EVENT_UTM_ORIGINAL_H

#include "base/span.h"

/** SPAN_NONE: @value is no UTM record. */
struct span utm_original(struct span value);

#endif /* EVENT_UTM_ORIGINAL_H */
