#include "offsets/metadata.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const struct span tag = {"d2:", 3};

enum { VARINT_BYTES_MAX = 10, HASH_BYTES = 4, CHECKSUM_BYTES = 4, HEAD_BYTES_MAX = 512 };

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

static size_t put_u32(unsigned char *out, uint32_t number)
{
    for (size_t i = 0; i < 4; i++) {
        out[i] = (unsigned char)(number >> 8 * i);
    }
    return 4;
}

static bool get_u32(const unsigned char *bytes, size_t len, size_t *at, uint32_t *out)
{
    if (len - *at < 4) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < 4; i++) {
        *out |= (uint32_t)bytes[(*at)++] << 8 * i;
    }
    return true;
}

/* writing */

void metadata_begin(struct metadata_writer *writer, const struct metadata_place *place,
                    const struct mark *marks, size_t mark_count, size_t bytes_max)
{
    size_t room = bytes_max > tag.len ? (bytes_max - tag.len) / 4 * 3 : 0;
    size_t fixed = CHECKSUM_BYTES + 3 * VARINT_BYTES_MAX + HASH_BYTES;

    room = MIN_OF(room, (size_t)METADATA_RAW_MAX);
    room = room > fixed ? room - fixed : 0;
    writer->place = *place;
    writer->ahead = (struct mark){0};
    writer->at = place->offset;
    writer->mark_count = MIN_OF(mark_count, room / 2 / (VARINT_BYTES_MAX + HASH_BYTES));
    writer->mark_count = MIN_OF(writer->mark_count, (size_t)TRAIL_MARKS_MAX);
    if (writer->mark_count > 0) {
        memcpy(writer->marks, marks, writer->mark_count * sizeof(struct mark));
    }
    writer->raw_len = 0;
    writer->raw_max = room - writer->mark_count * (VARINT_BYTES_MAX + HASH_BYTES);
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

/* What stands before the runs, without the checksum. */
static size_t put_head(const struct metadata_writer *writer, unsigned char *out)
{
    int64_t base = writer->place.offset;
    size_t len = put_varint(out, (uint64_t)base);
    int64_t before = 0;

    if (writer->ahead.hash == 0 || writer->ahead.offset < base) {
        len += put_varint(out + len, 0);
    } else {
        len += put_varint(out + len, (uint64_t)(writer->ahead.offset - base) + 1);
        len += put_u32(out + len, writer->ahead.hash);
    }
    len += put_varint(out + len, writer->mark_count);
    for (size_t i = 0; i < writer->mark_count; i++) {
        const struct mark *mark = &writer->marks[i];

        PRE(i == 0 || mark->offset < before);
        len += put_varint(out + len, (uint64_t)(i == 0 ? mark->offset : before - mark->offset));
        len += put_u32(out + len, mark->hash);
        before = mark->offset;
    }
    return len;
}

static uint32_t checksum(const struct metadata_place *place, const unsigned char *bytes, size_t len)
{
    unsigned char partition[4];
    uLong sum = crc32(0, (const Bytef *)place->topic.ptr, (uInt)place->topic.len);

    sum = crc32(sum, partition, (uInt)put_u32(partition, (uint32_t)place->partition));
    return (uint32_t)crc32(sum, bytes, (uInt)len);
}

static void write_base64(const unsigned char *bytes, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t bits = (uint32_t)bytes[i] << 16;

        bits |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= left > 2 ? bytes[i + 2] : 0;
        for (size_t c = 0; c < MIN_OF(left, (size_t)3) + 1; c++) {
            buf_add_char(out, alphabet[bits >> (18 - 6 * c) & 63]);
        }
    }
}

void metadata_end(struct metadata_writer *writer, struct buf *out)
{
    unsigned char raw[HEAD_BYTES_MAX + METADATA_RAW_MAX];
    size_t len = CHECKSUM_BYTES;

    if (writer->raw_len == 0 && writer->mark_count == 0) {
        return;
    }
    len += put_head(writer, raw + len);
    memcpy(raw + len, writer->raw, writer->raw_len);
    len += writer->raw_len;
    put_u32(raw, checksum(&writer->place, raw + CHECKSUM_BYTES, len - CHECKSUM_BYTES));
    buf_add_span(out, tag);
    write_base64(raw, len, out);
}

