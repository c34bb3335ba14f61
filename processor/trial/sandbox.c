#include "trial/trial.h"

#include <getopt.h>
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

static const char usage[] =
    "usage: detour sandbox [options]\n"
    "\n"
    "The whole way on this machine with nothing installed: an embedded broker (for\n"
    "trials only), a simulated TikTok, generated traffic, the processor. Plays an\n"
    "outage of one event type, one of everything, throttling and each return, then\n"
    "counts event by event where each one went.\n"
    "\n"
    "  --brokers HOST:PORT  a real Kafka instead of the embedded broker; its topics\n"
    "                       are made and removed\n"
    "  --interactive        leave it running until Ctrl-C, then count\n"
    "  --seconds N          length of the play, 75 to 300 (75): more makes outages\n"
    "                       longer\n"
    "  --rate N             events a second, 20 to 2000 (100); with --interactive\n"
    "                       from 1 on\n"
    "  --bad 2%             share of records that do not decode (2%)\n"
    "  --seed N             repeat the events of another run\n"
    "  --keep DIR           put configuration and logs there and leave them, with\n"
    "                       --brokers the topics and the group as well; a folder\n"
    "                       that holds files of these names is refused\n"
    "  --json               the reconciliation as one JSON document; the story goes\n"
    "                       to stderr\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit codes: 0 it balances and every phase has shown what it should, 1 not so,\n"
    "2 wrong usage, 3 Kafka cannot be reached.\n";

struct command {
    struct stage_options stage;
    struct play_options play;
    bool is_json;
    bool is_help;
};

enum option_key {
    KEY_BROKERS = 256,
    KEY_INTERACTIVE,
    KEY_SECONDS,
    KEY_RATE,
    KEY_BAD,
    KEY_SEED,
    KEY_KEEP,
    KEY_JSON,
};

