#include "trial/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "trial/play.h"
#include "trial/report.h"

enum {
    SECONDS_DEFAULT = STORY_MS / 1000,
    SECONDS_MIN = STORY_MS / 1000,
    RATE_DEFAULT = 100,
    RATE_STORY_MIN = 20, /* fewer events and an outage is not seen in time */
    RATE_MAX = 2000,     /* what the embedded broker keeps bounds it */
};

#define SEED_DRAWN UINT64_MAX /* --seed was not given */

struct arguments {
    struct stage_options stage;
    struct play_options play;
    bool is_json;
};

static void print_reasons(const struct play_result *result, enum audit_topic topic)
{
    for (size_t i = 0; i < result->reason_count; i++) {
        if (result->reasons[i].topic == topic) {
            printf("    %-22s %8llu\n", result->reasons[i].reason,
                   (unsigned long long)result->reasons[i].count);
        }
    }
}

/* Only what went wrong: what went well was told as it happened. */
static void print_story(const struct story *story)
{
    if (story_has_shown(story)) {
        return;
    }
    printf("\n  THE STORY DID NOT GO AS IT SHOULD\n");
    for (unsigned i = 0; i < STORY_PHASES; i++) {
        const struct story_mark *mark = &story->marks[i];

        if (mark->is_played && !mark->has_shown) {
            printf("    %s: %s\n", story_title((enum story_phase)i),
                   mark->mistaken != NULL ? mark->mistaken : mark->missing);
        }
    }
}

static bool is_good(const struct play_result *result)
{
    return result->balance.is_balanced && story_has_shown(&result->story);
}

static void print_table(const struct play_result *result)
{
    const struct audit_balance *balance = &result->balance;

    printf("\n  produced                 %8llu  events, each looked for by itself\n",
           (unsigned long long)balance->produced);
    printf("  = delivered              %8llu  at TikTok\n", (unsigned long long)balance->delivered);
    printf("  + diverted               %8llu  on the UTM topic\n",
           (unsigned long long)balance->diverted);
    print_reasons(result, AUDIT_DIVERTED);
    printf("  + dead-lettered          %8llu  on the dead-letter topic\n",
           (unsigned long long)balance->dead_lettered);
    print_reasons(result, AUDIT_DEAD_LETTER);
    printf("  + dropped                %8llu  by the rule no_consent\n",
           (unsigned long long)balance->dropped);
    printf("\n  lost %llu, duplicates %llu", (unsigned long long)balance->lost,
           (unsigned long long)balance->duplicates);
    if (balance->misplaced + balance->unknown > 0) {
        printf(", where they may not be %llu, unknown %llu", (unsigned long long)balance->misplaced,
               (unsigned long long)balance->unknown);
    }
    if (balance->dropped != result->dropped_counted) {
        printf(", the processor counted %llu dropped", (unsigned long long)result->dropped_counted);
    }
    if (result->is_cut_short) {
        printf(" (a signal cut the traffic short)");
    }
    printf("\n  %s\n", balance->is_balanced ? "it balances" : "IT DOES NOT BALANCE");
    print_story(&result->story);
}

static void story_json(const struct story *story, struct buf *out)
{
    buf_add_text(out, ",\"story\":[");
    for (unsigned i = 0; i < STORY_PHASES; i++) {
        const struct story_mark *mark = &story->marks[i];
        const char *why = mark->mistaken != NULL ? mark->mistaken : mark->missing;

        buf_printf(out, "%s{\"phase\":\"%s\",\"played\":%s,\"shown\":%s,\"seconds\":%.1f,\"why\":",
                   i == 0 ? "" : ",", story_key((enum story_phase)i),
                   mark->is_played ? "true" : "false", mark->has_shown ? "true" : "false",
                   (double)mark->duration_ms / 1000.0);
        if (why == NULL) {
            buf_add_text(out, "null}");
        } else {
            buf_add_json_string(out, span_of(why));
            buf_add_char(out, '}');
        }
    }
    buf_add_char(out, ']');
}

