/**
 * mem - small set-up allocations that must succeed.
 *
 * mem_* stop the process when there is no memory: detour is crash-only, and the
 * offsets are right whenever it dies. Never used per event (see arena.h).
 *
 * The caller owns what it gets, and frees it with free(). Any thread.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/span.h"

#define mem_new(type) ((type *)mem_zero(1, sizeof(type)))
#define mem_array(count, type) ((type *)mem_zero((count), sizeof(type)))

NODISCARD void *mem_zero(size_t count, size_t bytes_each);            /* zeroed, overflow checked */
NODISCARD void *mem_grow(void *old, size_t count, size_t bytes_each); /* new part not zeroed */
NODISCARD char *mem_text(struct span s);                              /* a terminated copy */
NODISCARD char *mem_format(const char *format, ...) PRINTF_LIKE(1, 2);
void mem_wipe(void *bytes, size_t len); /* zeroise, not optimised away */

#endif /* BASE_MEM_H */
