/* What the sandbox reads of the processor's status, and in which words it tells what changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "trial/watch.h"

/* A status document around the destination's members. */
#define STATUS(destination)                                                                        \
    "[{\"instance\":\"a:1\",\"in_flight\":{\"events\":7,\"bytes\":70},\"lag\":3,"                  \
    "\"totals\":{\"consumed\":100,\"delivered\":80,\"diverted\":9,\"dead_lettered\":1,"            \
    "\"dropped\":4},\"destinations\":[{\"name\":\"utm\",\"state\":\"closed\",\"cause\":null,"      \
    "\"share\":1.0,\"scope\":\"none\",\"throttled\":false,\"held\":null,\"cells\":[]},"            \
    "{\"name\":\"tiktok\"," destination "}]}]"
#define WELL "\"state\":\"closed\",\"cause\":null,\"share\":1.0"
#define FLOWS "\"throttled\":false,\"held\":null"
#define CELL(event, state) "{\"event\":\"" event "\"," state "}"
#define OPEN_BURST "\"state\":\"open\",\"cause\":\"burst\",\"share\":0.0"

static void a_status_is_read(void **state)
{
    static const char text[] = STATUS(
        WELL
        ",\"scope\":\"partial\",\"throttled\":true,"
        "\"held\":{\"secret\":\"file token\",\"since\":\"2026-01-01T00:00:00Z\"},\"cells\":[" CELL(
            "Purchase",
            "\"state\":\"ramp\",\"cause\":\"ratio\",\"share\":0.25") "," CELL("View", WELL) "]");
    struct watch watch;
    const struct watch_part *cell;

    (void)state;
    watch_init(&watch, "tiktok");
    assert_int_equal(watch_read(&watch, SPAN(text), NULL), ERR_OK);
    assert_string_equal(watch.self.name, "tiktok");
    assert_int_equal(watch.self.state, BREAKER_CLOSED);
    assert_string_equal(watch.scope, "partial");
    assert_true(watch.is_throttled);
    assert_true(watch.is_held);
    assert_int_equal(watch.cell_count, 2);
    cell = &watch.cells[0];
    assert_string_equal(cell->name, "Purchase");
    assert_int_equal(cell->state, BREAKER_RAMP);
    assert_string_equal(cell->cause, "ratio");
    assert_true(cell->share > 0.24 && cell->share < 0.26);
    assert_false(watch_is_closed(&watch));
    assert_int_equal(watch.consumed, 100);
    assert_int_equal(watch.diverted, 9);
    assert_int_equal(watch.dropped, 4);
    assert_int_equal(watch.in_flight, 7);
    assert_int_equal(watch.lag, 3);
}

static const struct {
    const char *name;
    const char *text;
} unreadable[] = {
    {"nothing", ""},
    {"no JSON", "<html>"},
    {"no instance", "[]"},
    {"not a list", "{}"},
    {"cut short", "[{\"lag\":3"},
    {"no totals", "[{\"in_flight\":{\"events\":7},\"lag\":3,\"destinations\":[]}]"},
    {"another destination only",
     "[{\"in_flight\":{\"events\":7},\"lag\":3,\"totals\":{\"consumed\":1,\"diverted\":0,"
     "\"dropped\":0},\"destinations\":[{\"name\":\"utm\"}]}]"},
    {"a state nobody knows",
     STATUS("\"state\":\"ajar\",\"cause\":null,\"share\":1.0,\"scope\":\"none\"," FLOWS
            ",\"cells\":[]")},
    {"no scope", STATUS(WELL "," FLOWS ",\"cells\":[]")},
    {"no cells", STATUS(WELL ",\"scope\":\"none\"," FLOWS)},
    {"a cell without an event",
     STATUS(WELL ",\"scope\":\"none\"," FLOWS ",\"cells\":[{" WELL "}]")},
    {"a cell without a state",
     STATUS(WELL ",\"scope\":\"none\"," FLOWS ",\"cells\":[{\"event\":\"View\"}]")},
};

