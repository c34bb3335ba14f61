/* The books of a worker, from the tracker to the records on the ledger: what is counted, what a
 * commit seals, runs ahead of it, commits that fail, sessions, gaps, fates that are forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ledger/bookkeeper.h"
#include "ledger/tally_record.h"

enum { NOW_MS = 1000000, SINK_MAX = 64 };

/* A sink that keeps what it is sent. */
struct ledger_ticket {
    enum tally_state state;
};

static struct {
    json_t *records[SINK_MAX];
    size_t count;
    enum tally_state answer;
    size_t tickets;
    char key[128];
} sink;

static struct ledger_ticket *sink_send(void *context, struct span key, const struct span *records,
                                       size_t count, int wake_fd)
{
    struct ledger_ticket *ticket = mem_new(struct ledger_ticket);

    (void)context;
    (void)wake_fd;
    ticket->state = sink.answer;
    sink.tickets++;
    assert_true(key.len < sizeof(sink.key));
    memcpy(sink.key, key.ptr, key.len);
    sink.key[key.len] = '\0';
    for (size_t i = 0; i < count; i++) {
        json_error_t error;

        assert_true(sink.count < SINK_MAX);
        sink.records[sink.count] = json_loadb(records[i].ptr, records[i].len, 0, &error);
        if (sink.records[sink.count] == NULL) {
            fail_msg("%s in %.*s", error.text, (int)records[i].len, records[i].ptr);
        }
        sink.count++;
    }
    return ticket;
}

static enum tally_state sink_state(void *context, const struct ledger_ticket *ticket)
{
    (void)context;
    return ticket->state;
}

static void sink_drop(void *context, struct ledger_ticket *ticket)
{
    (void)context;
    sink.tickets--;
    free(ticket);
}

static int64_t wall_ms(void *context)
{
    (void)context;
    return 1764511331250;
}

/* One worker with one partition. */
struct rig {
    struct bookkeeper *keeper;
    struct assignment assignment;
    struct source_partition *partition;
    struct config_destination tiktok, utm;
    const struct config_destination *chain[2];
    struct config_leg leg;
    struct config_route route, drop;
};

static int open_rig(void **state)
{
    struct rig *rig = mem_new(struct rig);
    struct tally_writer books;

    memset(&sink, 0, sizeof(sink));
    sink.answer = TALLY_WRITTEN;
    rig->keeper =
        bookkeeper_new(&(struct bookkeeper_parts){.sink = {&sink, sink_send, sink_state, sink_drop},
                                                  .group = span_of("g"),
                                                  .instance = span_of("host:1"),
                                                  .wall_ms = wall_ms,
                                                  .wake_fd = -1,
                                                  .seed = 7});
    books = bookkeeper_books(rig->keeper);
    assignment_init(&rig->assignment, 0, 1000, 10000, NOW_MS);
    assignment_keep_books(&rig->assignment, &books);
    rig->tiktok.name = span_of("tiktok");
    rig->utm.name = span_of("utm");
    rig->chain[0] = &rig->tiktok;
    rig->chain[1] = &rig->utm;
    rig->leg = (struct config_leg){.chain = rig->chain, .count = 2};
    rig->route.name = span_of("r");
    rig->drop.name = span_of("d");
    rig->drop.drop = span_of("no \"consent\"");
    *state = rig;
    return 0;
}

static int close_rig(void **state)
{
    struct rig *rig = *state;

    assignment_clear(&rig->assignment);
    assert_int_equal(sink.tickets, 0);
    assignment_fini(&rig->assignment);
    bookkeeper_free(rig->keeper);
    for (size_t i = 0; i < sink.count; i++) {
        json_decref(sink.records[i]);
    }
    free(rig);
    return 0;
}

static void place(struct rig *rig, int64_t offset, struct span metadata)
{
    rig->partition = assignment_add(&rig->assignment, "in", 3);
    partition_place(rig->partition, offset, metadata, NOW_MS);
}

static void take(struct rig *rig, int64_t from, int64_t to)
{
    for (int64_t offset = from; offset < to; offset++) {
        (void)partition_take(rig->partition, (struct mark){offset, 9}, NOW_MS);
    }
}

static struct settled delivered(struct rig *rig, int64_t micros)
{
    struct fate_leg leg = {.route = &rig->route, .leg = &rig->leg, .fate = FATE_DELIVERED};

    return (struct settled){fates_find(bookkeeper_fates(rig->keeper), &leg, 1, "EUR"), micros};
}

