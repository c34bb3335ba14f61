/* Any bytes as an identifier: what comes out is of its kind, and normalising it again changes
 * nothing (a shop that sends normalised values gets the same hash as one that does not). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "destinations/tiktok/normalise.h"
#include "fuzz_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_phone(struct span phone)
{
    if (phone.len == 64) {
        return; /* hashed by the shop */
    }
    CHECK(phone.len >= 8 && phone.len <= 16 && phone.ptr[0] == '+' && phone.ptr[1] != '0');
    for (size_t i = 1; i < phone.len; i++) {
        CHECK(phone.ptr[i] >= '0' && phone.ptr[i] <= '9');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct span countries[] = {{NULL, 0}, {"DE", 2}, {"us", 2}, {"IT", 2},
                                            {"RU", 2}, {"HU", 2}, {"??", 2}};
    enum identifier kind;
    struct span country;
    struct span raw;
    struct buf once;
    struct buf twice;

    if (len < 2) {
        return 0;
    }
    kind = (enum identifier)(data[0] % (IDENTIFIER_COUNTRY + 1));
    country = countries[data[1] % COUNT_OF(countries)];
    raw = (struct span){(const char *)data + 2, len - 2};
    buf_init(&once, 8192);
    buf_init(&twice, 8192);
    (void)identifier_is_hashed(raw);
    if (identifier_normalise(kind, raw, country, &once)) {
        CHECK(once.len > 0);
        if (kind == IDENTIFIER_PHONE) {
            check_phone(buf_span(&once));
        }
        if (kind != IDENTIFIER_NAME && kind != IDENTIFIER_PLACE && kind != IDENTIFIER_ZIP &&
            once.len <= 1024) {
            CHECK(identifier_normalise(kind, buf_span(&once), country, &twice));
            CHECK(span_eq(buf_span(&once), buf_span(&twice)));
        }
    }
    buf_fini(&once);
    buf_fini(&twice);
    return 0;
}
