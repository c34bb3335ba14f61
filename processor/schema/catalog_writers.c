#include "schema/catalog_writers.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/mem.h"

static const struct writer pending_writer = {
    .state = WRITER_PENDING,
    .text = "the schema registry has not answered yet",
};
static const struct writer crowded_writer = {
    .state = WRITER_INCOMPATIBLE,
    .text = "more than 65536 writer schemas are known; this one is not looked up any more",
};

void writers_init(struct writers *writers, uint64_t seed)
{
    *writers = (struct writers){.rng = {seed}};
}

static void free_writer(struct writer *writer)
{
    if (writer == NULL) {
        return;
    }
    decoder_free((struct decoder *)writer->decoder);
    free((char *)writer->text);
    free((char *)writer->record_name.ptr);
    free(writer);
}

static void free_known(struct known_writer *known)
{
    free_writer(known->writer);
    free_writer(known->retired);
    free(known);
}

void writers_fini(struct writers *writers)
{
    struct known_writer *known;
    struct known_writer *next;

    HASH_ITER(hh, writers->table, known, next)
    {
        HASH_DEL(writers->table, known);
        free_known(known);
    }
    *writers = (struct writers){0};
}

static struct known_writer *find(const struct writers *writers, uint64_t key)
{
    struct known_writer *known = NULL;

    HASH_FIND(hh, writers->table, &key, sizeof(key), known);
    return known;
}

/* Room for one more: an UNKNOWN that nobody can still be holding makes it. */
static bool make_room(struct writers *writers, uint64_t now_ms)
{
    struct known_writer *oldest = writers->unknown;

    if (HASH_COUNT(writers->table) < WRITERS_KNOWN_MAX) {
        return true;
    }
    if (oldest == NULL || now_ms < oldest->forget_ms + WRITERS_FORGET_MS) {
        return false;
    }
    DL_DELETE(writers->unknown, oldest);
    HASH_DEL(writers->table, oldest);
    free_known(oldest);
    return true;
}

static struct known_writer *add(struct writers *writers, uint64_t key)
{
    struct known_writer *known = mem_new(struct known_writer);

    known->key = key;
    HASH_ADD(hh, writers->table, key, sizeof(known->key), known);
    return known;
}

static struct writers_answer refuse(struct writers *writers)
{
    bool is_first = !writers->is_full_said;

    writers->is_full_said = true;
    return (struct writers_answer){&pending_writer, false, is_first};
}

static struct writers_answer enqueue(struct writers *writers, struct known_writer *known)
{
    known->is_pending = true;
    known->failures = 0;
    known->cause = 0;
    known->due_ms = 0;
    DL_APPEND(writers->pending, known);
    writers->pending_count++;
    return (struct writers_answer){&pending_writer, true, false};
}

struct writers_answer writers_ask(struct writers *writers, uint64_t key, uint64_t now_ms)
{
    struct known_writer *known = find(writers, key);
    bool is_full = writers->pending_count >= WRITERS_PENDING_MAX;

    if (known != NULL && known->is_pending) {
        return (struct writers_answer){&pending_writer, false, false};
    }
    if (known != NULL && (known->writer->state != WRITER_UNKNOWN || now_ms < known->forget_ms)) {
        return (struct writers_answer){known->writer, false, false};
    }
    if (is_full) {
        return refuse(writers);
    }
    if (known != NULL) {
        DL_DELETE(writers->unknown, known);
        return enqueue(writers, known);
    }
    if (!make_room(writers, now_ms)) {
        /* ids that nobody knows go again by time; schemas do not */
        return writers->unknown != NULL || writers->pending != NULL
                   ? refuse(writers)
                   : (struct writers_answer){&crowded_writer, false, false};
    }
    return enqueue(writers, add(writers, key));
}

const struct writer *writers_find(const struct writers *writers, uint64_t key)
{
    const struct known_writer *known = find(writers, key);

    return known == NULL || known->is_pending ? NULL : known->writer;
}

