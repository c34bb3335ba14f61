/* Any headers as those of a dead letter: which of the known names, and what value, is the input's
 * choice. Nothing is read past its end, texts are UTF-8 and short, numbers are in their bounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "fuzz_check.h"
#include "kafka/headers.h"
#include "recovery/dead_letter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const others[] = {
    "kafka_dlt-original-topic",
    "kafka_dlt-original-partition",
    "kafka_dlt-original-offset",
    "kafka_dlt-original-timestamp",
    "kafka_dlt-exception-cause-fqcn",
    "retry_topic-attempts",
    "__streams.errors.topic",
    "__streams.errors.partition",
    "__streams.errors.offset",
    "__streams.errors.exception",
    "trace",
    "detour.",
};

/* One header: which name, how long, its bytes. */
static rd_kafka_headers_t *make(const uint8_t *data, size_t len)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    size_t at = 0;

    while (at + 2 <= len) {
        size_t which = data[at] % (HEADER_FIELD_COUNT + COUNT_OF(others));
        size_t bytes = MIN_OF((size_t)data[at + 1], len - at - 2);
        const char *name = which < HEADER_FIELD_COUNT ? header_name((enum header_field)which)
                                                      : others[which - HEADER_FIELD_COUNT];

        rd_kafka_header_add(headers, name, -1, bytes == 255 ? NULL : data + at + 2,
                            bytes == 255 ? 0 : (ssize_t)bytes);
        at += 2 + bytes;
    }
    return headers;
}

static void check_text(struct span text)
{
    CHECK(text.ptr == NULL || (text.len > 0 && text.len <= 512));
    CHECK(text.ptr == NULL || utf8_is_valid(text.ptr, text.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    rd_kafka_headers_t *headers = make(data, len);
    rd_kafka_headers_t *original;
    struct dead_letter letter;
    const char *name;
    const void *value;
    size_t bytes;

    dead_letter_read(headers, &letter);
    check_text(letter.reason);
    check_text(letter.error);
    check_text(letter.destination);
    check_text(letter.event_id);
    check_text(letter.source_topic);
    CHECK(letter.field.ptr == NULL || letter.field.len <= 64);
    CHECK(letter.source_partition >= -1 && letter.source_offset >= -1 && letter.replays >= 0);
    CHECK(letter.part <= letter.part_count && (letter.part == 0) == (letter.part_count == 0));
    CHECK(strlen(letter.odd) < sizeof(letter.odd));
    original = dead_letter_original(&letter, headers);
    for (size_t i = 0; rd_kafka_header_get_all(original, i, &name, &value, &bytes) == 0; i++) {
        CHECK(strncmp(name, "detour.", 7) != 0);
    }
    rd_kafka_headers_destroy(original);
    rd_kafka_headers_destroy(headers);
    return 0;
}
