#include "schema/catalog.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "schema/catalog_inside.h"
#include "schema/catalog_thread.h"

enum { CONFLUENT_BYTES = 5, SINGLE_OBJECT_BYTES = 10, SCHEMA_JSON_BYTES_MAX = 4 * 1024 * 1024 };

/* What nobody needs to be asked about. */
static const struct writer no_registry_writer = {
    .state = WRITER_UNKNOWN,
    .text = "schemas.ids does not list the schema id, and no schemas.registry is configured",
};
static const struct writer no_id_writer = {
    .state = WRITER_UNKNOWN,
    .text = "the schema id is larger than any registry gives",
};
static const struct writer no_fingerprint_writer = {
    .state = WRITER_UNKNOWN,
    .text = "no schema in schemas.directory has the fingerprint",
};

void catalog_free(struct catalog *catalog)
{
    if (catalog == NULL) {
        return;
    }
    catalog_thread_stop(catalog);
    for (size_t i = 1; i < catalog->asker_count; i++) {
        registry_free(catalog->askers[i].registry);
    }
    registry_free(catalog->registry);
    writers_fini(&catalog->writers);
    for (size_t i = 0; i < catalog->waker_count; i++) {
        close(catalog->wakers[i].fd);
    }
    free(catalog->wakers);
    free(catalog->reader_list);
    free(catalog->reader_of);
    schema_files_fini(&catalog->files);
    pthread_cond_destroy(&catalog->has_work);
    pthread_mutex_destroy(&catalog->lock);
    free(catalog);
}

const struct readers *catalog_readers(const struct catalog *catalog)
{
    return &catalog->readers;
}

static enum err_code unframe_confluent(struct span value, struct frame *out, struct err *err)
{
    const unsigned char *b = (const unsigned char *)value.ptr;

    if (value.len < CONFLUENT_BYTES) {
        return FAIL(err, ERR_DATA, "the value has %zu bytes; Confluent framing alone takes %d",
                    value.len, CONFLUENT_BYTES);
    }
    if (b[0] != 0) {
        return FAIL(err, ERR_DATA,
                    "the value begins with byte 0x%02x; Confluent framing begins with 0x00", b[0]);
    }
    out->key = (uint32_t)b[1] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 8 | b[4];
    out->payload = (struct span){value.ptr + CONFLUENT_BYTES, value.len - CONFLUENT_BYTES};
    return ERR_OK;
}

static enum err_code unframe_single_object(struct span value, struct frame *out, struct err *err)
{
    const unsigned char *b = (const unsigned char *)value.ptr;
    uint64_t key = 0;

    if (value.len < SINGLE_OBJECT_BYTES) {
        return FAIL(err, ERR_DATA, "the value has %zu bytes; single-object framing alone takes %d",
                    value.len, SINGLE_OBJECT_BYTES);
    }
    if (b[0] != 0xc3 || b[1] != 0x01) {
        return FAIL(err, ERR_DATA,
                    "the value begins with bytes 0x%02x 0x%02x; single-object framing begins with "
                    "0xc3 0x01",
                    b[0], b[1]);
    }
    for (size_t i = 0; i < 8; i++) {
        key |= (uint64_t)b[2 + i] << (8 * i);
    }
    out->key = key;
    out->payload = (struct span){value.ptr + SINGLE_OBJECT_BYTES, value.len - SINGLE_OBJECT_BYTES};
    return ERR_OK;
}

enum err_code catalog_unframe(const struct catalog *catalog, struct span value, struct frame *out,
                              struct err *err)
{
    PRE(value.ptr != NULL);

    switch (catalog->config->framing) {
    case FRAMING_CONFLUENT:
        return unframe_confluent(value, out, err);
    case FRAMING_SINGLE_OBJECT:
        return unframe_single_object(value, out, err);
    case FRAMING_RAW:
        break;
    }
    *out = (struct frame){0, value};
    return ERR_OK;
}

/* A key the table does not have and nobody can be asked about. */
static const struct writer *find_hopeless(const struct catalog *catalog, uint64_t key)
{
    if (catalog->config->framing != FRAMING_CONFLUENT) {
        return &no_fingerprint_writer;
    }
    if (catalog->registry == NULL) {
        return &no_registry_writer;
    }
    return key > INT32_MAX ? &no_id_writer : NULL;
}

