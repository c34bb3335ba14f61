#include "app/run.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/backfill.h"
#include "app/totals.h"
#include "app/worker.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/signals.h"
#include "config/yaml.h"
#include "destinations/table.h"
#include "kafka/topics.h"
#include "ledger/outage_writer.h"
#include "observe/admin.h"

enum {
    BROKER_TIMEOUT_MS = 10000,
    SETTINGS_TIMEOUT_MS = 1500,
    LIVE_LIMIT_MS = 30000, /* a loop that has not turned for so long is not alive */
    TICK_MS = 100,
    LEDGER_CLOSE_MS = 1000,
    HARD_MARGIN_MS = 3000, /* beyond the drain: commits, leaving the group */
};

struct process {
    struct config *config;
    struct pipeline *pipeline;
    struct health *health;
    struct metrics *metrics;
    struct cluster *cluster;
    struct admin *admin;
    bool has_ledger;
    struct ledger *ledger;         /* NULL: none */
    struct outage_writer *outages; /* likewise */
    struct worker **workers;
    unsigned worker_count;
    struct backfills *backfills;
};

/* loading: nothing starts before all of this is right */

static int load(struct process *process, const char *path)
{
    struct diags diags;

    diags_init(&diags);
    process->config = config_load(path, driver_types(), &diags);
    if (process->config != NULL) {
        process->pipeline = pipeline_compile(process->config, &diags);
    }
    diags_print(&diags);
    if (diags.error_count > 0 && process->pipeline == NULL) {
        fprintf(stderr, "%s: %zu error%s; `detour check -c %s` tells more\n", path,
                diags.error_count, diags.error_count == 1 ? "" : "s", path);
    }
    diags_fini(&diags);
    return process->pipeline == NULL ? 2 : 0;
}

/* Acknowledged is not kept: what the settings of a topic do to records afterwards is said. */
static void tell_unfit(const struct topic_need *need)
{
    if (need->role != TOPIC_SOURCE && need->settings_error == 0 && need->remark != NULL) {
        LOG_WARN("topic.unfit", "topic=%s destination=%s why=%s", LOG_S(need->name),
                 LOG_S(need->destination), LOG_Q(need->remark));
    }
}

/* Rights are granted while we wait: nothing is wrong with the configuration. */
static void say_unauthorised(const struct topic_need *need)
{
    bool is_source = need->role == TOPIC_SOURCE;
    const char *right = is_source ? "Read" : "Write";

    LOG_ERROR("topic.unauthorised",
              "topic=%s right=%s next=\"grant %s on it to detour's principal; "
              "%s then\"",
              LOG_S(need->name), right, right,
              is_source ? "it is read by itself" : "partitions that need it go on by themselves");
}

/* The ledger's topic is ours to make. Without one that the configuration names nothing is
 * committed; one that nobody asked for by name is done without. False: do without. */
static bool make_ledger(const struct process *process, struct topic_report *report,
                        struct topic_need *need)
{
    bool is_needed = process->config->ledger.is_named;
    struct err err;

    if (need->is_authorised &&
        topics_create_ledger(process->config, report, BROKER_TIMEOUT_MS, &err) == ERR_OK) {
        LOG_INFO("ledger.made", "topic=%s", LOG_S(need->name));
        return true;
    }
    LOG_WARN("ledger.missing", "topic=%s why=%s next=%s", LOG_S(need->name),
             LOG_Q(need->is_authorised ? err.text : "no right to it"),
             LOG_Q(is_needed ? "nothing is committed until it is there: detour topics --create"
                             : "going on without a ledger: nothing can be reconciled. Make it with "
                               "detour topics --create, or say so: ledger: off"));
    return is_needed;
}

