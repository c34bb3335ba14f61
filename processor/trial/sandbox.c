#include "trial/trial.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trial/interrupt.h"
#include "trial/runner.h"

enum {
    SECONDS_DEFAULT = SCENARIO_MS / 1000,
    SECONDS_MIN = SCENARIO_MS / 1000,
    RATE_DEFAULT = 100,
    RATE_MIN = 20,   /* fewer events and an outage is not seen in time */
    RATE_MAX = 2000, /* what the embedded broker keeps bounds it */
};

#define SEED_DRAWN UINT64_MAX /* --seed was not given */

struct arguments {
    struct environment_options environment;
    struct runner_options runner;
    bool is_json;
};

#define ENDS(ours, theirs) offsetof(struct audit_balance, ours), offsetof(struct told, theirs)
#define FOUND(ours) offsetof(struct audit_balance, ours), 0

/* Where events end, as it is printed: what was found and what the books say; the reasons of a topic
 * stand below it. */
static const struct {
    const char *key, *label, *where;
    size_t found, told;
    int topic; /* enum audit_topic; -1: none */
} ends[] = {
    {"produced", "produced", "events, one by one", ENDS(produced, consumed), -1},
    {"delivered", "= delivered", "at TikTok", ENDS(delivered, delivered), -1},
    {"diverted", "+ diverted", "on the UTM topic", ENDS(diverted, diverted), AUDIT_DIVERTED},
    {"dead_lettered", "+ dead-lettered", "on the dead-letter topic",
     ENDS(dead_lettered, dead_lettered), AUDIT_DEAD_LETTER},
    {"dropped", "+ dropped", "by the rule no_consent", ENDS(dropped, dropped), -1},
    {"backfilled", "then backfilled", "of the diverted", ENDS(backfilled, backfilled), -1},
    {"replayed", "then replayed", "of the dead letters", ENDS(replayed, replayed), -1},
    /* the rest is for scripts */
    {"lost", NULL, NULL, FOUND(lost), -1},
    {"duplicates", NULL, NULL, FOUND(duplicates), -1},
    {"misplaced", NULL, NULL, FOUND(misplaced), -1},
    {"unknown", NULL, NULL, FOUND(unknown), -1},
};

static uint64_t number_at(const void *numbers, size_t offset)
{
    uint64_t number;

    memcpy(&number, (const char *)numbers + offset, sizeof(number));
    return number;
}

static bool is_good(const struct runner_result *result)
{
    return result->balance.is_balanced && told_agrees(&result->told, &result->balance) &&
           !result->has_failed_command && scenario_has_shown(&result->scenario);
}

/* Only what went wrong: what went well was told as it happened. */
static void print_scenario(const struct scenario *scenario)
{
    if (scenario_has_shown(scenario)) {
        return;
    }
    printf("\n  NOT EVERY PHASE WENT AS IT SHOULD\n");
    for (unsigned i = 0; i < SCENARIO_PHASES; i++) {
        const struct scenario_mark *mark = &scenario->marks[i];

        if (mark->is_played && !mark->has_shown) {
            printf("    %s: %s\n", scenario_rule((enum scenario_phase)i)->title, mark->why);
        }
    }
}

static void print_table(const struct runner_result *result)
{
    const struct audit_balance *balance = &result->balance;

    printf("  %-21s %13s %13s\n", "", "counted here", "in the books");
    for (size_t i = 0; i < COUNT_OF(ends) && ends[i].label != NULL; i++) {
        const struct counts *reasons =
            ends[i].topic < 0 ? NULL
                              : audit_reasons(result->audit, (enum audit_topic)ends[i].topic);

        printf("  %-21s %13llu %13llu  %s\n", ends[i].label,
               (unsigned long long)number_at(balance, ends[i].found),
               (unsigned long long)number_at(&result->told, ends[i].told), ends[i].where);
        for (size_t j = 0; reasons != NULL && j < reasons->count; j++) {
            printf("    %-19s %13llu\n", reasons->items[j].name,
                   (unsigned long long)reasons->items[j].count);
        }
    }
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
    printf("\n  %s\n", !balance->is_balanced ? "IT DOES NOT BALANCE"
                       : !told_agrees(&result->told, &result->balance)
                           ? "THE BOOKS SAY OTHERWISE"
                           : "it balances, and the books agree");
    print_scenario(&result->scenario);
}

