#include "trial/trial.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "trial/report.h"
#include "trial/sim_server.h"

enum { LIST_MAX = 64 };

static const char usage[] =
    "usage: detour simulate tiktok [options]\n"
    "\n"
    "The simulated Events API: what tests, benchmarks and the sandbox deliver to.\n"
    "\n"
    "  --listen HOST:PORT   where to listen (127.0.0.1:0; port 0: a free one, which\n"
    "                       is printed)\n"
    "  --token T            a token that is accepted; repeatable (any but \"\")\n"
    "  --expired-token T    a token that has expired; repeatable\n"
    "  --allow T=SOURCE_ID  this token may use this source id; repeatable (all may)\n"
    "  --strict, --lenient  refuse what the service swallows silently, or do as the\n"
    "                       service does (lenient)\n"
    "  --index              name the item's position when one is refused\n"
    "  --script FILE        failure modes by time and type, see docs/simulator.md\n"
    "  --clock WHEN         script times count from start or first-request (start)\n"
    "  --rate N             requests a second and token, then 40100 (1000); 0: any\n"
    "  --latency A..B       wait before each answer, a duration or a range (0ms)\n"
    "  --seed N             repeat the chances of another run\n"
    "  --max-body SIZE      larger requests get 413 (8MiB)\n"
    "  --max-ids N          event ids to remember (4000000)\n"
    "  --json               print where it listens as JSON\n"
    "  -h, --help           this text\n"
    "\n"
    "GET /_simulate/account, /_simulate/events?offset=&limit=, /_simulate/warnings,\n"
    "GET, POST, DELETE /_simulate/modes\n"
    "\n"
    "Exit codes: 0 stopped by a signal, 2 wrong usage or script, or an address that\n"
    "cannot be listened on.\n";

/* The command line, read. */
struct command {
    struct simulator_options options;
    const char *tokens[LIST_MAX];
    const char *expired[LIST_MAX];
    const char *allows[LIST_MAX];
    char *host; /* owned */
    uint16_t port;
    const char *script_path;
    uint64_t body_bytes_max;
    bool is_json;
    bool is_help;
};

