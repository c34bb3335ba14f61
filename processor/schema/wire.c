#include "schema/wire.h"

place wire_fail(struct decode_run *r, const struct op *op, place p, enum err_code rc,
                const char *why)
{
    r->rc = rc;
    r->why = why;
    r->failed = op;
    r->failed_at = p;
    return NULL;
}

struct wire_number wire_long(struct decode_run *r, const struct op *op, place p)
{
    place at = p;
    uint64_t n = 0;

    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++, at++) {
        if (at == r->end) {
            return (struct wire_number){
                .p = wire_fail(r, op, at, ERR_DATA, "the message ends too early")};
        }
        n |= (uint64_t)(*at & 0x7f) << (7 * i);
        if (*at < 0x80) {
            if (i == VARINT_BYTES_MAX - 1 && *at > 1) {
                break;
            }
            return (struct wire_number){.p = at + 1, .n = unzigzag(n)};
        }
    }
    return (struct wire_number){
        .p = wire_fail(r, op, p, ERR_DATA, "a number has more than 64 bits")};
}
