/**
 * columns - how wide text is on a terminal, and text that keeps within a width.
 *
 * East Asian wide characters and emoji take two columns, combining marks none, colour sequences
 * (ESC [ ... m) none. Malformed bytes count one each.
 *
 * Own code, because wcwidth() follows the locale (in C it knows ASCII alone) and the tables of the
 * machine's C library. No state; any thread.
 *
 * Nothing here fails.
 */
#ifndef BASE_COLUMNS_H
#define BASE_COLUMNS_H

#include "base/buf.h"

enum { COLUMNS_DURATION_BYTES = 48 };

size_t columns_of(struct span text);
/** Bytes of @text that fit into @columns, whole characters. */
size_t columns_within(struct span text, size_t columns);
/** The lines of @text, each within @columns: what is longer goes on in the next line, @indent in,
 * from a space on where there is one. */
void columns_fold(struct buf *out, struct span text, size_t columns, size_t indent);

/* cells of a table */

/** Append @text that somebody else wrote: control characters and malformed bytes as '?', cut behind
 * @columns with an ellipsis. SIZE_MAX: never cut. Returns the columns it took. */
size_t columns_clean(struct buf *out, const char *text, size_t columns);
/** The same, with blanks behind it up to @columns. */
void columns_clean_left(struct buf *out, const char *text, size_t columns);

/** Append @text; what is wider than @columns is cut and ends in two dots. */
void columns_cut(struct buf *out, struct span text, size_t columns);
/** The same, with blanks up to @columns: behind the text, or in front of it. */
void columns_left(struct buf *out, struct span text, size_t columns);
void columns_right(struct buf *out, struct span text, size_t columns);
/** "first/second" within @columns: @first is cut before @second, down to four columns. */
void columns_pair(struct buf *out, struct span first, struct span second, size_t columns);
/** "12,345", never cut, with blanks in front up to @columns. */
void columns_number(struct buf *out, uint64_t value, size_t columns);
/** Two units are enough: "45s", "3m12s", "5h09m", "2d04h"; less than nothing is "0s". Returns
 * @out. */
const char *columns_duration(int64_t ms, char out[COLUMNS_DURATION_BYTES]);

#endif /* BASE_COLUMNS_H */
