#include "replay/replay_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/signals.h"
#include "destinations/table.h"
#include "kafka/topics.h"
#include "recovery/job_record.h"
#include "recovery/original.h"
#include "replay/replay_audit.h"
#include "replay/replay_watch.h"

enum {
    LOOK_MS = 10000,
    TURN_MS = 100,
    HARD_MARGIN_MS = 5000,
    LEDGER_CLOSE_MS = 2000,
    TEXT_BYTES = 1024,
};

/* Of a destination's rate: the rest is for live events. */
static const double RATE_SHARE = 0.25;

struct replay_runner {
    const struct replay_options *options;
    struct config *config; /* owned, as all below */
    struct pipeline *pipeline;
    struct health *health;
    struct metrics *metrics;
    struct cluster *cluster;
    struct ledger *ledger; /* NULL: none */
    struct worker *worker;
    struct job *job;
    struct replay_watch *watch; /* NULL: no ledger */
    struct span group;          /* the processor's */
    struct span topics[1];
    char *own_group;
    char *parked;
    bool has_ledger;
    bool is_cancelled;
    char cancelled_by[WATCH_BY_BYTES];
};

static int fail(enum err_code rc, const char *text)
{
    fprintf(stderr, "detour replay: %s\n", text);
    return command_exit_code(rc);
}

/* loading */

static void make_own(struct replay_runner *runner)
{
    struct config *config = runner->config;

    runner->group = config->kafka.group;
    runner->own_group =
        mem_format(SPAN_FMT ".replay.%s", SPAN_ARG(runner->group), runner->options->name);
    runner->parked = mem_format("%s.parked", runner->options->topic);
    runner->topics[0] = span_of(runner->options->topic);
    config->kafka.group = span_of(runner->own_group);
    config->kafka.topics = runner->topics;
    config->kafka.topic_count = 1;
    config->kafka.start_from = START_EARLIEST;
    config->kafka.on_gap =
        GAP_SKIP; /* what retention took of dead letters is nobody's to wait for */
    config->workers = 1;
    for (size_t i = 0; i < config->destination_count; i++) {
        config->destinations[i].rate.requests *= RATE_SHARE;
        config->destinations[i].rate.is_shared = false;
    }
}

static int load(struct replay_runner *runner)
{
    struct diags diags;

    diags_init(&diags);
    runner->config = config_load(runner->options->config_path, driver_types(), &diags);
    if (runner->config != NULL) {
        make_own(runner);
        runner->pipeline = pipeline_compile(runner->config, &diags);
    }
    if (runner->pipeline == NULL) {
        diags_print(&diags);
    }
    diags_fini(&diags);
    return runner->pipeline == NULL ? EXIT_CODE_USAGE : EXIT_CODE_OK;
}

/* The topics that it writes to need not be there: what waits for one is named by the worker. */
static int look(struct replay_runner *runner)
{
    struct topic_report report = {0};
    struct err err;
    int code = EXIT_CODE_OK;

    if (topics_find(runner->config, LOOK_MS, 0, &report, &err) != ERR_OK) {
        return fail(ERR_NET, err.text);
    }
    runner->has_ledger = config_has_ledger(runner->config);
    for (size_t i = 0; i < report.count && runner->has_ledger; i++) {
        if (report.needs[i].role == TOPIC_LEDGER && !report.needs[i].exists &&
            topics_create_ledger(runner->config, &report, LOOK_MS, &err) != ERR_OK) {
            code = fail(ERR_NET, err.text);
        }
    }
    topic_report_fini(&report);
    return code;
}

/* Records that would wait for a topic for ever are not read in the first place. */
static int look_for_copies(const struct replay_runner *runner)
{
    const struct replay_options *options = runner->options;
    bool exists = true;
    struct err err;

    if (options->to_topic != NULL &&
        topics_exists(runner->config, options->to_topic, LOOK_MS, &exists, &err) != ERR_OK) {
        return fail(err.code, err.text);
    }
    if (!exists) {
        fprintf(stderr, "detour replay: --to-topic: there is no topic %s; create it first\n",
                options->to_topic);
        return EXIT_CODE_USAGE;
    }
    if (options->preview->skipped[SKIP_PARKED] > 0 &&
        topics_create_like(runner->config, runner->parked, options->topic, LOOK_MS, &err) !=
            ERR_OK) {
        err_wrap(&err, "records that were replayed too often are parked");
        return fail(err.code, err.text);
    }
    return EXIT_CODE_OK;
}

