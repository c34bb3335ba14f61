/** prefix - the code in the beginning of an answer whose rest was not read. Read by answer.c only.
 */
#ifndef DESTINATIONS_TIKTOK_PREFIX_H
#define DESTINATIONS_TIKTOK_PREFIX_H

#include "base/span.h"

/**
 * The integer member "code" of the object that @text begins with, if it ends in @text and stands
 * there once. What was cut off could say another one: enough to wait by, never to settle an event.
 */
NODISCARD bool prefix_read_code(struct span text, int32_t *code);

#endif /* DESTINATIONS_TIKTOK_PREFIX_H */
