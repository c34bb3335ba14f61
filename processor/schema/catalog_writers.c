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
    .text = "more than 131072 writer schemas are known; this one is not looked up any more",
};

void writers_init(struct writers *writers, uint64_t seed, unsigned asked_max)
{
    *writers = (struct writers){.rng = {seed}, .asked_max = asked_max};
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

static void join(struct known_writer *known, struct known_writer **list)
{
    INVARIANT(known->list == NULL);
    DL_APPEND(*list, known);
    known->list = list;
}

static void leave(struct known_writer *known)
{
    if (known->list != NULL) {
        DL_DELETE(*known->list, known);
        known->list = NULL;
    }
}

/* Room for one more: an UNKNOWN that nobody can still be holding makes it. */
static bool make_room(struct writers *writers, uint64_t now_ms)
{
    struct known_writer *oldest = writers->unknown;

    if (HASH_COUNT(writers->table) < WRITERS_KNOWN_MAX) {
        return true;
    }
    if (oldest == NULL || now_ms < oldest->settled_ms + WRITERS_KEEP_MS) {
        return false;
    }
    leave(oldest);
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

static struct writers_answer enqueue(struct writers *writers, struct known_writer *known,
                                     uint64_t now_ms)
{
    known->is_pending = true;
    known->due_ms = now_ms;
    join(known, known->is_given_up ? &writers->backoff[0] : &writers->fresh);
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
    if (known != NULL && (known->writer->state != WRITER_UNKNOWN ||
                          now_ms < known->settled_ms + WRITERS_FORGET_MS)) {
        return (struct writers_answer){known->writer, false, false};
    }
    if (is_full) {
        return refuse(writers);
    }
    if (known != NULL) {
        leave(known);
        return enqueue(writers, known, now_ms);
    }
    if (!make_room(writers, now_ms)) {
        /* ids that nobody knows go again by time; schemas do not */
        return writers->unknown != NULL || writers->pending_count > 0
                   ? refuse(writers)
                   : (struct writers_answer){&crowded_writer, false, false};
    }
    return enqueue(writers, add(writers, key), now_ms);
}

/* The newest id that one event waits for makes room; it is asked for when there is some again. */
static void drop_newest(struct writers *writers)
{
    struct known_writer *newest = writers->fresh == NULL ? NULL : writers->fresh->prev;

    if (newest != NULL && newest->writer == NULL) {
        leave(newest);
        writers->pending_count--;
        HASH_DEL(writers->table, newest);
        free_known(newest);
    }
}

void writers_want(struct writers *writers, uint64_t key, uint64_t now_ms)
{
    struct known_writer *known = find(writers, key);

    if (known == NULL && writers->pending_count >= WRITERS_PENDING_MAX) {
        drop_newest(writers);
        (void)writers_ask(writers, key, now_ms);
        known = find(writers, key);
    }
    if (known != NULL && known->list == &writers->fresh) {
        leave(known);
        join(known, &writers->wanted);
    }
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

/* Whose backoff ends first; NULL when nobody is in one. */
static struct known_writer *first_due(const struct writers *writers)
{
    struct known_writer *first = NULL;

    for (size_t i = 0; i < WRITERS_BACKOFF_LEVELS; i++) {
        struct known_writer *head = writers->backoff[i];

        if (head != NULL && (first == NULL || head->due_ms < first->due_ms)) {
            first = head;
        }
    }
    return first;
}

/* When @known may be asked for; UINT64_MAX: not before another answer. While the registry
 * fails there is one request at a time for new ids and one for the others. */
static uint64_t due_of(const struct writers *writers, const struct known_writer *known,
                       bool is_fresh)
{
    bool is_failing = writers->silences > 0 || writers->strain >= WRITERS_STRAINED;
    unsigned asked = is_fresh ? writers->asked_fresh : writers->asked_again;
    uint64_t due_ms = is_fresh ? writers->fresh_due_ms : writers->again_due_ms;

    if (known == NULL || (is_failing && asked > 0)) {
        return UINT64_MAX;
    }
    due_ms = is_failing ? MAX_OF(due_ms, known->due_ms) : known->due_ms;
    return MAX_OF(due_ms, writers->hold_ms);
}

bool writers_next(struct writers *writers, uint64_t now_ms, uint64_t *key, uint64_t *wait_ms)
{
    struct known_writer *fresh = writers->wanted != NULL ? writers->wanted : writers->fresh;
    struct known_writer *again = first_due(writers);
    uint64_t fresh_ms = due_of(writers, fresh, true);
    uint64_t again_ms = due_of(writers, again, false);
    bool is_fresh = fresh_ms <= now_ms && (again_ms > now_ms || !writers->was_fresh);
    struct known_writer *next = is_fresh ? fresh : again;
    uint64_t due_ms = is_fresh ? fresh_ms : MIN_OF(again_ms, fresh_ms);

    *wait_ms = UINT64_MAX;
    if (writers->asked_fresh + writers->asked_again >= writers->asked_max) {
        return false;
    }
    if (due_ms > now_ms) {
        *wait_ms = due_ms == UINT64_MAX ? UINT64_MAX : due_ms - now_ms;
        return false;
    }
    leave(next);
    next->is_being_asked = true;
    writers->was_fresh = is_fresh;
    writers->asked_fresh += is_fresh;
    writers->asked_again += !is_fresh;
    next->was_fresh = is_fresh;
    *key = next->key;
    *wait_ms = 0;
    return true;
}

/* A question has come back. */
static struct known_writer *take_back(struct writers *writers, uint64_t key)
{
    struct known_writer *known = find(writers, key);

    PRE(known != NULL);
    PRE(known->is_being_asked);
    known->is_being_asked = false;
    writers->asked_fresh -= known->was_fresh;
    writers->asked_again -= !known->was_fresh;
    return known;
}

static void set_settled(struct writers *writers, struct known_writer *known,
                        const struct writer *writer, uint64_t now_ms)
{
    known->is_pending = false;
    writers->pending_count--;
    writers->is_full_said = writers->is_full_said && writers->pending_count > 0;
    set_writer(known, writer);
    if (writer->state == WRITER_UNKNOWN) {
        known->settled_ms = now_ms;
        join(known, &writers->unknown);
    }
}

static void note_well(struct writers *writers, uint64_t now_ms)
{
    writers->well_ms = writers->answered_ms = now_ms;
    writers->silences = 0;
    writers->strain = 0;
    writers->failed_ms = 0;
}

void writers_settle(struct writers *writers, uint64_t key, const struct writer *writer,
                    uint64_t now_ms)
{
    struct known_writer *known = take_back(writers, key);

    known->is_given_up = false;
    known->failures = 0;
    known->cause = 0;
    set_settled(writers, known, writer, now_ms);
    note_well(writers, now_ms);
    if (writer->state != WRITER_UNKNOWN) {
        writers->useful_ms = now_ms;
        writers->useful_key = key;
    }
}

bool writers_give_up(struct writers *writers, uint64_t key, const char *text, uint64_t now_ms)
{
    const struct writer writer = {.state = WRITER_UNKNOWN, .text = text};
    struct known_writer *known = find(writers, key);

    PRE(known != NULL);
    if (!known->is_pending || known->is_being_asked) {
        return false;
    }
    leave(known);
    known->is_given_up = true;
    set_settled(writers, known, &writer, now_ms);
    return true;
}

static void note_silence(struct writers *writers, uint64_t now_ms)
{
    unsigned doublings = MIN_OF(writers->silences, 16U);
    uint64_t bound_ms =
        MIN_OF((uint64_t)WRITERS_BACKOFF_MIN_MS << doublings, (uint64_t)WRITERS_SILENT_MAX_MS);

    writers->silences++;
    writers->failed_ms = writers->failed_ms == 0 ? now_ms : writers->failed_ms;
    writers->again_due_ms = now_ms + 1 + rng_below(&writers->rng, bound_ms);
    writers->fresh_due_ms = now_ms + WRITERS_BACKOFF_MIN_MS;
}

static void note_strain(struct writers *writers, uint64_t now_ms)
{
    unsigned beyond;

    writers->strain++;
    if (writers->strain < WRITERS_STRAINED) {
        return;
    }
    beyond = MIN_OF(writers->strain - WRITERS_STRAINED, 16U);
    if (writers->failed_ms == 0 && now_ms - writers->well_ms >= WRITERS_STRAINED_DOWN_MS) {
        writers->failed_ms = now_ms;
    }
    writers->again_due_ms = now_ms + MIN_OF((uint64_t)WRITERS_BACKOFF_MIN_MS << beyond,
                                            (uint64_t)WRITERS_STRAINED_MAX_MS);
    writers->fresh_due_ms = now_ms + WRITERS_BACKOFF_MIN_MS;
}

static void back_off(struct writers *writers, struct known_writer *known, uint64_t now_ms)
{
    size_t level = MIN_OF(MAX_OF(known->failures, 1U), (unsigned)WRITERS_BACKOFF_LEVELS) - 1;

    known->due_ms = now_ms + ((uint64_t)WRITERS_BACKOFF_MIN_MS << level);
    join(known, &writers->backoff[level]);
}

/* A bad answer, about this id as far as anybody can tell. */
static void note_failure(struct writers *writers, struct known_writer *known,
                         const struct registry_failure *failure, uint64_t now_ms)
{
    if (known->failures++ == 0) {
        known->first_failed_ms = now_ms;
    }
    if (failure->kind == REGISTRY_NO_ANSWER) {
        return;
    }
    writers->answered_ms = now_ms;
    writers->silences = 0;
    note_strain(writers, now_ms);
}

struct writers_failure writers_failed(struct writers *writers, uint64_t key,
                                      const struct registry_failure *failure, uint64_t asked_ms,
                                      uint64_t give_up_ms, uint64_t now_ms)
{
    struct known_writer *known = take_back(writers, key);
    struct writers_failure out = {.is_silence = failure->kind == REGISTRY_NO_ANSWER &&
                                                writers->answered_ms <= asked_ms,
                                  .is_new = known->cause != failure->cause};
    uint64_t limit_ms = failure->kind == REGISTRY_REFUSED
                            ? MIN_OF(give_up_ms, (uint64_t)WRITERS_REFUSED_MS)
                            : give_up_ms;

    known->cause = failure->cause;
    if (out.is_silence) {
        note_silence(writers, now_ms);
    } else if (failure->kind == REGISTRY_BUSY) { /* it is about us, not about the id */
        writers->answered_ms = now_ms;
        writers->hold_ms =
            now_ms + MIN_OF(MAX_OF(failure->retry_after_ms, (uint64_t)WRITERS_BACKOFF_MIN_MS),
                            (uint64_t)WRITERS_HOLD_MAX_MS);
    } else {
        note_failure(writers, known, failure, now_ms);
        out.is_overdue = known->is_given_up || (known->failures >= WRITERS_REFUSED_TIMES &&
                                                now_ms - known->first_failed_ms >= limit_ms);
    }
    back_off(writers, known, now_ms);
    return out;
}

void writers_other_request(struct writers *writers, bool is_answered, uint64_t now_ms)
{
    if (is_answered) {
        note_well(writers, now_ms);
    } else {
        note_silence(writers, now_ms);
    }
}