static void print_json(const struct arguments *arguments, const struct play_result *result)
{
    const struct audit_balance *balance = &result->balance;
    static const char *const keys[] = {"diverted_by", "dead_lettered_by"};
    struct buf out;

    buf_init(&out, 64 << 10);
    buf_printf(&out,
               "{\"ok\":%s,\"produced\":%llu,\"delivered\":%llu,\"diverted\":%llu,"
               "\"dead_lettered\":%llu,\"dropped\":%llu,\"lost\":%llu,\"duplicates\":%llu,"
               "\"misplaced\":%llu,\"unknown\":%llu,\"consumed\":%llu,\"dropped_counted\":%llu",
               is_good(result) ? "true" : "false", (unsigned long long)balance->produced,
               (unsigned long long)balance->delivered, (unsigned long long)balance->diverted,
               (unsigned long long)balance->dead_lettered, (unsigned long long)balance->dropped,
               (unsigned long long)balance->lost, (unsigned long long)balance->duplicates,
               (unsigned long long)balance->misplaced, (unsigned long long)balance->unknown,
               (unsigned long long)result->consumed, (unsigned long long)result->dropped_counted);
    for (size_t topic = 0; topic < COUNT_OF(keys); topic++) {
        bool is_first = true;

        buf_printf(&out, ",\"%s\":{", keys[topic]);
        for (size_t i = 0; i < result->reason_count; i++) {
            if (result->reasons[i].topic == (enum audit_topic)topic) {
                buf_add_text(&out, is_first ? "" : ",");
                buf_add_json_string(&out, span_of(result->reasons[i].reason));
                buf_printf(&out, ":%llu", (unsigned long long)result->reasons[i].count);
                is_first = false;
            }
        }
        buf_add_char(&out, '}');
    }
    story_json(&result->story, &out);
    buf_printf(&out, ",\"balanced\":%s", balance->is_balanced ? "true" : "false");
    buf_printf(&out, ",\"settled\":%s,\"cut_short\":%s,\"seconds\":%.1f,\"seed\":%llu}\n",
               result->has_settled ? "true" : "false", result->is_cut_short ? "true" : "false",
               (double)result->duration_ms / 1000.0, (unsigned long long)arguments->play.seed);
    fputs(buf_text(&out), stdout);
    buf_fini(&out);
}

static void print_result(const struct arguments *arguments, const struct play_result *result)
{
    if (arguments->is_json) {
        print_json(arguments, result);
    } else {
        print_table(result);
    }
}

static enum err_code perform(const struct arguments *arguments, struct stage *stage,
                             struct show *show, struct play_result *result, struct err *err)
{
    enum err_code rc = stage_set(stage, &arguments->stage, err);

    if (rc == ERR_OK) {
        show_line(show, "%s at %s, the simulated TikTok at %s",
                  arguments->stage.brokers == NULL ? "an embedded broker (for trials only)"
                                                   : "Kafka",
                  stage->brokers, stage->simulator_url);
        rc = stage_start_processor(stage, err);
    }
    if (rc == ERR_OK && report_is_stopping()) {
        rc = FAIL(err, ERR_STATE, "stopped before the play began");
    }
    if (rc == ERR_OK) {
        show_line(show, "the processor is ready, its state at %s/api/v1/status", stage->admin_url);
        rc = play(stage, &arguments->play, show, result, err);
    }
    return rc;
}

static void say_what_stays(const struct stage *stage)
{
    if (stage->options.keep == NULL || stage->config_path == NULL) {
        return;
    }
    fprintf(stderr, "configuration and logs are in %s\n", stage->options.keep);
    if (stage->has_topics) {
        fprintf(stderr, "the topics %s.* and the group %s stay at %s\n", stage->prefix,
                stage->group, stage->brokers);
    }
}

