/**
 * cells - texts of a table on a terminal: as wide as they look, not as long as they are.
 *
 * Every character of UTF-8 takes one column here. What is cut ends in two dots.
 */
#ifndef REHEARSE_CELLS_H
#define REHEARSE_CELLS_H

#include "base/buf.h"

size_t cell_width(struct span text);
/** Append @text, cut to @width columns. */
void cell_add(struct buf *out, struct span text, size_t width);
/** The same, with blanks up to @width: behind the text, or in front of it. */
void cell_add_left(struct buf *out, struct span text, size_t width);
void cell_add_right(struct buf *out, struct span text, size_t width);
/** "route/leg" in @width: the route is cut first, for legs of one route differ in their names. */
void cell_add_leg(struct buf *out, struct span route, struct span leg, size_t width);
/** 12,345 */
void cell_add_number(struct buf *out, uint64_t value);

#endif /* REHEARSE_CELLS_H */