static int refuse_second(const struct replay_runner *runner)
{
    struct buf who;
    struct err err;
    int code = EXIT_CODE_OK;

    buf_init(&who, TEXT_BYTES * 16);
    if (audit_members(runner->config, runner->config->kafka.group, &who, &err) != ERR_OK) {
        code = fail(ERR_NET, err.text);
    } else if (who.len > 0) {
        fprintf(stderr,
                "detour replay: %s is being run by %s; wait for its end, or 45 s when it was "
                "killed\n",
                runner->options->name, buf_text(&who));
        code = EXIT_CODE_NO;
    }
    buf_fini(&who);
    return code;
}

static int connect_all(struct replay_runner *runner)
{
    struct err err;
    int code = look(runner);

    if (code == EXIT_CODE_OK) {
        code = refuse_second(runner);
    }
    if (code == EXIT_CODE_OK) {
        code = look_for_copies(runner);
    }
    if (code == EXIT_CODE_OK && pipeline_connect(runner->pipeline, &err) != ERR_OK) {
        code = fail(ERR_NET, err.text);
    }
    if (code == EXIT_CODE_OK && runner->has_ledger &&
        ledger_open(runner->config, &runner->ledger, &err) != ERR_OK) {
        code = fail(err.code, err.text);
    }
    if (code == EXIT_CODE_OK && runner->has_ledger &&
        watch_open(runner->config, runner->group, runner->options->name, &runner->watch, &err) !=
            ERR_OK) {
        code = fail(err.code, err.text);
    }
    return code;
}

/* the ledger's records */

static json_t *ends_json(const struct preview *preview)
{
    json_t *ends = json_object();

    for (size_t i = 0; i < preview->partitions; i++) {
        char number[24];

        (void)snprintf(number, sizeof(number), "%zu", i);
        json_object_set_new(ends, number, json_integer((json_int_t)preview->ends[i]));
    }
    return ends;
}

static int write_audit(const struct replay_runner *runner, const char *state, const char *because)
{
    const struct replay_options *options = runner->options;
    const struct job_counts *counts = runner->job == NULL ? NULL : job_counts(runner->job);
    json_t *sums = counts == NULL
                       ? json_object()
                       : json_pack("{s:I, s:I, s:I, s:I}", "selected",
                                   (json_int_t)atomic_load(&counts->selected), "delivered",
                                   (json_int_t)atomic_load(&counts->delivered), "diverted",
                                   (json_int_t)atomic_load(&counts->diverted), "dead_lettered",
                                   (json_int_t)atomic_load(&counts->dead_lettered));
    json_t *selection = job_selection(options->rules.filter);
    json_t *ends = ends_json(options->preview);
    const struct job_record record = {.job = "replay",
                                      .name = options->name,
                                      .state = state,
                                      .topic = options->topic,
                                      .because = because,
                                      .selection = selection,
                                      .counts = sums,
                                      .ends = ends};
    struct err err;
    enum err_code rc = ERR_OK;

    if (runner->ledger != NULL) {
        rc = job_record_write(runner->ledger, options->rules.config, &record, &err);
    }
    json_decref(sums);
    json_decref(selection);
    json_decref(ends);
    return rc == ERR_OK ? EXIT_CODE_OK : fail(rc, err.text);
}

/* running */

static int start(struct replay_runner *runner, struct replay_rules *rules)
{
    const struct replay_options *options = runner->options;
    struct worker_shared shared = {.pipeline = runner->pipeline, .ledger = runner->ledger};
    struct err err;

    *rules = options->rules;
    rules->config = runner->config;
    runner->health = health_new(runner->config, rng_seed(), clock_mono_ms());
    runner->metrics = metrics_new(runner->config, 1, DETOUR_VERSION);
    runner->job = job_new(&(struct job_parts){
        .rules = rules,
        .ends = options->preview->ends,
        .partitions = options->preview->partitions,
        .parked_topic = runner->parked,
        .to_topic = options->to_topic,
        .per_second = options->per_second,
        .limit = options->limit,
        .is_persistent = options->is_persistent,
        .is_utm = original_is_utm_topic(runner->config, span_of(options->topic))});
    runner->cluster = cluster_new(runner->config);
    if (cluster_start(runner->cluster, &err) != ERR_OK) {
        return fail(err.code, err.text);
    }
    shared.cluster = runner->cluster;
    shared.health = runner->health;
    shared.metrics = runner->metrics;
    shared.job = job_worker(runner->job);
    return worker_start(&shared, 0, &runner->worker, &err) == ERR_OK ? EXIT_CODE_OK
                                                                     : fail(err.code, err.text);
}

static uint64_t done_of(const struct job_counts *counts)
{
    return atomic_load(&counts->delivered) + atomic_load(&counts->diverted) +
           atomic_load(&counts->dead_lettered) + atomic_load(&counts->dropped);
}