static void settle(struct rig *rig, int64_t from, int64_t to, struct settled settled)
{
    for (int64_t offset = from; offset < to; offset++) {
        partition_settle(rig->partition, rig->partition->epoch, offset, &settled);
    }
}

/* Seal and write what is due. Returns the offset that would be committed. */
static int64_t seal(struct rig *rig, struct buf *metadata)
{
    int64_t offset;

    (void)assignment_commit_begin(&rig->assignment, NOW_MS);
    offset = partition_commit(rig->partition, METADATA_BYTES_MAX, metadata);
    assignment_commit_write(&rig->assignment, NOW_MS);
    return offset;
}

static bool commit(struct rig *rig, enum commit_result result)
{
    struct buf metadata;
    int64_t offset;
    bool is_written;

    buf_init(&metadata, METADATA_BYTES_MAX);
    offset = seal(rig, &metadata);
    is_written = assignment_commit_is_written(&rig->assignment, NOW_MS);
    buf_fini(&metadata);
    if (is_written) {
        (void)assignment_commit_answered(&rig->assignment, rig->assignment.commits.sequence);
        (void)assignment_commit_take(&rig->assignment, rig->partition, offset, result);
        (void)assignment_commit_end(&rig->assignment);
    }
    return is_written;
}

static const json_t *last(const char *name)
{
    assert_true(sink.count > 0);
    return json_object_get(sink.records[sink.count - 1], name);
}

static json_int_t number(const json_t *object, const char *name)
{
    const json_t *found = json_object_get(object, name);

    return found == NULL ? 0 : json_integer_value(found);
}

static const json_t *leg_at(size_t index)
{
    return json_array_get(last("legs"), index);
}

static void test_a_stretch(void **state)
{
    struct rig *rig = *state;

    place(rig, 10, SPAN_NONE);
    take(rig, 10, 15);
    settle(rig, 10, 13, delivered(rig, 1500000));
    assert_true(commit(rig, COMMIT_DONE));
    assert_string_equal(sink.key, "tally/g/in/3");
    assert_int_equal(json_integer_value(last("v")), 1);
    assert_string_equal(json_string_value(last("at")), "2025-11-30T14:02:11.250Z");
    assert_int_equal(json_integer_value(last("from")), 10);
    assert_int_equal(json_integer_value(last("to")), 13);
    assert_int_equal(number(last("start"), "offset"), 10);
    assert_null(json_object_get(last("start"), "first"));
    assert_int_equal(number(last("events"), "delivered"), 3);
    assert_int_equal(number(leg_at(0), "count"), 3);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(leg_at(0), "value"), "EUR")), "4.50");
    settle(rig, 13, 15, delivered(rig, 0));
    assert_true(commit(rig, COMMIT_DONE));
    assert_null(last("start"));
    assert_int_equal(json_integer_value(last("from")), 13);
    assert_int_equal(number(last("events"), "delivered"), 2);
}

/* What a commit that failed sealed is part of the next. */
static void test_a_commit_that_fails(void **state)
{
    static const enum commit_result results[] = {COMMIT_FAILED, COMMIT_TOO_LARGE, COMMIT_REFUSED};
    struct rig *rig = *state;

    place(rig, 0, SPAN_NONE);
    take(rig, 0, 10);
    for (size_t i = 0; i < COUNT_OF(results); i++) {
        settle(rig, (int64_t)i, (int64_t)i + 1, delivered(rig, 1000000));
        (void)commit(rig, results[i]);
        assert_int_equal(json_integer_value(last("from")), 0);
        assert_int_equal(json_integer_value(last("to")), (json_int_t)i + 1);
        assert_int_equal(number(last("events"), "delivered"), (json_int_t)i + 1);
        assert_non_null(last("start"));
    }
}

