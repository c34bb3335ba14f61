/* Any bytes as a message: a value or a reason, bounded, nothing leaked; what is accepted can be
 * written and read again. The first byte chooses the pair of schemas. */
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "base/mem.h"
#include "schema/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { ARENA_BYTES_MAX = 16 * 1024 * 1024, TEXT_BYTES_MAX = 64 * 1024 * 1024 };

#define EVERYTHING                                                                                 \
    "{\"type\":\"record\",\"name\":\"All\",\"fields\":["                                           \
    "{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"i\",\"type\":\"int\"},"                     \
    "{\"name\":\"l\",\"type\":\"long\"},{\"name\":\"f\",\"type\":\"float\"},"                      \
    "{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"y\",\"type\":\"bytes\"},"                    \
    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},"                    \
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}},"      \
    "{\"name\":\"u\",\"type\":[\"int\",\"string\",\"F\",{\"type\":\"map\",\"values\":\"All\"}]},"  \
    "{\"name\":\"n\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},"                           \
    "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"All\"]}}]}"

#define PART_OF_IT                                                                                 \
    "{\"type\":\"record\",\"name\":\"All\",\"fields\":["                                           \
    "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":[\"All\",\"null\"]}},"                 \
    "{\"name\":\"i\",\"type\":\"double\"},{\"name\":\"text\",\"aliases\":[\"y\"],\"type\":"        \
    "\"string\"},{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"B\","   \
    "\"C\"],\"default\":\"C\"}},{\"name\":\"u\",\"type\":[\"null\",\"string\",\"long\"]},"         \
    "{\"name\":\"new\",\"type\":{\"type\":\"map\",\"values\":\"int\"},\"default\":{\"k\":1}}]}"

#define LIST                                                                                       \
    "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\","       \
    "\"L\"]}]}"
#define SKIPS_LIST                                                                                 \
    "{\"type\":\"record\",\"name\":\"W\",\"fields\":[{\"name\":\"list\",\"type\":" LIST "}]}"

static struct pair {
    const char *writer;
    const char *reader; /* NULL: the writer's */
    struct schema *schemas[2];
    struct decoder *decoder;
} pairs[] = {
    {.writer = embedded_conversion_event_avsc},
    {.writer = EVERYTHING},
    {.writer = EVERYTHING, .reader = PART_OF_IT},
    {.writer = LIST},
    {.writer = SKIPS_LIST, .reader = "{\"type\":\"record\",\"name\":\"W\",\"fields\":[]}"},
    {.writer = "{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":\"null\"}}"},
};

static void prepare(void)
{
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct pair *pair = &pairs[i];
        const char *reader = pair->reader == NULL ? pair->writer : pair->reader;

        INVARIANT(schema_parse(span_of(pair->writer), NULL, 0, &pair->schemas[0], NULL) == ERR_OK);
        INVARIANT(schema_parse(span_of(reader), NULL, 0, &pair->schemas[1], NULL) == ERR_OK);
        INVARIANT(decoder_compile(pair->schemas[0], pair->schemas[1], &pair->decoder, NULL) ==
                  ERR_OK);
    }
}

/* Written by the reader's schema and read by it again, the value is the same. */
static void there_and_back(const struct schema *schema, const struct value *value,
                           struct arena *arena)
{
    struct decoder *same = NULL;
    struct value again;
    struct buf bytes;
    struct buf first;
    struct buf second;
    enum err_code rc;

    buf_init(&bytes, TEXT_BYTES_MAX);
    buf_init(&first, TEXT_BYTES_MAX);
    buf_init(&second, TEXT_BYTES_MAX);
    INVARIANT(decoder_compile(schema, schema, &same, NULL) == ERR_OK);
    value_encode(value, schema->root, &bytes);
    rc = decoder_run(same, buf_span(&bytes), arena, &again, NULL);
    INVARIANT(rc == ERR_OK || rc == ERR_LIMIT);
    if (rc == ERR_OK) {
        value_to_json(value, schema->root, &first);
        value_to_json(&again, schema->root, &second);
        INVARIANT(span_eq(buf_span(&first), buf_span(&second)));
    }
    decoder_free(same);
    buf_fini(&bytes);
    buf_fini(&first);
    buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct err err = {0};
    struct arena arena;
    struct value value;
    struct pair *pair;
    enum err_code rc;

    if (pairs[0].decoder == NULL) {
        prepare();
    }
    if (len == 0) {
        return 0;
    }
    pair = &pairs[bytes[0] % COUNT_OF(pairs)];
    arena_init(&arena, ARENA_BYTES_MAX);
    rc = decoder_run(pair->decoder, (struct span){(const char *)bytes + 1, len - 1}, &arena, &value,
                     &err);
    if (rc == ERR_OK) {
        there_and_back(pair->schemas[1], &value, &arena);
    } else {
        INVARIANT(rc == ERR_DATA || rc == ERR_LIMIT);
        INVARIANT(err.text[0] != '\0');
    }
    arena_fini(&arena);
    return 0;
}
