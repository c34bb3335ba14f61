#include "recovery/job_record.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    WAIT_MS = 35000,
    ASK_AGAIN_MS = 20,
    HOST_BYTES = 64,
    USER_BYTES = 4096,
    KEY_BYTES_MAX = 4096
};

static json_t *list_json(const struct filter_list *list)
{
    json_t *out = json_array();

    for (size_t i = 0; i < list->count; i++) {
        json_array_append_new(out, json_stringn(list->items[i].ptr, list->items[i].len));
    }
    return out;
}

static json_t *time_json(int64_t at_ms)
{
    char text[CLOCK_ISO_BYTES];

    return json_string(clock_iso(at_ms, text));
}

json_t *job_selection(const struct filter *filter)
{
    const struct {
        const char *name;
        const struct filter_list *list;
        bool is_counted; /* what is in it may be personal */
    } lists[] = {{"reason", &filter->reasons, false},
                 {"event", &filter->events, false},
                 {"destination", &filter->destinations, false},
                 {"route", &filter->routes, false},
                 {"outage", &filter->outages, false},
                 {"event_ids", &filter->ids, true},
                 {"keys", &filter->keys, true}};
    json_t *out = json_object();

    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        if (lists[i].list->count > 0) {
            json_object_set_new(out, lists[i].name,
                                lists[i].is_counted ? json_integer((json_int_t)lists[i].list->count)
                                                    : list_json(lists[i].list));
        }
    }
    if (filter->since_ms >= 0) {
        json_object_set_new(out, "since", time_json(filter->since_ms));
    }
    if (filter->until_ms >= 0) {
        json_object_set_new(out, "until", time_json(filter->until_ms));
    }
    if (filter->has_where) {
        json_object_set_new(out, "where", json_true());
    }
    if (filter->limit > 0) {
        json_object_set_new(out, "limit", json_integer((json_int_t)filter->limit));
    }
    return out;
}

/* "ada@host-9"; a user without a name by his number. */
static json_t *who(const char *host)
{
    struct passwd *found = NULL;
    char texts[USER_BYTES];
    struct passwd user;

    return getpwuid_r(geteuid(), &user, texts, sizeof(texts), &found) != 0 || found == NULL
               ? json_sprintf("%u@%s", (unsigned)geteuid(), host)
               : json_sprintf("%s@%s", found->pw_name, host);
}

static json_t *make(const struct config *config, const struct job_record *record)
{
    char host[HOST_BYTES] = "";
    char at[CLOCK_ISO_BYTES];
    json_t *out;

    (void)gethostname(host, sizeof(host) - 1);
    out = json_pack("{s:i, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:s}", "v", 1, "kind", "job",
                    "at", clock_iso(clock_wall_ms(), at), "instance", host, "group",
                    json_stringn(config->kafka.group.ptr, config->kafka.group.len), "job",
                    record->job, "name", record->name, "state", record->state, "by", who(host),
                    "topic", record->topic);
    json_object_set(out, "selection", (json_t *)(uintptr_t)record->selection);
    json_object_set_new(out, "counts",
                        record->counts == NULL ? json_object() : json_deep_copy(record->counts));
    if (record->because != NULL) {
        json_object_set_new(out, "because", json_string(record->because));
    }
    if (record->ends != NULL) {
        json_object_set(out, "ends", (json_t *)(uintptr_t)record->ends);
    }
    if (record->records != NULL) {
        json_object_set(out, "records", (json_t *)(uintptr_t)record->records);
    }
    return out;
}

/* The ledger's own thread gets the brokers' answer. */
static enum err_code wait_for_answer(const struct ledger_sink *sink,
                                     const struct ledger_ticket *ticket)
{
    const struct timespec pause = {.tv_nsec = ASK_AGAIN_MS * 1000000L};
    uint64_t until_ms = clock_mono_ms() + WAIT_MS;
    enum tally_state state = sink->state(sink->context, ticket);

    while (state == TALLY_WRITING && clock_mono_ms() < until_ms) {
        (void)nanosleep(&pause, NULL);
        state = sink->state(sink->context, ticket);
    }
    return state == TALLY_WRITTEN ? ERR_OK : ERR_NET;
}

enum err_code job_record_write(struct ledger *ledger, const struct config *config,
                               const struct job_record *record, struct err *err)
{
    struct ledger_sink sink = ledger_sink(ledger);
    json_t *object = make(config, record);
    char *text = json_dumps(object, JSON_COMPACT);
    struct span value = span_of(text);
    struct ledger_ticket *ticket;
    enum err_code rc;
    struct buf key;

    buf_init(&key, KEY_BYTES_MAX);
    buf_printf(&key, "job/" SPAN_FMT "/%s", SPAN_ARG(config->kafka.group), record->name);
    ticket = sink.send(sink.context, buf_span(&key), &value, 1, -1);
    rc = wait_for_answer(&sink, ticket);
    sink.drop(sink.context, ticket);
    buf_fini(&key);
    free(text);
    json_decref(object);
    return rc == ERR_OK ? ERR_OK
                        : FAIL(err, ERR_NET,
                               "the ledger's topic " SPAN_FMT
                               " does not take the record; detour topics tells what is missing",
                               SPAN_ARG(config->ledger.topic));
}
