/*
 * nomem - a machine that runs out of memory (LD_PRELOAD): after NOMEM_AFTER allocations none
 * succeeds any more. Built by the integration tests: cc -shared -fPIC -o nomem.so nomem.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static _Atomic long left = -1; /* -1: not read yet */

static int is_refused(void)
{
    long now = atomic_load(&left);

    if (now < 0) {
        const char *text = getenv("NOMEM_AFTER");

        now = text == NULL ? 0x7fffffffffff : strtol(text, NULL, 10);
        atomic_store(&left, now);
    }
    if (now > 0) {
        now = atomic_fetch_sub(&left, 1);
    }
    if (now > 0) {
        return 0;
    }
    atomic_store(&left, 0);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return is_refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return is_refused() ? NULL : __libc_realloc(old, size);
}