static const struct option long_options[] = {
    {"brokers", required_argument, NULL, KEY_BROKERS},
    {"interactive", no_argument, NULL, KEY_INTERACTIVE},
    {"seconds", required_argument, NULL, KEY_SECONDS},
    {"rate", required_argument, NULL, KEY_RATE},
    {"bad", required_argument, NULL, KEY_BAD},
    {"seed", required_argument, NULL, KEY_SEED},
    {"keep", required_argument, NULL, KEY_KEEP},
    {"json", no_argument, NULL, KEY_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const struct option_wish wishes[] = {
    {KEY_BROKERS, "HOST:PORT, or several with commas between"},
    {KEY_SECONDS, "a number from 75 to 300"},
    {KEY_RATE, "events a second, from 20 to 2000 (from 1 with --interactive)"},
    {KEY_BAD, "a share such as 2%, from 0% to 100%"},
    {KEY_SEED, "a number from 0 to 4294967295"},
    {KEY_KEEP, "a folder"},
    {0, NULL},
};

static bool read_u64(const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
    int64_t number;

    if (!span_to_i64(span_of(text), &number) || number < 0) {
        return false;
    }
    *out = (uint64_t)number;
    return *out >= low && *out <= high;
}

/* It goes into a YAML text in quotes. */
static bool is_broker_list(const char *text)
{
    return text[0] != '\0' && strlen(text) < 250 && strcspn(text, "\"\\\n\r${}") == strlen(text);
}

static bool read_option(struct command *command, int key, const char *text)
{
    switch (key) {
    case KEY_BROKERS:
        command->stage.brokers = text;
        return is_broker_list(text);
    case KEY_INTERACTIVE:
        return command->play.is_interactive = true;
    case KEY_SECONDS:
        return read_u64(text, SECONDS_MIN, STAGE_SECONDS_MAX, &command->play.seconds);
    case KEY_RATE:
        return (value_rate(span_of(text), &command->play.rate) ||
                span_to_double(span_of(text), &command->play.rate)) &&
               command->play.rate >= 1.0 && command->play.rate <= RATE_MAX;
    case KEY_BAD:
        return value_percent(span_of(text), &command->play.bad) && command->play.bad <= 1.0;
    case KEY_SEED:
        return read_u64(text, 0, UINT32_MAX, &command->play.seed);
    case KEY_KEEP:
        command->stage.keep = text;
        return text[0] != '\0';
    case KEY_JSON:
        return command->is_json = true;
    default:
        return command->is_help = true;
    }
}

static enum err_code read_command(int argc, char **argv, struct command *command, struct err *err)
{
    int key;

    command->play = (struct play_options){
        .seconds = SECONDS_DEFAULT,
        .rate = RATE_DEFAULT,
        .bad = 0.02,
        .no_consent = 0.08,
        .seed = rng_seed() & 0xffffffff,
    };
    optind = 0;
    opterr = 0;
    while ((key = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
        if (key == '?') {
            return FAIL(err, ERR_USAGE, "unknown option %s", argv[optind - 1]);
        }
        if (key == ':') {
            return FAIL(err, ERR_USAGE, "%s needs a value", argv[optind - 1]);
        }
        if (!read_option(command, key, optarg)) {
            return report_wrong_value(long_options, wishes, key, optarg, err);
        }
    }
    if (optind != argc) {
        return FAIL(err, ERR_USAGE, "no argument is expected but options");
    }
    if (!command->play.is_interactive && command->play.rate < RATE_STORY_MIN) {
        return FAIL(err, ERR_USAGE, "the play needs a --rate of at least %d", RATE_STORY_MIN);
    }
    return ERR_OK;
}

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

static void print_json(const struct command *command, const struct play_result *result)
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
               (double)result->duration_ms / 1000.0, (unsigned long long)command->play.seed);
    fputs(buf_text(&out), stdout);
    buf_fini(&out);
}

static void print_result(const struct command *command, const struct play_result *result)
{
    if (command->is_json) {
        print_json(command, result);
    } else {
        print_table(result);
    }
}

static enum err_code perform(const struct command *command, struct stage *stage, struct show *show,
                             struct play_result *result, struct err *err)
{
    enum err_code rc = stage_set(stage, &command->stage, err);

    if (rc == ERR_OK) {
        show_line(show, "%s at %s, the simulated TikTok at %s",
                  command->stage.brokers == NULL ? "an embedded broker (for trials only)" : "Kafka",
                  stage->brokers, stage->simulator_url);
        rc = stage_start_processor(stage, err);
    }
    if (rc == ERR_OK && report_is_stopping()) {
        rc = FAIL(err, ERR_STATE, "stopped before the play began");
    }
    if (rc == ERR_OK) {
        show_line(show, "the processor is ready, its state at %s/api/v1/status", stage->admin_url);
        rc = play(stage, &command->play, show, result, err);
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

int sandbox_command(int argc, char **argv)
{
    struct command command = {0};
    struct play_result result = {0};
    struct stage stage = {0};
    struct show show;
    struct child *fallen;
    struct err err = {0};
    enum err_code rc = read_command(argc, argv, &command, &err);

    if (rc != ERR_OK) {
        fprintf(stderr, "detour sandbox: %s\n\n%s", err.text, usage);
        return EXIT_CODE_USAGE;
    }
    if (command.is_help) {
        fputs(usage, stdout);
        return EXIT_CODE_OK;
    }
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR); /* the processor has a log of its own */
    report_catch_signals();
    show_init(&show, command.is_json ? stderr : stdout);
    rc = perform(&command, &stage, &show, &result, &err);
    show_clear(&show);
    if (rc != ERR_OK) {
        fprintf(stderr, "detour sandbox: %s\n", err.text);
        fallen = stage_fallen(&stage);
        if (fallen != NULL) {
            child_tail(fallen, stderr);
        }
    } else {
        print_result(&command, &result);
    }
    say_what_stays(&stage);
    stage_strike(&stage);
    if (rc != ERR_OK) {
        return report_exit_code(rc);
    }
    return is_good(&result) ? EXIT_CODE_OK : EXIT_CODE_NO;
}
