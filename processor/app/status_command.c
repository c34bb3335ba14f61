#include "app/status_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "app/status_table.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "destinations/table.h"
#include "http/fetch.h"

enum {
    URL_BYTES_MAX = 1024,
    ANSWER_BYTES_MAX = 16 * 1024 * 1024,
    TABLE_BYTES_MAX = 64 * 1024 * 1024,
    TIMEOUT_MS = 5000,
};

struct arguments {
    const char *path;
    struct command_texts admins; /* URLs */
    bool is_json;
    bool is_watch;
};

/* where to ask */

bool status_url(const struct config *config, struct buf *out)
{
    struct span host = config->admin.host;

    if (!config->admin.is_on || config->admin.port == 0) {
        return false;
    }
    if (host.len >= 2 && host.ptr[0] == '[') {
        host = span_sub(host, 1, host.len - 1);
    }
    if (span_is(host, "0.0.0.0")) {
        host = SPAN("127.0.0.1");
    } else if (span_is(host, "::")) {
        host = SPAN("::1");
    }
    buf_clear(out);
    if (span_find(host, ':', 0) < host.len) {
        buf_printf(out, "http://[" SPAN_FMT "]:%u", SPAN_ARG(host), config->admin.port);
    } else {
        buf_printf(out, "http://" SPAN_FMT ":%u", SPAN_ARG(host), config->admin.port);
    }
    return true;
}

/* -1: @url is where; else the exit code. */
static int find_url(const char *path, struct buf *url)
{
    struct config *config;
    struct diags diags;
    int code = -1;

    diags_init(&diags);
    config = config_load(path, driver_types(), &diags);
    if (config == NULL) {
        diags_print(&diags);
        code = 2;
    } else if (!status_url(config, url)) {
        fprintf(stderr,
                "detour status: admin.listen in %s is off or has no fixed port; name the endpoint "
                "with --admin URL\n",
                path);
        code = 2;
    }
    config_free(config);
    diags_fini(&diags);
    return code;
}

/* asking */

/* What a web server that is not ours answers would be printed as it is otherwise. */
static bool is_status(const json_t *document)
{
    const json_t *instance;
    size_t i;

    json_array_foreach(document, i, instance)
    {
        if (!json_is_string(json_object_get(instance, "instance"))) {
            return false;
        }
    }
    return json_array_size(document) > 0;
}

/* http://host:port/ is the same endpoint. */
static struct span without_slashes(struct span url)
{
    while (span_ends(url, SPAN("/"))) {
        url = span_sub(url, 0, url.len - 1);
    }
    return url;
}

/* The instances behind @admin are appended to @instances. */
static enum err_code ask(const char *admin, json_t *instances, struct err *err)
{
    struct buf url;
    struct buf answer;
    json_t *document = NULL;
    enum err_code rc;

    buf_init(&url, URL_BYTES_MAX);
    buf_init(&answer, ANSWER_BYTES_MAX);
    buf_printf(&url, SPAN_FMT "/api/v1/status", SPAN_ARG(without_slashes(span_of(admin))));
    rc = url.is_overflowed
             ? FAIL(err, ERR_USAGE, "the URL is longer than %d bytes", (int)URL_BYTES_MAX)
             : http_fetch("GET", buf_text(&url), NULL, TIMEOUT_MS, &answer, err);
    if (rc == ERR_OK) {
        document = json_loadb(answer.ptr, answer.len, JSON_REJECT_DUPLICATES, NULL);
        if (!is_status(document) || json_array_extend(instances, document) != 0) {
            rc = FAIL(err, ERR_NET, "%s: the answer is no status of detour", buf_text(&url));
        }
    }
    json_decref(document);
    buf_fini(&answer);
    buf_fini(&url);
    return rc;
}

