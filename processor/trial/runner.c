#include "trial/runner.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/fetch.h"
#include "trial/feed.h"
#include "trial/interrupt.h"
#include "trial/script.h"
#include "trial/topic_reader.h"

enum {
    TURN_MS = 5,
    LOOK_MS = 250,
    SETTLE_MS = 30000,
    REQUEST_MS = 3000,
    REPORTS_MS = 20000,
    STOP_MS = 25000,
    READ_MS = 15000,
    COMMAND_MS = 20000,
    PAGE = 5000,
    PAGE_BYTES_MAX = 8 << 20,
    CHANGES_BYTES_MAX = 16 << 10,
    HUGE_BYTES = 48 << 10, /* the embedded broker keeps 5 MiB a partition */
    MANY = 1000000,        /* more and an open-ended sandbox stops producing */
};

struct runner {
    struct environment *environment;
    const struct runner_options *options;
    struct show *show;
    struct runner_result *result;
    struct topic_reader *reader; /* owned */
    struct catalog *catalog;     /* owned */
    struct generator *generator; /* owned */
    struct feed *feed;           /* owned */
    struct buf body;             /* of answers */
    struct show_now now;
    uint64_t phase_from_ms;
    uint64_t looked_ms;
    struct watch watch;
    struct script script;
    uint64_t backfilled;
    bool is_audit_full;
};

static void take_report(void *context, const struct feed_report *report)
{
    struct runner *runner = context;
    enum audit_fate fate = report->bad != BAD_NONE ? FATE_BAD
                           : report->has_consent   ? FATE_GOOD
                                                   : FATE_NO_CONSENT;

    if (report->is_acknowledged && !audit_produced(runner->result->audit, report->index, fate,
                                                   report->partition, report->offset)) {
        runner->is_audit_full = true;
    }
}

static enum err_code open_generator(struct runner *runner, struct err *err)
{
    const struct runner_options *options = runner->options;
    struct generator_options generator = {
        .seed = options->seed,
        .bad = options->bad,
        .no_consent = options->no_consent,
        .huge_bytes = HUGE_BYTES,
        .topic = span_of(runner->environment->topic),
    };
    struct diags diags;
    enum err_code rc;

    diags_init(&diags);
    runner->catalog = catalog_load(runner->environment->config, &diags);
    if (runner->catalog == NULL) {
        diags_print(&diags);
        rc = FAIL(err, ERR_CONFIG, "the sandbox's schemas are not valid (see above)");
    } else {
        rc = catalog_start(runner->catalog, err);
    }
    diags_fini(&diags);
    if (rc == ERR_OK) {
        rc = generator_open(runner->environment->config, runner->catalog, &generator,
                            &runner->generator, err);
    }
    return rc;
}

static enum err_code open_runner(struct runner *runner, struct err *err)
{
    struct environment *environment = runner->environment;
    struct feed_options feed = {
        .topic = environment->topic,
        .rate = runner->options->rate,
        .count_max = runner->options->is_interactive ? MANY : UINT64_MAX,
        .timeout_ms = REQUEST_MS * 3,
        .done = take_report,
        .context = runner,
    };
    enum err_code rc = open_generator(runner, err);

    if (rc == ERR_OK) {
        rc =
            topic_reader_open(environment->config, environment->alternate, environment->dead_letter,
                              runner->result->audit, &runner->reader, err);
    }
    if (rc == ERR_OK) {
        rc = feed_open(environment->config, runner->generator, &feed, &runner->feed, err);
    }
    return rc;
}

static void close_runner(struct runner *runner)
{
    feed_close(runner->feed);
    generator_close(runner->generator);
    catalog_free(runner->catalog);
    topic_reader_close(runner->reader);
    buf_fini(&runner->body);
}

/* asking the processor and the simulated platform */

static enum err_code ask(struct runner *runner, const char *method, const char *base,
                         const char *path, const char *body, struct err *err)
{
    char *url = mem_format("%s%s", base, path);
    enum err_code rc = http_fetch(method, url, body, REQUEST_MS, &runner->body, err);

    free(url);
    return rc;
}

/* What the simulator answers on @path; the caller's to release. */
static enum err_code ask_simulator(struct runner *runner, const char *path, json_t **out,
                                   struct err *err)
{
    enum err_code rc = ask(runner, "GET", runner->environment->simulator_url, path, NULL, err);

