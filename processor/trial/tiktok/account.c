#include "trial/tiktok/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/counts.h"
#include "base/json.h"
#include "base/mem.h"

/* Ids come from outside: uthash's own function has no seed, so that they could be chosen to
 * collide. */
#define HASH_FUNCTION(key, key_len, hash)                                                          \
    ((hash) = (unsigned)span_hash((struct span){(const char *)(key), (key_len)}))
#include <uthash.h>

#define DEDUP_MS ((int64_t)48 * 3600 * 1000)

enum {
    EVENT_NAMES_MAX = 1000, /* further event names are counted as "other" */
    ANSWERS_MAX = 256,      /* kinds of answers; codes come from scripts, so few */
    LENGTHS_BYTES = 8,
};

/* One accepted event, found by its texts. */
struct entry {
    UT_hash_handle hh;
    int64_t first_ms; /* start of the present 48 hours */
    int64_t seen_ms;  /* the very first copy */
    uint64_t copies;
    uint32_t source_bytes, event_bytes, key_bytes;
    bool has_id;
    char key[]; /* the first two lengths, for texts may hold any byte; source id, event, event id */
};

struct event_count {
    char *name; /* owned */
    uint64_t accepted, unique, deduplicated;
};

struct account {
    struct entry **entries; /* owned; in order of arrival */
    struct entry *by_key;   /* those with an id */
    size_t count, capacity, ids_max;
    struct buf key;             /* of the event at hand */
    struct event_count *events; /* owned */
    size_t event_count;
    struct counts answers;
    uint64_t requests, accepted, unique, deduplicated, rejected, without_id, untracked;
};

struct account *account_new(size_t ids_max)
{
    struct account *account = mem_new(struct account);

    PRE(ids_max > 0 && ids_max < UINT32_MAX);
    account->ids_max = ids_max;
    counts_init(&account->answers, ANSWERS_MAX);
    buf_init(&account->key, UINT32_MAX); /* a text is no longer than the body */
    account->events = mem_array(EVENT_NAMES_MAX + 1, struct event_count);
    return account;
}

void account_free(struct account *account)
{
    if (account == NULL) {
        return;
    }
    HASH_CLEAR(hh, account->by_key);
    for (size_t i = 0; i < account->count; i++) {
        free(account->entries[i]);
    }
    for (size_t i = 0; i < account->event_count; i++) {
        free(account->events[i].name);
    }
    free(account->entries);
    counts_fini(&account->answers);
    buf_fini(&account->key);
    free(account->events);
    free(account);
}

static struct span entry_source(const struct entry *entry)
{
    return (struct span){entry->key + LENGTHS_BYTES, entry->source_bytes};
}

static struct span entry_event(const struct entry *entry)
{
    return (struct span){entry->key + LENGTHS_BYTES + entry->source_bytes, entry->event_bytes};
}

static struct span entry_id(const struct entry *entry)
{
    size_t before = LENGTHS_BYTES + (size_t)entry->source_bytes + entry->event_bytes;

    return (struct span){entry->key + before, entry->key_bytes - before};
}

static void make_key(struct account *account, struct span source_id, struct span event,
                     struct span event_id)
{
    const uint32_t lengths[] = {(uint32_t)source_id.len, (uint32_t)event.len};

    _Static_assert(sizeof(lengths) == LENGTHS_BYTES, "as the key begins");
    buf_clear(&account->key);
    buf_add(&account->key, (const char *)lengths, sizeof(lengths));
    buf_add_span(&account->key, source_id);
    buf_add_span(&account->key, event);
    buf_add_span(&account->key, event_id);
    INVARIANT(!account->key.is_overflowed); /* a request is far smaller */
}

static void add_entry(struct account *account, struct span source_id, struct span event,
                      bool has_id, int64_t wall_ms)
{
    struct entry *entry;

    if (account->count == account->ids_max) {
        account->untracked++;
        return;
    }
    if (account->count == account->capacity) {
        account->capacity = account->capacity == 0 ? 256 : account->capacity * 2;
        account->entries =
            mem_grow(account->entries, account->capacity, sizeof(account->entries[0]));
    }
    entry = mem_zero(1, sizeof(*entry) + account->key.len);
    memcpy(entry->key, account->key.ptr, account->key.len);
    entry->key_bytes = (uint32_t)account->key.len;
    entry->source_bytes = (uint32_t)source_id.len;
    entry->event_bytes = (uint32_t)event.len;
    entry->has_id = has_id;
    entry->first_ms = entry->seen_ms = wall_ms;
    entry->copies = 1;
    account->entries[account->count++] = entry;
    if (has_id) {
        HASH_ADD_KEYPTR(hh, account->by_key, entry->key, entry->key_bytes, entry);
    }
}

