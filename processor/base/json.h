/**
 * json - text as a JSON string, written directly.
 *
 * Own code, because jansson writes only from a tree of values, which an event would have to be
 * copied into first. No state; any thread.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

/** @utf8 in quotes; quotation marks, backslashes and control characters are escaped, all else is
 * copied as it stands. The caller has checked that it is UTF-8. */
void buf_add_json_string(struct buf *buf, struct span utf8);

#endif /* BASE_JSON_H */
