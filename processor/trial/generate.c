#include "trial/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/signals.h"
#include "destinations/table.h"
#include "trial/feed.h"
#include "trial/guard.h"
#include "trial/interrupt.h"

enum { TURN_MS = 5, FINISH_MS = 60000, TOPIC_MS = 10000, PREVIEW_COUNT = 10 };

#define SEED_DRAWN UINT64_MAX /* --seed was not given */

struct arguments {
    const char *path;
    const char *topic;
    struct generator_options generator;
    double rate;
    uint64_t count;
    uint64_t duration_ms;
    bool is_stdout;
    bool is_sure;
    bool is_json;
};

/* Towards whichever end was asked for. */
static void begin_progress(const struct arguments *arguments, struct progress *progress)
{
    if (arguments->count == UINT64_MAX && arguments->duration_ms != UINT64_MAX) {
        progress_begin(progress, "generating", PROGRESS_MS, arguments->duration_ms);
    } else {
        progress_begin(progress, "generating", PROGRESS_COUNT,
                       arguments->count == UINT64_MAX ? 0 : arguments->count);
    }
}

static void draw_progress(const struct feed_totals *totals, uint64_t elapsed_ms,
                          struct progress *progress)
{
    char more[64];

    (void)snprintf(more, sizeof(more), "%llu produced", (unsigned long long)totals->produced);
    progress_turn(progress, progress->unit == PROGRESS_MS ? elapsed_ms : totals->acknowledged,
                  more);
}

static enum err_code run_feed(const struct arguments *arguments, struct feed *feed, struct err *err)
{
    uint64_t began_ms = clock_mono_ms();
    struct progress progress;
    bool is_done = arguments->count == 0;
    enum err_code rc = ERR_OK;

    begin_progress(arguments, &progress);
    while (rc == ERR_OK && !is_done && !interrupt_is_pending()) {
        uint64_t elapsed_ms = clock_mono_ms() - began_ms;

        if (elapsed_ms >= arguments->duration_ms) {
            break;
        }
        draw_progress(feed_totals(feed), elapsed_ms, &progress);
        rc = feed_turn(feed, TURN_MS, &is_done, err);
    }
    if (rc == ERR_OK) {
        rc = feed_finish(feed, FINISH_MS, err);
    }
    progress_clear(&progress);
    return rc;
}

static void print_json(const struct arguments *arguments, const struct feed_totals *totals)
{
    struct buf out;

    buf_init(&out, 64 << 10);
    buf_printf(&out,
               "{\"produced\":%llu,\"acknowledged\":%llu,\"failed\":%llu,\"good\":%llu,"
               "\"bad\":%llu,\"without_consent\":%llu,\"bytes\":%llu,\"seed\":%llu,"
               "\"topic\":",
               (unsigned long long)totals->produced, (unsigned long long)totals->acknowledged,
               (unsigned long long)(totals->produced - totals->acknowledged),
               (unsigned long long)totals->good, (unsigned long long)totals->bad,
               (unsigned long long)totals->without_consent, (unsigned long long)totals->bytes,
               (unsigned long long)arguments->generator.seed);
    buf_add_json_string(&out, arguments->generator.topic);
    buf_add_text(&out, ",\"by_kind\":{");
    for (size_t i = 0; i < BAD_KIND_COUNT; i++) {
        buf_printf(&out, "%s\"%s\":%llu", i == 0 ? "" : ",", bad_word((enum bad_kind)i),
                   (unsigned long long)totals->by_kind[i]);
    }
    buf_add_text(&out, "},\"by_type\":{");
    for (size_t i = 0; i < totals->by_type.count; i++) {
        buf_add_text(&out, i == 0 ? "" : ",");
        buf_add_json_string(&out, span_of(totals->by_type.items[i].name));
        buf_printf(&out, ":%llu", (unsigned long long)totals->by_type.items[i].count);
    }
    buf_add_text(&out, "}}\n");
    fputs(buf_text(&out), stdout);
    buf_fini(&out);
}

