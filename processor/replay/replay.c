/*
 * The way of the command: read the topic and say what would be sent; ask; send (replay_run.h); say
 * what became of it. Nothing is sent before the selection is bounded, printed and agreed to.
 */
#include "replay/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "replay/replay_run.h"

enum { REPLAYS_MAX = 5, NAME_BYTES_MAX = 100, LINE_BYTES = 64 };

struct arguments {
    struct dlq_arguments dlq;
    const char *name, *to_topic;
    double per_second;
    uint64_t replays_max;
    bool is_dry, is_all, is_yes, is_persistent, is_as_it_was, is_reroute, may_duplicate, is_decided;
};

static const struct arguments defaults = {.replays_max = REPLAYS_MAX};

static const char *check(const void *all)
{
    const struct arguments *arguments = all;
    size_t len = arguments->name == NULL ? 0 : strlen(arguments->name);

    if (arguments->is_as_it_was && arguments->is_reroute) {
        return "--as-it-was and --reroute contradict each other";
    }
    if (!arguments->is_all && !filter_is_bounded(&arguments->dlq.filter)) {
        return "the selection has no bound: give --since, --limit, --outage, --reason or another "
               "filter, or --all";
    }
    if (arguments->name != NULL &&
        (len > NAME_BYTES_MAX ||
         strspn(arguments->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "._-") != len)) {
        return "--name wants at most 100 letters, digits, dots, dashes and underscores";
    }
    return NULL;
}

static bool is_source(const struct dlq *dlq)
{
    for (size_t i = 0; i < dlq->config->kafka.topic_count; i++) {
        if (span_is(dlq->config->kafka.topics[i], dlq->topic)) {
            return true;
        }
    }
    return false;
}

/* Of a source topic --destination says to whom, not what is taken: no record there was refused. */
static struct replay_rules rules_of(const struct arguments *arguments, struct dlq *dlq)
{
    bool is_history = is_source(dlq);
    struct replay_rules rules = {.config = dlq->config,
                                 .filter = &dlq->filter,
                                 .reader = dlq->reader,
                                 .decisions = dlq->decisions,
                                 .mode = arguments->is_as_it_was ? REPLAY_AS_IT_WAS
                                         : arguments->is_reroute ? REPLAY_REROUTE
                                                                 : REPLAY_TODAY,
                                 .destination = is_history && dlq->filter.destinations.count == 1
                                                    ? dlq->filter.destinations.items[0]
                                                    : SPAN_NONE,
                                 .replays_max = (uint32_t)arguments->replays_max,
                                 .may_duplicate = arguments->may_duplicate,
                                 .is_source = is_history};

    if (is_history) {
        dlq->filter.destinations.count = 0;
    }
    return rules;
}

/* asking */

