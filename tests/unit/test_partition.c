/* One partition of the source without Kafka: what is taken, settled and committed, how its log is
 * recognised, which gaps there are, what is paused and read again. Each row is a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "offsets/partition.h"

enum act {
    END,
    ASSIGN,
    PLACE,   /* a: committed offset; with the metadata of the last COMMIT */
    BARE,    /* a: committed offset; without metadata */
    FRESH,   /* a: offset, of a log that holds 0..b-1 */
    KNOWN,   /* want: 1 when it is known from an earlier assignment */
    RELEASE, /* revoked */
    TAKE,    /* a: offset, b: of which log; want: 1 new work, 0 not */
    SETTLE,  /* a: offset, of the epoch now */
    LATE,    /* a: offset, of the epoch before */
    EOL,     /* a: the log's end; want: 1 when that counts */
    BOUNDS,  /* the log holds a..b-1 */
    NO_BOUNDS,
    REFUSED,  /* the broker has no such offset */
    UNSOUGHT, /* the client refuses the seek; a: 1 because it has stopped, 0: no answer came */
    SUSPECT,
    HEARD,  /* a: the high watermark */
    BLOCK,  /* a: reason */
    FREE,   /* a: reason */
    WORKER, /* a: blocks of the whole worker */
    BROKEN, /* a: reason; it cannot be read */
    READ,   /* it can */
    PASS,   /* a: ms */
    COMMIT, /* want: the offset committed, NOTHING: none is due; a: 1 as the last */
    DONE,   /* the commit was taken */
    FAILED, /* a: 1 because its metadata is too large */
    /* looking */
    ACTS,     /* want: the actions due, which are then done */
    AT,       /* want: where the client is to fetch */
    POSITION, /* want */
    COMMITTED,
    STATE,
    LOOKS,  /* want: 1 when the bounds are to be asked for */
    BLAMED, /* want: 1 when the broker is said to have refused an offset */
    BLOCKS, /* want: bit set */
    GAPS,   /* want: gaps; a: messages that are missing */
    SKIPPED,
    NOTED, /* want: bytes of the last commit's metadata, 0: none, 1: some */
};

enum { STEPS_MAX = 40, WINDOW = 4, NOTHING = -1, ACTIONS_ALL = 15 };

#define BIT(reason) ((int64_t)1 << (reason))
#define PAUSE_NOW PARTITION_PAUSE
#define RESUME_NOW (PARTITION_SEEK | PARTITION_RESUME)

struct step {
    enum act act;
    int64_t a, b, want;
};

struct script {
    const char *name;
    enum on_gap on_gap;
    enum past_end past_end;
    struct step steps[STEPS_MAX];
};

struct play {
    const struct script *script;
    struct source_partition *partition;
    struct config_kafka kafka;
    struct buf metadata;
    int64_t offset; /* of the commit that is out */
    uint64_t now_ms;
};

static struct mark record_of(int64_t offset, int64_t log)
{
    return (struct mark){offset, (uint32_t)(offset * 2654435761u + log * 40503u) | 1};
}

static int64_t commit(struct play *play, bool is_final)
{
    if (!partition_is_commit_due(play->partition, is_final)) {
        return NOTHING;
    }
    buf_clear(&play->metadata);
    play->offset = partition_commit(play->partition, METADATA_BYTES_MAX, &play->metadata);
    return play->offset;
}

/* The client is given its partitions anew when that is due, as kafka/source_act.c does. */
static int64_t act(struct play *play)
{
    uint32_t due = partition_act(play->partition, ACTIONS_ALL);
    int64_t offset;

    if ((due & PARTITION_REFETCH) != 0) {
        (void)partition_fetch(play->partition, &offset);
    }
    return due;
}

static int64_t look(struct play *play, const struct step *step)
{
    const struct source_partition *partition = play->partition;

    switch ((int)step->act) {
    case AT:
        return partition_fetch_offset(partition);
    case POSITION:
        return partition->position;
    case COMMITTED:
        return partition->committed;
    case STATE:
        return partition->state;
    case LOOKS:
        return partition_is_look_due(partition, play->now_ms);
    case BLAMED:
        return partition->is_refused;
    case BLOCKS:
        return partition->blocks;
    case GAPS:
        assert_int_equal(partition->counts.gap_messages, step->a);
        return (int64_t)partition->counts.gaps;
    case SKIPPED:
        return (int64_t)partition->counts.skipped;
    case NOTED:
        return play->metadata.len > 0;
    default:
        fail_msg("%s: no such act: %d", play->script->name, (int)step->act);
    }
    return 0;
}

