#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

NORETURN static void out_of_memory(size_t bytes)
{
    fprintf(stderr, "detour: out of memory (%zu bytes)\n", bytes);
    abort();
}

void *mem_zero(size_t count, size_t bytes_each)
{
    void *bytes = calloc(count == 0 ? 1 : count, bytes_each == 0 ? 1 : bytes_each);

    if (bytes == NULL) {
        out_of_memory(count * bytes_each);
    }
    return bytes;
}

void *mem_grow(void *old, size_t count, size_t bytes_each)
{
    void *bytes = reallocarray(old, count == 0 ? 1 : count, bytes_each);

    if (bytes == NULL) {
        out_of_memory(count * bytes_each);
    }
    return bytes;
}

char *mem_text(struct span s)
{
    char *text = mem_zero(s.len + 1, 1);

    if (s.len > 0) {
        memcpy(text, s.ptr, s.len);
    }
    return text;
}

char *mem_format(const char *format, ...)
{
    va_list args;
    char *text = NULL;
    int rc;

    va_start(args, format);
    rc = vasprintf(&text, format, args);
    va_end(args);
    if (rc < 0) {
        out_of_memory(0);
    }
    return text;
}

void mem_wipe(void *bytes, size_t len)
{
    explicit_bzero(bytes, len);
}
