/* Any bytes as a commit's metadata: read as they are, which must be harmless, and sealed with the
 * right checksum, so that what lies behind it is reached. What is read is in order, and means the
 * same when it is written again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fuzz_check.h"
#include "offsets/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_order(const struct metadata *known, int64_t base)
{
    int64_t last = base;

    for (size_t i = 0; i < known->run_count; i++) {
        CHECK(known->runs[i].from >= last && known->runs[i].to > known->runs[i].from);
        last = known->runs[i].to;
    }
    for (size_t i = 0; i < known->mark_count; i++) {
        CHECK(known->marks[i].hash != 0 && known->marks[i].offset >= 0);
        CHECK(i == 0 || known->marks[i].offset < known->marks[i - 1].offset);
    }
    CHECK(known->ahead.hash == 0 || known->ahead.offset >= base);
}

static void check_again(const struct metadata *known, const struct metadata_place *place)
{
    struct metadata_writer writer;
    struct metadata again;
    struct buf text;

    buf_init(&text, METADATA_BYTES_MAX);
    metadata_begin(&writer, place, known->marks, known->mark_count, METADATA_BYTES_MAX);
    for (size_t i = 0; i < known->run_count && metadata_add(&writer, known->runs[i]); i++) {
    }
    writer.ahead = known->ahead;
    metadata_end(&writer, &text);
    if (text.len > 0) {
        CHECK(metadata_read(buf_span(&text), place, &again) == METADATA_OURS);
        CHECK(again.mark_count == known->mark_count && again.ahead.offset == known->ahead.offset);
        free(again.runs);
    }
    buf_fini(&text);
}

static void read_one(struct span text, const struct metadata_place *place)
{
    struct metadata known;
    enum metadata_sort sort = metadata_read(text, place, &known);

    CHECK(metadata_sort_text(sort)[0] != '\0');
    if (sort == METADATA_OURS) {
        check_order(&known, place->offset);
        check_again(&known, place);
    } else {
        CHECK(known.runs == NULL && known.run_count == 0 && known.mark_count == 0);
    }
    free(known.runs);
}

/* @data behind its checksum and the offset, as text. */
static void seal(const uint8_t *data, size_t len, const struct metadata_place *place,
                 struct buf *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const unsigned char partition[4] = {3, 0, 0, 0};
    unsigned char raw[METADATA_RAW_MAX] = {0};
    uLong sum;

    len = MIN_OF(len, (size_t)3000);
    raw[4] = (unsigned char)place->offset; /* a varint of one byte */
    memcpy(raw + 5, data, len);
    sum = crc32(0, (const Bytef *)place->topic.ptr, (uInt)place->topic.len);
    sum = crc32(crc32(sum, partition, 4), raw + 4, (uInt)len + 1);
    for (size_t i = 0; i < 4; i++) {
        raw[i] = (unsigned char)(sum >> 8 * i);
    }
    buf_add_text(text, "d2:");
    for (size_t bit = 0; bit < (len + 5) * 8; bit += 6) {
        unsigned two = (unsigned)raw[bit / 8] << 8 | raw[bit / 8 + 1];

        buf_add_char(text, digits[two >> (10 - bit % 8) & 63]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct metadata_place place = {{"in", 2}, 3, 100};
    struct buf text;

    read_one((struct span){(const char *)data, len}, &place);
    buf_init(&text, METADATA_BYTES_MAX);
    seal(data, len, &place, &text);
    read_one(buf_span(&text), &place);
    buf_fini(&text);
    return 0;
}