static void place(struct play *play, const struct step *step)
{
    struct source_partition *partition = play->partition;
    int64_t offset;

    if (step->act == FRESH) {
        partition_place_fresh(partition, step->a, 0, step->b, play->now_ms);
    } else {
        partition_place(partition, step->a,
                        step->act == PLACE ? buf_span(&play->metadata) : SPAN_NONE, play->now_ms);
    }
    (void)partition_fetch(partition, &offset);
}

/* What is told of the client and the broker. */
static int64_t tell_client(struct play *play, const struct step *step)
{
    struct source_partition *partition = play->partition;

    switch ((int)step->act) {
    case TAKE:
        return partition_take(partition, record_of(step->a, step->b), play->now_ms);
    case EOL:
        return partition_end(partition, step->a, play->now_ms);
    case BOUNDS:
        partition_bounds(partition, &play->kafka, step->a, step->b, play->now_ms);
        return 0;
    case NO_BOUNDS:
        partition_bounds_failed(partition, play->now_ms);
        return 0;
    case REFUSED:
        partition_out_of_range(partition, play->now_ms);
        return 0;
    case UNSOUGHT:
        partition_seek_failed(partition, step->a != 0, play->now_ms);
        return 0;
    case SUSPECT:
        partition_suspect(partition, play->now_ms);
        return 0;
    case HEARD:
        partition_high_watermark(partition, step->a, play->now_ms);
        return 0;
    case BROKEN:
        partition_unreadable(partition, (enum block_reason)step->a, play->now_ms);
        return 0;
    case READ:
        partition_readable(partition);
        return 0;
    case ACTS:
        return act(play);
    default:
        return look(play, step);
    }
}

static int64_t tell(struct play *play, const struct step *step)
{
    struct source_partition *partition = play->partition;

    switch ((int)step->act) {
    case ASSIGN:
        partition_assign(partition, 0);
        return 0;
    case PLACE:
    case BARE:
    case FRESH:
        place(play, step);
        return 0;
    case KNOWN:
        return partition_place_known(partition, play->now_ms);
    case RELEASE:
        partition_release(partition);
        return 0;
    case SETTLE:
    case LATE:
        partition_settle(partition, partition->epoch - (step->act == LATE), step->a, NULL);
        return 0;
    case BLOCK:
    case FREE:
        partition_block(partition, (enum block_reason)step->a, step->act == BLOCK);
        partition_align(partition, play->now_ms);
        return 0;
    case WORKER:
        partition_block_worker(partition, (uint32_t)step->a);
        partition_align(partition, play->now_ms);
        return 0;
    case PASS:
        play->now_ms += (uint64_t)step->a;
        partition_tick(partition, play->now_ms);
        return 0;
    case COMMIT:
        return commit(play, step->a == 1);
    case DONE:
        partition_commit_done(partition, play->offset);
        return 0;
    case FAILED:
        partition_commit_failed(partition, step->a == 1);
        return 0;
    default:
        return tell_client(play, step);
    }
}

static void run(const struct script *scripts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct play play = {.script = &scripts[i],
                            .partition = partition_new("in", 3, WINDOW, false),
                            .kafka = {.on_gap = scripts[i].on_gap, .past_end = scripts[i].past_end},
                            .now_ms = 1000000};

        buf_init(&play.metadata, METADATA_BYTES_MAX);
        for (size_t s = 0; s < STEPS_MAX && scripts[i].steps[s].act != END; s++) {
            const struct step *step = &scripts[i].steps[s];
            int64_t got = tell(&play, step);

            if (got != step->want) {
                fail_msg("%s: step %zu: %lld, not %lld", scripts[i].name, s, (long long)got,
                         (long long)step->want);
            }
        }
        buf_fini(&play.metadata);
        partition_free(play.partition);
    }
}

/* A step says what it needs, and lines are filled with steps. */
/* clang-format off */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* and without what it does not need */

