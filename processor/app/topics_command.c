#include "app/topics_command.h"

#include <string.h>

#include "base/columns.h"
#include "config/config.h"
#include "destinations/table.h"

enum { TIMEOUT_MS = 10000, WIDTH = 80, TEXT_BYTES_MAX = 64 * 1024, NAME_WIDTH_MAX = 32 };
enum { DAY_MS = 24 * 3600 * 1000, DAYS_MAX = 100 * 366, NUMBER_MAX = 99999 };

static const char *role_word(enum topic_role role)
{
    switch (role) {
    case TOPIC_SOURCE:
        return "source";
    case TOPIC_DESTINATION:
        return "destination";
    case TOPIC_DEAD_LETTER:
        return "dead letter";
    case TOPIC_LEDGER:
        return "ledger";
    case TOPIC_PARKED:
        return "parked";
    }
    return "";
}

/* @text behind @indent spaces, broken between words. */
static void print_wrapped(FILE *out, size_t indent, const char *text)
{
    struct buf line;
    struct buf folded;

    buf_init(&line, TEXT_BYTES_MAX);
    buf_init(&folded, TEXT_BYTES_MAX);
    buf_printf(&line, "%*s%s", (int)indent, "", text);
    columns_fold(&folded, span_of(buf_text(&line)), WIDTH, indent);
    fprintf(out, "%s\n", buf_text(&folded));
    buf_fini(&folded);
    buf_fini(&line);
}

static void print_number(FILE *out, int width, bool is_known, int64_t number)
{
    if (is_known) {
        fprintf(out, "  %*lld", width, (long long)number);
    } else {
        fprintf(out, "  %*s", width, "?");
    }
}

/* In the largest unit that says it exactly; a number too long for that is rounded. */
static void print_retention(FILE *out, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{1, "ms"}, {1000, "s"}, {60 * 1000, "min"}, {3600 * 1000, "h"}, {DAY_MS, "d"}};
    bool is_unlimited = ms == -1 || ms / DAY_MS > DAYS_MAX;
    char text[32] = "";

    for (size_t i = 0; i < COUNT_OF(units); i++) {
        bool is_exact = ms % units[i].ms == 0;

        if (is_exact || (ms > NUMBER_MAX && ms / units[i].ms >= 10)) {
            (void)snprintf(text, sizeof(text), "%s%lld %s", is_exact ? "" : "~",
                           (long long)(ms / units[i].ms), units[i].name);
        }
    }
    fprintf(out, "  %9s\n", ms == INT64_MIN ? "?" : is_unlimited ? "unlimited" : text);
}

/* What is not there has no figures; what was not told has question marks. */
static void print_topic(FILE *out, int width, const struct topic_need *need)
{
    if (need->name.len > (size_t)width) { /* a line of its own keeps the columns */
        fprintf(out, SPAN_FMT "\n%*s", SPAN_ARG(need->name), width, "");
    } else {
        fprintf(out, "%-*.*s", width, SPAN_ARG(need->name));
    }
    fprintf(out, "  %-11s", role_word(need->role));
    if (!need->exists) {
        fprintf(out, "  %10s\n", need->is_authorised ? "missing" : "?");
        return;
    }
    print_number(out, 10, true, need->partitions);
    print_number(out, 10, need->max_message_bytes >= 0, need->max_message_bytes);
    print_retention(out, need->retention_ms);
}

void topics_print(FILE *out, const struct topic_report *report)
{
    int width = (int)strlen("topic");

    for (size_t i = 0; i < report->count; i++) {
        int len = (int)MIN_OF(report->needs[i].name.len, (size_t)WIDTH);

        width = len <= NAME_WIDTH_MAX ? MAX_OF(width, len) : width;
    }
    fprintf(out, "%-*s  %-11s  %10s  %10s  %9s\n", width, "topic", "role", "partitions",
            "max.bytes", "retention");
    for (size_t i = 0; i < report->count; i++) {
        print_topic(out, width, &report->needs[i]);
        if (report->needs[i].remark != NULL) {
            print_wrapped(out, 4, report->needs[i].remark);
        }
    }
}

static json_t *number_or_null(int64_t number)
{
    return number <= 0 ? json_null() : json_integer(number);
}