static int run(const void *all)
{
    struct arguments arguments = *(const struct arguments *)all;
    struct play_result result = {0};
    struct stage stage = {0};
    struct show show;
    struct child *fallen;
    struct err err = {0};
    enum err_code rc;

    if (arguments.play.seed == SEED_DRAWN) {
        arguments.play.seed = rng_seed() & UINT32_MAX;
    }
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR); /* the processor has a log of its own */
    report_catch_signals();
    show_init(&show, arguments.is_json ? stderr : stdout);
    rc = perform(&arguments, &stage, &show, &result, &err);
    show_clear(&show);
    if (rc != ERR_OK) {
        fprintf(stderr, "detour sandbox: %s\n", err.text);
        fallen = stage_fallen(&stage);
        if (fallen != NULL) {
            child_tail(fallen, stderr);
        }
    } else {
        print_result(&arguments, &result);
    }
    say_what_stays(&stage);
    stage_strike(&stage);
    if (rc != ERR_OK) {
        return command_exit_code(rc);
    }
    return is_good(&result) ? EXIT_CODE_OK : EXIT_CODE_NO;
}

/* It goes into a YAML text in quotes. */
static bool read_brokers(const struct command_option *option, const char *text, void *field)
{
    (void)option;
    *(const char **)field = text;
    return text[0] != '\0' && strlen(text) < 250 && strcspn(text, "\"\\\n\r${}") == strlen(text);
}

static const char *check_arguments(const void *all)
{
    const struct arguments *arguments = all;

    return !arguments->play.is_interactive && arguments->play.rate < RATE_STORY_MIN
               ? "a --rate below 20 is for --interactive: an outage is not seen in time"
               : NULL;
}

static const struct arguments defaults = {
    .play = {.seconds = SECONDS_DEFAULT,
             .rate = RATE_DEFAULT,
             .bad = 0.02,
             .no_consent = 0.08,
             .seed = SEED_DRAWN},
};

static const struct command_option options[] = {
    {.name = "brokers",
     .argument = "HOST:PORT",
     .help = "a real Kafka instead of the embedded broker; its topics are made and removed",
     .wants = "HOST:PORT, or several with commas between",
     .read = read_brokers,
     .offset = offsetof(struct arguments, stage.brokers)},
    {.name = "interactive",
     .help = "leave it running until Ctrl-C, then count",
     .read = command_flag,
     .offset = offsetof(struct arguments, play.is_interactive)},
    {.name = "seconds",
     .argument = "N",
     .help = "length of the play, 75 to 300: more makes outages longer",
     .fallback = "75",
     .wants = "a number from 75 to 300",
     .low = SECONDS_MIN,
     .high = STAGE_SECONDS_MAX,
     .read = command_number,
     .offset = offsetof(struct arguments, play.seconds)},
    {.name = "rate",
     .argument = "N",
     .help = "events a second, 20 to 2000; with --interactive from 1 on",
     .fallback = "100",
     .wants = "events a second, from 20 to 2000 (from 1 with --interactive)",
     .low = 1,
     .high = RATE_MAX,
     .read = command_rate,
     .offset = offsetof(struct arguments, play.rate)},
    {.name = "bad",
     .argument = "2%",
     .help = "share of records that do not decode",
     .fallback = "2%",
     .wants = "a share such as 2%, from 0% to 100%",
     .read = command_share,
     .offset = offsetof(struct arguments, play.bad)},
    {.name = "seed",
     .argument = "N",
     .help = "repeat the events of another run",
     .wants = "a number from 0 to 4294967295",
     .low = 0,
     .high = UINT32_MAX,
     .read = command_number,
     .offset = offsetof(struct arguments, play.seed)},
    {.name = "keep",
     .argument = "DIR",
     .help = "put configuration and logs there and leave them, with --brokers the topics and the "
             "group as well; a folder that holds files of these names is refused",
     .wants = "a folder",
     .read = command_text,
     .offset = offsetof(struct arguments, stage.keep)},
    {.name = "json",
     .help = "the reconciliation as one JSON document; the story goes to stderr",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_json)},
};

const struct command sandbox_command = {
    .name = "sandbox",
    .summary = "an outage and the recovery, on this machine alone",
    .about = "The whole way on this machine with nothing installed: an embedded broker (for trials "
             "only), a simulated TikTok, generated traffic, the processor. Plays an outage of one "
             "event type, one of everything, throttling and each return, then counts event by "
             "event where each one went.",
    .exits = "0 it balances and every phase has shown what it should, 1 not so, 2 wrong usage, 3 "
             "Kafka cannot be reached",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct arguments),
    .defaults = &defaults,
    .check = check_arguments,
    .run = run,
};
