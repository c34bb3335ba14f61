#include "trial/trial.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "trial/feed.h"
#include "trial/guard.h"
#include "trial/report.h"

enum { TURN_MS = 5, FINISH_MS = 60000, TOPIC_MS = 10000, PREVIEW_COUNT = 10, BAR_CELLS = 24 };

static const char usage[] =
    "usage: detour generate -c FILE [options]\n"
    "\n"
    "Invented conversion events onto the source topic, for every configured schema.\n"
    "\n"
    "  -c, --config FILE    the configuration: brokers, topic, schemas, framing\n"
    "  --rate N/s           records a second (100/s); 0: as fast as the broker can\n"
    "  --count N            stop after N records\n"
    "  --for 30s            stop after this time (neither: when interrupted)\n"
    "  --bad 5%             share of records that do not decode (0%)\n"
    "  --no-consent 8%      share of events whose visitor did not consent (0%)\n"
    "  --seed N             repeat the events of another run\n"
    "  --start-index N      begin with the N-th event of the seed (0)\n"
    "  --topic T            another topic than the first of kafka.topics\n"
    "  --schema NAME        only events of this reader schema\n"
    "  --yes                deliver them to real destinations as well: without it\n"
    "                       each of type tiktok or http is on a loopback address\n"
    "                       or has a test_event_code\n"
    "  --to stdout          print events as JSON lines, without Kafka (10 of them)\n"
    "  --json               totals as one JSON document\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit codes: 0 every record was acknowledged, 1 an event could not be made or\n"
    "printed, 2 wrong usage, configuration or topic, 3 Kafka or the registry cannot\n"
    "be reached.\n";

struct command {
    const char *config_path;
    const char *topic;
    struct generator_options generator;
    double rate;
    uint64_t count;
    uint64_t duration_ms;
    bool is_stdout;
    bool is_sure;
    bool is_json;
    bool is_help;
};