/* Source topics must be there; others are waited for when they are written (named, blocked). */
static int look_at_topics(struct process *process, const char *path)
{
    struct topic_report report = {0};
    struct err err;
    int code = 0;

    process->has_ledger = config_has_ledger(process->config);
    if (topics_find(process->config, BROKER_TIMEOUT_MS, SETTINGS_TIMEOUT_MS, &report, &err) !=
        ERR_OK) {
        fprintf(stderr, "detour: %s (kafka.brokers in %s)\n", err.text, path);
        return 3;
    }
    for (size_t i = 0; i < report.count; i++) {
        struct topic_need *need = &report.needs[i];

        if (need->exists) {
            process->pipeline->source_partitions +=
                need->role == TOPIC_SOURCE ? need->partitions : 0;
            tell_unfit(need);
            continue;
        }
        if (need->role == TOPIC_LEDGER) {
            process->has_ledger = make_ledger(process, &report, need);
        } else if (!need->is_authorised) {
            say_unauthorised(need);
        } else if (need->role == TOPIC_SOURCE) {
            struct place place = topics_place(process->config, need);

            fprintf(stderr,
                    "%s:%u:%u: the source topic " SPAN_FMT " does not exist; "
                    "make it with: detour topics -c %s --create\n",
                    place.file, place.line, place.column, SPAN_ARG(need->name), path);
            code = 3;
        } else {
            LOG_WARN("topic.missing",
                     "topic=%s destination=%s way_out=\"detour topics --create; partitions that "
                     "need it wait until it is there\"",
                     LOG_S(need->name), LOG_S(need->destination));
        }
    }
    topic_report_fini(&report);
    return code;
}

/* probes */

static bool is_alive(void *context, struct buf *why)
{
    const struct process *process = context;
    uint64_t now_ms = clock_mono_ms();

    for (unsigned i = 0; i < process->worker_count; i++) {
        uint64_t turned_ms = worker_turned_at(process->workers[i]);

        if (now_ms > turned_ms && now_ms - turned_ms > LIVE_LIMIT_MS) {
            buf_printf(why, "worker %u has not turned for %llu s", i,
                       (unsigned long long)(now_ms - turned_ms) / 1000);
            return false;
        }
    }
    return true;
}

static bool is_ready(void *context, struct buf *why)
{
    const struct process *process = context;

    if (!cluster_is_ready(process->cluster, why)) {
        return false;
    }
    for (unsigned i = 0; i < process->worker_count; i++) {
        if (!worker_is_ready(process->workers[i])) {
            buf_printf(why, "worker %u has not joined the group yet", i);
            return false;
        }
    }
    return is_alive(context, why);
}

/* starting and stopping */

static int start_workers(struct process *process)
{
    struct worker_shared shared = {
        process->pipeline, process->health, process->metrics, NULL, NULL, {0}};
    struct err err;

    process->cluster = cluster_new(process->config);
    if (cluster_start(process->cluster, &err) != ERR_OK) {
        fprintf(stderr, "detour: %s\n", err.text);
        return 2;
    }
    if (process->has_ledger && ledger_open(process->config, &process->ledger, &err) != ERR_OK) {
        fprintf(stderr, "detour: %s\n", err.text);
        return 2;
    }
    metrics_watch_services(process->metrics, process->cluster, process->pipeline->catalog,
                           process->ledger);
    shared.cluster = process->cluster;
    shared.ledger = process->ledger;
    if (process->ledger != NULL) {
        process->outages = outage_writer_new(
            &(struct outage_writer_parts){.sink = ledger_sink(process->ledger),
                                          .config = process->config,
                                          .health = process->health,
                                          .instance = span_of(process->pipeline->instance)});
    }
    process->workers = mem_array(process->config->workers, struct worker *);
    for (unsigned i = 0; i < process->config->workers; i++) {
        if (worker_start(&shared, i, &process->workers[i], &err) != ERR_OK) {
            fprintf(stderr, "detour: %s\n", err.text);
            return 2;
        }
        process->worker_count++;
    }
    if (backfills_new(&shared, &process->backfills, &err) != ERR_OK) {
        fprintf(stderr, "detour: %s\n", err.text);
        return 2;
    }
    return 0;
}

