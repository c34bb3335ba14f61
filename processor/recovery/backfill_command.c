#include "recovery/backfill_command.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/columns.h"
#include "base/mem.h"
#include "recovery/backfill_orders.h"
#include "recovery/backfill_state.h"
#include "recovery/job_record.h"
#include "recovery/read_config.h"

enum {
    OVER_MS = 3000, /* how fast it goes is seen in so long; a commit comes once a second */
    CLOSE_MS = 5000,
    NAME_COLUMNS = 20,
    STATE_COLUMNS = 9,
    NUMBER_COLUMNS = 11,
    OUT_BYTES_MAX = 1 << 20,
};

struct arguments {
    const char *path;
    const char *destination; /* NULL: all */
    bool is_json;
};

/* Those that are meant, of those that have a backfill. */
struct chosen {
    const struct config_destination **items; /* owned */
    size_t count;
};

static bool has_backfill(const struct config_destination *destination)
{
    return destination->backfill.from.ptr != NULL;
}

static void print_names(const struct config *config)
{
    const char *comma = "";

    for (size_t i = 0; i < config->destination_count; i++) {
        if (has_backfill(&config->destinations[i])) {
            fprintf(stderr, "%s" SPAN_FMT, comma, SPAN_ARG(config->destinations[i].name));
            comma = ", ";
        }
    }
    fputc('\n', stderr);
}

static int choose(const struct config *config, const struct arguments *arguments,
                  struct chosen *out)
{
    if (config_backfills(config) == 0) {
        fprintf(stderr,
                "detour backfill: no destination in %s has a backfill: "
                "destinations.NAME.backfill.from\n",
                arguments->path);
        return EXIT_CODE_USAGE;
    }
    if (!config->ledger.is_on) {
        fprintf(stderr,
                "detour backfill: %s says `ledger: off`, so nothing is on record, and nobody would "
                "read an order\n",
                arguments->path);
        return EXIT_CODE_USAGE;
    }
    out->items = mem_array(config_backfills(config), const struct config_destination *);
    for (size_t i = 0; i < config->destination_count; i++) {
        const struct config_destination *at = &config->destinations[i];

        if (has_backfill(at) &&
            (arguments->destination == NULL || span_is(at->name, arguments->destination))) {
            out->items[out->count++] = at;
        }
    }
    if (out->count == 0) {
        fprintf(stderr, "detour backfill: %s has no backfill; those that have one: ",
                arguments->destination);
        print_names(config);
        return EXIT_CODE_USAGE;
    }
    return EXIT_CODE_OK;
}

/* status */

static const char *word_of(const struct backfill_state *state)
{
    if (state->is_paused) {
        return "paused";
    }
    if (state->waiting.count == 0) {
        return "done";
    }
    return state->waiting.per_second > 0 ? "running" : "waiting";
}

static json_t *text_json(struct span text)
{
    return text.ptr == NULL ? json_null() : json_stringn(text.ptr, text.len);
}

static json_t *state_json(const struct backfill_state *state)
{
    char at[CLOCK_ISO_BYTES];
    int64_t left_ms = backfill_waiting_left_ms(&state->waiting);

    return json_pack("{s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o}", "destination",
                     text_json(state->destination->name), "from", text_json(state->from->name),
                     "state", word_of(state), "waiting", (json_int_t)state->waiting.count,
                     "backfilled", (json_int_t)state->backfilled, "expired",
                     (json_int_t)state->expired, "skipped", (json_int_t)state->skipped,
                     "dead_lettered", (json_int_t)state->dead_lettered, "per_second",
                     state->waiting.per_second, "seconds_left",
                     left_ms < 0 ? json_null() : json_integer(left_ms / 1000), "paused_by",
                     state->is_paused ? text_json(state->by) : json_null(), "paused_since",
                     state->is_paused ? json_string(clock_iso(state->order_ms, at)) : json_null());
}

