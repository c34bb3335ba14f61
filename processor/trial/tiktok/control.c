#include "trial/tiktok/control.h"

#include <string.h>

#include "base/json.h"
#include "trial/keys.h"

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

void sim_script_read(struct yaml_doc *doc, struct sim_script *out, struct diags *diags)
{
    static const struct key rows[] = {{.name = "modes", .type = KEY_NODE, .where = 1}};
    const struct keys keys = {rows, COUNT_OF(rows)};
    const struct fault_reader reader = {
        .answerer = ANSWERER_SIMULATOR, .end_ms = UINT64_MAX, .diags = diags};
    const struct yaml_node *list = doc == NULL ? NULL : yaml_root(doc);

    *out = (struct sim_script){.doc = doc};
    if (list != NULL && list->kind == YAML_MAP) {
        const struct yaml_node *root = list;

        list = NULL;
        (void)keys_read(&keys, 1, root, "a script", &list, diags);
    }
    if (list != NULL && list->kind == YAML_LIST) {
        faults_read(&reader, list, &out->faults);
    } else if (doc != NULL) {
        keys_complain(diags, yaml_root(doc), "a script",
                      "a list of rules, or a map with it: modes");
    }
}

void sim_script_fini(struct sim_script *script)
{
    faults_fini(&script->faults);
    yaml_free(script->doc);
    *script = (struct sim_script){0};
}

static void set_script(struct simulator *simulator, const struct sim_request *request,
                       struct sim_answer *out)
{
    struct sim_script script;
    struct diags diags;

    diags_init(&diags);
    /* JSON is YAML */
    sim_script_read(yaml_parse("body", request->body, true, &diags), &script, &diags);
    if (diags.error_count > 0) {
        out->status = 400;
        buf_printf(&out->body, "{\"error\":");
        buf_add_json_string(&out->body, span_of(diags.items[0].message));
        buf_printf(&out->body, ",\"line\":%u,\"column\":%u}\n", diags.items[0].place.line,
                   diags.items[0].place.column);
        sim_script_fini(&script);
    } else {
        sim_script_fini(&simulator->script);
        simulator->script = script;
        simulator->script_base_ms = request->now_ms;
        simulator->is_clock_running = true;
        buf_printf(&out->body, "{\"modes\":%zu}\n", script.faults.count);
    }
    diags_fini(&diags);
}

static void modes_json(const struct faults *faults, struct buf *out)
{
    buf_add_text(out, "{\"modes\":[");
    for (size_t i = 0; i < faults->count; i++) {
        buf_printf(out, "%s{\"mode\":\"%s\",\"played\":%llu}", i == 0 ? "" : ",",
                   fault_word(faults->items[i].kind),
                   (unsigned long long)faults->items[i].answered);
    }
    buf_add_text(out, "]}\n");
}

static void handle_modes(struct simulator *simulator, const struct sim_request *request,
                         struct sim_answer *out)
{
    if (span_is(request->method, "POST")) {
        set_script(simulator, request, out);
    } else if (span_is(request->method, "DELETE")) {
        sim_script_fini(&simulator->script);
        buf_add_text(&out->body, "{\"modes\":0}\n");
    } else {
        modes_json(&simulator->script.faults, &out->body);
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
