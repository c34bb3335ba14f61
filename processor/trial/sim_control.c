#include "trial/sim_control.h"

#include <string.h>

#include "base/json.h"

enum { EVENTS_PAGE = 1000, EVENTS_PAGE_MAX = 10000 };

static void warnings_json(const struct simulator *simulator, struct buf *out)
{
    bool is_first = true;

    buf_add_text(out, "{\"warnings\":[");
    for (size_t i = 0; i < WARNING_COUNT; i++) {
        if (simulator->warnings[i] > 0) {
            buf_printf(out, "%s{\"warning\":\"%s\",\"count\":%llu}", is_first ? "" : ",",
                       warning_word((enum warning)i), (unsigned long long)simulator->warnings[i]);
            is_first = false;
        }
    }
    buf_add_text(out, "]}\n");
}

static size_t query_number(struct span query, const char *name, size_t fallback)
{
    size_t name_bytes = strlen(name);

    for (size_t at = 0; at < query.len;) {
        size_t end = span_find(query, '&', at);
        struct span pair = span_sub(query, at, end);
        int64_t number;

        if (pair.len > name_bytes && pair.ptr[name_bytes] == '=' &&
            memcmp(pair.ptr, name, name_bytes) == 0 &&
            span_to_i64(span_sub(pair, name_bytes + 1, pair.len), &number) && number >= 0) {
            return (size_t)number;
        }
        at = end + 1;
    }
    return fallback;
}

static void set_script(struct simulator *simulator, const struct sim_request *request,
                       struct sim_answer *out)
{
    struct script script = {0};
    struct diags diags;
    struct yaml_doc *doc;

    diags_init(&diags);
    doc = yaml_parse("body", request->body, true, &diags); /* JSON is YAML */
    if (doc != NULL) {
        script_read(yaml_root(doc), &script, &diags);
    }
    if (diags.error_count > 0) {
        out->status = 400;
        buf_printf(&out->body, "{\"error\":");
        buf_add_json_string(&out->body, span_of(diags.items[0].message));
        buf_printf(&out->body, ",\"line\":%u,\"column\":%u}\n", diags.items[0].place.line,
                   diags.items[0].place.column);
        script_fini(&script);
    } else {
        script_fini(&simulator->script);
        simulator->script = script;
        simulator->script_base_ms = request->now_ms;
        simulator->is_clock_running = true;
        buf_printf(&out->body, "{\"modes\":%zu}\n", script.count);
    }
    yaml_free(doc);
    diags_fini(&diags);
}

static void handle_modes(struct simulator *simulator, const struct sim_request *request,
                         struct sim_answer *out)
{
    if (span_is(request->method, "POST")) {
        set_script(simulator, request, out);
    } else if (span_is(request->method, "DELETE")) {
        script_fini(&simulator->script);
        buf_add_text(&out->body, "{\"modes\":0}\n");
    } else {
        buf_add_text(&out->body, "{\"modes\":");
        script_json(&simulator->script, &out->body);
        buf_add_text(&out->body, "}\n");
    }
}

void sim_control(struct simulator *simulator, const struct sim_request *request,
                 struct sim_answer *out)
{
    size_t limit = query_number(request->query, "limit", EVENTS_PAGE);

    out->status = 200;
    out->content_type = "application/json";
    if (span_is(request->path, "/_simulate/modes")) {
        handle_modes(simulator, request, out);
    } else if (!span_is(request->method, "GET")) {
        out->status = 405;
        buf_add_text(&out->body, "{\"error\":\"only GET here\"}\n");
    } else if (span_is(request->path, "/_simulate/account")) {
        account_totals_json(simulator->account, &out->body);
    } else if (span_is(request->path, "/_simulate/events")) {
        account_events_json(simulator->account, query_number(request->query, "offset", 0),
                            MIN_OF(limit, (size_t)EVENTS_PAGE_MAX), &out->body);
    } else if (span_is(request->path, "/_simulate/warnings")) {
        warnings_json(simulator, &out->body);
    } else {
        out->status = 404;
        buf_add_text(&out->body, "{\"error\":\"known are account, events, warnings, modes\"}\n");
    }
}