static void add_row(struct buf *out, const struct backfill_state *state)
{
    char left[COLUMNS_DURATION_BYTES];
    char at[CLOCK_ISO_BYTES];

    columns_left(out, state->destination->name, NAME_COLUMNS);
    buf_add_char(out, ' ');
    columns_left(out, span_of(word_of(state)), STATE_COLUMNS);
    columns_number(out, state->waiting.count, NUMBER_COLUMNS);
    columns_number(out, state->backfilled, NUMBER_COLUMNS);
    columns_number(out, state->expired, NUMBER_COLUMNS);
    buf_add_text(out, "  ");
    if (backfill_waiting_left_ms(&state->waiting) >= 0) {
        buf_add_text(out, columns_duration(backfill_waiting_left_ms(&state->waiting), left));
    } else {
        buf_add_text(out, "-");
    }
    buf_add_char(out, '\n');
    if (state->waiting.partitions == 0) {
        buf_printf(out, "  the topic " SPAN_FMT " is not there\n", SPAN_ARG(state->from->topic));
    }
    if (state->is_paused) {
        buf_printf(out, "  paused by " SPAN_FMT " since %.19s UTC\n", SPAN_ARG(state->by),
                   clock_iso(state->order_ms, at));
    }
}

static void print_states(const struct backfill_state *states, size_t count)
{
    struct buf out;

    buf_init(&out, OUT_BYTES_MAX);
    columns_left(&out, SPAN("DESTINATION"), NAME_COLUMNS + 1);
    columns_left(&out, SPAN("STATE"), STATE_COLUMNS);
    columns_right(&out, SPAN("WAITING"), NUMBER_COLUMNS);
    columns_right(&out, SPAN("BACKFILLED"), NUMBER_COLUMNS);
    columns_right(&out, SPAN("EXPIRED"), NUMBER_COLUMNS);
    buf_add_text(&out, "  TIME LEFT\n");
    for (size_t i = 0; i < count; i++) {
        add_row(&out, &states[i]);
    }
    (void)fwrite(out.ptr, 1, out.len, stdout);
    buf_fini(&out);
}

static void show(const struct backfill_state *states, size_t count, bool is_json)
{
    json_t *list;

    if (!is_json) {
        print_states(states, count);
        return;
    }
    list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, state_json(&states[i]));
    }
    (void)json_dumpf(list, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(list);
}

static int fail(enum err_code rc, const struct err *err)
{
    fprintf(stderr, "detour backfill: %s\n", err->text);
    return rc == ERR_NET ? EXIT_CODE_NET : EXIT_CODE_NO;
}

static int show_status(const struct config *config, const struct chosen *chosen,
                       const struct arguments *arguments)
{
    const struct books_window window = {INT64_MIN, INT64_MAX};
    struct backfill_state *states = mem_array(chosen->count, struct backfill_state);
    struct reconcile reconcile;
    struct err err;
    enum err_code rc = reconcile_read(config, &window, &reconcile, &err);

    for (size_t i = 0; i < chosen->count && rc == ERR_OK; i++) {
        backfill_state_make(&reconcile, chosen->items[i], &states[i]);
    }
    if (rc == ERR_OK) {
        rc = backfill_states_ask(config, states, chosen->count, OVER_MS, &err);
    }
    if (rc == ERR_OK) {
        show(states, chosen->count, arguments->is_json);
    }
    reconcile_fini(&reconcile);
    free(states);
    return rc == ERR_OK ? EXIT_CODE_OK : fail(rc, &err);
}

/* orders */

static enum err_code write_order(struct ledger *ledger, const struct config *config,
                                 const struct config_destination *destination, const char *state,
                                 struct err *err)
{
    char *name = backfill_orders_name(destination->name);
    char *topic = mem_text(config_find(config, destination->backfill.from)->topic);
    json_t *selection =
        json_pack("{s:[s%]}", "destination", destination->name.ptr, destination->name.len);
    enum err_code rc = job_record_write(ledger, config,
                                        &(struct job_record){.job = "backfill",
                                                             .name = name,
                                                             .state = state,
                                                             .topic = topic,
                                                             .selection = selection},
                                        err);

    json_decref(selection);
    free(topic);
    free(name);
    return rc;
}

