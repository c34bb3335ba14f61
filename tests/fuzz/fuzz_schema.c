/* Any bytes as a schema, with what stands behind a line of its own as references: a graph or a
 * reason, bounded, nothing leaked; what is accepted is the same schema when read again, and a
 * program can be made of it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "schema/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { REFERENCES_MAX = 4, ARENA_BYTES_MAX = 4 * 1024 * 1024, TEXT_BYTES_MAX = 4 * 1024 * 1024 };

/* Parts between "\n---\n"; the first is the schema. */
static size_t split(struct span text, struct span parts[REFERENCES_MAX + 1])
{
    static const char mark[] = "\n---\n";
    size_t count = 0;

    while (count < REFERENCES_MAX) {
        const char *hit = memmem(text.ptr, text.len, mark, sizeof(mark) - 1);

        if (hit == NULL) {
            break;
        }
        parts[count++] = (struct span){text.ptr, (size_t)(hit - text.ptr)};
        text = span_sub(text, (size_t)(hit - text.ptr) + sizeof(mark) - 1, text.len);
    }
    parts[count++] = text;
    return count;
}

static void use(const struct schema *schema)
{
    struct decoder *decoder = NULL;
    struct schema *again = NULL;
    struct arena arena;
    struct value value;
    struct buf text;
    enum err_code rc;

    buf_init(&text, TEXT_BYTES_MAX);
    arena_init(&arena, ARENA_BYTES_MAX);
    schema_to_json(schema, &text);
    rc = schema_parse(buf_span(&text), NULL, 0, &again, NULL);
    INVARIANT(rc == ERR_OK || rc == ERR_LIMIT); /* with references it may be too long for one */
    INVARIANT(rc != ERR_OK || again->fingerprint == schema->fingerprint);
    rc = decoder_compile(schema, schema, &decoder, NULL);
    INVARIANT(rc == ERR_OK || rc == ERR_LIMIT);
    if (rc == ERR_OK) {
        (void)decoder_run(decoder, SPAN("\0\0\2\2\0\0\2\0"), &arena, &value, NULL);
    }
    decoder_free(decoder);
    schema_free(again);
    arena_fini(&arena);
    buf_fini(&text);
}

/* A writer's schema is only read with: here by itself, which its names must allow. */
static void read_with(const struct schema *schema)
{
    struct decoder *decoder = NULL;
    struct arena arena;
    struct value value;

    arena_init(&arena, ARENA_BYTES_MAX);
    if (decoder_compile(schema, schema, &decoder, NULL) == ERR_OK) {
        (void)decoder_run(decoder, SPAN("\0\0\2\2\0\0\2\0"), &arena, &value, NULL);
    }
    decoder_free(decoder);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct schema_reference references[REFERENCES_MAX] = {0};
    struct span parts[REFERENCES_MAX + 1];
    char *copy = mem_text((struct span){(const char *)bytes, len});
    size_t count = split((struct span){copy, len}, parts);
    const struct schema_rules writer = {.is_writer = true, .bytes_max = SCHEMA_TEXT_BYTES_MAX};
    struct schema *schema = NULL;
    struct err err = {0};

    for (size_t i = 1; i < count; i++) {
        references[i - 1].json = parts[i];
    }
    if (schema_parse(parts[0], references, count - 1, &schema, &err) == ERR_OK) {
        use(schema);
    } else {
        INVARIANT(err.text[0] != '\0');
    }
    schema_free(schema);
    schema = NULL;
    if (schema_parse_as(&writer, parts[0], references, count - 1, &schema, &err) == ERR_OK) {
        read_with(schema);
    } else {
        INVARIANT(err.text[0] != '\0');
    }
    schema_free(schema);
    free(copy);
    return 0;
}