/* Takes the decoder; name and text are copied. What was handed out before stays as it was. */
static void set_writer(struct known_writer *known, const struct writer *writer)
{
    struct writer *fresh = mem_new(struct writer);

    *fresh = *writer;
    fresh->text = writer->text == NULL ? NULL : mem_text(span_of(writer->text));
    fresh->record_name.ptr = writer->record_name.ptr == NULL ? NULL : mem_text(writer->record_name);
    free_writer(known->retired); /* handed out more than a minute ago */
    known->retired = known->writer;
    known->writer = fresh;
}

bool writers_put(struct writers *writers, uint64_t key, const struct writer *writer)
{
    if (find(writers, key) != NULL || HASH_COUNT(writers->table) >= WRITERS_KNOWN_MAX) {
        return false;
    }
    set_writer(add(writers, key), writer);
    return true;
}

bool writers_next(struct writers *writers, uint64_t now_ms, uint64_t *key, uint64_t *wait_ms)
{
    uint64_t due_ms = UINT64_MAX;
    struct known_writer *known;

    DL_FOREACH(writers->pending, known)
    {
        uint64_t own_ms = MAX_OF(known->due_ms, writers->due_ms);

        if (!known->is_being_asked && own_ms <= now_ms) {
            known->is_being_asked = true;
            *key = known->key;
            *wait_ms = 0;
            return true;
        }
        due_ms = known->is_being_asked ? due_ms : MIN_OF(due_ms, own_ms);
    }
    *wait_ms = due_ms == UINT64_MAX ? UINT64_MAX : due_ms - now_ms;
    return false;
}

void writers_settle(struct writers *writers, uint64_t key, const struct writer *writer,
                    uint64_t now_ms)
{
    struct known_writer *known = find(writers, key);

    PRE(known != NULL);
    PRE(known->is_pending);
    DL_DELETE(writers->pending, known);
    writers->pending_count--;
    writers->is_full_said = writers->is_full_said && writers->pending_count > 0;
    known->is_pending = known->is_being_asked = false;
    set_writer(known, writer);
    if (writer->state == WRITER_UNKNOWN) {
        known->forget_ms = now_ms + WRITERS_FORGET_MS;
        DL_APPEND(writers->unknown, known);
    }
    writers->failures = 0;
    writers->due_ms = 0;
    writers->failed_ms = 0;
}

static uint64_t draw_wait_ms(struct writers *writers, unsigned failures)
{
    unsigned doublings = MIN_OF(failures - 1, 16U);
    uint64_t bound_ms =
        MIN_OF((uint64_t)WRITERS_BACKOFF_MIN_MS << doublings, (uint64_t)WRITERS_BACKOFF_MAX_MS);

    return 1 + rng_below(&writers->rng, bound_ms);
}

unsigned writers_failed(struct writers *writers, uint64_t key, bool is_everyone, uint64_t now_ms)
{
    struct known_writer *known = find(writers, key);

    PRE(known != NULL);
    PRE(known->is_pending);
    known->is_being_asked = false;
    known->failures++;
    known->due_ms = now_ms + draw_wait_ms(writers, known->failures);
    DL_DELETE(writers->pending, known); /* to the end: the others have their turn first */
    DL_APPEND(writers->pending, known);
    if (is_everyone) {
        writers->failures++;
        writers->due_ms = now_ms + draw_wait_ms(writers, writers->failures);
        writers->failed_ms = writers->failed_ms == 0 ? now_ms : writers->failed_ms;
    }
    return known->failures;
}

bool writers_note_cause(struct writers *writers, uint64_t key, uint64_t cause)
{
    struct known_writer *known = find(writers, key);
    bool is_new;

    PRE(known != NULL);
    PRE(known->is_pending);
    is_new = known->cause != cause;
    known->cause = cause;
    return is_new;
}