enum option_key {
    KEY_RATE = 256,
    KEY_COUNT,
    KEY_FOR,
    KEY_BAD,
    KEY_NO_CONSENT,
    KEY_SEED,
    KEY_START,
    KEY_TOPIC,
    KEY_SCHEMA,
    KEY_TO,
    KEY_YES,
    KEY_JSON,
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"rate", required_argument, NULL, KEY_RATE},
    {"count", required_argument, NULL, KEY_COUNT},
    {"for", required_argument, NULL, KEY_FOR},
    {"bad", required_argument, NULL, KEY_BAD},
    {"no-consent", required_argument, NULL, KEY_NO_CONSENT},
    {"seed", required_argument, NULL, KEY_SEED},
    {"start-index", required_argument, NULL, KEY_START},
    {"topic", required_argument, NULL, KEY_TOPIC},
    {"schema", required_argument, NULL, KEY_SCHEMA},
    {"to", required_argument, NULL, KEY_TO},
    {"yes", no_argument, NULL, KEY_YES},
    {"json", no_argument, NULL, KEY_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const struct option_wish wishes[] = {
    {KEY_RATE, "a rate such as 100/s or 6000/m, or records a second; 0 is as fast as can be"},
    {KEY_COUNT, "a number from 0 on"},
    {KEY_FOR, "a duration such as 30s or 5m"},
    {KEY_BAD, "a share such as 5%, from 0% to 100%"},
    {KEY_NO_CONSENT, "a share such as 8%, from 0% to 100%"},
    {KEY_SEED, "a number from 0 on"},
    {KEY_START, "a number from 0 on"},
    {KEY_TOPIC, "the name of a topic"},
    {KEY_TO, "stdout, which is the only other place"},
    {0, NULL},
};

static bool read_u64(const char *text, uint64_t *out)
{
    int64_t number;

    if (!span_to_i64(span_of(text), &number) || number < 0) {
        return false;
    }
    *out = (uint64_t)number;
    return true;
}

static bool read_share(const char *text, double *out)
{
    return value_percent(span_of(text), out) && *out <= 1.0;
}

static bool read_option(struct command *command, int key, const char *text)
{
    switch (key) {
    case 'c':
        command->config_path = text;
        return true;
    case KEY_RATE:
        return (value_rate(span_of(text), &command->rate) ||
                span_to_double(span_of(text), &command->rate)) &&
               command->rate >= 0.0;
    case KEY_COUNT:
        return read_u64(text, &command->count);
    case KEY_FOR:
        return value_duration(span_of(text), &command->duration_ms);
    case KEY_BAD:
        return read_share(text, &command->generator.bad);
    case KEY_NO_CONSENT:
        return read_share(text, &command->generator.no_consent);
    case KEY_SEED:
        return read_u64(text, &command->generator.seed);
    case KEY_START:
        return read_u64(text, &command->generator.start_index);
    case KEY_TOPIC:
        command->topic = text;
        return text[0] != '\0';
    case KEY_SCHEMA:
        command->generator.schema = span_of(text);
        return true;
    case KEY_TO:
        command->is_stdout = strcmp(text, "stdout") == 0;
        return command->is_stdout;
    case KEY_YES:
        return command->is_sure = true;
    case KEY_JSON:
        return command->is_json = true;
    default:
        return command->is_help = true;
    }
}

static enum err_code read_command(int argc, char **argv, struct command *command, struct err *err)
{
    int key;

    command->rate = 100.0;
    command->count = UINT64_MAX;
    command->duration_ms = UINT64_MAX;
    command->generator.seed = rng_seed() & 0xffffffff;
    command->generator.huge_bytes = GENERATOR_HUGE_BYTES;
    optind = 0;
    opterr = 0;
    while ((key = getopt_long(argc, argv, ":c:h", long_options, NULL)) != -1) {
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
    if (command->is_help) {
        return ERR_OK;
    }
    if (optind != argc || command->config_path == NULL) {
        return FAIL(err, ERR_USAGE, "%s",
                    optind != argc ? "no argument is expected but options" : "-c FILE is missing");
    }
    return ERR_OK;
}

/* Bars are for people: progress towards whichever end was asked for. */
static void draw_progress(const struct command *command, const struct feed_totals *totals,
                          uint64_t elapsed_ms)
{
    double share = 0.0;
    int cells;

    if (command->count != UINT64_MAX && command->count > 0) {
        share = (double)totals->acknowledged / (double)command->count;
    } else if (command->duration_ms != UINT64_MAX && command->duration_ms > 0) {
        share = (double)elapsed_ms / (double)command->duration_ms;
    }
    cells = (int)(MIN_OF(share, 1.0) * BAR_CELLS);
    fprintf(stderr, "\r\033[K[%.*s%*s] %llu produced, %llu acknowledged", cells,
            "########################", BAR_CELLS - cells, "", (unsigned long long)totals->produced,
            (unsigned long long)totals->acknowledged);
    fflush(stderr);
}

static enum err_code run_feed(const struct command *command, struct feed *feed, struct err *err)
{
    uint64_t began_ms = clock_mono_ms();
    uint64_t drawn_ms = began_ms;
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    bool is_done = command->count == 0;
    enum err_code rc = ERR_OK;

    while (rc == ERR_OK && !is_done && !report_is_stopping()) {
        uint64_t now_ms = clock_mono_ms();

        if (now_ms - began_ms >= command->duration_ms) {
            break;
        }
        if (is_terminal && now_ms - drawn_ms >= 200) {
            draw_progress(command, feed_totals(feed), now_ms - began_ms);
            drawn_ms = now_ms;
        }
        rc = feed_turn(feed, TURN_MS, &is_done, err);
    }
    if (rc == ERR_OK) {
        rc = feed_finish(feed, FINISH_MS, err);
    }
    if (is_terminal) {
        draw_progress(command, feed_totals(feed), clock_mono_ms() - began_ms);
        fputc('\n', stderr);
    }
    return rc;
}

static void print_json(const struct command *command, const struct feed_totals *totals)
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
               (unsigned long long)command->generator.seed);
    buf_add_json_string(&out, command->generator.topic);
    buf_add_text(&out, ",\"by_kind\":{");
    for (size_t i = 0; i < BAD_KIND_COUNT; i++) {
        buf_printf(&out, "%s\"%s\":%llu", i == 0 ? "" : ",", bad_word((enum bad_kind)i),
                   (unsigned long long)totals->by_kind[i]);
    }
    buf_add_text(&out, "},\"by_type\":{");
    for (size_t i = 0; i < totals->type_count; i++) {
        buf_add_text(&out, i == 0 ? "" : ",");
        buf_add_json_string(&out, span_of(totals->by_type[i].name));
        buf_printf(&out, ":%llu", (unsigned long long)totals->by_type[i].count);
    }
    buf_add_text(&out, "}}\n");
    fputs(buf_text(&out), stdout);
    buf_fini(&out);
}

