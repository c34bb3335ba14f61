/*
 * avro_driver - one case a line on stdin, one answer a line on stdout, for the differential test.
 *
 *     decode TAB writer schema TAB reader schema TAB hex   ->  ok TAB the value as JSON
 *     encode TAB schema TAB JSON                           ->  ok TAB hex
 *     fingerprint TAB schema                               ->  ok TAB 16 hex digits
 *
 * Anything refused is answered with: no TAB (schema | resolve | data | limit) TAB why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/decoder.h"

enum { ARENA_BYTES_MAX = 256 * 1024 * 1024, COLUMNS_MAX = 4, OUT_BYTES_MAX = 64 * 1024 * 1024 };

static void answer_no(const char *stage, const struct err *err)
{
    printf("no\t%s\t%s\n", err->code == ERR_LIMIT ? "limit" : stage, err->text);
}

static int hex_digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* In place; the hex comes from the test and is well-formed. */
static struct span from_hex(char *hex)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        hex[i] = (char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    }
    return (struct span){hex, len};
}

static void answer_decode(const struct schema *writer, const struct schema *reader, char *hex)
{
    struct decoder *decoder = NULL;
    struct arena arena;
    struct value value;
    struct buf json;
    struct err err;

    arena_init(&arena, ARENA_BYTES_MAX);
    buf_init(&json, OUT_BYTES_MAX);
    if (decoder_compile(writer, reader, &decoder, &err) != ERR_OK) {
        answer_no("resolve", &err);
    } else if (decoder_run(decoder, from_hex(hex), &arena, &value, &err) != ERR_OK) {
        answer_no("data", &err);
    } else {
        value_to_json(&value, reader->root, &json);
        printf("ok\t%s\n", buf_text(&json));
    }
    decoder_free(decoder);
    arena_fini(&arena);
    buf_fini(&json);
}

static void answer_encode(const struct schema *schema, char *json)
{
    struct arena arena;
    struct value value;
    struct buf bytes;
    struct err err;

    arena_init(&arena, ARENA_BYTES_MAX);
    buf_init(&bytes, OUT_BYTES_MAX);
    if (value_from_json(span_of(json), schema->root, &arena, &value, &err) != ERR_OK) {
        answer_no("data", &err);
    } else {
        value_encode(&value, schema->root, &bytes);
        printf("ok\t");
        for (size_t i = 0; i < bytes.len; i++) {
            printf("%02x", (unsigned char)bytes.ptr[i]);
        }
        printf("\n");
    }
    arena_fini(&arena);
    buf_fini(&bytes);
}

static void answer(char *const columns[], size_t count)
{
    bool is_decode = strcmp(columns[0], "decode") == 0 && count == 4;
    struct schema_rules rules = {.bytes_max = SCHEMA_TEXT_BYTES_MAX};
    struct schema *writer = NULL;
    struct schema *reader = NULL;
    struct err err;

    rules.is_writer = is_decode;
    if (schema_parse_as(&rules, span_of(columns[1]), NULL, 0, &writer, &err) != ERR_OK ||
        (is_decode && schema_parse(span_of(columns[2]), NULL, 0, &reader, &err) != ERR_OK)) {
        answer_no("schema", &err);
    } else if (is_decode) {
        answer_decode(writer, reader, columns[3]);
    } else if (strcmp(columns[0], "encode") == 0 && count == 3) {
        answer_encode(writer, columns[2]);
    } else {
        printf("ok\t%016llx\n", (unsigned long long)writer->fingerprint);
    }
    schema_free(writer);
    schema_free(reader);
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;

    while ((len = getline(&line, &cap, stdin)) > 0) {
        char *columns[COLUMNS_MAX];
        size_t count = 0;
        char *rest = line;

        line[len - 1] = '\0';
        while (count < COLUMNS_MAX && rest != NULL) {
            columns[count++] = strsep(&rest, "\t");
        }
        if (count < 2) {
            fprintf(stderr, "avro_driver: a line with %zu columns\n", count);
            return EXIT_FAILURE;
        }
        answer(columns, count);
        fflush(stdout);
    }
    free(line);
    return EXIT_SUCCESS;
}
