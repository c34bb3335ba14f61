/* tracker, and what of it survives in the metadata of its commits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "offsets/metadata.h"
#include "offsets/tracker.h"

/* One script: letters act on an offset. t: take, new work; b: take, settled before; f: take, full;
 * s: settle; x: settle, not in flight. */
struct step {
    char act;
    int64_t offset;
};

enum { STEPS_MAX = 16 };

#define TOPIC SPAN("in")

static struct mark record_at(int64_t offset)
{
    return (struct mark){offset, (uint32_t)(offset * 2654435761u) | 1};
}

static struct metadata_place place_at(int64_t offset)
{
    return (struct metadata_place){TOPIC, 3, offset};
}

static void resume(struct tracker *tracker, int64_t offset, struct span text)
{
    struct metadata_place place = place_at(offset);

    assert_int_equal(tracker_resume(tracker, &place, text),
                     text.len == 0 ? METADATA_NONE : METADATA_OURS);
}

static const struct {
    const char *name;
    uint32_t window_max;
    struct step steps[STEPS_MAX];
    int64_t want_watermark;
    uint32_t want_in_flight;
    uint32_t want_window;
} script_cases[] = {
    {"nothing received", 8, {{0, 0}}, 100, 0, 0},
    {"in order", 8, {{'t', 100}, {'t', 101}, {'s', 100}, {'s', 101}}, 102, 0, 0},
    {"the first one holds back the rest", 8, {{'t', 100}, {'t', 101}, {'s', 101}}, 100, 1, 2},
    {"then all at once", 8, {{'t', 100}, {'t', 101}, {'s', 101}, {'s', 100}}, 102, 0, 0},
    {"compaction gap", 8, {{'t', 105}, {'t', 110}, {'s', 105}}, 106, 1, 1},
    {"settle inside a gap is refused", 8, {{'t', 105}, {'t', 110}, {'x', 107}}, 100, 2, 2},
    {"settle twice is refused", 8, {{'t', 100}, {'t', 101}, {'s', 101}, {'x', 101}}, 100, 1, 2},
    {"settle below the watermark is refused", 8, {{'t', 100}, {'s', 100}, {'x', 100}}, 101, 0, 0},
    {"settle beyond is refused", 8, {{'t', 100}, {'x', 101}}, 100, 1, 1},
    {"received twice counts once", 8, {{'t', 100}, {'b', 100}}, 100, 1, 1},
    {"full", 2, {{'t', 100}, {'t', 101}, {'f', 102}}, 100, 2, 2},
    {"full behind one event", 2, {{'t', 100}, {'t', 101}, {'s', 101}, {'f', 102}}, 100, 1, 2},
    {"room again", 2, {{'t', 100}, {'t', 101}, {'s', 100}, {'t', 102}}, 101, 2, 2},
};

static void play(struct tracker *tracker, const struct step *steps, const char *name)
{
    for (size_t i = 0; i < STEPS_MAX && steps[i].act != 0; i++) {
        const struct step *step = &steps[i];
        bool is_take = strchr("tbf", step->act) != NULL;
        bool is_right;

        if (is_take) {
            enum tracker_take want = step->act == 't'   ? TAKE_NEW
                                     : step->act == 'b' ? TAKE_DONE_BEFORE
                                                        : TAKE_FULL;

            is_right = tracker_take(tracker, record_at(step->offset)) == want;
        } else {
            is_right = tracker_settle(tracker, step->offset, NULL) == (step->act == 's');
        }
        if (!is_right) {
            fail_msg("%s: step %zu (%c %lld)", name, i, step->act, (long long)step->offset);
        }
    }
}

static void scripts_end_where_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(script_cases); i++) {
        struct tracker *tracker = tracker_new(script_cases[i].window_max, false);

        tracker_start(tracker, 100);
        play(tracker, script_cases[i].steps, script_cases[i].name);
        if (tracker_watermark(tracker) != script_cases[i].want_watermark ||
            tracker_in_flight(tracker) != script_cases[i].want_in_flight ||
            tracker_window(tracker) != script_cases[i].want_window) {
            fail_msg("%s: watermark %lld, in flight %u, window %u", script_cases[i].name,
                     (long long)tracker_watermark(tracker), tracker_in_flight(tracker),
                     tracker_window(tracker));
        }
        tracker_free(tracker);
    }
}

