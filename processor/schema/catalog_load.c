#include "schema/catalog.h"

#include <stdlib.h>

#include "base/mem.h"
#include "schema/catalog_inside.h"

enum { NAMES_BYTES_MAX = 2048 };

static bool is_record(const struct schema_file *file)
{
    return file->schema != NULL && file->schema->root->kind == TYPE_RECORD;
}

/* A reader is named by its record, or by its file when several files define that record. */
static bool is_named(const struct schema_file *file, struct span name)
{
    return is_record(file) &&
           (span_eq(file->schema->root->name, name) || span_is(name, schema_file_name(file)));
}

/* "com.example.A (a.avsc), com.example.B (b.avsc)" of the records in the directory. */
static void list_records(const struct catalog *catalog, struct span name, struct buf *out)
{
    buf_init(out, NAMES_BYTES_MAX);
    for (size_t i = 0; i < catalog->files.directory_count; i++) {
        const struct schema_file *file = &catalog->files.items[i];

        if (is_record(file) && (name.ptr == NULL || is_named(file, name))) {
            buf_printf(out, "%s" SPAN_FMT " (%s)", out->len > 0 ? ", " : "",
                       SPAN_ARG(file->schema->root->name), schema_file_name(file));
        }
    }
}

static size_t count_named(const struct catalog *catalog, struct span name, size_t *last)
{
    size_t count = 0;

    for (size_t i = 0; i < catalog->files.directory_count; i++) {
        if (is_named(&catalog->files.items[i], name)) {
            *last = i;
            count++;
        }
    }
    return count;
}

/* An invalid file may be the very one that is meant: its own error is enough. */
static bool has_broken_file(const struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->files.directory_count; i++) {
        if (catalog->files.items[i].schema == NULL) {
            return true;
        }
    }
    return catalog->files.directory_count == 0;
}

static void tell_missing(const struct catalog *catalog, struct span name, struct place place,
                         struct diags *diags)
{
    size_t count = catalog->files.directory_count;
    const char **names = mem_array(count + 1, const char *);
    const char *near;
    struct buf list;
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        if (is_record(&catalog->files.items[i])) {
            names[used++] = mem_text(catalog->files.items[i].schema->root->name);
        }
    }
    near = suggest(name, names, used);
    list_records(catalog, SPAN_NONE, &list);
    diag_error(diags, place, "no record '" SPAN_FMT "' in schemas.directory%s; there are: %s",
               SPAN_ARG(name), did_you_mean(near).text, list.len == 0 ? "none" : buf_text(&list));
    for (size_t i = 0; i < used; i++) {
        free((char *)names[i]);
    }
    free(names);
    buf_fini(&list);
}

/* The index in readers of the schema called @name, added when it is new there. */
static bool add_reader(struct catalog *catalog, struct span name, struct place place,
                       struct diags *diags, size_t *index)
{
    size_t file = 0;
    size_t found = count_named(catalog, name, &file);
    struct buf list;

    if (found > 1) {
        list_records(catalog, name, &list);
        diag_error(diags, place, "several files define '" SPAN_FMT "': %s; name the file",
                   SPAN_ARG(name), buf_text(&list));
        buf_fini(&list);
        return false;
    }
    if (found == 0) {
        if (!has_broken_file(catalog)) {
            tell_missing(catalog, name, place, diags);
        }
        return false;
    }
    if (schema_file_unfit(&catalog->files.items[file], diags)) {
        return false;
    }
    for (size_t i = 0; i < catalog->readers.count; i++) {
        if (catalog->reader_list[i] == catalog->files.items[file].schema) {
            *index = i;
            return true;
        }
    }
    *index = catalog->readers.count++;
    catalog->reader_list[*index] = catalog->files.items[file].schema;
    return true;
}

/* Neither reader: nor a map: the only schema there is. */
static void take_only_reader(struct catalog *catalog, struct diags *diags)
{
    size_t count = catalog->files.directory_count;
    struct buf list;

    if (has_broken_file(catalog)) {
        return;
    }
    if (count == 1 && is_record(&catalog->files.items[0])) {
        if (schema_file_unfit(&catalog->files.items[0], diags)) {
            return;
        }
        catalog->reader_list[0] = catalog->files.items[0].schema;
        catalog->readers.count = 1;
        return;
    }
    list_records(catalog, SPAN_NONE, &list);
    diag_error(diags, catalog->config->directory_place,
               "schemas.reader is not set and schemas.directory does not hold just one record; set "
               "it to one of: %s",
               list.len == 0 ? "none (no file defines a record)" : buf_text(&list));
    buf_fini(&list);
}