static int start_admin(struct process *process)
{
    struct admin_probe probe = {.is_alive = is_alive, .is_ready = is_ready, .context = process};
    struct status_sources sources = {process->config,  process->metrics,
                                     process->health,  process->pipeline->instance,
                                     process->cluster, process->pipeline->catalog};
    struct err err;

    if (!process->config->admin.is_on) {
        return 0;
    }
    if (admin_start(&sources, &probe, &process->admin, &err) != ERR_OK) {
        fprintf(stderr, "detour: %s (admin.listen)\n", err.text);
        return 2;
    }
    LOG_INFO("admin.listening", "url=http://" SPAN_FMT ":%u", SPAN_ARG(process->config->admin.host),
             admin_port(process->admin));
    return 0;
}

static bool all_done(const struct process *process)
{
    for (unsigned i = 0; i < process->worker_count; i++) {
        if (!worker_is_done(process->workers[i])) {
            return false;
        }
    }
    return process->backfills == NULL || backfills_are_done(process->backfills);
}

static bool any_failed(const struct process *process, struct err *err)
{
    for (unsigned i = 0; i < process->worker_count; i++) {
        if (worker_failed(process->workers[i], err)) {
            return true;
        }
    }
    return false;
}

static void refuse_reload(void)
{
    LOG_WARN("run.reload_unsupported", "why=\"this version does not reload; restart it instead\"");
}

static void say_totals(const struct process *process, bool is_end)
{
    struct totals_source source = {process->config, process->metrics, process->health};

    totals_log(&source, clock_mono_ms(), is_end);
}

/* What the log says now and then. */
static void look_at_log(const struct process *process, uint64_t *said_ms)
{
    uint64_t now_ms = clock_mono_ms();

    log_tick(false);
    if (now_ms - *said_ms >= process->config->log.totals_ms) {
        *said_ms = now_ms;
        say_totals(process, false);
    }
}

static void write_outages(const struct process *process, bool is_last)
{
    if (process->outages != NULL) {
        outage_writer_turn(process->outages, clock_mono_ms(), clock_wall_ms(), is_last);
    }
}

/* Until a signal asks for the end or a worker fails; 0, or 3 for a failure. */
static int serve(struct process *process, const sigset_t *signals, struct stop *stop)
{
    uint64_t said_ms = clock_mono_ms();
    struct err err;

    for (;;) {
        int signal_number = signals_next(signals, TICK_MS);

        if (signal_number == SIGTERM || signal_number == SIGINT) {
            (void)stop_asked(stop, clock_mono_ms());
            LOG_INFO("run.stopping", "signal=%s", signal_word(signal_number));
            return 0;
        }
        if (signal_number == SIGHUP) {
            refuse_reload();
        }
        look_at_log(process, &said_ms);
        write_outages(process, false);
        backfills_turn(process->backfills, clock_mono_ms());
        if (any_failed(process, &err)) {
            LOG_ERROR("run.failed", "why=%s", LOG_Q(err.text));
            return 3;
        }
    }
}

/* While it drains: does this signal mean that nobody wants to wait for it? */
static bool is_impatient(int signal_number, struct stop *stop)
{
    if (signal_number == SIGHUP) {
        refuse_reload();
    } else if (signal_number > 0) {
        if (stop_asked(stop, clock_mono_ms()) == STOP_AT_ONCE) {
            return true;
        }
        LOG_INFO("run.signal_joined", "signal=%s", signal_word(signal_number));
    }
    return false;
}

static void stop_workers(struct process *process, const sigset_t *signals, struct stop *stop)
{
    uint64_t deadline_ms = clock_mono_ms() + process->config->shutdown.drain_ms;

    for (unsigned i = 0; i < process->worker_count; i++) {
        worker_stop(process->workers[i], deadline_ms);
    }
    if (process->backfills != NULL) {
        backfills_stop(process->backfills, deadline_ms);
    }
    while (!all_done(process)) {
        bool is_hard = is_impatient(signals_next(signals, TICK_MS), stop);

        if (is_hard || clock_mono_ms() >= deadline_ms + HARD_MARGIN_MS) {
            LOG_WARN("run.hard_exit", "why=\"%s\"",
                     is_hard ? "a second signal" : "the drain took too long");
            _exit(1); /* crash-only: what is not committed is done again */
        }
    }
}

