#include "sim_ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The records that a log lost at once. */
struct ledger_lost {
    struct ledger_lost *next;
    int32_t partition;
    int64_t from;
    size_t count;
    struct ledger_event events[];
};

void ledger_fini(struct ledger *ledger)
{
    while (ledger->lost != NULL) {
        struct ledger_lost *lost = ledger->lost;

        ledger->lost = lost->next;
        free(lost);
    }
    for (size_t i = 0; i < COUNT_OF(ledger->events); i++) {
        free(ledger->events[i]);
    }
    *ledger = (struct ledger){0};
}

void ledger_fail(struct ledger *ledger, const char *format, ...)
{
    va_list arguments;

    if (ledger->failure[0] != '\0') {
        return; /* the first says most */
    }
    va_start(arguments, format);
    (void)vsnprintf(ledger->failure, sizeof(ledger->failure), format, arguments);
    va_end(arguments);
}

void ledger_produced(struct ledger *ledger, int32_t partition, int64_t offset,
                     const struct ledger_event *event)
{
    size_t at = (size_t)offset;
    size_t *count = &ledger->counts[partition];

    if (at >= ledger->caps[partition]) {
        ledger->caps[partition] = MAX_OF(at + 1, ledger->caps[partition] * 2 + 64);
        ledger->events[partition] = mem_grow(ledger->events[partition], ledger->caps[partition],
                                             sizeof(struct ledger_event));
    }
    while (*count < at) {
        ledger->events[partition][(*count)++] = (struct ledger_event){0};
    }
    ledger->events[partition][at] = *event;
    ledger->events[partition][at].is_record = true;
    *count = at + 1;
    ledger->produced++;
}

void ledger_truncated(struct ledger *ledger, int32_t partition, int64_t end)
{
    size_t from = MIN_OF((size_t)end, ledger->counts[partition]);
    size_t count = ledger->counts[partition] - from;
    struct ledger_lost *lost =
        mem_zero(1, sizeof(struct ledger_lost) + count * sizeof(struct ledger_event));

    *lost = (struct ledger_lost){ledger->lost, partition, (int64_t)from, count};
    memcpy(lost->events, ledger->events[partition] + from, count * sizeof(struct ledger_event));
    ledger->counts[partition] = from;
    ledger->lost = lost;
}

/* Who still holds one of an earlier log finds it among what is lost. */
static struct ledger_event *find(struct ledger *ledger, const struct world_leg *leg)
{
    size_t at = (size_t)leg->offset;
    struct ledger_event *event = NULL;

    if (at < ledger->counts[leg->partition]) {
        event = &ledger->events[leg->partition][at];
    }
    for (struct ledger_lost *lost = ledger->lost; lost != NULL; lost = lost->next) {
        bool is_current = event != NULL && event->is_record && event->tag == leg->tag;

        if (!is_current && lost->partition == leg->partition && leg->offset >= lost->from &&
            leg->offset < lost->from + (int64_t)lost->count) {
            event = &lost->events[leg->offset - lost->from];
        }
    }
    if (event == NULL || !event->is_record || event->tag != leg->tag) {
        ledger_fail(ledger, "partition %d offset %lld was never produced", (int)leg->partition,
                    (long long)leg->offset);
        return NULL;
    }
    return event;
}

static size_t place_of(const struct world_leg *leg)
{
    return leg->plan == NULL ? LEDGER_LEGS - 1 : leg->leg;
}

void ledger_held(struct ledger *ledger, const struct world_leg *leg, bool will_tell)
{
    struct ledger_event *event = find(ledger, leg);

    if (event == NULL || leg->is_part) {
        return;
    }
    if (leg->plan != NULL && leg->leg >= event->legs) {
        ledger_fail(ledger, "partition %d offset %lld has no leg %u", (int)leg->partition,
                    (long long)leg->offset, leg->leg);
        return;
    }
    if (leg->plan == NULL && !event->may_be_whole) {
        ledger_fail(ledger, "partition %d offset %lld: a good event is dead-lettered as a whole",
                    (int)leg->partition, (long long)leg->offset);
    }
    event->held[place_of(leg)] += event->held[place_of(leg)] < UINT8_MAX;
    ledger->ambiguous += !will_tell;
}

