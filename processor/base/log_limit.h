/**
 * log_limit - which lines are written when the same thing goes on and on.
 *
 * Two token buckets a line, in constant memory: one of lines that are alike (same event, same
 * values of the keys that its row names), one of all lines of an event, which holds when every
 * line is about something else. What is not written is counted, and said with the next line that
 * is, or by log_limit_due() when none comes.
 *
 * No clock and no lock of its own: the caller brings both.
 *
 * Nothing here fails: a full table counts lines that differ together.
 */
#ifndef BASE_LOG_LIMIT_H
#define BASE_LOG_LIMIT_H

#include "base/log_events.h"

enum {
    LOG_ALIKE_BURST = 5,       /* so many lines that are alike at once, */
    LOG_ALIKE_EACH_MS = 10000, /* then one in so long */
    LOG_EVENT_BURST = 300,
    LOG_EVENT_EACH_MS = 1000,
    LOG_UNSAID_MS = 60000, /* a count waits at most so long for a line to go with */
};

/** What was not written since the last line. */
struct log_unsaid {
    size_t event;
    uint64_t alike; /* lines like this one */
    uint64_t other; /* other lines of the event */
};

struct log_limit;

struct log_limit *log_limit_new(void);
void log_limit_free(struct log_limit *limit);
/**
 * May a line of @event, alike by @hash, be written at @now_ms? Then *out tells what was not. When
 * another line's count had to give way to this one, *lost tells it (lost->alike > 0).
 */
bool log_limit_take(struct log_limit *limit, size_t event, uint64_t hash, uint64_t now_ms,
                    struct log_unsaid *out, struct log_unsaid *lost);
/** A count that has waited for LOG_UNSAID_MS (@is_end: any); true: *out, and ask again. */
bool log_limit_due(struct log_limit *limit, uint64_t now_ms, bool is_end, struct log_unsaid *out);

#endif /* BASE_LOG_LIMIT_H */
