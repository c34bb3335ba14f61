/* Any bytes as an address, as a URL's query, as a value written out, and as the head of an answer:
 * nothing of it may end the process, and what is taken for an address is short and printable. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/absent.h"
#include "base/arena.h"
#include "destinations/tiktok/client_address.h"
#include "fuzz_check.h"
#include "http/head.h"
#include "schema/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_address(struct span raw)
{
    char out[CLIENT_ADDRESS_BYTES];

    if (!client_address(raw, out)) {
        return;
    }
    CHECK(strlen(out) > 1 && strlen(out) < sizeof(out));
    CHECK(strspn(out, "0123456789abcdefABCDEF.:") == strlen(out));
}

static void check_query(struct span url, struct arena *arena)
{
    struct url_query query = url_query_open(url);
    struct span name;
    struct span value;
    size_t count = 0;

    while (url_query_next(&query, &name, &value)) {
        CHECK(++count <= url.len + 1);
    }
    (void)url_query_get(url, SPAN("ttclid"), arena);
    (void)url_query_get(url, SPAN("a"), arena);
}

static void check_head(struct span lines)
{
    struct head head;

    head_init(&head);
    head_begin(&head, true);
    for (size_t at = 0; at < lines.len;) {
        size_t end = span_find(lines, '\n', at);

        if (!head_take(&head, span_sub(lines, at, MIN_OF(end + 1, lines.len)))) {
            break;
        }
        at = end + 1;
    }
    (void)head_doubt(&head);
    head_fini(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct span raw = {(const char *)data, len};
    struct arena arena;

    arena_init(&arena, 1 << 20);
    check_address(raw);
    (void)text_is_absent(raw, TEXT_CODE);
    (void)text_is_absent(raw, TEXT_FREE);
    check_query(raw, &arena);
    check_head(raw);
    arena_fini(&arena);
    return 0;
}