static void print_table(const struct arguments *arguments, const struct feed_totals *totals)
{
    printf("produced      %llu onto " SPAN_FMT " (seed %llu, next index %llu)\n",
           (unsigned long long)totals->produced, SPAN_ARG(arguments->generator.topic),
           (unsigned long long)arguments->generator.seed,
           (unsigned long long)(arguments->generator.start_index + totals->produced));
    printf("acknowledged  %llu\n", (unsigned long long)totals->acknowledged);
    printf("good          %llu, %llu of them without consent\n", (unsigned long long)totals->good,
           (unsigned long long)totals->without_consent);
    for (size_t i = 0; i < totals->by_type.count; i++) {
        printf("  %-26s %llu\n", totals->by_type.items[i].name,
               (unsigned long long)totals->by_type.items[i].count);
    }
    printf("bad           %llu\n", (unsigned long long)totals->bad);
    for (size_t i = 1; i < BAD_KIND_COUNT; i++) {
        if (totals->by_kind[i] > 0) {
            printf("  %-26s %llu\n", bad_word((enum bad_kind)i),
                   (unsigned long long)totals->by_kind[i]);
        }
    }
}

/* Events as JSON lines; of a bad one only how it is bad. */
static enum err_code print_events(const struct arguments *arguments, struct generator *generator,
                                  struct err *err)
{
    uint64_t count = arguments->count == UINT64_MAX ? PREVIEW_COUNT : arguments->count;
    struct buf line;
    enum err_code rc = ERR_OK;

    buf_init(&line, 32 << 20);
    for (uint64_t i = 0; i < count && rc == ERR_OK && !interrupt_is_pending() && !ferror(stdout);
         i++) {
        struct generated event;

        rc = generator_next(generator, clock_wall_ms(), &event, err);
        if (rc != ERR_OK) {
            break;
        }
        buf_clear(&line);
        if (event.bad == BAD_NONE) {
            value_to_json(event.root, event.type, &line);
        } else {
            buf_printf(&line, "{\"bad\":\"%s\",\"bytes\":%zu}", bad_word(event.bad),
                       event.value.len);
        }
        if (puts(buf_text(&line)) == EOF) {
            rc = FAIL(err, ERR_IO, "standard output cannot be written");
        }
    }
    buf_fini(&line);
    return rc;
}

static enum err_code produce(const struct arguments *arguments, const struct config *config,
                             struct generator *generator, struct err *err)
{
    char *topic = mem_text(arguments->generator.topic);
    struct feed_options options = {.topic = topic,
                                   .rate = arguments->rate,
                                   .count_max = arguments->count,
                                   .timeout_ms = TOPIC_MS};
    struct feed *feed = NULL;
    enum err_code rc = feed_open(config, generator, &options, &feed, err);

    if (rc == ERR_OK) {
        rc = run_feed(arguments, feed, err);
        if (arguments->is_json) {
            print_json(arguments, feed_totals(feed));
        } else {
            print_table(arguments, feed_totals(feed));
        }
    }
    feed_close(feed);
    free(topic);
    return rc;
}

static void say_if_nobody_consents(const struct arguments *arguments,
                                   const struct generator *generator)
{
    if (arguments->generator.no_consent > 0 && !generator_knows_consent(generator)) {
        fputs("detour generate: --no-consent changed nothing: no boolean of the schema is called "
              "consent, and no route with `drop:` matches one that is false\n",
              stderr);
    }
}

static enum err_code generate(struct arguments *arguments, const struct config *config,
                              struct catalog *catalog, struct err *err)
{
    struct generator *generator = NULL;
    struct signal_watch watch = {0};
    struct stop stop = {0};
    enum err_code rc;

    signals_watch(&watch, &stop, EXIT_CODE_OK); /* nothing was begun yet */
    arguments->generator.topic =
        arguments->topic != NULL ? span_of(arguments->topic) : config->kafka.topics[0];
    rc = arguments->is_stdout || arguments->is_sure
             ? ERR_OK
             : guard_generate(config, arguments->generator.topic, err);
    if (rc == ERR_OK) {
        rc = catalog_start(catalog, err);
    }
    if (rc == ERR_OK) {
        rc = generator_open(config, catalog, &arguments->generator, &generator, err);
    }
    signals_unwatch(&watch);
    if (rc == ERR_OK) {
        interrupt_catch();
        rc = arguments->is_stdout ? print_events(arguments, generator, err)
                                  : produce(arguments, config, generator, err);
    }
    if (rc == ERR_OK) {
        say_if_nobody_consents(arguments, generator);
    }
    generator_close(generator);
    return rc;
}

