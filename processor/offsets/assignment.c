#include "offsets/assignment.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum { FENCE_AFTER_WAKE_MS = 1000 };

static void check_invariants(const struct assignment *assignment)
{
    INVARIANT(assignment->held_count <= assignment->known_count);
    INVARIANT(assignment->commits.bytes_max <= METADATA_BYTES_MAX);
    INVARIANT(assignment->fence.awake_ms > 0);
}

void assignment_init(struct assignment *assignment, unsigned worker, uint32_t window_max,
                     uint64_t session_ms, uint64_t now_ms)
{
    PRE(window_max > 0);
    PRE(session_ms > 0);

    *assignment = (struct assignment){.worker = worker,
                                      .window_max = window_max,
                                      .commits = {.bytes_max = METADATA_BYTES_MAX},
                                      .fence = {.session_ms = session_ms, .awake_ms = now_ms}};
    check_invariants(assignment);
}

void assignment_fini(struct assignment *assignment)
{
    for (size_t i = 0; i < assignment->known_count; i++) {
        partition_free(assignment->known[i]);
    }
    free(assignment->known);
    free(assignment->held);
    *assignment = (struct assignment){0};
}

void assignment_keep_books(struct assignment *assignment, const struct tally_writer *books)
{
    PRE(assignment->known_count == 0);
    assignment->books = *books;
}

/* partitions */

static void end_writing(struct assignment *assignment, struct source_partition *partition)
{
    if (assignment->books.context != NULL && partition->is_committing) {
        assignment->books.end(assignment->books.context, partition);
    }
}

static struct source_partition *find_in(struct source_partition *const *partitions, size_t count,
                                        const char *topic, int32_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (partitions[i]->partition == number && strcmp(partitions[i]->topic, topic) == 0) {
            return partitions[i];
        }
    }
    return NULL;
}

struct source_partition *assignment_add(struct assignment *assignment, const char *topic,
                                        int32_t number)
{
    struct source_partition *partition =
        find_in(assignment->known, assignment->known_count, topic, number);
    size_t size = sizeof(struct source_partition *);

    if (partition == NULL) {
        partition =
            partition_new(topic, number, assignment->window_max, assignment->books.context != NULL);
        assignment->known = mem_grow(assignment->known, assignment->known_count + 1, size);
        assignment->known[assignment->known_count++] = partition;
    }
    partition_assign(partition, assignment->blocks);
    assignment->held = mem_grow(assignment->held, assignment->held_count + 1, size);
    assignment->held[assignment->held_count++] = partition;
    check_invariants(assignment);
    return partition;
}

void assignment_go(struct assignment *assignment)
{
    assignment->is_going = true;
    assignment->commits.is_refused = false;
    for (size_t i = 0; i < assignment->held_count; i++) {
        assignment->held[i]->is_going = true;
    }
}

void assignment_clear(struct assignment *assignment)
{
    for (size_t i = 0; i < assignment->held_count; i++) {
        end_writing(assignment, assignment->held[i]);
        partition_release(assignment->held[i]);
    }
    assignment->held_count = 0;
    assignment->is_going = false;
    assignment->commits.is_out = false;
    assignment->commits.is_writing = false;
    assignment->commits.is_wanted = false;
    check_invariants(assignment);
}

struct source_partition *assignment_find(const struct assignment *assignment, const char *topic,
                                         int32_t number)
{
    return find_in(assignment->held, assignment->held_count, topic, number);
}

struct source_counts assignment_counts(const struct assignment *assignment)
{
    struct source_counts sum = {0};

    for (size_t i = 0; i < assignment->known_count; i++) {
        const struct source_counts *own = &assignment->known[i]->counts;

        sum.gaps += own->gaps;
        sum.gap_messages += own->gap_messages;
        sum.skipped += own->skipped;
    }
    return sum;
}

/* pausing and time */

static void align_all(struct assignment *assignment, uint64_t now_ms)
{
    for (size_t i = 0; i < assignment->held_count && !assignment->is_going; i++) {
        partition_align(assignment->held[i], now_ms);
    }
}

void assignment_block(struct assignment *assignment, struct source_partition *partition,
                      enum block_reason reason, bool is_on, uint64_t now_ms)
{
    uint32_t bit = 1u << reason;

