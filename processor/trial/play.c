#include "trial/play.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "trial/fetch.h"
#include "trial/report.h"

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

struct player {
    struct stage *stage;
    const struct play_options *options;
    struct show *show;
    struct audit *audit;     /* owned */
    struct witness *witness; /* owned */
    struct catalog *catalog; /* owned */
    struct generator *generator;
    struct feed *feed;
    struct buf body; /* of answers */
    struct story story;
    const char *phase; /* its title */
    uint64_t phase_from_ms, phase_ms;
    uint64_t looked_ms;
    uint64_t delivered;
    struct watch watch;
    bool is_audit_full;
};

static void take_report(void *context, const struct feed_report *report)
{
    struct player *player = context;
    enum audit_fate fate = report->bad != BAD_NONE ? FATE_BAD
                           : report->has_consent   ? FATE_GOOD
                                                   : FATE_NO_CONSENT;

    if (report->is_acknowledged &&
        !audit_produced(player->audit, report->index, fate, report->partition, report->offset)) {
        player->is_audit_full = true;
    }
}

static enum err_code open_generator(struct player *player, struct err *err)
{
    const struct play_options *options = player->options;
    struct generator_options generator = {
        .seed = options->seed,
        .bad = options->bad,
        .no_consent = options->no_consent,
        .huge_bytes = HUGE_BYTES,
        .topic = span_of(player->stage->topic),
    };
    struct diags diags;
    enum err_code rc;

    diags_init(&diags);
    player->catalog = catalog_load(player->stage->config, &diags);
    if (player->catalog == NULL) {
        diags_print(&diags);
        rc = FAIL(err, ERR_CONFIG, "the sandbox's schemas are not valid (see above)");
    } else {
        rc = catalog_start(player->catalog, err);
    }
    diags_fini(&diags);
    if (rc == ERR_OK) {
        rc = generator_open(player->stage->config, player->catalog, &generator, &player->generator,
                            err);
    }
    return rc;
}

static enum err_code open_player(struct player *player, struct err *err)
{
    struct stage *stage = player->stage;
    struct feed_options feed = {
        .topic = stage->topic,
        .rate = player->options->rate,
        .count_max = player->options->is_interactive ? MANY : UINT64_MAX,
        .timeout_ms = REQUEST_MS * 3,
        .done = take_report,
        .context = player,
    };
    enum err_code rc;

    player->audit = audit_new();
    buf_init(&player->body, PAGE_BYTES_MAX);
    rc = open_generator(player, err);
    if (rc == ERR_OK) {
        rc = witness_open(stage->config, stage->alternate, stage->dead_letter, player->audit,
                          &player->witness, err);
    }
    if (rc == ERR_OK) {
        rc = feed_open(stage->config, player->generator, &feed, &player->feed, err);
    }
    return rc;
}

static void close_player(struct player *player)
{
    feed_close(player->feed);
    generator_close(player->generator);
    catalog_free(player->catalog);
    witness_close(player->witness);
    audit_free(player->audit);
    buf_fini(&player->body);
}

static enum err_code ask(struct player *player, const char *method, const char *base,
                         const char *path, const char *body, struct err *err)
{
    char *url = mem_format("%s%s", base, path);
    enum err_code rc = fetch(method, url, body, REQUEST_MS, &player->body, err);

    free(url);
    return rc;
}

static uint64_t account_number(struct player *player, const char *key)
{
    json_t *root =
        json_loadb(player->body.ptr == NULL ? "" : player->body.ptr, player->body.len, 0, NULL);
    json_int_t number = json_integer_value(json_object_get(root, key));

    json_decref(root);
    return number < 0 ? 0 : (uint64_t)number;
}

static void tell_change(void *context, const char *sentence)
{
    const struct player *player = context;

    show_line(player->show, "  %s", sentence);
}

/* Both may be slow to answer for a moment; only the last look has to succeed. */
static enum err_code look(struct player *player, struct err *err)
{
    struct watch before = player->watch;
    enum err_code rc =
        ask(player, "GET", player->stage->simulator_url, "/_simulate/account", NULL, err);

    if (rc == ERR_OK) {
        player->delivered = account_number(player, "unique");
        rc = ask(player, "GET", player->stage->admin_url, "/api/v1/status", NULL, err);
    }
    if (rc == ERR_OK) {
        rc = watch_read(&player->watch, buf_span(&player->body), err);
    }
    if (rc == ERR_OK) {
        watch_compare(&before, &player->watch, tell_change, player);
    }
    return rc;
}

static enum err_code check_children(struct player *player, struct err *err)
{
    struct child *fallen = stage_fallen(player->stage);

    if (fallen == NULL) {
        return ERR_OK;
    }
    return FAIL(err, ERR_STATE, "%s ended in the middle of the play", fallen->name);
}

