/**
 * ledger_text - tallies written short, for tests of the books.
 *
 *    "A 10-20 d8 v2 start=10 settled=30-40 ahead=30-40:d9:x1 first newlog gap=5-10 part=0 last
 * at=70"
 *
 * Session, stretch, events (d delivered, v diverted, x dead-lettered, r dropped by rule, s
 * skipped), and what else a tally has. Each event has one leg, of value 1.00 EUR for each class but
 * r and s.
 */
#ifndef TESTS_LEDGER_TEXT_H
#define TESTS_LEDGER_TEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "ledger/record.h"

#define LEDGER_LETTERS "dvxrs"

static inline void ledger_counts(struct buf *out, const uint64_t events[RECORD_CLASS_COUNT])
{
    static const char *const rest[RECORD_CLASS_COUNT] = {
        "", ", \"to\": \"utm\", \"reason\": \"outage\", \"outage\": \"o-1\", \"event\": \"P\"",
        ", \"reason\": \"rejected\", \"event\": \"P\"", ", \"reason\": \"no_consent\"",
        ", \"reason\": \"too_old\""};
    const char *comma = "";

    buf_add_text(out, "\"events\": {");
    for (unsigned i = 0; i < RECORD_CLASS_COUNT; i++) {
        if (events[i] > 0) {
            buf_printf(out, "%s\"%s\": %llu", comma, record_class_word((enum record_class)i),
                       (unsigned long long)events[i]);
            comma = ", ";
        }
    }
    buf_add_text(out, "}, \"legs\": [");
    comma = "";
    for (unsigned i = 0; i < RECORD_CLASS_COUNT; i++) {
        if (events[i] > 0) {
            buf_printf(out,
                       "%s{\"route\": \"all\", \"leg\": \"tiktok\", \"fate\": \"%s\"%s, "
                       "\"count\": %llu, \"value\": {",
                       comma, record_class_word((enum record_class)i), rest[i],
                       (unsigned long long)events[i]);
            if (i < RECORD_DROPPED) {
                buf_printf(out, "\"EUR\": \"%llu.00\"", (unsigned long long)events[i]);
            }
            buf_add_text(out, "}}");
            comma = ", ";
        }
    }
    buf_add_text(out, "]");
}

/* "d8", or "d8:x1" with ':' between. */
static inline void ledger_read_events(const char *text, uint64_t events[RECORD_CLASS_COUNT])
{
    const char *letter;

    for (; text != NULL; text = strchr(text, ':') == NULL ? NULL : strchr(text, ':') + 1) {
        letter = strchr(LEDGER_LETTERS, text[0]);
        if (letter == NULL) {
            abort();
        }
        events[letter - LEDGER_LETTERS] += strtoull(text + 1, NULL, 10);
    }
}

/* The parts of one tally while it is read. */
struct ledger_text {
    char session[32];
    long long from, to, start, gap_from, gap_to, at_s, missing, part;
    int partition;
    bool has_start, is_first, is_new_log, is_last;
    uint64_t events[RECORD_CLASS_COUNT];
    char settled[8192], group[64], topic[64];
    struct buf ahead;
};

static inline void ledger_add_ahead(struct ledger_text *t, const char *word)
{
    uint64_t events[RECORD_CLASS_COUNT] = {0};
    long long from;
    long long to;

    if (sscanf(word, "%lld-%lld", &from, &to) != 2) {
        abort();
    }
    if (strchr(word, ':') != NULL) {
        ledger_read_events(strchr(word, ':') + 1, events);
    }
    buf_printf(&t->ahead, "%s{\"from\": %lld, \"to\": %lld, ", t->ahead.len > 0 ? ", " : "", from,
               to);
    ledger_counts(&t->ahead, events);
    buf_add_text(&t->ahead, "}");
}

static inline void ledger_word(struct ledger_text *t, const char *word)
{
    long long a;
    long long b;

    if (sscanf(word, "settled=%lld-%lld", &a, &b) == 2) {
        size_t len = strlen(t->settled);

        (void)snprintf(t->settled + len, sizeof(t->settled) - len, "%s[%lld, %lld]",
                       len > 0 ? ", " : "", a, b);
    } else if (strncmp(word, "ahead=", 6) == 0) {
        ledger_add_ahead(t, word + 6);
    } else if (sscanf(word, "start=%lld", &t->start) == 1) {
        t->has_start = true;
    } else if (strcmp(word, "first") == 0) {
        t->is_first = true;
    } else if (strcmp(word, "last") == 0) {
        t->is_last = true;
    } else if (strcmp(word, "newlog") == 0) {
        t->is_new_log = true;
    } else if (sscanf(word, "group=%63s", t->group) == 1 ||
               sscanf(word, "topic=%63s", t->topic) == 1 ||
               sscanf(word, "partition=%d", &t->partition) == 1 ||
               sscanf(word, "at=%lld", &t->at_s) == 1 ||
               sscanf(word, "missing=%lld", &t->missing) == 1 ||
               sscanf(word, "part=%lld", &t->part) == 1 ||
               sscanf(word, "gap=%lld-%lld", &t->gap_from, &t->gap_to) == 2) {
        return;
    } else {
        ledger_read_events(word, t->events);
    }
}

/** The record of @text behind what is in @out. */
static inline void ledger_tally(struct buf *out, const char *text)
{
    struct ledger_text t = {.group = "detour", .topic = "conversions", .gap_to = -1, .part = -1};
    char *copy = strdup(text);
    char iso[CLOCK_ISO_BYTES];
    char *rest = copy;
    char *word;

    buf_init(&t.ahead, 1 << 20);
    (void)snprintf(t.session, sizeof(t.session), "%s", strsep(&rest, " "));
    if (sscanf(strsep(&rest, " "), "%lld-%lld", &t.from, &t.to) != 2) {
        abort();
    }
    while ((word = strsep(&rest, " ")) != NULL) {
        ledger_word(&t, word);
    }
    buf_printf(out,
               "{\"v\": 1, \"kind\": \"tally\", \"at\": \"%s\", \"instance\": \"h\", \"group\": "
               "\"%s\", \"session\": \"%s\", \"topic\": \"%s\", \"partition\": %d, \"from\": %lld, "
               "\"to\": %lld, ",
               clock_iso(t.at_s * 1000, iso), t.group, t.session, t.topic, t.partition, t.from,
               t.to);
    if (t.has_start) {
        buf_printf(out, "\"start\": {\"offset\": %lld, \"settled\": [%s]", t.start, t.settled);
        buf_add_text(out, t.is_first ? ", \"first\": true" : "");
        buf_add_text(out, t.is_new_log ? ", \"new_log\": true" : "");
        if (t.missing > 0) {
            buf_printf(out, ", \"missing\": %lld", t.missing);
        }
        buf_add_text(out, "}, ");
    }
    if (t.gap_to >= 0) {
        buf_printf(out, "\"gaps\": [[%lld, %lld]], ", t.gap_from, t.gap_to);
    }
    if (t.part >= 0) {
        buf_printf(out, "\"part\": %lld, \"last\": %s, ", t.part, t.is_last ? "true" : "false");
    }
    ledger_counts(out, t.events);
    buf_printf(out, ", \"ahead\": [%s]}", buf_text(&t.ahead));
    buf_fini(&t.ahead);
    free(copy);
}

#endif /* TESTS_LEDGER_TEXT_H */
