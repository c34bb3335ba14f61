/**
 * seen_ids - which event ids came already: an event that stands in a topic twice is exported once.
 *
 * Bounded: it remembers the last million ids at least and two million at most, as digests of 128
 * bits, in 64 MiB. Copies are written when a processor was killed or lost its partition, so they
 * stand near one another; a copy farther away than that is exported again, and the service drops it
 * by its event id. One thread owns it; cannot fail.
 */
#ifndef EXPORT_SEEN_IDS_H
#define EXPORT_SEEN_IDS_H

#include "base/span.h"

struct seen_ids;

/** @most: ids of one half, a power of two; 0: a million. */
NODISCARD struct seen_ids *seen_ids_new(size_t most);
void seen_ids_free(struct seen_ids *seen); /* may be NULL */
/** True: @id did not come before, as far as is remembered; it is remembered now. */
bool seen_ids_add(struct seen_ids *seen, struct span id);

#endif /* EXPORT_SEEN_IDS_H */
