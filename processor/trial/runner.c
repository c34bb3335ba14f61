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
#include "trial/interrupt.h"

enum {
    TURN_MS = 5,
    LOOK_MS = 250,
    SETTLE_MS = 30000,
    REQUEST_MS = 3000,
    REPORTS_MS = 20000,
    STOP_MS = 25000,
    READ_MS = 15000,
    PAGE = 5000,
    PAGE_BYTES_MAX = 8 << 20,
    HUGE_BYTES = 48 << 10, /* the embedded broker keeps 5 MiB a partition */
    MANY = 1000000,        /* more and an open-ended sandbox stops producing */
};

struct runner {
    struct environment *environment;
    const struct runner_options *options;
    struct show *show;
    struct audit *audit;         /* owned */
    struct topic_reader *reader; /* owned */
    struct catalog *catalog;     /* owned */
    struct generator *generator;
    struct feed *feed;
    struct buf body; /* of answers */
    struct scenario scenario;
    const char *phase; /* its title */
    uint64_t phase_from_ms, phase_ms;
    uint64_t looked_ms;
    uint64_t delivered;
    struct watch watch;
    bool is_audit_full;
};

static void take_report(void *context, const struct feed_report *report)
{
    struct runner *runner = context;
    enum audit_fate fate = report->bad != BAD_NONE ? FATE_BAD
                           : report->has_consent   ? FATE_GOOD
                                                   : FATE_NO_CONSENT;

    if (report->is_acknowledged &&
        !audit_produced(runner->audit, report->index, fate, report->partition, report->offset)) {
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
    enum err_code rc;

    runner->audit = audit_new();
    buf_init(&runner->body, PAGE_BYTES_MAX);
    rc = open_generator(runner, err);
    if (rc == ERR_OK) {
        rc = topic_reader_open(environment->config, environment->alternate,
                               environment->dead_letter, runner->audit, &runner->reader, err);
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
    audit_free(runner->audit);
    buf_fini(&runner->body);
}

static enum err_code ask(struct runner *runner, const char *method, const char *base,
                         const char *path, const char *body, struct err *err)
{
    char *url = mem_format("%s%s", base, path);
    enum err_code rc = http_fetch(method, url, body, REQUEST_MS, &runner->body, err);

    free(url);
    return rc;
}

static uint64_t account_number(struct runner *runner, const char *key)
{
    json_t *root =
        json_loadb(runner->body.ptr == NULL ? "" : runner->body.ptr, runner->body.len, 0, NULL);
    json_int_t number = json_integer_value(json_object_get(root, key));

    json_decref(root);
    return number < 0 ? 0 : (uint64_t)number;
}

static void tell_change(void *context, const char *sentence)
{
    const struct runner *runner = context;

    show_line(runner->show, "  %s", sentence);
}

/* Both may be slow to answer for a moment; only the last look has to succeed. */
static enum err_code look(struct runner *runner, struct err *err)
{
    struct watch before = runner->watch;
    enum err_code rc =
        ask(runner, "GET", runner->environment->simulator_url, "/_simulate/account", NULL, err);

    if (rc == ERR_OK) {
        runner->delivered = account_number(runner, "unique");
        rc = ask(runner, "GET", runner->environment->admin_url, "/api/v1/status", NULL, err);
    }
    if (rc == ERR_OK) {
        rc = watch_read(&runner->watch, buf_span(&runner->body), err);
    }
    if (rc == ERR_OK) {
        watch_compare(&before, &runner->watch, tell_change, runner);
    }
    return rc;
}

static enum err_code check_children(struct runner *runner, struct err *err)
{
    struct child *fallen = environment_ended_child(runner->environment);

    if (fallen == NULL) {
        return ERR_OK;
    }
    return FAIL(err, ERR_STATE, "%s ended while the sandbox ran", fallen->name);
}

/* Chores of every turn, whatever the phase. */
static enum err_code attend(struct runner *runner, struct err *err)
{
    uint64_t now_ms = clock_mono_ms();
    struct show_now now;

    (void)topic_reader_turn(runner->reader);
    if (now_ms - runner->looked_ms >= LOOK_MS) {
        runner->looked_ms = now_ms;
        (void)look(runner, NULL);
    }
    now = (struct show_now){
        .phase = runner->phase,
        .phase_elapsed_ms = now_ms - runner->phase_from_ms,
        .phase_ms = runner->phase_ms,
        .produced = feed_totals(runner->feed)->acknowledged,
        .delivered = runner->delivered,
        .diverted = audit_records(runner->audit, AUDIT_DIVERTED),
        .dead_lettered = audit_records(runner->audit, AUDIT_DEAD_LETTER),
        .dropped = runner->watch.dropped,
        .in_flight = runner->watch.in_flight,
        .watch = &runner->watch,
    };
    show_turn(runner->show, &now);
    if (runner->is_audit_full) {
        return FAIL(err, ERR_LIMIT, "more events than a sandbox can keep account of");
    }
    return check_children(runner, err);
}

static void begin(struct runner *runner, const char *title, uint64_t phase_ms)
{
    runner->phase = title;
    runner->phase_from_ms = clock_mono_ms();
    runner->phase_ms = phase_ms;
}

static enum err_code traffic(struct runner *runner, bool *is_done, struct err *err)
{
    enum err_code rc = feed_turn(runner->feed, TURN_MS, is_done, err);

    return rc == ERR_OK ? attend(runner, err) : rc;
}

static struct scenario_moment moment_of(const struct runner *runner)
{
    return (struct scenario_moment){clock_mono_ms(), &runner->watch, runner->delivered};
}

static enum err_code enter(struct runner *runner, enum scenario_phase phase, struct err *err)
{
    const char *modes = scenario_rule(phase)->modes;
    struct scenario_moment moment = moment_of(runner);
    enum err_code rc = ask(runner, modes == NULL ? "DELETE" : "POST",
                           runner->environment->simulator_url, "/_simulate/modes", modes, err);

    show_line(runner->show, "%s", scenario_rule(phase)->line);
    scenario_enter(&runner->scenario, phase, &moment);
    begin(runner, scenario_rule(phase)->title, scenario_phase_ms(&runner->scenario));
    return rc;
}

/* Traffic until the phase is over or a signal came. */
static enum err_code run_phase(struct runner *runner, enum scenario_phase phase, struct err *err)
{
    const struct scenario_mark *mark = &runner->scenario.marks[phase];
    enum err_code rc = enter(runner, phase, err);
    bool is_done = false; /* never: its count has no bound */

    while (rc == ERR_OK && !interrupt_is_pending() && !mark->is_played) {
        struct scenario_moment moment = moment_of(runner);

        scenario_look(&runner->scenario, &moment);
        rc = traffic(runner, &is_done, err);
    }
    if (rc == ERR_OK && mark->is_played && !mark->has_shown) {
        show_line(runner->show, "  not as it should be: %s",
                  mark->mistaken != NULL ? mark->mistaken : mark->missing);
    }
    return rc;
}

static enum err_code run_open_ended(struct runner *runner, struct err *err)
{
    enum err_code rc = ERR_OK;
    bool is_done = false;

    begin(runner, "running", 0);
    show_line(runner->show, "running: Ctrl-C ends the traffic and counts; meanwhile, for example:");
    show_line(runner->show, "  curl %s/api/v1/status", runner->environment->admin_url);
    show_line(runner->show,
              "  curl -d '{\"modes\":[{\"mode\":\"hang\",\"event\":\"" SCENARIO_EVENT_THEIRS
              "\",\"to\":\"30s\"}]}' %s/_simulate/modes",
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

static enum err_code settle(struct runner *runner, bool *has_settled, struct err *err)
{
    enum err_code rc = feed_finish(runner->feed, REPORTS_MS, err);

    if (rc == ERR_OK) {
        show_line(runner->show, "the traffic ends; what is under way settles");
        begin(runner, "settling", SETTLE_MS);
        rc = ask(runner, "DELETE", runner->environment->simulator_url, "/_simulate/modes", NULL,
                 err);
    }
    runner->watch.in_flight = 1; /* only what is said from now on counts */
    while (rc == ERR_OK && !is_settled(runner) &&
           clock_mono_ms() - runner->phase_from_ms < SETTLE_MS) {
        poll(NULL, 0, TURN_MS);
        rc = attend(runner, err);
    }
    *has_settled = rc == ERR_OK && is_settled(runner);
    return rc;
}

/* One page of ids at the simulator; *total: how many there are. */
static enum err_code count_page(struct runner *runner, size_t offset, size_t *got, size_t *total,
                                struct err *err)
{
    char path[96];
    json_t *root = NULL;
    json_t *events;
    enum err_code rc;

    snprintf(path, sizeof(path), "/_simulate/events?offset=%zu&limit=%d", offset, PAGE);
    rc = ask(runner, "GET", runner->environment->simulator_url, path, NULL, err);
    if (rc != ERR_OK) {
        return rc;
    }
    root = json_loadb(runner->body.ptr, runner->body.len, 0, NULL);
    events = json_object_get(root, "events");
    *total = (size_t)json_integer_value(json_object_get(root, "total"));
    *got = json_array_size(events);
    for (size_t i = 0; i < *got; i++) {
        json_t *event = json_array_get(events, i);
        uint64_t index;

        if (generator_event_index(runner->options->seed,
                                  span_of(json_string_value(json_object_get(event, "event_id"))),
                                  &index)) {
            audit_delivered(runner->audit, index,
                            (uint64_t)json_integer_value(json_object_get(event, "copies")));
        } else {
            audit_unknown(runner->audit);
        }
    }
    if (root == NULL || !json_is_array(events)) {
        rc = FAIL(err, ERR_DATA, "the simulated TikTok's list of events cannot be read");
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
            rc = FAIL(err, ERR_DATA, "the simulated TikTok's list of events ends too early");
        }
    }
    return rc;
}

/* The processor's last numbers, then its end, then what it left behind. */
static enum err_code count_all(struct runner *runner, struct runner_result *out, struct err *err)
{
    struct child *processor = &runner->environment->processor;
    const struct topic_reader_reason *reasons;
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
    show_line(runner->show, "the processor has stopped; counting event by event");
    rc = topic_reader_finish(runner->reader, READ_MS, err);
    if (rc == ERR_OK) {
        rc = count_delivered(runner, err);
    }
    reasons = topic_reader_reasons(runner->reader, &out->reason_count);
    memcpy(out->reasons, reasons, out->reason_count * sizeof(reasons[0]));
    audit_close(runner->audit, out->dropped_counted, &out->balance);
    return rc;
}

enum err_code runner_run(struct environment *environment, const struct runner_options *options,
                         struct show *show, struct runner_result *out, struct err *err)
{
    struct runner runner = {
        .environment = environment, .options = options, .show = show, .phase = ""};
    uint64_t began_ms = clock_mono_ms();
    enum err_code rc;

    memset(out, 0, sizeof(*out));
    watch_init(&runner.watch, ENVIRONMENT_DESTINATION);
    scenario_init(&runner.scenario, options->seconds);
    rc = open_runner(&runner, err);
    if (rc == ERR_OK) {
        rc = options->is_interactive ? run_open_ended(&runner, err) : run_scenario(&runner, err);
    }
    out->is_cut_short = interrupt_is_pending() && !options->is_interactive;
    if (rc == ERR_OK) {
        rc = settle(&runner, &out->has_settled, err);
    }
    if (rc == ERR_OK && !out->has_settled) {
        show_line(show, "not settled within %d s: in flight %llu, lag %llu", SETTLE_MS / 1000,
                  (unsigned long long)runner.watch.in_flight, (unsigned long long)runner.watch.lag);
    }
    if (rc == ERR_OK) {
        rc = count_all(&runner, out, err);
    }
    show_clear(show);
    out->scenario = runner.scenario;
    out->duration_ms = clock_mono_ms() - began_ms;
    close_runner(&runner);
    return rc;
}