static const struct script settle_scripts[] = {
    {"a record that is settled is committed", 0, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {COMMIT, 0, 0, NOTHING}, {SETTLE, 0}, {COMMIT, 0, 0, 1}, {DONE},
      {COMMITTED, 0, 0, 1}, {COMMIT, 0, 0, NOTHING}}},
    {"out of order only the first gap counts, the rest is noted", 0, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {TAKE, 1, 0, 1}, {TAKE, 2, 0, 1}, {SETTLE, 2}, {SETTLE, 1},
      {COMMIT, 0, 0, 0}, {DONE}, {NOTED, 0, 0, 1}, {SETTLE, 0}, {COMMIT, 0, 0, 3}}},
    {"after a restart what was settled beyond is skipped", 0, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {TAKE, 1, 0, 1}, {TAKE, 2, 0, 1}, {SETTLE, 0}, {SETTLE, 2},
      {COMMIT, 0, 0, 1}, {RELEASE}, {ASSIGN}, {PLACE, 1}, {AT, 0, 0, 2}, {TAKE, 2, 0, 0},
      {ACTS, 0, 0, PARTITION_SEEK}, {TAKE, 1, 0, 1}, {TAKE, 2, 0, 0}, {SKIPPED, 0, 0, 1}, {POSITION, 0, 0, 3}}},
    {"a late settle of an earlier assignment counts for nothing", 0, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {RELEASE}, {SETTLE, 0}, {LATE, 0}, {ASSIGN}, {BARE, 0},
      {TAKE, 0, 0, 1}, {LATE, 0}, {COMMIT, 0, 0, NOTHING}, {SETTLE, 0}, {COMMIT, 0, 0, 1}}},
    {"where it begins is committed though nothing was read", 0, 0,
     {{ASSIGN}, {FRESH, 5, 5}, {AT, 0, 0, 4}, {TAKE, 4, 0, 0}, {COMMIT, 0, 0, 5}, {DONE}, {COMMITTED, 0, 0, 5}}},
    {"a commit that fails is sent again", 0, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {TAKE, 1, 0, 1}, {SETTLE, 1}, {COMMIT, 0, 0, 0}, {NOTED, 0, 0, 1},
      {FAILED}, {COMMIT, 0, 0, 0}, {NOTED, 0, 0, 1}, {DONE}, {COMMIT, 0, 0, NOTHING}}},
    {"metadata that is too large is left out once", 0, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {TAKE, 1, 0, 1}, {SETTLE, 1}, {COMMIT, 0, 0, 0}, {FAILED, 1},
      {COMMIT, 0, 0, 0}, {NOTED, 0, 0, 0}, {DONE}, {SETTLE, 0}, {COMMIT, 0, 0, 2}, {NOTED, 0, 0, 1}}},
    {"a record before the position was taken", 0, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 3, 0, 1}, {TAKE, 2, 0, 0}, {TAKE, 3, 0, 0}, {POSITION, 0, 0, 4}}},
    {"the end counts when nothing stands in the way", 0, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {EOL, 1, 0, 1}, {EOL, 0, 0, 0}, {EOL, 7, 0, 1},
      {BLOCK, BLOCK_ALTERNATE}, {EOL, 9, 0, 0}}},
    {"what lies before the end counts as read: markers, aborted records", 0, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {EOL, 4, 0, 1}, {POSITION, 0, 0, 4}, {COMMIT, 0, 0, 0}, {DONE},
      {SETTLE, 0}, {COMMIT, 0, 0, 4}, {DONE}, {RELEASE}, {ASSIGN}, {PLACE, 4}, {AT, 0, 0, 0}, {TAKE, 0, 0, 0},
      {TAKE, 4, 0, 1}}},
    {"before the group's offset is known nothing is taken", 0, 0,
     {{ASSIGN}, {STATE, 0, 0, PARTITION_UNPLACED}, {TAKE, 0, 0, 0}, {EOL, 0, 0, 0}, {COMMIT, 1, 0, NOTHING}}},
};