enum option_key {
    KEY_LISTEN = 256,
    KEY_TOKEN,
    KEY_EXPIRED,
    KEY_ALLOW,
    KEY_STRICT,
    KEY_LENIENT,
    KEY_INDEX,
    KEY_SCRIPT,
    KEY_CLOCK,
    KEY_RATE,
    KEY_LATENCY,
    KEY_SEED,
    KEY_MAX_BODY,
    KEY_MAX_IDS,
    KEY_JSON,
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, KEY_LISTEN},
    {"token", required_argument, NULL, KEY_TOKEN},
    {"expired-token", required_argument, NULL, KEY_EXPIRED},
    {"allow", required_argument, NULL, KEY_ALLOW},
    {"strict", no_argument, NULL, KEY_STRICT},
    {"lenient", no_argument, NULL, KEY_LENIENT},
    {"index", no_argument, NULL, KEY_INDEX},
    {"script", required_argument, NULL, KEY_SCRIPT},
    {"clock", required_argument, NULL, KEY_CLOCK},
    {"rate", required_argument, NULL, KEY_RATE},
    {"latency", required_argument, NULL, KEY_LATENCY},
    {"seed", required_argument, NULL, KEY_SEED},
    {"max-body", required_argument, NULL, KEY_MAX_BODY},
    {"max-ids", required_argument, NULL, KEY_MAX_IDS},
    {"json", no_argument, NULL, KEY_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const struct option_wish wishes[] = {
    {KEY_LISTEN, "HOST:PORT; port 0 is a free one"},
    {KEY_TOKEN, "a token, and is there at most 64 times"},
    {KEY_EXPIRED, "a token, and is there at most 64 times"},
    {KEY_ALLOW, "TOKEN=SOURCE_ID, and is there at most 64 times"},
    {KEY_CLOCK, "start or first-request"},
    {KEY_RATE, "requests a second from 0 on, such as 1000 or 10/s"},
    {KEY_LATENCY, "a duration such as 20ms, or a range such as 5ms..20ms"},
    {KEY_SEED, "a whole number"},
    {KEY_MAX_BODY, "a size such as 8MiB"},
    {KEY_MAX_IDS, "a number from 1 to 4294967294"},
    {0, NULL},
};

static bool read_listen(struct command *command, const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;

    if (colon == NULL || !span_to_i64(span_of(colon + 1), &port) || port < 0 || port > UINT16_MAX) {
        return false;
    }
    free(command->host);
    if (text[0] == '[' && colon > text + 1 && colon[-1] == ']') { /* [::1]:8080 */
        command->host = mem_text((struct span){text + 1, (size_t)(colon - text) - 2});
    } else {
        command->host = mem_text((struct span){text, (size_t)(colon - text)});
    }
    command->port = (uint16_t)port;
    return command->host[0] != '\0';
}

static bool read_latency(struct simulator_options *options, const char *text)
{
    if (value_duration(span_of(text), &options->latency_min_ms)) {
        options->latency_max_ms = options->latency_min_ms;
        return true;
    }
    return value_duration_range(span_of(text), &options->latency_min_ms,
                                &options->latency_max_ms) &&
           options->latency_min_ms <= options->latency_max_ms;
}

static bool read_rate(double *rate, const char *text)
{
    return (value_rate(span_of(text), rate) || span_to_double(span_of(text), rate)) && *rate >= 0.0;
}

static bool read_count(const char *text, int64_t low, int64_t high, int64_t *out)
{
    return span_to_i64(span_of(text), out) && *out >= low && *out <= high;
}

static bool add_text(const char **list, size_t *count, const char *text)
{
    if (*count == LIST_MAX || text[0] == '\0') {
        return false;
    }
    list[(*count)++] = text;
    return true;
}

static bool read_clock(struct simulator_options *options, const char *text)
{
    options->is_clock_first = strcmp(text, "first-request") == 0;
    return options->is_clock_first || strcmp(text, "start") == 0;
}

static bool read_option(struct command *command, int key, const char *text)
{
    struct simulator_options *options = &command->options;
    int64_t number = 0;

    switch (key) {
    case KEY_LISTEN:
        return read_listen(command, text);
    case KEY_TOKEN:
        return add_text(command->tokens, &options->token_count, text);
    case KEY_EXPIRED:
        return add_text(command->expired, &options->expired_count, text);
    case KEY_ALLOW:
        return strchr(text, '=') != NULL && add_text(command->allows, &options->allow_count, text);
    case KEY_STRICT:
    case KEY_LENIENT:
        options->is_strict = key == KEY_STRICT;
        return true;
    case KEY_INDEX:
        return options->is_index_named = true;
    case KEY_SCRIPT:
        command->script_path = text;
        return true;
    case KEY_CLOCK:
        return read_clock(options, text);
    case KEY_RATE:
        return read_rate(&options->rate, text);
    case KEY_LATENCY:
        return read_latency(options, text);
    case KEY_SEED:
        return read_count(text, INT64_MIN, INT64_MAX, (int64_t *)(void *)&options->seed);
    case KEY_MAX_BODY:
        return value_size(span_of(text), &command->body_bytes_max) && command->body_bytes_max > 0;
    case KEY_MAX_IDS:
        if (!read_count(text, 1, UINT32_MAX - 1, &number)) {
            return false;
        }
        options->ids_max = (size_t)number;
        return true;
    case KEY_JSON:
        return command->is_json = true;
    default:
        return command->is_help = true;
    }
}

static enum err_code read_command(int argc, char **argv, struct command *command, struct err *err)
{
    int key;

    command->options.tokens = command->tokens;
    command->options.expired = command->expired;
    command->options.allows = command->allows;
    command->options.rate = 1000.0;
    command->options.seed = rng_seed();
    command->options.ids_max = SIM_IDS_MAX;
    command->body_bytes_max = SIM_BODY_BYTES_MAX;
    command->host = mem_text(SPAN("127.0.0.1"));
    optind = 0; /* from the start: another command may have read options before */
    opterr = 0;
    while ((key = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
        if (key == '?') {
            return FAIL(err, ERR_USAGE, "unknown option %s", argv[optind - 1]);
        }
        if (key == ':') {
            return FAIL(err, ERR_USAGE, "%s needs a value", argv[optind - 1]);
        }
        if (!read_option(command, key, optarg)) {
            bool is_secret = key == KEY_TOKEN || key == KEY_EXPIRED || key == KEY_ALLOW;

            return report_wrong_value(long_options, wishes, key, is_secret ? NULL : optarg, err);
        }
    }
    if (!command->is_help && (optind + 1 != argc || strcmp(argv[optind], "tiktok") != 0)) {
        return FAIL(err, ERR_USAGE, "what to simulate: only tiktok is known");
    }
    return ERR_OK;
}

/* All errors of the script are printed; false when there are any. */
static bool load_script(const char *path, struct script *out)
{
    struct diags diags;
    struct yaml_doc *doc;
    bool is_good;

    diags_init(&diags);
    doc = yaml_open(path, &diags);
    if (doc != NULL) {
        script_read(yaml_root(doc), out, &diags);
    }
    diags_print(&diags);
    is_good = diags.error_count == 0;
    yaml_free(doc);
    diags_fini(&diags);
    return is_good;
}

static void say_where(const struct command *command, uint16_t port)
{
    bool is_v6 = strchr(command->host, ':') != NULL;
    char *url = mem_format("http://%s%s%s:%u", is_v6 ? "[" : "", command->host, is_v6 ? "]" : "",
                           (unsigned)port);

    printf(command->is_json ? "{\"url\":\"%s\"}\n" : "listening on %s\n", url);
    fflush(stdout);
    free(url);
}

/* Serve until SIGINT or SIGTERM; every thread started later has them blocked. */
static enum err_code serve(const struct command *command, struct simulator *simulator,
                           struct err *err)
{
    struct sim_server *server = NULL;
    struct buf totals;
    sigset_t signals;
    enum err_code rc;
    int number;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    rc = sim_server_start(simulator, command->host, command->port, (size_t)command->body_bytes_max,
                          &server, err);
    if (rc != ERR_OK) {
        return rc;
    }
    say_where(command, sim_server_port(server));
    sigwait(&signals, &number);
    sim_server_stop(server);
    buf_init(&totals, 1 << 20);
    simulator_account(simulator, &totals);
    fprintf(stderr, "%s", buf_text(&totals));
    buf_fini(&totals);
    return ERR_OK;
}

int simulate_command(int argc, char **argv)
{
    struct command command = {0};
    struct script script = {0};
    struct simulator *simulator = NULL;
    struct err err = {0};
    enum err_code rc = read_command(argc, argv, &command, &err);

    if (rc != ERR_OK) {
        fprintf(stderr, "detour simulate: %s\n\n%s", err.text, usage);
    } else if (command.is_help) {
        fputs(usage, stdout);
    } else if (command.script_path != NULL && !load_script(command.script_path, &script)) {
        script_fini(&script);
        rc = ERR_CONFIG;
    } else {
        simulator = simulator_new(&command.options, script, clock_mono_ms());
        rc = serve(&command, simulator, &err);
        if (rc != ERR_OK) {
            fprintf(stderr, "detour simulate: %s\n", err.text);
        }
        simulator_free(simulator);
    }
    free(command.host);
    return rc == ERR_OK ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}