static const struct {
    const char *name;
    struct step before[STEPS_MAX]; /* from 100 */
    struct step after[STEPS_MAX];  /* a new tracker that starts with the first one's commit */
    struct offset_run want_runs[2];
    int64_t want_ahead;
    int64_t want_watermark;
} restart_cases[] = {
    {"nothing is settled", {{'t', 100}}, {{'t', 100}}, {{0}}, 0, 100},
    {"all in order leaves no run", {{'t', 100}, {'s', 100}}, {{'t', 101}}, {{0}}, 0, 101},
    {"one done beyond",
     {{'t', 100}, {'t', 101}, {'s', 101}},
     {{'t', 100}, {'b', 101}, {'t', 102}},
     {{101, 102}},
     101,
     100},
    {"watermark runs over what was done before",
     {{'t', 100}, {'t', 101}, {'t', 102}, {'s', 101}, {'s', 102}},
     {{'t', 100}, {'b', 101}, {'b', 102}, {'s', 100}},
     {{101, 103}},
     102,
     103},
    {"done ones that compaction took meanwhile",
     {{'t', 100}, {'t', 101}, {'t', 102}, {'s', 101}, {'s', 102}},
     {{'t', 100}, {'b', 102}, {'t', 103}},
     {{101, 103}},
     102,
     100},
    {"two runs",
     {{'t', 100}, {'t', 103}, {'t', 105}, {'s', 103}, {'s', 105}},
     {{'t', 100}, {'b', 103}, {'t', 104}, {'b', 105}},
     {{103, 104}, {105, 106}},
     105,
     100},
};

static void check_text(size_t row, struct span text, int64_t watermark)
{
    struct metadata_place place = place_at(watermark);
    struct metadata known;
    size_t want = restart_cases[row].want_runs[0].to == 0   ? 0
                  : restart_cases[row].want_runs[1].to == 0 ? 1
                                                            : 2;

    (void)metadata_read(text, &place, &known);
    if (known.run_count != want || known.ahead.offset != restart_cases[row].want_ahead ||
        (want > 0 &&
         memcmp(known.runs, restart_cases[row].want_runs, want * sizeof(struct offset_run)) != 0) ||
        (want > 0 && known.ahead.hash != record_at(known.ahead.offset).hash)) {
        fail_msg("%s: %zu runs, ahead %lld", restart_cases[row].name, known.run_count,
                 (long long)known.ahead.offset);
    }
    free(known.runs);
}

static void a_restart_skips_what_was_settled(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(restart_cases); i++) {
        struct tracker *first = tracker_new(64, false);
        struct tracker *second = tracker_new(64, false);
        struct buf text;

        buf_init(&text, METADATA_BYTES_MAX);
        tracker_start(first, 100);
        play(first, restart_cases[i].before, restart_cases[i].name);
        tracker_metadata(first, TOPIC, 3, METADATA_BYTES_MAX, &text);
        check_text(i, buf_span(&text), tracker_watermark(first));
        resume(second, tracker_watermark(first), buf_span(&text));
        play(second, restart_cases[i].after, restart_cases[i].name);
        if (tracker_watermark(second) != restart_cases[i].want_watermark) {
            fail_msg("%s: watermark %lld", restart_cases[i].name,
                     (long long)tracker_watermark(second));
        }
        buf_fini(&text);
        tracker_free(first);
        tracker_free(second);
    }
}

