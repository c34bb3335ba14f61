/**
 * printable - text from outside, made harmless for a terminal.
 *
 * Headers, keys and values of dead letters are anybody's. Control characters, which move the cursor
 * or set colours, characters that turn the direction of writing, and bytes that are no UTF-8 are
 * written as \xNN or \u{NNNN}. No state; any thread.
 */
#ifndef RECOVERY_PRINTABLE_H
#define RECOVERY_PRINTABLE_H

#include "base/buf.h"

/** Append @text; SPAN_NONE adds nothing. */
void printable_add(struct buf *out, struct span text);
/** Append the first @most bytes of @bytes as "de ad be ef"; " .." behind them when there are more.
 */
void printable_add_hex(struct buf *out, struct span bytes, size_t most);

#endif /* RECOVERY_PRINTABLE_H */
