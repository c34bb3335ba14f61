/*
 * log_reference - print the reference of all log lines, from the table that `make lint` holds the
 * calls to. `make check-docs` compares docs/log.md with it.
 */
#include <stdio.h>

#include "base/log_events.h"

enum { REFERENCE_BYTES_MAX = 1024 * 1024 };

int main(void)
{
    struct buf out;
    bool is_written;

    buf_init(&out, REFERENCE_BYTES_MAX);
    log_events_document(&out);
    is_written = !out.is_overflowed && fwrite(out.ptr, 1, out.len, stdout) == out.len;
    buf_fini(&out);
    return is_written ? 0 : 1;
}
