#include "kafka/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const struct span mark = {"d1:", 3};

enum { VARINT_BYTES_MAX = 10 };

static size_t put_varint(unsigned char *out, uint64_t number)
{
    size_t len = 0;

    while (number >= 0x80) {
        out[len++] = (unsigned char)(number | 0x80);
        number >>= 7;
    }
    out[len++] = (unsigned char)number;
    return len;
}

/* False at the end of the bytes, past 64 bits, or when written longer than needed. */
static bool get_varint(const unsigned char *bytes, size_t len, size_t *at, uint64_t *out)
{
    uint64_t number = 0;

    for (unsigned shift = 0; shift < 64 && *at < len; shift += 7) {
        unsigned char byte = bytes[(*at)++];

        if (shift == 63 && byte > 1) {
            return false;
        }
        number |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out = number;
            return byte != 0 || shift == 0;
        }
    }
    return false;
}

void metadata_begin(struct metadata_writer *writer, int64_t base, size_t bytes_max)
{
    size_t room = bytes_max > mark.len ? (bytes_max - mark.len) / 4 * 3 : 0;

    writer->at = base;
    writer->raw_len = 0;
    writer->raw_max = MIN_OF(room, (size_t)METADATA_RAW_MAX);
}

bool metadata_add(struct metadata_writer *writer, struct offset_run run)
{
    unsigned char pair[2 * VARINT_BYTES_MAX];
    size_t len;

    PRE(run.from >= writer->at);
    PRE(run.to > run.from);

    len = put_varint(pair, (uint64_t)(run.from - writer->at));
    len += put_varint(pair + len, (uint64_t)(run.to - run.from));
    if (writer->raw_len + len > writer->raw_max) {
        return false;
    }
    memcpy(writer->raw + writer->raw_len, pair, len);
    writer->raw_len += len;
    writer->at = run.to;
    return true;
}

void metadata_end(const struct metadata_writer *writer, struct buf *out)
{
    if (writer->raw_len == 0) {
        return;
    }
    buf_add_span(out, mark);
    for (size_t i = 0; i < writer->raw_len; i += 3) {
        size_t left = writer->raw_len - i;
        uint32_t bits = (uint32_t)writer->raw[i] << 16;

        bits |= left > 1 ? (uint32_t)writer->raw[i + 1] << 8 : 0;
        bits |= left > 2 ? writer->raw[i + 2] : 0;
        for (size_t c = 0; c < MIN_OF(left, (size_t)3) + 1; c++) {
            buf_add_char(out, alphabet[bits >> (18 - 6 * c) & 63]);
        }
    }
}

static int digit_of(char c)
{
    const char *at = c == '\0' ? NULL : strchr(alphabet, c);

    return at == NULL ? -1 : (int)(at - alphabet);
}

/* Length of the bytes, or 0 when @text is not base64url (padding is not ours). */
static size_t read_base64(struct span text, unsigned char *out)
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.ptr[i]);

        if (digit < 0) {
            return 0;
        }
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[len++] = (unsigned char)(bits >> held);
        }
    }
    return held == 6 || (bits & ((1u << held) - 1)) != 0 ? 0 : len;
}

/* One pair onto @run, whose `to` is where the last one ended. */
static bool read_run(const unsigned char *raw, size_t len, size_t *at, struct offset_run *run)
{
    uint64_t gap;
    uint64_t count;
    uint64_t room = (uint64_t)(INT64_MAX - run->to);

    if (!get_varint(raw, len, at, &gap) || !get_varint(raw, len, at, &count)) {
        return false;
    }
    if (count == 0 || gap > room || count > room - gap) {
        return false;
    }
    run->from = run->to + (int64_t)gap;
    run->to = run->from + (int64_t)count;
    return true;
}

size_t metadata_read(struct span text, int64_t base, struct offset_run **out)
{
    unsigned char raw[METADATA_RAW_MAX];
    struct offset_run run = {.from = base, .to = base};
    struct offset_run *runs;
    size_t count = 0;
    size_t at = 0;
    size_t len;

    *out = NULL;
    if (base < 0 || text.len > METADATA_BYTES_MAX || !span_starts(text, mark)) {
        return 0;
    }
    len = read_base64(span_sub(text, mark.len, text.len), raw);
    if (len == 0) {
        return 0;
    }
    runs = mem_array(len / 2 + 1, struct offset_run);
    while (at < len) {
        if (!read_run(raw, len, &at, &run)) {
            free(runs);
            return 0;
        }
        runs[count++] = run;
    }
    *out = runs;
    return count;
}
