#include "trial/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/signals.h"
#include "trial/tiktok/server.h"

#define SEED_DRAWN UINT64_MAX /* --seed was not given */

struct listen_at {
    struct span host;
    uint16_t port;
};

/* The command line, read. */
struct arguments {
    const char *what; /* to simulate */
    struct simulator_options options;
    struct command_texts tokens, expired, allows;
    struct listen_at listen;
    bool has_seed;
    const char *script_path;
    uint64_t body_bytes_max, ids_max;
    bool is_json;
};

static bool read_listen(const struct command_option *option, const char *text, void *field)
{
    struct listen_at *at = field;

    (void)option;
    return value_listen(span_of(text), &at->host, &at->port);
}

static bool read_allow(const struct command_option *option, const char *text, void *field)
{
    return strchr(text, '=') != NULL && command_texts(option, text, field);
}

static bool read_lenient(const struct command_option *option, const char *text, void *field)
{
    (void)option;
    (void)text;
    *(bool *)field = false; /* is_strict */
    return true;
}

static bool read_clock(const struct command_option *option, const char *text, void *field)
{
    (void)option;
    *(bool *)field = strcmp(text, "first-request") == 0;
    return *(bool *)field || strcmp(text, "start") == 0;
}

static bool read_latency(const struct command_option *option, const char *text, void *field)
{
    struct simulator_options *options = field;

    (void)option;
    return value_durations(span_of(text), &options->latency_min_ms, &options->latency_max_ms);
}

static bool read_platform(const struct command_option *option, const char *text, void *field)
{
    (void)option;
    *(const char **)field = text;
    return strcmp(text, "tiktok") == 0;
}

/* All errors of the script are printed; false when there are any. */
static bool load_script(const char *path, struct sim_script *out)
{
    struct diags diags;
    bool is_good;

    diags_init(&diags);
    sim_script_read(yaml_open(path, &diags), out, &diags);
    diags_print(&diags);
    is_good = diags.error_count == 0;
    diags_fini(&diags);
    return is_good;
}

static void say_where(bool is_json, struct span host, uint16_t port)
{
    bool is_v6 = span_find(host, ':', 0) < host.len;
    char *url = mem_format("http://%s" SPAN_FMT "%s:%u", is_v6 ? "[" : "", SPAN_ARG(host),
                           is_v6 ? "]" : "", (unsigned)port);

    printf(is_json ? "{\"url\":\"%s\"}\n" : "listening on %s\n", url);
    fflush(stdout);
    free(url);
}

/* Serve until SIGINT or SIGTERM; every thread has them blocked. */
static enum err_code serve(const struct arguments *arguments, struct simulator *simulator,
                           struct err *err)
{
    struct sim_server *server = NULL;
    struct buf totals;
    sigset_t signals;
    enum err_code rc;
    int number;

    signals_block(&signals);
    if (isatty(STDIN_FILENO) != 1) {
        sigdelset(&signals, SIGHUP); /* only of a terminal it means the end */
    }
    rc = sim_server_start(simulator, arguments->listen.host, arguments->listen.port,
                          (size_t)arguments->body_bytes_max, &server, err);
    if (rc != ERR_OK) {
        return rc;
    }
    say_where(arguments->is_json, arguments->listen.host, sim_server_port(server));
    sigwait(&signals, &number);
    sim_server_stop(server);
    buf_init(&totals, 1 << 20);
    simulator_account(simulator, &totals);
    fprintf(stderr, "%s", buf_text(&totals));
    buf_fini(&totals);
    return ERR_OK;
}

static int run(const void *all)
{
    const struct arguments *arguments = all;
    struct simulator_options options = arguments->options;
    struct sim_script script = {0};
    struct simulator *simulator;
    struct err err;
    enum err_code rc;

    if (arguments->script_path != NULL && !load_script(arguments->script_path, &script)) {
        sim_script_fini(&script);
        return EXIT_CODE_USAGE;
    }
    options.tokens = arguments->tokens.items;
    options.token_count = arguments->tokens.count;
    options.expired = arguments->expired.items;
    options.expired_count = arguments->expired.count;
    options.allows = arguments->allows.items;
    options.allow_count = arguments->allows.count;
    options.ids_max = (size_t)arguments->ids_max;
    options.seed = options.seed == SEED_DRAWN ? rng_seed() : options.seed;
    simulator = simulator_new(&options, script, clock_mono_ms());
    rc = serve(arguments, simulator, &err);
    if (rc != ERR_OK) {
        fprintf(stderr, "detour simulate: %s\n", err.text);
    }
    simulator_free(simulator);
    return rc == ERR_OK ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}

static const struct arguments defaults = {
    .options = {.rate = 1000.0, .seed = SEED_DRAWN},
    .listen = {.host = {"127.0.0.1", 9}},
    .ids_max = SIM_IDS_MAX,
    .body_bytes_max = SIM_BODY_BYTES_MAX,
};

