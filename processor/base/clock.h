/**
 * clock - time, in two kinds that are never mixed.
 *
 * Monotonic milliseconds rule every wait, window and deadline; wall milliseconds
 * (Unix, UTC) are only written down. Policies take the time as an argument and
 * never call this themselves, so a test can bring its own.
 *
 * ISO 8601 is read by own code, because strptime() knows no fractions of a second and no zone with
 * a colon, and mktime() counts in the zone of the machine. No state; any thread.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/base.h"

uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
int64_t clock_wall_ms(void);
uint64_t clock_thread_cpu_ns(void);

enum { CLOCK_ISO_BYTES = 80 }; /* the text takes 25; the rest quiets format checks */
/** "2026-03-11T10:15:01.123Z"; returns @out. */
const char *clock_iso(int64_t wall_ms, char out[CLOCK_ISO_BYTES]);
/** ISO 8601 date-time with zone (Z, +hh:mm, none = UTC) to Unix ms; false when it is not one. */
bool clock_parse_iso(const char *text, size_t len, int64_t *wall_ms);

#endif /* BASE_CLOCK_H */