    PRE(reason < BLOCK_REASON_COUNT);
    if (partition != NULL) {
        partition_block(partition, reason, is_on);
    } else {
        assignment->blocks = is_on ? assignment->blocks | bit : assignment->blocks & ~bit;
        for (size_t i = 0; i < assignment->held_count; i++) {
            partition_block_worker(assignment->held[i], assignment->blocks);
        }
    }
    align_all(assignment, now_ms);
}

void assignment_tick(struct assignment *assignment, uint64_t now_ms)
{
    for (size_t i = 0; i < assignment->held_count && !assignment->is_going; i++) {
        partition_tick(assignment->held[i], now_ms);
    }
    check_invariants(assignment);
}

void assignment_suspect(struct assignment *assignment, uint64_t now_ms)
{
    for (size_t i = 0; i < assignment->held_count; i++) {
        partition_suspect(assignment->held[i], now_ms);
    }
}

/* the fence */

static bool has_slept(const struct fence *fence, uint64_t now_ms)
{
    return now_ms > fence->awake_ms && now_ms - fence->awake_ms >= fence->session_ms * 8 / 10;
}

void assignment_awake(struct assignment *assignment, uint64_t now_ms)
{
    struct fence *fence = &assignment->fence;

    if (now_ms <= fence->awake_ms) {
        return;
    }
    if (has_slept(fence, now_ms)) {
        fence->until_ms = now_ms + FENCE_AFTER_WAKE_MS;
        LOG_WARN("source.slept", "worker=%u slept_ms=%" PRIu64 " session_ms=%" PRIu64,
                 assignment->worker, now_ms - fence->awake_ms, fence->session_ms);
    }
    fence->awake_ms = now_ms;
}

bool assignment_is_fenced(const struct assignment *assignment, uint64_t now_ms)
{
    return now_ms < assignment->fence.until_ms || has_slept(&assignment->fence, now_ms);
}

/* commits */

static bool is_anything_due(const struct assignment *assignment, bool is_final)
{
    for (size_t i = 0; i < assignment->held_count; i++) {
        if (partition_is_commit_due(assignment->held[i], is_final)) {
            return true;
        }
    }
    return false;
}

/* Nothing waits for the ledger any more, as its partitions went: whether it takes records again is
 * seen at the next commit, for which there must be events. */
static void forgive_ledger(struct assignment *assignment, uint64_t now_ms)
{
    if ((assignment->blocks >> BLOCK_LEDGER & 1u) != 0) {
        assignment->commits.unwritten_ms = 0;
        assignment_block(assignment, NULL, BLOCK_LEDGER, false, now_ms);
    }
}

bool assignment_commit_due(struct assignment *assignment, uint64_t now_ms, bool is_now)
{
    struct commits *commits = &assignment->commits;

    commits->is_wanted |= is_now;
    if (commits->is_out || (!commits->is_wanted && now_ms < commits->sent_ms + COMMIT_EVERY_MS)) {
        return false;
    }
    if (!is_anything_due(assignment, false)) {
        commits->is_wanted = false;
        forgive_ledger(assignment, now_ms);
        return false;
    }
    return true;
}

bool assignment_commit_due_finally(const struct assignment *assignment, uint64_t now_ms)
{
    const struct commits *commits = &assignment->commits;

    return !commits->is_out && !commits->is_refused &&
           (commits->failures == 0 || now_ms >= commits->sent_ms + COMMIT_AGAIN_MS) &&
           is_anything_due(assignment, true);
}

bool assignment_has_uncommitted(const struct assignment *assignment)
{
    return assignment->commits.is_out || is_anything_due(assignment, true);
}

uintptr_t assignment_commit_begin(struct assignment *assignment, uint64_t now_ms)
{
    struct commits *commits = &assignment->commits;

    PRE(!commits->is_out);
    commits->sent_ms = now_ms;
    commits->is_wanted = false;
    commits->is_out = true;
    return ++commits->sequence;
}

/* the ledger */

