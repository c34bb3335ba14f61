#include "trial/generator.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "event/event_view.h"
#include "schema/path.h"
#include "trial/faker.h"

enum {
    ARENA_BYTES_MAX = 8 << 20,
    RECORD_BYTES_MAX = 4 << 20,
    TYPES_MAX = 256,
    WRITER_WAIT_MS = 5000,
    ID_BYTES = 40,
};

/* One reader schema to write events of. */
struct maker {
    size_t reader;
    const struct type *type;
    struct buf header;        /* framing */
    struct span record_name;  /* without its namespace */
    const struct span *types; /* event types to draw from; borrowed from the generator or schema */
    size_t type_count;
};

struct generator {
    const struct config *config;
    struct catalog *catalog;
    struct generator_options options;
    struct field_hints hints;
    struct maker *makers; /* owned */
    size_t maker_count;
    struct span types[TYPES_MAX];
    size_t type_count;
    struct arena arena;
    struct arena check_arena;
    struct buf value;
    uint64_t next;
    uint64_t bad_turn; /* kinds take turns */
    bool is_asked;     /* some event had a field about consent */
    char event_id[ID_BYTES];
    struct session session;
};

static void add_type(struct generator *generator, struct span type)
{
    for (size_t i = 0; i < generator->type_count; i++) {
        if (span_eq(generator->types[i], type)) {
            return;
        }
    }
    if (generator->type_count < TYPES_MAX) {
        generator->types[generator->type_count++] = type;
    }
}

/* The names the configuration knows, in its order; else a shop's. */
static void list_types(struct generator *generator)
{
    const struct config *config = generator->config;
    bool has_own;

    for (size_t i = 0; i < config->destination_count; i++) {
        for (size_t j = 0; j < config->destinations[i].event_count; j++) {
            add_type(generator, config->destinations[i].events[j].name);
        }
    }
    has_own = generator->type_count > 0;
    for (size_t i = 0; i < session_type_count && !has_own; i++) {
        add_type(generator, span_of(session_types[i]));
    }
}

/* An enum names the event types itself, {record: name} takes the record's. */
static void find_types(struct generator *generator, struct maker *maker)
{
    const struct readers *readers = catalog_readers(generator->catalog);
    struct path *path = NULL;
    const struct type *type = NULL;

    maker->types = generator->types;
    maker->type_count = generator->type_count;
    if (generator->config->event.is_type_record_name) {
        maker->record_name = event_short_name(maker->type->name);
        maker->types = &maker->record_name;
        maker->type_count = 1;
        return;
    }
    if (path_compile(readers, generator->config->event.type, &path, NULL) == ERR_OK) {
        type = path_type(path, maker->reader);
    }
    if (type != NULL && type->kind == TYPE_ENUM) {
        maker->types = type->symbols;
        maker->type_count = type->symbol_count;
    }
    path_free(path);
}

static enum err_code open_maker(struct generator *generator, size_t reader, struct err *err)
{
    const struct schema *schema = catalog_readers(generator->catalog)->schemas[reader];
    struct maker *maker = &generator->makers[generator->maker_count++];
    char *subject = mem_format(SPAN_FMT "-value", SPAN_ARG(generator->options.topic));
    enum err_code rc;

    maker->reader = reader;
    maker->type = schema->root;
    buf_init(&maker->header, 64);
    find_types(generator, maker);
    rc = catalog_frame_header(generator->catalog, reader, span_of(subject), &maker->header, err);
    free(subject);
    return rc;
}

enum err_code generator_open(const struct config *config, struct catalog *catalog,
                             const struct generator_options *options, struct generator **out,
                             struct err *err)
{
    const struct readers *readers = catalog_readers(catalog);
    struct generator *generator = mem_new(struct generator);
    enum err_code rc = ERR_OK;

    generator->config = config;
    generator->catalog = catalog;
    generator->options = *options;
    generator->next = options->start_index;
    field_hints_init(&generator->hints, config);
    generator->makers = mem_array(readers->count, struct maker);
    arena_init(&generator->arena, ARENA_BYTES_MAX);
    arena_init(&generator->check_arena, ARENA_BYTES_MAX);
    buf_init(&generator->value, RECORD_BYTES_MAX);
    list_types(generator);
    for (size_t i = 0; i < readers->count && rc == ERR_OK; i++) {
        if (options->schema.ptr == NULL ||
            span_eq(readers->schemas[i]->root->name, options->schema)) {
            rc = open_maker(generator, i, err);
        }
    }
    if (rc == ERR_OK && generator->maker_count == 0) {
        rc =
            FAIL(err, ERR_CONFIG, "no reader schema is named " SPAN_FMT, SPAN_ARG(options->schema));
    }
    if (rc != ERR_OK) {
        generator_close(generator);
        return rc;
    }
    *out = generator;
    return ERR_OK;
}

void generator_close(struct generator *generator)
{
    if (generator == NULL) {
        return;
    }
    for (size_t i = 0; i < generator->maker_count; i++) {
        buf_fini(&generator->makers[i].header);
    }
    free(generator->makers);
    field_hints_fini(&generator->hints);
    arena_fini(&generator->arena);
    arena_fini(&generator->check_arena);
    buf_fini(&generator->value);
    free(generator);
}