static void find_readers(struct catalog *catalog, struct diags *diags)
{
    const struct config_schemas *config = catalog->config;
    size_t index = 0;

    catalog->reader_list = mem_array(config->reader_count + 1, const struct schema *);
    catalog->reader_of = mem_array(config->reader_count + 1, size_t);
    if (config->reader_count > 0) {
        for (size_t i = 0; i < config->reader_count; i++) {
            bool is_found = add_reader(catalog, config->readers[i].value, config->readers[i].place,
                                       diags, &catalog->reader_of[i]);

            catalog->is_incomplete = catalog->is_incomplete || !is_found;
        }
    } else if (config->reader.ptr != NULL) {
        catalog->is_incomplete =
            !add_reader(catalog, config->reader, config->reader_place, diags, &index);
    } else {
        take_only_reader(catalog, diags);
        catalog->is_incomplete = catalog->readers.count == 0;
    }
    catalog->readers.schemas = catalog->reader_list;
}

/* Which reader takes a writer with this top-level record; false when none does. */
static bool choose_reader(const struct catalog *catalog, const struct type *root, uint32_t *reader,
                          struct err *err)
{
    const struct config_schemas *config = catalog->config;

    *reader = 0;
    if (config->reader_count == 0) {
        return true;
    }
    if (root->kind != TYPE_RECORD) {
        FAIL(err, ERR_DATA, "the writer's schema is a %s; schemas.reader maps records by name",
             type_word(root->kind));
        return false;
    }
    for (size_t i = 0; i < config->reader_count; i++) {
        if (span_eq(config->readers[i].name, root->name)) {
            *reader = (uint32_t)catalog->reader_of[i];
            return true;
        }
    }
    FAIL(err, ERR_DATA, "schemas.reader has no entry for the writer's record '%.*s'",
         (int)MIN_OF(root->name.len, (size_t)200), root->name.ptr);
    return false;
}

void catalog_resolve(const struct catalog *catalog, const struct schema *schema, struct writer *out,
                     struct err *err)
{
    struct decoder *decoder = NULL;
    struct schema writer = *schema;
    struct type root = *schema->root;

    *out = (struct writer){.state = WRITER_INCOMPATIBLE};
    out->record_name = root.kind == TYPE_RECORD ? root.name : SPAN_NONE;
    err_clear(err);
    if (choose_reader(catalog, &root, &out->reader, err)) {
        const struct schema *reader = catalog->readers.schemas[out->reader];

        /* the one relaxation of Avro's rules: the top-level record may be called otherwise */
        if (root.kind == TYPE_RECORD) {
            root.name = reader->root->name;
            writer.root = &root;
        }
        if (decoder_compile(&writer, reader, &decoder, err) == ERR_OK) {
            out->state = WRITER_READY;
            out->decoder = decoder;
        }
    }
    out->text = out->state == WRITER_READY ? NULL : err->text;
}

static void put_ids(struct catalog *catalog, struct diags *diags)
{
    const struct config_schemas *config = catalog->config;

    for (size_t i = 0; i < config->id_count; i++) {
        const struct schema_id *id = &config->ids[i];
        struct writer writer;
        struct err err;
        size_t file;

        if (!schema_files_get(&catalog->files, id->file, id->place, diags, &file) ||
            catalog->is_incomplete) {
            continue;
        }
        catalog_resolve(catalog, catalog->files.items[file].schema, &writer, &err);
        if (writer.state != WRITER_READY) {
            diag_error(diags, id->place, "schemas.ids: %s cannot be read with the reader: %s",
                       schema_file_name(&catalog->files.items[file]), err.text);
        } else if (!writers_put(&catalog->writers, id->id, &writer)) {
            diag_error(diags, id->place, "schemas.ids: %u is listed twice, or more than %d ids are",
                       id->id, (int)WRITERS_KNOWN_MAX);
            decoder_free((struct decoder *)writer.decoder);
        }
    }
}