const struct writer *catalog_writer(struct catalog *catalog, uint64_t key, int wake_fd)
{
    const struct writer *writer;

    pthread_mutex_lock(&catalog->lock);
    writer = writers_find(&catalog->writers, key);
    if (writer == NULL) {
        writer = find_hopeless(catalog, key);
    }
    if (writer == NULL ||
        (writer->state == WRITER_UNKNOWN && find_hopeless(catalog, key) == NULL)) {
        writer = catalog_thread_ask(catalog, key, wake_fd);
    }
    pthread_mutex_unlock(&catalog->lock);
    return writer;
}

void catalog_want(struct catalog *catalog, uint64_t key)
{
    pthread_mutex_lock(&catalog->lock);
    writers_want(&catalog->writers, key, clock_mono_ms());
    pthread_mutex_unlock(&catalog->lock);
}

size_t catalog_answers(struct catalog *catalog, uint64_t *seen, uint64_t keys[CATALOG_ANSWERS],
                       int wake_fd)
{
    size_t count = 0;

    pthread_mutex_lock(&catalog->lock);
    if (catalog->answer_count - *seen > CATALOG_ANSWERS) {
        *seen = catalog->answer_count;
        count = SIZE_MAX;
    }
    while (*seen < catalog->answer_count) {
        keys[count++] = catalog->answers[(*seen)++ % CATALOG_ANSWERS];
    }
    catalog_thread_wake(catalog, wake_fd);
    pthread_mutex_unlock(&catalog->lock);
    return count;
}

enum err_code catalog_register(struct catalog *catalog, struct span subject, struct span json,
                               uint32_t *id, struct err *err)
{
    struct registry *registry;
    enum err_code rc;

    *id = 0;
    if (catalog->registry == NULL) {
        return FAIL(err, ERR_CONFIG, "schemas.registry is not configured: nowhere to register");
    }
    registry = registry_new(&catalog->config->registry,
                            catalog->config->bytes_max); /* the other one is the thread's */
    rc = registry_register(registry, subject, json, id, err);
    registry_free(registry);
    return rc;
}

/* The id that `ids:` gives to the file of @schema. */
static bool find_id(const struct catalog *catalog, const struct schema *schema, uint32_t *id)
{
    for (size_t i = 0; i < catalog->config->id_count; i++) {
        size_t file = 0;

        if (schema_files_find(&catalog->files, catalog->config->ids[i].file, &file) &&
            catalog->files.items[file].schema == schema) {
            *id = catalog->config->ids[i].id;
            return true;
        }
    }
    return false;
}

static enum err_code confluent_id(struct catalog *catalog, const struct schema *schema,
                                  struct span subject, uint32_t *id, struct err *err)
{
    struct buf json;
    enum err_code rc;

    if (find_id(catalog, schema, id)) {
        return ERR_OK;
    }
    if (catalog->registry == NULL) {
        return FAIL(err, ERR_CONFIG,
                    "Confluent framing needs a schema id: list the schema of " SPAN_FMT
                    " in schemas.ids or configure schemas.registry",
                    SPAN_ARG(schema->root->name));
    }
    buf_init(&json, SCHEMA_JSON_BYTES_MAX);
    schema_to_json(schema, &json);
    rc = json.is_overflowed ? FAIL(err, ERR_LIMIT, "the schema is too large to be registered")
                            : catalog_register(catalog, subject, buf_span(&json), id, err);
    buf_fini(&json);
    return rc;
}

enum err_code catalog_frame_header(struct catalog *catalog, size_t reader, struct span subject,
                                   struct buf *out, struct err *err)
{
    PRE(reader < catalog->readers.count);

    const struct schema *schema = catalog->readers.schemas[reader];
    enum err_code rc = ERR_OK;
    uint32_t id = 0;

    switch (catalog->config->framing) {
    case FRAMING_CONFLUENT:
        rc = confluent_id(catalog, schema, subject, &id, err);
        for (int shift = 32; rc == ERR_OK && shift >= 0; shift -= 8) {
            buf_add_char(out, (char)((uint64_t)id >> shift)); /* the first of the five is 0 */
        }
        break;
    case FRAMING_SINGLE_OBJECT:
        buf_add(out, "\xc3\x01", 2);
        for (int shift = 0; shift < 64; shift += 8) {
            buf_add_char(out, (char)(schema->fingerprint >> shift));
        }
        break;
    case FRAMING_RAW:
        break;
    }
    return rc;
}