/* Chores of every turn, whatever the phase. */
static enum err_code attend(struct player *player, struct err *err)
{
    uint64_t now_ms = clock_mono_ms();
    struct show_now now;

    (void)witness_turn(player->witness);
    if (now_ms - player->looked_ms >= LOOK_MS) {
        player->looked_ms = now_ms;
        (void)look(player, NULL);
    }
    now = (struct show_now){
        .phase = player->phase,
        .phase_elapsed_ms = now_ms - player->phase_from_ms,
        .phase_ms = player->phase_ms,
        .produced = feed_totals(player->feed)->acknowledged,
        .delivered = player->delivered,
        .diverted = audit_records(player->audit, AUDIT_DIVERTED),
        .dead_lettered = audit_records(player->audit, AUDIT_DEAD_LETTER),
        .dropped = player->watch.dropped,
        .in_flight = player->watch.in_flight,
        .watch = &player->watch,
    };
    show_turn(player->show, &now);
    if (player->is_audit_full) {
        return FAIL(err, ERR_LIMIT, "more events than a sandbox can keep account of");
    }
    return check_children(player, err);
}

static void begin(struct player *player, const char *title, uint64_t phase_ms)
{
    player->phase = title;
    player->phase_from_ms = clock_mono_ms();
    player->phase_ms = phase_ms;
}

static enum err_code traffic(struct player *player, bool *is_done, struct err *err)
{
    enum err_code rc = feed_turn(player->feed, TURN_MS, is_done, err);

    return rc == ERR_OK ? attend(player, err) : rc;
}

static struct story_moment moment_of(const struct player *player)
{
    return (struct story_moment){clock_mono_ms(), &player->watch, player->delivered};
}

static enum err_code enter(struct player *player, enum story_phase phase, struct err *err)
{
    const char *modes = story_modes(phase);
    struct story_moment moment = moment_of(player);
    enum err_code rc = ask(player, modes == NULL ? "DELETE" : "POST", player->stage->simulator_url,
                           "/_simulate/modes", modes, err);

    show_line(player->show, "%s", story_line(phase));
    story_enter(&player->story, phase, &moment);
    begin(player, story_title(phase), story_phase_ms(&player->story));
    return rc;
}

/* Traffic until the phase is over or a signal came. */
static enum err_code play_phase(struct player *player, enum story_phase phase, struct err *err)
{
    const struct story_mark *mark = &player->story.marks[phase];
    enum err_code rc = enter(player, phase, err);
    bool is_done = false; /* never: its count has no bound */

    while (rc == ERR_OK && !report_is_stopping() && !mark->is_played) {
        struct story_moment moment = moment_of(player);

        story_look(&player->story, &moment);
        rc = traffic(player, &is_done, err);
    }
    if (rc == ERR_OK && mark->is_played && !mark->has_shown) {
        show_line(player->show, "  not as it should be: %s",
                  mark->mistaken != NULL ? mark->mistaken : mark->missing);
    }
    return rc;
}

static enum err_code play_open(struct player *player, struct err *err)
{
    enum err_code rc = ERR_OK;
    bool is_done = false;

    begin(player, "running", 0);
    show_line(player->show, "running: Ctrl-C ends the traffic and counts; meanwhile, for example:");
    show_line(player->show, "  curl %s/api/v1/status", player->stage->admin_url);
    show_line(player->show,
              "  curl -d '{\"modes\":[{\"mode\":\"hang\",\"event\":\"" STORY_EVENT_THEIRS
              "\",\"to\":\"30s\"}]}' %s/_simulate/modes",
              player->stage->simulator_url);
    while (rc == ERR_OK && !report_is_stopping() && !is_done) {
        rc = traffic(player, &is_done, err);
    }
    return rc;
}

static enum err_code play_story(struct player *player, struct err *err)
{
    enum err_code rc = ERR_OK;

    for (unsigned i = 0; i < STORY_PHASES && rc == ERR_OK && !report_is_stopping(); i++) {
        rc = play_phase(player, (enum story_phase)i, err);
    }
    return rc;
}

static bool is_settled(const struct player *player)
{
    const struct watch *watch = &player->watch;

    return watch->consumed >= feed_totals(player->feed)->acknowledged && watch->in_flight == 0 &&
           watch->lag == 0;
}

static enum err_code settle(struct player *player, bool *has_settled, struct err *err)
{
    enum err_code rc = feed_finish(player->feed, REPORTS_MS, err);