/* Waits for a tenth of a second. */
static int next_signal(struct replay_runner *runner, const sigset_t *signals)
{
    if (runner->watch == NULL) {
        return signals_next(signals, TURN_MS);
    }
    runner->is_cancelled = watch_is_cancelled(runner->watch, runner->cancelled_by);
    return signals_next(signals, 0);
}

/* Until the job is over, or cancelled; true: a signal asked for the end. */
static bool wait_for_job(struct replay_runner *runner, const sigset_t *signals)
{
    const struct job_counts *counts = job_counts(runner->job);
    struct progress progress;
    bool is_stopped = false;

    progress_begin(&progress, "replaying", PROGRESS_COUNT, runner->options->preview->selected);
    while (job_state(runner->job) == JOB_RUNS && !worker_is_done(runner->worker) && !is_stopped &&
           !runner->is_cancelled) {
        is_stopped = next_signal(runner, signals) > 0;
        progress_turn(&progress, done_of(counts), NULL);
    }
    progress_clear(&progress);
    return is_stopped;
}

static void stop(struct replay_runner *runner)
{
    uint64_t deadline_ms = clock_mono_ms() + runner->config->shutdown.drain_ms;

    worker_stop(runner->worker, deadline_ms);
    while (!worker_is_done(runner->worker) && clock_mono_ms() < deadline_ms + HARD_MARGIN_MS) {
        struct timespec pause = {0, 20 * 1000 * 1000};

        (void)nanosleep(&pause, NULL);
    }
    if (!worker_is_done(runner->worker)) {
        fprintf(stderr, "detour replay: its worker does not end; what is not committed is sent "
                        "again by the next run\n");
        _Exit(EXIT_CODE_NO); /* crash-only, as the processor */
    }
}

static void take_result(struct replay_runner *runner, bool is_stopped, struct replay_result *result)
{
    const struct job_counts *counts = job_counts(runner->job);
    struct err err;

    result->state = job_state(runner->job);
    (void)snprintf(result->why, sizeof(result->why), "%s", job_why(runner->job));
    if (worker_failed(runner->worker, &err)) {
        result->state = JOB_FAILED;
        (void)snprintf(result->why, sizeof(result->why), "%.*s", (int)sizeof(result->why) - 1,
                       err.text);
    }
    if (runner->is_cancelled && result->state == JOB_RUNS) {
        result->state = JOB_CANCELLED;
        (void)snprintf(result->why, sizeof(result->why), "by %s", runner->cancelled_by);
    }
    result->is_stopped = is_stopped && result->state == JOB_RUNS;
    result->selected = atomic_load(&counts->selected);
    result->delivered = atomic_load(&counts->delivered);
    result->diverted = atomic_load(&counts->diverted);
    result->dead_lettered = atomic_load(&counts->dead_lettered);
    result->dropped = atomic_load(&counts->dropped);
    for (size_t i = 0; i < SKIP_COUNT; i++) {
        result->skipped[i] = atomic_load(&counts->skipped[i]);
    }
}

static void clean_up(struct replay_runner *runner)
{
    watch_close(runner->watch);
    worker_free(runner->worker);
    job_free(runner->job);
    ledger_close(runner->ledger, clock_mono_ms() + LEDGER_CLOSE_MS);
    cluster_free(runner->cluster);
    metrics_free(runner->metrics);
    health_free(runner->health);
    pipeline_free(runner->pipeline);
    config_free(runner->config);
    free(runner->own_group);
    free(runner->parked);
}

/* The word of the job's last record. */
static const char *last_state(enum job_state state)
{
    return state == JOB_DONE || state == JOB_LIMITED ? "ended"
           : state == JOB_CANCELLED                  ? "cancelled"
                                                     : "stopped";
}

int replay_run(const struct replay_options *options, struct replay_result *result)
{
    struct replay_runner runner = {.options = options};
    struct replay_rules rules;
    sigset_t signals;
    int code;

    *result = (struct replay_result){0};
    signals_block(&signals);
    code = load(&runner);
    if (code == EXIT_CODE_OK) {
        log_setup(runner.config->log.format, LOG_LEVEL_ERROR);
        code = connect_all(&runner);
    }
    if (code == EXIT_CODE_OK) {
        code = write_audit(&runner, "started", NULL);
    }
    if (code == EXIT_CODE_OK) {
        code = start(&runner, &rules);
    }
    if (code == EXIT_CODE_OK) {
        bool is_stopped = wait_for_job(&runner, &signals);

        stop(&runner);
        take_result(&runner, is_stopped, result);
        code = write_audit(&runner, last_state(result->state),
                           result->why[0] == '\0' ? NULL : result->why);
    }
    clean_up(&runner);
    return code;
}
