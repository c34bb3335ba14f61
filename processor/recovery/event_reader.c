#include "recovery/event_reader.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "event/utm_original.h"
#include "recovery/original.h"

enum { MEMORY_BYTES_MAX = 16 * 1024 * 1024, ASK_AGAIN_MS = 10, PATIENCE_MS = 2000 };

struct event_reader {
    struct pipeline *pipeline; /* borrowed */
    struct arena arena;
    uint64_t wait_ms; /* for the registry */
    bool is_started;  /* it is asked */
};

enum err_code event_reader_open(struct pipeline *pipeline, struct event_reader **out,
                                struct err *err)
{
    struct event_reader *reader = mem_new(struct event_reader);

    (void)err;
    reader->pipeline = pipeline;
    reader->wait_ms = pipeline->config->schemas.registry.timeout_ms + PATIENCE_MS;
    arena_init(&reader->arena, MEMORY_BYTES_MAX);
    *out = reader;
    return ERR_OK;
}

void event_reader_close(struct event_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    arena_fini(&reader->arena);
    free(reader);
}

/* The registry is asked by threads of the catalog; here somebody waits for the answer. */
static const struct writer *wait_for_writer(struct event_reader *reader, uint64_t key)
{
    const struct timespec pause = {.tv_nsec = ASK_AGAIN_MS * 1000000L};
    uint64_t until_ms = clock_mono_ms() + reader->wait_ms;
    const struct writer *writer = catalog_writer(reader->pipeline->catalog, key, -1);

    while (writer->state == WRITER_PENDING && clock_mono_ms() < until_ms) {
        (void)nanosleep(&pause, NULL);
        writer = catalog_writer(reader->pipeline->catalog, key, -1);
    }
    return writer;
}

static enum err_code find_writer(struct event_reader *reader, struct span value,
                                 struct frame *frame, const struct writer **out, struct err *err)
{
    enum err_code rc = catalog_unframe(reader->pipeline->catalog, value, frame, err);

    if (rc != ERR_OK) {
        return rc;
    }
    *out = wait_for_writer(reader, frame->key);
    switch ((*out)->state) {
    case WRITER_READY:
        return ERR_OK;
    case WRITER_PENDING:
        return FAIL(err, ERR_NET, "the schema registry has not answered for id %llu",
                    (unsigned long long)frame->key);
    case WRITER_UNKNOWN:
    case WRITER_INCOMPATIBLE:
        break;
    }
    return FAIL(err, ERR_DATA, "schema %llu: %s", (unsigned long long)frame->key,
                (*out)->text == NULL ? "unknown" : (*out)->text);
}

enum err_code event_reader_read(struct event_reader *reader, const struct message_view *view,
                                struct span value, struct read_event *out, struct err *err)
{
    const struct writer *writer = NULL;
    struct frame frame;
    enum reason reason = REASON_NONE;
    enum err_code rc;

    *out = (struct read_event){.decoded = {.message = *view}, .original = value};
    arena_reset(&reader->arena);
    if (value.ptr == NULL) {
        return FAIL(err, ERR_DATA, "the record has no value");
    }
    if (original_is_utm_topic(reader->pipeline->config, view->topic)) {
        out->original = utm_original(value);
        if (out->original.ptr == NULL) {
            return FAIL(err, ERR_DATA, "the value is no UTM record");
        }
    }
    out->decoded.message.value = out->original;
    if (!reader->is_started) {
        rc = catalog_start(reader->pipeline->catalog, err);
        if (rc != ERR_OK) {
            return rc;
        }
        reader->is_started = true;
    }
    rc = find_writer(reader, out->original, &frame, &writer, err);
    if (rc != ERR_OK) {
        return rc;
    }
    rc = view_decode(reader->pipeline,
                     &(struct view_source){.writer = writer,
                                           .payload = frame.payload,
                                           .wall_ms = clock_wall_ms(),
                                           .arena = &reader->arena},
                     &out->decoded, &reason, err);
    out->has_value = rc == ERR_OK || reason == REASON_CONTRACT;
    out->has_facts = rc == ERR_OK;
    out->type = reader->pipeline->readers->schemas[writer->reader]->root;
    out->record_name = writer->record_name;
    return rc;
}
