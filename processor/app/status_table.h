/**
 * status_table - the status document (observe/status.h) as text of at most 80 columns.
 *
 * The document may come from another machine: what is missing in it is left out, and no
 * byte of it reaches the terminal as a control character. Long names are cut (the JSON has
 * them whole); only where a secret comes from may make a line longer.
 *
 * The caller owns document and buffer. Any thread; nothing fails.
 */
#ifndef APP_STATUS_TABLE_H
#define APP_STATUS_TABLE_H

#include <jansson.h>

#include "base/buf.h"

/** @instances: the array. @wall_ms: now, for how long things have lasted. */
void status_table(const json_t *instances, int64_t wall_ms, bool is_colored, struct buf *out);

#endif /* APP_STATUS_TABLE_H */