    *out = rc == ERR_OK ? json_loadb(buf_text(&runner->body), runner->body.len, 0, NULL) : NULL;
    return rc == ERR_OK && *out == NULL
               ? FAIL(err, ERR_DATA, "the simulated platform's %s cannot be read", path)
               : rc;
}

/* What it plays from now on; @faults NULL: it is healthy. */
static enum err_code set_faults(struct runner *runner, const char *faults, struct err *err)
{
    return ask(runner, faults == NULL ? "DELETE" : "POST", runner->environment->simulator_url,
               "/_simulate/modes", faults, err);
}

static void tell_changes(struct runner *runner, const struct watch *before)
{
    struct buf changes;
    char *rest = NULL;

    buf_init(&changes, CHANGES_BYTES_MAX);
    watch_compare(before, &runner->watch, &changes);
    buf_add_char(&changes, '\0');
    for (char *line = strtok_r(changes.ptr, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        show_line(runner->show, "  %s", line);
    }
    buf_fini(&changes);
}

/* How many diverted events were delivered since, as /metrics has it. */
static enum err_code look_at_backfill(struct runner *runner, struct err *err)
{
    static const char sample[] =
        "detour_backfilled_total{destination=\"" ENVIRONMENT_DESTINATION "\"} ";
    enum err_code rc = ask(runner, "GET", runner->environment->admin_url, "/metrics", NULL, err);
    const char *at = rc == ERR_OK ? strstr(buf_text(&runner->body), sample) : NULL;

    if (at != NULL) {
        runner->backfilled = strtoull(at + strlen(sample), NULL, 10);
    }
    return rc;
}

/* Both may be slow to answer for a moment; only the last look has to succeed. */
static enum err_code look(struct runner *runner, struct err *err)
{
    struct watch before = runner->watch;
    json_t *account = NULL;
    enum err_code rc = ask_simulator(runner, "/_simulate/account", &account, err);

    if (rc == ERR_OK) {
        runner->now.numbers[SHOW_DELIVERED] =
            (uint64_t)json_integer_value(json_object_get(account, "unique"));
        rc = ask(runner, "GET", runner->environment->admin_url, "/api/v1/status", NULL, err);
    }
    if (rc == ERR_OK) {
        rc = watch_read(&runner->watch, buf_span(&runner->body), err);
    }
    if (rc == ERR_OK) {
        tell_changes(runner, &before);
        rc = look_at_backfill(runner, err);
    }
    json_decref(account);
    return rc;
}

/* turns */

/* Chores of every turn, whatever the phase. */
static enum err_code attend(struct runner *runner, struct err *err)
{
    uint64_t now_ms = clock_mono_ms();
    const struct audit *audit = runner->result->audit;
    const struct child *fallen = environment_ended_child(runner->environment);
    uint64_t *numbers = runner->now.numbers;

    topic_reader_turn(runner->reader);
    if (now_ms - runner->looked_ms >= LOOK_MS) {
        runner->looked_ms = now_ms;
        (void)look(runner, NULL);
    }
    runner->now.phase_elapsed_ms = now_ms - runner->phase_from_ms;
    numbers[SHOW_PRODUCED] = feed_totals(runner->feed)->acknowledged;
    numbers[SHOW_DIVERTED] = audit_records(audit, AUDIT_DIVERTED);
    numbers[SHOW_DEAD_LETTERED] = audit_records(audit, AUDIT_DEAD_LETTER);
    numbers[SHOW_DROPPED] = runner->watch.dropped;
    numbers[SHOW_IN_FLIGHT] = runner->watch.in_flight;
    show_turn(runner->show, &runner->now);
    if (runner->is_audit_full) {
        return FAIL(err, ERR_LIMIT, "more events than a sandbox can keep account of");
    }
    return fallen == NULL ? ERR_OK
                          : FAIL(err, ERR_STATE, "%s ended while the sandbox ran", fallen->name);
}

static void begin(struct runner *runner, const char *title, uint64_t phase_ms)
{
    runner->now.phase = title;
    runner->now.phase_ms = phase_ms;
    runner->phase_from_ms = clock_mono_ms();
}

static enum err_code traffic(struct runner *runner, bool *is_done, struct err *err)
{
    enum err_code rc = feed_turn(runner->feed, TURN_MS, is_done, err);

    return rc == ERR_OK ? attend(runner, err) : rc;
}

static struct scenario_moment moment_of(const struct runner *runner)
{
    const struct counts *reasons = audit_reasons(runner->result->audit, AUDIT_DEAD_LETTER);
    const struct script *script = &runner->script;
    struct scenario_moment moment = {
        .at_ms = clock_mono_ms(),
        .watch = &runner->watch,
        .delivered = runner->now.numbers[SHOW_DELIVERED],
        .is_done = script_has_ended(script) && !script->has_failed,
        .is_backfilled = runner->backfilled >= audit_records(runner->result->audit, AUDIT_DIVERTED),
    };

    for (size_t i = 0; i < reasons->count; i++) {
        if (strcmp(reasons->items[i].name, "rejected") == 0) {
            moment.rejected = reasons->items[i].count;
        }
    }
    return moment;
}

/* Traffic until the phase is over or a signal came. */
static enum err_code run_phase(struct runner *runner, enum scenario_phase phase, struct err *err)
{
    struct scenario *scenario = &runner->result->scenario;
    const struct scenario_rule *rule = scenario_rule(phase);
    const struct scenario_mark *mark = &scenario->marks[phase];
    struct scenario_moment moment = moment_of(runner);
    enum err_code rc = set_faults(runner, rule->faults, err);
    bool is_done = false; /* never: its count has no bound */

    script_begin(&runner->script, rule->commands);
    show_line(runner->show, "%s: %s", rule->title, rule->line);
    scenario_enter(scenario, phase, &moment);
    begin(runner, rule->title, scenario_phase_ms(scenario));
    while (rc == ERR_OK && !interrupt_is_pending() && !mark->is_played) {
        moment = moment_of(runner);
        scenario_look(scenario, &moment);
        rc = script_turn(&runner->script, runner->show, err);
        rc = rc == ERR_OK ? traffic(runner, &is_done, err) : rc;
    }
    script_fini(&runner->script);
    if (rc == ERR_OK && mark->is_played && !mark->has_shown) {
        show_line(runner->show, "  not as it should be: %s", mark->why);
    }
    return rc;
}

static enum err_code run_open_ended(struct runner *runner, struct err *err)
{
    enum err_code rc = ERR_OK;
    bool is_done = false;

    begin(runner, "running", 0);
    show_line(runner->show, "running: Ctrl-C ends the traffic and counts; meanwhile, for example:");
    show_line(runner->show, "  detour status -c %s/detour.yaml", runner->environment->folder);
    show_line(runner->show, "  detour reconcile -c %s/detour.yaml", runner->environment->folder);
    show_line(runner->show,
              "  curl -d '[{\"answer\":\"hang\",\"event\":\"" SCENARIO_EVENT_THEIRS
              "\",\"to\":\"30s\"}]' %s/_simulate/modes",
              runner->environment->simulator_url);
    while (rc == ERR_OK && !interrupt_is_pending() && !is_done) {
        rc = traffic(runner, &is_done, err);
    }
    return rc;
}

static enum err_code run_scenario(struct runner *runner, struct err *err)
{
    enum err_code rc = ERR_OK;

    for (unsigned i = 0; i < SCENARIO_PHASES && rc == ERR_OK && !interrupt_is_pending(); i++) {
        rc = run_phase(runner, (enum scenario_phase)i, err);
    }
    return rc;
}

static bool is_settled(const struct runner *runner)
{
    const struct watch *watch = &runner->watch;

    return watch->consumed >= feed_totals(runner->feed)->acknowledged && watch->in_flight == 0 &&
           watch->lag == 0;
}

static enum err_code settle(struct runner *runner, struct err *err)
{
    enum err_code rc = feed_finish(runner->feed, REPORTS_MS, err);

    if (rc == ERR_OK) {
        show_line(runner->show, "the traffic ends; what is under way settles");
        begin(runner, "settling", SETTLE_MS);
        rc = set_faults(runner, NULL, err);
    }
    runner->watch.in_flight = 1; /* only what is said from now on counts */
    while (rc == ERR_OK && !is_settled(runner) &&
           clock_mono_ms() - runner->phase_from_ms < SETTLE_MS) {
        poll(NULL, 0, TURN_MS);
        rc = attend(runner, err);
    }
    runner->result->has_settled = rc == ERR_OK && is_settled(runner);
    if (rc == ERR_OK && !runner->result->has_settled) {
        show_line(runner->show, "not settled within %d s: in flight %llu, lag %llu",
                  SETTLE_MS / 1000, (unsigned long long)runner->watch.in_flight,
                  (unsigned long long)runner->watch.lag);
    }
    return rc;
}

/* counting */

/* One page of ids at the simulator; *total: how many there are. */
static enum err_code count_page(struct runner *runner, size_t offset, size_t *got, size_t *total,
                                struct err *err)
{
    struct audit *audit = runner->result->audit;
    char path[96];
    json_t *root = NULL;
    json_t *event;
    size_t i;
    enum err_code rc;

    snprintf(path, sizeof(path), "/_simulate/events?offset=%zu&limit=%d", offset, PAGE);
    rc = ask_simulator(runner, path, &root, err);
    *total = (size_t)json_integer_value(json_object_get(root, "total"));
    *got = json_array_size(json_object_get(root, "events"));
    json_array_foreach(json_object_get(root, "events"), i, event)
    {
        const char *id = json_string_value(json_object_get(event, "event_id"));
        json_int_t copies = json_integer_value(json_object_get(event, "copies"));
        uint64_t index;

        if (generator_event_index(runner->options->seed, span_of(id), &index)) {
            audit_delivered(audit, index, (uint64_t)copies);
        } else {
            audit_unknown(audit);
        }
    }
    json_decref(root);
    return rc;
}

static enum err_code count_delivered(struct runner *runner, struct err *err)
{
    size_t offset = 0;
    size_t total = 1;
    enum err_code rc = ERR_OK;

    while (rc == ERR_OK && offset < total) {
        size_t got = 0;

        rc = count_page(runner, offset, &got, &total, err);
        offset += got;
        if (rc == ERR_OK && got == 0 && offset < total) {
            rc = FAIL(err, ERR_DATA, "the simulated platform's list of events ends too early");
        }
    }
    return rc;
}

/* For people, and to be compared. */
static enum err_code ask_books(struct runner *runner, struct err *err)
{
    enum err_code rc;

    script_begin(&runner->script, scenario_last_commands());
    rc = script_finish(&runner->script, COMMAND_MS, runner->show, err);
    runner->result->has_failed_command = runner->script.has_failed;
    script_fini(&runner->script);
    return rc == ERR_OK ? told_read(&runner->result->told, err) : rc;
}

/* The processor's last numbers, then its end, then what it left behind. */
static enum err_code count_all(struct runner *runner, struct err *err)
{
    struct runner_result *out = runner->result;
    struct child *processor = &runner->environment->children[ENVIRONMENT_PROCESSOR];
    enum err_code rc = look(runner, err);

    if (rc != ERR_OK) {
        return rc;
    }
    out->consumed = runner->watch.consumed;
    out->dropped_counted = runner->watch.dropped;
    if (!child_stop(processor, SIGTERM, STOP_MS) || child_exit_code(processor) != 0) {
        return FAIL(err, ERR_STATE, "the processor did not stop in good order (exit code %d)",
                    child_exit_code(processor));
    }
    show_line(runner->show, "the processor has stopped; what happened, and where is each event?");
    rc = ask_books(runner, err);
    if (rc == ERR_OK) {
        rc = topic_reader_finish(runner->reader, READ_MS, err);
    }
    if (rc == ERR_OK) {
        rc = count_delivered(runner, err);
    }
    audit_close(out->audit,
                &(struct audit_told){.dropped = out->dropped_counted,
                                     .replayed = out->told.replayed,
                                     .backfilled = out->told.backfilled},
                &out->balance);
    return rc;
}

enum err_code runner_run(struct environment *environment, const struct runner_options *options,
                         struct show *show, struct runner_result *out, struct err *err)
{
    struct runner runner = {
        .environment = environment, .options = options, .show = show, .result = out};
    uint64_t began_ms = clock_mono_ms();
    enum err_code rc;

    *out = (struct runner_result){.audit = audit_new()};
    watch_init(&runner.watch, ENVIRONMENT_DESTINATION);
    script_begin(&runner.script, NULL);
    runner.now = (struct show_now){.phase = "", .watch = &runner.watch};
    buf_init(&runner.body, PAGE_BYTES_MAX);
    scenario_init(&out->scenario, options->seconds);
    rc = open_runner(&runner, err);
    if (rc == ERR_OK) {
        rc = options->is_interactive ? run_open_ended(&runner, err) : run_scenario(&runner, err);
    }
    out->is_cut_short = interrupt_is_pending() && !options->is_interactive;
    if (rc == ERR_OK) {
        rc = settle(&runner, err);
    }
    if (rc == ERR_OK) {
        rc = count_all(&runner, err);
    }
    show_clear(show);
    out->duration_ms = clock_mono_ms() - began_ms;
    close_runner(&runner);
    return rc;
}

void runner_result_fini(struct runner_result *result)
{
    audit_free(result->audit);
    *result = (struct runner_result){0};
}