static int run(const void *all)
{
    struct arguments arguments = *(const struct arguments *)all;
    struct config *config = NULL;
    struct catalog *catalog = NULL;
    struct diags diags;
    struct err err = {0};
    enum err_code rc = ERR_CONFIG;

    if (arguments.generator.seed == SEED_DRAWN) {
        arguments.generator.seed = rng_seed() & UINT32_MAX;
    }
    diags_init(&diags);
    config = config_load(arguments.path, driver_types(), &diags);
    if (config != NULL) {
        catalog = catalog_load(config, &diags);
    }
    if (diags.error_count > 0) { /* warnings are for `detour check` */
        diags_print(&diags);
    }
    if (catalog != NULL) {
        log_setup(config->log.format, LOG_LEVEL_WARN);
        rc = generate(&arguments, config, catalog, &err);
    }
    if (rc != ERR_OK && err.text[0] != '\0') {
        fprintf(stderr, "detour generate: %s\n", err.text);
    }
    catalog_free(catalog);
    config_free(config);
    diags_fini(&diags);
    return command_exit_code(rc);
}

static bool read_stdout(const struct command_option *option, const char *text, void *field)
{
    (void)option;
    *(bool *)field = true;
    return strcmp(text, "stdout") == 0;
}

static bool read_schema(const struct command_option *option, const char *text, void *field)
{
    (void)option;
    *(struct span *)field = span_of(text);
    return text[0] != '\0';
}

static const struct arguments defaults = {
    .rate = 100.0,
    .count = UINT64_MAX,
    .duration_ms = UINT64_MAX,
    .generator = {.seed = SEED_DRAWN, .huge_bytes = GENERATOR_HUGE_BYTES},
};

static const struct command_option options[] = {
    COMMAND_CONFIG(struct arguments, path),
    {.name = "rate",
     .argument = "N/s",
     .help = "records a second; 0: as fast as the broker can",
     .fallback = "100/s",
     .wants = "a rate such as 100/s or 6000/m, or records a second; 0 is as fast as can be",
     .read = command_rate,
     .offset = offsetof(struct arguments, rate)},
    {.name = "count",
     .argument = "N",
     .help = "stop after N records",
     .wants = "a number from 0 on",
     .read = command_number,
     .offset = offsetof(struct arguments, count)},
    {.name = "for",
     .argument = "30s",
     .help = "stop after this time (neither: when interrupted)",
     .wants = "a duration such as 30s or 5m",
     .read = command_duration,
     .offset = offsetof(struct arguments, duration_ms)},
    {.name = "bad",
     .argument = "5%",
     .help = "share of records that do not decode",
     .fallback = "0%",
     .wants = "a share such as 5%, from 0% to 100%",
     .read = command_share,
     .offset = offsetof(struct arguments, generator.bad)},
    {.name = "no-consent",
     .argument = "8%",
     .help = "share of events whose visitor did not consent",
     .fallback = "0%",
     .wants = "a share such as 8%, from 0% to 100%",
     .read = command_share,
     .offset = offsetof(struct arguments, generator.no_consent)},
    {.name = "seed",
     .argument = "N",
     .help = "repeat the events of another run",
     .wants = "a number from 0 on",
     .read = command_number,
     .offset = offsetof(struct arguments, generator.seed)},
    {.name = "start-index",
     .argument = "N",
     .help = "begin with the N-th event of the seed",
     .fallback = "0",
     .wants = "a number from 0 on",
     .read = command_number,
     .offset = offsetof(struct arguments, generator.start_index)},
    {.name = "topic",
     .argument = "T",
     .help = "another topic than the first of kafka.topics",
     .wants = "the name of a topic",
     .read = command_text,
     .offset = offsetof(struct arguments, topic)},
    {.name = "schema",
     .argument = "NAME",
     .help = "only events of this reader schema",
     .wants = "the name of a reader schema",
     .read = read_schema,
     .offset = offsetof(struct arguments, generator.schema)},
    {.name = "yes",
     .help = "deliver them to real destinations as well: without it each of type tiktok or http is "
             "on a loopback address or has a test_event_code",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_sure)},
    {.name = "to",
     .argument = "stdout",
     .help = "print events as JSON lines, without Kafka (10 of them)",
     .wants = "stdout, which is the only other place",
     .read = read_stdout,
     .offset = offsetof(struct arguments, is_stdout)},
    COMMAND_JSON(struct arguments, is_json),
};

const struct command generate_command = {
    .name = "generate",
    .summary = "realistic conversion events onto the source topic",
    .about = "Invented conversion events onto the source topic, for every configured schema.",
    .exits = "0 every record was acknowledged, 1 an event could not be made or printed, 2 wrong "
             "usage, configuration or topic, 3 Kafka or the registry cannot be reached",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct arguments),
    .defaults = &defaults,
    .run = run,
    .takes_signals = true,
};
