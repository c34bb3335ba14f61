#include "trial/tiktok/simulator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "destinations/tiktok/say.h"
#include "trial/tiktok/control.h"

enum { TYPES_MAX = 64 };

/* One request on its way through the checks. */
struct turn {
    struct simulator *simulator;
    const struct sim_request *request;
    struct sim_answer *out;
    enum track_api api;
    json_t *root; /* owned; NULL: not JSON */
    struct contract_result result;
};

struct simulator *simulator_new(const struct simulator_options *options, struct sim_script script,
                                uint64_t now_ms)
{
    struct simulator *simulator = mem_new(struct simulator);

    PRE(options->latency_min_ms <= options->latency_max_ms);
    simulator->options = *options;
    simulator->script = script;
    simulator->script_base_ms = now_ms;
    simulator->is_clock_running = !options->is_clock_first;
    simulator->rng.state = options->seed;
    simulator->account = account_new(options->ids_max);
    pthread_mutex_init(&simulator->lock, NULL);
    return simulator;
}

void simulator_free(struct simulator *simulator)
{
    if (simulator == NULL) {
        return;
    }
    sim_script_fini(&simulator->script);
    account_free(simulator->account);
    pthread_mutex_destroy(&simulator->lock);
    free(simulator);
}

/* 14 digits of time and 20 upper-case hex digits, as seen in the wild. */
static void make_request_id(struct simulator *simulator, int64_t wall_ms,
                            char out[REQUEST_ID_BYTES])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(out, REQUEST_ID_BYTES, "%Y%m%d%H%M%S", &parts);
    snprintf(out + 14, REQUEST_ID_BYTES - 14, "%012llX%08llX",
             (unsigned long long)(rng_next(&simulator->rng) >> 16),
             (unsigned long long)(rng_next(&simulator->rng) >> 32));
}

/* The answer is HTTP 200 with @code; its body is still to be written. */
static struct tiktok_saying begin_answer(struct turn *turn, int32_t code, const char *text)
{
    struct sim_answer *out = turn->out;

    out->status = 200;
    out->content_type = "application/json";
    buf_clear(&out->body);
    account_answer_code(turn->simulator->account, code);
    return (struct tiktok_saying){code, text, out->request_id};
}

static void answer_code(struct turn *turn, int32_t code, const char *text)
{
    struct tiktok_saying saying = begin_answer(turn, code, text);

    tiktok_say(&saying, &turn->out->body);
}

static int32_t code_of(const struct fault *fault, int32_t fallback)
{
    return fault->has_code ? (int32_t)fault->code : fallback;
}

static void answer_raw(struct turn *turn, int status, const char *content_type, struct span body)
{
    char name[16];

    turn->out->status = status;
    turn->out->content_type = content_type;
    buf_clear(&turn->out->body);
    buf_add_span(&turn->out->body, body);
    snprintf(name, sizeof(name), "http_%d", status);
    account_answer(turn->simulator->account, name);
}

static bool holds(const char *const *texts, size_t count, struct span text)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(text, texts[i])) {
            return true;
        }
    }
    return false;
}

static bool may_use(const struct simulator_options *options, struct span token,
                    struct span source_id)
{
    for (size_t i = 0; i < options->allow_count; i++) {
        struct span pair = span_of(options->allows[i]);
        size_t at = span_find(pair, '=', 0);

        if (span_eq(span_sub(pair, 0, at), token) &&
            span_eq(span_sub(pair, at + 1, pair.len), source_id)) {
            return true;
        }
    }
    return options->allow_count == 0;
}

/* Steps 3 to 5; 0 when the token is good. */
static int32_t check_token(const struct simulator_options *options, struct span token)
{
    if (token.len == 0) {
        return 40104;
    }
    if (span_starts(token, SPAN("Bearer "))) {
        return 40105;
    }
    if (holds(options->expired, options->expired_count, token)) {
        return 40102;
    }
    return options->token_count == 0 || holds(options->tokens, options->token_count, token) ? 0
                                                                                            : 40105;
}

static bool is_json_type(struct span content_type)
{
    struct span word = span_trim(span_sub(content_type, 0, span_find(content_type, ';', 0)));

    return span_eq_nocase(word, SPAN("application/json"));
}