static double seconds_of(uint64_t ms)
{
    return (double)(ms / 100) / 10.0;
}

static json_t *scenario_json(const struct scenario *scenario)
{
    json_t *phases = json_array();

    for (unsigned i = 0; i < SCENARIO_PHASES; i++) {
        const struct scenario_mark *mark = &scenario->marks[i];

        json_array_append_new(phases,
                              json_pack("{s:s, s:b, s:b, s:f, s:s?}", "phase",
                                        scenario_rule((enum scenario_phase)i)->key, "played",
                                        mark->is_played, "shown", mark->has_shown, "seconds",
                                        seconds_of(mark->duration_ms), "why", mark->why));
    }
    return phases;
}

static json_t *reasons_json(const struct counts *reasons)
{
    json_t *object = json_object();

    for (size_t i = 0; i < reasons->count; i++) {
        json_object_set_new(object, reasons->items[i].name,
                            json_integer((json_int_t)reasons->items[i].count));
    }
    return object;
}

static void print_json(const struct arguments *arguments, const struct runner_result *result)
{
    json_t *document = json_pack("{s:b}", "ok", is_good(result));
    json_t *rest = json_pack(
        "{s:I, s:I, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:f, s:I}", "consumed",
        (json_int_t)result->consumed, "dropped_counted", (json_int_t)result->dropped_counted,
        "diverted_by", reasons_json(audit_reasons(result->audit, AUDIT_DIVERTED)),
        "dead_lettered_by", reasons_json(audit_reasons(result->audit, AUDIT_DEAD_LETTER)), "story",
        scenario_json(&result->scenario), "balanced", result->balance.is_balanced, "books_agree",
        told_agrees(&result->told, &result->balance), "settled", result->has_settled, "cut_short",
        result->is_cut_short, "seconds", seconds_of(result->duration_ms), "seed",
        (json_int_t)arguments->runner.seed);

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        uint64_t number = number_at(&result->balance, ends[i].found);

        json_object_set_new(document, ends[i].key, json_integer((json_int_t)number));
    }
    (void)json_object_update(document, rest);
    (void)json_dumpf(document, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputc('\n', stdout);
    json_decref(rest);
    json_decref(document);
}

static enum err_code perform(const struct arguments *arguments, struct environment *environment,
                             struct show *show, struct runner_result *result, struct err *err)
{
    enum err_code rc = environment_open(environment, &arguments->environment, err);

    if (rc == ERR_OK) {
        show_line(show, "%s at %s, the simulated TikTok at %s",
                  arguments->environment.brokers == NULL ? "an embedded broker (for trials only)"
                                                         : "Kafka",
                  environment->brokers, environment->simulator_url);
        rc = environment_start_processor(environment, err);
    }
    if (rc == ERR_OK && interrupt_is_pending()) {
        rc = FAIL(err, ERR_STATE, "stopped before the first phase began");
    }
    if (rc == ERR_OK) {
        show_line(show, "the processor is ready, its state at %s/api/v1/status",
                  environment->admin_url);
        rc = runner_run(environment, &arguments->runner, show, result, err);
    }
    return rc;
}

static void say_what_stays(const struct environment *environment)
{
    if (environment->options.keep == NULL || environment->config == NULL) {
        return;
    }
    fprintf(stderr, "configuration and logs are in %s\n", environment->options.keep);
    if (environment->has_topics) {
        fprintf(stderr, "the topics %s.* and the group %s stay at %s\n", environment->prefix,
                environment->group, environment->brokers);
    }
}

