/* metadata: what a commit says comes back at its own place, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "offsets/metadata.h"

static const struct mark marks[] = {{99, 7}, {96, 8}, {64, 9}, {0, 10}};
static const struct offset_run runs[] = {{101, 102}, {105, 300}};
static const struct mark ahead = {299, 11};
static const struct metadata_place home = {{"in", 2}, 3, 100};

static void write_text(struct buf *text)
{
    struct metadata_writer writer;

    metadata_begin(&writer, &home, marks, COUNT_OF(marks), METADATA_BYTES_MAX);
    assert_true(metadata_add(&writer, runs[0]));
    assert_true(metadata_add(&writer, runs[1]));
    writer.ahead = ahead;
    metadata_end(&writer, text);
}

static void assert_nothing(const struct metadata *known)
{
    assert_int_equal(known->mark_count, 0);
    assert_int_equal(known->run_count, 0);
    assert_int_equal(known->ahead.hash, 0);
    assert_null(known->runs);
}

static void at_its_place_all_comes_back(void **state)
{
    struct metadata known;
    struct buf text;

    (void)state;
    buf_init(&text, METADATA_BYTES_MAX);
    write_text(&text);
    for (size_t i = 0; i < text.len; i++) {
        assert_true(text.ptr[i] > ' ' && text.ptr[i] < 0x7f); /* printable, so nothing ends it */
    }
    assert_int_equal(metadata_read(buf_span(&text), &home, &known), METADATA_OURS);
    assert_int_equal(known.mark_count, COUNT_OF(marks));
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        assert_int_equal(known.marks[i].offset, marks[i].offset);
        assert_int_equal(known.marks[i].hash, marks[i].hash);
    }
    assert_int_equal(known.run_count, COUNT_OF(runs));
    assert_memory_equal(known.runs, runs, sizeof(runs));
    assert_int_equal(known.ahead.offset, ahead.offset);
    assert_int_equal(known.ahead.hash, ahead.hash);
    free(known.runs);
    buf_fini(&text);
}

static const struct {
    const char *name;
    struct metadata_place place;
    enum metadata_sort want;
} place_cases[] = {
    {"the next offset", {{"in", 2}, 3, 101}, METADATA_ELSEWHERE},
    {"an offset a replicator translated", {{"in", 2}, 3, 7}, METADATA_ELSEWHERE},
    {"another partition", {{"in", 2}, 4, 100}, METADATA_BROKEN},
    {"another topic", {{"im", 2}, 3, 100}, METADATA_BROKEN},
    {"a topic with a prefix", {{"eu.in", 5}, 3, 100}, METADATA_BROKEN},
    {"another topic and offset", {{"im", 2}, 3, 7}, METADATA_BROKEN},
};

static void elsewhere_it_says_nothing(void **state)
{
    struct metadata known;
    struct buf text;

    (void)state;
    buf_init(&text, METADATA_BYTES_MAX);
    write_text(&text);
    for (size_t i = 0; i < COUNT_OF(place_cases); i++) {
        enum metadata_sort sort = metadata_read(buf_span(&text), &place_cases[i].place, &known);

        if (sort != place_cases[i].want) {
            fail_msg("%s: %s", place_cases[i].name, metadata_sort_text(sort));
        }
        assert_nothing(&known);
    }
    buf_fini(&text);
}

static void what_was_changed_or_cut_says_nothing(void **state)
{
    struct metadata known;
    struct buf text;

    (void)state;
    buf_init(&text, METADATA_BYTES_MAX);
    write_text(&text);
    for (size_t i = 1; i < text.len; i++) {
        assert_int_not_equal(metadata_read((struct span){text.ptr, i}, &home, &known),
                             METADATA_OURS);
        assert_nothing(&known);
    }
    for (size_t i = 0; i < text.len; i++) {
        char kept = text.ptr[i];

        for (unsigned c = 0; c < 256; c++) {
            text.ptr[i] = (char)c;
            if ((char)c != kept) {
                assert_int_not_equal(metadata_read(buf_span(&text), &home, &known), METADATA_OURS);
                assert_nothing(&known);
            }
        }
        text.ptr[i] = kept;
    }
    buf_fini(&text);
}

static const struct {
    const char *name;
    struct span text;
    enum metadata_sort want;
} text_cases[] = {
    {"nothing", {NULL, 0}, METADATA_NONE},
    {"empty", {"", 0}, METADATA_NONE},
    {"a NUL", {"\0d2:AA", 6}, METADATA_NONE},
    {"another program's", {"{\"host\":\"a\"}", 12}, METADATA_FOREIGN},
    {"not text at all", {"\xff\xfe\x80", 3}, METADATA_FOREIGN},
    {"a later version's", {"d3:AQE", 6}, METADATA_FOREIGN},
    {"an earlier version's", {"d1:AQE", 6}, METADATA_OLDER},
    {"the tag alone", {"d2:", 3}, METADATA_BROKEN},
    {"no checksum", {"d2:AQE", 6}, METADATA_BROKEN},
    {"padding", {"d2:AQE=", 7}, METADATA_BROKEN},
    {"a NUL inside", {"d2:AQE\0AQE", 10}, METADATA_BROKEN},
};

static void foreign_text_says_nothing(void **state)
{
    struct metadata known;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(text_cases); i++) {
        enum metadata_sort sort = metadata_read(text_cases[i].text, &home, &known);

        if (sort != text_cases[i].want) {
            fail_msg("%s: %s", text_cases[i].name, metadata_sort_text(sort));
        }
        assert_nothing(&known);
    }
}

