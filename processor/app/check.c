#include "app/check.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/check_destinations.h"
#include "app/check_names.h"
#include "app/check_online.h"
#include "base/mem.h"
#include "destinations/table.h"
#include "route/route_table_review.h"

struct arguments {
    const char *path;
    bool is_json;
    bool is_strict;
    bool is_online;
    bool has_no_secrets;
};

struct check {
    const struct arguments *arguments;
    bool is_asked; /* the world was asked: `online` is filled */
    struct diags diags;
    struct config *config; /* NULL when too little could be read */
    size_t test_count;
    struct check_destinations destinations;
    struct online_report online;
};

/* A name that no event has is a slip of the pen, and its events would go by their own. */
static void check_event_names(struct check *check, const struct config_destination *destination,
                              const struct type_names *names)
{
    for (size_t i = 0; i < destination->event_count; i++) {
        const struct name_pair *event = &destination->events[i];
        const char *near = suggest(event->name, names->items, names->count);
        bool is_known = false;

        for (size_t k = 0; k < names->count; k++) {
            is_known = is_known || span_is(event->name, names->items[k]);
        }
        if (!is_known) {
            diag_warning(&check->diags, event->place, "events: no event is ever %s%s",
                         LOG_S(event->name), did_you_mean(near).text);
        }
    }
}

static void check_all_event_names(struct check *check, const struct type_names *names)
{
    for (size_t i = 0; i < check->config->destination_count; i++) {
        check_event_names(check, &check->config->destinations[i], names);
    }
}

/* What fails only for want of something else that is wrong would be a false alarm. */
static void run_route_tests(struct check *check, const struct route_table *table,
                            const struct event_paths *paths, const struct readers *readers)
{
    const struct config *config = check->config;

    bool has_type = paths->is_type_record_name || paths->type != NULL;

    if (table != NULL && has_type && !config->has_broken_routes && config->kafka.topic_count > 0) {
        route_tests_run(config, table, paths, readers, &check->diags, &check->test_count);
    }
}

static void compile_with(struct check *check, const struct catalog *catalog)
{
    const struct config *config = check->config;
    const struct readers *readers = catalog_readers(catalog);
    size_t errors_before = check->diags.error_count;
    struct event_paths paths = {0};
    struct type_names types;
    struct route_table *table;
    bool is_type_known;
    bool has_types;

    event_paths_compile(config, readers, &paths, &check->diags);
    is_type_known = check->diags.error_count == errors_before;
    table = route_table_compile(config, readers, &check->diags);
    has_types = is_type_known && catalog_has_all_readers(catalog) &&
                type_names_list(&paths, readers, &types);
    check_destinations(config, readers, &(struct review){&paths, has_types ? &types : NULL},
                       &check->destinations, &check->diags);
    if (table != NULL && catalog_has_all_readers(catalog)) {
        route_table_review(table, &check->diags);
        check_route_names(config, table, &check->diags);
    }
    if (has_types) {
        check_all_event_names(check, &types);
        type_names_fini(&types);
    }
    if (is_type_known && catalog_has_all_readers(catalog)) {
        run_route_tests(check, table, &paths, readers);
    }
    route_table_free(table);
    event_paths_fini(&paths);
}

/* Everything that needs the reader schemas. */
static void compile(struct check *check)
{
    struct catalog *catalog = catalog_load_partial(check->config, &check->diags);
    size_t errors_before = check->diags.error_count;

    if (catalog == NULL) {
        return;
    }
    compile_with(check, catalog);
    if (!catalog_has_all_readers(catalog) && check->diags.error_count > errors_before) {
        diag_warning(&check->diags, check->config->schemas.reader_place,
                     "a reader is missing, so what only it has is not found: errors of paths may "
                     "go away with that of its schema");
    }
    catalog_free(catalog);
}

static void ask_world(struct check *check)
{
    struct diags known; /* all said already */
    struct pipeline *pipeline;

    diags_init(&known);
    pipeline = pipeline_compile(check->config, &known);
    if (pipeline != NULL) {
        check_online(pipeline, &check->online, &check->diags);
        check->is_asked = true;
    }
    pipeline_free(pipeline);
    diags_fini(&known);
}

static int by_place(const void *a, const void *b)
{
    const struct diag *left = a;
    const struct diag *right = b;
    int order = strcmp(left->place.file, right->place.file);

    if (order != 0) {
        return order;
    }
    if (left->place.line != right->place.line) {
        return left->place.line < right->place.line ? -1 : 1;
    }
    return left->place.column < right->place.column ? -1 : left->place.column > right->place.column;
}