static int run(const void *all)
{
    struct arguments arguments = *(const struct arguments *)all;
    struct runner_result result = {0};
    struct environment environment = {0};
    struct show show;
    struct child *fallen;
    struct err err = {0};
    enum err_code rc;
    int code;

    if (arguments.runner.seed == SEED_DRAWN) {
        arguments.runner.seed = rng_seed() & UINT32_MAX;
    }
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR); /* the processor has a log of its own */
    interrupt_catch();
    show_init(&show, arguments.is_json ? stderr : stdout);
    rc = perform(&arguments, &environment, &show, &result, &err);
    show_clear(&show);
    if (rc != ERR_OK) {
        fprintf(stderr, "detour sandbox: %s\n", err.text);
        fallen = environment_ended_child(&environment);
        if (fallen != NULL) {
            child_tail(fallen, stderr);
        }
    } else {
        if (arguments.is_json) {
            print_json(&arguments, &result);
        } else {
            print_table(&result);
        }
    }
    say_what_stays(&environment);
    environment_close(&environment);
    code = rc != ERR_OK ? command_exit_code(rc) : is_good(&result) ? EXIT_CODE_OK : EXIT_CODE_NO;
    runner_result_fini(&result);
    return code;
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

    return !arguments->runner.is_interactive && arguments->runner.rate < RATE_MIN
               ? "a --rate below 20 is for --interactive: an outage is not seen in time"
               : NULL;
}

static const struct arguments defaults = {
    .runner = {.seconds = SECONDS_DEFAULT,
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
     .offset = offsetof(struct arguments, environment.brokers)},
    {.name = "interactive",
     .help = "leave it running until Ctrl-C, then count",
     .read = command_flag,
     .offset = offsetof(struct arguments, runner.is_interactive)},
    {.name = "seconds",
     .argument = "N",
     .help = "length of the scenario, 90 to 300: more makes outages longer",
     .fallback = "90",
     .wants = "a number from 90 to 300",
     .low = SECONDS_MIN,
     .high = SECONDS_MAX,
     .read = command_number,
     .offset = offsetof(struct arguments, runner.seconds)},
    {.name = "rate",
     .argument = "N",
     .help = "events a second, 20 to 2000; with --interactive from 1 on",
     .fallback = "100",
     .wants = "events a second, from 20 to 2000 (from 1 with --interactive)",
     .low = 1,
     .high = RATE_MAX,
     .read = command_rate,
     .offset = offsetof(struct arguments, runner.rate)},
    {.name = "bad",
     .argument = "2%",
     .help = "share of records that do not decode",
     .fallback = "2%",
     .wants = "a share such as 2%, from 0% to 100%",
     .read = command_share,
     .offset = offsetof(struct arguments, runner.bad)},
    {.name = "seed",
     .argument = "N",
     .help = "repeat the events of another run",
     .wants = "a number from 0 to 4294967295",
     .low = 0,
     .high = UINT32_MAX,
     .read = command_number,
     .offset = offsetof(struct arguments, runner.seed)},
    {.name = "keep",
     .argument = "DIR",
     .help = "put configuration and logs there and leave them, with --brokers the topics and the "
             "group as well; a folder that holds files of these names is refused",
     .wants = "a folder",
     .read = command_text,
     .offset = offsetof(struct arguments, environment.keep)},
    {.name = "json",
     .help = "the reconciliation as one JSON document; what is told meanwhile goes to stderr",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_json)},
};

const struct command sandbox_command = {
    .name = "sandbox",
    .summary = "an outage and the recovery, on this machine alone",
    .about = "The whole way on this machine with nothing installed: an embedded broker (for trials "
             "only), a simulated TikTok, generated traffic, the processor. Plays an outage of one "
             "event type, one of everything, throttling and each return, replays dead letters, "
             "then counts event by event where each one went and compares that with the books.",
    .exits = "0 it balances and every phase has shown what it should, 1 not so, 2 wrong usage, 3 "
             "Kafka cannot be reached",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct arguments),
    .defaults = &defaults,
    .check = check_arguments,
    .run = run,
    .takes_signals = true,
};