static void a_second_restart_still_knows(void **state)
{
    struct tracker *tracker = tracker_new(64, false);
    struct buf text;
    struct buf again;

    (void)state;
    buf_init(&text, METADATA_BYTES_MAX);
    buf_init(&again, METADATA_BYTES_MAX);
    tracker_start(tracker, 100);
    play(tracker,
         (struct step[STEPS_MAX]){
             {'t', 100}, {'t', 101}, {'t', 102}, {'t', 103}, {'s', 101}, {'s', 103}},
         "first life");
    tracker_metadata(tracker, TOPIC, 3, METADATA_BYTES_MAX, &text);
    resume(tracker, 100, buf_span(&text));
    assert_int_equal(tracker_take(tracker, record_at(100)), TAKE_NEW);
    tracker_metadata(tracker, TOPIC, 3, METADATA_BYTES_MAX, &again); /* dies before it reads on */
    assert_string_equal(buf_text(&text), buf_text(&again));
    buf_fini(&text);
    buf_fini(&again);
    tracker_free(tracker);
}

/* A model beside the tracker: which offsets exist, and what happened to each. */
enum { WORLD = 3000 };
enum fate { FATE_ABSENT, FATE_WAITING, FATE_TAKEN, FATE_DONE };

struct world {
    enum fate fates[WORLD];
    int64_t base;
    int64_t next; /* index of the next to be received */
    int64_t taken[WORLD];
    size_t taken_count;
};

static void make_world(struct world *world, struct rng *rng)
{
    uint64_t sparse = rng_below(rng, 3); /* dense, or with compaction gaps */

    memset(world, 0, sizeof(*world));
    world->base = (int64_t)rng_below(rng, 1u << 30);
    for (int i = 0; i < WORLD; i++) {
        world->fates[i] =
            sparse == 0 || rng_below(rng, sparse * 3) != 0 ? FATE_WAITING : FATE_ABSENT;
    }
}

static void receive_one(struct world *world, struct tracker *tracker)
{
    enum tracker_take take;
    int64_t at;

    while (world->next < WORLD && world->fates[world->next] == FATE_ABSENT) {
        world->next++;
    }
    if (world->next == WORLD) {
        return;
    }
    at = world->next;
    take = tracker_take(tracker, record_at(world->base + at));
    if (take == TAKE_FULL) {
        return;
    }
    world->next++;
    if (take == TAKE_DONE_BEFORE) {
        assert_int_equal(world->fates[at], FATE_DONE); /* never skipped unless it was settled */
        return;
    }
    world->fates[at] = FATE_TAKEN; /* again, when the metadata was cut: a duplicate, no loss */
    world->taken[world->taken_count++] = at;
}

static void settle_one(struct world *world, struct tracker *tracker, struct rng *rng)
{
    size_t pick;

    if (world->taken_count == 0) {
        return;
    }
    pick = rng_below(rng, rng_below(rng, world->taken_count) + 1); /* the older the likelier */
    assert_true(tracker_settle(tracker, world->base + world->taken[pick], NULL));
    world->fates[world->taken[pick]] = FATE_DONE;
    world->taken[pick] = world->taken[--world->taken_count];
}

/* All below the watermark is done or absent, and what the text says done is done. */
static void check_commit(const struct world *world, const struct tracker *tracker, struct span text,
                         size_t bytes_max)
{
    int64_t watermark = tracker_watermark(tracker);
    struct metadata_place place = place_at(watermark);
    struct metadata known;
    size_t count;
    const struct offset_run *runs;

    (void)metadata_read(text, &place, &known);
    count = known.run_count;
    runs = known.runs;
    assert_true(text.len <= bytes_max);
    for (int64_t i = 0; i < watermark - world->base; i++) {
        assert_true(world->fates[i] == FATE_DONE || world->fates[i] == FATE_ABSENT);
    }
    for (size_t i = 0; i < count; i++) {
        for (int64_t offset = runs[i].from; offset < runs[i].to; offset++) {
            assert_int_equal(world->fates[offset - world->base], FATE_DONE);
        }
    }
    for (size_t i = 0; i < known.mark_count; i++) { /* what is noted was settled, each as it was */
        assert_true(known.marks[i].offset < watermark && known.marks[i].offset >= world->base);
        assert_int_equal(known.marks[i].hash, record_at(known.marks[i].offset).hash);
    }
    if (known.ahead.hash != 0) {
        assert_int_equal(world->fates[known.ahead.offset - world->base], FATE_DONE);
        assert_int_equal(known.ahead.hash, record_at(known.ahead.offset).hash);
    }
    free(known.runs);
}

