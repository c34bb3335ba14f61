/**
 * csv - rows of comma-separated values as RFC 4180 has them, safe to open in a spreadsheet.
 *
 * Cells are separated by commas, rows end with CR LF. A cell with a comma, a quotation mark, a line
 * break or white space at an end stands in quotes. A text that a spreadsheet would calculate
 * (it begins with = + - @, a tab or a line break) has an apostrophe before it, unless it is a plain
 * number such as -5. A NUL has no place in such a file and is left out. Both are counted, because
 * the cell is not what the event says any more.
 *
 * Own code, because no library here writes CSV. No allocation but the buffer's; cannot fail: a
 * buffer that is full says so itself (base/buf.h). One thread.
 */
#ifndef EXPORT_CSV_H
#define EXPORT_CSV_H

#include "base/buf.h"

struct csv_row {
    struct buf *out;  /* borrowed */
    size_t cells;     /* of the row at hand */
    uint64_t changed; /* cells that got an apostrophe or lost a NUL */
};

/** The next cell: @text, or empty for SPAN_NONE. */
void csv_text(struct csv_row *row, struct span text);
/** The next cell, as it stands: digits that we wrote ourselves, or nothing. */
void csv_number(struct csv_row *row, struct span digits);
void csv_end(struct csv_row *row);

#endif /* EXPORT_CSV_H */