static const struct command_option words[] = {
    {.name = "tiktok",
     .help = "the platform; there is no other yet",
     .wants = "to be tiktok",
     .missing = "what to simulate: only tiktok is known",
     .read = read_platform,
     .offset = offsetof(struct arguments, what)},
};

static const struct command_option options[] = {
    {.name = "listen",
     .argument = "HOST:PORT",
     .help = "where to listen; port 0: a free one, which is printed",
     .fallback = "127.0.0.1:0",
     .wants = "HOST:PORT; port 0 is a free one",
     .read = read_listen,
     .offset = offsetof(struct arguments, listen)},
    {.name = "token",
     .argument = "T",
     .help = "a token that is accepted; repeatable",
     .fallback = "any but an empty one",
     .wants = "a token, and is there at most 64 times",
     .is_secret = true,
     .read = command_texts,
     .offset = offsetof(struct arguments, tokens)},
    {.name = "expired-token",
     .argument = "T",
     .help = "a token that has expired; repeatable",
     .wants = "a token, and is there at most 64 times",
     .is_secret = true,
     .read = command_texts,
     .offset = offsetof(struct arguments, expired)},
    {.name = "allow",
     .argument = "T=SOURCE_ID",
     .help = "this token may use this source id; repeatable",
     .fallback = "all may",
     .wants = "TOKEN=SOURCE_ID, and is there at most 64 times",
     .is_secret = true,
     .read = read_allow,
     .offset = offsetof(struct arguments, allows)},
    {.name = "strict",
     .help = "refuse what the service swallows silently",
     .read = command_flag,
     .offset = offsetof(struct arguments, options.is_strict)},
    {.name = "lenient",
     .help = "do as the service does; the default",
     .read = read_lenient,
     .offset = offsetof(struct arguments, options.is_strict)},
    {.name = "index",
     .help = "name the item's position when one is refused",
     .read = command_flag,
     .offset = offsetof(struct arguments, options.is_index_named)},
    {.name = "script",
     .argument = "FILE",
     .help = "failure modes by time and type, see docs/simulator.md",
     .wants = "a file",
     .read = command_text,
     .offset = offsetof(struct arguments, script_path)},
    {.name = "clock",
     .argument = "WHEN",
     .help = "script times count from start or first-request",
     .fallback = "start",
     .wants = "start or first-request",
     .read = read_clock,
     .offset = offsetof(struct arguments, options.is_clock_first)},
    {.name = "rate",
     .argument = "N",
     .help = "requests a second and token, then 40100; 0: any",
     .fallback = "1000",
     .wants = "requests a second from 0 on, such as 1000 or 10/s",
     .read = command_rate,
     .offset = offsetof(struct arguments, options.rate)},
    {.name = "latency",
     .argument = "A..B",
     .help = "wait before each answer, a duration or a range",
     .fallback = "0ms",
     .wants = "a duration such as 20ms, or a range such as 5ms..20ms",
     .read = read_latency,
     .offset = offsetof(struct arguments, options)},
    {.name = "seed",
     .argument = "N",
     .help = "repeat the chances of another run",
     .wants = "a number from 0 on",
     .read = command_number,
     .offset = offsetof(struct arguments, options.seed)},
    {.name = "max-body",
     .argument = "SIZE",
     .help = "larger requests get 413",
     .fallback = "8MiB",
     .wants = "a size such as 8MiB",
     .read = command_size,
     .offset = offsetof(struct arguments, body_bytes_max)},
    {.name = "max-ids",
     .argument = "N",
     .help = "event ids to remember",
     .fallback = "4000000",
     .wants = "a number from 1 to 4294967294",
     .low = 1,
     .high = 4294967294,
     .read = command_number,
     .offset = offsetof(struct arguments, ids_max)},
    {.name = "json",
     .help = "print where it listens as JSON",
     .read = command_flag,
     .offset = offsetof(struct arguments, is_json)},
};

const struct command simulate_command = {
    .name = "simulate",
    .summary = "the simulated Events API",
    .about = "The simulated Events API: what tests, benchmarks and the sandbox deliver to.",
    .notes = "While it runs: GET /_simulate/account, /_simulate/events?offset=&limit=, "
             "/_simulate/warnings; GET, POST, DELETE /_simulate/modes.",
    .exits = "0 stopped by a signal, 2 wrong usage or script, or an address that cannot be "
             "listened on",
    .options = options,
    .option_count = COUNT_OF(options),
    .words = words,
    .word_count = COUNT_OF(words),
    .arguments_bytes = sizeof(struct arguments),
    .defaults = &defaults,
    .run = run,
    .takes_signals = true,
};