    if (rc == ERR_OK) {
        show_line(player->show, "the traffic ends; what is under way settles");
        begin(player, "settling", SETTLE_MS);
        rc = ask(player, "DELETE", player->stage->simulator_url, "/_simulate/modes", NULL, err);
    }
    player->watch.in_flight = 1; /* only what is said from now on counts */
    while (rc == ERR_OK && !is_settled(player) &&
           clock_mono_ms() - player->phase_from_ms < SETTLE_MS) {
        poll(NULL, 0, TURN_MS);
        rc = attend(player, err);
    }
    *has_settled = rc == ERR_OK && is_settled(player);
    return rc;
}

/* One page of ids at the simulator; *total: how many there are. */
static enum err_code count_page(struct player *player, size_t offset, size_t *got, size_t *total,
                                struct err *err)
{
    char path[96];
    json_t *root = NULL;
    json_t *events;
    enum err_code rc;

    snprintf(path, sizeof(path), "/_simulate/events?offset=%zu&limit=%d", offset, PAGE);
    rc = ask(player, "GET", player->stage->simulator_url, path, NULL, err);
    if (rc != ERR_OK) {
        return rc;
    }
    root = json_loadb(player->body.ptr, player->body.len, 0, NULL);
    events = json_object_get(root, "events");
    *total = (size_t)json_integer_value(json_object_get(root, "total"));
    *got = json_array_size(events);
    for (size_t i = 0; i < *got; i++) {
        json_t *event = json_array_get(events, i);
        uint64_t index;

        if (generator_event_index(player->options->seed,
                                  span_of(json_string_value(json_object_get(event, "event_id"))),
                                  &index)) {
            audit_delivered(player->audit, index,
                            (uint64_t)json_integer_value(json_object_get(event, "copies")));
        } else {
            audit_unknown(player->audit);
        }
    }
    if (root == NULL || !json_is_array(events)) {
        rc = FAIL(err, ERR_DATA, "the simulated TikTok's list of events cannot be read");
    }
    json_decref(root);
    return rc;
}

static enum err_code count_delivered(struct player *player, struct err *err)
{
    size_t offset = 0;
    size_t total = 1;
    enum err_code rc = ERR_OK;

    while (rc == ERR_OK && offset < total) {
        size_t got = 0;

        rc = count_page(player, offset, &got, &total, err);
        offset += got;
        if (rc == ERR_OK && got == 0 && offset < total) {
            rc = FAIL(err, ERR_DATA, "the simulated TikTok's list of events ends too early");
        }
    }
    return rc;
}

/* The processor's last numbers, then its end, then what it left behind. */
static enum err_code count_all(struct player *player, struct play_result *out, struct err *err)
{
    struct child *processor = &player->stage->processor;
    const struct witness_reason *reasons;
    enum err_code rc = look(player, err);

    if (rc != ERR_OK) {
        return rc;
    }
    out->consumed = player->watch.consumed;
    out->dropped_counted = player->watch.dropped;
    if (!child_stop(processor, SIGTERM, STOP_MS) || child_exit_code(processor) != 0) {
        return FAIL(err, ERR_STATE, "the processor did not stop in good order (exit code %d)",
                    child_exit_code(processor));
    }
    show_line(player->show, "the processor has stopped; counting event by event");
    rc = witness_finish(player->witness, READ_MS, err);
    if (rc == ERR_OK) {
        rc = count_delivered(player, err);
    }
    reasons = witness_reasons(player->witness, &out->reason_count);
    memcpy(out->reasons, reasons, out->reason_count * sizeof(reasons[0]));
    audit_close(player->audit, out->dropped_counted, &out->balance);
    return rc;
}

enum err_code play(struct stage *stage, const struct play_options *options, struct show *show,
                   struct play_result *out, struct err *err)
{
    struct player player = {.stage = stage, .options = options, .show = show, .phase = ""};
    uint64_t began_ms = clock_mono_ms();
    enum err_code rc;

    memset(out, 0, sizeof(*out));
    watch_init(&player.watch, STAGE_DESTINATION);
    story_init(&player.story, options->seconds);
    rc = open_player(&player, err);
    if (rc == ERR_OK) {
        rc = options->is_interactive ? play_open(&player, err) : play_story(&player, err);
    }
    out->is_cut_short = report_is_stopping() && !options->is_interactive;
    if (rc == ERR_OK) {
        rc = settle(&player, &out->has_settled, err);
    }
    if (rc == ERR_OK && !out->has_settled) {
        show_line(show, "not settled within %d s: in flight %llu, lag %llu", SETTLE_MS / 1000,
                  (unsigned long long)player.watch.in_flight, (unsigned long long)player.watch.lag);
    }
    if (rc == ERR_OK) {
        rc = count_all(&player, out, err);
    }
    show_clear(show);
    out->story = player.story;
    out->duration_ms = clock_mono_ms() - began_ms;
    close_player(&player);
    return rc;
}