/* The ledger takes nothing: nothing is committed, and after 2 s nothing more is taken. */
static void test_a_ledger_that_fails(void **state)
{
    struct rig *rig = *state;
    struct buf metadata;

    buf_init(&metadata, METADATA_BYTES_MAX);
    place(rig, 0, SPAN_NONE);
    take(rig, 0, 2);
    settle(rig, 0, 1, delivered(rig, 0));
    sink.answer = TALLY_WRITING;
    (void)seal(rig, &metadata);
    assert_false(assignment_commit_is_written(&rig->assignment, NOW_MS));
    assert_int_equal(rig->assignment.blocks, 0);
    assert_false(assignment_commit_is_written(&rig->assignment, NOW_MS + LEDGER_PATIENCE_MS));
    assert_true((rig->partition->blocks >> BLOCK_LEDGER & 1u) != 0);
    rig->partition->writing->state = TALLY_FAILED;
    assert_true(assignment_commit_is_written(&rig->assignment, NOW_MS + LEDGER_PATIENCE_MS));
    assert_false(rig->partition->is_committing);
    assert_true(rig->partition->is_dirty);
    (void)assignment_commit_answered(&rig->assignment, rig->assignment.commits.sequence);
    (void)assignment_commit_end(&rig->assignment);
    sink.answer = TALLY_WRITTEN;
    assert_true(commit(rig, COMMIT_DONE));
    assert_int_equal(rig->partition->blocks, 0);
    assert_int_equal(json_integer_value(last("from")), 0);
    assert_int_equal(number(last("events"), "delivered"), 1);
    buf_fini(&metadata);
}

static const json_t *ahead_at(size_t index)
{
    return json_array_get(last("ahead"), index);
}

/* Runs ahead are told with the commit whose metadata names them; the next session does not count
 * them again, and tells its own ones alone. */
/* The partitions went while the ledger took nothing: those that come next are read, or nothing
 * would ever be written again. */
static void test_a_ledger_that_failed_before(void **state)
{
    struct rig *rig = *state;

    sink.answer = TALLY_WRITING;
    place(rig, 0, SPAN_NONE);
    take(rig, 0, 10);
    settle(rig, 0, 4, delivered(rig, 0));
    assert_false(commit(rig, COMMIT_DONE));
    assert_false(assignment_commit_is_written(&rig->assignment, NOW_MS + LEDGER_PATIENCE_MS));
    assignment_clear(&rig->assignment);
    place(rig, 0, SPAN_NONE);
    assert_true((rig->partition->blocks >> BLOCK_LEDGER & 1u) != 0);
    assert_false(assignment_commit_due(&rig->assignment,
                                       NOW_MS + LEDGER_PATIENCE_MS + COMMIT_EVERY_MS, false));
    assert_true((rig->partition->blocks >> BLOCK_LEDGER & 1u) == 0);
}

static void test_runs_ahead(void **state)
{
    struct rig *rig = *state;
    struct buf metadata;
    int64_t offset;

    buf_init(&metadata, METADATA_BYTES_MAX);
    place(rig, 0, SPAN_NONE);
    take(rig, 0, 30);
    settle(rig, 0, 5, delivered(rig, 0));
    settle(rig, 10, 20, delivered(rig, 1000000));
    settle(rig, 25, 26, delivered(rig, 0));
    offset = seal(rig, &metadata);
    assert_int_equal(offset, 5);
    assert_int_equal(json_array_size(last("ahead")), 2);
    assert_int_equal(number(ahead_at(0), "from"), 10);
    assert_int_equal(number(ahead_at(0), "to"), 20);
    assert_int_equal(number(json_object_get(ahead_at(0), "events"), "delivered"), 10);
    assert_int_equal(number(ahead_at(1), "from"), 25);
    assert_int_equal(number(ahead_at(1), "to"), 26);

    assignment_clear(&rig->assignment);
    place(rig, 5, buf_span(&metadata));
    assert_true(partition_fetch(rig->partition, &offset));
    take(rig, offset, offset + 1); /* by which the log is recognised; then it is read from 5 on */
    (void)partition_act(rig->partition, PARTITION_SEEK);
    take(rig, 5, 30);
    assert_int_equal(rig->partition->counts.skipped, 11);
    settle(rig, 5, 8, delivered(rig, 0));
    settle(rig, 20, 22, delivered(rig, 0)); /* beside the run that was settled before */
    assert_true(commit(rig, COMMIT_DONE));
    assert_int_equal(json_array_size(json_object_get(last("start"), "settled")), 2);
    assert_int_equal(json_integer_value(last("from")), 5);
    assert_int_equal(json_integer_value(last("to")), 8);
    assert_int_equal(json_array_size(last("ahead")), 1);
    assert_int_equal(number(ahead_at(0), "from"), 20);
    assert_int_equal(number(ahead_at(0), "to"), 22);
    settle(rig, 8, 10, delivered(rig, 0));
    assert_true(commit(rig, COMMIT_DONE));
    assert_int_equal(json_integer_value(last("from")), 8);
    assert_int_equal(json_integer_value(last("to")), 22);
    assert_int_equal(number(last("events"), "delivered"), 4);
    buf_fini(&metadata);
}