static void say_ordered(const struct chosen *chosen, const char *word, bool is_json)
{
    json_t *names = json_array();

    for (size_t i = 0; i < chosen->count; i++) {
        json_array_append_new(names, text_json(chosen->items[i]->name));
        if (!is_json) {
            printf("backfill of " SPAN_FMT
                   " %s: running processors follow within a second or two\n",
                   SPAN_ARG(chosen->items[i]->name), word);
        }
    }
    if (is_json) {
        json_t *document = json_pack("{s:O}", word, names);

        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(document);
    }
    json_decref(names);
}

static int order(const struct config *config, const struct chosen *chosen,
                 const struct arguments *arguments, bool is_pause)
{
    struct ledger *ledger = NULL;
    struct err err;
    enum err_code rc = ledger_open(config, &ledger, &err);

    for (size_t i = 0; i < chosen->count && rc == ERR_OK; i++) {
        rc = write_order(ledger, config, chosen->items[i], is_pause ? "stopped" : "started", &err);
    }
    ledger_close(ledger, clock_mono_ms() + CLOSE_MS);
    if (rc == ERR_OK) {
        say_ordered(chosen, is_pause ? "paused" : "resumed", arguments->is_json);
    }
    return rc == ERR_OK ? EXIT_CODE_OK : fail(rc, &err);
}

/* the commands */

enum what { STATUS, PAUSE, RESUME };

static int run(const struct arguments *arguments, enum what what)
{
    struct config *config = read_config(arguments->path);
    struct chosen chosen = {0};
    int code = config == NULL ? EXIT_CODE_USAGE : choose(config, arguments, &chosen);

    if (code == EXIT_CODE_OK) {
        code = what == STATUS ? show_status(config, &chosen, arguments)
                              : order(config, &chosen, arguments, what == PAUSE);
    }
    free(chosen.items);
    config_free(config);
    return code;
}

static int run_status(const void *all)
{
    return run(all, STATUS);
}

static int run_pause(const void *all)
{
    return run(all, PAUSE);
}

static int run_resume(const void *all)
{
    return run(all, RESUME);
}

static const struct command_option options[] = {
    COMMAND_CONFIG(struct arguments, path),
    {.name = "destination",
     .argument = "NAME",
     .help = "of this destination alone; else of all that have a backfill",
     .read = command_text,
     .offset = offsetof(struct arguments, destination)},
    COMMAND_JSON(struct arguments, is_json),
};

#define EXITS                                                                                      \
    "0 done, 1 the ledger cannot be read, 2 wrong usage or configuration, 3 Kafka does not answer"
#define TABLE                                                                                      \
    .exits = EXITS, .options = options, .option_count = COUNT_OF(options),                         \
    .arguments_bytes = sizeof(struct arguments)

static const struct command status_command_of_backfill = {
    .name = "backfill status",
    .summary = "what waits, how fast it goes, how long it takes",
    .about = "For each destination that has a backfill: how many diverted events wait, were "
             "delivered or expired, how long the rest will take, and who has paused it.",
    TABLE,
    .run = run_status,
};

static const struct command pause_command = {
    .name = "backfill pause",
    .summary = "deliver no diverted events until it is resumed",
    .about = "Writes to the ledger that the backfill is paused. Running processors stop it within "
             "a second or two; those that start later do not begin it.",
    TABLE,
    .run = run_pause,
};

static const struct command resume_command = {
    .name = "backfill resume",
    .summary = "go on",
    .about = "Writes to the ledger that the backfill goes on.",
    TABLE,
    .run = run_resume,
};

static const struct command *const backfill_commands[] = {&status_command_of_backfill,
                                                          &pause_command, &resume_command};

const struct command backfill_command = {
    .name = "backfill",
    .summary = "delivery of diverted events after an outage: status, pause, resume",
    .about = "The processor delivers diverted events itself once their destination is well again "
             "(destinations.NAME.backfill); this says how far it is, and stops it.",
    .exits = EXITS,
    .commands = backfill_commands,
    .command_count = COUNT_OF(backfill_commands),
};
