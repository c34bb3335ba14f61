#include "ledger/fates.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum {
    SLOTS_FIRST = 256, /* a power of two */
    CROWDED = 8192,
    TEXT_BYTES_MAX = 256, /* of an event type; longer ones are "other" */
    OUTAGE_BYTES = 40,
};

struct outage_name {
    char id[OUTAGE_BYTES]; /* "": free */
    bool is_used;
};

struct fates {
    struct fate *fates; /* owned; [0] is NO_FATE */
    size_t count, cap;
    uint32_t first_free; /* of those below count; 0: none */
    size_t used;
    size_t crowded_at;
    uint32_t *slots; /* owned; hash -> number, 0: empty */
    size_t slot_count;
    struct span events[FATE_EVENTS_MAX + 1]; /* owned texts; [0] is "other" */
    size_t event_count;
    char currencies[FATE_CURRENCIES_MAX][4];
    size_t currency_count;
    struct outage_name *outages; /* owned; [0] is none */
    size_t outage_count;
};

const char *fate_word(enum leg_fate fate)
{
    static const char *const words[FATE_COUNT] = {
        [FATE_DELIVERED] = "delivered",
        [FATE_DIVERTED] = "diverted",
        [FATE_DEAD_LETTERED] = "dead_lettered",
        [FATE_DROPPED] = "dropped",
        [FATE_SKIPPED] = "skipped",
    };

    PRE((size_t)fate < FATE_COUNT);
    return words[fate];
}

struct fates *fates_new(void)
{
    struct fates *fates = mem_new(struct fates);

    fates->cap = SLOTS_FIRST / 2;
    fates->fates = mem_array(fates->cap, struct fate);
    fates->count = 1;
    fates->crowded_at = CROWDED;
    fates->slots = mem_array(SLOTS_FIRST, uint32_t);
    fates->slot_count = SLOTS_FIRST;
    fates->events[0] = span_of("other");
    fates->event_count = 1;
    fates->outages = mem_new(struct outage_name);
    fates->outage_count = 1;
    return fates;
}

void fates_free(struct fates *fates)
{
    if (fates == NULL) {
        return;
    }
    for (size_t i = 0; i < fates->count; i++) {
        free(fates->fates[i].legs);
    }
    for (size_t i = 1; i < fates->event_count; i++) {
        free((void *)(uintptr_t)fates->events[i].ptr);
    }
    free(fates->fates);
    free(fates->slots);
    free(fates->outages);
    free(fates);
}

/* names */

uint16_t fates_event(struct fates *fates, struct span type)
{
    for (size_t i = 1; i < fates->event_count; i++) {
        if (span_eq(fates->events[i], type)) {
            return (uint16_t)i;
        }
    }
    if (fates->event_count > FATE_EVENTS_MAX || type.len == 0 || type.len > TEXT_BYTES_MAX ||
        !utf8_is_valid(type.ptr, type.len)) {
        return 0;
    }
    fates->events[fates->event_count] = span_of(mem_text(type));
    return (uint16_t)fates->event_count++;
}

static bool is_code(const char code[4])
{
    for (size_t i = 0; i < 3; i++) {
        if (!((code[i] >= 'A' && code[i] <= 'Z') || (code[i] >= 'a' && code[i] <= 'z'))) {
            return false;
        }
    }
    return code[3] == '\0';
}

void fates_currency(struct fates *fates, const char code[4], char out[4])
{
    for (size_t i = 0; i < fates->currency_count; i++) {
        if (memcmp(fates->currencies[i], code, 4) == 0) { /* nearly always */
            memcpy(out, code, 4);
            return;
        }
    }
    memset(out, 0, 4);
    if (code[0] == '\0') {
        memcpy(out, FATE_NO_CURRENCY, 2);
    } else if (!is_code(code) || fates->currency_count == FATE_CURRENCIES_MAX) {
        memcpy(out, FATE_UNSUMMED, 2);
    } else {
        memcpy(fates->currencies[fates->currency_count++], code, 4);
        memcpy(out, code, 4);
    }
}

uint32_t fates_outage(struct fates *fates, const char *id)
{
    size_t at = fates->outage_count;

    if (id[0] == '\0') {
        return 0;
    }
    PRE(strlen(id) < OUTAGE_BYTES);
    for (size_t i = 1; i < fates->outage_count; i++) {
        if (strcmp(fates->outages[i].id, id) == 0) {
            return (uint32_t)i;
        }
        at = fates->outages[i].id[0] == '\0' ? i : at;
    }
    if (at == fates->outage_count) {
        fates->outages = mem_grow(fates->outages, at + 1, sizeof(*fates->outages));
        fates->outage_count++;
    }
    fates->outages[at] = (struct outage_name){.is_used = true};
    memcpy(fates->outages[at].id, id, strlen(id) + 1);
    return (uint32_t)at;
}

struct span fates_event_text(const struct fates *fates, uint16_t event)
{
    PRE(event < fates->event_count);
    return fates->events[event];
}

const char *fates_outage_text(const struct fates *fates, uint32_t outage)
{
    PRE(outage < fates->outage_count);
    return fates->outages[outage].id;
}

/* finding */

/* The hash first: of another fate it differs nearly always. */
static bool is_same(const struct fate *fate, uint64_t hash, const struct fate_leg *legs,
                    size_t count, const char currency[4])
{
    return fate->hash == hash && fate->legs != NULL && fate->leg_count == count &&
           memcmp(fate->legs, legs, count * sizeof(*legs)) == 0 &&
           memcmp(fate->currency, currency, sizeof(fate->currency)) == 0;
}

