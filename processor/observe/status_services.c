#include "observe/status_services.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "schema/catalog.h"

/* What a library or a registry says may be no UTF-8. */
static json_t *text_json(const char *text)
{
    json_t *out = json_string(text);

    return out == NULL ? json_string("unprintable") : out;
}

static json_t *text_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : text_json(text);
}

static json_t *since_json(uint64_t at_ms, uint64_t now_ms, int64_t wall_ms)
{
    char text[CLOCK_ISO_BYTES];
    int64_t for_ms = now_ms > at_ms ? (int64_t)(now_ms - at_ms) : 0;

    return json_string(clock_iso(wall_ms - for_ms, text));
}

static json_t *seconds_json(uint64_t at_ms, uint64_t now_ms)
{
    return at_ms == 0 ? json_null()
                      : json_real((double)(now_ms > at_ms ? now_ms - at_ms : 0) / 1000);
}

static json_t *advice_json(const struct client_error *error, const char *resource, bool is_writing)
{
    struct buf text;
    json_t *out;

    buf_init(&text, CLIENT_ADVICE_BYTES);
    client_error_advise(error, resource, is_writing, &text);
    out = text_json(buf_text(&text));
    buf_fini(&text);
    return out;
}

static json_t *error_json(const struct cluster_error *at, uint64_t now_ms, int64_t wall_ms)
{
    const struct active_error *active = &at->active;
    const struct client_error *error = client_error_of(active->code);

    return json_pack("{s:s, s:i, s:s, s:o, s:o, s:s, s:o, s:b, s:o, s:I}", "from",
                     client_role_word(at->from), "worker", (int)at->worker, "error",
                     rd_kafka_err2name(active->code), "resource", text_or_null(active->resource),
                     "text", text_json(active->text), "meaning", error->meaning, "next",
                     advice_json(error, active->resource, at->from == CLIENT_IS_PRODUCER), "passes",
                     (int)error->passes, "since", since_json(active->since_ms, now_ms, wall_ms),
                     "times", (json_int_t)active->count);
}

json_t *status_kafka(struct cluster *cluster, uint64_t now_ms, int64_t wall_ms)
{
    struct cluster_view *view;
    json_t *errors = json_array();
    json_t *out;

    if (cluster == NULL) {
        return json_pack("{s:n, s:n, s:n, s:o}", "up", "since", "error", "errors", errors);
    }
    view = mem_new(struct cluster_view);
    cluster_look(cluster, view);
    for (size_t i = 0; i < view->error_count; i++) {
        json_array_append_new(errors, error_json(&view->errors[i], now_ms, wall_ms));
    }
    out = json_pack("{s:b, s:o, s:o, s:o, s:I}", "up", (int)view->is_up, "since",
                    since_json(view->since_ms, now_ms, wall_ms), "error", text_or_null(view->error),
                    "errors", errors, "errors_unseen", (json_int_t)view->errors_unseen);
    free(view);
    return out;
}

json_t *status_registry(struct catalog *catalog, uint64_t now_ms, int64_t wall_ms)
{
    struct registry_state state = {.is_configured = false};

    if (catalog != NULL) {
        catalog_registry_state(catalog, &state);
    }
    if (!state.is_configured) {
        return json_null();
    }
    return json_pack("{s:b, s:o, s:o, s:I}", "up", (int)state.is_up, "since",
                     since_json(state.since_ms, now_ms, wall_ms), "error",
                     text_or_null(state.error), "waiting", (json_int_t)state.waiting);
}

static json_t *blocks_json(uint32_t blocks)
{
    json_t *out = json_array();

    for (unsigned reason = 0; reason < BLOCK_REASON_COUNT; reason++) {
        if ((blocks >> reason & 1u) != 0) {
            json_array_append_new(out, json_string(block_word((enum block_reason)reason)));
        }
    }
    return out;
}

static json_t *unreadable_json(const struct partition_view *view, uint64_t now_ms, int64_t wall_ms)
{
    rd_kafka_resp_err_t code = (rd_kafka_resp_err_t)view->numbers.error;
    const struct client_error *error = client_error_of(code);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return json_null();
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "error", rd_kafka_err2name(code), "meaning",
                     error->meaning, "next", advice_json(error, view->topic, false), "else",
                     text_or_null(client_error_past(error)), "since",
                     since_json(view->numbers.error_since_ms, now_ms, wall_ms));
}

json_t *status_partitions(const struct metrics *metrics, uint64_t now_ms, int64_t wall_ms)
{
    size_t count = 0;
    struct partition_view *views = metrics_partitions(metrics, &count);
    json_t *out = json_array();

    for (size_t i = 0; i < count; i++) {
        const struct partition_numbers *numbers = &views[i].numbers;

        json_array_append_new(
            out, json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "topic", views[i].topic,
                           "partition", (int)views[i].partition, "lag",
                           numbers->lag < 0 ? json_null() : json_integer(numbers->lag), "lag_age_s",
                           seconds_json(numbers->asked_ms, now_ms), "open_transaction_s",
                           seconds_json(numbers->open_ms, now_ms), "blocked",
                           blocks_json(numbers->blocks), "error",
                           unreadable_json(&views[i], now_ms, wall_ms)));
    }
    free(views);
    return out;
}
