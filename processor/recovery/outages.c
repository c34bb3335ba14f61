#include "recovery/outages.h"

#include <stdio.h>

#include "recovery/outages_show.h"
#include "recovery/read_config.h"
#include "recovery/reconcile.h"

enum { NAMED_MAX = 10 };

struct arguments {
    const char *path;
    const char *id; /* NULL: all */
    bool is_json;
};

static void print_json(json_t *document)
{
    (void)json_dumpf(document, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(document);
}

static int show_all(const struct config *config, const struct outage_list *list, bool is_json)
{
    if (is_json) {
        print_json(outages_json(list, config));
    } else if (list->count == 0) {
        printf("No outage is on the ledger.\n");
    } else {
        outages_print(stdout, list);
    }
    return list->count == 0 ? EXIT_CODE_NO : EXIT_CODE_OK;
}

static int show_one(const struct config *config, struct books *books,
                    const struct outage_list *list, const struct arguments *arguments)
{
    const struct outage *outage = outage_list_find(list, span_of(arguments->id));

    if (outage == NULL) {
        fprintf(stderr, "detour outages show: no outage %s is on the ledger; %s", arguments->id,
                list->count == 0 ? "there is none at all" : "the last ones are");
        for (size_t i = list->count; i > 0 && list->count - i < NAMED_MAX; i--) {
            fprintf(stderr, " " SPAN_FMT, SPAN_ARG(list->items[i - 1].parts[0]->id));
        }
        fputc('\n', stderr);
        return EXIT_CODE_NO;
    }
    if (arguments->is_json) {
        print_json(outage_json(books, config, outage));
    } else {
        outage_print(stdout, books, config, outage);
    }
    return EXIT_CODE_OK;
}

static int look_and_show(const struct config *config, const struct arguments *arguments)
{
    struct books_window window = {INT64_MIN, INT64_MAX};
    struct reconcile reconcile;
    struct outage_list list;
    struct err err;
    enum err_code rc;
    int code;

    if (!config->ledger.is_on) {
        fprintf(stderr,
                "detour outages: %s says `ledger: off`, so no outage is on record; the "
                "running ones are in `detour status`\n",
                arguments->path);
        return EXIT_CODE_USAGE;
    }
    rc = reconcile_read(config, &window, &reconcile, &err);
    if (rc == ERR_OK) {
        outage_list_make(reconcile.books, config->kafka.group, &list);
        code = arguments->id == NULL ? show_all(config, &list, arguments->is_json)
                                     : show_one(config, reconcile.books, &list, arguments);
        outage_list_fini(&list);
    } else {
        fprintf(stderr, "detour outages: %s\n", err.text);
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

static const struct command_option options[] = {
    COMMAND_CONFIG(struct arguments, path),
    COMMAND_JSON(struct arguments, is_json),
};

static const struct command_option words[] = {
    {.name = "ID",
     .help = "the id of the outage, as `detour outages` and the header detour.outage have it",
     .missing = "which outage? detour outages lists them",
     .read = command_text,
     .offset = offsetof(struct arguments, id)},
};

#define EXITS "0 found, 1 nothing found, 2 wrong usage or configuration, 3 Kafka does not answer"

static const struct command show_command = {
    .name = "outages show",
    .summary = "one outage: cause, counts, value, instances",
    .about = "One outage: when, why, how many events of which type, worth how much, and where they "
             "are now.",
    .exits = EXITS,
    .options = options,
    .option_count = COUNT_OF(options),
    .words = words,
    .word_count = COUNT_OF(words),
    .arguments_bytes = sizeof(struct arguments),
    .run = run,
};

static const struct command *const outages_commands[] = {&show_command};

const struct command outages_command = {
    .name = "outages",
    .summary = "the outages on the ledger, past and running",
    .about = "Every outage on the ledger with its start, end and cause, how many events were "
             "diverted, and what they are worth.",
    .exits = EXITS,
    .options = options,
    .option_count = COUNT_OF(options),
    .commands = outages_commands,
    .command_count = COUNT_OF(outages_commands),
    .arguments_bytes = sizeof(struct arguments),
    .run = run,
};
