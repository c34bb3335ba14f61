#include "rehearse/rehearse.h"

#include <stdio.h>

#include "base/log.h"
#include "base/progress.h"
#include "base/terminal.h"
#include "destinations/table.h"
#include "rehearse/rehearsal.h"

struct arguments {
    const char *path, *trace_path;
    uint64_t seed;
    bool is_json;
    bool has_no_secrets;
};

/* Records are ours from end to end, so how the real ones are framed, and by whose registry,
 * makes no difference here; asking it would. */
static void use_no_registry(struct config *config)
{
    config->schemas.framing = FRAMING_SINGLE_OBJECT;
    config->schemas.registry.url_count = 0;
    config->schemas.id_count = 0;
}

static void run_and_print(const struct arguments *arguments, struct rehearsal *rehearsal,
                          uint64_t for_ms)
{
    struct progress progress;

    progress_begin(&progress, "rehearsing", PROGRESS_MS, for_ms);
    rehearsal->progress = &progress;
    rehearsal_run(rehearsal);
    progress_clear(&progress);
    if (arguments->is_json) {
        rehearsal_print_json(rehearsal, stdout);
    } else {
        rehearsal_print(rehearsal, stdout, terminal_is_coloured(stdout));
    }
}

static int rehearse(const struct arguments *arguments, struct diags *diags)
{
    struct config *config =
        config_load_with(arguments->path, driver_types(),
                         arguments->has_no_secrets ? SECRETS_OPTIONAL : SECRETS_NEEDED, diags);
    struct rehearsal rehearsal = {.config_path = arguments->path,
                                  .trace_path = arguments->trace_path,
                                  .seed = arguments->seed};
    struct trace trace = {0};
    int code = 2;

    if (config != NULL) {
        use_no_registry(config);
        if (trace_load(arguments->trace_path, config, &trace, diags) &&
            rehearsal_open(&rehearsal, config, &trace, diags)) {
            code = 0;
        }
    }
    diags_print(diags);
    if (code == 0) {
        run_and_print(arguments, &rehearsal, trace.for_ms);
        code = rehearsal.settled_ms == 0 ? 1 : 0;
    }
    rehearsal_close(&rehearsal);
    trace_fini(&trace);
    config_free(config);
    return code;
}

static int run(const void *all)
{
    const struct arguments *arguments = all;
    struct diags diags;
    int code;

    span_hash_fix(arguments->seed); /* before anything is hashed: a run repeats itself */
    log_setup(LOG_FORMAT_LOGFMT, LOG_LEVEL_OFF);
    diags_init(&diags);
    code = rehearse(arguments, &diags);
    diags_fini(&diags);
    return code;
}

static const struct arguments defaults = {.seed = 1};

static const struct command_option words[] = {
    {.name = "TRACE.yaml",
     .help = "what the destination answers when; see docs/rehearse.md and routes/rehearsals",
     .missing = "which trace? a YAML file",
     .read = command_text,
     .offset = offsetof(struct arguments, trace_path)},
};

static const struct command_option options[] = {
    COMMAND_CONFIG(struct arguments, path),
    {.name = "seed",
     .argument = "N",
     .help = "other chances; the same seed gives the same output",
     .fallback = "1",
     .wants = "a number from 0 on",
     .read = command_number,
     .offset = offsetof(struct arguments, seed)},
    COMMAND_NO_SECRETS(struct arguments, has_no_secrets),
    COMMAND_JSON(struct arguments, is_json),
};

const struct command rehearse_command = {
    .name = "rehearse",
    .summary = "a failure trace against this table, on a virtual clock",
    .about =
        "Plays a failure trace against this table on a virtual clock, with the code that runs: "
        "when it trips, what goes where, when it is back. Nothing is sent anywhere.",
    .exits = "0 played, 1 events were left unsettled, 2 wrong usage or files",
    .options = options,
    .option_count = COUNT_OF(options),
    .words = words,
    .word_count = COUNT_OF(words),
    .arguments_bytes = sizeof(struct arguments),
    .defaults = &defaults,
    .run = run,
};