/* Once for each event that is settled, so eight bytes at a time. Nobody outside chooses what is
 * hashed: pointers into the configuration, and numbers given here. */
static uint64_t hash_of(const struct fate_leg *legs, size_t count, const char currency[4])
{
    uint64_t words[sizeof(*legs) / sizeof(uint64_t)];
    uint32_t code;
    uint64_t hash;

    _Static_assert(sizeof(words) == sizeof(*legs), "a leg is whole words");
    memcpy(&code, currency, sizeof(code));
    hash = code;
    for (size_t i = 0; i < count; i++) {
        memcpy(words, &legs[i], sizeof(words));
        for (size_t k = 0; k < COUNT_OF(words); k++) {
            hash = (hash ^ words[k]) * 0x9e3779b97f4a7c15u;
            hash ^= hash >> 29;
        }
    }
    return hash;
}

static void put(struct fates *fates, uint64_t hash, uint32_t number)
{
    size_t at = (size_t)(hash >> 20) & (fates->slot_count - 1);

    while (fates->slots[at] != 0) {
        at = (at + 1) & (fates->slot_count - 1);
    }
    fates->slots[at] = number;
}

static void rebuild(struct fates *fates, size_t slot_count)
{
    free(fates->slots);
    fates->slots = mem_array(slot_count, uint32_t);
    fates->slot_count = slot_count;
    for (size_t i = 1; i < fates->count; i++) {
        if (fates->fates[i].legs != NULL) {
            put(fates, fates->fates[i].hash, (uint32_t)i);
        }
    }
}

static enum leg_fate whole_of(const struct fate_leg *legs, size_t count)
{
    static const int weight[FATE_COUNT] = {
        [FATE_SKIPPED] = 0,  [FATE_DROPPED] = 1,       [FATE_DELIVERED] = 2,
        [FATE_DIVERTED] = 3, [FATE_DEAD_LETTERED] = 4,
    };
    enum leg_fate whole = count == 0 ? FATE_DROPPED : (enum leg_fate)legs[0].fate;

    for (size_t i = 0; i < count; i++) {
        whole = weight[legs[i].fate] > weight[whole] ? (enum leg_fate)legs[i].fate : whole;
    }
    return whole;
}

static uint32_t take_number(struct fates *fates)
{
    uint32_t number = fates->first_free;

    if (number != 0) {
        fates->first_free = fates->fates[number].next_free;
        return number;
    }
    if (fates->count == fates->cap) {
        fates->fates = mem_grow(fates->fates, fates->cap * 2, sizeof(*fates->fates));
        fates->cap *= 2;
    }
    return (uint32_t)fates->count++;
}

static uint32_t add(struct fates *fates, const struct fate_leg *legs, size_t count,
                    const char currency[4], uint64_t hash)
{
    uint32_t number = take_number(fates);
    struct fate *fate = &fates->fates[number];

    *fate = (struct fate){.legs = mem_array(count, struct fate_leg),
                          .leg_count = count,
                          .hash = hash,
                          .whole = whole_of(legs, count)};
    memcpy(fate->legs, legs, count * sizeof(*legs));
    memcpy(fate->currency, currency, sizeof(fate->currency));
    fates->used++;
    if (fates->used * 2 > fates->slot_count) {
        rebuild(fates, fates->slot_count * 2);
    } else {
        put(fates, hash, number);
    }
    return number;
}

uint32_t fates_find(struct fates *fates, const struct fate_leg *legs, size_t count,
                    const char currency[4])
{
    uint64_t hash = hash_of(legs, count, currency);
    size_t at = (size_t)(hash >> 20) & (fates->slot_count - 1);

    PRE(count > 0);
    while (fates->slots[at] != 0) {
        uint32_t number = fates->slots[at];

        if (is_same(&fates->fates[number], hash, legs, count, currency)) {
            return number;
        }
        at = (at + 1) & (fates->slot_count - 1);
    }
    return add(fates, legs, count, currency, hash);
}

const struct fate *fates_get(const struct fates *fates, uint32_t number)
{
    PRE(number != NO_FATE);
    PRE(number < fates->count);
    PRE(fates->fates[number].legs != NULL);
    return &fates->fates[number];
}

/* forgetting */

size_t fates_limit(const struct fates *fates)
{
    return fates->count;
}

bool fates_is_crowded(const struct fates *fates)
{
    return fates->used >= fates->crowded_at;
}

static void keep_outages(struct fates *fates)
{
    for (size_t i = 1; i < fates->outage_count; i++) {
        fates->outages[i].is_used = false;
    }
    for (size_t i = 1; i < fates->count; i++) {
        for (size_t k = 0; fates->fates[i].legs != NULL && k < fates->fates[i].leg_count; k++) {
            fates->outages[fates->fates[i].legs[k].outage].is_used = true;
        }
    }
    for (size_t i = 1; i < fates->outage_count; i++) {
        if (!fates->outages[i].is_used) {
            fates->outages[i].id[0] = '\0';
        }
    }
}

void fates_sweep(struct fates *fates, const bool *used)
{
    for (uint32_t i = 1; i < fates->count; i++) {
        struct fate *fate = &fates->fates[i];

        if (fate->legs == NULL || used[i] || fate->whole == FATE_DROPPED) {
            continue;
        }
        free(fate->legs);
        *fate = (struct fate){.next_free = fates->first_free};
        fates->first_free = i;
        fates->used--;
    }
    keep_outages(fates);
    rebuild(fates, fates->slot_count);
    /* As many as that are really in use: sweeping again at once would find nothing. */
    fates->crowded_at = MAX_OF((size_t)CROWDED, fates->used * 2);
}