static void test_gaps(void **state)
{
    struct rig *rig = *state;
    const struct config_kafka skip = {.on_gap = GAP_SKIP};

    place(rig, 0, SPAN_NONE);
    take(rig, 0, 5);
    settle(rig, 0, 5, delivered(rig, 0));
    partition_out_of_range(rig->partition, NOW_MS);
    partition_bounds(rig->partition, &skip, 50, 60, NOW_MS);
    partition_tick(rig->partition, NOW_MS);
    assert_true(commit(rig, COMMIT_DONE));
    assert_int_equal(json_integer_value(last("from")), 0);
    assert_int_equal(json_integer_value(last("to")), 50);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(last("gaps"), 0), 0)), 5);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(last("gaps"), 0), 1)), 50);
    assert_int_equal(number(last("events"), "delivered"), 5);
}

/* The answer to a commit of the log before says nothing of the session that began meanwhile. */
static void test_a_new_log_while_a_commit_is_out(void **state)
{
    struct rig *rig = *state;
    struct buf metadata;
    int64_t offset;

    place(rig, 0, SPAN_NONE);
    take(rig, 0, 5);
    settle(rig, 0, 5, delivered(rig, 0));
    buf_init(&metadata, METADATA_BYTES_MAX);
    offset = seal(rig, &metadata);
    buf_fini(&metadata);
    assert_true(assignment_commit_is_written(&rig->assignment, NOW_MS));
    rig->partition->epoch++; /* as where the log became another one */
    (void)assignment_commit_answered(&rig->assignment, rig->assignment.commits.sequence);
    (void)assignment_commit_take(&rig->assignment, rig->partition, offset, COMMIT_DONE);
    (void)assignment_commit_end(&rig->assignment);
    assert_true(rig->partition->is_dirty); /* the group has an offset of the log before */
    take(rig, 5, 7);
    settle(rig, 5, 7, delivered(rig, 0));
    assert_true(commit(rig, COMMIT_DONE));
    assert_int_equal(json_integer_value(last("from")), 0);
    assert_int_equal(json_integer_value(last("to")), 7);
    assert_non_null(last("start"));
    assert_int_equal(number(last("events"), "delivered"), 7);
}

static void test_fates(void **state)
{
    static const char unsummed[4] = FATE_UNSUMMED;
    struct rig *rig = *state;
    struct fates *fates = bookkeeper_fates(rig->keeper);
    struct fate_leg legs[2] = {{.route = &rig->route,
                                .leg = &rig->leg,
                                .to = &rig->utm,
                                .fate = FATE_DIVERTED,
                                .reason = REASON_OUTAGE,
                                .event = fates_event(fates, span_of("Pur\"chase")),
                                .outage = fates_outage(fates, "o-1")},
                               {.route = &rig->drop, .fate = FATE_DROPPED}};
    struct settled settled = {fates_find(fates, legs, 2, unsummed), 0};
    const json_t *leg;

    assert_int_equal(fates_find(fates, legs, 2, unsummed), settled.fate);
    assert_int_not_equal(fates_find(fates, legs, 1, unsummed), settled.fate);
    assert_int_equal(fates_event(fates, (struct span){"\xff", 1}), 0);
    place(rig, 0, SPAN_NONE);
    take(rig, 0, 1);
    settle(rig, 0, 1, settled);
    assert_true(commit(rig, COMMIT_DONE));
    assert_int_equal(number(last("events"), "diverted"), 1);
    leg = leg_at(0);
    assert_string_equal(json_string_value(json_object_get(leg, "to")), "utm");
    assert_string_equal(json_string_value(json_object_get(leg, "reason")), "outage");
    assert_string_equal(json_string_value(json_object_get(leg, "event")), "Pur\"chase");
    assert_string_equal(json_string_value(json_object_get(leg, "outage")), "o-1");
    assert_int_equal(number(leg, "unsummed"), 1);
    leg = leg_at(1);
    assert_string_equal(json_string_value(json_object_get(leg, "fate")), "dropped");
    assert_string_equal(json_string_value(json_object_get(leg, "reason")), "no \"consent\"");
    assert_true(json_is_null(json_object_get(leg, "leg")));
}

