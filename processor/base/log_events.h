/**
 * log_events - the table of all log lines: name, levels, keys, what it means, what to do.
 *
 * A line is named once, here. `make lint` compares each call of LOG_DEBUG, LOG_INFO, LOG_WARN,
 * LOG_ERROR and LOG_AT with its row; docs/log.md is written from the rows (`make docs`).
 *
 * A constant table: any thread, nothing is owned, nothing fails.
 */
#ifndef BASE_LOG_EVENTS_H
#define BASE_LOG_EVENTS_H

#include "base/buf.h"

enum { LOG_EVENTS_MAX = 256, LOG_EVENT_NONE = LOG_EVENTS_MAX };

struct log_event {
    const char *name;   /* room.what: stable, scripts look for it */
    const char *levels; /* one or more words of: debug info warn error */
    const char *keys;   /* in any order; `key?` is not in every line */
    const char *alike;  /* lines with the same values of these keys are alike; "": all are */
    const char *means;
    const char *to_do;
};

extern const struct log_event log_events[];
extern const size_t log_event_count;

/** Index of the row of @name, or LOG_EVENT_NONE. */
size_t log_event_find(const char *name);
/** docs/log.md. */
void log_events_document(struct buf *out);

#endif /* BASE_LOG_EVENTS_H */
