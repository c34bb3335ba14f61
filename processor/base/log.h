/**
 * log - what happened, as a stable event name and key=value pairs, on stderr.
 *
 *     LOG_WARN("delivery.retry", "route=%s status=%d attempt=%u", ...);
 *
 * Lines are logfmt or JSON; both are built from the same pairs. Values with
 * spaces are written as key="...". Untrusted text goes through LOG_Q() (a quoted,
 * escaped copy in a rotating thread-local buffer), so that no foreign byte can
 * forge a line. Ids go in; event bodies, personal data and secrets stay out.
 * A blocked or closed stderr never blocks the caller: the line is dropped and counted.
 *
 * Every event stands in the table of base/log_events.c; lint compares name, level and keys. Lines
 * that repeat are counted and told with a later one (base/log_limit.h): a caller needs no counter.
 *
 * Any thread; a lock is held only to write one line. Nothing here fails.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/span.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_OFF };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

void log_setup(enum log_format format, enum log_level level);
bool log_is_on(enum log_level level);
void log_write(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);
/** "quoted \"text\"" of @s, cut at 300 bytes; valid until eight more calls on this thread. */
const char *log_quote(struct span s);
uint64_t log_dropped(void);
/** Say what was counted and had no line to go with; now and then, and @is_end before the end. */
void log_tick(bool is_end);

#define LOG_Q(text) log_quote(span_of(text))
#define LOG_S(s) log_quote(s)
/* A level that is known only when it happens. */
#define LOG_AT(level, ...)                                                                         \
    do {                                                                                           \
        if (log_is_on(level)) {                                                                    \
            log_write(level, __VA_ARGS__);                                                         \
        }                                                                                          \
    } while (0)
#define LOG_DEBUG(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARN(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_ERROR(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif /* BASE_LOG_H */
