/*
 * configuration_reference - print the reference of all options, from the table that parses them.
 * `make check-docs` compares docs/configuration.md with it.
 */
#include <stdio.h>

#include "destinations/table.h"

enum { REFERENCE_BYTES_MAX = 4 * 1024 * 1024 };

int main(void)
{
    struct buf out;
    bool is_written;

    buf_init(&out, REFERENCE_BYTES_MAX);
    config_document(driver_types(), &out);
    is_written = !out.is_overflowed && fwrite(out.ptr, 1, out.len, stdout) == out.len;
    buf_fini(&out);
    return is_written ? 0 : 1;
}