/* Die and start again from the commit: what was in flight is received once more. */
static void restart(struct world *world, struct tracker *tracker, struct span text)
{
    int64_t from = tracker_watermark(tracker);

    resume(tracker, from, text);
    world->next = from - world->base;
    for (size_t i = 0; i < world->taken_count; i++) {
        world->fates[world->taken[i]] = FATE_WAITING;
    }
    world->taken_count = 0;
}

static void live_once(uint64_t seed)
{
    static struct world world; /* large */
    struct rng rng = {.state = seed};
    struct tracker *tracker = tracker_new(1 + (uint32_t)rng_below(&rng, 400), false);
    size_t bytes_max = rng_below(&rng, 3) == 0 ? rng_below(&rng, 40) : METADATA_BYTES_MAX;
    struct buf text;

    buf_init(&text, METADATA_BYTES_MAX);
    make_world(&world, &rng);
    tracker_start(tracker, world.base);
    while (world.next < WORLD || world.taken_count > 0) {
        uint64_t act = rng_below(&rng, 100);

        if (act < 50) {
            receive_one(&world, tracker);
        } else if (act < 98 || world.next == WORLD) {
            settle_one(&world, tracker, &rng);
        } else {
            buf_clear(&text);
            tracker_metadata(tracker, TOPIC, 3, bytes_max, &text);
            check_commit(&world, tracker, buf_span(&text), bytes_max);
            if (rng_below(&rng, 4) == 0) {
                restart(&world, tracker, buf_span(&text));
            }
        }
        assert_int_equal(tracker_in_flight(tracker), world.taken_count);
    }
    for (int i = 0; i < WORLD; i++) {
        assert_true(world.fates[i] == FATE_DONE || world.fates[i] == FATE_ABSENT);
    }
    assert_int_equal(tracker_window(tracker), 0);
    buf_fini(&text);
    tracker_free(tracker);
}

static void random_lives_lose_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        live_once(seed);
    }
}

static void a_cut_text_is_a_prefix(void **state)
{
    struct tracker *tracker = tracker_new(65536, false);
    struct metadata_place place = place_at(0);
    struct metadata known;
    struct buf text;

    (void)state;
    buf_init(&text, METADATA_BYTES_MAX);
    tracker_start(tracker, 0);
    for (int64_t offset = 0; offset < 65536; offset++) {
        assert_int_equal(tracker_take(tracker, record_at(offset)), TAKE_NEW);
    }
    assert_int_equal(tracker_take(tracker, record_at(65536)), TAKE_FULL);
    for (int64_t offset = 1; offset < 65536; offset += 2) {
        assert_true(tracker_settle(tracker, offset, NULL));
    }
    tracker_metadata(tracker, TOPIC, 3, METADATA_BYTES_MAX, &text);
    assert_true(text.len <= METADATA_BYTES_MAX);
    assert_int_equal(metadata_read(buf_span(&text), &place, &known), METADATA_OURS);
    assert_true(known.run_count > 1450); /* two bytes a run of about 3 KiB */
    for (size_t i = 0; i < known.run_count; i++) {
        assert_int_equal(known.runs[i].from, 1 + 2 * (int64_t)i);
        assert_int_equal(known.runs[i].to, 2 + 2 * (int64_t)i);
    }
    assert_int_equal(known.ahead.offset, known.runs[known.run_count - 1].from);
    free(known.runs);
    buf_fini(&text);
    tracker_free(tracker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_end_where_they_should),
        cmocka_unit_test(a_restart_skips_what_was_settled),
        cmocka_unit_test(a_second_restart_still_knows),
        cmocka_unit_test(random_lives_lose_nothing),
        cmocka_unit_test(a_cut_text_is_a_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