static const char *time_word(const struct topic_need *need)
{
    return need->cleanup_policy == NULL ? NULL
           : need->is_append_time       ? "LogAppendTime"
                                        : "CreateTime";
}

static json_t *text_or_null(struct span text)
{
    return text.ptr == NULL ? json_null() : json_stringn(text.ptr, text.len);
}

json_t *topics_json(const struct topic_report *report)
{
    json_t *array = json_array();

    for (size_t i = 0; i < report->count; i++) {
        const struct topic_need *need = &report->needs[i];
        json_t *retention =
            need->retention_ms == INT64_MIN ? json_null() : json_integer(need->retention_ms);
        json_t *bytes =
            need->max_message_bytes < 0 ? json_null() : json_integer(need->max_message_bytes);

        json_array_append_new(
            array,
            json_pack("{s:o, s:s, s:o, s:b, s:b, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                      "name", text_or_null(need->name), "role", role_word(need->role),
                      "destination", text_or_null(need->destination), "exists", need->exists,
                      "authorised", need->is_authorised, "partitions", (int)need->partitions,
                      "max_message_bytes", bytes, "retention_ms", retention, "cleanup_policy",
                      text_or_null(span_of(need->cleanup_policy)), "retention_bytes",
                      number_or_null(need->retention_bytes), "timestamp_type",
                      text_or_null(span_of(time_word(need))), "timestamp_before_max_ms",
                      number_or_null(need->before_max_ms), "timestamp_after_max_ms",
                      number_or_null(need->after_max_ms), "remark",
                      text_or_null(span_of(need->remark))));
    }
    return array;
}

struct arguments {
    const char *path;
    bool is_create;
    bool is_json;
};

static void print_report(const struct topic_report *report, const struct arguments *arguments)
{
    if (arguments->is_json) {
        json_t *document =
            json_pack("{s:b, s:o}", "ok", report->missing == 0, "topics", topics_json(report));

        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        json_decref(document);
        return;
    }
    topics_print(stdout, report);
    if (report->missing > 0 && !arguments->is_create) {
        printf("\n%zu missing; make %s with: detour topics -c %s --create\n", report->missing,
               report->missing == 1 ? "it" : "them", arguments->path);
    }
}

static int look_and_create(const struct config *config, const struct arguments *arguments)
{
    struct topic_report report = {0};
    struct err err;
    enum err_code rc = topics_look(config, TIMEOUT_MS, &report, &err);

    if (rc != ERR_OK) {
        fprintf(stderr, "detour topics: %s\n", err.text);
        return rc == ERR_NET ? 3 : 2;
    }
    if (arguments->is_create && report.missing > 0) {
        rc = topics_create(config, &report, TIMEOUT_MS, &err);
        if (rc != ERR_OK) {
            fprintf(stderr, "detour topics: %s\n", err.text);
        }
    }
    if (rc == ERR_OK) {
        rc = topics_add_parked(config, &report, TIMEOUT_MS, &err);
        if (rc != ERR_OK) {
            fprintf(stderr, "detour topics: %s\n", err.text);
        }
    }
    print_report(&report, arguments);
    if (rc == ERR_OK) {
        rc = report.missing > 0 ? ERR_ABSENT : ERR_OK;
    }
    topic_report_fini(&report);
    return rc == ERR_OK ? 0 : rc == ERR_NET ? 3 : 1;
}

static int run(const void *all)
{
    const struct arguments *arguments = all;
    struct config *config;
    struct diags diags;
    int code = EXIT_CODE_USAGE;

    diags_init(&diags);
    config = config_load(arguments->path, driver_types(), &diags);
    if (config == NULL) {
        diags_print(&diags);
    } else {
        code = look_and_create(config, arguments);
    }
    config_free(config);
    diags_fini(&diags);
    return code;
}

static const struct command_option options[] = {
    COMMAND_CONFIG(struct arguments, path),
    {.name = "create",
     .help = "make the missing ones (as many partitions as the source)",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_create)},
    COMMAND_JSON(struct arguments, is_json),
};

const struct command topics_command = {
    .name = "topics",
    .summary = "the topics a configuration needs; --create makes them",
    .about = "The topics this configuration needs, what exists, and what differs.",
    .exits = "0 all are there, 1 something is missing, 2 wrong usage or configuration, 3 no broker "
             "answers",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct arguments),
    .run = run,
};