static struct event_count *count_of(struct account *account, struct span event)
{
    for (size_t i = 0; i < account->event_count; i++) {
        if (span_is(event, account->events[i].name)) {
            return &account->events[i];
        }
    }
    if (account->event_count == EVENT_NAMES_MAX) {
        account->events[account->event_count++].name = mem_text(SPAN("other"));
    } else if (account->event_count < EVENT_NAMES_MAX) {
        account->events[account->event_count++].name = mem_text(event);
    }
    return &account->events[account->event_count - 1];
}

void account_accept(struct account *account, struct span source_id, struct span event,
                    struct span event_id, int64_t wall_ms)
{
    struct event_count *count = count_of(account, event);
    struct entry *entry = NULL;

    PRE(source_id.ptr != NULL && event.ptr != NULL);
    make_key(account, source_id, event, event_id);
    account->accepted++;
    count->accepted++;
    if (event_id.ptr == NULL) {
        account->without_id++;
    } else {
        HASH_FIND(hh, account->by_key, account->key.ptr, account->key.len, entry);
    }
    if (entry != NULL) {
        entry->copies++;
        if (wall_ms - entry->first_ms < DEDUP_MS) {
            account->deduplicated++;
            count->deduplicated++;
            return;
        }
        entry->first_ms = wall_ms; /* a new event to the service */
    } else {
        add_entry(account, source_id, event, event_id.ptr != NULL, wall_ms);
    }
    account->unique++;
    count->unique++;
}

void account_reject(struct account *account, uint64_t events)
{
    account->rejected += events;
}

void account_answer(struct account *account, const char *answer)
{
    account->requests++;
    counts_add(&account->answers, span_of(answer));
}

void account_answer_code(struct account *account, int32_t code)
{
    char name[16];

    snprintf(name, sizeof(name), "%d", (int)code);
    account_answer(account, name);
}

uint64_t account_unique(const struct account *account)
{
    return account->unique;
}

uint64_t account_accepted(const struct account *account)
{
    return account->accepted;
}

void account_totals_json(const struct account *account, struct buf *out)
{
    buf_printf(out,
               "{\"requests\":%llu,\"accepted\":%llu,\"unique\":%llu,\"deduplicated\":%llu,"
               "\"rejected\":%llu,\"without_id\":%llu,\"untracked\":%llu,\"by_event\":{",
               (unsigned long long)account->requests, (unsigned long long)account->accepted,
               (unsigned long long)account->unique, (unsigned long long)account->deduplicated,
               (unsigned long long)account->rejected, (unsigned long long)account->without_id,
               (unsigned long long)account->untracked);
    for (size_t i = 0; i < account->event_count; i++) {
        const struct event_count *event = &account->events[i];

        buf_add_text(out, i == 0 ? "" : ",");
        buf_add_json_string(out, span_of(event->name));
        buf_printf(out, ":{\"accepted\":%llu,\"unique\":%llu,\"deduplicated\":%llu}",
                   (unsigned long long)event->accepted, (unsigned long long)event->unique,
                   (unsigned long long)event->deduplicated);
    }
    buf_add_text(out, "},\"by_code\":{");
    for (size_t i = 0; i < account->answers.count; i++) {
        buf_add_text(out, i == 0 ? "" : ",");
        buf_add_json_string(out, span_of(account->answers.items[i].name));
        buf_printf(out, ":%llu", (unsigned long long)account->answers.items[i].count);
    }
    buf_add_text(out, "}}\n");
}

void account_events_json(const struct account *account, size_t offset, size_t limit,
                         struct buf *out)
{
    char iso[CLOCK_ISO_BYTES];

    buf_printf(out, "{\"offset\":%zu,\"total\":%zu,\"events\":[", offset, account->count);
    for (size_t i = offset; i < account->count && i - offset < limit; i++) {
        const struct entry *entry = account->entries[i];

        buf_add_text(out, i == offset ? "{\"event\":" : ",{\"event\":");
        buf_add_json_string(out, entry_event(entry));
        buf_add_text(out, ",\"event_id\":");
        if (entry->has_id) {
            buf_add_json_string(out, entry_id(entry));
        } else {
            buf_add_text(out, "null");
        }
        buf_add_text(out, ",\"source_id\":");
        buf_add_json_string(out, entry_source(entry));
        buf_printf(out, ",\"first_seen\":\"%s\",\"copies\":%llu}", clock_iso(entry->seen_ms, iso),
                   (unsigned long long)entry->copies);
    }
    buf_add_text(out, "]}\n");
}