static void print_for_people(const struct check *check)
{
    size_t warnings = check->diags.count - check->diags.error_count;

    for (size_t i = 0; i < check->diags.count; i++) {
        const struct diag *diag = &check->diags.items[i];

        if (diag->place.line == 0) {
            printf("%s: ", diag->place.file);
        } else {
            printf("%s:%u:%u: ", diag->place.file, diag->place.line, diag->place.column);
        }
        printf("%s%s\n", diag->level == DIAG_WARNING ? "warning: " : "", diag->message);
    }
    check_destinations_print(&check->destinations, stdout);
    if (check->is_asked) {
        online_report_print(stdout, &check->online);
    }
    if (check->arguments->is_online && !check->is_asked) {
        puts("--online: nothing was asked, because of the errors above");
    }
    printf("%s%s: ", check->is_asked || check->destinations.count > 0 ? "\n" : "",
           check->arguments->path);
    if (check->diags.error_count > 0) {
        printf("%zu error%s, %zu warning%s\n", check->diags.error_count,
               check->diags.error_count == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    } else {
        printf("ok, %zu route%s, %zu destination%s, %zu route test%s, %zu warning%s\n",
               check->config->route_count, check->config->route_count == 1 ? "" : "s",
               check->config->destination_count, check->config->destination_count == 1 ? "" : "s",
               check->test_count, check->test_count == 1 ? "" : "s", warnings,
               warnings == 1 ? "" : "s");
    }
}

/* Paths need not be UTF-8, JSON must be. */
static json_t *text_of(const char *text)
{
    json_t *string = json_string(text);
    char *copy;

    if (string != NULL) {
        return string;
    }
    copy = mem_text(span_of(text));
    for (char *at = copy; *at != '\0'; at++) {
        *at = (unsigned char)*at < 0x80 ? *at : '?';
    }
    string = json_string(copy);
    free(copy);
    return string;
}

static json_t *list_diags(const struct diags *diags, enum diag_level level)
{
    json_t *array = json_array();

    for (size_t i = 0; i < diags->count; i++) {
        const struct diag *diag = &diags->items[i];

        if (diag->level == level) {
            json_array_append_new(
                array, json_pack("{s:o, s:i, s:i, s:o}", "file", text_of(diag->place.file), "line",
                                 (int)diag->place.line, "column", (int)diag->place.column,
                                 "message", text_of(diag->message)));
        }
    }
    return array;
}

static void print_json(const struct check *check)
{
    json_t *document = json_pack("{s:b, s:o, s:o, s:o}", "ok", check->diags.error_count == 0,
                                 "errors", list_diags(&check->diags, DIAG_ERROR), "warnings",
                                 list_diags(&check->diags, DIAG_WARNING), "destinations",
                                 check_destinations_json(&check->destinations));

    if (check->is_asked) {
        online_report_json(&check->online, document);
    }
    (void)json_dumpf(document, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(document);
}

static void make_strict(struct diags *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        diags->items[i].level = DIAG_ERROR;
    }
    diags->error_count = diags->count;
}

static int examine(struct check *check)
{
    struct stat status;
    bool is_readable = access(check->arguments->path, R_OK) == 0 &&
                       stat(check->arguments->path, &status) == 0 && !S_ISDIR(status.st_mode);

    check->config = config_load_partial(
        check->arguments->path, driver_types(),
        check->arguments->has_no_secrets ? SECRETS_OPTIONAL : SECRETS_NEEDED, &check->diags);
    if (check->config != NULL) {
        compile(check);
    }
    if (check->config != NULL && check->arguments->is_online && check->diags.error_count == 0) {
        ask_world(check);
    }
    if (check->arguments->is_strict) {
        make_strict(&check->diags);
    }
    if (check->diags.count > 1) {
        qsort(check->diags.items, check->diags.count, sizeof(check->diags.items[0]), by_place);
    }
    if (check->arguments->is_json) {
        print_json(check);
    } else {
        print_for_people(check);
    }
    if (!is_readable) {
        return 2;
    }
    return check->online.is_unreachable ? 3 : check->diags.error_count > 0 ? 1 : 0;
}

static int run(const void *arguments)
{
    struct check check = {.arguments = arguments};
    int code;

    diags_init(&check.diags);
    code = examine(&check);
    check_destinations_fini(&check.destinations);
    online_report_fini(&check.online);
    config_free(check.config);
    diags_fini(&check.diags);
    return code;
}

static const char *check_arguments(const void *all)
{
    const struct arguments *arguments = all;

    return arguments->is_online && arguments->has_no_secrets
               ? "--online asks with the secrets, --no-secrets has none"
               : NULL;
}

static const struct command_option options[] = {
    COMMAND_CONFIG(struct arguments, path),
    {.name = "online",
     .help = "also ask brokers, topics, rights, registry, credentials",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_online)},
    COMMAND_NO_SECRETS(struct arguments, has_no_secrets),
    {.name = "strict",
     .help = "warnings are errors",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_strict)},
    COMMAND_JSON(struct arguments, is_json),
};

const struct command check_command = {
    .name = "check",
    .summary = "validate configuration, schemas and routes",
    .about =
        "Validate configuration, schemas, maps and routes; run the route tests; show what each "
        "destination is sent. Every error is told as file:line:column: message, all of them "
        "at once.",
    .exits = "0 all is right, 1 it is not, 2 wrong usage or no such file, 3 a service did not "
             "answer (--online)",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct arguments),
    .check = check_arguments,
    .run = run,
};
