#include "trial/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#define DEDUP_MS ((int64_t)48 * 3600 * 1000)

enum {
    EVENT_NAMES_MAX = 1000, /* further event names are counted as "other" */
    ANSWERS_MAX = 256,      /* kinds of answers; codes come from scripts, so few */
    ANSWER_BYTES = 24,
    SLOTS_FIRST = 1024,
};

/* One accepted event; its texts stand behind each other in `text`. */
struct entry {
    char *text; /* owned: source id, event, event id */
    uint32_t source_bytes, event_bytes, id_bytes;
    bool has_id;
    uint64_t hash;
    int64_t first_ms; /* start of the present 48 hours */
    int64_t seen_ms;  /* the very first copy */
    uint64_t copies;
};

struct event_count {
    char *name; /* owned */
    uint64_t accepted, unique, deduplicated;
};

struct answer_count {
    char name[ANSWER_BYTES];
    uint64_t count;
};

struct account {
    struct entry *entries; /* owned; in order of arrival */
    size_t count, capacity, ids_max;
    uint32_t *slots; /* owned; index + 1 of an entry, 0: free; a power of two, linear probing */
    size_t slot_count, slots_used;
    struct event_count *events; /* owned */
    size_t event_count;
    struct answer_count answers[ANSWERS_MAX];
    size_t answer_count;
    uint64_t requests, accepted, unique, deduplicated, rejected, without_id, untracked;
};

struct account *account_new(size_t ids_max)
{
    struct account *account = mem_new(struct account);

    PRE(ids_max > 0 && ids_max < UINT32_MAX);
    account->ids_max = ids_max;
    account->slot_count = SLOTS_FIRST;
    account->slots = mem_array(SLOTS_FIRST, uint32_t);
    account->events = mem_array(EVENT_NAMES_MAX + 1, struct event_count);
    return account;
}

void account_free(struct account *account)
{
    if (account == NULL) {
        return;
    }
    for (size_t i = 0; i < account->count; i++) {
        free(account->entries[i].text);
    }
    for (size_t i = 0; i < account->event_count; i++) {
        free(account->events[i].name);
    }
    free(account->entries);
    free(account->slots);
    free(account->events);
    free(account);
}

static uint64_t hash_of(struct span source_id, struct span event, struct span event_id)
{
    return span_hash(event_id) ^ (span_hash(event) * 0x9e3779b97f4a7c15u) ^
           (span_hash(source_id) * 0xc2b2ae3d27d4eb4fu);
}

static struct span entry_source(const struct entry *entry)
{
    return (struct span){entry->text, entry->source_bytes};
}

static struct span entry_event(const struct entry *entry)
{
    return (struct span){entry->text + entry->source_bytes, entry->event_bytes};
}

static struct span entry_id(const struct entry *entry)
{
    return (struct span){entry->text + entry->source_bytes + entry->event_bytes, entry->id_bytes};
}

static void add_slot(struct account *account, size_t index)
{
    size_t mask = account->slot_count - 1;
    size_t at = (size_t)account->entries[index].hash & mask;

    while (account->slots[at] != 0) {
        at = (at + 1) & mask;
    }
    account->slots[at] = (uint32_t)index + 1;
    account->slots_used++;
}

static void grow_slots(struct account *account)
{
    if (account->slots_used * 2 < account->slot_count) {
        return;
    }
    free(account->slots);
    account->slot_count *= 2;
    account->slots = mem_array(account->slot_count, uint32_t);
    account->slots_used = 0;
    for (size_t i = 0; i < account->count; i++) {
        if (account->entries[i].has_id) {
            add_slot(account, i);
        }
    }
}

static struct entry *find_entry(struct account *account, uint64_t hash, struct span source_id,
                                struct span event, struct span event_id)
{
    size_t mask = account->slot_count - 1;

    for (size_t at = (size_t)hash & mask; account->slots[at] != 0; at = (at + 1) & mask) {
        struct entry *entry = &account->entries[account->slots[at] - 1];

        if (entry->hash == hash && span_eq(entry_id(entry), event_id) &&
            span_eq(entry_event(entry), event) && span_eq(entry_source(entry), source_id)) {
            return entry;
        }
    }
    return NULL;
}

static char *join(struct span source_id, struct span event, struct span event_id)
{
    char *text = mem_zero(source_id.len + event.len + event_id.len + 1, 1);

    memcpy(text, source_id.ptr, source_id.len);
    memcpy(text + source_id.len, event.ptr, event.len);
    if (event_id.len > 0) {
        memcpy(text + source_id.len + event.len, event_id.ptr, event_id.len);
    }
    return text;
}

static void add_entry(struct account *account, uint64_t hash, struct span source_id,
                      struct span event, struct span event_id, int64_t wall_ms)
{
    if (account->count == account->ids_max) {
        account->untracked++;
        return;
    }
    if (account->count == account->capacity) {
        account->capacity = account->capacity == 0 ? 256 : account->capacity * 2;
        account->entries =
            mem_grow(account->entries, account->capacity, sizeof(account->entries[0]));
    }
    account->entries[account->count] = (struct entry){
        .text = join(source_id, event, event_id),
        .source_bytes = (uint32_t)source_id.len,
        .event_bytes = (uint32_t)event.len,
        .id_bytes = (uint32_t)event_id.len,
        .has_id = event_id.ptr != NULL,
        .hash = hash,
        .first_ms = wall_ms,
        .seen_ms = wall_ms,
        .copies = 1,
    };
    account->count++;
    if (event_id.ptr != NULL) {
        grow_slots(account);
        if (find_entry(account, hash, source_id, event, event_id) == NULL) {
            add_slot(account, account->count - 1);
        }
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
    uint64_t hash = hash_of(source_id, event, event_id);
    struct entry *entry = NULL;

    PRE(source_id.ptr != NULL && event.ptr != NULL);
    account->accepted++;
    count->accepted++;
    if (event_id.ptr == NULL) {
        account->without_id++;
    } else {
        entry = find_entry(account, hash, source_id, event, event_id);
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
        add_entry(account, hash, source_id, event, event_id, wall_ms);
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
    struct answer_count *slot = NULL;

    account->requests++;
    for (size_t i = 0; i < account->answer_count && slot == NULL; i++) {
        slot = strcmp(account->answers[i].name, answer) == 0 ? &account->answers[i] : NULL;
    }
    if (slot == NULL && account->answer_count < ANSWERS_MAX) {
        slot = &account->answers[account->answer_count++];
        snprintf(slot->name, sizeof(slot->name), "%s",
                 account->answer_count == ANSWERS_MAX ? "other" : answer);
    } else if (slot == NULL) {
        slot = &account->answers[ANSWERS_MAX - 1];
    }
    slot->count++;
}

void account_answer_code(struct account *account, int32_t code)
{
    char name[ANSWER_BYTES];

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
    for (size_t i = 0; i < account->answer_count; i++) {
        buf_add_text(out, i == 0 ? "" : ",");
        buf_add_json_string(out, span_of(account->answers[i].name));
        buf_printf(out, ":%llu", (unsigned long long)account->answers[i].count);
    }
    buf_add_text(out, "}}\n");
}

void account_events_json(const struct account *account, size_t offset, size_t limit,
                         struct buf *out)
{
    char iso[CLOCK_ISO_BYTES];

    buf_printf(out, "{\"offset\":%zu,\"total\":%zu,\"events\":[", offset, account->count);
    for (size_t i = offset; i < account->count && i - offset < limit; i++) {
        const struct entry *entry = &account->entries[i];

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
