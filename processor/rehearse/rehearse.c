#include "rehearse/rehearse.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "rehearse/rehearsal.h"

enum { BAR_CELLS = 30 };

struct command {
    const char *config_path, *trace_path;
    uint64_t seed;
    bool is_json;
    enum config_secrets secrets;
};

static int usage(FILE *out, int code)
{
    fputs("usage: detour rehearse -c FILE TRACE.yaml [--seed N] [--no-secrets] [--json]\n\n"
          "Plays a failure trace against this table on a virtual clock, with the code that\n"
          "runs: when it trips, what goes where, when it is back. Nothing is sent anywhere.\n\n"
          "  -c, --config FILE   the configuration (see docs/configuration.md)\n"
          "      --seed N        other chances (1); the same seed gives the same output\n"
          "      --no-secrets    secrets need not be there\n"
          "      --json          one JSON document on stdout\n"
          "  -h, --help          this text\n\n"
          "What a trace is written like: docs/rehearse.md; examples: routes/rehearsals.\n"
          "Exit codes: 0 played, 1 events were left unsettled, 2 wrong usage or files.\n",
          out);
    return code;
}

/* -1: go on; else the exit code. */
static int read_arguments(int argc, char **argv, struct command *out)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"seed", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},         {"no-secrets", no_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int64_t seed = 1;
    int letter;

    optind = 0;
    while ((letter = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (letter) {
        case 'c':
            out->config_path = optarg;
            break;
        case 's':
            if (!span_to_i64(span_of(optarg), &seed) || seed < 0) {
                fprintf(stderr, "detour rehearse: --seed wants a number from 0 on\n");
                return usage(stderr, 2);
            }
            break;
        case 'j':
            out->is_json = true;
            break;
        case 'n':
            out->secrets = SECRETS_OPTIONAL;
            break;
        case 'h':
            return usage(stdout, 0);
        default:
            return usage(stderr, 2);
        }
    }
    out->seed = (uint64_t)seed;
    if (out->config_path == NULL || optind + 1 != argc) {
        fprintf(stderr, "detour rehearse: %s\n",
                out->config_path == NULL ? "which configuration? -c FILE"
                : optind == argc         ? "which trace? a YAML file"
                                         : "one trace at a time");
        return usage(stderr, 2);
    }
    out->trace_path = argv[optind];
    return -1;
}

/* Records are ours from end to end, so how the real ones are framed, and by whose registry,
 * makes no difference here; asking it would. */
static void keep_to_ourselves(struct config *config)
{
    config->schemas.framing = FRAMING_SINGLE_OBJECT;
    config->schemas.registry.url_count = 0;
    config->schemas.id_count = 0;
}

static void draw_bar(void *context, double done)
{
    int *drawn = context;
    int cells = (int)(done * BAR_CELLS);

    if (cells != *drawn) {
        *drawn = cells;
        fprintf(stderr, "\rrehearsing [%.*s%*s] %3.0f%%", cells, "##############################",
                BAR_CELLS - cells, "", done * 100);
    }
}

static void play(const struct command *command, struct rehearsal *rehearsal)
{
    bool is_terminal = isatty(STDOUT_FILENO) != 0;
    int drawn = -1;

    if (isatty(STDERR_FILENO) != 0) {
        rehearsal->progress = draw_bar;
        rehearsal->progress_context = &drawn;
    }
    rehearsal_play(rehearsal);
    if (drawn >= 0) {
        fputs("\r\033[K", stderr);
    }
    if (command->is_json) {
        rehearsal_print_json(rehearsal, stdout);
    } else {
        rehearsal_print(rehearsal, stdout, is_terminal && getenv("NO_COLOR") == NULL);
    }
}

static int run(const struct command *command, struct diags *diags)
{
    struct config *config = config_load_with(command->config_path, command->secrets, diags);
    struct rehearsal rehearsal = {.config_path = command->config_path,
                                  .trace_path = command->trace_path,
                                  .seed = command->seed};
    struct trace trace = {0};
    int code = 2;

    if (config != NULL) {
        keep_to_ourselves(config);
        if (trace_load(command->trace_path, config, &trace, diags) &&
            rehearsal_open(&rehearsal, config, &trace, diags)) {
            code = 0;
        }
    }
    diags_print(diags);
    if (code == 0) {
        play(command, &rehearsal);
        code = rehearsal.settled_ms == 0 ? 1 : 0;
    }
    rehearsal_close(&rehearsal);
    trace_fini(&trace);
    config_free(config);
    return code;
}

int rehearse_command(int argc, char **argv)
{
    struct command command = {0};
    struct diags diags;
    int code = read_arguments(argc, argv, &command);

    if (code >= 0) {
        return code;
    }
    span_hash_fix(command.seed); /* before anything is hashed: a run repeats itself */
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_OFF);
    diags_init(&diags);
    code = run(&command, &diags);
    diags_fini(&diags);
    return code;
}
