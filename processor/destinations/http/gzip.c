#include "destinations/http/gzip.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"

enum {
    LEVEL =
        5, /* 1,000 conversions as lines, 720 KB: 7.2 to 1 in 8.6 ms; level 9 7.5 to 1 in 28 ms */
    WINDOW_GZIP = 15 + 16, /* 32 KiB window, gzip's header and trailer */
    MEMORY_LEVEL = 8,
};

/* zlib's own allocations, as all of ours: no memory ends the process. */
static voidpf allocate(voidpf context, uInt items, uInt bytes_each)
{
    (void)context;
    return mem_zero(items, bytes_each);
}

static void release(voidpf context, voidpf memory)
{
    (void)context;
    free(memory);
}

void gzip_buf(struct buf *body)
{
    z_stream stream = {.zalloc = allocate, .zfree = release};
    struct buf packed;
    char *to;
    int rc =
        deflateInit2(&stream, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    uLong bound;

    INVARIANT(rc == Z_OK);
    PRE(!body->is_overflowed);
    bound = deflateBound(&stream, body->len);
    buf_init(&packed, MAX_OF(body->max, (size_t)bound));
    to = buf_reserve(&packed, bound);
    INVARIANT(to != NULL);
    stream.next_in = (Bytef *)body->ptr;
    stream.avail_in = (uInt)body->len;
    stream.next_out = (Bytef *)to;
    stream.avail_out = (uInt)bound;
    rc = deflate(&stream, Z_FINISH);
    INVARIANT(rc == Z_STREAM_END); /* there was room for the worst case */
    packed.len = bound - stream.avail_out;
    (void)deflateEnd(&stream);
    packed.max = body->max;
    buf_fini(body);
    *body = packed;
}