/* Read 0..2, settled and committed; the partition was elsewhere since. */
#define READ_THREE                                                                                 \
    {ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {TAKE, 1, 0, 1}, {TAKE, 2, 0, 1}, {SETTLE, 0},           \
        {SETTLE, 1}, {SETTLE, 2}, {COMMIT, 0, 0, 3}, {RELEASE}, {ASSIGN},                          \
    {                                                                                              \
        PLACE, 3                                                                                   \
    }

static const struct script check_scripts[] = {
    {"the last record is the same: on", 0, 0,
     {READ_THREE, {AT, 0, 0, 2}, {TAKE, 2, 0, 0}, {ACTS, 0, 0, 0}, {TAKE, 3, 0, 1}}},
    {"nothing is noted: the record before the position is", 0, 0,
     {{ASSIGN}, {BARE, 3}, {AT, 0, 0, 2}, {TAKE, 2, 0, 0}, {TAKE, 3, 0, 1}, {COMMIT, 0, 0, 3},
      {NOTED, 0, 0, 1}}},
    {"the record is not there: an older one decides", 0, 0,
     {READ_THREE, {TAKE, 4, 0, 0}, {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 1}, {TAKE, 1, 0, 0},
      {AT, 0, 0, 3}, {TAKE, 4, 0, 1}, {GAPS, 0, 0, 0}}},
    {"until the seek is done nothing that comes is looked at", 0, 0,
     {READ_THREE, {TAKE, 4, 0, 0}, {TAKE, 5, 0, 0}, {TAKE, 6, 0, 0}, {EOL, 7, 0, 0},
      {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 1}}},
    {"while it is not decided nothing is committed, but at the end", 0, 0,
     {READ_THREE, {TAKE, 2, 0, 0}, {TAKE, 3, 0, 1}, {SETTLE, 3}, {SUSPECT}, {COMMIT, 0, 0, NOTHING},
      {COMMIT, 1, 0, 4}}},
    {"a hint: what was fetched is dropped and the last record read again", 0, 0,
     {READ_THREE, {TAKE, 2, 0, 0}, {TAKE, 3, 0, 1}, {SUSPECT}, {TAKE, 4, 0, 0}, {ACTS, 0, 0, PARTITION_SEEK},
      {AT, 0, 0, 3}, {TAKE, 3, 0, 0}, {TAKE, 4, 0, 1}}},
    {"a hint meanwhile does not begin it anew", 0, 0,
     {READ_THREE, {TAKE, 4, 0, 0}, {SUSPECT}, {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 1}, {SUSPECT},
      {AT, 0, 0, 1}}},
    {"the log ends before it: the bounds are asked for", 0, 0,
     {READ_THREE, {EOL, 1, 0, 0}, {LOOKS, 0, 0, 1}, {TAKE, 2, 0, 0}}},
    {"the log goes on, but the record is not there", 0, 0,
     {READ_THREE, {EOL, 9, 0, 0}, {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 1}}},
    {"a high watermark before it asks for the bounds", 0, 0,
     {READ_THREE, {HEARD, 2}, {LOOKS, 0, 0, 1}}},
    {"what does not come is asked for again after 5 s", 0, 0,
     {READ_THREE, {HEARD, 9}, {PASS, 4999}, {HEARD, 9}, {ACTS, 0, 0, 0}, {PASS, 1}, {HEARD, 9},
      {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 2}}},
};

static const struct script gap_scripts[] = {
    {"removed, skip: on from the first, and the gap is settled", GAP_SKIP, 0,
     {{ASSIGN}, {BARE, 5}, {REFUSED}, {LOOKS, 0, 0, 1}, {BOUNDS, 23, 75}, {GAPS, 18, 0, 1},
      {ACTS, 0, 0, PARTITION_REFETCH}, {AT, 0, 0, 23}, {COMMIT, 0, 0, 23}, {TAKE, 23, 0, 1}}},
    {"removed, skip: what was in flight before counts still", GAP_SKIP, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {REFUSED}, {BOUNDS, 5, 9}, {GAPS, 4, 0, 1},
      {ACTS, 0, 0, PARTITION_REFETCH}, {TAKE, 5, 0, 1}, {SETTLE, 5}, {COMMIT, 0, 0, 0}, {DONE}, {SETTLE, 0},
      {COMMIT, 0, 0, 6}}},
    {"removed, though a record settled ahead is there and the same: one gap, no endless check", GAP_SKIP, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {TAKE, 1, 0, 1}, {TAKE, 2, 0, 1}, {SETTLE, 0}, {SETTLE, 2},
      {COMMIT, 0, 0, 1}, {DONE}, {RELEASE}, {ASSIGN}, {PLACE, 1}, {AT, 0, 0, 2}, {REFUSED}, {BOUNDS, 2, 5},
      {ACTS, 0, 0, PARTITION_REFETCH}, {AT, 0, 0, 2}, {TAKE, 2, 0, 0}, {ACTS, 0, 0, 0}, {LOOKS, 0, 0, 1},
      {BOUNDS, 2, 5}, {GAPS, 1, 0, 1}, {POSITION, 0, 0, 2}, {ACTS, 0, 0, PARTITION_SEEK}, {TAKE, 2, 0, 0},
      {SKIPPED, 0, 0, 1}, {TAKE, 3, 0, 1}}},
    {"removed, halt: nothing moves", GAP_HALT, 0,
     {{ASSIGN}, {BARE, 5}, {REFUSED}, {BOUNDS, 23, 75}, {STATE, 0, 0, PARTITION_HALTED}, {GAPS, 18, 0, 1},
      {BLOCKS, 0, 0, BIT(BLOCK_GAP)}, {ACTS, 0, 0, PARTITION_REFETCH}, {COMMITTED, 0, 0, 5},
      {COMMIT, 0, 0, NOTHING}, {TAKE, 23, 0, 0}}},
    {"truncated, skip: on from the last record that is the same", GAP_SKIP, 0,
     {READ_THREE, {TAKE, 2, 1, 0}, {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 1}, {TAKE, 1, 0, 0},
      {LOOKS, 0, 0, 1}, {BOUNDS, 0, 3}, {GAPS, 0, 0, 1}, {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 2},
      {TAKE, 2, 1, 1}, {SETTLE, 2}, {COMMIT, 0, 0, 3}}},
    {"truncated: the last record is not there, the one before it is another", GAP_SKIP, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {TAKE, 1, 0, 1}, {TAKE, 2, 0, 1}, {TAKE, 3, 0, 1}, {SUSPECT},
      {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 3}, {TAKE, 4, 1, 0}, {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 2},
      {TAKE, 2, 1, 0}, {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 0}, {TAKE, 0, 0, 0}, {LOOKS, 0, 0, 1},
      {BOUNDS, 0, 5}, {GAPS, 0, 0, 1}, {POSITION, 0, 0, 0}}},
    {"after a restart: what was settled ahead is not there, so what else was counts no more", GAP_HALT, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {TAKE, 1, 0, 1}, {TAKE, 2, 0, 1}, {TAKE, 3, 0, 1}, {SETTLE, 0},
      {SETTLE, 2}, {SETTLE, 3}, {COMMIT, 0, 0, 1}, {DONE}, {RELEASE}, {ASSIGN}, {PLACE, 1}, {AT, 0, 0, 3},
      {TAKE, 4, 1, 0}, {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 0}, {TAKE, 0, 0, 0}, {LOOKS, 0, 0, 1},
      {BOUNDS, 0, 5}, {GAPS, 0, 0, 0}, {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 1}, {TAKE, 1, 1, 1}, {TAKE, 2, 1, 1},
      {SKIPPED, 0, 0, 0}}},
    {"after a restart: the marks before the cut lie far apart", GAP_HALT, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {TAKE, 10, 0, 1}, {TAKE, 11, 0, 1}, {SETTLE, 0}, {SETTLE, 10},
      {SETTLE, 11}, {COMMIT, 0, 0, 12}, {DONE}, {RELEASE}, {ASSIGN}, {PLACE, 12}, {AT, 0, 0, 11}, {TAKE, 12, 1, 0},
      {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 10}, {TAKE, 12, 1, 0}, {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 0},
      {TAKE, 0, 0, 0}, {LOOKS, 0, 0, 1}, {BOUNDS, 0, 13}, {GAPS, 0, 0, 0}, {ACTS, 0, 0, PARTITION_SEEK},
      {POSITION, 0, 0, 1}, {COMMIT, 0, 0, 1}, {TAKE, 5, 1, 1}}},
    {"after a restart: no mark is there", GAP_HALT, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 5, 0, 1}, {SETTLE, 5}, {COMMIT, 0, 0, 6}, {DONE}, {RELEASE}, {ASSIGN}, {PLACE, 6},
      {AT, 0, 0, 5}, {TAKE, 7, 1, 0}, {LOOKS, 0, 0, 1}, {BOUNDS, 0, 8}, {GAPS, 0, 0, 0}, {POSITION, 0, 0, 0},
      {ACTS, 0, 0, PARTITION_SEEK}, {TAKE, 3, 1, 1}}},
    {"after a restart: no mark is there, and what is wanted was removed: a gap", GAP_SKIP, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 5, 0, 1}, {SETTLE, 5}, {COMMIT, 0, 0, 6}, {DONE}, {RELEASE}, {ASSIGN}, {PLACE, 6},
      {AT, 0, 0, 5}, {TAKE, 7, 1, 0}, {LOOKS, 0, 0, 1}, {BOUNDS, 8, 9}, {GAPS, 0, 0, 1}, {POSITION, 0, 0, 8},
      {ACTS, 0, 0, PARTITION_SEEK}, {TAKE, 8, 1, 1}}},
    {"truncated, halt: a restart finds the same gap", GAP_HALT, 0,
     {READ_THREE, {TAKE, 2, 1, 0}, {ACTS, 0, 0, PARTITION_SEEK}, {TAKE, 1, 0, 0}, {BOUNDS, 0, 3},
      {STATE, 0, 0, PARTITION_HALTED}, {COMMIT, 0, 0, 2}, {DONE}, {RELEASE}, {ASSIGN}, {PLACE, 2},
      {AT, 0, 0, 2}, {TAKE, 2, 1, 0}, {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 1}, {TAKE, 1, 0, 0},
      {BOUNDS, 0, 3}, {STATE, 0, 0, PARTITION_HALTED}}},
    {"replaced, skip: all of it is new", GAP_SKIP, 0,
     {READ_THREE, {TAKE, 2, 1, 0}, {ACTS, 0, 0, PARTITION_SEEK}, {TAKE, 1, 1, 0},
      {ACTS, 0, 0, PARTITION_SEEK}, {TAKE, 0, 1, 0}, {LOOKS, 0, 0, 1}, {BOUNDS, 0, 9}, {GAPS, 0, 0, 1},
      {COMMITTED, 0, 0, -1}, {ACTS, 0, 0, PARTITION_SEEK}, {AT, 0, 0, 0}, {TAKE, 0, 1, 1}}},
    {"replaced: a settle of the log before counts for nothing", GAP_SKIP, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {SUSPECT}, {ACTS, 0, 0, PARTITION_SEEK}, {TAKE, 0, 1, 0},
      {BOUNDS, 0, 1}, {LATE, 0}, {COMMIT, 0, 0, 0}, {TAKE, 0, 1, 0}, {ACTS, 0, 0, PARTITION_SEEK},
      {TAKE, 0, 1, 1}, {LATE, 0}, {DONE}, {COMMIT, 0, 0, NOTHING}}},
    {"replaced by a shorter one: the bounds are enough", GAP_SKIP, 0,
     {READ_THREE, {EOL, 0, 0, 0}, {BOUNDS, 0, 0}, {GAPS, 0, 0, 1}, {POSITION, 0, 0, 0}}},
    {"the group's offset went with the topic: known from before", GAP_SKIP, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {SETTLE, 0}, {COMMIT, 0, 0, 1}, {RELEASE}, {ASSIGN},
      {KNOWN, 0, 0, 1}, {AT, 0, 0, 0}, {TAKE, 0, 1, 0}, {BOUNDS, 0, 4}, {GAPS, 0, 0, 1}, {AT, 0, 0, 0}}},
    {"of a partition that was never read nothing is known", GAP_SKIP, 0,
     {{ASSIGN}, {KNOWN, 0, 0, 0}, {STATE, 0, 0, PARTITION_UNPLACED}}},
    {"past the end, and nothing was noted: from the first", GAP_SKIP, PAST_END_FIRST,
     {{ASSIGN}, {BARE, 1000}, {REFUSED}, {BOUNDS, 0, 5}, {GAPS, 0, 0, 1}, {POSITION, 0, 0, 0},
      {ACTS, 0, 0, PARTITION_REFETCH}, {TAKE, 0, 0, 1}}},
    {"past the end, and nothing was noted: from the end, committed at once", GAP_SKIP, PAST_END_END,
     {{ASSIGN}, {BARE, 1000}, {REFUSED}, {BOUNDS, 0, 5}, {GAPS, 0, 0, 1}, {POSITION, 0, 0, 5},
      {COMMIT, 0, 0, 5}}},
    {"a broker that refuses an offset it has makes no gap", GAP_HALT, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {REFUSED}, {BOUNDS, 0, 5}, {GAPS, 0, 0, 0},
      {ACTS, 0, 0, PARTITION_REFETCH}, {AT, 0, 0, 0}, {TAKE, 0, 0, 0}, {TAKE, 1, 0, 1}}},
    {"a seek that is refused asks for the bounds and fetches anew", GAP_HALT, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {SUSPECT}, {ACTS, 0, 0, PARTITION_SEEK}, {UNSOUGHT, 1},
      {LOOKS, 0, 0, 1}, {BLAMED, 0, 0, 1}, {TAKE, 1, 0, 0}, {BOUNDS, 0, 5}, {ACTS, 0, 0, PARTITION_REFETCH}, {AT, 0, 0, 0}}},
    {"a seek without an answer does the same, and blames no broker", GAP_HALT, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {SUSPECT}, {ACTS, 0, 0, PARTITION_SEEK}, {UNSOUGHT, 0},
      {LOOKS, 0, 0, 1}, {BLAMED, 0, 0, 0}, {TAKE, 1, 0, 0}, {BOUNDS, 0, 5}, {ACTS, 0, 0, PARTITION_REFETCH},
      {AT, 0, 0, 0}}},
    {"a broker that does not answer is asked again after 2 s, and once a second at most", GAP_HALT, 0,
     {{ASSIGN}, {BARE, 5}, {REFUSED}, {NO_BOUNDS}, {LOOKS, 0, 0, 0}, {PASS, 1999}, {LOOKS, 0, 0, 0},
      {PASS, 1}, {LOOKS, 0, 0, 1}, {BOUNDS, 0, 9}, {REFUSED}, {LOOKS, 0, 0, 0}, {PASS, 1000}, {LOOKS, 0, 0, 1}}},
    {"an idle partition whose records were all removed has no gap", GAP_HALT, 0,
     {READ_THREE, {REFUSED}, {BOUNDS, 3, 3}, {GAPS, 0, 0, 0}, {STATE, 0, 0, PARTITION_PLACED}, {AT, 0, 0, 3}}},
};