static void what_cannot_be_read_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(unreadable); i++) {
        struct watch watch;
        struct err err = {0};

        watch_init(&watch, "tiktok");
        watch.consumed = 42;
        if (watch_read(&watch, span_of(unreadable[i].text), &err) != ERR_DATA ||
            watch.consumed != 42 || strstr(err.text, "tiktok") == NULL) {
            fail_msg("%s: taken, or the text does not say whom it misses: %s", unreadable[i].name,
                     err.text);
        }
    }
}

static void more_cells_than_there_can_be_are_refused(void **state)
{
    struct buf text;
    struct watch watch;

    (void)state;
    for (size_t count = WATCH_CELLS_MAX; count <= WATCH_CELLS_MAX + 1; count++) {
        buf_init(&text, 1 << 20);
        buf_add_text(&text,
                     "[{\"in_flight\":{\"events\":0},\"lag\":0,\"totals\":{\"consumed\":0,"
                     "\"diverted\":0,\"dropped\":0},\"destinations\":[{\"name\":\"tiktok\"," WELL
                     ",\"scope\":\"none\"," FLOWS ",\"cells\":[");
        for (size_t i = 0; i < count; i++) {
            buf_printf(&text, "%s{\"event\":\"e%zu\"," WELL "}", i == 0 ? "" : ",", i);
        }
        buf_add_text(&text, "]}]}]");
        watch_init(&watch, "tiktok");
        assert_int_equal(watch_read(&watch, buf_span(&text), NULL),
                         count == WATCH_CELLS_MAX ? ERR_OK : ERR_DATA);
        buf_fini(&text);
    }
}

static struct watch_part part(const char *name, enum breaker_state state, const char *cause,
                              double share)
{
    struct watch_part out = {.state = state, .share = share};

    (void)snprintf(out.name, sizeof(out.name), "%s", name);
    (void)snprintf(out.cause, sizeof(out.cause), "%s", cause);
    return out;
}

/* The destination and one cell. */
struct view {
    enum breaker_state self, cell;
    double share;
    bool is_throttled, is_held;
};

static void set(struct watch *watch, const struct view *view, const char *scope)
{
    watch_init(watch, "tiktok");
    watch->self = part("tiktok", view->self, view->self == BREAKER_CLOSED ? "" : "quorum", 1);
    watch->cells[0] =
        part("Purchase", view->cell, view->cell == BREAKER_CLOSED ? "" : "burst", view->share);
    watch->cell_count = 1;
    watch->is_throttled = view->is_throttled;
    watch->is_held = view->is_held;
    (void)snprintf(watch->scope, sizeof(watch->scope), "%s", scope);
}