static void print_table(const struct command *command, const struct feed_totals *totals)
{
    printf("produced      %llu onto " SPAN_FMT " (seed %llu, next index %llu)\n",
           (unsigned long long)totals->produced, SPAN_ARG(command->generator.topic),
           (unsigned long long)command->generator.seed,
           (unsigned long long)(command->generator.start_index + totals->produced));
    printf("acknowledged  %llu\n", (unsigned long long)totals->acknowledged);
    printf("good          %llu, %llu of them without consent\n", (unsigned long long)totals->good,
           (unsigned long long)totals->without_consent);
    for (size_t i = 0; i < totals->type_count; i++) {
        printf("  %-26s %llu\n", totals->by_type[i].name,
               (unsigned long long)totals->by_type[i].count);
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
static enum err_code print_events(const struct command *command, struct generator *generator,
                                  struct err *err)
{
    uint64_t count = command->count == UINT64_MAX ? PREVIEW_COUNT : command->count;
    struct buf line;
    enum err_code rc = ERR_OK;

    buf_init(&line, 32 << 20);
    for (uint64_t i = 0; i < count && rc == ERR_OK && !report_is_stopping() && !ferror(stdout);
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

static enum err_code produce(const struct command *command, const struct config *config,
                             struct generator *generator, struct err *err)
{
    char *topic = mem_text(command->generator.topic);
    struct feed_options options = {
        .topic = topic, .rate = command->rate, .count_max = command->count, .timeout_ms = TOPIC_MS};
    struct feed *feed = NULL;
    enum err_code rc = feed_open(config, generator, &options, &feed, err);

    if (rc == ERR_OK) {
        rc = run_feed(command, feed, err);
        if (command->is_json) {
            print_json(command, feed_totals(feed));
        } else {
            print_table(command, feed_totals(feed));
        }
    }
    feed_close(feed);
    free(topic);
    return rc;
}

static void say_if_nobody_consents(const struct command *command, const struct generator *generator)
{
    if (command->generator.no_consent > 0 && !generator_knows_consent(generator)) {
        fputs("detour generate: --no-consent changed nothing: no boolean of the schema is called "
              "consent, and no route with `drop:` matches one that is false\n",
              stderr);
    }
}

static enum err_code generate(struct command *command, const struct config *config,
                              struct catalog *catalog, struct err *err)
{
    struct generator *generator = NULL;
    enum err_code rc;

    command->generator.topic =
        command->topic != NULL ? span_of(command->topic) : config->kafka.topics[0];
    rc = command->is_stdout || command->is_sure
             ? ERR_OK
             : guard_generate(config, command->generator.topic, err);
    if (rc == ERR_OK) {
        rc = catalog_start(catalog, err);
    }
    if (rc == ERR_OK) {
        rc = generator_open(config, catalog, &command->generator, &generator, err);
    }
    if (rc == ERR_OK) {
        report_catch_signals();
        rc = command->is_stdout ? print_events(command, generator, err)
                                : produce(command, config, generator, err);
    }
    if (rc == ERR_OK) {
        say_if_nobody_consents(command, generator);
    }
    generator_close(generator);
    return rc;
}

int generate_command(int argc, char **argv)
{
    struct command command = {0};
    struct config *config = NULL;
    struct catalog *catalog = NULL;
    struct diags diags;
    struct err err = {0};
    enum err_code rc = read_command(argc, argv, &command, &err);

    if (rc != ERR_OK) {
        fprintf(stderr, "detour generate: %s\n\n%s", err.text, usage);
        return EXIT_CODE_USAGE;
    }
    if (command.is_help) {
        fputs(usage, stdout);
        return EXIT_CODE_OK;
    }
    diags_init(&diags);
    config = config_load(command.config_path, &diags);
    if (config != NULL) {
        catalog = catalog_load(config, &diags);
    }
    if (diags.error_count > 0) { /* warnings are for `detour check` */
        diags_print(&diags);
    }
    rc = ERR_CONFIG;
    if (catalog != NULL) {
        log_setup(config->log.format, LOG_LEVEL_WARN);
        rc = generate(&command, config, catalog, &err);
    }
    if (rc != ERR_OK && err.text[0] != '\0') {
        fprintf(stderr, "detour generate: %s\n", err.text);
    }
    catalog_free(catalog);
    config_free(config);
    diags_fini(&diags);
    return report_exit_code(rc);
}