bool generator_knows_consent(const struct generator *generator)
{
    return generator->is_asked;
}

void generator_event_id(uint64_t seed, uint64_t index, char out[ID_BYTES])
{
    snprintf(out, ID_BYTES, "evt-%08llx-%llu", (unsigned long long)(seed & 0xffffffff),
             (unsigned long long)index);
}

bool generator_event_index(uint64_t seed, struct span event_id, uint64_t *index)
{
    char want[ID_BYTES];
    size_t dash = 12; /* behind evt- and eight digits */
    int64_t number;

    if (event_id.len <= dash + 1 ||
        !span_to_i64(span_sub(event_id, dash + 1, event_id.len), &number) || number < 0) {
        return false;
    }
    generator_event_id(seed, (uint64_t)number, want);
    *index = (uint64_t)number;
    return span_is(event_id, want);
}

/* Does the configuration's own decoder take these bytes? A registry that has not answered yet is
 * waited for. */
static bool decodes(struct generator *generator, struct span value)
{
    const struct writer *writer = NULL;
    struct value root;
    struct frame frame;
    bool is_good;

    if (value.ptr == NULL || catalog_unframe(generator->catalog, value, &frame, NULL) != ERR_OK) {
        return false;
    }
    for (int waited_ms = 0; waited_ms < WRITER_WAIT_MS; waited_ms += 10) {
        writer = catalog_writer(generator->catalog, frame.key, -1);
        if (writer->state != WRITER_PENDING) {
            break;
        }
        poll(NULL, 0, 10);
    }
    if (writer == NULL || writer->state != WRITER_READY) {
        return false;
    }
    is_good =
        decoder_run(writer->decoder, frame.payload, &generator->check_arena, &root, NULL) == ERR_OK;
    arena_reset(&generator->check_arena);
    return is_good;
}

/* The next kind this schema can be corrupted in, checked; truncated always works in the end. */
static enum bad_kind corrupt_next(struct generator *generator, const struct maker *maker,
                                  const struct value *root, struct rng *rng)
{
    struct corrupt corrupt = {
        .framing = generator->config->schemas.framing,
        .header = buf_span(&maker->header),
        .type = maker->type,
        .root = root,
        .arena = &generator->arena,
        .huge_bytes = generator->options.huge_bytes,
    };

    for (int tries = 0; tries < BAD_KIND_COUNT; tries++) {
        enum bad_kind kind = (enum bad_kind)(1 + generator->bad_turn++ % (BAD_KIND_COUNT - 1));

        if (corrupt_write(&corrupt, kind, rng, &generator->value) &&
            !generator->value.is_overflowed &&
            (kind == BAD_NULL || !decodes(generator, buf_span(&generator->value)))) {
            return kind;
        }
    }
    return BAD_NULL;
}

static struct rng rng_for(const struct generator *generator, uint64_t index)
{
    struct rng mixed = {.state = generator->options.seed ^ (index * 0xd1342543de82ef95u)};

    return (struct rng){.state = rng_next(&mixed)};
}

static void describe(struct generator *generator, struct generated *out, uint64_t index,
                     const struct maker *maker)
{
    *out = (struct generated){
        .index = index,
        .key = span_of(generator->session.external_id),
        .event_type = generator->session.type,
        .event_id = span_of(generator->event_id),
        .type = maker->type,
    };
}

static struct span text_of(struct buf *buf)
{
    struct span bytes = buf_span(buf);

    return bytes.ptr == NULL ? SPAN("") : bytes;
}

enum err_code generator_next(struct generator *generator, int64_t now_ms, struct generated *out,
                             struct err *err)
{
    uint64_t index = generator->next++;
    const struct maker *maker = &generator->makers[index % generator->maker_count];
    struct rng rng = rng_for(generator, index);
    bool is_bad = rng_unit(&rng) < generator->options.bad;
    bool has_consent = rng_unit(&rng) >= generator->options.no_consent;
    struct span type = maker->types[zipf_draw(&rng, maker->type_count)];
    struct session *session = &generator->session;
    struct value *root;
    enum err_code rc;

    arena_reset(&generator->arena);
    buf_clear(&generator->value);
    generator_event_id(generator->options.seed, index, generator->event_id);
    session_draw(session, rng, type);
    session_set_event(session, span_of(generator->event_id), index, now_ms);
    session->has_consent = has_consent;
    root = arena_alloc(&generator->arena, sizeof(*root));
    INVARIANT(root != NULL);
    rc = faker_value(&generator->hints, session, &generator->arena, maker->type, root, err);
    if (rc != ERR_OK) {
        return rc;
    }
    describe(generator, out, index, maker);
    out->has_consent = has_consent || !session->was_asked;
    generator->is_asked = generator->is_asked || session->was_asked;
    out->root = root;
    if (is_bad) {
        out->bad = corrupt_next(generator, maker, root, &rng);
    } else {
        buf_add_span(&generator->value, buf_span(&maker->header));
        value_encode(root, maker->type, &generator->value);
    }
    if (generator->value.is_overflowed) {
        return FAIL(err, ERR_LIMIT, "an event of this schema has more than %d bytes",
                    RECORD_BYTES_MAX);
    }
    out->value = out->bad == BAD_NULL ? SPAN_NONE : text_of(&generator->value);
    return ERR_OK;
}