static void too_long_a_text_is_not_read(void **state)
{
    char text[METADATA_BYTES_MAX + 2];
    struct metadata known;

    (void)state;
    memset(text, 'A', sizeof(text));
    memcpy(text, "d2:", 3);
    assert_int_equal(metadata_read((struct span){text, sizeof(text)}, &home, &known),
                     METADATA_BROKEN);
    assert_nothing(&known);
}

static const size_t room_cases[] = {0, 2, 3, 10, 40, 63, 64, 100, 128, 200, 500, 4096};

static void it_never_takes_more_room_than_given(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(room_cases); i++) {
        struct mark many[TRAIL_MARKS_MAX];
        struct metadata_writer writer;
        struct metadata known;
        struct buf text;
        int64_t at = 2000;
        struct metadata_place place = {{"in", 2}, 0, at};

        for (size_t m = 0; m < TRAIL_MARKS_MAX; m++) {
            many[m] = (struct mark){1999 - (int64_t)m * 100, 0xfffffff0u + (uint32_t)(m % 8)};
        }
        buf_init(&text, METADATA_BYTES_MAX);
        metadata_begin(&writer, &place, many, TRAIL_MARKS_MAX, room_cases[i]);
        while (metadata_add(&writer, (struct offset_run){at + 1000, at + 1001})) {
            at += 1001;
        }
        metadata_end(&writer, &text);
        assert_true(text.len <= room_cases[i]);
        if (text.len > 0) {
            assert_int_equal(metadata_read(buf_span(&text), &place, &known), METADATA_OURS);
            assert_true(known.mark_count > 0 || known.run_count > 0);
            free(known.runs);
        }
        buf_fini(&text);
    }
}

/* trail */

static void a_trail_is_dense_near_its_end_and_reaches_far(void **state)
{
    struct trail trail = {0};
    struct mark list[TRAIL_MARKS_MAX];
    size_t count;

    (void)state;
    assert_int_equal(trail_list(&trail, list), 0);
    for (int64_t offset = 0; offset < 1000000; offset++) {
        trail_add(&trail, (struct mark){offset, (uint32_t)offset + 1});
    }
    count = trail_list(&trail, list);
    assert_int_equal(list[0].offset, 999999);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(list[i].hash, list[i].offset + 1);
        assert_true(i == 0 || list[i].offset < list[i - 1].offset);
    }
    for (int64_t lost = 1; lost < 1000000; lost = lost * 3 + 1) { /* records cut off its end */
        int64_t same = -1;

        for (size_t i = count; i > 0; i--) {
            same = list[i - 1].offset < 1000000 - lost ? list[i - 1].offset : same;
        }
        assert_true(same >= 0);
        assert_true(1000000 - lost - same <= 16 * lost + 1);
    }
}

static void a_cut_trail_goes_on_from_there(void **state)
{
    struct trail trail = {0};
    struct mark list[TRAIL_MARKS_MAX];

    (void)state;
    for (int64_t offset = 0; offset < 100; offset++) {
        trail_add(&trail, (struct mark){offset, 1});
    }
    trail_cut(&trail, 90);
    assert_true(trail_list(&trail, list) > 1);
    assert_true(list[0].offset < 90 && list[0].offset >= 80);
    trail_add(&trail, (struct mark){90, 2});
    trail_add(&trail, (struct mark){91, 0}); /* unknown */
    assert_true(trail_list(&trail, list) > 1);
    assert_int_equal(list[0].offset, 90);
    trail_cut(&trail, 0);
    assert_int_equal(trail_list(&trail, list), 0);
}

static void a_hash_tells_records_apart(void **state)
{
    char value[1000];
    struct span key = SPAN("key");
    struct span whole = {value, sizeof(value)};
    uint32_t hash;

    (void)state;
    memset(value, 'v', sizeof(value));
    hash = mark_hash(5, key, whole);
    assert_int_equal(mark_hash(5, key, whole), hash);
    assert_int_not_equal(mark_hash(6, key, whole), hash);
    assert_int_not_equal(mark_hash(5, SPAN("kex"), whole), hash);
    assert_int_not_equal(mark_hash(5, SPAN_NONE, whole), hash);
    assert_int_not_equal(mark_hash(5, key, (struct span){value, 999}), hash);
    assert_int_not_equal(mark_hash(5, key, SPAN_NONE), hash);
    assert_int_not_equal(mark_hash(0, SPAN_NONE, SPAN_NONE), 0);
    for (size_t at = 0; at + 36 <= sizeof(value); at += 36) { /* an id somewhere */
        memset(value + at, 'w', 36);
        assert_int_not_equal(mark_hash(5, key, whole), hash);
        memset(value + at, 'v', 36);
    }
    for (size_t at = 0; at < 200; at++) { /* a short one is looked at as a whole */
        value[at] = 'w';
        assert_int_not_equal(mark_hash(5, key, (struct span){value, 200}),
                             mark_hash(5, key, (struct span){value + 500, 200}));
        value[at] = 'v';
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_its_place_all_comes_back),
        cmocka_unit_test(elsewhere_it_says_nothing),
        cmocka_unit_test(what_was_changed_or_cut_says_nothing),
        cmocka_unit_test(foreign_text_says_nothing),
        cmocka_unit_test(too_long_a_text_is_not_read),
        cmocka_unit_test(it_never_takes_more_room_than_given),
        cmocka_unit_test(a_trail_is_dense_near_its_end_and_reaches_far),
        cmocka_unit_test(a_cut_trail_goes_on_from_there),
        cmocka_unit_test(a_hash_tells_records_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