static const struct script pause_scripts[] = {
    {"a block pauses, and lasts a second at least", 0, 0,
     {{ASSIGN}, {BARE, 0}, {BLOCK, BLOCK_ALTERNATE}, {ACTS, 0, 0, PAUSE_NOW}, {TAKE, 0, 0, 0}, {PASS, 999},
      {FREE, BLOCK_ALTERNATE}, {ACTS, 0, 0, 0}, {PASS, 1}, {ACTS, 0, 0, RESUME_NOW}, {AT, 0, 0, 0},
      {TAKE, 0, 0, 1}}},
    {"it goes on when the last reason goes", 0, 0,
     {{ASSIGN}, {BARE, 0}, {BLOCK, BLOCK_ALTERNATE}, {WORKER, BIT(BLOCK_ALTERNATE)}, {ACTS, 0, 0, PAUSE_NOW},
      {PASS, 2000}, {FREE, BLOCK_ALTERNATE}, {ACTS, 0, 0, 0}, {BLOCKS, 0, 0, BIT(BLOCK_ALTERNATE)},
      {WORKER, 0}, {ACTS, 0, 0, RESUME_NOW}}},
    {"before it is placed a block is only noted", 0, 0,
     {{ASSIGN}, {WORKER, BIT(BLOCK_DEAD_LETTER)}, {ACTS, 0, 0, 0}, {BARE, 0}, {TAKE, 0, 0, 0}, {PASS, 0},
      {ACTS, 0, 0, PAUSE_NOW}}},
    {"going on checks the log first: nobody looked at it", 0, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {BLOCK, BLOCK_ALTERNATE}, {ACTS, 0, 0, PAUSE_NOW}, {PASS, 1000},
      {FREE, BLOCK_ALTERNATE}, {ACTS, 0, 0, RESUME_NOW}, {AT, 0, 0, 0}, {TAKE, 0, 0, 0}, {TAKE, 1, 0, 1}}},
    {"a full window waits until half of it is free", 0, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {TAKE, 1, 0, 1}, {TAKE, 2, 0, 1}, {TAKE, 3, 0, 1},
      {TAKE, 4, 0, 0}, {BLOCKS, 0, 0, BIT(BLOCK_WINDOW)}, {ACTS, 0, 0, PAUSE_NOW}, {SETTLE, 0}, {PASS, 2000},
      {BLOCKS, 0, 0, BIT(BLOCK_WINDOW)}, {SETTLE, 1}, {PASS, 1}, {BLOCKS, 0, 0, 0}, {ACTS, 0, 0, RESUME_NOW},
      {AT, 0, 0, 3}, {TAKE, 3, 0, 0}, {TAKE, 4, 0, 1}, {POSITION, 0, 0, 5}}},
    {"what cannot be read is tried again after 1 s, then 2 s", 0, 0,
     {{ASSIGN}, {BARE, 0}, {BROKEN, BLOCK_UNREADABLE}, {BLOCKS, 0, 0, BIT(BLOCK_UNREADABLE)},
      {ACTS, 0, 0, PAUSE_NOW}, {PASS, 999}, {BLOCKS, 0, 0, BIT(BLOCK_UNREADABLE)}, {PASS, 1},
      {BLOCKS, 0, 0, 0}, {ACTS, 0, 0, RESUME_NOW}, {BROKEN, BLOCK_UNREADABLE}, {BROKEN, BLOCK_UNREADABLE},
      {PASS, 1999}, {BLOCKS, 0, 0, BIT(BLOCK_UNREADABLE)}, {PASS, 1}, {BLOCKS, 0, 0, 0}, {READ},
      {BROKEN, BLOCK_CLIENT}, {PASS, 1000}, {BLOCKS, 0, 0, 0}}},
    {"a hint while it is paused is left to going on", 0, 0,
     {{ASSIGN}, {BARE, 0}, {TAKE, 0, 0, 1}, {BLOCK, BLOCK_ALTERNATE}, {ACTS, 0, 0, PAUSE_NOW}, {SUSPECT},
      {ACTS, 0, 0, 0}}},
};