/* It has taken something again, or not for a while: then nothing more is begun. */
static void tell_ledger(struct assignment *assignment, bool is_taking, uint64_t now_ms)
{
    struct commits *commits = &assignment->commits;
    bool was_late = (assignment->blocks >> BLOCK_LEDGER & 1u) != 0;

    if (is_taking) {
        commits->unwritten_ms = 0;
    } else if (commits->unwritten_ms == 0) {
        commits->unwritten_ms = now_ms;
    }
    if (is_taking && was_late) {
        assignment_block(assignment, NULL, BLOCK_LEDGER, false, now_ms);
        LOG_INFO("ledger.written", "worker=%u", assignment->worker);
    } else if (!is_taking && !was_late && now_ms >= commits->unwritten_ms + LEDGER_PATIENCE_MS) {
        assignment_block(assignment, NULL, BLOCK_LEDGER, true, now_ms);
        LOG_WARN("ledger.unwritable", "worker=%u next=%s", assignment->worker,
                 LOG_Q("nothing is committed, and no more events are taken, until the ledger's "
                       "topic takes records: see the lines about it"));
    }
}

void assignment_commit_write(struct assignment *assignment, uint64_t now_ms)
{
    const struct tally_writer *books = &assignment->books;

    PRE(assignment->commits.is_out);
    if (books->context == NULL) {
        return;
    }
    for (size_t i = 0; i < assignment->held_count; i++) {
        if (assignment->held[i]->is_committing) {
            books->write(books->context, assignment->held[i]);
        }
    }
    assignment->commits.is_writing = true;
    assignment->commits.sent_ms = now_ms;
}

bool assignment_commit_is_written(struct assignment *assignment, uint64_t now_ms)
{
    const struct tally_writer *books = &assignment->books;
    bool has_failed = false;

    if (!assignment->commits.is_writing) {
        return true;
    }
    for (size_t i = 0; i < assignment->held_count; i++) {
        if (assignment->held[i]->is_committing &&
            books->state(books->context, assignment->held[i]) == TALLY_WRITING) {
            tell_ledger(assignment, false, now_ms);
            return false;
        }
    }
    for (size_t i = 0; i < assignment->held_count; i++) {
        struct source_partition *partition = assignment->held[i];

        if (partition->is_committing && books->state(books->context, partition) == TALLY_FAILED) {
            has_failed = true;
            end_writing(assignment, partition);
            partition_commit_failed(partition, false);
        }
    }
    assignment->commits.is_writing = false;
    tell_ledger(assignment, !has_failed, now_ms);
    return true;
}

/* answers */

bool assignment_commit_answered(struct assignment *assignment, uintptr_t sequence)
{
    struct commits *commits = &assignment->commits;

    if (sequence != commits->sequence || !commits->is_out) {
        return false;
    }
    commits->is_out = false;
    return true;
}

static void halve(struct assignment *assignment)
{
    struct commits *commits = &assignment->commits;

    commits->is_wanted = true;
    commits->bytes_max /= 2;
    LOG_WARN("source.metadata_too_large", "worker=%u bytes_max=%zu next=%s", assignment->worker,
             commits->bytes_max,
             LOG_Q("less is kept in commits, so a restart may send more events again; raise "
                   "the brokers' offset.metadata.max.bytes to 4096"));
}

bool assignment_commit_take(struct assignment *assignment, struct source_partition *partition,
                            int64_t offset, enum commit_result result)
{
    struct commits *commits = &assignment->commits;

    PRE(!commits->is_out);
    if (!partition->is_committing) {
        return false;
    }
    end_writing(assignment, partition);
    if (result == COMMIT_DONE) {
        partition_commit_done(partition, offset);
        commits->failures = 0;
        return false;
    }
    partition_commit_failed(partition, result == COMMIT_TOO_LARGE);
    if (result == COMMIT_TOO_LARGE) {
        halve(assignment);
        return false;
    }
    commits->is_refused = result == COMMIT_REFUSED;
    commits->failures++;
    return true;
}

bool assignment_commit_end(struct assignment *assignment)
{
    bool is_failed = false;

    PRE(!assignment->commits.is_out);
    for (size_t i = 0; i < assignment->held_count; i++) {
        if (assignment->held[i]->is_committing) {
            end_writing(assignment, assignment->held[i]);
            partition_commit_failed(assignment->held[i], false);
            assignment->commits.failures++;
            is_failed = true;
        }
    }
    if (assignment->books.context != NULL) {
        assignment->books.tidy(assignment->books.context, assignment);
    }
    check_invariants(assignment);
    return is_failed;
}