void ledger_settled(struct ledger *ledger, const struct world_leg *leg)
{
    struct ledger_event *event = find(ledger, leg);

    if (event == NULL || leg->is_part) {
        return;
    }
    if (event->held[place_of(leg)] == 0) {
        ledger_fail(ledger, "partition %d offset %lld: leg %u is settled, but nobody has it",
                    (int)leg->partition, (long long)leg->offset, leg->leg);
    }
    event->settled[place_of(leg)] = true;
    if (leg->is_dead_letter) {
        ledger->dead_lettered++;
        ledger->reasons |= 1u << leg->reason;
    } else if (leg->position > 0) {
        ledger->diverted++;
        ledger->reasons |= 1u << leg->reason;
    } else {
        ledger->delivered++;
    }
}

static bool is_settled(const struct ledger_event *event)
{
    bool is_all = true;

    for (size_t i = 0; i < event->legs; i++) {
        is_all = is_all && event->settled[i];
    }
    return !event->is_record || event->is_gap || event->settled[LEDGER_LEGS - 1] ||
           (is_all && (event->legs > 0 || !event->may_be_whole));
}

void ledger_committed(struct ledger *ledger, int32_t partition, int64_t from, int64_t to)
{
    if (to > (int64_t)ledger->counts[partition]) {
        ledger_fail(ledger, "partition %d: %lld is committed, beyond its end", (int)partition,
                    (long long)to);
        return;
    }
    for (int64_t offset = MAX_OF(from, (int64_t)0); offset < to; offset++) {
        if (!is_settled(&ledger->events[partition][offset])) {
            ledger_fail(ledger, "partition %d: %lld is committed, but %lld is not settled",
                        (int)partition, (long long)to, (long long)offset);
            return;
        }
    }
}

void ledger_skipped(struct ledger *ledger, int32_t partition, int64_t offset)
{
    if (!is_settled(&ledger->events[partition][offset])) {
        ledger_fail(ledger, "partition %d: %lld is passed over, but is not settled", (int)partition,
                    (long long)offset);
    }
}

static int64_t within(const struct ledger *ledger, int32_t partition, int64_t offset)
{
    return MIN_OF(MAX_OF(offset, (int64_t)0), (int64_t)ledger->counts[partition]);
}

void ledger_gap(struct ledger *ledger, int32_t partition, int64_t from, int64_t to)
{
    to = within(ledger, partition, to);
    for (int64_t offset = within(ledger, partition, from); offset < to; offset++) {
        ledger->events[partition][offset].is_gap = true;
    }
}

void ledger_left(struct ledger *ledger, int32_t partition, int64_t from, int64_t to)
{
    to = within(ledger, partition, to);
    for (int64_t offset = within(ledger, partition, from); offset < to; offset++) {
        const struct ledger_event *event = &ledger->events[partition][offset];

        ledger->again += !event->is_record ? 0 : MAX_OF(event->legs, (uint8_t)1);
    }
}

uint64_t ledger_duplicates(const struct ledger *ledger)
{
    uint64_t duplicates = 0;

    for (size_t p = 0; p < COUNT_OF(ledger->events); p++) {
        for (size_t i = 0; i < ledger->counts[p]; i++) {
            for (size_t leg = 0; leg < LEDGER_LEGS; leg++) {
                uint8_t held = ledger->events[p][i].held[leg];

                duplicates += held > 1 ? held - 1u : 0;
            }
        }
    }
    return duplicates;
}

void ledger_judge(struct ledger *ledger)
{
    uint64_t duplicates = ledger_duplicates(ledger);

    for (size_t p = 0; p < COUNT_OF(ledger->events); p++) {
        for (size_t i = 0; i < ledger->counts[p]; i++) {
            if (!is_settled(&ledger->events[p][i])) {
                ledger_fail(ledger, "partition %zu offset %zu is lost", p, i);
            }
        }
    }
    if (duplicates > ledger->ambiguous + ledger->again) {
        ledger_fail(ledger,
                    "%llu duplicates; %llu ambiguous answers and %llu legs left explain less",
                    (unsigned long long)duplicates, (unsigned long long)ledger->ambiguous,
                    (unsigned long long)ledger->again);
    }
}