/* reading */

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

/* One mark behind those of @out, older than they are. */
static bool read_mark(const unsigned char *raw, size_t len, size_t *at, struct metadata *out)
{
    struct mark *mark = &out->marks[out->mark_count];
    uint64_t number;

    if (!get_varint(raw, len, at, &number) || !get_u32(raw, len, at, &mark->hash) ||
        number > INT64_MAX || mark->hash == 0) {
        return false;
    }
    if (out->mark_count == 0) {
        mark->offset = (int64_t)number;
    } else {
        int64_t before = mark[-1].offset;

        if (number == 0 || number > (uint64_t)before) {
            return false;
        }
        mark->offset = before - (int64_t)number;
    }
    out->mark_count++;
    return true;
}

static bool read_ahead(const unsigned char *raw, size_t len, size_t *at, int64_t base,
                       struct metadata *out)
{
    uint64_t number;

    if (!get_varint(raw, len, at, &number)) {
        return false;
    }
    if (number == 0) {
        return true;
    }
    if (number - 1 > (uint64_t)(INT64_MAX - base)) {
        return false;
    }
    out->ahead.offset = base + (int64_t)(number - 1);
    return get_u32(raw, len, at, &out->ahead.hash) && out->ahead.hash != 0;
}

static bool read_runs(const unsigned char *raw, size_t len, size_t at, int64_t base,
                      struct metadata *out)
{
    struct offset_run run = {.from = base, .to = base};

    out->runs = mem_array((len - at) / 2 + 1, struct offset_run);
    while (at < len) {
        if (!read_run(raw, len, &at, &run)) {
            return false;
        }
        out->runs[out->run_count++] = run;
    }
    return true;
}

static enum metadata_sort read_raw(const unsigned char *raw, size_t len,
                                   const struct metadata_place *place, struct metadata *out)
{
    uint32_t sum;
    uint64_t base;
    uint64_t count;
    size_t at = 0;

    if (!get_u32(raw, len, &at, &sum) ||
        sum != checksum(place, raw + CHECKSUM_BYTES, len - CHECKSUM_BYTES) ||
        !get_varint(raw, len, &at, &base)) {
        return METADATA_BROKEN;
    }
    if (base != (uint64_t)place->offset) {
        return METADATA_ELSEWHERE;
    }
    if (!read_ahead(raw, len, &at, place->offset, out) || !get_varint(raw, len, &at, &count) ||
        count > TRAIL_MARKS_MAX) {
        return METADATA_BROKEN;
    }
    while (count > 0 && read_mark(raw, len, &at, out)) {
        count--;
    }
    return count == 0 && read_runs(raw, len, at, place->offset, out) ? METADATA_OURS
                                                                     : METADATA_BROKEN;
}

enum metadata_sort metadata_read(struct span text, const struct metadata_place *place,
                                 struct metadata *out)
{
    unsigned char raw[METADATA_RAW_MAX];
    enum metadata_sort sort;
    size_t len;

    PRE(place->offset >= 0);

    memset(out, 0, sizeof(*out));
    text.len = text.len == 0 ? 0 : strnlen(text.ptr, text.len);
    if (text.len == 0) {
        return METADATA_NONE;
    }
    if (!span_starts(text, tag)) {
        return span_starts(text, SPAN("d1:")) ? METADATA_OLDER : METADATA_FOREIGN;
    }
    if (text.len > METADATA_BYTES_MAX) {
        return METADATA_BROKEN;
    }
    len = read_base64(span_sub(text, tag.len, text.len), raw);
    sort = read_raw(raw, len, place, out);
    if (sort != METADATA_OURS) {
        free(out->runs);
        memset(out, 0, sizeof(*out));
    }
    return sort;
}

const char *metadata_sort_text(enum metadata_sort sort)
{
    switch (sort) {
    case METADATA_OURS:
        return "ours";
    case METADATA_NONE:
        return "none";
    case METADATA_FOREIGN:
        return "another program's";
    case METADATA_OLDER:
        return "an older version's";
    case METADATA_BROKEN:
        return "cut, changed, or of another topic or partition";
    case METADATA_ELSEWHERE:
        return "of another offset";
    }
    return "";
}
