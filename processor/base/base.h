/**
 * base - the few words every file of detour uses.
 *
 * Contracts: PRE, POST and INVARIANT state what a bug of ours would break. They
 * are checked in every build, hold one condition each, and do no work. Bad input
 * and a bad network are never contracts; they are errors (base/err.h).
 *
 * Macros only: no state, any thread. A broken contract ends the process with its place.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_index)                                                     \
    __attribute__((format(printf, format_index, first_index)))
#define NORETURN __attribute__((noreturn))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

/** Say which contract was broken, where, and abort: a later offset must not be committed on a
 * broken state. */
NORETURN void contract_broken(const char *kind, const char *text, const char *file, int line);

#define CONTRACT_(kind, condition)                                                                 \
    do {                                                                                           \
        if (UNLIKELY(!(condition))) {                                                              \
            contract_broken(kind, #condition, __FILE__, __LINE__);                                 \
        }                                                                                          \
    } while (0)

#define PRE(condition) CONTRACT_("precondition", condition)
#define POST(condition) CONTRACT_("postcondition", condition)
#define INVARIANT(condition) CONTRACT_("invariant", condition)

#endif /* BASE_BASE_H */
