/* `detour replay list`: the replays on the ledger, newest last. */
#include <jansson.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/columns.h"
#include "recovery/ledger_reader.h"
#include "recovery/read_config.h"
#include "replay/replay.h"

enum { NAME_COLUMNS = 20, STATE_COLUMNS = 9, TIME_COLUMNS = 21, BY_COLUMNS = 16, SENT_COLUMNS = 9 };
enum { OUT_BYTES_MAX = 16 << 20 };

struct arguments {
    const char *path;
    bool is_json;
};

static bool is_replay(const struct books_job *job, struct span group)
{
    return span_is(job->job, "replay") && span_eq(job->group, group);
}

/* One that was killed has no end on the ledger: whether it still runs only its group knows. */
static const char *word_of(enum record_state state)
{
    switch (state) {
    case STATE_ENDED:
        return "done";
    case STATE_STOPPED:
        return "stopped";
    case STATE_CANCELLED:
        return "cancelled";
    case STATE_STARTED:
    case STATE_CHANGED:
        break;
    }
    return "begun";
}

static json_t *job_json(const struct books_job *job)
{
    char started[CLOCK_ISO_BYTES];
    char last[CLOCK_ISO_BYTES];
    json_t *out =
        json_pack("{s:s%, s:s, s:s%, s:s%, s:s, s:s}", "name", job->name.ptr, job->name.len,
                  "state", word_of(job->state), "topic", job->topic.ptr, job->topic.len, "by",
                  job->by.ptr, job->by.len, "started", clock_iso(job->started_ms, started), "last",
                  clock_iso(job->last_ms, last));

    if (out != NULL) {
        json_object_set(out, "selection", job->selection);
        json_object_set(out, "counts", job->counts);
    }
    return out;
}

static void add_row(struct buf *out, const struct books_job *job)
{
    char started[CLOCK_ISO_BYTES];
    json_int_t sent = json_integer_value(json_object_get(job->counts, "selected"));

    columns_left(out, job->name, NAME_COLUMNS);
    buf_add_char(out, ' ');
    columns_left(out, span_of(word_of(job->state)), STATE_COLUMNS);
    buf_add_char(out, ' ');
    columns_left(out, (struct span){clock_iso(job->started_ms, started), 19}, TIME_COLUMNS);
    columns_left(out, job->by, BY_COLUMNS);
    columns_number(out, sent < 0 ? 0 : (uint64_t)sent, SENT_COLUMNS);
    buf_add_char(out, '\n');
}

static int show(const struct books *books, struct span group, bool is_json)
{
    json_t *list = json_array();
    size_t count = 0;
    struct buf out;

    buf_init(&out, OUT_BYTES_MAX);
    columns_left(&out, SPAN("NAME"), NAME_COLUMNS + 1);
    columns_left(&out, SPAN("STATE"), STATE_COLUMNS + 1);
    columns_left(&out, SPAN("STARTED (UTC)"), TIME_COLUMNS);
    columns_left(&out, SPAN("BY"), BY_COLUMNS);
    buf_add_text(&out, "     SENT\n");
    for (size_t i = 0; i < books->job_count; i++) {
        if (is_replay(&books->jobs[i], group)) {
            add_row(&out, &books->jobs[i]);
            json_array_append_new(list, job_json(&books->jobs[i]));
            count++;
        }
    }
    if (is_json) {
        (void)json_dumpf(list, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
    } else if (count == 0) {
        printf("No replay is on the ledger.\n");
    } else {
        (void)fwrite(out.ptr, 1, out.len, stdout);
    }
    json_decref(list);
    buf_fini(&out);
    return count == 0 ? EXIT_CODE_NO : EXIT_CODE_OK;
}

static int read_and_show(const struct config *config, bool is_json)
{
    struct books *books = books_new(NULL);
    struct ledger_reader reader = {0};
    struct err err;
    enum err_code rc = ledger_read(&reader, config, books, &err);
    int code;

    if (rc == ERR_OK) {
        code = show(books, config->kafka.group, is_json);
    } else {
        fprintf(stderr, "detour replay list: %s\n", err.text);
        code = command_exit_code(rc);
    }
    ledger_reader_fini(&reader);
    books_free(books);
    return code;
}

static int run(const void *all)
{
    const struct arguments *arguments = all;
    struct config *config = read_config(arguments->path);
    int code = EXIT_CODE_USAGE;

    if (config != NULL && !config->ledger.is_on) {
        fprintf(stderr, "detour replay list: %s says `ledger: off`, so no replay is on record\n",
                arguments->path);
    } else if (config != NULL) {
        code = read_and_show(config, arguments->is_json);
    }
    config_free(config);
    return code;
}

static const struct command_option options[] = {
    COMMAND_CONFIG(struct arguments, path),
    COMMAND_JSON(struct arguments, is_json),
};

const struct command replay_list_command = {
    .name = "replay list",
    .summary = "the replays on the ledger",
    .about = "Every replay on the ledger: its name, whether it was done or stopped, when it began, "
             "who ran it and how many records it sent.",
    .exits = "0 found, 1 nothing found, 2 wrong usage or configuration, 3 Kafka does not answer",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct arguments),
    .run = run,
};