/* Exit code; @instances has what answered. */
static int ask_all(const struct arguments *arguments, json_t *instances)
{
    int code = 0;

    for (size_t i = 0; i < arguments->admins.count; i++) {
        struct err err;

        if (ask(arguments->admins.items[i], instances, &err) == ERR_OK) {
            continue;
        }
        code = 3;
        if (arguments->path != NULL) {
            fprintf(stderr, "detour status: %s (admin.listen in %s; is `detour run` running?)\n",
                    err.text, arguments->path);
        } else {
            fprintf(stderr, "detour status: %s (--admin)\n", err.text);
        }
    }
    return code;
}

/* showing */

static void show_table(const json_t *instances, bool is_watch)
{
    bool is_terminal = terminal_is_live(stdout);
    char now[CLOCK_ISO_BYTES];
    struct buf table;

    buf_init(&table, TABLE_BYTES_MAX);
    if (is_watch) {
        buf_printf(&table, "%s%s\n\n", is_terminal ? "\033[H\033[2J" : "",
                   clock_iso(clock_wall_ms(), now));
    }
    status_table(instances, clock_wall_ms(), terminal_is_coloured(stdout), &table);
    buf_add_text(&table, is_watch && !is_terminal ? "\n" : "");
    (void)fwrite(table.ptr, 1, table.len, stdout);
    buf_fini(&table);
}

static int show_once(const struct arguments *arguments)
{
    json_t *instances = json_array();
    int code = ask_all(arguments, instances);

    if (json_array_size(instances) > 0 && arguments->is_json) {
        (void)json_dumpf(instances, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        fputc('\n', stdout);
    } else if (json_array_size(instances) > 0) {
        show_table(instances, arguments->is_watch);
    }
    json_decref(instances);
    (void)fflush(stdout); /* a reader that went away is seen by ferror() */
    return code;
}

/* Until interrupted. Nothing at the start is an error; an endpoint that goes away later is waited
 * for, it may be restarting. */
static int watch(const struct arguments *arguments)
{
    struct timespec second = {.tv_sec = 1};
    int code = show_once(arguments);

    while (code == 0 && !ferror(stdout)) {
        (void)nanosleep(&second, NULL);
        (void)show_once(arguments);
    }
    return code;
}

static int run(const void *all)
{
    struct arguments arguments = *(const struct arguments *)all;
    struct buf url;
    int code = -1;

    buf_init(&url, URL_BYTES_MAX);
    if (arguments.admins.count == 0) {
        code = find_url(arguments.path, &url);
        arguments.admins.items[arguments.admins.count++] = buf_text(&url);
    } else {
        arguments.path = NULL;
    }
    if (code < 0) {
        code = arguments.is_watch ? watch(&arguments) : show_once(&arguments);
    }
    buf_fini(&url);
    return code;
}

static const char *check_arguments(const void *all)
{
    const struct arguments *arguments = all;

    if (arguments->path == NULL && arguments->admins.count == 0) {
        return "which instances? -c FILE or --admin URL";
    }
    return arguments->is_json && arguments->is_watch
               ? "--json prints one document; --watch is for people"
               : NULL;
}

static const struct command_option options[] = {
    {.name = "config",
     .letter = 'c',
     .argument = "FILE",
     .help = "the configuration; its admin.listen is asked",
     .read = command_text,
     .offset = offsetof(struct arguments, path)},
    {.name = "admin",
     .argument = "URL",
     .help = "ask this endpoint instead (http://host:port); repeatable",
     .wants = "a URL, and is there at most 64 times",
     .read = command_texts,
     .offset = offsetof(struct arguments, admins)},
    {.name = "watch",
     .help = "again every second, until interrupted",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_watch)},
    COMMAND_JSON(struct arguments, is_json),
};

const struct command status_command = {
    .name = "status",
    .summary = "the live state of every instance; --watch",
    .about =
        "The live state of every instance: destinations and event types, from admin endpoints. "
        "It wants -c FILE or --admin URL.",
    .exits = "0 all answered, 2 wrong usage or configuration, 3 an endpoint does not answer",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct arguments),
    .check = check_arguments,
    .run = run,
};