/* --all is easily typed by accident: where nobody can be asked it wants --yes as well. */
static bool is_agreed(const struct arguments *arguments)
{
    char line[LINE_BYTES] = "";

    if (arguments->is_yes) {
        return true;
    }
    if (!isatty(STDIN_FILENO)) {
        if (arguments->is_all) {
            fprintf(stderr, "detour replay: --all wants --yes where no terminal can be asked\n");
        }
        return !arguments->is_all;
    }
    fprintf(stderr, "\nSend them? [y/N] ");
    return fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

/* the result */

static json_t *skipped_json(const uint64_t *skipped)
{
    json_t *object = json_object();

    for (size_t i = SKIP_NOT_SELECTED + 1; i < SKIP_COUNT; i++) {
        if (skipped[i] > 0 && i != SKIP_PARKED) {
            json_object_set_new(object, skip_word((enum skip_reason)i),
                                json_integer((json_int_t)skipped[i]));
        }
    }
    return object;
}

static void print_json(const char *name, uint64_t selected, const struct replay_result *result,
                       const char *state)
{
    json_t *out = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "name", name, "state", state, "why",
        result->why, "selected", (json_int_t)selected, "delivered", (json_int_t)result->delivered,
        "diverted", (json_int_t)result->diverted, "dead_lettered",
        (json_int_t)result->dead_lettered, "parked", (json_int_t)result->skipped[SKIP_PARKED],
        "skipped", skipped_json(result->skipped));

    (void)json_dumpf(out, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(out);
}

static const char *state_word(const struct replay_result *result)
{
    static const char *const words[] = {
        [JOB_RUNS] = "stopped",  [JOB_DONE] = "done",       [JOB_FUTILE] = "futile",
        [JOB_FAILED] = "failed", [JOB_LIMITED] = "limited", [JOB_CANCELLED] = "cancelled",
    };

    return words[result->state];
}

static void print_text(const char *name, const struct replay_result *result)
{
    printf("replay %s %s%s%s\n", name, state_word(result), result->why[0] == '\0' ? "" : ": ",
           result->why);
    printf("  %12" PRIu64 "  sent\n  %12" PRIu64 "  delivered\n  %12" PRIu64
           "  diverted\n  %12" PRIu64 "  dead-lettered again\n",
           result->selected, result->delivered, result->diverted, result->dead_lettered);
    if (result->dropped > 0) {
        printf("  %12" PRIu64 "  dropped by a rule\n", result->dropped);
    }
    for (size_t i = SKIP_NOT_SELECTED + 1; i < SKIP_COUNT; i++) {
        if (result->skipped[i] > 0) {
            printf("  %12" PRIu64 "  %s\n", result->skipped[i], skip_text((enum skip_reason)i));
        }
    }
    if (result->is_stopped) {
        printf("the same command goes on from here\n");
    }
}

static int code_of(const struct replay_result *result)
{
    switch (result->state) {
    case JOB_DONE:
    case JOB_LIMITED:
        return EXIT_CODE_OK;
    case JOB_FAILED:
        return EXIT_CODE_NET;
    case JOB_RUNS:
    case JOB_FUTILE:
    case JOB_CANCELLED:
        break;
    }
    return EXIT_CODE_NO;
}

/* carrying out */

static int carry_out(const struct arguments *arguments, const struct dlq *dlq,
                     const struct replay_rules *rules, const struct preview *preview,
                     const char *name)
{
    struct replay_result result;
    struct replay_options options = {.config_path = arguments->dlq.config,
                                     .topic = dlq->topic,
                                     .name = name,
                                     .preview = preview,
                                     .rules = *rules,
                                     .to_topic = arguments->to_topic,
                                     .per_second = arguments->per_second,
                                     .limit = arguments->dlq.filter.limit,
                                     .is_persistent = arguments->is_persistent};
    int code = replay_run(&options, &result);

    if (code == EXIT_CODE_OK) {
        if (arguments->dlq.is_json) {
            print_json(name, result.selected, &result, state_word(&result));
        } else {
            print_text(name, &result);
        }
        code = code_of(&result);
    }
    return code;
}

static int tell_dry(const struct arguments *arguments, struct preview *preview, const char *name)
{
    if (arguments->dlq.is_json) {
        struct replay_result nothing = {0};

        memcpy(nothing.skipped, preview->skipped, sizeof(nothing.skipped));
        print_json(name, preview->selected, &nothing,
                   arguments->is_dry ? "dry_run" : "nothing_left");
    } else {
        preview_print(preview, stdout, name, arguments->per_second);
    }
    return preview->selected > 0 ? EXIT_CODE_OK : EXIT_CODE_NO;
}

/* Where it cannot be known what was decided, nothing is sent. */
static bool read_decisions(struct dlq *dlq)
{
    struct err err;
    enum err_code rc =
        decisions_read(dlq->config, dlq->topic, dlq->filter.since_ms, &dlq->decisions, &err);

    if (rc == ERR_OK) {
        return true;
    }
    err_wrap(&err, "what was skipped or exported is not known (--decided goes on without)");
    return dlq_fail(dlq, rc, err.text);
}

static void make(struct dlq *dlq, const struct arguments *arguments)
{
    struct replay_rules rules;
    char digest[DIGEST_SHORT_BYTES];
    char *name = arguments->name == NULL ? NULL : mem_text(span_of(arguments->name));
    struct preview preview = {0};
    char *group;

    if (!arguments->is_decided && !read_decisions(dlq)) {
        free(name);
        return;
    }
    if (name == NULL) {
        filter_digest(&dlq->filter, span_of(dlq->topic), digest);
        name = mem_text(span_of(digest));
    }
    rules = rules_of(arguments, dlq);
    group = mem_format(SPAN_FMT ".replay.%s", SPAN_ARG(dlq->config->kafka.group), name);
    if (preview_make(&preview, dlq, &rules, span_of(group), name)) {
        bool has_work = preview.selected > 0 || preview.skipped[SKIP_PARKED] > 0;

        if (arguments->is_dry || !has_work) {
            dlq->code = tell_dry(arguments, &preview, name);
        } else {
            preview_print(&preview, stderr, name, arguments->per_second);
            dlq->code = is_agreed(arguments) ? carry_out(arguments, dlq, &rules, &preview, name)
                                             : EXIT_CODE_USAGE;
        }
    }
    preview_fini(&preview);
    free(group);
    free(name);
}

static int run(const void *all)
{
    const struct arguments *arguments = all;
    struct dlq dlq;

    if (dlq_open(&dlq, "replay", &arguments->dlq, false)) {
        make(&dlq, arguments);
    }
    dlq_close(&dlq);
    return dlq.code;
}

static const struct command_option options[] = {
    DLQ_OPTIONS,
    FILTER_OPTIONS,
    DLQ_JSON,
    {.name = "rate",
     .argument = "N/s",
     .help = "at most so many records a second; it begins with a tenth of that",
     .wants = "a rate above 0: 50/s",
     .low = 1,
     .high = 10000000,
     .read = command_rate,
     .offset = offsetof(struct arguments, per_second)},
    {.name = "max-replays",
     .argument = "N",
     .help = "a record that was replayed so often already goes to TOPIC.parked",
     .fallback = "5",
     .wants = "a number from 1 to 1000",
     .low = 1,
     .high = 1000,
     .read = command_number,
     .offset = offsetof(struct arguments, replays_max)},
    {.name = "dry-run",
     .help = "say what would be sent, and send nothing",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_dry)},
    {.name = "all",
     .help = "the whole topic: wanted where nothing else bounds the selection",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_all)},
    {.name = "yes",
     .help = "do not ask",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_yes)},
    {.name = "keep-going",
     .help = "also when nine in ten of the first 50 of one reason fail again for it",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_persistent)},
    {.name = "as-it-was",
     .help = "by the route and leg of the headers, without asking today's routes",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_as_it_was)},
    {.name = "reroute",
     .help = "by today's routes, whatever the headers say of the route",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_reroute)},
    {.name = "allow-duplicates",
     .help = "also records that the destination may have taken, older than its 48 hours of "
             "deduplication",
     .read = command_flag,
     .offset = offsetof(struct arguments, may_duplicate)},
    {.name = "decided",
     .help = "also records that an operator decided to skip, or that were exported",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_decided)},
    {.name = "to-topic",
     .argument = "TOPIC",
     .help = "copy the records there, as they are, instead of sending them to their destinations",
     .read = command_text,
     .offset = offsetof(struct arguments, to_topic)},
    {.name = "name",
     .argument = "NAME",
     .help = "of the replay; without one it is a digest of topic and selection, so that the same "
             "command goes on where it stood",
     .read = command_text,
     .offset = offsetof(struct arguments, name)},
};

static const struct command *const replay_commands[] = {&replay_list_command,
                                                        &replay_cancel_command};

const struct command replay_command = {
    .name = "replay",
    .summary = "send dead letters, or a stretch of a source topic, again",
    .about =
        "Sends the chosen records of a dead-letter topic through the same pipeline as live ones, "
        "only to the leg that failed, up to the end that the topic has now. Says first what it "
        "would send. Its progress is the consumer group GROUP.replay.NAME: the same command goes "
        "on after an interruption, and finds nothing left after the end.",
    .exits = "0 done, 1 nothing to send or stopped, 2 wrong usage or configuration or not agreed "
             "to, 3 a service is not reachable",
    .options = options,
    .option_count = COUNT_OF(options),
    .commands = replay_commands,
    .command_count = COUNT_OF(replay_commands),
    .arguments_bytes = sizeof(struct arguments),
    .defaults = &defaults,
    .check = check,
    .run = run,
};
