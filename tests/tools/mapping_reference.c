/*
 * mapping_reference - print docs/mapping.md, from the tables that map events.
 * `make check-docs` compares the page with it.
 */
#include <stdio.h>

#include "destinations/tiktok/document.h"

enum { REFERENCE_BYTES_MAX = 4 * 1024 * 1024 };

int main(void)
{
    struct buf out;
    bool is_written;

    buf_init(&out, REFERENCE_BYTES_MAX);
    mapping_document(&out);
    is_written = !out.is_overflowed && fwrite(out.ptr, 1, out.len, stdout) == out.len;
    buf_fini(&out);
    return is_written ? 0 : 1;
}