static void say_start(const struct process *process)
{
    const struct config *config = process->config;
    struct buf topics;

    buf_init(&topics, 16 << 10);
    for (size_t i = 0; i < config->kafka.topic_count; i++) {
        buf_printf(&topics, "%s" SPAN_FMT, i == 0 ? "" : ",", SPAN_ARG(config->kafka.topics[i]));
    }
    LOG_INFO("run.started",
             "version=%s config=%s config_sha256=%s topics=%s group=%s instance=%s workers=%u",
             DETOUR_VERSION, LOG_Q(config->path), yaml_digest(config->doc),
             LOG_Q(buf_text(&topics)), LOG_S(config->kafka.group),
             LOG_Q(process->pipeline->instance), process->worker_count);
    buf_fini(&topics);
}

static void clean_up(struct process *process)
{
    admin_stop(process->admin);
    for (unsigned i = 0; i < process->worker_count; i++) {
        worker_free(process->workers[i]);
    }
    free(process->workers);
    backfills_free(process->backfills);
    if (process->worker_count > 0) {
        write_outages(process, true);
    }
    outage_writer_free(process->outages);
    ledger_close(process->ledger, clock_mono_ms() + LEDGER_CLOSE_MS);
    cluster_free(process->cluster);
    metrics_free(process->metrics);
    health_free(process->health);
    pipeline_free(process->pipeline);
    config_free(process->config);
}

/* No core dumps (tokens, personal data); big buffers of librdkafka kept. */
static void set_process_up(void)
{
    struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)mallopt(M_MMAP_THRESHOLD, 128 * 1024 * 1024);
    (void)mallopt(M_TOP_PAD, 16 * 1024 * 1024);
}

static int connect_all(struct process *process, const char *path)
{
    struct err err;
    int code = look_at_topics(process, path);

    if (code == 0 && pipeline_connect(process->pipeline, &err) != ERR_OK) {
        fprintf(stderr, "detour: %s (schemas.registry in %s)\n", err.text, path);
        code = 3;
    }
    return code;
}

static int serve_from(const char *path)
{
    struct process process = {0};
    struct signal_watch watch = {0};
    struct stop stop = {0};
    sigset_t signals;
    int code;

    set_process_up();
    signals_block(&signals);
    signals_watch(&watch, &stop, 0);
    code = load(&process, path);
    if (code == 0) {
        log_setup(process.config->log.format, process.config->log.level);
        process.health = health_new(process.config, rng_seed(), clock_mono_ms());
        process.metrics = metrics_new(process.config, process.config->workers, DETOUR_VERSION);
        metrics_watch(process.metrics, process.health);
        pipeline_expect(process.pipeline, process.metrics);
        code = connect_all(&process, path);
    }
    signals_unwatch(&watch);
    if (code == 0) {
        code = start_workers(&process);
    }
    if (code == 0) {
        code = start_admin(&process);
    }
    if (code == 0) {
        say_start(&process);
        code = serve(&process, &signals, &stop);
    }
    if (process.worker_count > 0) {
        stop_workers(&process, &signals, &stop);
        log_tick(true);
        say_totals(&process, true);
    }
    signals_watch(&watch, &stop, 1);
    clean_up(&process);
    signals_unwatch(&watch);
    return code;
}

struct arguments {
    const char *path;
};

static int run(const void *arguments)
{
    return serve_from(((const struct arguments *)arguments)->path);
}

static const struct command_option options[] = {
    COMMAND_CONFIG(struct arguments, path),
};

const struct command run_command = {
    .name = "run",
    .summary = "the processor, in the foreground",
    .about = "The processor, in the foreground; logs on stderr.",
    .exits = "0 stopped, 1 ended hard, 2 wrong usage or configuration, 3 a service it needs is not "
             "reachable",
    .options = options,
    .option_count = COUNT_OF(options),
    .arguments_bytes = sizeof(struct arguments),
    .run = run,
    .takes_signals = true,
};