/* clang-format on */

static void what_is_settled_is_committed_and_nothing_else(void **state)
{
    (void)state;
    run(settle_scripts, COUNT_OF(settle_scripts));
}

static void the_log_is_recognised(void **state)
{
    (void)state;
    run(check_scripts, COUNT_OF(check_scripts));
}

static void a_gap_has_its_cause_and_is_never_silent(void **state)
{
    (void)state;
    run(gap_scripts, COUNT_OF(gap_scripts));
}

static void a_pause_has_a_reason_and_ends_with_it(void **state)
{
    (void)state;
    run(pause_scripts, COUNT_OF(pause_scripts));
}

/* Unreadable for long: 1, 2, 4, 8, 16, 30, 30 s. */
static void reading_again_waits_30_s_at_most(void **state)
{
    static const uint64_t waits_s[] = {1, 2, 4, 8, 16, 30, 30};
    struct source_partition *partition = partition_new("in", 0, WINDOW, false);
    uint64_t now_ms = 1000000;

    (void)state;
    partition_assign(partition, 0);
    partition_place(partition, 0, SPAN_NONE, now_ms);
    for (size_t i = 0; i < COUNT_OF(waits_s); i++) {
        partition_unreadable(partition, BLOCK_UNREADABLE, now_ms);
        partition_tick(partition, now_ms + waits_s[i] * 1000 - 1);
        assert_int_not_equal(partition->blocks, 0);
        now_ms += waits_s[i] * 1000;
        partition_tick(partition, now_ms);
        assert_int_equal(partition->blocks, 0);
    }
    partition_free(partition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_settled_is_committed_and_nothing_else),
        cmocka_unit_test(the_log_is_recognised),
        cmocka_unit_test(a_gap_has_its_cause_and_is_never_silent),
        cmocka_unit_test(a_pause_has_a_reason_and_ends_with_it),
        cmocka_unit_test(reading_again_waits_30_s_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