/* Steps 3 to 14. True when the request is good; otherwise the answer is written. */
static bool pass_checks(struct turn *turn)
{
    const struct simulator_options *options = &turn->simulator->options;
    struct contract_check check = {turn->api, options->is_strict, options->is_index_named,
                                   turn->request->wall_ms};
    struct contract_result *result = &turn->result;
    int32_t code = check_token(options, turn->request->token);
    char text[320];

    if (code != 0) {
        answer_code(turn, code, NULL);
        return false;
    }
    if (!is_json_type(turn->request->content_type)) {
        answer_code(turn, 40002, "Invalid value for Content-Type: must be application/json.");
        return false;
    }
    contract_check_head(&check, turn->root, result);
    if (result->code == 0 && !may_use(options, turn->request->token, result->source_id)) {
        snprintf(text, sizeof(text),
                 "No permission to operate pixel code: " SPAN_FMT
                 ". You must be an admin or operator of this advertiser account.",
                 (int)MIN_OF(result->source_id.len, (size_t)200), result->source_id.ptr);
        answer_code(turn, 40001, text);
        return false;
    }
    if (result->code == 0) {
        contract_check_items(&check, turn->root, result);
    }
    for (size_t i = 0; i < WARNING_COUNT; i++) {
        turn->simulator->warnings[i] += result->warnings[i];
    }
    if (result->code != 0) {
        answer_code(turn, result->code, result->message);
        return false;
    }
    return true;
}

static void record(struct turn *turn, size_t index)
{
    const json_t *item = contract_item(&turn->result, turn->root, index);

    account_accept(turn->simulator->account, turn->result.source_id,
                   json_span(json_object_get(item, "event")),
                   json_span(json_object_get(item, "event_id")), turn->request->wall_ms);
}

/* The answer of a healthy service; what is good is recorded if @is_recorded. */
static void answer_healthy(struct turn *turn, bool is_recorded)
{
    size_t count = contract_item_count(&turn->result, turn->root);

    if (!pass_checks(turn)) {
        account_reject(turn->simulator->account, count);
        return;
    }
    for (size_t i = 0; i < count && is_recorded; i++) {
        record(turn, i);
    }
    answer_code(turn, 0, NULL);
}

static void answer_partial(struct turn *turn, const struct fault *fault)
{
    size_t count = contract_item_count(&turn->result, turn->root);
    struct buf *body = &turn->out->body;
    struct tiktok_saying saying;
    size_t shift;
    size_t refused = 0;

    if (!pass_checks(turn)) {
        account_reject(turn->simulator->account, count);
        return;
    }
    shift = (size_t)rng_below(&turn->simulator->rng, count);
    saying = begin_answer(turn, 20001, NULL);
    tiktok_say_partial(&saying, body);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = contract_item(&turn->result, turn->root, i);

        if (fault_refuses_item(fault, i, count, shift)) {
            tiktok_say_refused(body, refused++, i, json_span(json_object_get(item, "event_id")),
                               code_of(fault, 40002));
        } else {
            record(turn, i);
        }
    }
    account_reject(turn->simulator->account, refused);
    tiktok_say_end(body);
}

static void answer_status(struct turn *turn, const struct fault *fault)
{
    if (fault->has_code) {
        answer_code(turn, code_of(fault, 0), NULL);
    } else if (fault->body.ptr != NULL) {
        answer_raw(turn, (int)fault->status, "text/plain", fault->body);
    } else {
        answer_raw(turn, (int)fault->status, "application/json",
                   SPAN("{\"error\":{\"message\":\"Service Unavailable\","
                        "\"description\":\"backend not ready\"}}"));
    }
}

/* An answer that does not come: what of the request is taken is taken first. */
static void answer_silence(struct turn *turn, const struct fault *fault, enum sim_action action)
{
    if (fault->is_recorded && pass_checks(turn)) {
        for (size_t i = 0; i < contract_item_count(&turn->result, turn->root); i++) {
            record(turn, i);
        }
    }
    turn->out->action = action;
    account_answer(turn->simulator->account, fault_word(fault->kind));
}

static uint64_t draw_ms(struct simulator *simulator, uint64_t low, uint64_t high)
{
    return low + rng_below(&simulator->rng, high - low + 1);
}

static void misbehave(struct turn *turn, const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_STATUS:
        answer_status(turn, fault);
        break;
    case FAULT_CODE:
        answer_code(turn, code_of(fault, 0), NULL);
        break;
    case FAULT_HANG:
        answer_silence(turn, fault, SIM_HANG);
        break;
    case FAULT_RESET:
        answer_silence(turn, fault, SIM_RESET);
        break;
    case FAULT_THROTTLE:
        answer_code(turn, code_of(fault, 40100), NULL);
        break;
    case FAULT_PARTIAL:
        answer_partial(turn, fault);
        break;
    case FAULT_GATEWAY:
        answer_raw(turn, 502, "text/html", span_of(tiktok_gateway_page));
        break;
    case FAULT_TRUNCATE:
        answer_healthy(turn, fault->is_recorded);
        turn->out->action = SIM_TRUNCATE;
        break;
    case FAULT_CREDENTIAL:
        answer_code(turn, code_of(fault, 40105), NULL);
        break;
    case FAULT_SLOW:
    case FAULT_REFUSED:
    case FAULT_UNWRITABLE:
    case FAULT_KIND_COUNT:
        answer_healthy(turn, fault->is_recorded);
        break;
    }
}

