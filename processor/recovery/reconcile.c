#include "recovery/reconcile.h"

#include <string.h>

#include "base/clock.h"
#include "config/command.h"
#include "recovery/read_config.h"

struct arguments {
    const char *path, *since, *until, *metrics;
    bool is_deep, is_json;
};

/* ISO 8601, or a duration before now. */
static bool read_time(const char *text, int64_t *ms)
{
    static const struct command_option option = {.name = "time", .low = 0, .high = INT64_MAX};
    uint64_t before = 0;

    if (clock_parse_iso(text, strlen(text), ms)) {
        return true;
    }
    if (!command_duration(&option, text, &before)) {
        return false;
    }
    *ms = clock_wall_ms() - (int64_t)before;
    return true;
}

static const char *check(const void *all)
{
    const struct arguments *arguments = all;
    int64_t since = INT64_MIN;
    int64_t until = INT64_MAX;

    if (arguments->since != NULL && !read_time(arguments->since, &since)) {
        return "--since wants a time such as 2026-11-30T14:00:00Z, or 2h for two hours ago";
    }
    if (arguments->until != NULL && !read_time(arguments->until, &until)) {
        return "--until wants a time such as 2026-11-30T14:00:00Z, or 2h for two hours ago";
    }
    return since < until ? NULL : "--since is not before --until";
}

static int show(struct reconcile *reconcile, const struct arguments *arguments)
{
    struct err err;
    json_t *document;

    if (arguments->is_json) {
        document = reconcile_json(reconcile);
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(document);
    } else {
        reconcile_print(stdout, reconcile);
    }
    if (arguments->metrics != NULL &&
        reconcile_metrics(reconcile, arguments->metrics, &err) != ERR_OK) {
        fprintf(stderr, "detour reconcile: %s\n", err.text);
        return EXIT_CODE_NO;
    }
    return reconcile->is_ok ? EXIT_CODE_OK : EXIT_CODE_NO;
}

static int look_and_show(const struct config *config, const struct arguments *arguments)
{
    struct books_window window = {INT64_MIN, INT64_MAX};
    struct reconcile reconcile;
    struct err err;
    enum err_code rc;
    int code;

    if (!config->ledger.is_on) {
        fprintf(stderr,
                "detour reconcile: %s says `ledger: off`, so there is nothing to reconcile "
                "with; take that line out and run `detour topics -c %s --create`\n",
                arguments->path, arguments->path);
        return EXIT_CODE_USAGE;
    }
    if (arguments->since != NULL) {
        (void)read_time(arguments->since, &window.since_ms);
    }
    if (arguments->until != NULL) {
        (void)read_time(arguments->until, &window.until_ms);
    }
    rc = reconcile_look(config, &window, &reconcile, &err);
    if (rc == ERR_OK && arguments->is_deep) {
        rc = reconcile_deep(&reconcile, &err);
    }
    if (rc == ERR_OK) {
        code = show(&reconcile, arguments);
    } else {
        fprintf(stderr, "detour reconcile: %s%s\n", err.text,
                rc == ERR_ABSENT ? ": nothing can be proved without the ledger. `detour topics "
                                   "--create` makes a missing one; it then begins empty"
                                 : "");
        code = rc == ERR_NET ? EXIT_CODE_NET : EXIT_CODE_NO;
    }
    reconcile_fini(&reconcile);
    return code;
}

static int run(const void *all)
{
    const struct arguments *arguments = all;
    struct config *config = read_config(arguments->path);
    int code = config == NULL ? EXIT_CODE_USAGE : look_and_show(config, arguments);

    config_free(config);
    return code;
}

#define FIELD(member) .offset = offsetof(struct arguments, member)

static const struct command_option options[] = {
    COMMAND_CONFIG(struct arguments, path),
    {.name = "since",
     .argument = "TIME",
     .help = "only what was settled from then on: 2026-11-30T14:00:00Z, or 2h for two hours ago",
     .read = command_text,
     FIELD(since)},
    {.name = "until",
     .argument = "TIME",
     .help = "only what was settled before",
     .read = command_text,
     FIELD(until)},
    {.name = "deep",
     .help = "read alternate and dead-letter topics as well, and compare",
     .read = command_flag,
     FIELD(is_deep)},
    {.name = "metrics",
     .argument = "FILE",
     .help = "write the result for the textfile collector of the node exporter as well",
     .read = command_text,
     FIELD(metrics)},
    COMMAND_JSON(struct arguments, is_json),
};

const struct command reconcile_command = {
    .name = "reconcile",
    .summary = "prove that every event is accounted for",
    .about =
        "Adds the ledger up against the topics' own offsets: consumed = delivered + diverted + "
        "dead-lettered + dropped + in flight, and says where it does not hold.",
    .exits = "0 it balances, 1 it does not or there is nothing, 2 wrong usage or configuration, 3 "
             "Kafka does not answer",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct arguments),
    .check = check,
    .run = run,
};