static const struct {
    const char *name;
    struct view before, now;
    const char *scope;
    const char *want; /* lines */
} changes[] = {
    {"nothing", {.share = 1}, {.share = 1}, "none", ""},
    {"a share that grows is no transition",
     {.cell = BREAKER_RAMP, .share = 0.1},
     {.cell = BREAKER_RAMP, .share = 0.25},
     "partial",
     ""},
    {"a cell opens",
     {.share = 1},
     {.cell = BREAKER_OPEN},
     "partial",
     "Purchase opened (burst), scope partial\n"},
    {"opened and probed between two looks",
     {.share = 1},
     {.cell = BREAKER_HALF_OPEN},
     "partial",
     "Purchase opened (burst), scope partial\nPurchase is probed (half-open): one event at a "
     "time\n"},
    {"probed",
     {.cell = BREAKER_OPEN},
     {.cell = BREAKER_HALF_OPEN},
     "partial",
     "Purchase is probed (half-open): one event at a time\n"},
    {"the probes fail",
     {.cell = BREAKER_HALF_OPEN},
     {.cell = BREAKER_OPEN},
     "partial",
     "Purchase stays open: its probes failed\n"},
    {"it returns",
     {.cell = BREAKER_HALF_OPEN},
     {.cell = BREAKER_RAMP, .share = 0.1},
     "partial",
     "Purchase returns: 10 % of its events go to it again\n"},
    {"the return fails",
     {.cell = BREAKER_RAMP},
     {.cell = BREAKER_OPEN},
     "partial",
     "Purchase stays open: its return failed\n"},
    {"it is back",
     {.cell = BREAKER_RAMP, .share = 1},
     {.share = 1},
     "none",
     "Purchase closed: all of its events go to it again\n"},
    {"absorbed",
     {.cell = BREAKER_OPEN},
     {.self = BREAKER_OPEN, .share = 1},
     "global",
     "tiktok opened (quorum), scope global\n"
     "Purchase closed: its outage is now one of tiktok as a whole\n"},
    {"throttled",
     {.share = 1},
     {.share = 1, .is_throttled = true},
     "none",
     "tiktok is throttled: its events wait, none is diverted\n"},
    {"throttled no more",
     {.share = 1, .is_throttled = true},
     {.share = 1},
     "none",
     "tiktok is no longer throttled\n"},
    {"held",
     {.share = 1},
     {.share = 1, .is_held = true},
     "none",
     "tiktok is held: its credential is refused\n"},
    {"held no more",
     {.share = 1, .is_held = true},
     {.share = 1},
     "none",
     "tiktok is held no more\n"},
};

static void each_change_is_told_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct watch before;
        struct watch now;
        struct buf told;

        buf_init(&told, 4096);
        set(&before, &changes[i].before, "none");
        set(&now, &changes[i].now, changes[i].scope);
        watch_compare(&before, &now, &told);
        if (strcmp(buf_text(&told), changes[i].want) != 0) {
            fail_msg("%s: told %s instead of %s", changes[i].name, buf_text(&told),
                     changes[i].want);
        }
        buf_fini(&told);
    }
}

static void a_new_cell_was_closed_before(void **state)
{
    struct watch before;
    struct watch now;
    struct buf told;

    (void)state;
    buf_init(&told, 4096);
    watch_init(&before, "tiktok");
    set(&now, &(struct view){.cell = BREAKER_OPEN}, "partial");
    watch_compare(&before, &now, &told);
    assert_string_equal(buf_text(&told), "Purchase opened (burst), scope partial\n");
    buf_fini(&told);
}

static void expect_summary(const struct watch *watch, const char *want)
{
    struct buf text;

    buf_init(&text, 4096);
    watch_summary(watch, &text);
    assert_string_equal(buf_text(&text), want);
    buf_fini(&text);
}

static void the_summary_names_what_is_not_closed(void **state)
{
    struct watch watch;

    (void)state;
    set(&watch, &(struct view){.share = 1}, "none");
    expect_summary(&watch, "all closed");
    watch.is_throttled = true;
    expect_summary(&watch, "all closed, throttled");
    set(&watch, &(struct view){.cell = BREAKER_RAMP, .share = 0.5}, "partial");
    expect_summary(&watch, "Purchase ramp (burst, 50 %)");
    set(&watch, &(struct view){.self = BREAKER_OPEN, .cell = BREAKER_OPEN}, "global");
    for (size_t i = 1; i < 6; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "e%zu", i);
        watch.cells[i] = part(name, BREAKER_OPEN, "thin", 0);
    }
    watch.cell_count = 6;
    expect_summary(&watch, "tiktok open (quorum), Purchase open (burst), e1 open (thin), "
                           "e2 open (thin) and 3 more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_is_read),
        cmocka_unit_test(what_cannot_be_read_changes_nothing),
        cmocka_unit_test(more_cells_than_there_can_be_are_refused),
        cmocka_unit_test(each_change_is_told_once),
        cmocka_unit_test(a_new_cell_was_closed_before),
        cmocka_unit_test(the_summary_names_what_is_not_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