static void answer_fault(struct turn *turn, const struct fault *fault)
{
    struct sim_answer *out = turn->out;

    out->has_retry_after = fault->has_retry_after;
    out->retry_after_s = (fault->retry_after_ms + 999) / 1000;
    misbehave(turn, fault);
    if (fault->has_latency) {
        out->delay_ms = draw_ms(turn->simulator, fault->latency_min_ms, fault->latency_max_ms);
    }
    if (fault->status != 0 && out->action == SIM_ANSWER) {
        out->status = (int)fault->status;
    }
}

/* The distinct event types of the request, for the script. */
static size_t list_types(const struct turn *turn, struct span types[TYPES_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < contract_item_count(&turn->result, turn->root); i++) {
        struct span type =
            json_span(json_object_get(contract_item(&turn->result, turn->root, i), "event"));
        bool is_known = type.ptr == NULL || (count > 0 && span_eq(types[count - 1], type));

        for (size_t j = 0; j < count && !is_known; j++) {
            is_known = span_eq(types[j], type);
        }
        if (!is_known && count < TYPES_MAX) {
            types[count++] = type;
        }
    }
    return count;
}

/* The service's rate limit: for each access token a second's worth at once. */
static bool take_token(struct simulator *simulator, const struct sim_request *request)
{
    uint64_t token = span_hash(request->token);
    size_t at = 0;

    if (simulator->options.rate <= 0.0) {
        return true;
    }
    while (at < simulator->limit_count && simulator->limits[at].token != token) {
        at++;
    }
    if (at == simulator->limit_count && at < SIM_TOKENS_MAX) {
        simulator->limits[at].token = token;
        token_bucket_init(&simulator->limits[at].bucket, simulator->options.rate,
                          simulator->options.rate, request->now_ms);
        simulator->limit_count++;
    }
    at = MIN_OF(at, (size_t)SIM_TOKENS_MAX - 1);
    return token_bucket_take(&simulator->limits[at].bucket, request->now_ms);
}

static void handle_track(struct turn *turn)
{
    struct simulator *simulator = turn->simulator;
    const struct sim_request *request = turn->request;
    const struct fault *fault;
    struct span types[TYPES_MAX];
    size_t type_count = list_types(turn, types);

    if (!simulator->is_clock_running) {
        simulator->is_clock_running = true;
        simulator->script_base_ms = request->now_ms;
    }
    turn->out->delay_ms =
        draw_ms(simulator, simulator->options.latency_min_ms, simulator->options.latency_max_ms);
    fault =
        faults_find(&simulator->script.faults,
                    &(struct fault_request){.types = types,
                                            .type_count = type_count,
                                            .at_ms = request->now_ms - simulator->script_base_ms},
                    &simulator->rng);
    if (fault != NULL) {
        answer_fault(turn, fault);
    } else if (!take_token(simulator, request)) {
        answer_code(turn, 40100, NULL);
    } else {
        answer_healthy(turn, true);
    }
}

void simulator_handle(struct simulator *simulator, const struct sim_request *request,
                      struct sim_answer *out)
{
    struct turn turn = {.simulator = simulator, .request = request, .out = out};
    bool is_track;

    out->action = SIM_ANSWER;
    turn.api = contract_api(request->path);
    is_track = turn.api != API_COUNT && span_is(request->method, "POST");
    if (is_track) { /* the costly part, outside the lock */
        turn.root = json_loadb(request->body.ptr == NULL ? "" : request->body.ptr,
                               request->body.len, JSON_ALLOW_NUL, NULL);
        contract_look(turn.api, turn.root, &turn.result);
    }
    pthread_mutex_lock(&simulator->lock);
    make_request_id(simulator, request->wall_ms, out->request_id);
    if (is_track) {
        handle_track(&turn);
    } else if (span_starts(request->path, SPAN("/_simulate/"))) {
        sim_control(simulator, request, out);
    } else {
        answer_code(&turn, 40400, NULL);
    }
    pthread_mutex_unlock(&simulator->lock);
    json_decref(turn.root);
}

void simulator_account(struct simulator *simulator, struct buf *out)
{
    pthread_mutex_lock(&simulator->lock);
    account_totals_json(simulator->account, out);
    pthread_mutex_unlock(&simulator->lock);
}