static void test_currencies(void **state)
{
    static const struct {
        const char *code, *want;
    } cases[] = {{"EUR", "EUR"},
                 {"eur", "eur"},
                 {"", FATE_NO_CURRENCY},
                 {"E\"R", FATE_UNSUMMED},
                 {"\xff\xfe", FATE_UNSUMMED}};
    struct rig *rig = *state;
    struct fates *fates = bookkeeper_fates(rig->keeper);
    char code[4] = "AAA";
    char out[4];

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char own[4] = "";

        memcpy(own, cases[i].code, strlen(cases[i].code));
        fates_currency(fates, own, out);
        assert_string_equal(out, cases[i].want);
    }
    for (int i = 0; i < 100; i++) {
        code[0] = (char)('A' + i / 26);
        code[1] = (char)('A' + i % 26);
        fates_currency(fates, code, out);
    }
    assert_string_equal(out, FATE_UNSUMMED);
}

/* Outages come and go for years; what is still to be told is kept. */
static void test_fates_are_forgotten(void **state)
{
    struct rig *rig = *state;
    struct fates *fates = bookkeeper_fates(rig->keeper);
    size_t most = 0;

    place(rig, 0, SPAN_NONE);
    for (int64_t i = 0; i < 60000; i++) {
        struct fate_leg leg = {.route = &rig->route,
                               .leg = &rig->leg,
                               .to = &rig->utm,
                               .fate = FATE_DIVERTED,
                               .reason = REASON_OUTAGE};
        char id[32];
        struct settled settled = {NO_FATE, 0};

        (void)snprintf(id, sizeof(id), "outage-%lld", (long long)i);
        leg.outage = fates_outage(fates, id);
        settled.fate = fates_find(fates, &leg, 1, "\0\0\0");
        take(rig, i, i + 1);
        settle(rig, i, i + 1, settled);
        most = MAX_OF(most, fates_limit(fates));
        if (i % 1000 == 999) {
            size_t before = sink.count;

            assert_true(commit(rig, COMMIT_DONE));
            assert_int_equal(number(last("events"), "diverted"), 1000);
            assert_int_equal(json_array_size(last("legs")), 1000);
            while (sink.count > before) {
                json_decref(sink.records[--sink.count]);
            }
        }
    }
    assert_true(most < 20000);
}

/* A tally with more legs than a record may hold is several records, and none is too large. */
static void test_records_of_one_tally(void **state)
{
    enum { ROUTES = 5000 };
    struct rig *rig = *state;
    struct config_route *routes = mem_array(ROUTES, struct config_route);
    struct fates *fates = bookkeeper_fates(rig->keeper);
    struct tally_head head = {.group = span_of("g"), .instance = span_of("i"), .session = 1};
    struct fate_leg *legs = mem_array(ROUTES, struct fate_leg);
    struct tally_records records = {0};
    size_t counted = 0;

    for (int i = 0; i < ROUTES; i++) {
        routes[i].name = span_of(mem_format("route-with-a-long-name-%d-%080d", i, i));
        legs[i] = (struct fate_leg){.route = &routes[i], .leg = &rig->leg};
    }
    place(rig, 0, SPAN_NONE);
    take(rig, 0, 4);
    settle(rig, 0, 1, (struct settled){fates_find(fates, legs, ROUTES, "\0\0\0"), 0});
    settle(rig, 2, 3, (struct settled){fates_find(fates, legs, ROUTES, "\0\0\0"), 0});
    tracker_seal(rig->partition->tracker, 4);
    buf_init(&records.text, 1 << 30);
    tally_records_write(&records, &head, rig->partition, fates);
    assert_true(records.count > 2);
    for (size_t i = 0; i < records.count; i++) {
        struct span text = tally_records_at(&records, i);
        json_t *record = json_loadb(text.ptr, text.len, 0, NULL);
        const json_t *runs;

        assert_non_null(record);
        assert_true(text.len < 1000000);
        assert_int_equal(number(record, "part"), (json_int_t)i);
        assert_int_equal(json_is_true(json_object_get(record, "last")), i + 1 == records.count);
        counted += json_array_size(json_object_get(record, "legs"));
        runs = json_object_get(record, "ahead");
        counted += json_array_size(json_object_get(json_array_get(runs, 0), "legs"));
        json_decref(record);
    }
    assert_int_equal(counted, 2 * ROUTES);
    tally_records_fini(&records);
    for (int i = 0; i < ROUTES; i++) {
        free((void *)(uintptr_t)routes[i].name.ptr);
    }
    free(routes);
    free(legs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_stretch, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_a_commit_that_fails, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_a_ledger_that_fails, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_a_ledger_that_failed_before, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_runs_ahead, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_gaps, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_a_new_log_while_a_commit_is_out, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_fates, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_currencies, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_fates_are_forgotten, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_records_of_one_tally, open_rig, close_rig),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