/* Every schema of the directory by its fingerprint. Those no reader takes are known as such. */
static void put_fingerprints(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->files.directory_count && !catalog->is_incomplete; i++) {
        const struct schema *schema = catalog->files.items[i].schema;
        struct writer writer;
        struct err err;

        if (schema == NULL) {
            continue;
        }
        catalog_resolve(catalog, schema, &writer, &err);
        if (!writers_put(&catalog->writers, schema->fingerprint, &writer)) {
            decoder_free((struct decoder *)writer.decoder); /* two files, one schema */
        }
    }
}

static void put_raw(struct catalog *catalog, struct diags *diags)
{
    const struct config_schemas *config = catalog->config;
    struct decoder *decoder = NULL;
    struct writer writer = {.state = WRITER_READY};
    struct err err;

    if (catalog->is_incomplete) {
        return;
    }
    if (catalog->readers.count > 1) {
        diag_error(diags, config->readers[0].place,
                   "schemas.framing: raw says nothing about the schema, so there can be only one "
                   "reader, not %zu",
                   catalog->readers.count);
        return;
    }
    if (decoder_compile(catalog->reader_list[0], catalog->reader_list[0], &decoder, &err) !=
        ERR_OK) {
        diag_error(diags, config->directory_place, "schemas.reader: %s", err.text);
        return;
    }
    writer.record_name = catalog->reader_list[0]->root->name;
    writer.decoder = decoder;
    if (!writers_put(&catalog->writers, 0, &writer)) {
        decoder_free(decoder);
    }
}

static void put_writers(struct catalog *catalog, struct diags *diags)
{
    const struct config_schemas *config = catalog->config;

    if (config->framing != FRAMING_CONFLUENT && config->id_count > 0) {
        diag_warning(diags, config->ids[0].place,
                     "schemas.ids is only used with framing: confluent");
    }
    switch (config->framing) {
    case FRAMING_CONFLUENT:
        put_ids(catalog, diags);
        break;
    case FRAMING_SINGLE_OBJECT:
        put_fingerprints(catalog);
        break;
    case FRAMING_RAW:
        put_raw(catalog, diags);
        break;
    }
}

static void init_locks(struct catalog *catalog)
{
    pthread_condattr_t attributes;
    int failed = pthread_mutex_init(&catalog->lock, NULL);

    failed |= pthread_condattr_init(&attributes);
    failed |= pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    failed |= pthread_cond_init(&catalog->has_work, &attributes);
    pthread_condattr_destroy(&attributes);
    INVARIANT(failed == 0);
}

static struct catalog *load(const struct config *config, struct diags *diags)
{
    struct catalog *catalog = mem_new(struct catalog);

    catalog->config = &config->schemas;
    init_locks(catalog);
    catalog->asker_max =
        MIN_OF(MAX_OF((size_t)config->schemas.registry.requests, (size_t)1), (size_t)ASKERS_MAX);
    writers_init(&catalog->writers, rng_seed(), (unsigned)catalog->asker_max);
    schema_files_load(&catalog->files, config->schemas.directory, config->schemas.bytes_max,
                      config->schemas.directory_place, diags);
    find_readers(catalog, diags);
    put_writers(catalog, diags);
    if (config->schemas.registry.url_count > 0) {
        catalog->registry = registry_new(&config->schemas.registry, config->schemas.bytes_max);
    }
    return catalog;
}

struct catalog *catalog_load(const struct config *config, struct diags *diags)
{
    size_t errors_before = diags->error_count;
    struct catalog *catalog = load(config, diags);

    if (diags->error_count > errors_before) {
        catalog_free(catalog);
        return NULL;
    }
    return catalog;
}

struct catalog *catalog_load_partial(const struct config *config, struct diags *diags)
{
    struct catalog *catalog = load(config, diags);

    if (catalog->readers.count == 0) {
        catalog_free(catalog);
        return NULL;
    }
    return catalog;
}

bool catalog_has_all_readers(const struct catalog *catalog)
{
    return !catalog->is_incomplete;
}
